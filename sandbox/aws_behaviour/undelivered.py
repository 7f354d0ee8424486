"""What EventBridge could not hand to a rule's target: to the target's dead-letter queue, or lost.

Missing permissions and targets that are not there are not tried again.
https://docs.aws.amazon.com/eventbridge/latest/userguide/rule-dlq.html
"""

from __future__ import annotations

import json
import logging
from typing import Any

from ministack.services import cloudwatch, eventbridge, sqs

logger = logging.getLogger("aws_behaviour")

NO_PERMISSIONS, NO_RESOURCE = "NO_PERMISSIONS", "NO_RESOURCE"
THIRD_ACCOUNT = "THIRD_ACCOUNT_HOP_DETECTED"


class UndeliverableError(Exception):
    """Why a target does not get an event: EventBridge's code for it, and words."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def keep(
    why: UndeliverableError, target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any]
) -> None:
    """Puts the event into the dead-letter queue, where there is one that takes it."""
    arn, source = target.get("Arn", ""), rule["Arn"]
    logger.warning("EventBridge: rule `%s`, target `%s`: %s: %s", source, arn, why.code, why)
    queue_arn = (target.get("DeadLetterConfig") or {}).get("Arn")
    if not queue_arn:
        return
    queue = sqs._queue_by_arn(queue_arn)
    allowed = sqs.queue_policy_allows(
        queue_arn, "events.amazonaws.com", source, source.split(":")[4]
    )
    if queue is None or not allowed:
        logger.warning("EventBridge: dead-letter queue `%s` refuses `%s`", queue_arn, source)
        return
    told = {
        "RULE_ARN": source,
        "TARGET_ARN": arn,
        "ERROR_CODE": why.code,
        "ERROR_MESSAGE": str(why),
    }
    message = {
        "QueueUrl": queue["url"],
        "MessageBody": json.dumps(eventbridge._pattern_event_view(event).event_with_detail()),
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": value} for name, value in told.items()
        },
    }
    sqs._act_send_message(message, queue["url"])
    # Alarms look each minute on AWS, and here when something is told that they may go by.
    cloudwatch._evaluate_all_alarms()
