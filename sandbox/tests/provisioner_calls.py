"""What the provisioner's role may do, and what lies beside it."""

from __future__ import annotations

from cloud import document
from place import (
    BESIDE,
    KEY_POLICY,
    OWNER_TAG,
    PATH,
    POLICY,
    PROBE,
    REPORT,
    VERSIONED,
    Row,
    of,
    rules,
)
from world import TRUST

# In this order: what is made is removed again.
PROVISIONER_MAY: list[Row] = [
    (
        "version a bucket",
        "s3",
        "put_bucket_versioning",
        lambda p: of(p.bucket, VersioningConfiguration=VERSIONED),
    ),
    (
        "pass S3 a role of ours",
        "s3",
        "put_bucket_replication",
        lambda p: rules(p, f"{PATH}ours"),
    ),
    ("read the rules", "s3", "get_bucket_replication", lambda p: of(p.bucket)),
    ("list the account's buckets", "s3", "list_buckets", lambda _: {}),
    ("remove the rules", "s3", "delete_bucket_replication", lambda p: of(p.bucket)),
    (
        "write a probe under the owner's key",
        "s3",
        "put_object",
        lambda p: of(
            p.bucket, Key=PROBE, Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=p.key
        ),
    ),
    (
        "write a probe under a key of theirs",
        "s3",
        "put_object",
        lambda p: of(
            p.bucket,
            Key=PROBE,
            Body=b"x",
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId=p.foreign_key,
        ),
    ),
    ("look for probes", "s3", "list_object_versions", lambda p: of(p.bucket, Prefix=PROBE)),
    (
        "make a role under its path",
        "iam",
        "create_role",
        lambda p: {
            "RoleName": "new",
            "Path": PATH,
            "AssumeRolePolicyDocument": document(TRUST),
            "PermissionsBoundary": p.stack.outputs["PermissionsBoundaryArn"],
        },
    ),
    (
        "give it a policy",
        "iam",
        "put_role_policy",
        lambda _: {"RoleName": "new", "PolicyName": "p", "PolicyDocument": POLICY},
    ),
    (
        "say whom it trusts",
        "iam",
        "update_assume_role_policy",
        lambda _: {"RoleName": "new", "PolicyDocument": document(TRUST)},
    ),
    ("read it", "iam", "get_role_policy", lambda _: {"RoleName": "new", "PolicyName": "p"}),
    (
        "take the policy",
        "iam",
        "delete_role_policy",
        lambda _: {"RoleName": "new", "PolicyName": "p"},
    ),
    ("delete the role", "iam", "delete_role", lambda _: {"RoleName": "new"}),
    ("make a key with the tag", "kms", "create_key", lambda _: {"Tags": OWNER_TAG}),
    ("look at any key", "kms", "describe_key", lambda p: {"KeyId": p.foreign_key}),
    ("read any key's tags", "kms", "list_resource_tags", lambda p: {"KeyId": p.foreign_key}),
    ("enable a key with the tag", "kms", "enable_key", lambda p: {"KeyId": p.key}),
    ("rotate a key with the tag", "kms", "enable_key_rotation", lambda p: {"KeyId": p.key}),
    (
        "name a key with the tag",
        "kms",
        "create_alias",
        lambda p: {"AliasName": "alias/encrypted-replication/new", "TargetKeyId": p.key},
    ),
    (
        "write an expectation",
        "ssm",
        "put_parameter",
        lambda p: {"Name": f"{PATH}{p.bucket}/er-2", "Value": "{}", "Type": "String"},
    ),
    (
        "read expectations",
        "ssm",
        "get_parameters_by_path",
        lambda p: {"Path": f"{PATH}{p.bucket}"},
    ),
    (
        "see whether any replicas are expected",
        "ssm",
        "get_parameters_by_path",
        lambda _: {"Path": PATH.rstrip("/"), "Recursive": True},
    ),
    (
        "remove an expectation",
        "ssm",
        "delete_parameter",
        lambda p: {"Name": f"{PATH}{p.bucket}/er-2"},
    ),
    ("read a job's report", "s3", "get_object", lambda p: of(p.bucket, Key=REPORT)),
    (
        "leave what it did not answer",
        "sqs",
        "send_message",
        lambda p: {
            "QueueUrl": p.stack.outputs["ProvisionDeadLetterQueueUrl"],
            "MessageBody": "x",
        },
    ),
]

