"""S3 requests: who asks is remembered, and what is asked before MiniStack answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import s3

from aws_behaviour import buckets, object_encryption, serving, weather
from aws_behaviour.serving import Request, Response

# Query parameters of a plain read; any other asks for a subresource.
_OBJECT_READ = {"versionId", "x-id", "partNumber"}

# MiniStack's own function, taken before it is replaced.
_handle_request: Callable[..., Awaitable[Response]] = s3.handle_request


async def handle_request(
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    query_params: dict[str, list[str]],
    signed_path: str | None = None,
    enforce_bucket_region: bool = True,
    internal: bool = False,
    access_point_region: str | None = None,
    access_point: dict[str, Any] | None = None,
) -> Response:
    """Replaces S3's: remembers the request, and checks the expected bucket owner."""
    bucket, key = s3._parse_bucket_key(path, headers)
    access_key = s3._request_access_key(method, key, headers, query_params, body)
    token = serving.begin(Request(access_key, get_account_id(), get_region(), bucket, key or ""))
    try:
        refusal = _wrong_owner(bucket, headers.get("x-amz-expected-bucket-owner"))
        copied = headers.get("x-amz-copy-source", "").lstrip("/").partition("/")[0]
        refusal = refusal or _wrong_owner(copied, headers.get("x-amz-source-expected-bucket-owner"))
        if refusal is not None:
            return refusal
        refusal = weather.not_yet(method, bucket, key or "", query_params)
        if refusal is not None:
            return refusal
        if method == "PUT" and key and "encryption" in query_params:
            return object_encryption.update(bucket, key, body, query_params)
        response = await _handle_request(
            method,
            path,
            headers,
            body,
            _renamed(query_params) if method == "GET" else query_params,
            signed_path,
            enforce_bucket_region,
            internal,
            access_point_region,
            access_point,
        )
        hidden = response[0] == 404 and _hides_absence(method, query_params)
        return response if not hidden else _access_denied(f"/{bucket}/{key}")
    finally:
        serving.end(token)


def _renamed(query_params: dict[str, list[str]]) -> dict[str, list[str]]:
    """MiniStack reads a bucket's payer under a name that S3 does not have, and lists objects.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketRequestPayment.html
    """
    names = {"requestPayment": "request-payment"}
    return {names.get(name, name): value for name, value in query_params.items()}


def _wrong_owner(bucket_name: str, expected: str | None) -> Response | None:
    """403 where the bucket belongs to another account than expected.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
    """
    bucket = buckets.find(bucket_name) if expected and bucket_name else None
    if bucket is None or bucket.account == expected:
        return None
    return _access_denied(f"/{bucket_name}")


def _hides_absence(method: str, query_params: dict[str, list[str]]) -> bool:
    """Whether the caller may not learn that an object is missing, and gets 403 for 404.

    "If you have the s3:ListBucket permission on the bucket, Amazon S3 returns an HTTP
    status code 404 error. If you don't have the s3:ListBucket permission, Amazon S3
    returns an HTTP status code 403 error."
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
    """
    caller = serving.current()
    of_an_object = method in ("GET", "HEAD") and caller.key and query_params.keys() <= _OBJECT_READ
    bucket = buckets.find(caller.bucket) if of_an_object else None
    return bucket is not None and not caller.may("s3:ListBucket", "s3", bucket.arn, {})


def _access_denied(resource: str) -> Response:
    response: Response = s3._error("AccessDenied", "Access Denied", 403, resource)
    return response
