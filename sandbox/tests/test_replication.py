"""What is replicated, and how the replica looks."""

from __future__ import annotations

from typing import Any

import pytest
import urllib3
from cloud import DESTINATION_REGION, Cloud, allow, document
from running import eventually
from world import World

OPT_OUT = {"SseKmsEncryptedObjects": {"Status": "Disabled"}}


def test_kms_object_arrives_under_the_replica_key_with_the_same_version(cloud: Cloud) -> None:
    world = World(cloud)
    world.replicate()
    version = world.upload("Tax/a.txt", Metadata={"owner": "me"})
    assert world.head("Tax/a.txt", version)["ReplicationStatus"] == "PENDING"
    assert world.replicas() == []
    assert world.settled("Tax/a.txt", version) == "COMPLETED"
    replica = world.head_replica("Tax/a.txt", version)
    assert replica["ReplicationStatus"] == "REPLICA"
    assert replica["VersionId"] == version
    assert replica["ServerSideEncryption"] == "aws:kms"
    assert replica["SSEKMSKeyId"] == world.replica_key
    assert replica["Metadata"] == {"owner": "me"}
    assert "BucketKeyEnabled" not in replica


def test_status_is_told_without_a_version_id_too(cloud: Cloud) -> None:
    world = World(cloud)
    world.replicate()
    version = world.upload("a")
    assert world.settled("a", version) == "COMPLETED"
    here = world.s3.head_object(Bucket=world.source, Key="a")
    there = world.s3_there.head_object(Bucket=world.destination, Key="a")
    assert (here["ReplicationStatus"], there["ReplicationStatus"]) == ("COMPLETED", "REPLICA")


def test_bucket_key_is_kept_on_the_replica(cloud: Cloud) -> None:
    world = World(cloud)
    world.replicate()
    version = world.upload("a", BucketKeyEnabled=True)
    assert world.settled("a", version) == "COMPLETED"
    assert world.head_replica("a", version)["BucketKeyEnabled"] is True


def test_dsse_object_arrives_as_dsse(cloud: Cloud) -> None:
    world = World(cloud)
    world.replicate()
    version = world.upload("a", ServerSideEncryption="aws:kms:dsse")
    assert world.settled("a", version) == "COMPLETED"
    replica = world.head_replica("a", version)
    assert replica["ServerSideEncryption"] == "aws:kms:dsse"
    assert replica["SSEKMSKeyId"] == world.replica_key


def test_sse_s3_object_stays_sse_s3_under_any_default_of_the_destination(cloud: Cloud) -> None:
    world = World(cloud)
    world.s3_there.put_bucket_encryption(
        Bucket=world.destination,
        ServerSideEncryptionConfiguration={
            "Rules": [
                {
                    "ApplyServerSideEncryptionByDefault": {
                        "SSEAlgorithm": "aws:kms",
                        "KMSMasterKeyID": world.replica_key,
                    }
                }
            ]
        },
    )
    world.replicate()
    version = str(world.s3.put_object(Bucket=world.source, Key="a", Body=b"x")["VersionId"])
    assert world.settled("a", version) == "COMPLETED"
    replica = world.head_replica("a", version)
    assert replica["ServerSideEncryption"] == "AES256"
    assert "SSEKMSKeyId" not in replica


@pytest.mark.parametrize("criteria", [OPT_OUT, None])
def test_kms_object_is_not_eligible_where_the_rule_does_not_opt_in(
    cloud: Cloud, criteria: dict[str, Any] | None
) -> None:
    world = World(cloud)
    rule = world.rule(SourceSelectionCriteria=criteria)
    if criteria is None:
        del rule["Destination"]["EncryptionConfiguration"]
    world.replicate(rule)
    left = world.upload("left")
    assert "ReplicationStatus" not in world.head("left", left)
    plain = world.s3.put_object(Bucket=world.source, Key="plain", Body=b"x")["VersionId"]
    assert world.settled("plain", plain) == "COMPLETED"
    assert world.replicas() == ["plain"]


@pytest.mark.parametrize(
    ("chosen", "key", "tagging", "replicated"),
    [
        ({"Prefix": "Tax/"}, "Tax/a", "", True),
        ({"Prefix": "Tax/"}, "tax/a", "", False),
        ({"Tag": {"Key": "k", "Value": "v"}}, "a", "k=v&x=y", True),
        ({"Tag": {"Key": "k", "Value": "v"}}, "a", "k=w", False),
        ({"And": {"Prefix": "Tax/", "Tags": [{"Key": "k", "Value": "v"}]}}, "Tax/a", "k=v", True),
        ({"And": {"Prefix": "Tax/", "Tags": [{"Key": "k", "Value": "v"}]}}, "Tax/a", "", False),
        ({"And": {"Prefix": "Tax/", "Tags": [{"Key": "k", "Value": "v"}]}}, "a", "k=v", False),
    ],
)
def test_filter_decides(
    cloud: Cloud, chosen: dict[str, Any], key: str, tagging: str, replicated: bool
) -> None:
    world = World(cloud)
    world.replicate(world.rule(Filter=chosen))
    version = world.upload(key, Tagging=tagging)
    assert world.settled(key, version) == ("COMPLETED" if replicated else None)
    assert world.replicas() == ([key] if replicated else [])


