"""UpdateObjectEncryption, which MiniStack lacks: another key for an object where it lies.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_UpdateObjectEncryption.html
"""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

from ministack.core import iam_actions
from ministack.services import s3

from aws_behaviour import buckets, keys, object_keys
from aws_behaviour.buckets import Bucket
from aws_behaviour.encryption import BUCKET_KEY, KMS_KEY, Encryption
from aws_behaviour.serving import Response

_KEY_ARN = re.compile(r"arn:aws[-a-z0-9]*:kms:[-a-z0-9]*:[0-9]{12}:key/.+")
_CHANGED = ("AES256", "aws:kms")

# MiniStack's own function, taken before it is replaced.
_extract_iam_action = iam_actions.extract_iam_action


def extract_iam_action(
    service: str,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    query_params: dict[str, Any],
) -> str | None:
    """Replaces MiniStack's: the operation has a permission of its own."""
    action = _extract_iam_action(service, method, path, headers, body, query_params)
    # MiniStack takes it for the operation on a bucket.
    if action == "s3:PutEncryptionConfiguration" and s3._parse_bucket_key(path, headers)[1]:
        return "s3:UpdateObjectEncryption"
    return action


def update(name: str, key: str, body: bytes, query_params: dict[str, list[str]]) -> Response:
    """The operation; whether the caller may call it has been checked, but not the keys."""
    resource = f"/{name}/{key}"
    bucket = buckets.find(name)
    if bucket is None:
        return _error("NoSuchBucket", "The specified bucket does not exist", 404, resource)
    version = (query_params.get("versionId") or [None])[0]
    with s3._in_account(bucket.account):
        records = _records(bucket, key, version)
        if not records:
            code = "NoSuchVersion" if version else "NoSuchKey"
            return _error(code, "It does not exist", 404, resource)
        before, after = Encryption.of(records[0]), _wanted(body)
        refusal = _refused(bucket, key, records[0], before, after)
        if refusal is not None:
            return refusal
        for record in records:
            stored = dict(record.get("preserved_headers") or {})
            for header in (KMS_KEY, BUCKET_KEY):
                stored.pop(header, None)
            record["preserved_headers"] = {**stored, **after.headers()}
    return 200, {"Content-Type": "application/xml"}, b""


def _records(bucket: Bucket, key: str, version: str | None) -> list[dict[str, Any]]:
    """What MiniStack keeps of the version: as the current object, as a version, or both."""
    current = bucket.record["objects"].get(key)
    wanted = version or (current or {}).get("version_id")
    found = [current] if current and (current.get("version_id") or "null") == wanted else []
    if current and not wanted:
        found = [current]
    listed = s3._object_versions.get((bucket.name, key), [])
    return found + [
        one for one in listed if one["version_id"] == wanted and not one.get("is_delete_marker")
    ]


def _wanted(body: bytes) -> Encryption:
    found = {
        element.tag.rpartition("}")[2]: (element.text or "").strip()
        for element in ElementTree.fromstring(body).iter()  # noqa: S314  the tests' own
    }
    return Encryption("aws:kms", found.get("KMSKeyArn"), found.get("BucketKeyEnabled") == "true")


def _refused(
    bucket: Bucket, key: str, record: dict[str, Any], before: Encryption, after: Encryption
) -> Response | None:
    resource = f"/{bucket.name}/{key}"
    if before.algorithm not in _CHANGED:
        message = "Only source objects encrypted with SSE-S3 or SSE-KMS are supported."
        return _error("InvalidRequest", message, 400, resource)
    if not _KEY_ARN.fullmatch(after.kms_key or ""):
        return _error("InvalidRequest", "A KMS key ARN is required.", 400, resource)
    if s3._check_object_lock(bucket.name, key, {}, record.get("version_id") or "null"):
        message = "The object is protected by S3 Object Lock."
        return _error("AccessDenied", message, 403, resource)
    asked = [
        (after, action) for action in ("kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptTo")
    ]
    if before.uses_kms:
        asked += [(before, action) for action in ("kms:Decrypt", "kms:ReEncryptFrom")]
    for encryption, action in asked:
        used = keys.find(encryption.kms_key or "", bucket.account, bucket.region)
        if refusal := object_keys.refused(action, used, encryption, bucket, key):
            return refusal
    return None


def _error(code: str, message: str, status: int, resource: str) -> Response:
    response: Response = s3._error(code, message, status, resource)
    return response
