"""KMS keys of objects: chosen on writes, needed again on reads.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

from ministack.services import s3

from aws_behaviour import buckets, keys, managed_key, serving
from aws_behaviour.buckets import Bucket
from aws_behaviour.encryption import ALGORITHM, BUCKET_KEY, KMS_ALGORITHMS, KMS_KEY, Encryption
from aws_behaviour.keys import Key
from aws_behaviour.serving import Response

# MiniStack's own functions, taken before they are replaced.
_resolve_sse_write_headers: Callable[..., tuple[dict[str, str] | None, Response | None]] = (
    s3._resolve_sse_write_headers
)
_get_object: Callable[..., Response] = s3._get_object

# S3 puts KMS's exceptions before its own: "KMS.DisabledException".
_STATE_ERRORS = {
    "Disabled": "KMS.DisabledException",
    "PendingDeletion": "KMS.KMSInvalidStateException",
    "PendingImport": "KMS.KMSInvalidStateException",
}


def resolve_sse_write_headers(
    headers: dict[str, str], bucket_name: str
) -> tuple[dict[str, str] | None, Response | None]:
    """Replaces S3's: names the key by its ARN, keeps Bucket Keys, asks KMS.

    SSE-C and wrong requests stay with MiniStack.
    """
    bucket = buckets.find(bucket_name)
    asked = headers.get(ALGORITHM)
    customer_key = any("-server-side-encryption-customer-" in name for name in headers)
    if bucket is None or customer_key or (asked and asked not in KMS_ALGORITHMS):
        return _resolve_sse_write_headers(headers, bucket_name)
    default = default_encryption(bucket_name)
    if asked is None:
        chosen = default
    else:
        # Without the header the bucket's setting counts:
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/configuring-bucket-key-object.html
        wanted = headers.get(BUCKET_KEY, "true" if default.bucket_key else "false")
        bucket_key = wanted.lower() == "true" and asked == "aws:kms"
        chosen = Encryption(asked, headers.get(KMS_KEY), bucket_key)
    if not chosen.uses_kms:
        return chosen.headers(), None
    caller = serving.current()
    if chosen.kms_key:
        key = keys.find(chosen.kms_key, caller.account, bucket.region)
    else:
        key = managed_key.aws_s3_key(bucket.account, bucket.region)
    named = key.arn if key else chosen.kms_key or ""
    resolved = Encryption(chosen.algorithm, named, chosen.bucket_key)
    refusal = refused("kms:GenerateDataKey", key, resolved, bucket, caller.key)
    return (None, refusal) if refusal else (resolved.headers(), None)


def bucket_default_sse_headers(bucket_name: str) -> dict[str, str]:
    """Replaces S3's: every bucket encrypts, with SSE-S3 unless it says otherwise.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-encryption-faq.html
    """
    return default_encryption(bucket_name).headers()


def default_encryption(bucket_name: str) -> Encryption:
    """The bucket's default encryption; the key as it was given."""
    stored = s3._bucket_encryption.get(bucket_name)
    if not stored:
        return Encryption("AES256")
    found = {
        element.tag.rpartition("}")[2]: (element.text or "").strip()
        for element in ElementTree.fromstring(stored).iter()  # noqa: S314  checked when stored
    }
    algorithm = found.get("SSEAlgorithm") or "AES256"
    bucket_key = found.get("BucketKeyEnabled") == "true" and algorithm == "aws:kms"
    return Encryption(algorithm, found.get("KMSMasterKeyID") or None, bucket_key)


def get_object(
    bucket_name: str,
    key: str,
    headers: dict[str, str],
    query_params: dict[str, list[str]] | None = None,
) -> Response:
    """Replaces S3's: an object under a KMS key is read only where KMS decrypts.

    HEAD needs no key: https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
    """
    response = _get_object(bucket_name, key, headers, query_params)
    bucket = buckets.find(bucket_name)
    encryption = Encryption.of({"preserved_headers": response[1]})
    if bucket is None or response[0] not in (200, 206) or not encryption.uses_kms:
        return response
    used = keys.find(encryption.kms_key or "", bucket.account, bucket.region)
    return refused("kms:Decrypt", used, encryption, bucket, key) or response


def refused(
    action: str, key: Key | None, encryption: Encryption, bucket: Bucket, object_key: str
) -> Response | None:
    """S3's answer where KMS refuses: no such key, key not usable, caller not permitted."""
    resource = f"/{bucket.name}/{object_key}"
    if key is None or key.region != bucket.region:
        message = f"Key '{encryption.kms_key}' does not exist"
        return _error("KMS.NotFoundException", message, 400, resource)
    if not key.is_enabled:
        code = _STATE_ERRORS.get(key.state, "KMS.KMSInvalidStateException")
        return _error(code, f"{key.arn} is {_words(key.state)}.", 400, resource)
    if not key.encrypts_objects:
        return _error("KMS.InvalidKeyUsageException", f"{key.arn} is unusable.", 400, resource)
    caller = serving.current()
    context: dict[str, Any] = {
        "kms:CallerAccount": caller.account,
        "kms:EncryptionContext:aws:s3:arn": encryption.context(bucket.arn, object_key),
        "kms:EncryptionContextKeys": ["aws:s3:arn"],
        "kms:ViaService": f"s3.{bucket.region}.amazonaws.com",
    }
    if caller.may(action, "kms", key.arn, context):
        return None
    message = f"User is not authorized to perform: {action} on resource: {key.arn}"
    return _error("AccessDenied", message, 403, resource)


def _words(state: str) -> str:
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in state).strip()


def _error(code: str, message: str, status: int, resource: str) -> Response:
    response: Response = s3._error(code, message, status, resource)
    return response
