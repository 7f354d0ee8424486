"""CloudWatch Logs' subscriptions to Data Firehose, and what that does with them.

MiniStack keeps such a subscription and delivers nothing by it, and knows no processor that unpacks
log events.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
https://docs.aws.amazon.com/firehose/latest/dev/writing-with-cloudwatch-logs-decompression.html
https://docs.aws.amazon.com/firehose/latest/dev/dynamic-partitioning-multirecord-deaggergation.html
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Iterator
from typing import Any

from ministack.core.responses import get_account_id, new_uuid
from ministack.services import cloudwatch_logs, firehose

from aws_behaviour import filter_patterns

# MiniStack's own functions, taken before they are replaced.
_deliver_records_to_s3: Callable[..., None] = firehose._deliver_records_to_s3
_metadata_extraction_keys: Callable[..., Any] = firehose._metadata_extraction_keys


def send(group_name: str, stream_name: str, events: list[dict[str, Any]]) -> None:
    """Sends what is logged to the Firehose streams that are subscribed to it."""
    group = cloudwatch_logs._log_groups.get(group_name) or {}
    for subscription in (group.get("subscriptionFilters") or {}).values():
        _, found, name = subscription.get("destinationArn", "").partition(":deliverystream/")
        pattern = subscription.get("filterPattern", "")
        matched = [e for e in events if filter_patterns.matches(pattern, e.get("message", ""))]
        if not found or not matched:
            continue
        payload = {
            "messageType": "DATA_MESSAGE",
            "owner": get_account_id(),
            "logGroup": group_name,
            "logStream": stream_name,
            "subscriptionFilters": [subscription.get("filterName", "")],
            "logEvents": [
                {"id": new_uuid(), "timestamp": e.get("timestamp"), "message": e.get("message")}
                for e in matched
            ],
        }
        data = base64.b64encode(gzip.compress(json.dumps(payload).encode())).decode()
        firehose._put_record({"DeliveryStreamName": name, "Record": {"Data": data}})


def deliver_records_to_s3(
    stream: dict[str, Any], destination: dict[str, Any], records: list[tuple[str, bytes]]
) -> None:
    """Replaces Firehose's: unpacks records, and writes those of one partition into one object."""
    config = destination.get("config") or {}
    processors = _processors(config)
    if "Decompression" not in processors:
        _deliver_records_to_s3(stream, destination, records)
        return
    lines = [line for _, data in records for line in _lines(data, processors)]
    together: dict[str, list[bytes]] = {}
    for line in lines:
        together.setdefault(_partition(config, line), []).append(line)
    for found in together.values():
        record = (records[0][0], b"\n".join(found))
        _deliver_records_to_s3(stream, destination, [record])


def metadata_extraction_keys(cfg: dict[str, Any], data: bytes) -> Any:
    """Replaces Firehose's: the keys of an object are those of each of its records."""
    first = data.split(b"\n", 1)[0] if "Decompression" in _processors(cfg) else data
    return _metadata_extraction_keys(cfg, first)


def _processors(config: dict[str, Any]) -> set[str]:
    processing = config.get("ProcessingConfiguration") or {}
    if not processing.get("Enabled"):
        return set()
    return {one.get("Type", "") for one in processing.get("Processors") or []}


def _partition(config: dict[str, Any], line: bytes) -> str:
    try:
        return json.dumps(_metadata_extraction_keys(config, line))
    except firehose._DeliveryError:
        # By itself, so that it spoils no other.
        return new_uuid()


def _lines(data: bytes, processors: set[str]) -> Iterator[bytes]:
    message = json.loads(gzip.decompress(data))
    events = message["logEvents"] if message["messageType"] == "DATA_MESSAGE" else []
    if "CloudWatchLogProcessing" not in processors:
        yield json.dumps(message).encode()
        return
    messages = [event["message"].strip().encode() for event in events]
    if "RecordDeAggregation" not in processors:
        yield b"\n".join(messages)
        return
    yield from messages
