"""What the accounts of an organisation tell arrives at its centre, and what others tell does not.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cloud import DESTINATION_REGION, SOURCE_REGION, Cloud, allow, document, unique
from installed import install
from running import eventually

CENTRE, STRANGER = "777788889999", "333344445555"
LOG = "/aws/events/encrypted-replication"
SERVICE = {"Service": "events.amazonaws.com"}


@dataclass(frozen=True)
class Organisation:
    """The centre, which manages it, and two members."""

    cloud: Cloud
    id: str
    members: tuple[str, str]
    bus: str

    @property
    def centre(self) -> Cloud:
        return self.cloud.account(CENTRE)

    def heard(self) -> list[dict[str, Any]]:
        """The events in the centre's log."""
        logs = self.centre.client("logs")
        found = logs.filter_log_events(logGroupName=LOG)["events"]
        return [json.loads(line["message"]) for line in found]

    def heard_of(self, word: str) -> list[dict[str, Any]]:
        return [event for event in self.heard() if event["detail"].get("word") == word]


@pytest.fixture(scope="module")
def organisation(cloud: Cloud) -> Organisation:
    organizations = cloud.account(CENTRE).client("organizations")
    found = organizations.describe_organization()["Organization"]
    members = [
        organizations.create_account(Email=f"{name}@example.com", AccountName=name)[
            "CreateAccountStatus"
        ]["AccountId"]
        for name in ("one", "two")
    ]
    made = install(
        cloud.account(CENTRE),
        SOURCE_REGION,
        "centre",
        "examples/organisation/central.yaml",
        OrganizationId=found["Id"],
    )
    bus = made.outputs["CentralEventBusArn"]
    return Organisation(cloud, found["Id"], (members[0], members[1]), bus)


@dataclass(frozen=True)
class Sender:
    """A rule of an account that sends to a bus, and the queue of what it could not send."""

    account: Cloud
    region: str
    rule: str
    queue: str
    source: str
    word: str

    def tell(self) -> None:
        """Puts the event on the account's default bus that the rule is for."""
        detail = json.dumps({"word": self.word})
        event = {"Source": self.source, "DetailType": "Test", "Detail": detail}
        answer = self.account.client("events", self.region).put_events(Entries=[event])
        assert answer["FailedEntryCount"] == 0

    def undelivered(self) -> dict[str, str]:
        """The attributes of the one message in the dead-letter queue, and its word."""
        sqs = self.account.client("sqs", self.region)
        found = sqs.receive_message(
            QueueUrl=self.queue, WaitTimeSeconds=5, MessageAttributeNames=["All"]
        )
        (message,) = found["Messages"]
        sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        attributes = message["MessageAttributes"].items()
        told = {name: str(value["StringValue"]) for name, value in attributes}
        assert json.loads(message["Body"])["detail"]["word"] == self.word
        return told


def sender(
    cloud: Cloud,
    number: str,
    bus: str,
    region: str = SOURCE_REGION,
    source: str = "encrypted-replication",
    policy: dict[str, Any] | None = None,
    trusted: dict[str, Any] | None = None,
    from_bus: str = "default",
    word: str | None = None,
) -> Sender:
    """As `CentralRule` and `CentralRole` of template.yaml, unless told otherwise, for one word."""
    account, name = cloud.account(number), unique("telling")
    word = word or unique("word")
    iam, events = account.client("iam"), account.client("events", region)
    trust = {
        "Effect": "Allow",
        "Principal": SERVICE,
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": number}},
    }
    role = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=document({**trust, **(trusted or {})})
    )["Role"]["Arn"]
    statement = policy or allow("events:PutEvents", bus)
    iam.put_role_policy(RoleName=name, PolicyName="centre", PolicyDocument=document(statement))
    pattern = json.dumps({"source": [source], "detail": {"word": [word]}})
    made = events.put_rule(Name=name, EventPattern=pattern, EventBusName=from_bus)
    rule = made["RuleArn"]
    queue_arn = f"arn:aws:sqs:{region}:{number}:{name}"
    may_keep = allow(
        "sqs:SendMessage",
        queue_arn,
        Principal=SERVICE,
        Condition={"ArnEquals": {"aws:SourceArn": rule}},
    )
    sqs = account.client("sqs", region)
    queue = sqs.create_queue(QueueName=name, Attributes={"Policy": document(may_keep)})
    target = {"Id": "centre", "Arn": bus, "RoleArn": role, "DeadLetterConfig": {"Arn": queue_arn}}
    events.put_targets(Rule=name, Targets=[target], EventBusName=from_bus)
    return Sender(account, region, rule, queue["QueueUrl"], source, word)


