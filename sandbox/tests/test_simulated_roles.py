"""The roles of template.yaml with every option on, by IAM's simulator: what a service would have to
do in their names, and what hangs on the context of a request.

Real calls are in `test_who_may_what.py`.
"""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from cloud import ACCOUNT, DESTINATION_REGION, Cloud, allow, document, unique
from installed import Stack, install
from world import TRUST

HERE, ELSEWHERE = DESTINATION_REGION, "eu-central-1"
BOUNDARY = "arn:aws:iam::aws:policy/PowerUserAccess"
OURS = f"arn:aws:iam::{ACCOUNT}:role/encrypted-replication/source"
KEY = f"arn:aws:kms:{HERE}:{ACCOUNT}:key/1"
BUS = f"arn:aws:events:{HERE}:{ACCOUNT}:event-bus"
HUB = f"arn:aws:securityhub:{HERE}:{ACCOUNT}:product"
LOGS = f"arn:aws:logs:{HERE}:{ACCOUNT}:log-group"
OWNED = {"aws:RequestTag/encrypted-replication:owner": "er-1"}
OWNER = {"aws:ResourceTag/encrypted-replication:owner": "er-1"}

Context = dict[str, str]
# Whether, which action, on what, in which context. `{…}` is a resource of the stack.
Row = tuple[bool, str, str, Context]


def passed(service: str) -> Context:
    return {"iam:PassedToService": service}


def through(service: str) -> Context:
    return {"kms:ViaService": service}


def bounded(policy: str) -> Context:
    return {"iam:PermissionsBoundary": policy}