PROVISIONER_MAY_NOT: list[Row] = [
    ("read an object", "s3", "get_object", lambda p: of(p.bucket, Key="plain")),
    ("read beside reports", "s3", "get_object", lambda p: of(p.bucket, Key=BESIDE)),
    ("write a report", "s3", "put_object", lambda p: of(p.bucket, Key=REPORT, Body=b"x")),
    ("write an object", "s3", "put_object", lambda p: of(p.bucket, Key="Tax/a", Body=b"x")),
    ("delete an object", "s3", "delete_object", lambda p: of(p.bucket, Key="plain")),
    ("hide even a probe", "s3", "delete_object", lambda p: of(p.bucket, Key=PROBE)),
    ("write a bucket policy", "s3", "put_bucket_policy", lambda p: p.bucket_policy(p.bucket)),
    ("delete a bucket policy", "s3", "delete_bucket_policy", lambda p: of(p.bucket)),
    (
        "open a bucket to the public",
        "s3",
        "delete_public_access_block",
        lambda p: of(p.bucket),
    ),
    (
        "let objects expire",
        "s3",
        "put_bucket_lifecycle_configuration",
        lambda p: of(
            p.bucket,
            LifecycleConfiguration={
                "Rules": [
                    {
                        "ID": "a",
                        "Status": "Enabled",
                        "Filter": {"Prefix": ""},
                        "Expiration": {"Days": 1},
                    }
                ]
            },
        ),
    ),
    (
        "pass S3 another path's role",
        "s3",
        "put_bucket_replication",
        lambda p: rules(p, "/application/somebodys"),
    ),
    (
        "make a role that nothing bounds",
        "iam",
        "create_role",
        lambda _: {
            "RoleName": "unbound",
            "Path": PATH,
            "AssumeRolePolicyDocument": document(TRUST),
        },
    ),
    (
        "make a role under another boundary",
        "iam",
        "create_role",
        lambda _: {
            "RoleName": "wider",
            "Path": PATH,
            "AssumeRolePolicyDocument": document(TRUST),
            "PermissionsBoundary": "arn:aws:iam::aws:policy/AdministratorAccess",
        },
    ),
    (
        "give a policy to a role under another boundary",
        "iam",
        "put_role_policy",
        lambda _: {"RoleName": "ours", "PolicyName": "p", "PolicyDocument": POLICY},
    ),
    (
        "make a role without a path",
        "iam",
        "create_role",
        lambda _: {"RoleName": "free", "AssumeRolePolicyDocument": document(TRUST)},
    ),
    (
        "make a role under another path",
        "iam",
        "create_role",
        lambda _: {
            "RoleName": "free-too",
            "Path": "/encrypted-replicationx/",
            "AssumeRolePolicyDocument": document(TRUST),
        },
    ),
    (
        "give another path's role a policy",
        "iam",
        "put_role_policy",
        lambda _: {"RoleName": "somebodys", "PolicyName": "p", "PolicyDocument": POLICY},
    ),
    (
        "say whom another path's role trusts",
        "iam",
        "update_assume_role_policy",
        lambda _: {"RoleName": "somebodys", "PolicyDocument": document(TRUST)},
    ),
    (
        "give itself a policy",
        "iam",
        "put_role_policy",
        lambda p: {
            "RoleName": p.stack.resources["ProvisionReplicationRole"],
            "PolicyName": "p",
            "PolicyDocument": POLICY,
        },
    ),
    ("delete another path's role", "iam", "delete_role", lambda _: {"RoleName": "old"}),
    (
        "attach a managed policy even to a role of ours",
        "iam",
        "attach_role_policy",
        lambda _: {"RoleName": "ours", "PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
    ),
    (
        "take the boundary from a role of ours",
        "iam",
        "delete_role_permissions_boundary",
        lambda _: {"RoleName": "ours"},
    ),
    ("make a user", "iam", "create_user", lambda _: {"UserName": "u"}),
    ("make a key without the tag", "kms", "create_key", lambda _: {}),
    (
        "make a key with another tag",
        "kms",
        "create_key",
        lambda _: {"Tags": [{"TagKey": "owner", "TagValue": "er-1"}]},
    ),
    (
        "delete a key without the tag",
        "kms",
        "schedule_key_deletion",
        lambda p: {"KeyId": p.spare_foreign_key, "PendingWindowInDays": 30},
    ),
    (
        "rotate a key without the tag",
        "kms",
        "enable_key_rotation",
        lambda p: {"KeyId": p.foreign_key},
    ),
    ("disable a key even with the tag", "kms", "disable_key", lambda p: {"KeyId": p.spare_key}),
    (
        "write a key's policy even with the tag",
        "kms",
        "put_key_policy",
        lambda p: {"KeyId": p.key, "PolicyName": "default", "Policy": KEY_POLICY},
    ),
    (
        "use a key itself",
        "kms",
        "generate_data_key",
        lambda p: {"KeyId": p.key, "KeySpec": "AES_256"},
    ),
    (
        "name a key outside its path",
        "kms",
        "create_alias",
        lambda p: {"AliasName": "alias/application", "TargetKeyId": p.key},
    ),
    (
        "write another's parameter",
        "ssm",
        "put_parameter",
        lambda _: {"Name": "/application/new", "Value": "x", "Type": "String"},
    ),
    ("read other parameters", "ssm", "get_parameters_by_path", lambda _: {"Path": "/application"}),
    (
        "remove another's parameter",
        "ssm",
        "delete_parameter",
        lambda _: {"Name": "/application/secret"},
    ),
    (
        "send to the check queue",
        "sqs",
        "send_message",
        lambda p: {"QueueUrl": p.check_queue, "MessageBody": "x"},
    ),
    ("take from the check queue", "sqs", "receive_message", lambda p: {"QueueUrl": p.check_queue}),
]
