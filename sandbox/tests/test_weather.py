"""Real weather: what was just made or changed is not known everywhere at once.

The times are AWS's sixty times faster; each test sees the old first and the new in the end.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cloud import ACCOUNT, DESTINATION_REGION, SOURCE_REGION, Cloud, allow, document, unique
from running import eventually, start
from world import TRUST, World


@pytest.fixture(scope="module")
def slow() -> Iterator[Cloud]:
    with start("--replication-delay", "0.1", "--weather", "real") as running:
        yield Cloud(running.url)


def refusal(call: Callable[[], Any]) -> str:
    """The code that AWS refuses the call with; empty where it does not."""
    try:
        call()
    except ClientError as refused:
        return str(refused.response["Error"]["Code"])
    return ""


def passes(call: Callable[[], Any], seconds: float = 8) -> bool:
    return eventually(lambda: refusal(call) == "", seconds)


@pytest.fixture
def world(slow: Cloud, monkeypatch: pytest.MonkeyPatch) -> World:
    """The world of the other tests, built with patience."""

    def bucket(cloud: Cloud, region: str, versioned: bool = True) -> str:
        s3, name = cloud.client("s3", region), unique("bucket")
        place = {} if region == SOURCE_REGION else {"LocationConstraint": region}
        options = {"CreateBucketConfiguration": place} if place else {}
        s3.create_bucket(Bucket=name, **options)
        enabled = {"Status": "Enabled"}
        assert passes(
            lambda: s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=enabled)
        )
        return name

    monkeypatch.setattr(Cloud, "bucket", bucket)
    built = World(slow)
    assert passes(built.replicate)
    return built


def test_a_new_bucket_is_not_seen_at_once(slow: Cloud) -> None:
    s3, name = slow.client("s3"), unique("new")
    s3.create_bucket(Bucket=name)
    assert refusal(lambda: s3.get_bucket_versioning(Bucket=name)) == "NoSuchBucket"
    assert passes(lambda: s3.get_bucket_versioning(Bucket=name))


def test_changes_of_a_buckets_settings_are_in_each_others_way(world: World) -> None:
    tags = {"TagSet": [{"Key": "a", "Value": "b"}]}

    def put(_: int) -> str:
        return refusal(lambda: world.s3.put_bucket_tagging(Bucket=world.source, Tagging=tags))

    codes: set[str] = set()
    with ThreadPoolExecutor(8) as pool:
        for _ in range(20):
            time.sleep(0.05)
            codes |= set(pool.map(put, range(8)))
            if len(codes) == 2:
                break
    assert codes == {"", "OperationAborted"}


def test_versioning_is_not_known_to_the_rules_at_once(slow: Cloud, world: World) -> None:
    s3, source = slow.client("s3"), slow.bucket(SOURCE_REGION)
    rules = {"Role": world.role_arn, "Rules": [world.rule()]}
    time.sleep(0.05)

    def put() -> None:
        s3.put_bucket_replication(Bucket=source, ReplicationConfiguration=rules)

    assert refusal(put) == "InvalidRequest"
    assert passes(put)


def test_a_new_key_and_its_alias_are_not_seen_at_once(slow: Cloud) -> None:
    kms, alias = slow.client("kms"), f"alias/{unique('new')}"
    key = kms.create_key()["KeyMetadata"]["Arn"]
    for call in (
        lambda: kms.describe_key(KeyId=key),
        lambda: kms.enable_key_rotation(KeyId=key),
        lambda: kms.create_alias(AliasName=alias, TargetKeyId=key),
    ):
        assert refusal(call) == "NotFoundException"
    assert passes(lambda: kms.create_alias(AliasName=alias, TargetKeyId=key))
    assert refusal(lambda: kms.describe_key(KeyId=alias)) == "NotFoundException"
    assert passes(lambda: kms.describe_key(KeyId=alias))


def test_a_new_keys_tags_do_not_count_at_once(slow: Cloud) -> None:
    tagged = {"StringEquals": {"aws:ResourceTag/owner": "er"}}
    maker = slow.user(
        allow(["kms:CreateKey", "kms:TagResource", "kms:DescribeKey"], "*"),
        allow("kms:EnableKeyRotation", "*", Condition=tagged),
    ).client("kms")
    tags = [{"TagKey": "owner", "TagValue": "er"}]
    key = maker.create_key(Tags=tags)["KeyMetadata"]["Arn"]
    assert passes(lambda: maker.describe_key(KeyId=key))
    assert refusal(lambda: maker.enable_key_rotation(KeyId=key)) == "AccessDeniedException"
    assert passes(lambda: maker.enable_key_rotation(KeyId=key))


def test_a_new_role_is_no_principal_at_once(slow: Cloud, world: World) -> None:
    iam, kms, name = slow.client("iam"), slow.client("kms"), unique("new")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(TRUST))
    principal = {"AWS": f"arn:aws:iam::{ACCOUNT}:role/{name}"}
    root = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    all_of_kms = {"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"}
    key_policy = document(all_of_kms, allow("kms:Decrypt", "*", Principal=principal))
    bucket_policy = document(
        allow("s3:GetObject", f"arn:aws:s3:::{world.source}/*", Principal=principal)
    )

    def on_key() -> None:
        kms.put_key_policy(KeyId=world.source_key, PolicyName="default", Policy=key_policy)

    def on_bucket() -> None:
        world.s3.put_bucket_policy(Bucket=world.source, Policy=bucket_policy)

    assert refusal(on_key) == "MalformedPolicyDocumentException"
    assert refusal(on_bucket) in ("MalformedPolicy", "OperationAborted")
    assert passes(on_key) and passes(on_bucket)


def test_a_roles_policy_is_followed_late(world: World) -> None:
    time.sleep(2.5)
    version = world.upload("Tax/before")
    assert world.settled("Tax/before", version) == "COMPLETED"
    world.put_policy(decrypt=None)
    version = world.upload("Tax/still")
    assert world.settled("Tax/still", version) == "COMPLETED"
    time.sleep(1.2)
    version = world.upload("Tax/after")
    assert world.settled("Tax/after", version) == "FAILED"


def test_rules_are_followed_late(slow: Cloud, world: World) -> None:
    time.sleep(2.2)
    # The role may not use it.
    other = slow.kms_key(DESTINATION_REGION)
    rule = world.rule(Destination={"EncryptionConfiguration": {"ReplicaKmsKeyID": other}})
    assert passes(lambda: world.replicate(rule))
    version = world.upload("Tax/by the old")
    assert world.settled("Tax/by the old", version) == "COMPLETED"
    time.sleep(2.2)
    version = world.upload("Tax/by the new")
    assert world.settled("Tax/by the new", version) == "FAILED"


def test_the_switch_of_event_bridge_works_late(slow: Cloud, world: World) -> None:
    events, name = slow.client("events"), unique("rule")
    url, queue = slow.queue(SOURCE_REGION, "events")
    arn = events.put_rule(Name=name, EventPattern=json.dumps({"source": ["aws.s3"]}))["RuleArn"]
    assert arn
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": queue}])
    switched = {"EventBridgeConfiguration": {}}
    assert passes(
        lambda: world.s3.put_bucket_notification_configuration(
            Bucket=world.source, NotificationConfiguration=switched
        )
    )
    world.upload("Tax/too early")
    time.sleep(5.5)
    world.upload("Tax/in time")
    told = slow.messages(SOURCE_REGION, url, 2, 3)
    keys = [event["detail"]["object"]["key"] for event in told]
    assert keys == ["Tax/in time"]


def test_what_a_queue_holds_back_for_minutes_passes_as_much_faster(slow: Cloud) -> None:
    events, sqs, name = slow.client("events"), slow.client("sqs"), unique("rule")
    url, queue = slow.queue(SOURCE_REGION, "events")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "120"})
    events.put_rule(Name=name, EventPattern=json.dumps({"source": ["held-back"]}))
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": queue}])
    events.put_events(Entries=[{"Source": "held-back", "DetailType": "x", "Detail": "{}"}])
    assert slow.messages(SOURCE_REGION, url, 1, seconds=1) == []
    assert len(slow.messages(SOURCE_REGION, url, 1, seconds=4)) == 1
