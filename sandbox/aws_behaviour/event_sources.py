"""The condition key `events:source`, which MiniStack's EventBridge leaves out of a request."""

from __future__ import annotations

import json
from typing import Any

from ministack.core import iam_actions

# MiniStack's own function, taken before it is replaced.
_request_tag_context = iam_actions.request_tag_context


def request_tag_context(
    service: str, iam_action: str, body: bytes, params: dict[str, Any]
) -> dict[str, Any]:
    """Replaces MiniStack's: PutEvents also carries the source of its events.

    EventBridge authorizes each event; here a request whose events differ has no source at all, so
    that a condition on it refuses the whole request.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html
    """
    context = dict(_request_tag_context(service, iam_action, body, params))
    if iam_action == "events:PutEvents":
        sources = _sources(body)
        if len(sources) == 1:
            context["events:source"] = sources.pop()
    return context


def _sources(body: bytes) -> set[str]:
    try:
        return {str(entry["Source"]) for entry in json.loads(body)["Entries"]}
    except (ValueError, KeyError, TypeError):
        # EventBridge refuses such a request itself.
        return set()
