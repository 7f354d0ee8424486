"""Permission to make roles, tied to their permissions boundary."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from cloud import Cloud, allow, deny, document, unique
from world import TRUST

WRITES = ["iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"]


def policy(cloud: Cloud) -> str:
    made = cloud.client("iam").create_policy(
        PolicyName=unique("boundary"), PolicyDocument=document(allow("s3:GetObject", "*"))
    )
    return str(made["Policy"]["Arn"])


def maker(cloud: Cloud, boundary: str) -> Cloud:
    """Somebody who may make roles with this boundary alone."""
    other = {"StringNotEquals": {"iam:PermissionsBoundary": boundary}}
    return cloud.user(
        allow("iam:*", "*"),
        deny(WRITES, "*", Condition=other),
        deny("iam:DeleteRolePermissionsBoundary", "*"),
    )


def test_a_role_is_made_and_given_policies_only_with_the_boundary(cloud: Cloud) -> None:
    boundary, another, name = policy(cloud), policy(cloud), unique("bounded")
    iam = maker(cloud, boundary).client("iam")
    role = {"RoleName": name, "AssumeRolePolicyDocument": document(TRUST)}
    for wrong in ({}, {"PermissionsBoundary": another}):
        with pytest.raises(ClientError, match="AccessDenied"):
            iam.create_role(**role, **wrong)
    iam.create_role(**role, PermissionsBoundary=boundary)
    inline = {"PolicyName": "p", "PolicyDocument": document(allow("*", "*"))}
    iam.put_role_policy(RoleName=name, **inline)
    with pytest.raises(ClientError, match="AccessDenied"):
        iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=another)
    with pytest.raises(ClientError, match="AccessDenied"):
        iam.delete_role_permissions_boundary(RoleName=name)
    iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=boundary)


def test_a_role_without_a_boundary_gets_no_policy_until_it_has_one(cloud: Cloud) -> None:
    boundary, name = policy(cloud), unique("unbounded")
    cloud.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document(TRUST))
    iam = maker(cloud, boundary).client("iam")
    inline = {"PolicyName": "p", "PolicyDocument": document(allow("s3:GetObject", "*"))}
    with pytest.raises(ClientError, match="AccessDenied"):
        iam.put_role_policy(RoleName=name, **inline)
    iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=boundary)
    iam.put_role_policy(RoleName=name, **inline)
    iam.delete_role_policy(RoleName=name, PolicyName="p")
    iam.delete_role(RoleName=name)
