"""Deletes a stack and waits until it is gone: `delete_stack.py STACK`, with AWS's environment.

`sam delete` looks only every 30 seconds: most of the time of a suite that deletes a dozen stacks.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import boto3
from botocore.exceptions import ClientError

BETWEEN_LOOKS = 0.2


def main() -> None:
    """Fails, with the reasons from the stack's events, where something could not be deleted."""
    cloudformation = boto3.client("cloudformation")
    (stack,) = cloudformation.describe_stacks(StackName=sys.argv[1])["Stacks"]
    # By its id, a stack is found also when it is gone.
    name = stack["StackId"]
    cloudformation.delete_stack(StackName=name)
    while (status := status_of(cloudformation, name)) != "DELETE_COMPLETE":
        if status == "DELETE_FAILED":
            events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
            reasons = [
                event["LogicalResourceId"] + ": " + event.get("ResourceStatusReason", "no reason")
                for event in events
                if event["ResourceStatus"] == "DELETE_FAILED"
            ]
            sys.exit("\n".join(reasons))
        time.sleep(BETWEEN_LOOKS)


def status_of(cloudformation: Any, name: str) -> str:
    """The stack's status."""
    try:
        (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if "does not exist" in str(error):
            return "DELETE_COMPLETE"
        raise
    return stack["StackStatus"]


if __name__ == "__main__":
    main()
