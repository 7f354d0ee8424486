"""Which resource a KMS request is authorized on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.core import iam_actions

from ministack_s3 import keys

# MiniStack's own function, taken before it is replaced.
_extract_resource_arn: Callable[..., str] = iam_actions.extract_resource_arn
# Stands for the key of an alias that has none.
NO_KEY = "key/none"
# Operations that are authorized on the alias as well as on the key.
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
    """Replaces MiniStack's: an alias stands for its key.

    "When the resource in an operation is a KMS key, policies apply to the key ARN"
    https://docs.aws.amazon.com/kms/latest/developerguide/alias-authorization.html
    """
    arn = _extract_resource_arn(
        service, method, path, headers, body, query_params, region, account_id
    )
    target = headers.get("x-amz-target", "").rpartition(".")[2]
    if service == "kms" and ":alias/" in arn and target not in _ON_ALIASES:
        key = keys.find(arn, account_id, region)
        # An alias without a key is looked up before anything is authorized: whoever may use some
        # key is told NotFoundException.
        return key.arn if key else arn.partition("alias/")[0] + NO_KEY
    return arn
