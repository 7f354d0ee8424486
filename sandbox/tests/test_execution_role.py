"""The role with which StackSets installs the product has what its resources' handlers need, and
nothing else.

CloudFormation's handlers say which actions they call, in the schema of each type; cfn-lint brings
the schemas. Here the local cloud's CloudFormation makes the stack, whoever asks, and IAM's
simulator says whether the role could have.
https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html#schema-properties-handlers
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import cfnlint
import pytest
from botocore.exceptions import ClientError
from cloud import DESTINATION_REGION, Cloud, allow
from installed import Stack, deploy, install
from test_stack_sets import STACK, release

MEMBER, ADMINISTRATOR = "555566667777", "666677778888"
REGION = DESTINATION_REGION
CODE = "codes"
SCHEMAS = Path(cfnlint.__file__).parent / "data/schemas"
EVERYTHING = {
    "CentralEventBusArn": "arn:aws:events:us-east-1:777788889999:event-bus/encrypted-replication",
    "DriftSchedule": "rate(1 day)",
    "EvidenceDestinationArn": f"arn:aws:logs:{REGION}:777788889999:destination:evidence",
    "FindingsEmail": "somebody@example.com",
    "ProofSchedule": "rate(1 day)",
    "Repair": "true",
    "SecurityHub": "true",
    "WatchSchedule": "rate(1 day)",
}

# What the template gives its resources no reason for, by the type whose handlers name it.
UNUSED = {
    # Attached to nothing: the one managed policy is a boundary.
    "AWS::IAM::ManagedPolicy": ["iam:Attach*", "iam:Detach*"],
    # Inline policies only, and no boundary.
    "AWS::IAM::Role": ["iam:AttachRolePolicy", "iam:DetachRolePolicy", "iam:*Boundary"],
    # No VPC, file system, key, layer, signing or capacity of its own.
    "AWS::Lambda::Function": [
        "ec2:*",
        "elasticfilesystem:*",
        "s3files:*",
        "kms:*",
        "lambda:GetLayerVersion",
        "lambda:GetCodeSigningConfig",
        "lambda:PutFunctionCodeSigningConfig",
        "lambda:DeleteFunctionCodeSigningConfig",
        "lambda:PutFunctionScalingConfig",
        "lambda:PassCapacityProvider",
    ],
    "AWS::Lambda::EventSourceMapping": ["kms:*"],
    # No replicas, import or stream; its items are the state machine's.
    "AWS::DynamoDB::Table": [
        "dynamodb:*TableReplica",
        "dynamodb:*Import*",
        "dynamodb:*ableKinesis*",
        "dynamodb:UpdateKinesis*",
        "dynamodb:*Item",
        "dynamodb:Query",
        "dynamodb:Scan",
        "kinesis:*",
        "kms:*",
        "logs:*",
        "s3:*",
        "iam:*",
    ],
    # No delivery, index or resource policy, which are the whole account's.
    "AWS::Logs::LogGroup": [
        "firehose:*",
        "s3:*",
        "logs:CreateLogDelivery",
        "logs:*BearerToken*",
        "logs:PutIndexPolicy",
        "logs:DeleteIndexPolicy",
        "logs:PutResourcePolicy",
        "logs:DeleteResourcePolicy",
    ],
    # To a destination, which takes no role.
    "AWS::Logs::SubscriptionFilter": ["iam:PassRole"],
    # Deliveries are not logged.
    "AWS::SNS::Topic": ["iam:*"],
    "AWS::SNS::Subscription": ["iam:*"],
    # The definition is in the template, under no key of its own.
    "AWS::StepFunctions::StateMachine": ["kms:*", "s3:*"],
}


@cache
def handlers(kind: str) -> frozenset[str]:
    """The actions that a type's handlers call for resources of this template."""
    names = json.loads((SCHEMAS / "providers/us-east-1.json").read_text())
    schema = json.loads((SCHEMAS / f"resources/{names[kind]}.json").read_text())
    called = {
        action
        for name, handler in schema["handlers"].items()
        if name != "list"
        for action in handler["permissions"]
    }
    unused = UNUSED.get(kind, [])
    # Each line there is about something.
    assert [one for one in unused if not any(fnmatchcase(a, one) for a in called)] == []
    return frozenset(a for a in called if not any(fnmatchcase(a, one) for one in unused))


