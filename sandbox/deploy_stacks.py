"""Makes or updates stacks in accounts and Regions of the local cloud, all at once, as a stack set does, and waits.

`deploy_stacks.py STACKS`, which are JSON, a list of
`{"account", "region", "name", "template", "parameters"}`; the template by its path or, where it is large,
its address in S3. Prints for each, in their order, `{"status", "reasons", "outputs"}`; a stack that fails
is no failure of this.

SAM CLI takes a process of some seconds for each.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import boto3

BETWEEN_LOOKS = 0.1
CAPABILITIES = ["CAPABILITY_NAMED_IAM"]


def main() -> None:
    stacks = json.loads(sys.argv[1])
    clients = [begun(stack) for stack in stacks]
    made = [
        waited_for(cloudformation, stack["name"])
        for cloudformation, stack in zip(clients, stacks, strict=True)
    ]
    print(json.dumps(made))


def begun(stack: dict[str, Any]) -> Any:
    """Creates or updates the stack as the root user of its account: CloudFormation there."""
    session = boto3.Session(stack["account"], "test", region_name=stack["region"])
    cloudformation = session.client("cloudformation")
    given = stack["parameters"].items()
    asked = {
        "StackName": stack["name"],
        "Capabilities": CAPABILITIES,
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in given],
        **template(stack["template"]),
    }
    try:
        cloudformation.create_stack(**asked)
    except cloudformation.exceptions.AlreadyExistsException:
        cloudformation.update_stack(**asked)
    return cloudformation


def template(where: str) -> dict[str, str]:
    if where.startswith("https://"):
        return {"TemplateURL": where}
    return {"TemplateBody": Path(where).read_text(encoding="utf-8")}


def waited_for(cloudformation: Any, name: str) -> dict[str, Any]:
    """The stack once nothing is in progress any more."""
    while True:
        (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
        if not stack["StackStatus"].endswith("IN_PROGRESS"):
            break
        time.sleep(BETWEEN_LOOKS)
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    return {
        "status": stack["StackStatus"],
        "reasons": [
            event["ResourceStatusReason"]
            for event in events
            if event["ResourceStatus"].endswith("_FAILED") and "ResourceStatusReason" in event
        ],
        "outputs": {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])},
    }


if __name__ == "__main__":
    main()