def test_disabled_rule_replicates_nothing(cloud: Cloud) -> None:
    world = World(cloud)
    world.replicate(world.rule(Status="Disabled"))
    assert "ReplicationStatus" not in world.head("a", world.upload("a"))


def test_highest_priority_wins_for_one_destination(cloud: Cloud) -> None:
    world = World(cloud)
    low = world.rule(ID="low", Destination={"StorageClass": "STANDARD_IA"})
    high = world.rule(ID="high", Priority=2, Destination={"StorageClass": "ONEZONE_IA"})
    world.replicate(low, high)
    version = world.upload("a")
    assert world.settled("a", version) == "COMPLETED"
    assert world.head_replica("a", version)["StorageClass"] == "ONEZONE_IA"


def test_rules_to_several_destinations_all_apply_and_one_failure_fails(cloud: Cloud) -> None:
    world = World(cloud)
    second = cloud.bucket(DESTINATION_REGION)
    there = {"Bucket": f"arn:aws:s3:::{second}"}
    world.replicate(world.rule(), world.rule(ID="rule-2", Priority=2, Destination=there))
    version = world.upload("a")
    # The role may not write to the second bucket.
    assert world.settled("a", version) == "FAILED"
    assert world.replicas() == ["a"]
    policy = world.recommended_policy()
    for name in ("write", "encrypt"):
        policy[name] = {
            **policy[name],
            "Resource": ["*"],
            **({"Condition": {}} if name == "encrypt" else {}),
        }
    world.put_policy(write=policy["write"], encrypt=policy["encrypt"])
    version = world.upload("b")
    assert world.settled("b", version) == "COMPLETED"
    replica = world.s3_there.head_object(Bucket=second, Key="b", VersionId=version)
    assert replica["SSEKMSKeyId"] == world.replica_key


def test_tags_arrive_with_the_replica(cloud: Cloud) -> None:
    world = World(cloud)
    world.replicate()
    version = world.upload("a", Tagging="k=v")
    assert world.settled("a", version) == "COMPLETED"
    tags = world.s3_there.get_object_tagging(Bucket=world.destination, Key="a")["TagSet"]
    assert tags == [{"Key": "k", "Value": "v"}]


def test_multipart_upload_arrives(cloud: Cloud) -> None:
    world = World(cloud)
    world.replicate()
    upload = world.s3.create_multipart_upload(
        Bucket=world.source, Key="big", ServerSideEncryption="aws:kms", SSEKMSKeyId=world.source_key
    )["UploadId"]
    parts = []
    for number, body in enumerate([b"a" * 5 * 2**20, b"b"], 1):
        part = world.s3.upload_part(
            Bucket=world.source, Key="big", UploadId=upload, PartNumber=number, Body=body
        )
        parts.append({"PartNumber": number, "ETag": part["ETag"]})
    version = world.s3.complete_multipart_upload(
        Bucket=world.source, Key="big", UploadId=upload, MultipartUpload={"Parts": parts}
    )["VersionId"]
    assert world.settled("big", version) == "COMPLETED"
    replica = world.head_replica("big", version)
    assert replica["SSEKMSKeyId"] == world.replica_key
    assert replica["ContentLength"] == 5 * 2**20 + 1


def test_copy_arrives_under_its_own_encryption(cloud: Cloud) -> None:
    world = World(cloud)
    world.replicate()
    world.upload("first", BucketKeyEnabled=True)
    version = world.s3.copy_object(
        Bucket=world.source,
        Key="second",
        CopySource={"Bucket": world.source, "Key": "first"},
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=world.source_key,
    )["VersionId"]
    assert world.settled("second", version) == "COMPLETED"
    replica = world.head_replica("second", version)
    assert replica["SSEKMSKeyId"] == world.replica_key
    assert "BucketKeyEnabled" not in replica


