"""The S3 request being served, for checks deep inside MiniStack's handlers."""

from __future__ import annotations

import contextvars
from dataclasses import dataclass
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import s3

Response = tuple[int, dict[str, str], bytes]

_serving: contextvars.ContextVar[Request] = contextvars.ContextVar("serving")


@dataclass(frozen=True)
class Request:
    """Who asks, from which account, for which object."""

    access_key: str
    account: str
    region: str
    bucket: str
    key: str

    def may(self, action: str, service: str, resource: str, context: dict[str, Any]) -> bool:
        """Whether the caller's own policies, with the resource's, allow the action.

        A form upload is anonymous to MiniStack's evaluator; its key was checked with the form.
        """
        token = iam_evaluator._anonymous.set(iam_evaluator._anonymous.get() and not self.access_key)
        with s3._in_account(self.account):
            denied = iam_evaluator.enforce(
                self.access_key, action, service, self.region, resource, context
            )
        iam_evaluator._anonymous.reset(token)
        return denied is None


def current() -> Request:
    """The request being served; outside of one, the root of the default account."""
    return _serving.get(None) or Request("", get_account_id(), get_region(), "", "")


def begin(request: Request) -> contextvars.Token[Request]:
    """From now on it is the one being served, until `end`."""
    return _serving.set(request)


def end(token: contextvars.Token[Request]) -> None:
    """The request was served."""
    _serving.reset(token)
