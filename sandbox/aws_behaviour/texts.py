"""What IAM, KMS and Lambda take as names and policies, and MiniStack does not check."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import error_response_json
from ministack.services import iam, lambda_svc
from ministack.services.cloudformation import provisioners

from aws_behaviour import lockout

# Policies are ASCII and the Latin-1 supplement.
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html
_POLICY = re.compile("[\t\n\r -\u00ff]+")
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
_NAMES = {
    "RoleName": re.compile(r"[\w+=,.@-]{1,64}", re.ASCII),
    "PolicyName": re.compile(r"[\w+=,.@-]{1,128}", re.ASCII),
    "Path": re.compile("/|(/[!-\x7f]+/)"),
    "Description": re.compile("[\t\n\r -~\u00a1-\u00ff]{0,1000}"),
    "PolicyDocument": _POLICY,
    "AssumeRolePolicyDocument": _POLICY,
}
_ROLE_OPERATIONS = (
    "CreateRole",
    "DeleteRole",
    "DeleteRolePolicy",
    "GetRole",
    "GetRolePolicy",
    "ListRolePolicies",
    "PutRolePermissionsBoundary",
    "PutRolePolicy",
    "TagRole",
    "UpdateAssumeRolePolicy",
)
# https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
LONGEST_FUNCTION_NAME = 64

_create_function: Callable[[dict[str, Any]], Any] = lambda_svc._create_function
_lambda_create: Callable[..., Any] = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"][
    "create"
]


def strict_handlers() -> dict[str, Callable[[dict[str, Any]], Any]]:
    """IAM's operations on roles, which refuse what is out of its characters and lengths."""
    return {name: _checked(iam._IAM_HANDLERS[name]) for name in _ROLE_OPERATIONS}


def _checked(handler: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    def handle(p: dict[str, Any]) -> Any:
        for name, form in _NAMES.items():
            value = iam._p(p, name)
            if value and not form.fullmatch(value):
                member = name[0].lower() + name[1:]
                message = (
                    f"1 validation error detected: Value at '{member}' failed to satisfy "
                    f"constraint: Member must satisfy regular expression pattern: {form.pattern}"
                )
                return iam._error(400, "ValidationError", message, ns="iam")
        return handler(p)

    return handle


def create_key(data: dict[str, Any]) -> Any:
    """Replaces KMS's: its policies have the characters of IAM's.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html
    """
    return _out_of_characters(data) or lockout.create_key(data)


def put_key_policy(data: dict[str, Any]) -> Any:
    """Replaces KMS's, as `create_key`."""
    return _out_of_characters(data) or lockout.put_key_policy(data)


def _out_of_characters(data: dict[str, Any]) -> Any:
    policy = data.get("Policy")
    if policy is None or _POLICY.fullmatch(policy):
        return None
    message = "1 validation error detected: Value at 'policy' failed to satisfy constraint"
    return error_response_json("ValidationException", message, 400)


def lambda_create(logical_id: str, props: dict[str, Any], stack_name: str) -> Any:
    """Replaces CloudFormation's."""
    refusal = _no_function(props)
    if refusal is not None:
        raise ValueError(refusal[1])
    return _lambda_create(logical_id, props, stack_name)


def create_function(data: dict[str, Any]) -> Any:
    """Replaces Lambda's."""
    refusal = _no_function(data)
    if refusal is not None:
        return error_response_json(*refusal, 400)
    return _create_function(data)


def _no_function(asked: dict[str, Any]) -> tuple[str, str] | None:
    """Why there is no such function: its name has a limit, and tracing needs a permission.

    Lambda asks for `xray:PutTraceSegments` when a function with tracing is made, and not only when
    it runs: https://github.com/aws/serverless-application-model/issues/225
    """
    name = asked.get("FunctionName") or ""
    if len(name) > LONGEST_FUNCTION_NAME:
        return "ValidationException", (
            f"1 validation error detected: Value '{name}' at 'functionName' failed to satisfy "
            f"constraint: Member must have length less than or equal to {LONGEST_FUNCTION_NAME}"
        )
    if (asked.get("TracingConfig") or {}).get("Mode") == "Active" and not _may_trace(asked["Role"]):
        return "InvalidParameterValueException", (
            "The provided execution role does not have permissions to call PutTraceSegments on XRAY"
        )
    return None


def _may_trace(role_arn: str) -> bool:
    account, name = role_arn.split(":")[4], role_arn.rpartition("/")[2]
    asked = iam_evaluator.EvalContext(
        principal_arn=role_arn,
        principal_type="AssumedRole",
        principal_account=account,
        action="xray:PutTraceSegments",
        resource_arn="*",
        region="us-east-1",
    )
    policies = iam_evaluator._gather_role_policies(name, account)
    return bool(iam_evaluator.evaluate(asked, policies).decision == "Allow")
