"""What S3 and EventBridge put into queues: on demand twice, or late and so in another order."""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from typing import Any

from ministack.services import eventbridge, s3, sqs

from aws_behaviour import faults, weather

# How much later than the queue says the message being delivered is to come, in seconds.
_late = contextvars.ContextVar("late", default=0.0)

# MiniStack's own functions, taken before they are replaced.
_dispatch_to_sqs: Callable[..., None] = eventbridge._dispatch_to_sqs
_deliver_event_to_sqs: Callable[..., None] = s3._deliver_event_to_sqs
_queue_delay: Callable[..., int] = sqs.queue_delay


def dispatch_to_sqs(spec: Any, payload: str, sqs_parameters: dict[str, Any] | None = None) -> None:
    """Replaces EventBridge's."""
    _deliver(lambda: _dispatch_to_sqs(spec, payload, sqs_parameters))


def deliver_event_to_sqs(
    arn: str, event_payload: dict[str, Any], bucket_region: str, bucket_name: str = ""
) -> None:
    """Replaces S3's."""
    _deliver(lambda: _deliver_event_to_sqs(arn, event_payload, bucket_region, bucket_name))


def queue_delay(q: dict[str, Any]) -> float:
    """Replaces SQS's: the queue's own delay, and what the message is late."""
    return weather.held_back(_queue_delay(q)) + _late.get()


def _deliver(deliver: Callable[[], None]) -> None:
    active = faults.current()
    for seconds in active.deliveries() if active else [0.0]:
        token = _late.set(seconds)
        deliver()
        _late.reset(token)
