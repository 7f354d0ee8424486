"""Members of rules that S3 has had since November 2026: kept, shown and followed."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from cloud import DESTINATION_REGION, SOURCE_REGION, Cloud, allow
from world import World

NO_PREFIX = "<Prefix />"
DRAFTS = "<Not><Prefix>Tax/drafts/</Prefix></Not>"
SECRET = "<Tag><Key>secret</Key><Value>yes</Value></Tag>"
EITHER = f"<Not><Or><Prefix>Tax/drafts/</Prefix><Prefix>Tax/old/</Prefix>{SECRET}</Or></Not>"
SAME_KEY = "<UseSourceMultiRegionKey><Status>Enabled</Status></UseSourceMultiRegionKey>"


def put(world: World, old: str, new: str, **rule: Any) -> None:
    """Puts the rule with something in its document that the client does not know."""

    def change(params: dict[str, Any], **_: Any) -> None:
        document = params["body"].decode()
        assert old in document, document
        params["body"] = document.replace(old, new).encode()

    event = "before-call.s3.PutBucketReplication"
    world.s3.meta.events.register(event, change)
    try:
        world.replicate(world.rule(**rule))
    finally:
        world.s3.meta.events.unregister(event, change)


def stored(world: World) -> str:
    """The document as it is sent."""
    seen: list[bytes] = []

    def look(http_response: Any, **_: Any) -> None:
        seen.append(http_response.content)

    event = "after-call.s3.GetBucketReplication"
    world.s3.meta.events.register(event, look)
    world.s3.get_bucket_replication(Bucket=world.source)
    world.s3.meta.events.unregister(event, look)
    return seen[0].decode()


def replicated(world: World, key: str, tagging: str = "") -> bool:
    version = world.upload(key, Tagging=tagging)
    return world.settled(key, version) is not None


def test_what_a_rule_leaves_out_is_kept_and_not_replicated(cloud: Cloud) -> None:
    world = World(cloud)
    put(world, NO_PREFIX, DRAFTS)
    assert f"<Filter>{DRAFTS}</Filter>" in stored(world)
    assert not replicated(world, "Tax/drafts/a")
    assert replicated(world, "Tax/drafts")
    assert replicated(world, "Tax/a")


def test_what_a_rule_with_more_conditions_leaves_out_matches_any(cloud: Cloud) -> None:
    world = World(cloud)
    prefix = "<Prefix>Tax/</Prefix>"
    put(world, prefix, f"<And>{prefix}{EITHER}</And>", Filter={"Prefix": "Tax/"})
    assert f"<Filter><And>{prefix}{EITHER}</And></Filter>" in stored(world)
    for key, tagging, expected in (
        ("Tax/a", "", True),
        ("Tax/a", "secret=no", True),
        ("Tax/a", "secret=yes&more=1", False),
        ("Tax/drafts/a", "", False),
        ("Tax/old/a", "", False),
        ("other", "", False),
    ):
        assert replicated(world, key, tagging) == expected, (key, tagging)


@pytest.mark.parametrize(
    "chosen",
    [
        "<Not></Not>",
        f"<Not><Prefix>a</Prefix>{SECRET}</Not>",
        "<Not><And><Prefix>a</Prefix></And></Not>",
        f"<Prefix>a</Prefix>{DRAFTS}",
        f"<And>{DRAFTS}</And>",
    ],
)
def test_a_malformed_exclusion_is_refused(cloud: Cloud, chosen: str) -> None:
    world = World(cloud)
    with pytest.raises(ClientError) as caught:
        put(world, NO_PREFIX, chosen)
    assert caught.value.response["Error"]["Code"] == "MalformedXML"


def test_the_key_that_is_related_to_the_sources_is_taken(cloud: Cloud) -> None:
    world = World(cloud)
    here = cloud.client("kms", SOURCE_REGION)
    world.source_key = cloud.kms_key(SOURCE_REGION, MultiRegion=True)
    related = here.replicate_key(KeyId=world.source_key, ReplicaRegion=DESTINATION_REGION)
    arn = related["ReplicaKeyMetadata"]["Arn"]
    world.put_policy(
        decrypt=allow("kms:Decrypt", world.source_key), encrypt=allow("kms:Encrypt", arn)
    )
    end = "</ReplicaKmsKeyID>"
    put(world, end, f"{end}{SAME_KEY}")
    assert f"{SAME_KEY}</EncryptionConfiguration>" in stored(world)
    version = world.upload("Tax/a")
    assert world.settled("Tax/a", version) == "COMPLETED"
    assert world.head_replica("Tax/a", version)["SSEKMSKeyId"] == arn
    # A key of one Region has none that is related.
    world.put_policy()
    ordinary = cloud.kms_key(SOURCE_REGION)
    world.put_policy(decrypt=allow("kms:Decrypt", ordinary))
    version = world.upload("Tax/b", SSEKMSKeyId=ordinary)
    assert world.settled("Tax/b", version) == "COMPLETED"
    assert world.head_replica("Tax/b", version)["SSEKMSKeyId"] == world.replica_key
