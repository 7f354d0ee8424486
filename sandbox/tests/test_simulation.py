"""IAM's simulator knows a role by its path, and the request by its context."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from cloud import Cloud, allow, deny, document, unique

KEY = "arn:aws:kms:us-west-2:000000000000:key/1"
CONTEXT = "kms:EncryptionContext:aws:s3:arn"


def role(cloud: Cloud, *statements: dict[str, object]) -> str:
    iam, name = cloud.client("iam"), unique("role")
    trust = document(
        {
            "Effect": "Allow",
            "Principal": {"Service": "s3.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    )
    made = iam.create_role(RoleName=name, Path="/some/path/", AssumeRolePolicyDocument=trust)
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(*statements))
    return str(made["Role"]["Arn"])


def decisions(cloud: Cloud, arn: str, actions: list[str], context: str) -> list[str]:
    told = cloud.client("iam").simulate_principal_policy(
        PolicySourceArn=arn,
        ActionNames=actions,
        ResourceArns=[KEY],
        ContextEntries=[
            {
                "ContextKeyName": CONTEXT,
                "ContextKeyType": "string",
                "ContextKeyValues": [context],
            }
        ],
    )
    return [result["EvalDecision"] for result in told["EvaluationResults"]]


def test_each_action_is_decided_in_the_context_of_the_request(cloud: Cloud) -> None:
    within = {"StringLike": {CONTEXT: "arn:aws:s3:::bucket/Tax/*"}}
    arn = role(
        cloud,
        allow("kms:*", KEY, Condition=within),
        deny("kms:Decrypt", "*"),
    )
    actions = ["kms:Encrypt", "kms:Decrypt", "s3:GetObject"]
    inside = decisions(cloud, arn, actions, "arn:aws:s3:::bucket/Tax/1")
    assert inside == ["allowed", "explicitDeny", "implicitDeny"]
    outside = decisions(cloud, arn, actions, "arn:aws:s3:::bucket")
    assert outside == ["implicitDeny", "explicitDeny", "implicitDeny"]


def test_a_role_that_is_not_there_is_said_to_be_missing(cloud: Cloud) -> None:
    with pytest.raises(ClientError) as missing:
        decisions(cloud, "arn:aws:iam::000000000000:role/none", ["kms:Encrypt"], "x")
    assert missing.value.response["Error"]["Code"] == "NoSuchEntity"


def test_it_takes_the_permission_on_the_simulated_role(cloud: Cloud) -> None:
    arn = role(cloud, allow("kms:*", KEY))
    may = cloud.user(allow("iam:SimulatePrincipalPolicy", "arn:aws:iam::*:role/some/path/*"))
    assert decisions(may, arn, ["kms:Encrypt"], "x") == ["allowed"]
    may_not = cloud.user(allow("iam:SimulatePrincipalPolicy", "arn:aws:iam::*:role/other/*"))
    with pytest.raises(ClientError) as denied:
        decisions(may_not, arn, ["kms:Encrypt"], "x")
    assert denied.value.response["Error"]["Code"] == "AccessDenied"
