"""Code and templates in buckets of other accounts, which MiniStack looks for in the caller's own.

The bucket's policy decides for whoever asks; what the caller's own policies say is asked of the
request.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-walkthroughs-managing-access-example2.html
"""

from __future__ import annotations

from collections.abc import Callable

from ministack.core.responses import get_account_id
from ministack.services import s3

from aws_behaviour import buckets
from aws_behaviour.resource_policies import lets_caller

# MiniStack's own function, taken before it is replaced.
_get_object_data: Callable[..., bytes | None] = s3._get_object_data


def get_object_data(bucket_name: str, key: str, version_id: str | None = None) -> bytes | None:
    """Replaces S3's: another account's object where that account lets the caller read it."""
    bucket = buckets.find(bucket_name)
    if bucket is None or bucket.account == get_account_id():
        return _get_object_data(bucket_name, key, version_id)
    action = "s3:GetObjectVersion" if version_id else "s3:GetObject"
    keys = {"aws:resourceaccount": bucket.account}
    if not lets_caller(bucket.policy, action, bucket.object_arn(key), bucket.region, keys):
        return None
    with s3._in_account(bucket.account):
        return _get_object_data(bucket_name, key, version_id)
