"""What CreateJob takes, and what S3 refuses of it.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_CreateJob.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from ministack.core.responses import get_account_id, get_region
from ministack.services import s3

from aws_behaviour import buckets, serving

_STATUSES = {"NONE", "FAILED", "COMPLETED", "REPLICA"}
_PASSED_TO = "batchoperations.s3.amazonaws.com"
_REQUEST = {
    "ConfirmationRequired",
    "Operation",
    "Report",
    "ClientRequestToken",
    "ManifestGenerator",
    "Description",
    "Priority",
    "RoleArn",
}
_FILTER = {
    "EligibleForReplication",
    "CreatedAfter",
    "CreatedBefore",
    "ObjectReplicationStatuses",
    "KeyNameConstraint",
}


class RefusedError(Exception):
    """Why S3 does not take the request."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status


@dataclass
class Task:
    """One version of a job."""

    key: str
    entry: dict[str, Any]
    done: bool = False
    # S3's reason where it was not replicated.
    reason: str = ""


@dataclass
class Job:
    """A job, and how it goes."""

    body: bytes = field(repr=False)
    token: str
    description: str
    priority: int
    role_arn: str
    source: str
    report_bucket: str
    report_prefix: str
    prefix: str
    statuses: set[str]
    after: datetime | None
    before: datetime | None
    id: str = ""
    status: str = "New"
    failure: tuple[str, str] | None = None
    tasks: list[Task] = field(default_factory=list)

    def takes(self, key: str, entry: dict[str, Any], written: datetime) -> bool:
        """Whether the filter lets the version through; none does for what is `PENDING`."""
        return (
            key.startswith(self.prefix)
            and (entry.get("replication_status") or "NONE") in self.statuses
            and (self.after is None or written > self.after)
            and (self.before is None or written < self.before)
        )


def read(body: bytes, headers: dict[str, str]) -> Job:
    """The job that is asked for; `RefusedError` where S3 would not take it."""
    try:
        root = ElementTree.fromstring(body)  # noqa: S314  from our own tests
    except ElementTree.ParseError as error:
        raise _malformed() from error
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    if {child.tag for child in root} - _REQUEST:
        raise _malformed()
    operation = root.find("Operation")
    if operation is None or [child.tag for child in operation] != ["S3ReplicateObject"]:
        raise _invalid("only S3ReplicateObject is known here")
    token = _text(root, "ClientRequestToken")
    if not 1 <= len(token) <= 64:
        raise _invalid("ClientRequestToken must have 1 to 64 characters")
    description = _text(root, "Description")
    if len(description) > 256:
        raise _invalid("Description must have at most 256 characters")
    priority = _text(root, "Priority")
    if not priority.isdigit():
        raise _invalid("Priority must be a number from 0")
    role_arn = _text(root, "RoleArn")
    if not role_arn.startswith("arn:aws:iam::") or ":role/" not in role_arn:
        raise _invalid("RoleArn is not the ARN of a role")
    context = {"iam:PassedToService": _PASSED_TO}
    caller = serving.Request(
        s3._request_access_key("POST", "", headers, {}, body),
        get_account_id(),
        get_region(),
        "",
        "",
    )
    if not caller.may("iam:PassRole", "iam", role_arn, context):
        raise RefusedError(
            "AccessDenied", f"not authorized to perform: iam:PassRole on {role_arn}", 403
        )
    report_bucket, report_prefix = _report(root)
    generator = root.find("ManifestGenerator/S3JobManifestGenerator")
    if generator is None:
        raise _invalid("a manifest, or a generator of one, is required")
    source = _source(generator)
    prefix, statuses, after, before = _filter(generator)
    return Job(
        body,
        token,
        description,
        int(priority),
        role_arn,
        source,
        report_bucket,
        report_prefix,
        prefix,
        statuses,
        after,
        before,
    )


def _report(root: Element) -> tuple[str, str]:
    report = root.find("Report")
    if report is None or _text(report, "Enabled") != "true":
        raise _invalid("the report is required here")
    if _text(report, "Format") != "Report_CSV_20180820":
        raise _invalid("Report.Format")
    if _text(report, "ReportScope") not in ("AllTasks", "FailedTasksOnly"):
        raise _invalid("Report.ReportScope")
    bucket = _bucket(_text(report, "Bucket"))
    if buckets.find(bucket) is None:
        raise _invalid(f"the report's bucket `{bucket}` does not exist")
    prefix = _text(report, "Prefix")
    if not 1 <= len(prefix) <= 512:
        raise _invalid("Report.Prefix must have 1 to 512 characters")
    return bucket, prefix


def _source(generator: Element) -> str:
    source = _bucket(_text(generator, "SourceBucket"))
    bucket = buckets.find(source)
    if bucket is None or bucket.account != get_account_id():
        raise _invalid(f"bucket `{source}` does not exist in this account")
    if _text(generator, "ExpectedBucketOwner") not in ("", bucket.account):
        raise RefusedError("AccessDenied", "Access Denied", 403)
    if bucket.region != get_region():
        raise _invalid("the source bucket must be in the job's Region")
    if _text(generator, "EnableManifestOutput") not in ("true", "false"):
        raise _malformed()
    if source not in s3._bucket_replication:
        raise _invalid("the source bucket has no replication configuration")
    return source


def _filter(generator: Element) -> tuple[str, set[str], datetime | None, datetime | None]:
    chosen = generator.find("Filter")
    if chosen is None or {child.tag for child in chosen} - _FILTER:
        raise _malformed()
    # "To use Batch Replication with a manifest that S3 makes, it must be true."
    if _text(chosen, "EligibleForReplication") != "true":
        raise _invalid("EligibleForReplication must be true for S3ReplicateObject")
    listed = chosen.find("ObjectReplicationStatuses")
    statuses = {(one.text or "") for one in listed} if listed is not None else set(_STATUSES)
    if not statuses or statuses - _STATUSES:
        raise _malformed()
    after, before = (_time(chosen, name) for name in ("CreatedAfter", "CreatedBefore"))
    if after and before and after >= before:
        raise _invalid("CreatedAfter must be before CreatedBefore")
    named = chosen.find("KeyNameConstraint")
    if named is None:
        return "", statuses, after, before
    if [child.tag for child in named] != ["MatchAnyPrefix"]:
        raise _invalid("only MatchAnyPrefix is known here")
    prefixes = [one.text or "" for one in named[0]]
    # "Each KeyNameConstraint filter accepts an array of strings with a length of 1 string."
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_KeyNameConstraint.html
    if len(prefixes) != 1 or not 1 <= len(prefixes[0]) <= 1024:
        raise _invalid("MatchAnyPrefix takes one string of 1 to 1024 characters")
    return prefixes[0], statuses, after, before


def _bucket(arn: str) -> str:
    if not arn.startswith("arn:aws:s3:::") or "/" in arn:
        raise _invalid(f"`{arn}` is not the ARN of a bucket")
    return arn.removeprefix("arn:aws:s3:::")


def moment(text: str) -> datetime:
    """A point in time; Python 3.10 does not read the `Z`."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _time(element: Element, name: str) -> datetime | None:
    text = _text(element, name)
    try:
        return moment(text) if text else None
    except ValueError as error:
        raise _malformed() from error


def _text(element: Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


def _malformed() -> RefusedError:
    return RefusedError("MalformedXML", s3._MALFORMED_XML)


def _invalid(message: str) -> RefusedError:
    return RefusedError("InvalidRequest", message)
