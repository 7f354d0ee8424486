"""Policy variables and escapes, as IAM reads them."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from cloud import SOURCE_REGION, Cloud, allow


def readable(cloud: Cloud, bucket: str, pattern: str, keys: list[str]) -> list[str]:
    """The keys that a user may read under the resource pattern."""
    s3 = cloud.user(allow("s3:GetObject", f"arn:aws:s3:::{bucket}/{pattern}")).client("s3")
    found = []
    for key in keys:
        try:
            s3.get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            assert error.response["Error"]["Code"] == "AccessDenied"
        else:
            found.append(key)
    return found


@pytest.mark.parametrize(
    ("pattern", "allowed"),
    [
        ("*", ["a*b", "axb", "a?b", "${x}", "a\nb", "root"]),
        ("a*b", ["a*b", "axb", "a?b", "a\nb"]),
        ("a?b", ["a*b", "axb", "a?b", "a\nb"]),
        ("a${*}b", ["a*b"]),
        ("a${?}b", ["a?b"]),
        ("${$}{x}", ["${x}"]),
        ("${x}", []),
        ("${aws:nothing, 'axb'}", ["axb"]),
        ("${aws:PrincipalAccount}*", []),
    ],
)
def test_resource_pattern(cloud: Cloud, pattern: str, allowed: list[str]) -> None:
    bucket, keys = cloud.bucket(SOURCE_REGION), ["a*b", "axb", "a?b", "${x}", "a\nb", "root"]
    for key in keys:
        cloud.client("s3").put_object(Bucket=bucket, Key=key, Body=b"x")
    assert readable(cloud, bucket, pattern, keys) == allowed


def test_user_name_stands_for_its_variable_in_resource_and_condition(cloud: Cloud) -> None:
    bucket = cloud.bucket(SOURCE_REGION)
    arn = f"arn:aws:s3:::{bucket}"
    user = cloud.user(
        allow("s3:*", f"{arn}/home/${{aws:username}}/*"),
        allow(
            "s3:ListBucket", arn, Condition={"StringEquals": {"s3:prefix": "${aws:username}${*}"}}
        ),
    )
    s3 = user.client("s3")
    name = user.client("sts").get_caller_identity()["Arn"].rpartition("/")[2]
    s3.put_object(Bucket=bucket, Key=f"home/{name}/a", Body=b"x")
    s3.list_objects_v2(Bucket=bucket, Prefix=f"{name}*")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket=bucket, Key="home/someone/a", Body=b"x")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.list_objects_v2(Bucket=bucket, Prefix=f"{name}x")
