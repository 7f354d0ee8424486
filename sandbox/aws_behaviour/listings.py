"""Keys in listings of versions: URL-encoded where that is asked for, as XML cannot carry them all.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote_plus
from xml.sax.saxutils import unescape

from ministack.services import s3

from aws_behaviour.serving import Response

# MiniStack's own function, taken before it is replaced: it gives keys as they are.
_list_object_versions: Callable[..., Response] = s3._list_object_versions

_ENCODED = re.compile(r"<(Key|KeyMarker|NextKeyMarker|Prefix|Delimiter)>(.*?)</\1>", re.DOTALL)


def list_object_versions(bucket_name: str, query_params: dict[str, list[str]]) -> Response:
    """Replaces S3's: encodes what the caller asks to be encoded, and says so."""
    status, headers, body = _list_object_versions(bucket_name, query_params)
    asked = s3._qp(query_params, "encoding-type", "")
    if status != 200 or not asked:
        return status, headers, body
    if asked != "url":
        message = "Invalid Encoding Method specified in Request"
        refusal: Response = s3._error("InvalidArgument", message, 400, f"/{bucket_name}")
        return refusal
    # As text: with a control character in a key it is no XML yet.
    text = body.decode() if isinstance(body, bytes) else body
    text = _ENCODED.sub(_encoded, text)
    text = text.replace("<IsTruncated>", "<EncodingType>url</EncodingType><IsTruncated>", 1)
    return status, headers, text.encode()


def _encoded(element: re.Match[str]) -> str:
    name, text = element.groups()
    # S3 writes a space as `+`, and leaves slashes as they are.
    return f"<{name}>{quote_plus(unescape(text), safe='/')}</{name}>"
