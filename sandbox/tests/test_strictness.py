"""What AWS refuses and a lenient stand-in takes."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cloud import ACCOUNT, SOURCE_REGION, Cloud, allow, document, unique
from world import TRUST

ROOT = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
DEFAULT = document({"Effect": "Allow", "Principal": ROOT, "Action": "kms:*", "Resource": "*"})
MAKES_KEYS = allow(["kms:CreateKey", "kms:TagResource", "kms:DescribeKey"], "*")


def code(refused: pytest.ExceptionInfo[ClientError]) -> str:
    return str(refused.value.response["Error"]["Code"])


def test_a_key_policy_is_refused_to_whoever_could_not_write_the_next_one(cloud: Cloud) -> None:
    kms = cloud.user(MAKES_KEYS).client("kms")
    with pytest.raises(ClientError, match="update the key policy in the future") as refused:
        kms.create_key(Policy=DEFAULT)
    assert code(refused) == "MalformedPolicyDocumentException"


def test_the_default_key_policy_is_not_checked(cloud: Cloud) -> None:
    assert cloud.user(MAKES_KEYS).client("kms").create_key()["KeyMetadata"]["Enabled"]


def test_a_key_policy_is_taken_from_whoever_may_write_the_next_one_or_bypasses(
    cloud: Cloud,
) -> None:
    may = cloud.user(MAKES_KEYS, allow("kms:PutKeyPolicy", "*")).client("kms")
    assert may.create_key(Policy=DEFAULT)["KeyMetadata"]["Enabled"]
    kms = cloud.user(MAKES_KEYS).client("kms")
    key = kms.create_key(Policy=DEFAULT, BypassPolicyLockoutSafetyCheck=True)
    assert key["KeyMetadata"]["Enabled"]


def test_a_policy_that_locks_its_author_out_is_not_written(cloud: Cloud) -> None:
    key = cloud.kms_key(SOURCE_REGION)
    kms = cloud.user(allow(["kms:PutKeyPolicy", "kms:GetKeyPolicy"], "*")).client("kms")
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=DEFAULT)
    statement = {"Effect": "Allow", "Principal": ROOT, "Action": "kms:Get*", "Resource": "*"}
    with pytest.raises(ClientError) as refused:
        kms.put_key_policy(KeyId=key, PolicyName="default", Policy=document(statement))
    assert code(refused) == "MalformedPolicyDocumentException"
    assert json.loads(kms.get_key_policy(KeyId=key)["Policy"]) == json.loads(DEFAULT)


@pytest.mark.parametrize("prefix", ["税/", "Ω"])
def test_policies_are_latin(cloud: Cloud, prefix: str) -> None:
    iam, name = cloud.client("iam"), unique("latin")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(TRUST))
    policy = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [allow("s3:GetObject", f"arn:aws:s3:::b/{prefix}*")],
        },
        ensure_ascii=False,
    )
    with pytest.raises(ClientError) as refused:
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy)
    assert code(refused) == "ValidationError"
    fine = policy.replace(prefix, "Übersicht ")
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=fine)


@pytest.mark.parametrize("name", ["arn:aws:s3:::bucket", "a/b", "x" * 65])
def test_what_is_no_role_name_is_refused_also_to_readers(cloud: Cloud, name: str) -> None:
    iam = cloud.client("iam")
    for call in (
        lambda: iam.get_role(RoleName=name),
        lambda: iam.delete_role(RoleName=name),
        lambda: iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(TRUST)),
    ):
        with pytest.raises(ClientError) as refused:
            call()
        assert code(refused) == "ValidationError"


def stack_of(cloud: Cloud, function: dict[str, Any], *policies: dict[str, Any]) -> tuple[str, str]:
    """Status and reasons of a stack with one function."""
    formation, name = cloud.client("cloudformation"), unique("strict")
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    inline = {"PolicyName": "p", "PolicyDocument": json.loads(document(*policies))}
    template = {
        "Resources": {
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "AssumeRolePolicyDocument": json.loads(document(trust)),
                    "Policies": [inline] if policies else [],
                },
            },
            "Function": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "Handler": "index.handler",
                    "Runtime": "python3.12",
                    "Code": {"ZipFile": "def handler(event, context): pass"},
                    "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                    **function,
                },
            },
        }
    }
    formation.create_stack(
        StackName=name, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"]
    )
    deadline = time.monotonic() + 30
    while True:
        (stack,) = formation.describe_stacks(StackName=name)["Stacks"]
        if not stack["StackStatus"].endswith("IN_PROGRESS"):
            break
        assert time.monotonic() < deadline
        time.sleep(0.1)
    events = formation.describe_stack_events(StackName=name)["StackEvents"]
    reasons = " ".join(event.get("ResourceStatusReason", "") for event in events)
    return stack["StackStatus"], reasons


TRACED = {"TracingConfig": {"Mode": "Active"}}


def test_tracing_needs_its_permission_when_the_function_is_made(cloud: Cloud) -> None:
    status, reasons = stack_of(cloud, TRACED)
    assert status.startswith("ROLLBACK") and "PutTraceSegments on XRAY" in reasons
    status, _ = stack_of(cloud, TRACED, allow("xray:PutTraceSegments", "*"))
    assert status == "CREATE_COMPLETE"


def test_a_functions_name_has_64_characters_at_most(cloud: Cloud) -> None:
    status, reasons = stack_of(cloud, {"FunctionName": "f" * 65})
    assert status.startswith("ROLLBACK") and "less than or equal to 64" in reasons
    status, _ = stack_of(cloud, {"FunctionName": "f" * 64})
    assert status == "CREATE_COMPLETE"


def test_event_bridge_publishes_to_a_topic_only_where_its_policy_has_no_condition(
    cloud: Cloud,
) -> None:
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sns-permissions"""
    sns, events, name = cloud.client("sns"), cloud.client("events"), unique("told")
    url, queue = cloud.queue(SOURCE_REGION)
    open_to_all = document(allow("sqs:SendMessage", queue, Principal="*"))
    cloud.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": open_to_all})
    topic = sns.create_topic(Name=name)["TopicArn"]
    raw = {"RawMessageDelivery": "true"}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes=raw)
    rule = events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))["RuleArn"]
    events.put_targets(Rule=name, Targets=[{"Id": "topic", "Arn": topic}])
    service = {"Service": "events.amazonaws.com"}
    for number, (condition, told) in enumerate(
        [({"Condition": {"ArnEquals": {"aws:SourceArn": rule}}}, []), ({}, [1])]
    ):
        policy = document(allow("sns:Publish", topic, Principal=service, **condition))
        sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
        detail = json.dumps({"number": number})
        events.put_events(Entries=[{"Source": name, "DetailType": "x", "Detail": detail}])
        found = cloud.messages(SOURCE_REGION, url, 1, seconds=1.5)
        assert [event["detail"]["number"] for event in found] == told
