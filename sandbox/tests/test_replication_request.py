"""What PutBucketReplication refuses, and how."""

from __future__ import annotations

import re
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cloud import ACCOUNT, DESTINATION_REGION, SOURCE_REGION, Cloud, allow
from world import World

UNVERSIONED = "Destination bucket must have versioning enabled."
SCHEMA = "for this version of Cross Region Replication configuration schema"


def refusal(world: World, *rules: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        world.replicate(*rules)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_unversioned_source_is_refused(cloud: Cloud) -> None:
    world = World(cloud)
    world.source = cloud.bucket(SOURCE_REGION, versioned=False)
    assert refusal(world) == (
        "InvalidRequest",
        "Versioning must be 'Enabled' on the bucket to apply a replication configuration",
    )


def test_missing_and_unversioned_destination_get_the_same_refusal(cloud: Cloud) -> None:
    world = World(cloud)
    missing = world.rule(Destination={"Bucket": "arn:aws:s3:::nowhere-at-all"})
    assert refusal(world, missing) == ("InvalidRequest", UNVERSIONED)
    bucket = cloud.bucket(DESTINATION_REGION, versioned=False)
    unversioned = world.rule(Destination={"Bucket": f"arn:aws:s3:::{bucket}"})
    assert refusal(world, unversioned) == ("InvalidRequest", UNVERSIONED)


CASES: list[tuple[dict[str, Any], str, str]] = [
    (
        {"SourceSelectionCriteria": None},
        "InvalidRequest",
        "SseKmsEncryptedObjects must be specified if EncryptionConfiguration is present.",
    ),
    ({"DeleteMarkerReplication": None}, "InvalidRequest", f"DeleteMarkerRep.* must .*{SCHEMA}"),
    ({"Priority": None}, "InvalidRequest", f"Priority must be specified {SCHEMA}"),
    ({"Filter": None, "Prefix": "a"}, "InvalidRequest", f"Priority cannot be used {SCHEMA}"),
    ({"ID": "x" * 256}, "InvalidArgument", "Rule Id cannot be greater than 255"),
    (
        {
            "Filter": {"Tag": {"Key": "k", "Value": "v"}},
            "DeleteMarkerReplication": {"Status": "Enabled"},
        },
        "InvalidRequest",
        "Delete marker replication is not supported if any Tag filter is specified.",
    ),
    ({"Filter": {"And": {"Prefix": "a"}}}, "MalformedXML", "did not validate"),
    ({"Destination": {"Account": "222222222222"}}, "InvalidArgument", "Account does not match"),
    (
        {"Destination": {"AccessControlTranslation": {"Owner": "Destination"}}},
        "InvalidRequest",
        "Account must be specified if the Owner in AccessControlTranslation has a value",
    ),
]


@pytest.mark.parametrize(("changed", "code", "message"), CASES)
def test_malformed_rule_is_refused(
    cloud: Cloud, changed: dict[str, Any], code: str, message: str
) -> None:
    world = World(cloud)
    found = refusal(world, world.rule(**changed))
    assert found[0] == code
    assert re.search(message, found[1])


def test_opt_in_without_a_replica_key_is_refused(cloud: Cloud) -> None:
    world = World(cloud)
    rule = world.rule()
    del rule["Destination"]["EncryptionConfiguration"]
    assert refusal(world, rule) == (
        "InvalidRequest",
        "ReplicaKmsKeyID must be specified if SseKmsEncryptedObjects tag is present.",
    )


def test_repeated_ids_and_priorities_are_refused(cloud: Cloud) -> None:
    world = World(cloud)
    code, _ = refusal(world, world.rule(), world.rule(Priority=2))
    assert code == "InvalidArgument"
    assert refusal(world, world.rule(), world.rule(ID="rule-2")) == (
        "InvalidRequest",
        "Found duplicate priority 1.",
    )


def test_source_as_destination_is_refused(cloud: Cloud) -> None:
    world = World(cloud)
    world.destination = world.source
    code, message = refusal(world)
    assert (code, "same as the source" in message) == ("InvalidRequest", True)


def test_no_rules_are_malformed(cloud: Cloud) -> None:
    world = World(cloud)
    with pytest.raises(ClientError) as caught:
        world.s3.put_bucket_replication(
            Bucket=world.source,
            ReplicationConfiguration={"Role": world.role_arn, "Rules": []},
        )
    assert caught.value.response["Error"]["Code"] == "MalformedXML"


def test_key_that_does_not_exist_is_accepted(cloud: Cloud) -> None:
    world = World(cloud)
    gone = f"arn:aws:kms:{DESTINATION_REGION}:{ACCOUNT}:key/00000000-0000-0000-0000-000000000000"
    rule = world.rule(Destination={"EncryptionConfiguration": {"ReplicaKmsKeyID": gone}})
    world.replicate(rule)
    found = world.s3.get_bucket_replication(Bucket=world.source)["ReplicationConfiguration"]
    assert found == {"Role": world.role_arn, "Rules": [rule]}


def test_role_can_be_given_only_by_who_may_pass_it_to_s3(cloud: Cloud) -> None:
    world = World(cloud)
    put = allow("s3:PutReplicationConfiguration", f"arn:aws:s3:::{world.source}")
    to_lambda = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    to_s3 = {"StringEquals": {"iam:PassedToService": "s3.amazonaws.com"}}
    for condition, passes in ((to_lambda, False), (to_s3, True)):
        passing = allow("iam:PassRole", world.role_arn, Condition=condition)
        world.s3 = cloud.user(put, passing).client("s3")
        if passes:
            world.replicate()
        else:
            assert refusal(world, world.rule())[0] == "AccessDenied"
