"""The events of replication, and what S3 puts into its EventBridge events.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
"""

from __future__ import annotations

import contextvars
import datetime
import json
from collections.abc import Callable
from typing import Any

from ministack.services import eventbridge, s3, sns, sqs

from aws_behaviour import event_buses, event_logs, undelivered, weather
from aws_behaviour.buckets import Bucket
from aws_behaviour.role import SERVICE, ReplicationRole
from aws_behaviour.rules import Rule
from aws_behaviour.undelivered import UndeliverableError

# The event being fired, for the EventBridge half of MiniStack's `_fire_s3_event`.
_firing: contextvars.ContextVar[dict[str, Any]] = contextvars.ContextVar("firing")
# MiniStack's own functions, taken before they are replaced.
_fire_s3_event: Callable[..., None] = s3._fire_s3_event
_dispatch_event: Callable[..., None] = eventbridge._dispatch_event
_invoke_target: Callable[..., None] = eventbridge._invoke_target


def replica_arrived(
    bucket: Bucket, key: str, version_id: str, record: dict[str, Any], role: ReplicationRole
) -> None:
    """Fires `s3:ObjectCreated` on the destination bucket, as the replication role.

    S3 copies an object of several parts in parts again.
    """
    event = "CompleteMultipartUpload" if record.get("parts") else "Put"
    with s3._in_account(bucket.account):
        s3._fire_s3_event_async(
            bucket.name,
            key,
            f"s3:ObjectCreated:{event}",
            size=record["size"],
            etag=record["etag"],
            version_id=version_id,
            record_extra=_origin("2.1", f"AWS:{role.principal_id}"),
        )


def delete_marker_arrived(bucket: Bucket, key: str, version_id: str, role: ReplicationRole) -> None:
    """Fires `s3:ObjectRemoved:DeleteMarkerCreated` on the destination bucket."""
    with s3._in_account(bucket.account):
        s3._fire_s3_event_async(
            bucket.name,
            key,
            "s3:ObjectRemoved:DeleteMarkerCreated",
            deletion_type="Delete Marker Created",
            version_id=version_id,
            record_extra=_origin("2.1", f"AWS:{role.principal_id}"),
        )


def replication_failed(
    bucket: Bucket,
    key: str,
    version_id: str,
    rule: Rule,
    reason: str,
    operation: str = "OBJECT_PUT",
    size: int = 0,
    etag: str = "",
) -> None:
    """Fires `s3:Replication:OperationFailedReplication` on the source bucket.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-metrics-events.html
    """
    now = datetime.datetime.now(datetime.timezone.utc)
    with s3._in_account(bucket.account):
        s3._fire_s3_event_async(
            bucket.name,
            key,
            "s3:Replication:OperationFailedReplication",
            size=size,
            etag=etag,
            version_id=version_id,
            record_extra={
                **_origin("2.2", SERVICE),
                "replicationEventData": {
                    "replicationRuleId": rule["ID"],
                    "destinationBucket": rule["Destination"]["Bucket"],
                    "s3Operation": operation,
                    "requestTime": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                    "failureReason": reason,
                },
            },
        )


def _origin(version: str, principal_id: str) -> dict[str, Any]:
    return {
        "eventVersion": version,
        "userIdentity": {"principalId": principal_id},
        "requestParameters": {"sourceIPAddress": SERVICE},
    }


def fire_s3_event(
    bucket_name: str,
    key: str,
    event_name: str,
    size: int = 0,
    etag: str = "",
    deletion_type: str | None = None,
    restore_event_data: dict[str, Any] | None = None,
    version_id: str | None = None,
    sequencer: str | None = None,
    object_extra: dict[str, Any] | None = None,
    record_extra: dict[str, Any] | None = None,
) -> None:
    """Replaces MiniStack's: remembers the event while it goes out."""
    told = {
        "bucket": bucket_name,
        "event": event_name,
        "version_id": version_id,
        "extra": record_extra or {},
    }
    token = _firing.set(told)
    try:
        _fire_s3_event(
            bucket_name,
            key,
            event_name,
            size,
            etag,
            deletion_type,
            restore_event_data,
            version_id,
            sequencer,
            object_extra,
            record_extra,
        )
    finally:
        _firing.reset(token)


def dispatch_event(event: dict[str, Any], view: Any = None) -> None:
    """Replaces EventBridge's: S3's events name the version, and none tells of replication.

    `version-id` is in the events of versioned buckets:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    There is no EventBridge event of failed replication:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-mapping-troubleshooting.html
    """
    firing = _firing.get(None)
    if firing is None or event.get("Source") != "aws.s3":
        return _dispatch_event(event, view)
    if firing["event"].startswith("s3:Replication:"):
        return None
    if not weather.tells_event_bridge(firing["bucket"]):
        return None
    detail = json.loads(event["Detail"])
    if firing["version_id"]:
        detail["object"]["version-id"] = firing["version_id"]
    origin = firing["extra"].get("requestParameters")
    if origin:
        detail["source-ip-address"] = origin["sourceIPAddress"]
    return _dispatch_event({**event, "Detail": json.dumps(detail)}, view)


def invoke_target(
    target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], view: Any = None
) -> None:
    """Replaces EventBridge's: a queue or topic gets an event where its policy lets the rule send; a
    bus where its own and the rule's role do; a log group where the account's does.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
    """
    arn = target.get("Arn", "")
    try:
        if bus := event_buses.named(arn):
            event_buses.forward(bus, target, event, rule)
        elif arn.startswith("arn:aws:logs:"):
            event_logs.write(arn, event, rule)
        else:
            _may_deliver(arn, rule["Arn"])
            _invoke_target(target, event, rule, view)
    except UndeliverableError as why:
        undelivered.keep(why, target, event, rule)


def _may_deliver(arn: str, source: str) -> None:
    if arn.startswith("arn:aws:sqs:"):
        account = source.split(":")[4]
        if not sqs.queue_policy_allows(arn, "events.amazonaws.com", source, account):
            raise UndeliverableError(undelivered.NO_PERMISSIONS, "by the queue's policy")
    if arn.startswith("arn:aws:sns:") and not _takes_from_event_bridge(arn):
        raise UndeliverableError(undelivered.NO_PERMISSIONS, "by the topic's policy")


def _takes_from_event_bridge(topic_arn: str) -> bool:
    """Whether a statement without a condition lets EventBridge publish.

    "You can't use Condition blocks in Amazon SNS topic policies for EventBridge."
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sns-permissions
    """
    topic = sns._topics.get(topic_arn) or {}
    policy = json.loads((topic.get("attributes") or {}).get("Policy") or "{}")
    statements = policy.get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        principal = statement.get("Principal")
        services = principal.get("Service", []) if isinstance(principal, dict) else principal
        listed = services if isinstance(services, list) else [services]
        named = {"*", "events.amazonaws.com"} & set(listed)
        if statement["Effect"] == "Allow" and named and not statement.get("Condition"):
            return True
    return False
