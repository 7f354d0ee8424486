"""IAM's policy simulator for roles: their path, their boundary and the request's context.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape

from ministack.core import iam_evaluator
from ministack.core.iam_evaluator import EvalContext
from ministack.core.responses import get_account_id
from ministack.services import iam

DECISIONS = {"Allow": "allowed", "Deny": "explicitDeny"}


def simulate_principal_policy(parameters: dict[str, Any]) -> Any:
    """Answers for the one role and the one resource that the request names."""
    arn = iam._p(parameters, "PolicySourceArn")
    account, name = get_account_id(), arn.rpartition("/")[2]
    role = iam._roles.get_scoped(account, None, name)
    if role is None or role.get("Arn") != arn:
        return iam._error(404, "NoSuchEntity", f"{arn} does not exist.", ns="iam")
    actions, resource = iam._extract_simulate_params(parameters)
    policies = iam_evaluator._gather_role_policies(name, account)
    limits = iam_evaluator._permissions_boundary(iam._roles, name, account)
    context = _context(parameters)
    members = ""
    for action in actions:
        asked = EvalContext(
            principal_arn=arn,
            principal_type="AssumedRole",
            principal_account=account,
            action=action,
            resource_arn=resource,
            region="us-east-1",
            service_context={"aws:tagkeys": None, **context},
        )
        decision = iam_evaluator.evaluate(asked, policies, *limits).decision
        members += (
            f"<member><EvalActionName>{escape(action)}</EvalActionName>"
            f"<EvalResourceName>{escape(resource)}</EvalResourceName>"
            f"<EvalDecision>{DECISIONS.get(decision, 'implicitDeny')}</EvalDecision></member>"
        )
    return iam._xml(
        200,
        "SimulatePrincipalPolicyResponse",
        f"<SimulatePrincipalPolicyResult><EvaluationResults>{members}</EvaluationResults>"
        "<IsTruncated>false</IsTruncated></SimulatePrincipalPolicyResult>",
        ns="iam",
    )


def _context(parameters: dict[str, Any]) -> dict[str, Any]:
    context: dict[str, Any] = {}
    number = 1
    while key := iam._p(parameters, f"ContextEntries.member.{number}.ContextKeyName"):
        start = f"ContextEntries.member.{number}.ContextKeyValues.member"
        context[key.lower()] = iam._p(parameters, f"{start}.1")
        number += 1
    return context
