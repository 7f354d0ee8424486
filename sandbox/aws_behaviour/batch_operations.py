"""S3 Batch Operations, which MiniStack lacks, as far as it replicates: `CreateJob` with
`S3ReplicateObject` and a manifest that S3 makes, `DescribeJob`, and the completion report.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-batch-replication-batch.html
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import logging
import uuid
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote_plus
from xml.etree import ElementTree

from ministack import app
from ministack.core.responses import get_account_id, get_region, now_iso
from ministack.services import s3

from aws_behaviour import buckets, job_request, replication, role, rules, weather
from aws_behaviour.buckets import Bucket
from aws_behaviour.encryption import Encryption
from aws_behaviour.job_request import Job, RefusedError
from aws_behaviour.refusal import RefusalError
from aws_behaviour.serving import Response

logger = logging.getLogger("aws_behaviour")

JOBS = "/v20180820/jobs"
SERVICE = "batchoperations.s3.amazonaws.com"
SCHEMA = "Bucket, Key, VersionId, TaskStatus, ErrorCode, HTTPStatusCode, ResultMessage"
# Between a job's making, its manifest, and its versions.
STEP_SECONDS = 0.1

# MiniStack's own function, taken before it is replaced.
_handle_control: Callable[..., Awaitable[Any]] = app._handle_s3_control_request
# By account and Region, by id.
_jobs: dict[tuple[str, str], dict[str, Job]] = {}


async def handle_s3_control_request(
    path: str,
    method: str,
    body: bytes,
    query_params: dict[str, list[str]],
    request_id: str,
    headers: dict[str, str] | None = None,
) -> Any:
    """Replaces MiniStack's: jobs are ours, all else is its own."""
    if path != JOBS and not path.startswith(f"{JOBS}/"):
        return await _handle_control(path, method, body, query_params, request_id, headers)
    headers = headers or {}
    id_ = path.removeprefix(JOBS).strip("/")
    account, region = get_account_id(), get_region()
    if method == "POST" and not id_:
        # The action is on no resource: its policies name "*".
        # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
        action, resource = "s3:CreateJob", "*"
    elif method == "GET" and id_ and "/" not in id_:
        action, resource = "s3:DescribeJob", f"arn:aws:s3:{region}:{account}:job/{id_}"
    else:
        return await _handle_control(path, method, body, query_params, request_id, headers)
    denied = app._enforce_data_plane(
        "s3", action, headers, query_params, request_id, resource_arn=resource
    ) or s3.s3control_account_error(headers)
    if denied:
        return denied
    try:
        if method == "POST":
            return _create(body, headers)
        return _describe(id_)
    except RefusedError as refused:
        return s3.s3control_error(refused.code, str(refused), refused.status)


def _here() -> dict[str, Job]:
    return _jobs.setdefault((get_account_id(), get_region()), {})


def _create(body: bytes, headers: dict[str, str]) -> Response:
    job = job_request.read(body, headers)
    for present in _here().values():
        if present.token == job.token:
            # "A second request with the same token starts no second job", but it must say the same.
            if present.body != body:
                raise RefusedError(
                    "IdempotencyException", "The token was used with other parameters"
                )
            return _answer("CreateJobResult", f"<JobId>{present.id}</JobId>")
    # S3 does not take a role that cannot be assumed.
    try:
        role.assume(job.role_arn, SERVICE)
    except RefusalError as refusal:
        raise RefusedError("InvalidRequest", str(refusal)) from refusal
    job.id = str(uuid.uuid4())
    _here()[job.id] = job
    context = contextvars.copy_context()
    loop: asyncio.AbstractEventLoop = app._MAIN_LOOP
    loop.call_soon_threadsafe(lambda: loop.create_task(_guarded(job), context=context))
    return _answer("CreateJobResult", f"<JobId>{job.id}</JobId>")


def _describe(id_: str) -> Response:
    job = _here().get(id_)
    if job is None:
        raise RefusedError("NoSuchJob", "The specified job does not exist", 404)
    failed = sum(1 for task in job.tasks if task.reason)
    done = sum(1 for task in job.tasks if task.done)
    root = ElementTree.Element("Job")

    def add(parent: ElementTree.Element, name: str, text: str | None = None) -> ElementTree.Element:
        child = ElementTree.SubElement(parent, name)
        child.text = text
        return child

    add(root, "JobId", job.id)
    add(root, "ConfirmationRequired", "false")
    add(root, "Description", job.description)
    add(root, "JobArn", f"arn:aws:s3:{get_region()}:{get_account_id()}:job/{job.id}")
    add(root, "Status", job.status)
    add(root, "Priority", str(job.priority))
    progress = add(root, "ProgressSummary")
    add(progress, "TotalNumberOfTasks", str(len(job.tasks)))
    add(progress, "NumberOfTasksSucceeded", str(done - failed))
    add(progress, "NumberOfTasksFailed", str(failed))
    if job.failure:
        failure = add(add(root, "FailureReasons"), "member")
        add(failure, "FailureCode", job.failure[0])
        add(failure, "FailureReason", job.failure[1])
    report = add(root, "Report")
    add(report, "Bucket", f"arn:aws:s3:::{job.report_bucket}")
    add(report, "Format", "Report_CSV_20180820")
    add(report, "Enabled", "true")
    add(report, "Prefix", job.report_prefix)
    add(report, "ReportScope", "AllTasks")
    add(root, "CreationTime", now_iso())
    add(root, "RoleArn", job.role_arn)
    return _answer("DescribeJobResult", ElementTree.tostring(root, encoding="unicode"))


def _answer(root: str, inner: str) -> Response:
    text = f'<{root} xmlns="http://awss3control.amazonaws.com/doc/2018-08-20/">{inner}</{root}>'
    return 200, {"Content-Type": "application/xml"}, text.encode()


