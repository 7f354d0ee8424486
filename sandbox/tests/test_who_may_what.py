"""Each role of the templates does what it needs, and is refused the neighbouring thing.

Real calls, in sessions of the roles. What needs a service to call is asked of IAM's simulator, in
`test_simulated_roles.py`.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from botocore.exceptions import ClientError
from checker_calls import CHECKER_MAY, CHECKER_MAY_NOT
from cloud import DESTINATION_REGION, SOURCE_REGION, Cloud, allow, document
from destination_calls import DESTINATION_MAY, DESTINATION_MAY_NOT
from installed import install
from place import OTHER_ACCOUNT, PATH, Given, Place, build
from provisioner_calls import PROVISIONER_MAY, PROVISIONER_MAY_NOT


@pytest.fixture(scope="module")
def place(cloud: Cloud) -> Place:
    return build(cloud)


def refused(
    place: Place, who: str, region: str, service: str, operation: str, **given: Any
) -> bool:
    """Whether IAM refuses the call; any other failure fails the test."""
    client = place.roles[who].client(service, region)
    try:
        getattr(client, operation)(**given)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("AccessDenied", "AccessDeniedException"):
            raise
        return True
    return False


TABLE = [
    (who, region, may, *row)
    for who, region, may, rows in (
        ("provisioner", SOURCE_REGION, True, PROVISIONER_MAY),
        ("provisioner", SOURCE_REGION, False, PROVISIONER_MAY_NOT),
        ("checker", SOURCE_REGION, True, CHECKER_MAY),
        ("checker", SOURCE_REGION, False, CHECKER_MAY_NOT),
        ("destination", DESTINATION_REGION, True, DESTINATION_MAY),
        ("destination", DESTINATION_REGION, False, DESTINATION_MAY_NOT),
    )
    for row in rows
]


@pytest.mark.parametrize(
    ("who", "region", "may", "what", "service", "operation", "given"),
    [pytest.param(*row, id=f"{row[0]}-{'may' if row[2] else 'may not'}-{row[3]}") for row in TABLE],
)
def test_role(
    place: Place,
    who: str,
    region: str,
    may: bool,
    what: str,
    service: str,
    operation: str,
    given: Given,
) -> None:
    assert refused(place, who, region, service, operation, **given(place)) != may, what


def test_nobody_but_the_services_can_have_the_roles(place: Place) -> None:
    cloud = place.stack.cloud
    anybody = cloud.user(allow("sts:AssumeRole", "*"))
    abroad = cloud.account(OTHER_ACCOUNT).client("iam").list_roles()["Roles"]
    (destination,) = [role["Arn"] for role in abroad if "DestinationRole" in role["RoleName"]]
    for somebody, role in [
        (anybody, place.stack.role("ProvisionReplicationRole")),
        (anybody, place.stack.role("CheckReplicaRole")),
        (anybody, place.arn(f"{PATH}ours")),
        (anybody, destination),
        (place.roles["checker"], destination),
        (place.roles["provisioner"], place.arn("/application/somebodys")),
    ]:
        with pytest.raises(ClientError, match="AccessDenied"):
            somebody.client("sts").assume_role(RoleArn=role, RoleSessionName="session")


# Last, as it leaves nothing as it was.
def test_whoever_may_do_everything_is_refused_nothing_of_these(place: Place) -> None:
    """So no row above is refused for another reason than its role."""
    root = place.stack.cloud
    roles = {
        "provisioner": root,
        "checker": root,
        "destination": root.account(OTHER_ACCOUNT),
    }
    everything = dataclasses.replace(place, roles=roles)
    for who, region, may, what, service, operation, given in TABLE:
        if not may:
            arguments = given(everything)
            assert not refused(everything, who, region, service, operation, **arguments), what


def test_destination_roles_are_those_of_the_accounts_that_are_named(cloud: Cloud) -> None:
    """By the parameter; without it, of every account that trusts the provisioner."""
    allowed, other = "555566667777", "888899990000"
    arn = f"arn:aws:iam::{allowed}:role{PATH}*"
    stack = install(cloud, DESTINATION_REGION, "who-to", "template.yaml", DestinationRoleArns=arn)
    sts = stack.session("ProvisionReplication").client("sts")
    provisioner = {"AWS": stack.role("ProvisionReplicationRole")}
    trust = document({"Effect": "Allow", "Principal": provisioner, "Action": "sts:AssumeRole"})
    for account, may in ((allowed, True), (other, False)):
        iam = cloud.account(account).client("iam")
        role = iam.create_role(RoleName="to", Path=PATH, AssumeRolePolicyDocument=trust)
        given = {"RoleArn": role["Role"]["Arn"], "RoleSessionName": "elsewhere"}
        if may:
            sts.assume_role(**given)
            continue
        with pytest.raises(ClientError, match="AccessDenied"):
            sts.assume_role(**given)
