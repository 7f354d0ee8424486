"""UpdateObjectEncryption: what it changes, what it refuses, and what it asks for."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from cloud import SOURCE_REGION, Cloud, allow

KMS = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncrypt*"]


def put(cloud: Cloud, bucket: str, **encryption: Any) -> str:
    s3 = cloud.client("s3")
    return str(s3.put_object(Bucket=bucket, Key="a b", Body=b"x", **encryption)["VersionId"])


def update(cloud: Cloud, bucket: str, version: str, key: str, bucket_key: bool = False) -> None:
    cloud.client("s3").update_object_encryption(
        Bucket=bucket,
        Key="a b",
        VersionId=version,
        ObjectEncryption={"SSEKMS": {"KMSKeyArn": key, "BucketKeyEnabled": bucket_key}},
    )


def head(cloud: Cloud, bucket: str, version: str) -> tuple[str, str | None, bool]:
    told = cloud.client("s3").head_object(Bucket=bucket, Key="a b", VersionId=version)
    return (
        told["ServerSideEncryption"],
        told.get("SSEKMSKeyId"),
        told.get("BucketKeyEnabled", False),
    )


def test_one_version_gets_the_key_and_the_others_stay(cloud: Cloud) -> None:
    bucket = cloud.bucket(SOURCE_REGION)
    old, new = cloud.kms_key(SOURCE_REGION), cloud.kms_key(SOURCE_REGION)
    plain = put(cloud, bucket)
    first = put(cloud, bucket, ServerSideEncryption="aws:kms", SSEKMSKeyId=old)
    last = put(cloud, bucket, ServerSideEncryption="aws:kms", SSEKMSKeyId=old)
    update(cloud, bucket, plain, new)
    update(cloud, bucket, last, new, bucket_key=True)
    assert head(cloud, bucket, plain) == ("aws:kms", new, False)
    assert head(cloud, bucket, first) == ("aws:kms", old, False)
    assert head(cloud, bucket, last) == ("aws:kms", new, True)
    current = cloud.client("s3").get_object(Bucket=bucket, Key="a b")
    assert current["SSEKMSKeyId"] == new and current["Body"].read() == b"x"


@pytest.mark.parametrize("left_out", [None, "s3", *KMS])
def test_it_takes_its_own_permission_and_the_use_of_both_keys(
    cloud: Cloud, left_out: str | None
) -> None:
    bucket = cloud.bucket(SOURCE_REGION)
    old, new = cloud.kms_key(SOURCE_REGION), cloud.kms_key(SOURCE_REGION)
    version = put(cloud, bucket, ServerSideEncryption="aws:kms", SSEKMSKeyId=old)
    actions = [action for action in KMS if action != left_out]
    # Without its own permission, that to upload does not do.
    on_objects = "s3:PutObject" if left_out == "s3" else "s3:UpdateObjectEncryption"
    through_s3 = {"StringEquals": {"kms:ViaService": f"s3.{SOURCE_REGION}.amazonaws.com"}}
    user = cloud.user(
        allow(on_objects, f"arn:aws:s3:::{bucket}/*"),
        allow(actions, "*", Condition=through_s3),
    )
    if left_out is None:
        update(user, bucket, version, new)
        assert head(cloud, bucket, version) == ("aws:kms", new, False)
        return
    with pytest.raises(ClientError, match="AccessDenied"):
        update(user, bucket, version, new)
    assert head(cloud, bucket, version) == ("aws:kms", old, False)


def test_what_it_cannot_change_is_refused(cloud: Cloud) -> None:
    s3, key = cloud.client("s3"), cloud.kms_key(SOURCE_REGION)
    bucket = cloud.bucket(SOURCE_REGION)
    version = put(cloud, bucket)
    with pytest.raises(ClientError, match="InvalidRequest"):
        update(cloud, bucket, version, key.replace(":key/", ":alias/"))
    with pytest.raises(ClientError, match="NoSuchVersion"):
        update(cloud, bucket, "nothing", key)
    cloud.client("kms").disable_key(KeyId=key)
    with pytest.raises(ClientError, match=r"KMS\.DisabledException"):
        update(cloud, bucket, version, key)
    cloud.client("kms").enable_key(KeyId=key)
    s3.create_bucket(Bucket=f"{bucket}-locked", ObjectLockEnabledForBucket=True)
    locked = put(cloud, f"{bucket}-locked", ObjectLockLegalHoldStatus="ON")
    with pytest.raises(ClientError, match="AccessDenied"):
        update(cloud, f"{bucket}-locked", locked, key)