@pytest.mark.parametrize("member", [0, 1])
@pytest.mark.parametrize("region", [SOURCE_REGION, DESTINATION_REGION])
def test_members_of_both_regions_are_heard_by_their_account_and_region(
    organisation: Organisation, member: int, region: str
) -> None:
    number = organisation.members[member]
    told = sender(organisation.cloud, number, organisation.bus, region)
    told.tell()
    assert eventually(lambda: bool(organisation.heard_of(told.word)))
    (event,) = organisation.heard_of(told.word)
    assert (event["account"], event["region"]) == (number, region)
    assert event["source"] == "encrypted-replication"
    assert event["detail-type"] == "Test"


def test_a_stranger_is_not_heard_and_keeps_what_it_told(organisation: Organisation) -> None:
    told = sender(organisation.cloud, STRANGER, organisation.bus)
    told.tell()
    kept = told.undelivered()
    assert kept["ERROR_CODE"] == "NO_PERMISSIONS"
    assert (kept["RULE_ARN"], kept["TARGET_ARN"]) == (told.rule, organisation.bus)
    assert organisation.heard_of(told.word) == []


def test_a_member_is_heard_of_encrypted_replication_alone(organisation: Organisation) -> None:
    member = organisation.members[0]
    told = sender(organisation.cloud, member, organisation.bus, source="somebodys.own")
    told.tell()
    assert told.undelivered()["ERROR_CODE"] == "NO_PERMISSIONS"
    assert organisation.heard_of(told.word) == []


@pytest.mark.parametrize(
    "broken",
    [
        {"policy": allow("events:PutEvents", "arn:aws:events:us-east-1:*:event-bus/another")},
        {"policy": allow("events:PutRule", "*")},
        {"trusted": {"Principal": {"Service": "lambda.amazonaws.com"}}},
        {"trusted": {"Condition": {"StringEquals": {"aws:SourceAccount": STRANGER}}}},
    ],
    ids=["another-bus", "another-action", "another-service", "another-account"],
)
def test_a_role_that_may_not_is_refused_whatever_the_bus_allows(
    organisation: Organisation, broken: dict[str, Any]
) -> None:
    told = sender(organisation.cloud, organisation.members[0], organisation.bus, **broken)
    told.tell()
    assert told.undelivered()["ERROR_CODE"] == "NO_PERMISSIONS"
    assert organisation.heard_of(told.word) == []


def test_a_bus_that_is_not_there_is_told(organisation: Organisation) -> None:
    told = sender(organisation.cloud, organisation.members[0], f"{organisation.bus}-not")
    told.tell()
    assert told.undelivered()["ERROR_CODE"] == "NO_RESOURCE"


def test_what_came_from_another_account_goes_no_further(organisation: Organisation) -> None:
    """To a bus; a log group of the receiver's own account gets it."""
    there = organisation.cloud.account(organisation.members[1])
    third = there.client("events").create_event_bus(Name=unique("third"))["EventBusArn"]
    told = sender(organisation.cloud, organisation.members[0], organisation.bus)
    onward = sender(
        organisation.cloud, CENTRE, third, from_bus="encrypted-replication", word=told.word
    )
    told.tell()
    assert onward.undelivered()["ERROR_CODE"] == "THIRD_ACCOUNT_HOP_DETECTED"
    assert organisation.heard_of(told.word)


