"""Policies of keys and roles, where MiniStack reads them otherwise than AWS."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import error_response_json
from ministack.services import kms

# MiniStack's own functions, taken before they are replaced.
_put_key_policy: Callable[[dict[str, Any]], Any] = kms._put_key_policy
_create_key: Callable[[dict[str, Any]], Any] = kms._create_key
_gather_role_policies: Callable[[str, str], Any] = iam_evaluator._gather_role_policies


def put_key_policy(data: dict[str, Any]) -> Any:
    """Replaces KMS's: refuses what is no policy, instead of locking everyone out.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html
    """
    return _malformed(data.get("Policy", "")) or _put_key_policy(data)


def create_key(data: dict[str, Any]) -> Any:
    """Replaces KMS's, as `put_key_policy`."""
    refusal = _malformed(data["Policy"]) if "Policy" in data else None
    return refusal or _create_key(data)


def _malformed(policy: str) -> Any:
    try:
        statements = json.loads(policy)["Statement"]
    except (ValueError, KeyError, TypeError):
        statements = None
    if statements:
        return None
    message = "The key policy is not a valid policy document"
    return error_response_json("MalformedPolicyDocumentException", message, 400)


def gather_role_policies(role_name: str, account_id: str) -> Any:
    """Replaces the evaluator's: SimulatePrincipalPolicy asks with the role's path.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
    """
    return _gather_role_policies(role_name.rpartition("/")[2], account_id)
