"""Who may put which events on a bus."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from cloud import ACCOUNT, SOURCE_REGION, Cloud, allow

BUS = f"arn:aws:events:{SOURCE_REGION}:{ACCOUNT}:event-bus/default"
OURS = {"StringEquals": {"events:source": "ours"}}


def entry(source: str) -> dict[str, Any]:
    return {"Source": source, "DetailType": "t", "Detail": "{}"}


def test_a_condition_on_the_source_lets_only_its_events_through(cloud: Cloud) -> None:
    events = cloud.user(allow("events:PutEvents", BUS, Condition=OURS)).client("events")
    assert events.put_events(Entries=[entry("ours"), entry("ours")])["FailedEntryCount"] == 0
    for entries in [[entry("theirs")], [entry("ours"), entry("theirs")]]:
        with pytest.raises(ClientError, match="AccessDenied"):
            events.put_events(Entries=entries)
