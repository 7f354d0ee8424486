"""Execution environments that end with their own function alone.

MiniStack ends those of every function with the name, in all accounts and Regions, when
CloudFormation makes a function or its configuration changes. An installation has the same names
wherever it is, and a request in another account would die in the middle.
"""

from __future__ import annotations

from collections.abc import Callable

from ministack.core.responses import get_account_id, get_region
from ministack.services import lambda_svc

_invalidate_worker: Callable[..., None] = lambda_svc.invalidate_worker


def invalidate_worker(
    func_name: str,
    qualifier: str | None = None,
    account: str | None = None,
    region: str | None = None,
) -> None:
    """Replaces Lambda's: where no account or Region is given, the caller's is meant."""
    _invalidate_worker(
        func_name,
        qualifier=qualifier,
        account=account or get_account_id(),
        region=region or get_region(),
    )
