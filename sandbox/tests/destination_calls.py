"""What the role of a destination in another account may do there, and what lies beside it."""

from __future__ import annotations

from cloud import document
from place import OWNER_TAG, PATH, VERSIONED, Row, of
from world import TRUST

DESTINATION_MAY: list[Row] = [
    (
        "version its bucket",
        "s3",
        "put_bucket_versioning",
        lambda p: of(p.foreign_bucket, VersioningConfiguration=VERSIONED),
    ),
    (
        "write its bucket's policy",
        "s3",
        "put_bucket_policy",
        lambda p: p.bucket_policy(p.foreign_bucket),
    ),
    ("read the given key's policy", "kms", "get_key_policy", lambda p: {"KeyId": p.given_key}),
    (
        "write an expectation for its bucket",
        "ssm",
        "put_parameter",
        lambda p: {"Name": f"{PATH}{p.foreign_bucket}/er-1", "Value": "{}", "Type": "String"},
    ),
]

DESTINATION_MAY_NOT: list[Row] = [
    (
        "version another bucket",
        "s3",
        "put_bucket_versioning",
        lambda p: of(p.other_bucket, VersioningConfiguration=VERSIONED),
    ),
    (
        "write another bucket's policy",
        "s3",
        "put_bucket_policy",
        lambda p: p.bucket_policy(p.other_bucket),
    ),
    ("write rules", "s3", "delete_bucket_replication", lambda p: of(p.foreign_bucket)),
    ("read an object", "s3", "get_object", lambda p: of(p.foreign_bucket, Key="plain")),
    ("read another key's policy", "kms", "get_key_policy", lambda p: {"KeyId": p.other_key}),
    ("make a key, where one is given", "kms", "create_key", lambda _: {"Tags": OWNER_TAG}),
    (
        "write an expectation for another bucket",
        "ssm",
        "put_parameter",
        lambda p: {"Name": f"{PATH}{p.other_bucket}/er-1", "Value": "{}", "Type": "String"},
    ),
    (
        "read expectations of another bucket",
        "ssm",
        "get_parameters_by_path",
        lambda p: {"Path": f"{PATH}{p.other_bucket}"},
    ),
    (
        "make a role",
        "iam",
        "create_role",
        lambda _: {
            "RoleName": "new",
            "Path": PATH,
            "AssumeRolePolicyDocument": document(TRUST),
        },
    ),
]
