"""What stacks rely on in the sandbox's CloudFormation."""

from __future__ import annotations

import json
import time

from cloud import DESTINATION_REGION, SOURCE_REGION, Cloud, unique

TEMPLATE = {
    "Parameters": {"Concurrency": {"Type": "Number", "Default": 2}},
    "Resources": {
        "Queue": {"Type": "AWS::SQS::Queue"},
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "lambda.amazonaws.com"},
                            "Action": "sts:AssumeRole",
                        }
                    ],
                },
                "Policies": [
                    {
                        "PolicyName": "p",
                        "PolicyDocument": {
                            "Version": "2012-10-17",
                            "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}],
                        },
                    }
                ],
            },
        },
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Runtime": "python3.12",
                "Handler": "index.handler",
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Code": {"ZipFile": "def handler(event, context):\n    return {}\n"},
            },
        },
        "Mapping": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]},
                "FunctionName": {"Ref": "Function"},
                "ScalingConfig": {"MaximumConcurrency": {"Ref": "Concurrency"}},
            },
        },
    },
    "Outputs": {"Url": {"Value": {"Ref": "Queue"}}},
}


def test_a_concurrency_from_a_parameter_does_not_stop_the_poller(cloud: Cloud) -> None:
    formation, name = cloud.client("cloudformation"), unique("mapping")
    formation.create_stack(
        StackName=name, TemplateBody=json.dumps(TEMPLATE), Capabilities=["CAPABILITY_IAM"]
    )
    stack = wait(lambda: formation.describe_stacks(StackName=name)["Stacks"][0], ended)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    [output] = stack["Outputs"]
    sqs, url = cloud.client("sqs", SOURCE_REGION), output["OutputValue"]
    sqs.send_message(QueueUrl=url, MessageBody="a")
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

    def left() -> int:
        counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(counts[name]) for name in names)

    assert wait(left, lambda count: count == 0) == 0


def test_the_same_stack_in_two_regions_has_two_roles(cloud: Cloud) -> None:
    name, roles = unique("regions"), set()
    template = {"Resources": {"Role": TEMPLATE["Resources"]["Role"]}}
    for region in (SOURCE_REGION, DESTINATION_REGION):
        formation = cloud.client("cloudformation", region)
        formation.create_stack(
            StackName=name, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"]
        )
        wait(lambda: formation.describe_stacks(StackName=name)["Stacks"][0], ended)  # noqa: B023
        [role] = formation.describe_stack_resources(StackName=name)["StackResources"]
        roles.add(role["PhysicalResourceId"])
    assert len(roles) == 2


def ended(stack: dict[str, str]) -> bool:
    return not stack["StackStatus"].endswith("IN_PROGRESS")


def wait(look, enough, seconds: float = 20):  # noqa: ANN001, ANN201
    deadline = time.monotonic() + seconds
    while not enough(found := look()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return found
