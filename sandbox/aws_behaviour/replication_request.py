"""What PutBucketReplication refuses.

https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ReplicationErrorCodeList
MiniStack checks the encryption, metrics and time-control parts of a rule; the
rest is here. Like S3, nothing here looks the KMS key up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from ministack.services import s3

from aws_behaviour import buckets, serving, weather
from aws_behaviour.serving import Response

_SCHEMA = (
    "for this version of Cross Region Replication configuration schema. "
    "Please refer to S3 Developer Guide for more information."
)
# MiniStack's own functions, taken before they are replaced.
_put_bucket_replication: Callable[[str, bytes], Response] = s3._put_bucket_replication
_put_bucket_versioning: Callable[[str, bytes], Response] = s3._put_bucket_versioning


class _RefusedError(Exception):
    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status


def put_bucket_replication(bucket_name: str, body: bytes) -> Response:
    """Replaces S3's: checks what MiniStack does not, then lets it go on."""
    bucket = buckets.find(bucket_name)
    if bucket is None or not bucket.is_versioned:
        return _put_bucket_replication(bucket_name, body)
    try:
        root = _strip_namespaces(ElementTree.fromstring(body))  # noqa: S314  from our own tests
        _check_role(_text(root, "Role"))
        rules = root.findall("Rule")
        _check_rules(rules)
        for rule in rules:
            _check_rule(rule, bucket_name)
        _check_schema_version_1(rules)
        _check_versioning_is_known(bucket_name)
    except ElementTree.ParseError:
        return _put_bucket_replication(bucket_name, body)
    except _RefusedError as refused:
        response: Response = s3._error(
            refused.code, str(refused), refused.status, f"/{bucket_name}"
        )
        return response
    weather.rules_change(bucket_name)
    return _put_bucket_replication(bucket_name, body)


def put_bucket_versioning(name: str, body: bytes) -> Response:
    """Replaces S3's: a bucket that replicates stays versioned.

    "If you attempt to disable versioning on the source bucket, Amazon S3 returns an error."
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-requirements.html
    """
    if name in s3._bucket_replication and b"<Status>Enabled</Status>" not in body:
        message = (
            "A replication configuration is present on this bucket, so you cannot change the "
            "versioning state. To change the versioning state, first delete the replication "
            "configuration."
        )
        response: Response = s3._error("InvalidBucketState", message, 409, f"/{name}")
        return response
    bucket = buckets.find(name)
    if bucket is not None and not bucket.is_versioned:
        weather.note("versioning", name)
    return _put_bucket_versioning(name, body)


def _strip_namespaces(root: Element) -> Element:
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def _text(element: Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


def _malformed() -> _RefusedError:
    return _RefusedError("MalformedXML", s3._MALFORMED_XML)


def _check_versioning_is_known(bucket_name: str) -> None:
    if not weather.versioning_is_known(bucket_name):
        message = "Versioning must be 'Enabled' on the bucket to apply a replication configuration"
        raise _RefusedError("InvalidRequest", message)


def _check_role(arn: str) -> None:
    """The caller passes the role to S3; whether S3 can assume it is not looked at."""
    if not arn.startswith("arn:") or ":role/" not in arn:
        raise _RefusedError(
            "InvalidArgument", "Invalid Role specified in replication configuration"
        )
    context = {"iam:PassedToService": "s3.amazonaws.com"}
    if not serving.current().may("iam:PassRole", "iam", arn, context):
        raise _RefusedError(
            "AccessDenied", f"not authorized to perform: iam:PassRole on {arn}", 403
        )


def _check_rules(rules: list[Element]) -> None:
    if not 1 <= len(rules) <= 1000:
        raise _malformed()
    if _repeated(_text(rule, "ID") for rule in rules):
        message = "Rule ID must be unique. Found same ID for more than one rule"
        raise _RefusedError("InvalidArgument", message)
    for priority in _repeated(_text(rule, "Priority") for rule in rules):
        raise _RefusedError("InvalidRequest", f"Found duplicate priority {priority}.")


def _repeated(values: Iterator[str]) -> list[str]:
    return [value for value, count in Counter(values).items() if value and count > 1]


def _check_rule(rule: Element, bucket_name: str) -> None:
    if len(_text(rule, "ID")) > 255:
        raise _RefusedError("InvalidArgument", "Rule Id cannot be greater than 255")
    if _text(rule, "Status") not in ("Enabled", "Disabled"):
        raise _malformed()
    has_filter = rule.find("Filter") is not None
    if has_filter and rule.find("Prefix") is not None:
        raise _malformed()
    _check_filter(rule)
    for name in ("Priority", "DeleteMarkerReplication"):
        if has_filter and rule.find(name) is None:
            raise _RefusedError("InvalidRequest", f"{name} must be specified {_SCHEMA}")
        if not has_filter and rule.find(name) is not None:
            raise _RefusedError("InvalidRequest", f"{name} cannot be used {_SCHEMA}")
    _check_destination(rule, bucket_name)


def _check_filter(rule: Element) -> None:
    both = rule.find("Filter/And")
    if both is not None and len(both) < 2:
        raise _malformed()
    # "A Filter must specify exactly one Prefix, Tag, And, or Not child element"; so is none taken.
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_ReplicationRuleFilter.html
    chosen = rule.find("Filter")
    if chosen is not None and len(chosen) > 1:
        raise _malformed()
    # "Specify exactly one Prefix, Tag, or Or child element."
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_ReplicationRuleNotOperator.html
    for left_out in (*rule.findall("Filter/Not"), *rule.findall("Filter/And/Not")):
        if len(left_out) != 1 or left_out[0].tag not in ("Prefix", "Tag", "Or"):
            raise _malformed()
    tags = rule.findall("Filter/Tag") + rule.findall("Filter/And/Tag")
    if _repeated(_text(tag, "Key") for tag in tags):
        raise _RefusedError("InvalidRequest", "Duplicate Tag Keys are not allowed.")
    if tags and _text(rule, "DeleteMarkerReplication/Status") == "Enabled":
        message = "Delete marker replication is not supported if any Tag filter is specified."
        raise _RefusedError("InvalidRequest", message)


def _check_destination(rule: Element, bucket_name: str) -> None:
    arn = _text(rule, "Destination/Bucket")
    if not arn.startswith("arn:") or ":::" not in arn:
        raise _RefusedError("InvalidArgument", "Invalid bucket ARN")
    if arn.rpartition(":::")[2] == bucket_name:
        message = "Destination bucket cannot be the same as the source bucket."
        raise _RefusedError("InvalidRequest", message)
    bucket = buckets.find(arn)
    # One answer for a missing and for an unversioned bucket.
    if bucket is None or not bucket.is_versioned or not weather.versioning_is_known(bucket.name):
        raise _RefusedError("InvalidRequest", "Destination bucket must have versioning enabled.")
    account = _text(rule, "Destination/Account")
    if not account and rule.find("Destination/AccessControlTranslation") is not None:
        message = "Account must be specified if the Owner in AccessControlTranslation has a value"
        raise _RefusedError("InvalidRequest", message)
    if account and account != bucket.account:
        message = "Account does not match the owner of the destination bucket"
        raise _RefusedError("InvalidArgument", message)


def _check_schema_version_1(rules: list[Element]) -> None:
    if any(rule.find("Filter") is not None for rule in rules):
        return
    if len({_text(rule, "Destination/Bucket") for rule in rules}) > 1:
        message = "Number of distinct destination bucket ARNs cannot exceed 1"
        raise _RefusedError("InvalidRequest", message)
