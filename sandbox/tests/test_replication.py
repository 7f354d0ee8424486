"""What is replicated, and how the replica looks."""

from __future__ import annotations

from cloud import Cloud
from world import World


def test_kms_object_arrives_under_the_replica_key_with_the_same_version(cloud: Cloud) -> None:
    world = World(cloud)
    world.replicate()
    version = world.upload("Tax/a.txt")
    assert world.head("Tax/a.txt", version)["ReplicationStatus"] == "PENDING"
    assert world.settled("Tax/a.txt", version) == "COMPLETED"
    replica = world.head_replica("Tax/a.txt", version)
    assert replica["ReplicationStatus"] == "REPLICA"
    assert replica["VersionId"] == version
    assert replica["ServerSideEncryption"] == "aws:kms"
    assert replica["SSEKMSKeyId"] == world.replica_key
    assert "BucketKeyEnabled" not in replica
