"""A log group as a rule's target, which MiniStack does not know.

The log group's account says in a resource policy that EventBridge may write; a role is not asked.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-cloudwatchlogs-permissions
"""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch_logs, eventbridge

from aws_behaviour import undelivered
from aws_behaviour.resource_policies import lets_service
from aws_behaviour.undelivered import UndeliverableError

# The example of the page names both, for both actions.
SERVICES = ("events.amazonaws.com", "delivery.logs.amazonaws.com")
ACTIONS = ("logs:CreateLogStream", "logs:PutLogEvents")


def write(arn: str, event: dict[str, Any], rule: dict[str, Any]) -> None:
    """Writes the event as one line; `UndeliverableError` where it may not."""
    here = f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:"
    group = arn.removesuffix(":*").removeprefix(here)
    if group not in cloudwatch_logs._log_groups:
        raise UndeliverableError(undelivered.NO_RESOURCE, f"no log group `{arn}`")
    stream = str(uuid.uuid5(uuid.NAMESPACE_URL, rule["Arn"]))
    resource = f"{here}{group}:log-stream:{stream}"
    policy = {"Statement": _statements()}
    keys = {"aws:sourcearn": rule["Arn"], "aws:sourceaccount": get_account_id()}
    for action in ACTIONS:
        for service in SERVICES:
            if not lets_service(policy, service, action, resource, keys):
                words = f"no resource policy lets {service} {action} on `{resource}`"
                raise UndeliverableError(undelivered.NO_PERMISSIONS, words)
    named = {"logGroupName": group, "logStreamName": stream}
    cloudwatch_logs._create_log_stream(named)
    line = json.dumps(eventbridge._pattern_event_view(event).event_with_detail())
    told = {"timestamp": int(time.time() * 1000), "message": line}
    cloudwatch_logs._put_log_events({**named, "logEvents": [told]})


def _statements() -> list[Any]:
    """Those of all resource policies of the account's Logs."""
    statements: list[Any] = []
    for policy in cloudwatch_logs._resource_policies.values():
        found = json.loads(policy["policyDocument"]).get("Statement", [])
        statements += found if isinstance(found, list) else [found]
    return statements
