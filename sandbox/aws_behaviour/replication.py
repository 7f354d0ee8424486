"""Asynchronous replication: PENDING at once, COMPLETED or FAILED a moment later.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-status.html
Everything runs on MiniStack's event loop, between requests, so that no request
sees a half-written replica.
"""

from __future__ import annotations

import asyncio
import contextvars
import copy
import logging
from collections.abc import Callable
from typing import Any

from ministack import app
from ministack.services import s3

from aws_behaviour import authorization, buckets, events, replicas, role, rules, weather
from aws_behaviour.authorization import Source
from aws_behaviour.buckets import Bucket
from aws_behaviour.encryption import Encryption
from aws_behaviour.refusal import RefusalError
from aws_behaviour.rules import Rule

logger = logging.getLogger("aws_behaviour")


class Replication:
    """Replicates what is written to buckets with a replication configuration."""

    def __init__(self, delay_seconds: float) -> None:
        self._delay_seconds = delay_seconds

    def object_written(
        self,
        bucket_name: str,
        key: str,
        obj: dict[str, Any],
        data: bytes,
        tags: dict[str, str] | None = None,
    ) -> None:
        """Replaces MiniStack's `_maybe_replicate`, called before the version has its id."""
        bucket = _replicating(bucket_name)
        if bucket is None:
            return
        carried = dict(tags or {})
        encryption = Encryption.of(obj)
        config = weather.rules_of(bucket_name) or {"Rules": [], "Role": ""}
        covering = [rule for rule in config["Rules"] if rules.covers(rule, key, carried)]
        chosen = [
            rule for rule in rules.one_per_destination(covering) if rules.takes(rule, encryption)
        ]
        if not chosen:
            return
        obj["replication_status"] = "PENDING"
        rules_then = copy.deepcopy(chosen)
        self._later(_replicate_object, bucket, key, obj, data, carried, rules_then, config["Role"])

    def delete_marker_written(self, bucket_name: str, key: str) -> None:
        """Replaces MiniStack's `_maybe_replicate_delete_marker`, called after the marker."""
        bucket = _replicating(bucket_name)
        if bucket is None:
            return
        config = weather.rules_of(bucket_name) or {"Rules": [], "Role": ""}
        covering = [rule for rule in config["Rules"] if rules.covers(rule, key, {})]
        chosen = [
            rule
            for rule in rules.one_per_destination(covering)
            if rules.replicates_delete_markers(rule)
        ]
        if not chosen:
            return
        marker = s3._object_versions[(bucket_name, key)][-1]["version_id"]
        self._later(
            _replicate_delete_marker, bucket, key, marker, copy.deepcopy(chosen), config["Role"]
        )

    def _later(self, job: Callable[..., object], *arguments: Any) -> None:
        """Runs the job on the event loop after the delay, with the request's account and Region."""
        context = contextvars.copy_context()
        loop: asyncio.AbstractEventLoop = app._MAIN_LOOP

        def schedule() -> None:
            loop.call_later(self._delay_seconds, _guarded, job, *arguments, context=context)

        loop.call_soon_threadsafe(schedule)


def _guarded(job: Callable[..., object], *arguments: Any) -> None:
    try:
        job(*arguments)
    except Exception:
        logger.exception("replication of `%s` in `%s` broke off", arguments[1], arguments[0].name)


def _replicating(bucket_name: str) -> Bucket | None:
    """The bucket, where it has a replication configuration and is versioned."""
    bucket = buckets.find(bucket_name) if weather.rules_of(bucket_name) else None
    return bucket if bucket is not None and bucket.is_versioned else None


def _replicate_object(
    bucket: Bucket,
    key: str,
    obj: dict[str, Any],
    data: bytes,
    tags: dict[str, str],
    chosen: list[Rule],
    role_arn: str,
) -> str | None:
    """Replicates the version; the reason of the first failure, where there is one."""
    version_id = obj["version_id"]
    entry = _version(bucket, key, version_id)
    if entry is None:
        return "SrcObjectNotFound"  # Deleted before S3 came to it.
    source = Source(bucket, key, version_id, Encryption.of(obj), tags)
    failed: str | None = None
    for rule in chosen:
        try:
            assumed = role.assume(role_arn)
            target = authorization.authorize(source, rule, assumed)
        except RefusalError as refusal:
            failed = failed or refusal.reason
            logger.info("replication of `%s` failed: %s", source.arn, refusal)
            if rules.has_metrics(rule):
                written = {"size": obj["size"], "etag": obj["etag"]}
                events.replication_failed(bucket, key, version_id, rule, refusal.reason, **written)
        else:
            replicas.write(source, obj, data, target, rule)
            events.replica_arrived(target.bucket, key, version_id, obj, assumed)
    # "COMPLETED only when replication is successful to all destinations":
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-status.html
    obj["replication_status"] = entry["replication_status"] = "FAILED" if failed else "COMPLETED"
    return failed


# For S3 Batch Operations, which waits for what comes of it.
replicate_again = _replicate_object


def _replicate_delete_marker(
    bucket: Bucket, key: str, version_id: str, chosen: list[Rule], role_arn: str
) -> None:
    if _version(bucket, key, version_id) is None:
        return
    for rule in chosen:
        try:
            assumed = role.assume(role_arn)
            target = authorization.destination(rule)
            arn = target.object_arn(key)
            if not assumed.may_on_bucket("s3:ReplicateDelete", arn, target):
                raise RefusalError("DstDelObjNotPermitted", f"s3:ReplicateDelete on `{arn}`")
        except RefusalError as refusal:
            logger.info("delete marker of `%s` not replicated: %s", key, refusal)
            if rules.has_metrics(rule):
                events.replication_failed(
                    bucket, key, version_id, rule, refusal.reason, "OBJECT_DELETE"
                )
        else:
            replicas.write_delete_marker(target, key, version_id)
            events.delete_marker_arrived(target, key, version_id, assumed)


def _version(bucket: Bucket, key: str, version_id: str) -> dict[str, Any] | None:
    versions = s3._object_versions.get_scoped(bucket.account, None, (bucket.name, key)) or []
    return next((entry for entry in versions if entry["version_id"] == version_id), None)
