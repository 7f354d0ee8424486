"""Whom a resource's own policy lets do what, by MiniStack's evaluator."""

from __future__ import annotations

from typing import Any

from ministack.core import iam_evaluator
from ministack.core.iam_evaluator import EvalContext
from ministack.core.responses import get_account_id


def lets_caller(policy: Any, action: str, resource: str, region: str, keys: dict[str, Any]) -> bool:
    """Whether it lets whoever makes the request that is being served.

    `keys` are what a condition may ask.
    """
    asked = EvalContext(
        principal_arn=iam_evaluator.caller_arn(),
        principal_type="AssumedRole",
        principal_account=get_account_id(),
        action=action,
        resource_arn=resource,
        region=region,
        service_context={"aws:tagkeys": None, **keys},
    )
    return bool(iam_evaluator.evaluate_resource_policy(policy, asked).decision == "Allow")


def lets_service(
    policy: Any, service: str, action: str, resource: str, keys: dict[str, Any]
) -> bool:
    """Whether it lets a service of AWS; of a global resource, in the Region of those."""
    asked = EvalContext(
        principal_arn=service,
        principal_type="Service",
        principal_account="",
        action=action,
        resource_arn=resource,
        region=resource.split(":")[3] or "us-east-1",
        service_context=keys,
    )
    decided = iam_evaluator.evaluate_resource_policy(policy, asked, service=service)
    return bool(decided.decision == "Allow")