@dataclass(frozen=True)
class Installed:
    """The product in the member's account, and the role there."""

    member: Cloud
    template: dict[str, Any]
    stack: Stack
    role: str

    def kind(self, name: str) -> str:
        return str(self.template["Resources"][name]["Type"])

    def arn(self, name: str) -> str:
        """Which ARN the calls for a resource are about."""
        kind, id = self.kind(name), self.stack.resources[name]
        about = self.template["Resources"][name]["Properties"]
        if id.startswith("arn:"):
            return ":".join(id.split(":")[:6]) if kind.endswith("::Subscription") else id
        if kind in ABOUT:
            given = about[ABOUT[kind]]
            return self.arn((given[0] if isinstance(given, list) else given)["Ref"])
        return ARNS[kind].format(here=f"{REGION}:{MEMBER}", id=id.rpartition("/")[2] or id, full=id)

    def asked(self, actions: set[str], resource: str, **context: str) -> set[str]:
        """Those of the actions that the simulator lets the role do."""
        keys = {"lambda:FunctionArn": self.arn("CheckReplica"), STACK_TAG: STACK, **context}
        answer = self.member.client("iam").simulate_principal_policy(
            PolicySourceArn=self.role,
            ActionNames=sorted(actions),
            ResourceArns=[resource],
            ContextEntries=[
                {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
                for key, value in keys.items()
            ],
        )
        results = answer["EvaluationResults"]
        return {one["EvalActionName"] for one in results if one["EvalDecision"] == "allowed"}


STACK_TAG = "aws:ResourceTag/aws:cloudformation:stack-name"
# Resources that are settings of another, and the property that names it.
ABOUT = {
    "AWS::Lambda::EventInvokeConfig": "FunctionName",
    "AWS::Lambda::Permission": "FunctionName",
    "AWS::Logs::MetricFilter": "LogGroupName",
    "AWS::Logs::SubscriptionFilter": "LogGroupName",
    "AWS::SNS::TopicPolicy": "Topics",
    "AWS::SQS::QueuePolicy": "Queues",
}
ARNS = {
    "AWS::CloudWatch::Alarm": "arn:aws:cloudwatch:{here}:alarm:{full}",
    "AWS::CloudWatch::Dashboard": f"arn:aws:cloudwatch::{MEMBER}:dashboard/{{full}}",
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:{here}:table/{full}",
    "AWS::Events::Rule": "arn:aws:events:{here}:rule/{full}",
    "AWS::IAM::Role": f"arn:aws:iam::{MEMBER}:role/{{full}}",
    "AWS::KMS::Key": "arn:aws:kms:{here}:key/{full}",
    "AWS::Lambda::EventSourceMapping": "arn:aws:lambda:{here}:event-source-mapping:{full}",
    "AWS::Lambda::Function": "arn:aws:lambda:{here}:function:{full}",
    "AWS::Logs::LogGroup": "arn:aws:logs:{here}:log-group:{full}",
    "AWS::SQS::Queue": "arn:aws:sqs:{here}:{id}",
}
# Actions that IAM knows no resource for, or that make what has no name yet.
ANYWHERE = {
    "cloudwatch:DescribeAlarms",
    "kms:CreateKey",
    "lambda:CreateEventSourceMapping",
    "logs:DescribeIndexPolicies",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "sns:GetSubscriptionAttributes",
    "sns:SetSubscriptionAttributes",
    "sns:Unsubscribe",
}
# Of a key that was just made nothing is known yet.
OF_ANY_KEY = {
    "kms:DescribeKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:TagResource",
}
# Of others than the resource itself.
ELSEWHERE = {"iam:PassRole", "s3:GetObject", "s3:GetObjectVersion"}


@pytest.fixture(scope="module")
def installed(cloud: Cloud) -> Installed:
    member = cloud.account(MEMBER)
    administration = install(
        cloud.account(ADMINISTRATOR),
        REGION,
        "administration",
        "examples/organisation/administration.yaml",
    )
    role = execution(cloud, MEMBER, administration, FindingsEmail="true", SecurityHub="true")
    template, code = release(member, REGION, CODE)
    stack = deploy(member, REGION, STACK, template, **code, **EVERYTHING)
    return Installed(member, template, stack, role)


def execution(cloud: Cloud, account: str, administration: Stack, **parameters: str) -> str:
    """ARN of the role of execution.yaml in an account."""
    stack = install(
        cloud.account(account),
        REGION,
        "execution",
        "examples/organisation/execution.yaml",
        AdministrationRoleArn=administration.outputs["AdministrationRoleArn"],
        CodeBucketPrefix=CODE,
        **parameters,
    )
    return stack.role("ExecutionRole")


def granted(cloud: Cloud, role: str) -> set[str]:
    """The actions for resources that a role's policy names."""
    iam, name = cloud.client("iam"), role.rpartition("/")[2]
    policy = iam.get_role_policy(RoleName=name, PolicyName="resources")["PolicyDocument"]
    found = set()
    for statement in policy["Statement"]:
        actions = statement["Action"]
        found.update([actions] if isinstance(actions, str) else actions)
    return found


def needed(template: dict[str, Any], left_out: set[str]) -> set[str]:
    """The actions of all resources, but for those under some conditions."""
    kinds = {
        resource["Type"]
        for resource in template["Resources"].values()
        if resource.get("Condition") not in left_out
    }
    return set().union(*(handlers(kind) for kind in kinds))


def test_its_actions_are_those_of_the_resources_handlers(installed: Installed) -> None:
    assert granted(installed.member, installed.role) == needed(installed.template, set())


def test_without_mail_and_security_hub_it_has_less(cloud: Cloud, installed: Installed) -> None:
    other = "111100002222"
    administration = install(
        cloud.account(ADMINISTRATOR),
        "us-east-1",
        "more",
        "examples/organisation/administration.yaml",
    )
    role = execution(cloud, other, administration)
    left_out = {"SendsEmail", "FeedsSecurityHub"}
    has = granted(cloud.account(other), role)
    assert has == needed(installed.template, left_out)
    assert {action.partition(":")[0] for action in has}.isdisjoint(
        {"kms", "sns", "dynamodb", "states"}
    )


def test_it_may_do_with_each_resource_what_the_handlers_do(installed: Installed) -> None:
    assert installed.stack.resources.keys() == installed.template["Resources"].keys()
    for name in installed.stack.resources:
        actions = handlers(installed.kind(name)) - ELSEWHERE
        on_it, on_all = actions - ANYWHERE, actions & ANYWHERE
        # Making or changing an event source mapping is about its function, its tags about itself.
        assert installed.asked(set(on_it), installed.arn(name)) == on_it, name
        if on_all:
            assert installed.asked(set(on_all), "*") == on_all, name
    code = {"s3:GetObject", "s3:GetObjectVersion"}
    archive = f"arn:aws:s3:::{CODE}-{REGION}/1.0/check-replica-arm64.zip"
    assert installed.asked(code, archive) == code
    destination = EVERYTHING["EvidenceDestinationArn"]
    assert installed.asked({"logs:PutSubscriptionFilter"}, destination)
    for role, service in [
        ("CheckReplicaRole", "lambda.amazonaws.com"),
        ("CentralRole", "events.amazonaws.com"),
        ("FindingsEmailRole", "states.amazonaws.com"),
    ]:
        passed = {"iam:PassedToService": service}
        assert installed.asked({"iam:PassRole"}, installed.arn(role), **passed), role
    assert installed.asked(
        {"cloudformation:CreateStack", "cloudformation:DeleteStack"},
        f"arn:aws:cloudformation:{REGION}:{MEMBER}:stack/{STACK}/1",
    )


def test_it_may_not_do_so_with_what_is_not_the_products(installed: Installed) -> None:
    somebodys = {"lambda:FunctionArn": f"arn:aws:lambda:{REGION}:{MEMBER}:function:somebodys"}
    for name in installed.stack.resources:
        arn = installed.arn(name)
        neighbour = arn
        for ours in (STACK, "StackSet-encrypted-", "encrypted-replication-", name):
            neighbour = neighbour.replace(ours, "somebodys-")
        nameless = ("AWS::KMS::Key", "AWS::Lambda::EventSourceMapping")
        assert neighbour != arn or installed.kind(name) in nameless, arn
        actions = handlers(installed.kind(name)) - ELSEWHERE - ANYWHERE - OF_ANY_KEY
        # A mapping's tags have no condition for its function.
        if installed.kind(name) == "AWS::Lambda::EventSourceMapping":
            actions -= {"lambda:ListTags", "lambda:TagResource", "lambda:UntagResource"}
        tagged = {**somebodys, STACK_TAG: "somebodys"}
        assert installed.asked(set(actions), neighbour, **tagged) == set(), neighbour
    role = f"arn:aws:iam::{MEMBER}:role/somebodys"
    passed = {"iam:PassedToService": "lambda.amazonaws.com"}
    assert not installed.asked({"iam:PassRole"}, role, **passed)
    ours = installed.arn("CheckReplicaRole")
    passed = {"iam:PassedToService": "ec2.amazonaws.com"}
    assert not installed.asked({"iam:PassRole"}, ours, **passed)
    assert not installed.asked({"s3:GetObject"}, "arn:aws:s3:::somebodys/a")
    assert not installed.asked(
        {"cloudformation:DeleteStack"},
        f"arn:aws:cloudformation:{REGION}:{MEMBER}:stack/somebodys/1",
    )


def test_only_stack_sets_gets_to_it(cloud: Cloud, installed: Installed) -> None:
    administrator = cloud.account(ADMINISTRATOR)
    administration = "encrypted-replication-stack-set-administration"
    arn = administrator.client("iam").get_role(RoleName=administration)["Role"]["Arn"]

    def may(resource: str) -> bool:
        answer = administrator.client("iam").simulate_principal_policy(
            PolicySourceArn=arn, ActionNames=["sts:AssumeRole"], ResourceArns=[resource]
        )
        return bool(answer["EvaluationResults"][0]["EvalDecision"] == "allowed")

    assert may(installed.role)
    assert not may(f"arn:aws:iam::{MEMBER}:role/admin")
    anybody = administrator.user(allow("sts:AssumeRole", "*"))
    for role in (arn, installed.role):
        with pytest.raises(ClientError, match="AccessDenied"):
            anybody.client("sts").assume_role(RoleArn=role, RoleSessionName="session")
