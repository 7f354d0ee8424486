"""The condition key `iam:PermissionsBoundary`, which MiniStack's IAM leaves out of a request.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
"""

from __future__ import annotations

from typing import Any

from ministack.services import iam

from aws_behaviour import event_sources

# Operations that say which boundary the role is to have; the others are about one that it has.
_SET = ("iam:CreateRole", "iam:PutRolePermissionsBoundary")
_OF_ROLE = (
    "iam:AttachRolePolicy",
    "iam:DeleteRolePermissionsBoundary",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:PutRolePolicy",
)


def request_tag_context(
    service: str, iam_action: str, body: bytes, params: dict[str, Any]
) -> dict[str, Any]:
    """Replaces MiniStack's: a request about a role also carries the role's boundary."""
    context = event_sources.request_tag_context(service, iam_action, body, params)
    boundary = None
    if iam_action in _SET:
        boundary = iam._p(params, "PermissionsBoundary")
    elif iam_action in _OF_ROLE:
        role = iam._roles.get(iam._p(params, "RoleName")) or {}
        boundary = role.get("PermissionsBoundary")
    if boundary:
        context["iam:PermissionsBoundary"] = boundary
    return context
