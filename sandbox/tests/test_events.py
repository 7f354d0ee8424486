"""The events of arrivals and failures."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote_plus

import pytest
from cloud import ACCOUNT, DESTINATION_REGION, SOURCE_REGION, Cloud, unique
from running import eventually
from world import World

NAME = "Tax/a b+c%d=é@.txt"


def notify(cloud: Cloud, world: World) -> str:
    """Sends all creations in the destination bucket to a new queue; returns its URL."""
    url, arn = cloud.queue(DESTINATION_REGION, "s3")
    world.s3_there.put_bucket_notification_configuration(
        Bucket=world.destination,
        NotificationConfiguration={
            "QueueConfigurations": [
                {"Id": "n", "QueueArn": arn, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}
            ]
        },
    )
    return url


def eventbridge(cloud: Cloud, bucket: str, region: str) -> str:
    """Sends the bucket's events over EventBridge to a new queue; returns its URL."""
    url, arn = cloud.queue(region, "events")
    cloud.client("s3", region).put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    events, name = cloud.client("events", region), unique("rule")
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [bucket]}}}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
    return url


def test_arrival_fires_the_destinations_notification(cloud: Cloud) -> None:
    world = World(cloud)
    world.replicate()
    url = notify(cloud, world)
    version = world.upload(NAME)
    (body,) = cloud.messages(DESTINATION_REGION, url, 1)
    (record,) = body["Records"]
    assert record["eventVersion"] == "2.1"
    assert record["eventName"] == "ObjectCreated:Put"
    assert record["awsRegion"] == DESTINATION_REGION
    role_id = world.iam.get_role(RoleName=world.role)["Role"]["RoleId"]
    assert record["userIdentity"] == {"principalId": f"AWS:{role_id}:s3-replication"}
    assert record["requestParameters"] == {"sourceIPAddress": "s3.amazonaws.com"}
    told = record["s3"]["object"]
    assert told["key"] == "Tax/a+b%2Bc%25d%3D%C3%A9%40.txt"
    assert unquote_plus(told["key"]) == NAME
    assert told["versionId"] == version
    assert told["size"] == len(b"body of it")
    assert int(told["sequencer"], 16) > 0
    assert record["s3"]["bucket"]["arn"] == f"arn:aws:s3:::{world.destination}"


def test_arrival_is_told_over_eventbridge_with_raw_key_and_version(cloud: Cloud) -> None:
    world = World(cloud)
    world.replicate()
    url = eventbridge(cloud, world.destination, DESTINATION_REGION)
    version = world.upload(NAME)
    (event,) = cloud.messages(DESTINATION_REGION, url, 1)
    assert event["source"] == "aws.s3"
    assert event["detail-type"] == "Object Created"
    assert event["region"] == DESTINATION_REGION
    assert event["account"] == ACCOUNT
    assert event["resources"] == [f"arn:aws:s3:::{world.destination}"]
    detail = event["detail"]
    assert detail["bucket"] == {"name": world.destination}
    assert detail["object"]["key"] == NAME
    assert detail["object"]["version-id"] == version
    assert detail["object"]["size"] == len(b"body of it")
    assert detail["reason"] == "PutObject"
    assert detail["requester"] == ACCOUNT


@pytest.mark.parametrize("versioned", [True, False])
def test_plain_upload_names_its_version_over_eventbridge_where_there_is_one(
    cloud: Cloud, versioned: bool
) -> None:
    bucket = cloud.bucket(DESTINATION_REGION, versioned=versioned)
    url = eventbridge(cloud, bucket, DESTINATION_REGION)
    s3 = cloud.client("s3", DESTINATION_REGION)
    version = s3.put_object(Bucket=bucket, Key="a", Body=b"x").get("VersionId")
    (event,) = cloud.messages(DESTINATION_REGION, url, 1)
    assert event["detail"]["object"].get("version-id") == version
    assert (version is not None) == versioned


def test_arrived_multipart_object_is_told_as_completed_upload(cloud: Cloud) -> None:
    world = World(cloud)
    world.replicate()
    url = eventbridge(cloud, world.destination, DESTINATION_REGION)
    there = {"Bucket": world.source, "Key": "big"}
    upload = world.s3.create_multipart_upload(**there)["UploadId"]
    part = world.s3.upload_part(**there, UploadId=upload, PartNumber=1, Body=b"x")
    world.s3.complete_multipart_upload(
        **there,
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )
    (event,) = cloud.messages(DESTINATION_REGION, url, 1)
    assert event["detail"]["reason"] == "CompleteMultipartUpload"


def test_arrived_delete_marker_is_told(cloud: Cloud) -> None:
    world = World(cloud)
    world.replicate(world.rule(DeleteMarkerReplication={"Status": "Enabled"}))
    world.settled("a", world.upload("a"))
    url = notify(cloud, world)
    marker = world.s3.delete_object(Bucket=world.source, Key="a")["VersionId"]
    (body,) = cloud.messages(DESTINATION_REGION, url, 1)
    (record,) = body["Records"]
    assert record["eventName"] == "ObjectRemoved:DeleteMarkerCreated"
    assert record["s3"]["object"]["versionId"] == marker