def put(who: Cloud, bus: str, *sources: str) -> str:
    """Puts an event of each source on a bus by its ARN; the word in them."""
    word = unique("word")
    detail = {"DetailType": "Test", "Detail": json.dumps({"word": word}), "EventBusName": bus}
    entries = [{"Source": source, **detail} for source in sources]
    assert who.client("events").put_events(Entries=entries)["FailedEntryCount"] == 0
    return word


def test_whoever_calls_is_let_in_by_the_policy_too(organisation: Organisation) -> None:
    member = organisation.cloud.account(organisation.members[0])
    word = put(member, organisation.bus, "encrypted-replication")
    (event,) = organisation.heard_of(word)
    assert event["account"] == organisation.members[0]
    nobody = organisation.cloud.account(STRANGER)
    for who, sources in [
        (nobody, ["encrypted-replication"]),
        (member, ["somebodys.own"]),
        # One of the two is not let in, so neither is.
        (member, ["encrypted-replication", "somebodys.own"]),
    ]:
        with pytest.raises(ClientError, match="AccessDenied"):
            put(who, organisation.bus, *sources)


def test_a_log_group_that_no_policy_opens_gets_nothing(organisation: Organisation) -> None:
    number = organisation.members[0]
    member = organisation.cloud.account(number)
    logs, name = member.client("logs"), unique("/aws/events/closed")
    logs.create_log_group(logGroupName=name)
    arn = f"arn:aws:logs:{SOURCE_REGION}:{number}:log-group:{name}"
    told = sender(organisation.cloud, number, arn, source="for.the.log")
    told.tell()
    assert told.undelivered()["ERROR_CODE"] == "NO_PERMISSIONS"
    services = ["events.amazonaws.com", "delivery.logs.amazonaws.com"]
    actions = ["logs:CreateLogStream", "logs:PutLogEvents"]
    for principals, opened in ((services[:1], False), (services, True)):
        may = allow(actions, f"{arn}:*", Principal={"Service": principals})
        logs.put_resource_policy(policyName="told", policyDocument=document(may))
        told.tell()
        lines = logs.filter_log_events(logGroupName=name)["events"]
        words = [json.loads(line["message"])["detail"]["word"] for line in lines]
        assert words == ([told.word] if opened else [])


def test_a_member_has_no_organization_of_its_own(organisation: Organisation) -> None:
    client = organisation.cloud.account(organisation.members[0]).client("organizations")
    assert client.describe_organization()["Organization"]["Id"] == organisation.id
    with pytest.raises(ClientError, match="AccessDenied"):
        client.list_accounts()


def test_a_template_in_another_accounts_bucket_is_read_as_its_policy_says(
    organisation: Organisation,
) -> None:
    centre, bucket = organisation.centre.client("s3"), unique("release")
    centre.create_bucket(Bucket=bucket)
    empty = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
    centre.put_object(Bucket=bucket, Key="template.json", Body=json.dumps(empty).encode())
    members = {"StringEquals": {"aws:PrincipalOrgID": organisation.id}}
    may = allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*", Principal="*", Condition=members)
    url = f"https://s3.{SOURCE_REGION}.amazonaws.com/{bucket}/template.json"

    def read(account: str) -> None:
        client = organisation.cloud.account(account).client("cloudformation")
        client.validate_template(TemplateURL=url)

    read(CENTRE)
    with pytest.raises(ClientError, match="ValidationError"):
        read(organisation.members[0])
    centre.put_bucket_policy(Bucket=bucket, Policy=document(may))
    read(organisation.members[0])
    with pytest.raises(ClientError, match="ValidationError"):
        read(STRANGER)


def test_the_dashboard_asks_the_log_that_everything_is_written_to(
    organisation: Organisation,
) -> None:
    cloudwatch = organisation.centre.client("cloudwatch")
    name = "encrypted-replication-organisation"
    body = json.loads(cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"])
    asked = [widget["properties"] for widget in body["widgets"]]
    assert {widget["region"] for widget in asked} == {SOURCE_REGION}
    assert {widget["query"].partition(" | ")[0] for widget in asked} == {f"SOURCE '{LOG}'"}
