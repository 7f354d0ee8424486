"""A log group as a rule's target, which MiniStack does not know.

The log group's account says in a resource policy that EventBridge may write; a role is not asked.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-cloudwatchlogs-permissions
"""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.iam_evaluator import EvalContext
from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch_logs, eventbridge

from aws_behaviour import undelivered
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
    for action in ACTIONS:
        for service in SERVICES:
            if not _allowed(action, resource, service, rule["Arn"]):
                words = f"no resource policy lets {service} {action} on `{resource}`"
                raise UndeliverableError(undelivered.NO_PERMISSIONS, words)
    named = {"logGroupName": group, "logStreamName": stream}
    cloudwatch_logs._create_log_stream(named)
    line = json.dumps(eventbridge._pattern_event_view(event).event_with_detail())
    told = {"timestamp": int(time.time() * 1000), "message": line}
    cloudwatch_logs._put_log_events({**named, "logEvents": [told]})


def _allowed(action: str, resource: str, service: str, rule_arn: str) -> bool:
    statements = []
    for policy in cloudwatch_logs._resource_policies.values():
        found = json.loads(policy["policyDocument"]).get("Statement", [])
        statements += found if isinstance(found, list) else [found]
    asked = EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action=action,
        resource_arn=resource,
        region=get_region(),
        service_context={"aws:sourcearn": rule_arn, "aws:sourceaccount": get_account_id()},
    )
    decided = iam_evaluator.evaluate_resource_policy(
        {"Statement": statements}, asked, service=service
    )
    return bool(decided.decision == "Allow")