async def _guarded(job: Job) -> None:
    try:
        await _run(job)
    except Exception:
        logger.exception("job `%s` broke off", job.id)
        _fail(job, "InternalError", "see the sandbox's log")


def _fail(job: Job, code: str, reason: str) -> None:
    job.status, job.failure = "Failed", (code, reason)


async def _run(job: Job) -> None:
    """What S3 does, with the role's permissions at each step.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-batch-replication-policies.html
    """
    await asyncio.sleep(STEP_SECONDS)
    job.status = "Preparing"
    source = buckets.find(job.source)
    assumed = role.assume(job.role_arn, SERVICE)
    if source is None:
        return _fail(job, "NoSuchBucket", f"bucket `{job.source}` does not exist")
    for action in ("s3:GetReplicationConfiguration", "s3:PutInventoryConfiguration"):
        if not assumed.may_on_bucket(action, source.arn, source):
            return _fail(job, "ManifestGenerationAccessDenied", f"{action} on `{source.arn}`")
    report = buckets.find(job.report_bucket)
    report_arn = f"arn:aws:s3:::{job.report_bucket}/{job.report_prefix}/job-{job.id}/manifest.json"
    if report is None or not assumed.may_on_bucket("s3:PutObject", report_arn, report):
        return _fail(job, "ReportAccessDenied", f"s3:PutObject on `{report_arn}`")
    config = weather.rules_of(job.source) or {"Rules": [], "Role": ""}
    job.tasks = [
        job_request.Task(key, entry)
        for key, entry in _versions(source)
        if job.takes(key, entry, job_request.moment(entry["last_modified"]))
        and _chosen(source, key, entry, config["Rules"])
    ]
    await asyncio.sleep(STEP_SECONDS)
    if not job.tasks:
        return _fail(job, "EmptyManifest", "Generated manifest is empty: no keys found")
    job.status = "Active"
    await asyncio.sleep(STEP_SECONDS)
    for task in job.tasks:
        arn = source.object_arn(task.key)
        if assumed.may_on_bucket("s3:InitiateReplication", arn, source):
            _replicate(source, task, config)
        else:
            task.reason = "InitiateReplicationNotPermitted"
        task.done = True
        await asyncio.sleep(0)
    _write_report(job, report)
    job.status = "Complete"
    return None


def _versions(bucket: Bucket) -> list[tuple[str, dict[str, Any]]]:
    found = []
    with s3._in_account(bucket.account):
        for (name, key), versions in list(s3._object_versions.items()):
            if name == bucket.name:
                found += [(key, one) for one in versions if not one.get("is_delete_marker")]
    return sorted(found, key=lambda one: one[0])


def _tags(bucket: Bucket, key: str, entry: dict[str, Any]) -> dict[str, str]:
    with s3._in_account(bucket.account):
        tags = s3._object_tags.get((bucket.name, key, entry["version_id"])) or {}
    return dict(tags)


def _chosen(
    bucket: Bucket, key: str, entry: dict[str, Any], all_rules: list[rules.Rule]
) -> list[rules.Rule]:
    """The rules that S3 replicates the version by: what none takes is not eligible."""
    tags = _tags(bucket, key, entry)
    covering = [rule for rule in all_rules if rules.covers(rule, key, tags)]
    encryption = Encryption.of(entry)
    return [rule for rule in rules.one_per_destination(covering) if rules.takes(rule, encryption)]


def _replicate(bucket: Bucket, task: job_request.Task, config: dict[str, Any]) -> None:
    key, entry = task.key, task.entry
    chosen = _chosen(bucket, key, entry, config["Rules"])
    current = bucket.record["objects"].get(key) or {}
    record = current if current.get("version_id") == entry["version_id"] else entry
    data = entry.get("data")
    if data is None:
        data = s3._read_body(bucket.name, key, record)
    replicated = replication.replicate_again(
        bucket, key, record, data, _tags(bucket, key, entry), chosen, config["Role"]
    )
    task.reason = replicated or ""


def _write_report(job: Job, bucket: Bucket) -> None:
    """Under SSE-S3, whatever the bucket's default is; keys are URL-encoded, as in manifests.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-examples-reports.html
    """
    folder = f"{job.report_prefix}/job-{job.id}"
    results = []
    for status, tasks in (
        ("succeeded", [task for task in job.tasks if not task.reason]),
        ("failed", [task for task in job.tasks if task.reason]),
    ):
        if tasks:
            key = f"{folder}/results/{uuid.uuid4().hex}.csv"
            rows = "".join(_row(job, task, status) for task in tasks)
            _put(bucket, key, rows.encode())
            results.append(
                {
                    "TaskExecutionStatus": status,
                    "Bucket": bucket.name,
                    "MD5Checksum": "0" * 32,
                    "Key": key,
                }
            )
    manifest = {
        "Format": "Report_CSV_20180820",
        "ReportCreationDate": now_iso(),
        "Results": results,
        "ReportSchema": SCHEMA,
    }
    _put(bucket, f"{folder}/manifest.json", json.dumps(manifest).encode())


def _row(job: Job, task: job_request.Task, status: str) -> str:
    key = quote_plus(task.key, safe="/")
    code, http = (task.reason, 400) if task.reason else ("", 200)
    return f"{job.source},{key},{task.entry['version_id']},{status},{code},{http},\n"


def _put(bucket: Bucket, key: str, data: bytes) -> None:
    with s3._in_account(bucket.account):
        headers = {
            "content-type": "application/octet-stream",
            "x-amz-server-side-encryption": "AES256",
        }
        status, _, answer = s3._put_object(bucket.name, key, data, headers)
        if status != 200:
            raise RuntimeError(f"report `{key}`: {answer!r}")