def test_form_upload_arrives(cloud: Cloud) -> None:
    world = World(cloud)
    world.replicate()
    form = world.s3.generate_presigned_post(
        world.source,
        "form",
        Fields={
            "x-amz-server-side-encryption": "aws:kms",
            "x-amz-server-side-encryption-aws-kms-key-id": world.source_key,
        },
        Conditions=[
            ["starts-with", "$x-amz-server-side-encryption", ""],
            ["starts-with", "$x-amz-server-side-encryption-aws-kms-key-id", ""],
        ],
    )
    answer = urllib3.PoolManager().request(
        "POST", form["url"], fields={**form["fields"], "file": ("f", b"x")}
    )
    assert answer.status in (200, 201, 204), answer.data
    version = world.s3.head_object(Bucket=world.source, Key="form")["VersionId"]
    assert world.settled("form", version) == "COMPLETED"
    assert world.head_replica("form", version)["SSEKMSKeyId"] == world.replica_key


def test_replicas_do_not_replicate_again(cloud: Cloud) -> None:
    world = World(cloud)
    world.replicate()
    third = cloud.bucket("eu-west-1")
    onward = world.rule(
        Destination={"Bucket": f"arn:aws:s3:::{third}"},
        SourceSelectionCriteria=None,
        Filter={"Prefix": ""},
    )
    del onward["Destination"]["EncryptionConfiguration"]
    world.s3_there.put_bucket_replication(
        Bucket=world.destination,
        ReplicationConfiguration={"Role": world.role_arn, "Rules": [onward]},
    )
    version = world.s3.put_object(Bucket=world.source, Key="a", Body=b"x")["VersionId"]
    assert world.settled("a", version) == "COMPLETED"
    assert world.head_replica("a", version)["ReplicationStatus"] == "REPLICA"
    listed = cloud.client("s3", "eu-west-1").list_object_versions(Bucket=third)
    assert "Versions" not in listed


@pytest.mark.parametrize("status", ["Enabled", "Disabled"])
def test_delete_marker_replicates_where_the_rule_says_so(cloud: Cloud, status: str) -> None:
    world = World(cloud)
    world.replicate(world.rule(DeleteMarkerReplication={"Status": status}))
    version = world.upload("a")
    assert world.settled("a", version) == "COMPLETED"
    marker = world.s3.delete_object(Bucket=world.source, Key="a")["VersionId"]

    def markers() -> list[str]:
        answer = world.s3_there.list_object_versions(Bucket=world.destination)
        return [found["VersionId"] for found in answer.get("DeleteMarkers", [])]

    if status == "Enabled":
        assert eventually(lambda: markers() == [marker])
    else:
        # A later upload is through: the marker, queued before it, was left out.
        assert world.settled("b", world.upload("b")) == "COMPLETED"
        assert markers() == []


def test_delete_marker_needs_permission_to_replicate_deletes(cloud: Cloud) -> None:
    world = World(cloud)
    world.replicate(world.rule(DeleteMarkerReplication={"Status": "Enabled"}))
    world.put_policy(delete=None)
    url, _ = world.failures()
    world.settled("a", world.upload("a"))
    world.s3.delete_object(Bucket=world.source, Key="a")
    assert world.failure_reason(url) == "DstDelObjNotPermitted"


def test_version_deleted_before_its_turn_is_left_out(cloud: Cloud) -> None:
    world = World(cloud)
    world.replicate()
    version = world.upload("gone")
    world.s3.delete_object(Bucket=world.source, Key="gone", VersionId=version)
    assert world.settled("next", world.upload("next")) == "COMPLETED"
    assert world.replicas() == ["next"]


def test_other_account_takes_replicas_only_where_its_policies_say_so(cloud: Cloud) -> None:
    other = cloud.account("222222222222")
    world = World(cloud, destination_owner=other)
    world.replicate(world.rule(Destination={"Account": "222222222222"}))
    assert world.settled("a", world.upload("a")) == "FAILED"
    principal = {"AWS": world.role_arn}
    objects = f"arn:aws:s3:::{world.destination}/*"
    grant = allow(["s3:ReplicateObject", "s3:ReplicateTags"], objects, Principal=principal)
    world.s3_there.put_bucket_policy(Bucket=world.destination, Policy=document(grant))
    assert world.settled("b", world.upload("b")) == "FAILED"
    root = {"AWS": "arn:aws:iam::222222222222:root"}
    other.client("kms", DESTINATION_REGION).put_key_policy(
        KeyId=world.replica_key,
        PolicyName="default",
        Policy=document(
            allow("kms:*", "*", Principal=root), allow("kms:Encrypt", "*", Principal=principal)
        ),
    )
    version = world.upload("c")
    assert world.settled("c", version) == "COMPLETED"
    assert world.head_replica("c", version)["SSEKMSKeyId"] == world.replica_key
