"""KMS refuses a key policy under which its author could not write the next one.

"The key policy must allow the calling principal to make a subsequent PutKeyPolicy request on the
KMS key", judged with the caller's own policies too, unless the request bypasses the check. Where no
policy is given, the default one is not checked.
https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html#KMS-CreateKey-request-Policy
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import error_response_json, get_region
from ministack.services import kms

from aws_behaviour import policies

# Those that are replaced for what is no policy at all.
_create_key: Callable[[dict[str, Any]], Any] = policies.create_key
_put_key_policy: Callable[[dict[str, Any]], Any] = policies.put_key_policy


def create_key(data: dict[str, Any]) -> Any:
    """Replaces KMS's: a policy of one's own has to leave its author in."""
    response = _create_key(data)
    if response[0] != 200 or "Policy" not in data or _bypasses(data):
        return response
    metadata = json.loads(response[2])["KeyMetadata"]
    if _may_write_policy(metadata["Arn"]):
        return response
    del kms._keys[metadata["KeyId"]]
    return _refusal()


def put_key_policy(data: dict[str, Any]) -> Any:
    """Replaces KMS's, as `create_key`."""
    record = kms._keys.get(data.get("KeyId", "").rpartition("/")[2])
    before = record.get("Policy") if record else None
    response = _put_key_policy(data)
    if response[0] != 200 or record is None or _bypasses(data) or _may_write_policy(record["Arn"]):
        return response
    record["Policy"] = before
    return _refusal()


def _bypasses(data: dict[str, Any]) -> bool:
    return bool(data.get("BypassPolicyLockoutSafetyCheck"))


def _may_write_policy(key_arn: str) -> bool:
    caller = iam_evaluator._verified_key.get()
    if not caller:
        # An account's root user.
        return True
    denied = iam_evaluator.enforce(caller, "kms:PutKeyPolicy", "kms", get_region(), key_arn)
    return denied is None


def _refusal() -> Any:
    message = "The new key policy will not allow you to update the key policy in the future."
    return error_response_json("MalformedPolicyDocumentException", message, 400)
