"""Event buses that rules and callers of other accounts and Regions send to.

MiniStack knows a bus in its own account and Region alone, and asks no policy of one.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-region.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import (
    error_response_json,
    get_account_id,
    get_region,
    json_response,
    new_uuid,
    request_scope,
)
from ministack.services import eventbridge

from aws_behaviour import role, undelivered
from aws_behaviour.refusal import RefusalError
from aws_behaviour.resource_policies import lets_caller
from aws_behaviour.undelivered import UndeliverableError

Properties = dict[str, Any]
POLICY_TYPE = "AWS::Events::EventBusPolicy"
SERVICE = "events.amazonaws.com"
# In MiniStack's record of an event: it has come from another bus.
FORWARDED = "_Forwarded"

# MiniStack's own function, taken before it is replaced.
_put_events: Callable[..., Any] = eventbridge._put_events


@dataclass(frozen=True)
class Bus:
    """An event bus of any account and Region."""

    arn: str
    account: str
    region: str
    name: str

    @property
    def exists(self) -> bool:
        if self.name == "default":
            return True
        return eventbridge._event_buses.get_scoped(self.account, self.region, self.name) is not None

    @property
    def policy(self) -> Any:
        return eventbridge._event_bus_policies.get_scoped(self.account, self.region, self.name)

    @property
    def is_here(self) -> bool:
        return (self.account, self.region) == (get_account_id(), get_region())

    def take(self, event: dict[str, Any]) -> None:
        """Its own rules get the event, which keeps the account and Region that it began in."""
        with request_scope(self.account, self.region):
            there = {**event, "EventBusName": self.name}
            there.pop("_DispatchPath", None)
            eventbridge._dispatch_event(there)
            eventbridge._archive_event(there)


def named(arn: str) -> Bus | None:
    """The bus of an ARN; `None` where it is the ARN of no bus."""
    parts = arn.split(":", 5)
    if len(parts) < 6 or parts[2] != "events" or not parts[5].startswith("event-bus/"):
        return None
    return Bus(arn, parts[4], parts[3], parts[5].partition("/")[2])


def forward(bus: Bus, target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any]) -> None:
    """Sends an event from a rule to another bus; `UndeliverableError` where it may not.

    "If a receiver account sets up a rule that sends events received from a sender account on to a
    third account, these events are not sent to the third account"; nor does a third bus of one
    account get them.
    """
    if event.get(FORWARDED):
        raise UndeliverableError(undelivered.THIRD_ACCOUNT, "the event has come from another bus")
    if not bus.exists:
        raise UndeliverableError(undelivered.NO_RESOURCE, f"bus `{bus.arn}` does not exist")
    role_arn = target.get("RoleArn")
    if role_arn:
        _may_put(bus, role_arn, event, rule)
    elif not bus.is_here:
        raise UndeliverableError(undelivered.NO_PERMISSIONS, "the target has no role")
    bus.take({**event, FORWARDED: True})


def _may_put(bus: Bus, role_arn: str, event: dict[str, Any], rule: dict[str, Any]) -> None:
    """The rule's role must allow it, and the bus's policy where that is another account's."""
    source = {"aws:sourceaccount": rule["Arn"].split(":")[4], "aws:sourcearn": rule["Arn"]}
    try:
        session = role.assume(role_arn, SERVICE, source)
    except RefusalError as refused:
        raise UndeliverableError(undelivered.NO_PERMISSIONS, str(refused)) from refused
    keys = {
        "events:source": [event.get("Source", "")],
        "events:detail-type": [event.get("DetailType", "")],
        "events:eventbusinvocation": "true",
        "aws:sourcearn": rule["Arn"],
    }
    if not session.may_send(bus.arn, bus.region, bus.account, bus.policy, keys):
        words = f"role `{role_arn}` may not events:PutEvents on `{bus.arn}`"
        raise UndeliverableError(undelivered.NO_PERMISSIONS, words)


def put_events(data: dict[str, Any], allow_aws_source: bool = False) -> Any:
    """Replaces EventBridge's: entries may name a bus of another account, whose policy decides.

    Of several entries' sources, all are in the request's `events:source`.
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html
    """
    entries = data.get("Entries", [])
    buses = [_abroad(entry) for entry in entries]
    if not any(buses):
        return _put_events(data, allow_aws_source)
    for bus in {bus for bus in buses if bus}:
        if not _caller_may_put(bus, entries):
            return error_response_json(
                "AccessDeniedException",
                f"User: {iam_evaluator.caller_arn()} is not authorized to perform: "
                f"events:PutEvents on resource: {bus.arn}",
                400,
            )
    results = []
    for entry, bus in zip(entries, buses, strict=True):
        if bus is None:
            answer = _put_events({"Entries": [entry]}, allow_aws_source)
            results += _entries_of(answer)
            continue
        event = _event(entry)
        bus.take({**event, FORWARDED: True})
        results.append({"EventId": event["EventId"]})
    failed = sum("ErrorCode" in result for result in results)
    return json_response({"FailedEntryCount": failed, "Entries": results})


def _abroad(entry: dict[str, Any]) -> Bus | None:
    """The bus of another account in this Region; an endpoint takes none of another Region."""
    bus = named(entry.get("EventBusName") or "")
    if bus is None or bus.account == get_account_id() or bus.region != get_region():
        return None
    return bus


def _caller_may_put(bus: Bus, entries: list[dict[str, Any]]) -> bool:
    keys = {
        "events:source": [entry.get("Source", "") for entry in entries],
        "events:detail-type": [entry.get("DetailType", "") for entry in entries],
        "events:eventbusinvocation": "false",
    }
    return bus.exists and lets_caller(bus.policy, "events:PutEvents", bus.arn, bus.region, keys)


def _event(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "EventId": new_uuid(),
        "Source": entry.get("Source", ""),
        "DetailType": entry.get("DetailType", ""),
        "Detail": entry.get("Detail", "{}"),
        "Time": int(eventbridge._now_ts()),
        "Resources": entry.get("Resources", []),
        "Account": get_account_id(),
        "Region": get_region(),
    }


def _entries_of(answer: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(answer[2])["Entries"]
    return found


def policy_handlers() -> dict[str, Callable[..., Any]]:
    """CloudFormation's `AWS::Events::EventBusPolicy`, which MiniStack has not.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-events-eventbuspolicy.html
    """
    return {"create": create_policy, "update": update_policy, "delete": delete_policy}


def create_policy(logical_id: str, props: Properties, stack_name: str) -> Any:
    name, sid = props.get("EventBusName") or "default", props["StatementId"]
    bus = Bus(
        f"arn:aws:events:{get_region()}:{get_account_id()}:event-bus/{name}",
        get_account_id(),
        get_region(),
        name,
    )
    statement = props["Statement"]
    if not bus.exists:
        raise ValueError(f"Event bus {name} does not exist.")
    if statement.get("Resource") != bus.arn:
        raise ValueError(f"The statement's Resource must be {bus.arn}.")
    policy = bus.policy or {"Version": "2012-10-17", "Statement": []}
    others = [one for one in policy["Statement"] if one.get("Sid") != sid]
    eventbridge._event_bus_policies[name] = {
        **policy,
        "Statement": [*others, {"Sid": sid, **statement}],
    }
    return f"{name}|{sid}", {}


def update_policy(physical_id: str, old: Properties, new: Properties, stack_name: str) -> Any:
    return create_policy("", new, stack_name)


def delete_policy(physical_id: str, props: Properties) -> None:
    name, _, sid = physical_id.partition("|")
    eventbridge._remove_permission({"EventBusName": name, "StatementId": sid})
