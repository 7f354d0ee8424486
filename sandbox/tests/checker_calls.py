"""What the checker's role may do, and what lies beside it."""

from __future__ import annotations

from place import PATH, VERSIONED, Row, of

CHECKER_MAY: list[Row] = [
    ("look at an object", "s3", "head_object", lambda p: of(p.bucket, Key="plain")),
    ("look at a sealed object", "s3", "head_object", lambda p: of(p.bucket, Key="sealed")),
    ("list versions", "s3", "list_object_versions", lambda p: of(p.bucket)),
    (
        "read expectations",
        "ssm",
        "get_parameters_by_path",
        lambda p: {"Path": f"{PATH}{p.bucket}"},
    ),
    ("look at any key", "kms", "describe_key", lambda p: {"KeyId": p.foreign_key}),
    ("take from the check queue", "sqs", "receive_message", lambda p: {"QueueUrl": p.check_queue}),
    (
        "take from the catch-up queue",
        "sqs",
        "receive_message",
        lambda p: {"QueueUrl": p.stack.resources["CatchUpQueue"]},
    ),
    (
        "keep what it could not judge",
        "sqs",
        "send_message",
        lambda p: {"QueueUrl": p.stack.outputs["DeadLetterQueueUrl"], "MessageBody": "x"},
    ),
    (
        "tell a finding",
        "events",
        "put_events",
        lambda _: {
            "Entries": [
                {"Source": "encrypted-replication", "DetailType": "Replica Finding", "Detail": "{}"}
            ]
        },
    ),
]

CHECKER_MAY_NOT: list[Row] = [
    ("read a sealed object", "s3", "get_object", lambda p: of(p.bucket, Key="sealed")),
    (
        "read default encryption, without TrustBucketDefault",
        "s3",
        "get_bucket_encryption",
        lambda p: of(p.bucket),
    ),
    ("list the account's buckets", "s3", "list_buckets", lambda _: {}),
    ("write an object", "s3", "put_object", lambda p: of(p.bucket, Key="Tax/a", Body=b"x")),
    ("delete an object", "s3", "delete_object", lambda p: of(p.bucket, Key="plain")),
    (
        "version a bucket",
        "s3",
        "put_bucket_versioning",
        lambda p: of(p.bucket, VersioningConfiguration=VERSIONED),
    ),
    ("remove rules", "s3", "delete_bucket_replication", lambda p: of(p.bucket)),
    (
        "re-encrypt an object, without Repair",
        "s3",
        "update_object_encryption",
        lambda p: of(
            p.bucket, Key="sealed", ObjectEncryption={"SSEKMS": {"KMSKeyArn": p.foreign_key}}
        ),
    ),
    (
        "write an expectation",
        "ssm",
        "put_parameter",
        lambda p: {"Name": f"{PATH}{p.bucket}/er-2", "Value": "{}", "Type": "String"},
    ),
    (
        "remove an expectation",
        "ssm",
        "delete_parameter",
        lambda p: {"Name": f"{PATH}{p.bucket}/er-1"},
    ),
    ("read other parameters", "ssm", "get_parameters_by_path", lambda _: {"Path": "/application"}),
    (
        "use a key",
        "kms",
        "generate_data_key",
        lambda p: {"KeyId": p.key, "KeySpec": "AES_256"},
    ),
    ("read a key's policy", "kms", "get_key_policy", lambda p: {"KeyId": p.key}),
    (
        "send to the check queue",
        "sqs",
        "send_message",
        lambda p: {"QueueUrl": p.check_queue, "MessageBody": "x"},
    ),
    (
        "send to the catch-up queue",
        "sqs",
        "send_message",
        lambda p: {"QueueUrl": p.stack.resources["CatchUpQueue"], "MessageBody": "x"},
    ),
    (
        "take what nobody could judge",
        "sqs",
        "receive_message",
        lambda p: {"QueueUrl": p.stack.outputs["DeadLetterQueueUrl"]},
    ),
    ("empty the check queue", "sqs", "purge_queue", lambda p: {"QueueUrl": p.check_queue}),
    (
        "speak for somebody else",
        "events",
        "put_events",
        lambda _: {"Entries": [{"Source": "somebody", "DetailType": "x", "Detail": "{}"}]},
    ),
    ("read roles", "iam", "get_role", lambda _: {"RoleName": "ours"}),
]
