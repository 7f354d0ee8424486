"""Stacks of the project's own templates, with functions that hand out their sessions.

The functions' roles trust Lambda alone, so nobody but a function under such a role has its session:
here, as on AWS, one is put in the place of each function. All else is as in the template.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloud import Cloud
from samcli.yamlhelper import yaml_parse

ROOT = Path(__file__).parents[2]
SESSION = """
import os

def handler(event, context):
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    return [os.environ[name] for name in names]
"""


def template(path: str) -> dict[str, Any]:
    """A template of the repository, with its functions replaced."""
    found: dict[str, Any] = yaml_parse((ROOT / path).read_text(encoding="utf-8"))
    for resource in found["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            del resource["Properties"]["CodeUri"]
            resource["Properties"] |= {
                "InlineCode": SESSION,
                "Handler": "index.handler",
                "Runtime": "python3.12",
            }
    return found


@dataclass(frozen=True)
class Stack:
    """A stack that was made."""

    cloud: Cloud
    region: str
    name: str
    outputs: dict[str, str]
    resources: dict[str, str]

    def role(self, logical_id: str) -> str:
        """ARN of one of its roles."""
        role = self.cloud.client("iam").get_role(RoleName=self.resources[logical_id])
        return str(role["Role"]["Arn"])

    def session(self, logical_id: str) -> Cloud:
        """Whoever is in the place of one of its functions."""
        functions = self.cloud.client("lambda", self.region)
        answer = functions.invoke(FunctionName=self.resources[logical_id], Payload=b"{}")
        assert "FunctionError" not in answer
        return Cloud(self.cloud.url, *json.loads(answer["Payload"].read()))


def install(cloud: Cloud, region: str, name: str, path: str, **parameters: str) -> Stack:
    """Makes a stack of a template of the repository and waits for it."""
    return deploy(cloud, region, name, template(path), **parameters)


def deploy(
    cloud: Cloud, region: str, name: str, content: dict[str, Any], **parameters: str
) -> Stack:
    """Makes a stack and waits for it."""
    formation = cloud.client("cloudformation", region)
    # By way of S3, as SAM CLI does it: a template in the request may have 51,200 bytes at most.
    bucket = cloud.bucket(region)
    cloud.client("s3", region).put_object(
        Bucket=bucket, Key=name, Body=json.dumps(content).encode()
    )
    formation.create_stack(
        StackName=name,
        TemplateURL=f"https://s3.{region}.amazonaws.com/{bucket}/{name}",
        Capabilities=["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[
            {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
        ],
    )
    deadline = time.monotonic() + 60
    while True:
        (stack,) = formation.describe_stacks(StackName=name)["Stacks"]
        if not stack["StackStatus"].endswith("IN_PROGRESS"):
            break
        assert time.monotonic() < deadline, f"stack `{name}` is still {stack['StackStatus']}"
        time.sleep(0.1)
    assert stack["StackStatus"] == "CREATE_COMPLETE", stack.get("StackStatusReason")
    resources = formation.describe_stack_resources(StackName=name)["StackResources"]
    return Stack(
        cloud,
        region,
        name,
        {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])},
        {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in resources},
    )
