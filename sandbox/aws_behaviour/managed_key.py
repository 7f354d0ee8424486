"""The AWS managed key `aws/s3`, which S3 makes on first use.

https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#aws-managed-cmk
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import kms

from aws_behaviour import keys
from aws_behaviour.keys import Key

ALIAS = "alias/aws/s3"

# MiniStack's own functions, taken before they are replaced.
_key_metadata: Callable[[dict[str, Any]], dict[str, Any]] = kms._key_metadata


def aws_s3_key(account: str, region: str) -> Key:
    """The managed key of the account and Region."""
    found = keys.find(ALIAS, account, region)
    if found is not None:
        return found
    with request_scope(account, region):
        _status, _headers, body = kms._create_key(
            {
                "Description": "Default key that protects my S3 objects "
                "when no other key is defined",
                "Policy": _policy(account, region),
            }
        )
        key_id = json.loads(body)["KeyMetadata"]["KeyId"]
        record = kms._keys[key_id]
        record["KeyManager"] = "AWS"
        alias_arn = f"arn:aws:kms:{region}:{account}:{ALIAS}"
        kms._aliases[alias_arn] = key_id
        kms._stamp_alias(alias_arn, created=True)
    return Key(record["Arn"], account, region, record)


def _policy(account: str, region: str) -> str:
    """Every principal of the account, through S3 only."""
    use = ["Encrypt", "Decrypt", "ReEncrypt*", "GenerateDataKey*", "DescribeKey"]
    look = ["kms:Describe*", "kms:Get*", "kms:List*"]
    through_s3 = {"kms:CallerAccount": account, "kms:ViaService": f"s3.{region}.amazonaws.com"}
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Id": "auto-s3-2",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": "*"},
                    "Action": [f"kms:{operation}" for operation in use],
                    "Resource": "*",
                    "Condition": {"StringEquals": through_s3},
                },
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
                    "Action": look,
                    "Resource": "*",
                },
            ],
        }
    )


def key_metadata(rec: dict[str, Any]) -> dict[str, Any]:
    """Replaces KMS's: tells who manages the key, as DescribeKey does."""
    return {**_key_metadata(rec), "KeyManager": rec.get("KeyManager", "CUSTOMER")}


def key_policy_for_arn(resource_arn: str) -> tuple[str, str] | None:
    """Replaces KMS's, which knows the keys of the caller's account and Region only."""
    key = keys.find(resource_arn, "", "")
    return (key.policy, key.account) if key else None
