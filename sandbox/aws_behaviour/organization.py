"""Accounts that belong to an organization, which MiniStack makes and then forgets.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalorgid
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.core.responses import error_response_json, get_account_id, get_region, request_scope
from ministack.services import organizations

# What a member may ask that is no delegated administrator:
# https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeOrganization.html
FOR_EVERYBODY = "DescribeOrganization"

# MiniStack's own function, taken before it is replaced.
_handle_request: Callable[..., Any] = organizations.handle_request


def manager_of(account: str) -> str | None:
    """The management account of an account's organization; its own where it is that."""
    for (manager, member), record in organizations._accounts.to_dict().items():
        if member == account and record["Status"] == "ACTIVE":
            return str(manager)
    return None


def principal_org_id(account_id: str) -> str | None:
    """Replaces the evaluator's: the organization that the account is a member of."""
    manager = manager_of(account_id)
    found = manager and organizations._orgs.get_scoped(manager, None, "self")
    return str(found["Id"]) if found else None


async def handle_request(
    method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any]
) -> Any:
    """Replaces Organizations': a member has no organization of its own."""
    manager = manager_of(get_account_id())
    if manager in (None, get_account_id()):
        return await _handle_request(method, path, headers, body, query_params)
    asked = (headers.get("x-amz-target") or "").rpartition(".")[2]
    if asked != FOR_EVERYBODY:
        return error_response_json(
            "AccessDeniedException", "You don't have permissions to access this resource.", 400
        )
    with request_scope(manager, get_region()):
        return await _handle_request(method, path, headers, body, query_params)
