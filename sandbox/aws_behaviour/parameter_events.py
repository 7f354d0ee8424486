"""Parameter Store's events to EventBridge, which MiniStack does not send.

https://docs.aws.amazon.com/systems-manager/latest/userguide/reference-eventbridge-events.html
https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-cwe.html
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

from ministack.core.responses import get_account_id, get_region, new_uuid, now_iso
from ministack.services import eventbridge, ssm

logger = logging.getLogger("aws_behaviour")

_Handler = Callable[[dict[str, Any]], Any]
# MiniStack's own functions, taken before they are replaced.
_put_parameter: _Handler = ssm._put_parameter
_delete_parameter: _Handler = ssm._delete_parameter
_delete_parameters: _Handler = ssm._delete_parameters


def put_parameter(data: dict[str, Any]) -> Any:
    """Replaces Systems Manager's: tells whether the parameter is new."""
    response = _put_parameter(data)
    if response[0] == 200:
        name = data["Name"]
        operation = "Create" if json.loads(response[2])["Version"] == 1 else "Update"
        _tell(operation, ssm._parameters[name])
    return response


def delete_parameter(data: dict[str, Any]) -> Any:
    """Replaces Systems Manager's."""
    _, parameter = ssm._lookup_parameter(data.get("Name"))
    response = _delete_parameter(data)
    if response[0] == 200:
        _tell("Delete", parameter)
    return response


def delete_parameters(data: dict[str, Any]) -> Any:
    """Replaces Systems Manager's: one event for each."""
    found = [ssm._lookup_parameter(name)[1] for name in data.get("Names", [])]
    response = _delete_parameters(data)
    deleted = json.loads(response[2]).get("DeletedParameters", [])
    for parameter in found:
        if parameter and parameter["Name"] in deleted:
            _tell("Delete", parameter)
    return response


def _tell(operation: str, parameter: dict[str, Any]) -> None:
    detail = {"operation": operation, "name": parameter["Name"], "type": parameter["Type"]}
    if parameter.get("Description"):
        detail["description"] = parameter["Description"]
    event = {
        "EventId": new_uuid(),
        "Source": "aws.ssm",
        "DetailType": "Parameter Store Change",
        "Detail": json.dumps(detail),
        "EventBusName": "default",
        "Time": now_iso(),
        "Resources": [parameter["ARN"]],
        "Account": get_account_id(),
        "Region": get_region(),
    }
    try:
        eventbridge._dispatch_event(event)
    except Exception:
        # "Best effort": no delivery undoes the change that it tells of.
        logger.exception("the event of parameter `%s` was not delivered", parameter["Name"])
