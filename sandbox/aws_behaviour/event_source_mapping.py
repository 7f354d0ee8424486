"""Numbers of an event source mapping, which a template gives as text.

CloudFormation hands a service the types of its own API: `!Ref` of a `Number` parameter reaches
Lambda as a number. MiniStack turns those of `BatchSize`, but leaves `ScalingConfig` as it came,
and its poller then stops at the first comparison.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-lambda-eventsourcemapping-scalingconfig.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.services.cloudformation import provisioners

Properties = dict[str, Any]
TYPE = "AWS::Lambda::EventSourceMapping"
_create = provisioners._lambda_esm_create
_update = provisioners._lambda_esm_update


def handlers() -> dict[str, Callable[..., Any]]:
    """What MiniStack calls for the resource type: its own functions, given numbers."""
    return {**provisioners._RESOURCE_HANDLERS[TYPE], "create": create, "update": update}


def create(logical_id: str, props: Properties, stack_name: str) -> Any:
    return _create(logical_id, with_numbers(props), stack_name)


def update(physical_id: str, old_props: Properties, new_props: Properties, stack_name: str) -> Any:
    return _update(physical_id, with_numbers(old_props), with_numbers(new_props), stack_name)


def with_numbers(props: Properties) -> Properties:
    """The properties with the scaling limits as numbers."""
    scaling = props.get("ScalingConfig")
    if not scaling:
        return props
    return {**props, "ScalingConfig": {name: int(value) for name, value in scaling.items()}}
