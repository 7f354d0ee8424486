"""Objects that become older, and whose bytes change, with no call of S3's."""

from __future__ import annotations

import http.client
import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from cloud import DESTINATION_REGION, Cloud

from aws_behaviour import tampering


def tamper(cloud: Cloud, **wanted: Any) -> dict[str, Any]:
    connection = http.client.HTTPConnection(urlsplit(cloud.url).netloc)
    connection.request("PUT", tampering.CONTROL, json.dumps(wanted))
    answer: dict[str, Any] = json.load(connection.getresponse())
    connection.close()
    return answer


def test_every_version_is_older_then_and_no_other_bucket(cloud: Cloud) -> None:
    s3, bucket = cloud.client("s3", DESTINATION_REGION), cloud.bucket(DESTINATION_REGION)
    other = cloud.bucket(DESTINATION_REGION)
    for place in (bucket, bucket, other):
        s3.put_object(Bucket=place, Key="k", Body=b"abc")

    def dates(of: str) -> list[Any]:
        versions = s3.list_object_versions(Bucket=of)["Versions"]
        head = s3.head_object(Bucket=of, Key="k")["LastModified"]
        return [*(one["LastModified"].replace(microsecond=0) for one in versions), head]

    before, of_other = dates(bucket), dates(other)
    tamper(cloud, bucket=bucket, olderDays=2)
    assert dates(bucket) == [date - timedelta(days=2) for date in before]
    assert dates(other) == of_other


def test_a_flipped_byte_is_read_under_the_same_version(cloud: Cloud) -> None:
    s3, bucket = cloud.client("s3"), cloud.bucket("us-east-1")
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"first")["VersionId"]
    second = s3.put_object(Bucket=bucket, Key="k", Body=b"abc")["VersionId"]
    assert tamper(cloud, bucket=bucket, key="k", flipByte=1)["done"] > 0
    for which in ({}, {"VersionId": second}):
        answer = s3.get_object(Bucket=bucket, Key="k", **which)
        assert (answer["Body"].read(), answer["VersionId"]) == (b"acc", second)
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=first)["Body"].read() == b"first"
