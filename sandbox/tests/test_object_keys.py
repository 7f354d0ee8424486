"""Objects under KMS keys: how they are told of, and who may write and read them."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from cloud import ACCOUNT, SOURCE_REGION, Cloud, allow, unique


def code(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Code"])


def kms(key: str | None) -> dict[str, str]:
    named = {"SSEKMSKeyId": key} if key else {}
    return {"ServerSideEncryption": "aws:kms", **named}


def set_default(s3: Any, bucket: str, key: str | None, bucket_key: bool) -> None:
    applied = {"SSEAlgorithm": "aws:kms", **({"KMSMasterKeyID": key} if key else {})}
    s3.put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={
            "Rules": [
                {"ApplyServerSideEncryptionByDefault": applied, "BucketKeyEnabled": bucket_key}
            ]
        },
    )


def test_key_given_by_id_or_alias_is_told_by_arn(cloud: Cloud) -> None:
    s3, bucket = cloud.client("s3"), cloud.bucket(SOURCE_REGION)
    key, alias = cloud.kms_key(SOURCE_REGION), unique("alias/k")
    cloud.client("kms").create_alias(AliasName=alias, TargetKeyId=key)
    for named in (key, key.rpartition("/")[2], alias):
        s3.put_object(Bucket=bucket, Key="a", Body=b"x", **kms(named))
        assert s3.head_object(Bucket=bucket, Key="a")["SSEKMSKeyId"] == key


def test_default_encryption_applies_with_its_bucket_key(cloud: Cloud) -> None:
    s3, bucket = cloud.client("s3"), cloud.bucket(SOURCE_REGION)
    key = cloud.kms_key(SOURCE_REGION)
    s3.put_object(Bucket=bucket, Key="before", Body=b"x")
    assert s3.head_object(Bucket=bucket, Key="before")["ServerSideEncryption"] == "AES256"
    set_default(s3, bucket, key, bucket_key=True)
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    head = s3.head_object(Bucket=bucket, Key="a")
    assert (head["SSEKMSKeyId"], head["BucketKeyEnabled"]) == (key, True)
    s3.put_object(Bucket=bucket, Key="b", Body=b"x", BucketKeyEnabled=False, **kms(key))
    assert "BucketKeyEnabled" not in s3.head_object(Bucket=bucket, Key="b")


def test_without_a_key_the_aws_managed_key_is_used(cloud: Cloud) -> None:
    s3, bucket = cloud.client("s3"), cloud.bucket(SOURCE_REGION)
    s3.put_object(Bucket=bucket, Key="a", Body=b"x", **kms(None))
    set_default(s3, bucket, None, bucket_key=False)
    s3.put_object(Bucket=bucket, Key="b", Body=b"x")
    found = {s3.head_object(Bucket=bucket, Key=name)["SSEKMSKeyId"] for name in "ab"}
    described = cloud.client("kms").describe_key(KeyId="alias/aws/s3")["KeyMetadata"]
    assert found == {described["Arn"]}
    assert described["KeyManager"] == "AWS"
    other = cloud.client("kms").describe_key(KeyId=cloud.kms_key(SOURCE_REGION))
    assert other["KeyMetadata"]["KeyManager"] == "CUSTOMER"


def test_unusable_keys_refuse_writes_and_reads_but_not_head(cloud: Cloud) -> None:
    s3, keys, bucket = cloud.client("s3"), cloud.client("kms"), cloud.bucket(SOURCE_REGION)
    key, there = cloud.kms_key(SOURCE_REGION), {"Bucket": bucket, "Key": "a"}
    s3.put_object(**there, Body=b"x", **kms(key))
    keys.disable_key(KeyId=key)
    assert code(s3.get_object, **there) == "KMS.DisabledException"
    assert code(s3.put_object, **there, Body=b"x", **kms(key)) == "KMS.DisabledException"
    assert s3.head_object(**there)["SSEKMSKeyId"] == key
    keys.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert code(s3.get_object, **there) == "KMS.KMSInvalidStateException"
    keys.cancel_key_deletion(KeyId=key)
    keys.enable_key(KeyId=key)
    assert s3.get_object(**there)["Body"].read() == b"x"


def test_key_that_does_not_exist_or_is_elsewhere_refuses_writes(cloud: Cloud) -> None:
    s3, bucket = cloud.client("s3"), cloud.bucket(SOURCE_REGION)
    gone = f"arn:aws:kms:{SOURCE_REGION}:{ACCOUNT}:key/00000000-0000-0000-0000-000000000000"
    for key in (gone, cloud.kms_key("us-west-2")):
        put = {"Bucket": bucket, "Key": "a", "Body": b"x", **kms(key)}
        assert code(s3.put_object, **put) == "KMS.NotFoundException"


def test_writer_and_reader_need_the_key(cloud: Cloud) -> None:
    bucket, key = cloud.bucket(SOURCE_REGION), cloud.kms_key(SOURCE_REGION)
    objects, there = f"arn:aws:s3:::{bucket}/*", {"Bucket": bucket, "Key": "a"}
    through = {
        "StringEquals": {
            "kms:ViaService": f"s3.{SOURCE_REGION}.amazonaws.com",
            "kms:EncryptionContext:aws:s3:arn": f"arn:aws:s3:::{bucket}/a",
        }
    }
    without = cloud.user(allow("s3:*", objects)).client("s3")
    writer = cloud.user(
        allow("s3:*", objects), allow("kms:GenerateDataKey", key, Condition=through)
    ).client("s3")
    reader = cloud.user(
        allow("s3:*", objects), allow("kms:Decrypt", key, Condition=through)
    ).client("s3")
    assert code(without.put_object, **there, Body=b"x", **kms(key)) == "AccessDenied"
    writer.put_object(**there, Body=b"x", **kms(key))
    assert code(writer.get_object, **there) == "AccessDenied"
    assert code(without.get_object, **there) == "AccessDenied"
    assert without.head_object(**there)["SSEKMSKeyId"] == key
    assert reader.get_object(**there)["Body"].read() == b"x"