TABLES: dict[str, list[Row]] = {
    "ProvisionReplicationRole": [
        (True, "iam:PassRole", OURS, passed("s3.amazonaws.com")),
        (True, "iam:PassRole", OURS, passed("batchoperations.s3.amazonaws.com")),
        (False, "iam:PassRole", OURS, passed("lambda.amazonaws.com")),
        (False, "iam:PassRole", OURS, passed("ec2.amazonaws.com")),
        (False, "iam:PassRole", OURS, {}),
        (
            False,
            "iam:PassRole",
            f"arn:aws:iam::{ACCOUNT}:role/application/somebodys",
            passed("s3.amazonaws.com"),
        ),
        (False, "iam:PassRole", "{CheckReplicaRole}", passed("s3.amazonaws.com")),
        (True, "iam:CreateRole", OURS, bounded(BOUNDARY)),
        (False, "iam:CreateRole", OURS, bounded("arn:aws:iam::aws:policy/AdministratorAccess")),
        (False, "iam:CreateRole", OURS, {}),
        (True, "iam:PutRolePolicy", OURS, bounded(BOUNDARY)),
        (False, "iam:PutRolePolicy", OURS, {}),
        (True, "iam:PutRolePermissionsBoundary", OURS, bounded(BOUNDARY)),
        (False, "iam:PutRolePermissionsBoundary", OURS, bounded(f"{BOUNDARY}2")),
        (False, "iam:DeleteRolePermissionsBoundary", OURS, bounded(BOUNDARY)),
        # What was made before the boundary was demanded can go.
        (True, "iam:DeleteRolePolicy", OURS, {}),
        (True, "iam:DeleteRole", OURS, {}),
        (True, "iam:SimulatePrincipalPolicy", OURS, {}),
        (False, "iam:SimulatePrincipalPolicy", "{CheckReplicaRole}", {}),
        (
            True,
            "sts:AssumeRole",
            "arn:aws:iam::444455556666:role/encrypted-replication/destination",
            {},
        ),
        (False, "sts:AssumeRole", "arn:aws:iam::444455556666:role/admin", {}),
        (False, "sts:AssumeRole", "{CheckReplicaRole}", {}),
        (True, "s3:CreateJob", "*", {}),
        (False, "s3:UpdateJobStatus", "*", {}),
        (True, "s3:DescribeJob", f"arn:aws:s3:{HERE}:{ACCOUNT}:job/1", {}),
        (False, "s3:DescribeJob", f"arn:aws:s3:{HERE}:444455556666:job/1", {}),
        (False, "s3:ListJobs", "*", {}),
        (True, "kms:CreateKey", "*", OWNED),
        (False, "kms:CreateKey", "*", {"aws:RequestTag/owner": "er-1"}),
        (True, "kms:TagResource", KEY, OWNED),
        (False, "kms:TagResource", KEY, {}),
        (False, "kms:TagResource", KEY.replace(ACCOUNT, "444455556666"), OWNED),
        (True, "kms:ScheduleKeyDeletion", KEY, OWNER),
        (False, "kms:ScheduleKeyDeletion", KEY, {}),
        (True, "kms:CancelKeyDeletion", KEY, OWNER),
        (False, "kms:CancelKeyDeletion", KEY, {}),
        (False, "kms:EnableKey", KEY, {}),
        (False, "kms:DisableKey", KEY, OWNER),
        (True, "kms:Decrypt", KEY, through(f"s3.{HERE}.amazonaws.com")),
        (False, "kms:Decrypt", KEY, through(f"dynamodb.{HERE}.amazonaws.com")),
        (False, "kms:Decrypt", KEY, {}),
        (False, "kms:CreateGrant", KEY, OWNER),
        (True, "logs:PutLogEvents", "{ProvisionReplicationLogs}:log-stream:a", {}),
        (False, "logs:PutLogEvents", "{CheckReplicaLogs}:log-stream:a", {}),
        (False, "logs:CreateLogGroup", "{ProvisionReplicationLogs}:*", {}),
        (False, "lambda:InvokeFunction", "*", {}),
    ],
    "CheckReplicaRole": [
        (True, "events:PutEvents", f"{BUS}/default", {"events:source": "encrypted-replication"}),
        (False, "events:PutEvents", f"{BUS}/default", {"events:source": "aws.s3"}),
        (False, "events:PutEvents", f"{BUS}/other", {"events:source": "encrypted-replication"}),
        (True, "s3:UpdateObjectEncryption", "arn:aws:s3:::any/Tax/a", {}),
        (False, "s3:PutObject", "arn:aws:s3:::any/Tax/a", {}),
        (False, "s3:DeleteObjectVersion", "arn:aws:s3:::any/Tax/a", {}),
        (True, "kms:Decrypt", KEY, through(f"s3.{HERE}.amazonaws.com")),
        (True, "kms:ReEncryptTo", KEY, through(f"s3.{HERE}.amazonaws.com")),
        (False, "kms:Decrypt", KEY, {}),
        (False, "kms:Decrypt", KEY, through(f"s3.{ELSEWHERE}.amazonaws.com")),
        (
            False,
            "kms:Decrypt",
            KEY.replace(ACCOUNT, "444455556666"),
            through(f"s3.{HERE}.amazonaws.com"),
        ),
        (False, "kms:ScheduleKeyDeletion", KEY, OWNER),
        (
            True,
            "ssm:GetParametersByPath",
            f"arn:aws:ssm:{HERE}:{ACCOUNT}:parameter/encrypted-replication/b",
            {},
        ),
        (
            False,
            "ssm:GetParametersByPath",
            f"arn:aws:ssm:{ELSEWHERE}:{ACCOUNT}:parameter/encrypted-replication/b",
            {},
        ),
        (
            False,
            "ssm:GetParametersByPath",
            f"arn:aws:ssm:{HERE}:{ACCOUNT}:parameter/encrypted-replicationx",
            {},
        ),
        (False, "iam:PassRole", OURS, passed("s3.amazonaws.com")),
        (False, "sts:AssumeRole", OURS, {}),
        (True, "logs:PutLogEvents", "{CheckReplicaLogs}:log-stream:a", {}),
        (False, "logs:PutLogEvents", "{ProvisionReplicationLogs}:log-stream:a", {}),
    ],
    "FindingsEmailRuleRole": [
        (True, "states:StartExecution", "{FindingsCount}", {}),
        (True, "states:StartExecution", "{FindingsDigest}", {}),
        (False, "states:StartExecution", "{SecurityHubImport}", {}),
        (False, "sns:Publish", "{FindingsTopic}", {}),
    ],
    "FindingsEmailRole": [
        (True, "sns:Publish", "{FindingsTopic}", {}),
        (False, "sns:Publish", f"arn:aws:sns:{HERE}:{ACCOUNT}:somebodys", {}),
        (False, "dynamodb:Scan", f"arn:aws:dynamodb:{HERE}:{ACCOUNT}:table/somebodys", {}),
        (True, "logs:CreateLogDelivery", "*", {}),
        (False, "states:StartExecution", "{FindingsCount}", {}),
        (False, "kms:Decrypt", f"arn:aws:kms:{HERE}:{ACCOUNT}:key/any", {}),
        (False, "s3:GetObject", "arn:aws:s3:::any/a", {}),
    ],
    "SecurityHubRuleRole": [
        (True, "states:StartExecution", "{SecurityHubImport}", {}),
        (False, "states:StopExecution", "{SecurityHubImport}", {}),
        (
            False,
            "states:StartExecution",
            f"arn:aws:states:{HERE}:{ACCOUNT}:stateMachine:somebodys",
            {},
        ),
        (False, "securityhub:BatchImportFindings", f"{HUB}/{ACCOUNT}/default", {}),
    ],
    "SecurityHubImportRole": [
        (True, "securityhub:BatchImportFindings", f"{HUB}/{ACCOUNT}/default", {}),
        (False, "securityhub:BatchImportFindings", f"{HUB}/aws/guardduty", {}),
        (False, "securityhub:BatchUpdateFindings", "*", {}),
        (True, "securityhub:GetFindings", f"arn:aws:securityhub:{HERE}:{ACCOUNT}:hub/default", {}),
        (True, "logs:CreateLogDelivery", "*", {}),
        (False, "logs:DeleteLogGroup", "{CheckReplicaLogs}:*", {}),
        (False, "states:StartExecution", "{SecurityHubImport}", {}),
        (False, "s3:GetObject", "arn:aws:s3:::any/a", {}),
    ],
}