def test_failure_fires_the_sources_notification(cloud: Cloud) -> None:
    world = World(cloud)
    world.replicate()
    world.put_policy(write=None)
    url, _ = world.failures()
    version = world.upload(NAME)
    (body,) = cloud.messages(SOURCE_REGION, url, 1)
    (record,) = body["Records"]
    assert record["eventVersion"] == "2.2"
    assert record["eventName"] == "Replication:OperationFailedReplication"
    assert record["awsRegion"] == SOURCE_REGION
    assert record["userIdentity"] == {"principalId": "s3.amazonaws.com"}
    assert record["requestParameters"] == {"sourceIPAddress": "s3.amazonaws.com"}
    assert record["s3"]["bucket"]["name"] == world.source
    assert record["s3"]["configurationId"] == "failures"
    assert unquote_plus(record["s3"]["object"]["key"]) == NAME
    assert record["s3"]["object"]["versionId"] == version
    data = record["replicationEventData"]
    assert data.pop("requestTime").endswith("Z")
    assert data == {
        "replicationRuleId": "rule-1",
        "destinationBucket": f"arn:aws:s3:::{world.destination}",
        "s3Operation": "OBJECT_PUT",
        "failureReason": "DstPutObjectNotPermitted",
    }


def test_failure_is_silent_without_metrics(cloud: Cloud) -> None:
    world = World(cloud)
    rule = world.rule()
    del rule["Destination"]["Metrics"]
    world.replicate(rule)
    world.put_policy(write=None)
    url, _ = world.failures()
    assert world.settled("a", world.upload("a")) == "FAILED"
    assert cloud.messages(SOURCE_REGION, url, 1, seconds=1.0) == []


def test_failure_never_goes_to_eventbridge(cloud: Cloud) -> None:
    world = World(cloud)
    world.replicate()
    world.put_policy(write=None)
    url = eventbridge(cloud, world.source, SOURCE_REGION)
    assert world.settled("a", world.upload("a")) == "FAILED"
    events = cloud.messages(SOURCE_REGION, url, 2, seconds=1.0)
    assert [event["detail"]["reason"] for event in events] == ["PutObject"]


class Refusing:
    """A rule whose target is a queue that takes nothing, and the target's dead-letter queue."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud, self.source = cloud, unique("tests")
        self.sqs, self.events = cloud.client("sqs"), cloud.client("events")
        self.url, self.arn = cloud.queue(SOURCE_REGION)
        self.dead_url, self.dead_arn = cloud.queue(SOURCE_REGION, "events")
        name = unique("rule")
        pattern = json.dumps({"source": [self.source]})
        self.rule = self.events.put_rule(Name=name, EventPattern=pattern)["RuleArn"]
        target = {"Id": "queue", "Arn": self.arn, "DeadLetterConfig": {"Arn": self.dead_arn}}
        self.events.put_targets(Rule=name, Targets=[target])

    def shut(self, url: str) -> None:
        self.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})

    def send(self) -> None:
        entry = {"Source": self.source, "DetailType": "Test", "Detail": '{"a": 1}'}
        assert self.events.put_events(Entries=[entry])["FailedEntryCount"] == 0

    def taken(self, url: str) -> list[dict[str, Any]]:
        answer = self.sqs.receive_message(
            QueueUrl=url, WaitTimeSeconds=1, MessageAttributeNames=["All"]
        )
        return list(answer.get("Messages", []))


def test_what_a_queue_refuses_of_a_rule_goes_to_the_targets_dead_letter_queue(cloud: Cloud) -> None:
    refusing = Refusing(cloud)
    alarms, name = cloud.client("cloudwatch"), unique("dead-letters")
    # As the template's DeadLettersAlarm.
    alarms.put_metric_alarm(
        AlarmName=name,
        Namespace="AWS/SQS",
        MetricName="ApproximateNumberOfMessagesVisible",
        Dimensions=[{"Name": "QueueName", "Value": refusing.dead_arn.rpartition(":")[2]}],
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )

    def state() -> str:
        return str(alarms.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"])

    assert state() == "OK"
    refusing.send()
    assert eventually(lambda: state() == "ALARM")
    (message,) = refusing.taken(refusing.dead_url)
    assert json.loads(message["Body"])["detail"] == {"a": 1}
    told = {key: value["StringValue"] for key, value in message["MessageAttributes"].items()}
    assert told.pop("ERROR_MESSAGE")
    assert told == {
        "RULE_ARN": refusing.rule,
        "TARGET_ARN": refusing.arn,
        "ERROR_CODE": "NO_PERMISSIONS",
    }
    assert refusing.taken(refusing.url) == []


def test_a_dead_letter_queue_takes_only_what_its_policy_lets_in(cloud: Cloud) -> None:
    refusing = Refusing(cloud)
    refusing.shut(refusing.dead_url)
    refusing.send()
    assert refusing.taken(refusing.dead_url) == []
