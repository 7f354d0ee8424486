"""Replication ends in FAILED, and says why, when a policy or a key refuses it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cloud import (
    ACCOUNT,
    DESTINATION_REGION,
    SOURCE_REGION,
    Cloud,
    allow,
    deny,
    document,
    unique,
)
from world import TRUST, World


def assert_fails(world: World, reason: str, **upload: Any) -> None:
    """One upload ends in FAILED for the reason, and nothing arrives."""
    url, _ = world.failures()
    version = world.upload("Tax/a", **upload)
    assert world.settled("Tax/a", version) == "FAILED"
    assert world.failure_reason(url) == reason
    assert world.replicas() == []


@pytest.mark.parametrize(
    ("missing", "upload", "reason"),
    [
        ("read", {}, "SrcGetObjectNotPermitted"),
        ("acl", {}, "SrcGetAclNotPermitted"),
        ("tagging", {"Tagging": "k=v"}, "SrcGetTaggingNotPermitted"),
        ("decrypt", {}, "SrcGetObjectNotPermitted"),
        ("write", {}, "DstPutObjectNotPermitted"),
        ("tags", {"Tagging": "k=v"}, "DstPutTaggingNotPermitted"),
        ("encrypt", {}, "DstPutObjectNotPermitted"),
        ("datakey", {"BucketKeyEnabled": True}, "DstPutObjectNotPermitted"),
    ],
)
def test_missing_permission_fails_with_its_reason(
    cloud: Cloud, missing: str, upload: dict[str, Any], reason: str
) -> None:
    world = World(cloud)
    world.replicate()
    world.put_policy(**{missing: None})
    assert_fails(world, reason, **upload)


@pytest.mark.parametrize(
    ("unneeded", "upload"),
    [("tagging", {}), ("tags", {}), ("datakey", {}), ("delete", {})],
)
def test_permission_that_the_object_does_not_need_is_not_asked_for(
    cloud: Cloud, unneeded: str, upload: dict[str, Any]
) -> None:
    world = World(cloud)
    world.replicate()
    world.put_policy(**{unneeded: None})
    assert world.settled("a", world.upload("a", **upload)) == "COMPLETED"


def test_get_object_version_is_not_enough_for_kms_objects_but_is_for_others(cloud: Cloud) -> None:
    world = World(cloud)
    world.replicate()
    world.put_policy(read=allow("s3:GetObjectVersion", f"arn:aws:s3:::{world.source}/*"))
    plain = world.s3.put_object(Bucket=world.source, Key="plain", Body=b"x")["VersionId"]
    assert world.settled("plain", plain) == "COMPLETED"
    assert world.settled("a", world.upload("a")) == "FAILED"


@pytest.mark.parametrize(
    ("statement", "bucket_key", "told"),
    [
        ("decrypt", False, "object"),
        ("decrypt", True, "bucket"),
        ("encrypt", False, "object"),
        ("encrypt", True, "bucket"),
    ],
)
def test_encryption_context_is_the_bucket_with_a_bucket_key_and_the_object_without(
    cloud: Cloud, statement: str, bucket_key: bool, told: str
) -> None:
    world = World(cloud)
    world.replicate()
    bucket = world.source if statement == "decrypt" else world.destination
    contexts = {"bucket": f"arn:aws:s3:::{bucket}", "object": f"arn:aws:s3:::{bucket}/Tax/*"}

    def only(kind: str) -> dict[str, Any]:
        condition = {"StringLike": {"kms:EncryptionContext:aws:s3:arn": contexts[kind]}}
        return {**world.policy[statement], "Condition": condition}

    other = {"bucket": "object", "object": "bucket"}[told]
    world.put_policy(**{statement: only(other)})
    refused = world.upload("Tax/a", BucketKeyEnabled=bucket_key)
    assert world.settled("Tax/a", refused) == "FAILED"
    world.put_policy(**{statement: only(told)})
    version = world.upload("Tax/b", BucketKeyEnabled=bucket_key)
    assert world.settled("Tax/b", version) == "COMPLETED"


@pytest.mark.parametrize(
    ("statement", "region"),
    [("decrypt", DESTINATION_REGION), ("encrypt", SOURCE_REGION)],
)
def test_via_service_of_the_other_region_refuses(cloud: Cloud, statement: str, region: str) -> None:
    world = World(cloud)
    world.replicate()
    condition = {"StringLike": {"kms:ViaService": f"s3.{region}.amazonaws.com"}}
    world.put_policy(**{statement: {**world.policy[statement], "Condition": condition}})
    assert world.settled("a", world.upload("a")) == "FAILED"


def test_replicate_object_is_asked_with_the_replicas_encryption(cloud: Cloud) -> None:
    world = World(cloud)
    world.replicate()

    def only(key: str) -> dict[str, Any]:
        condition = {
            "StringLikeIfExists": {
                "s3:x-amz-server-side-encryption": ["aws:kms", "aws:kms:dsse"],
                "s3:x-amz-server-side-encryption-aws-kms-key-id": key,
            }
        }
        return {**world.policy["write"], "Condition": condition}

    world.put_policy(write=only(world.source_key))
    assert world.settled("a", world.upload("a")) == "FAILED"
    world.put_policy(write=only(world.replica_key))
    assert world.settled("b", world.upload("b")) == "COMPLETED"
    plain = world.s3.put_object(Bucket=world.source, Key="plain", Body=b"x")["VersionId"]
    assert world.settled("plain", plain) == "FAILED"


def test_role_that_does_not_exist_fails(cloud: Cloud) -> None:
    world = World(cloud)
    world.replicate(role=f"arn:aws:iam::{ACCOUNT}:role/nobody")
    assert_fails(world, "AssumeRoleNotPermitted")


def test_role_named_without_its_path_fails(cloud: Cloud) -> None:
    world = World(cloud)
    world.replicate(role=f"arn:aws:iam::{ACCOUNT}:role/{world.role}")
    assert_fails(world, "AssumeRoleNotPermitted")


@pytest.mark.parametrize(
    "trust",
    [
        {**TRUST, "Principal": {"Service": "lambda.amazonaws.com"}},
        {**TRUST, "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}},
        {**TRUST, "Action": "sts:TagSession"},
    ],
)
def test_role_that_does_not_trust_s3_fails(cloud: Cloud, trust: dict[str, Any]) -> None:
    world = World(cloud)
    world.replicate()
    world.iam.update_assume_role_policy(RoleName=world.role, PolicyDocument=document(trust))
    assert_fails(world, "AssumeRoleNotPermitted")


def test_attached_policy_counts_and_a_boundary_limits_it(cloud: Cloud) -> None:
    world = World(cloud)
    world.replicate()
    statements = document(*world.policy.values())
    managed = world.iam.create_policy(PolicyName=unique("p"), PolicyDocument=statements)
    world.iam.delete_role_policy(RoleName=world.role, PolicyName="replication")
    assert world.settled("a", world.upload("a")) == "FAILED"
    world.iam.attach_role_policy(RoleName=world.role, PolicyArn=managed["Policy"]["Arn"])
    assert world.settled("b", world.upload("b")) == "COMPLETED"
    boundary = world.iam.create_policy(
        PolicyName=unique("b"), PolicyDocument=document(allow("s3:*", "*"))
    )
    world.iam.put_role_permissions_boundary(
        RoleName=world.role, PermissionsBoundary=boundary["Policy"]["Arn"]
    )
    assert world.settled("c", world.upload("c")) == "FAILED"


def test_deny_in_a_bucket_policy_wins(cloud: Cloud) -> None:
    world = World(cloud)
    world.replicate()
    statement = deny("s3:ReplicateObject", f"arn:aws:s3:::{world.destination}/*", Principal="*")
    world.s3_there.put_bucket_policy(Bucket=world.destination, Policy=document(statement))
    assert_fails(world, "DstPutObjectNotPermitted")


def test_deny_unless_a_service_asks_stops_replication(cloud: Cloud) -> None:
    """`aws:PrincipalIsAWSService` is false where a service acts as a role.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalisawsservice
    """
    world = World(cloud)
    world.replicate()
    only_services = {"Bool": {"aws:PrincipalIsAWSService": "false"}}
    objects = f"arn:aws:s3:::{world.destination}/*"
    denial = deny("s3:ReplicateObject", objects, Principal="*", Condition=only_services)
    world.s3_there.put_bucket_policy(Bucket=world.destination, Policy=document(denial))
    assert_fails(world, "DstPutObjectNotPermitted")


def test_deny_of_insecure_transport_does_not_touch_replication(cloud: Cloud) -> None:
    world = World(cloud)
    world.replicate()
    resources = [f"arn:aws:s3:::{world.destination}", f"arn:aws:s3:::{world.destination}/*"]
    condition = {"Bool": {"aws:SecureTransport": "false"}}
    world.s3_there.put_bucket_policy(
        Bucket=world.destination,
        Policy=document(deny("s3:*", resources, Principal="*", Condition=condition)),
    )
    assert world.settled("a", world.upload("a")) == "COMPLETED"


@pytest.mark.parametrize(
    ("which", "reason"),
    [("source", "SrcGetObjectNotPermitted"), ("replica", "DstPutObjectNotPermitted")],
)
def test_key_policy_without_the_accounts_delegation_refuses(
    cloud: Cloud, which: str, reason: str
) -> None:
    world = World(cloud)
    world.replicate()
    key, region = {
        "source": (world.source_key, SOURCE_REGION),
        "replica": (world.replica_key, DESTINATION_REGION),
    }[which]
    admin = {"AWS": f"arn:aws:iam::{ACCOUNT}:user/admin"}
    cloud.client("kms", region).put_key_policy(
        KeyId=key, PolicyName="default", Policy=document(allow("kms:*", "*", Principal=admin))
    )
    assert_fails(world, reason)


def disable(kms: Any, key: str) -> None:
    kms.disable_key(KeyId=key)


def schedule_deletion(kms: Any, key: str) -> None:
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)


@pytest.mark.parametrize("change", [disable, schedule_deletion])
def test_replica_key_that_cannot_be_used_fails(
    cloud: Cloud, change: Callable[[Any, str], None]
) -> None:
    world = World(cloud)
    world.replicate()
    change(cloud.client("kms", DESTINATION_REGION), world.replica_key)
    assert_fails(world, "DstKmsKeyInvalidState")


def test_source_key_disabled_after_the_upload_fails(cloud: Cloud) -> None:
    world = World(cloud)
    world.replicate()
    url, _ = world.failures()
    version = world.upload("a")
    cloud.client("kms", SOURCE_REGION).disable_key(KeyId=world.source_key)
    assert world.settled("a", version) == "FAILED"
    assert world.failure_reason(url) == "SrcKmsKeyInvalidState"


def test_replica_key_that_does_not_exist_fails(cloud: Cloud) -> None:
    world = World(cloud)
    gone = f"arn:aws:kms:{DESTINATION_REGION}:{ACCOUNT}:key/00000000-0000-0000-0000-000000000000"
    world.replicate(world.rule(Destination={"EncryptionConfiguration": {"ReplicaKmsKeyID": gone}}))
    assert_fails(world, "DstKmsKeyNotFound")


def test_replica_key_of_another_region_than_the_destination_fails(cloud: Cloud) -> None:
    world = World(cloud)
    world.replicate()
    # PutBucketReplication compares the Regions; the bucket moves afterwards.
    world.s3_there.delete_bucket(Bucket=world.destination)
    there = cloud.client("s3", "eu-west-1")
    there.create_bucket(
        Bucket=world.destination,
        CreateBucketConfiguration={"LocationConstraint": "eu-west-1"},
    )
    there.put_bucket_versioning(
        Bucket=world.destination, VersioningConfiguration={"Status": "Enabled"}
    )
    url, _ = world.failures()
    assert world.settled("a", world.upload("a")) == "FAILED"
    assert world.failure_reason(url) == "DstKmsKeyNotFound"


def test_alias_arn_of_the_replica_key_becomes_the_keys_arn(cloud: Cloud) -> None:
    world = World(cloud)
    alias = unique("alias/replica")
    cloud.client("kms", DESTINATION_REGION).create_alias(
        AliasName=alias, TargetKeyId=world.replica_key
    )
    arn = f"arn:aws:kms:{DESTINATION_REGION}:{ACCOUNT}:{alias}"
    world.replicate(world.rule(Destination={"EncryptionConfiguration": {"ReplicaKmsKeyID": arn}}))
    version = world.upload("a")
    assert world.settled("a", version) == "COMPLETED"
    assert world.head_replica("a", version)["SSEKMSKeyId"] == world.replica_key


def test_destination_that_went_away_or_lost_versioning_fails(cloud: Cloud) -> None:
    world = World(cloud)
    world.replicate()
    world.s3_there.put_bucket_versioning(
        Bucket=world.destination, VersioningConfiguration={"Status": "Suspended"}
    )
    url, _ = world.failures()
    assert world.settled("a", world.upload("a")) == "FAILED"
    assert world.failure_reason(url) == "DstBucketUnversioned"
    world.s3_there.delete_bucket(Bucket=world.destination)
    assert world.settled("b", world.upload("b")) == "FAILED"
    assert world.failure_reason(url) == "DstBucketNotFound"
