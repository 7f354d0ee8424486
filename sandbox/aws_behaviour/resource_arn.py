"""Which resource a request to KMS, IAM, SSM or Athena is authorized on."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ministack.core import iam_actions
from ministack.services import athena, iam

from aws_behaviour import keys

# MiniStack's own function, taken before it is replaced.
_extract_resource_arn: Callable[..., str] = iam_actions.extract_resource_arn
# Stands for the key of an alias that has none.
NO_KEY = "key/none"
# Operations that are authorized on the alias; KMS asks for the key too, which is not done here.
_ON_ALIASES = ("CreateAlias", "UpdateAlias", "DeleteAlias")


def extract_resource_arn(
    service: str,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    query_params: dict[str, Any],
    region: str,
    account_id: str,
) -> str:
    """Replaces MiniStack's: an alias stands for its key, a role has its path, as parameters have, a
    simulation is about the principal that it names, and a query's run about its workgroup.

    "When the resource in an operation is a KMS key, policies apply to the key ARN"
    https://docs.aws.amazon.com/kms/latest/developerguide/alias-authorization.html
    """
    arn = _extract_resource_arn(
        service, method, path, headers, body, query_params, region, account_id
    )
    if service == "iam" and (
        simulated := iam_actions._query_param(query_params, "PolicySourceArn")
    ):
        return str(simulated)
    if service == "iam" and arn.startswith(f"arn:aws:iam::{account_id}:role/"):
        return _role_arn(arn, query_params)
    target = headers.get("x-amz-target", "").rpartition(".")[2]
    if service == "kms" and target in _ON_ALIASES:
        return f"arn:aws:kms:{region}:{account_id}:{_field(body, 'AliasName')}"
    if service == "ssm" and target == "GetParametersByPath":
        return f"arn:aws:ssm:{region}:{account_id}:parameter{_field(body, 'Path')}"
    if service == "athena" and (run := athena._executions.get(_field(body, "QueryExecutionId"))):
        # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonathena.html
        arn = f"arn:aws:athena:{region}:{account_id}:workgroup/{run['WorkGroup']}"
    if service == "kms" and ":alias/" in arn:
        key = keys.find(arn, account_id, region)
        # An alias without a key is looked up before anything is authorized: whoever may use some
        # key is told NotFoundException.
        return key.arn if key else arn.partition("alias/")[0] + NO_KEY
    return arn


def _role_arn(arn: str, query_params: dict[str, Any]) -> str:
    """With the path of the role, or of the one to be made; a role that is not there has none.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html#awsidentityandaccessmanagementiam-role
    """
    prefix, _, name = arn.rpartition("/")
    if role := iam._roles.get(name):
        return str(role["Arn"])
    path = iam_actions._query_param(query_params, "Path") or "/"
    return f"{prefix}{path}{name}"


def _field(body: bytes, name: str) -> str:
    try:
        return str(json.loads(body)[name])
    except (ValueError, KeyError, TypeError):
        # The service refuses such a request itself.
        return ""