ROWS = [(role, *row) for role, rows in TABLES.items() for row in rows]


@pytest.fixture(scope="module")
def stack(cloud: Cloud) -> Stack:
    return install(
        cloud,
        HERE,
        "options",
        "template.yaml",
        FindingsEmail="security@example.com",
        PermissionsBoundaryArn=BOUNDARY,
        Repair="true",
        SecurityHub="true",
    )


@pytest.mark.parametrize(("role", "may", "action", "resource", "context"), ROWS)
def test_role(
    stack: Stack, role: str, may: bool, action: str, resource: str, context: Context
) -> None:
    if resource.startswith("{"):
        name, rest = resource[1:].split("}")
        physical = stack.resources[name]
        if name.endswith("Logs"):
            resource = f"{LOGS}:{physical}{rest}"
        else:
            resource = physical if physical.startswith("arn:") else stack.role(name)
    entries = [
        {"ContextKeyName": key, "ContextKeyType": "string", "ContextKeyValues": [value]}
        for key, value in context.items()
    ]
    (told,) = stack.cloud.client("iam").simulate_principal_policy(
        PolicySourceArn=stack.role(role),
        ActionNames=[action],
        ResourceArns=[resource],
        ContextEntries=entries,
    )["EvaluationResults"]
    assert (told["EvalDecision"] == "allowed") == may, told["EvalDecision"]


def test_every_role_of_the_template_has_a_table(stack: Stack) -> None:
    assert {name for name in stack.resources if name.endswith("Role")} == set(TABLES)


def test_iam_lets_the_provisioner_make_bounded_roles_alone(stack: Stack) -> None:
    """The same as above by real calls, in the session that the function has."""
    iam = stack.session("ProvisionReplication").client("iam", HERE)
    role = {
        "RoleName": unique("source"),
        "Path": "/encrypted-replication/",
        "AssumeRolePolicyDocument": document(TRUST),
    }
    other = {"PermissionsBoundary": "arn:aws:iam::aws:policy/AdministratorAccess"}
    for wrong in ({}, other):
        with pytest.raises(ClientError, match="AccessDenied"):
            iam.create_role(**role, **wrong)
    iam.create_role(**role, PermissionsBoundary=BOUNDARY)
    everything = {"PolicyName": "p", "PolicyDocument": document(allow("*", "*"))}
    iam.put_role_policy(RoleName=role["RoleName"], **everything)
    with pytest.raises(ClientError, match="AccessDenied"):
        iam.put_role_permissions_boundary(RoleName=role["RoleName"], **other)
