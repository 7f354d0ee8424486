"""Listings of versions whose keys need encoding."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_plus

import pytest
from botocore.exceptions import ClientError
from cloud import SOURCE_REGION, Cloud

# In the order of their bytes. XML cannot carry the first, and reads the second as a line feed.
KEYS = [
    "a\x01b",
    "a\rb",
    "a b+c%20d",
    "a&<>\"'",
    "folder name/ü €/\U0001f600",
    "zürich",
]


def pages(s3: Any, bucket: str, **arguments: Any) -> list[dict[str, Any]]:
    found, markers = [], {}
    while True:
        page = s3.list_object_versions(Bucket=bucket, **arguments, **markers)
        found.append(page)
        if not page["IsTruncated"]:
            return found
        markers = {"VersionIdMarker": page["NextVersionIdMarker"]}
        key = page["NextKeyMarker"]
        markers["KeyMarker"] = unquote_plus(key) if arguments.get("EncodingType") else key


def test_keys_come_encoded_where_that_is_asked_for(cloud: Cloud) -> None:
    s3, bucket = cloud.client("s3"), cloud.bucket(SOURCE_REGION)
    for key in KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    s3.delete_object(Bucket=bucket, Key=KEYS[0])
    raw = pages(s3, bucket, EncodingType="url", MaxKeys=2)
    assert {page["EncodingType"] for page in raw} == {"url"}
    keys = [version["Key"] for page in raw for version in page.get("Versions", [])]
    assert keys == [
        "a%01b",
        "a%0Db",
        "a+b%2Bc%2520d",
        "a%26%3C%3E%22%27",
        "folder+name/%C3%BC+%E2%82%AC/%F0%9F%98%80",
        "z%C3%BCrich",
    ]
    assert [unquote_plus(key) for key in keys] == KEYS
    markers = [marker["Key"] for page in raw for marker in page.get("DeleteMarkers", [])]
    assert markers == ["a%01b"]


def test_the_sdk_that_asks_and_decodes_by_itself_sees_the_keys(cloud: Cloud) -> None:
    s3, bucket = cloud.client("s3"), cloud.bucket(SOURCE_REGION)
    for key in KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    found = pages(s3, bucket, MaxKeys=1)
    assert [version["Key"] for page in found for version in page["Versions"]] == KEYS
    under = s3.list_object_versions(Bucket=bucket, Prefix="folder name/", EncodingType="url")
    assert under["Prefix"] == "folder+name/"
    assert len(under["Versions"]) == 1


def test_another_encoding_is_refused(cloud: Cloud) -> None:
    s3, bucket = cloud.client("s3"), cloud.bucket(SOURCE_REGION)
    with pytest.raises(ClientError) as caught:
        s3.list_object_versions(Bucket=bucket, EncodingType="base64")
    assert caught.value.response["Error"]["Code"] == "InvalidArgument"
