"""Findings by e-mail: the first of a bucket and verdict at once, the others counted."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cloud import ACCOUNT, DESTINATION_REGION, Cloud, unique
from installed import Stack, install

REGION = DESTINATION_REGION
PATIENCE = 30.0


class Mailbox:
    """The stack's topic, with a queue in the place of the address."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.states = stack.cloud.client("stepfunctions", REGION)
        self.sqs = stack.cloud.client("sqs", REGION)
        self.queue = stack.cloud.listen(stack.resources["FindingsTopic"], REGION)

    def tell(self, bucket: str, verdict: str = "WrongKey", **detail: Any) -> None:
        """A finding on the default bus, as the checker puts it there."""
        seen = {
            "verdict": verdict,
            "compliant": False,
            "bucket": bucket,
            "key": "Tax/ü 1",
            "versionId": "v1",
            "reason": "the replica is under another key",
            "remedy": "correct ReplicaKmsKeyID",
            "id": "0a" * 32,
        }
        kind = "Replica Finding Resolved" if detail.get("repaired") else "Replica Finding"
        entry = {
            "Source": "encrypted-replication",
            "DetailType": kind,
            "Detail": json.dumps({**seen, **detail}),
        }
        answer = self.stack.cloud.client("events", REGION).put_events(Entries=[entry])
        assert answer["FailedEntryCount"] == 0

    def counted(self, finding: str) -> dict[str, Any] | None:
        """What the table has of a kind of finding."""
        item = self.stack.cloud.client("dynamodb", REGION).get_item(
            TableName=self.stack.resources["FindingsCounts"], Key={"finding": {"S": finding}}
        )
        return dict(item["Item"]) if "Item" in item else None

    def await_count(self, finding: str, total: int, told: int | None = None) -> None:
        wanted = {"total": str(total)} | ({} if told is None else {"told": str(told)})
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            item = self.counted(finding) or {}
            if wanted.items() <= {name: item.get(name, {}).get("N") for name in wanted}.items():
                return
            time.sleep(0.1)
        pytest.fail(f"{finding}: {self.counted(finding)} instead of {wanted}")

    def mails(self, wait: int = 0) -> list[dict[str, str]]:
        answer = self.sqs.receive_message(
            QueueUrl=self.queue, WaitTimeSeconds=wait, MaxNumberOfMessages=10
        )
        found = answer.get("Messages", [])
        for message in found:
            self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in found]

    def failures(self, execution: str) -> list[dict[str, str]]:
        """What goes wrong in an execution that tries again and again."""
        events = self.states.get_execution_history(executionArn=execution)["events"]
        failed = (event for event in events if event["type"] == "TaskFailed")
        return [event["taskFailedEventDetails"] for event in failed]

    def digest(self) -> list[dict[str, str]]:
        """What the hour's end brings."""
        started = self.states.start_execution(
            stateMachineArn=self.stack.resources["FindingsDigest"], input="{}"
        )["executionArn"]
        end = time.monotonic() + PATIENCE
        while (told := self.states.describe_execution(executionArn=started))["status"] == "RUNNING":
            assert time.monotonic() < end, self.failures(started)
            time.sleep(0.1)
        assert told["status"] == "SUCCEEDED", (told.get("error"), told.get("cause"))
        return self.mails(wait=1)


@pytest.fixture(scope="module")
def stack(cloud: Cloud) -> Stack:
    return install(cloud, REGION, "email", "template.yaml", FindingsEmail="security@example.com")


@pytest.fixture
def mailbox(stack: Stack) -> Mailbox:
    mailbox = Mailbox(stack)
    mailbox.digest()
    return mailbox


def test_the_first_is_mailed_at_once_and_the_others_are_counted(mailbox: Mailbox) -> None:
    bucket = unique("bucket")
    finding = f"WrongKey in bucket {bucket}"
    mailbox.tell(bucket)
    mailbox.await_count(finding, 1, told=1)
    (mail,) = mailbox.mails(wait=2)
    assert mail["Subject"] == finding
    for part in (
        f"{finding} (account {ACCOUNT}, {REGION}, ",
        "Object: Tax/ü 1\nVersion: v1\nWhat: the replica is under another key\n",
        "What to do: correct ReplicaKmsKeyID\nFinding: 0a0a",
        "told once an hour",
        f"#dashboards/dashboard/{mailbox.stack.name}-{REGION}",
    ):
        assert part in mail["Message"]
    for number in range(2, 6):
        mailbox.tell(bucket, key=f"Tax/{number}", versionId=f"v{number}")
        mailbox.await_count(finding, number, told=1)
    assert mailbox.mails() == []
    (mail,) = mailbox.digest()
    assert mail["Subject"] == f"4 more replica findings in {REGION}"
    assert f"4 more {finding} (5 since 20" in mail["Message"]
    assert "Latest: Tax/5, version v5, 20" in mail["Message"]
    # What was told is not told again, and the next one is none of the first.
    assert mailbox.digest() == []
    mailbox.tell(bucket)
    mailbox.await_count(finding, 6, told=5)
    assert mailbox.mails() == []


def test_what_is_found_and_repaired_is_told_by_bucket_and_verdict(mailbox: Mailbox) -> None:
    one, other = unique("bucket"), unique("bucket")
    for bucket, verdict in [(one, "WrongKey"), (one, "ReplicationFailed"), (other, "WrongKey")]:
        mailbox.tell(bucket, verdict)
        mailbox.await_count(f"{verdict} in bucket {bucket}", 1, told=1)
    mailbox.tell(one, "Compliant", compliant=True, repaired=True)
    mailbox.await_count(f"Repaired in bucket {one}", 1, told=1)
    subjects = sorted(mail["Subject"] for mail in mailbox.mails(wait=2))
    assert subjects == sorted(
        [
            f"ReplicationFailed in bucket {one}",
            f"Repaired in bucket {one}",
            f"WrongKey in bucket {one}",
            f"WrongKey in bucket {other}",
        ]
    )
    for times, bucket in [(1, one), (3, other)]:
        for _ in range(times):
            mailbox.tell(bucket)
        mailbox.await_count(f"WrongKey in bucket {bucket}", times + 1, told=1)
    (mail,) = mailbox.digest()
    assert mail["Subject"] == f"4 more replica findings in {REGION}"
    most, less = (mail["Message"].index(f"more WrongKey in bucket {b} ") for b in (other, one))
    assert most < less


def test_a_finding_whose_mail_did_not_go_out_is_in_the_digest(mailbox: Mailbox) -> None:
    bucket = unique("bucket")
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    put(mailbox, bucket, now, total=1, told=None)
    (mail,) = mailbox.digest()
    assert f"1 more WrongKey in bucket {bucket} (1 since {now})" in mail["Message"]


def test_what_was_quiet_for_an_hour_is_forgotten(mailbox: Mailbox) -> None:
    quiet, recent = unique("bucket"), unique("bucket")
    for bucket, minutes in [(quiet, 61), (recent, 59)]:
        then = datetime.now(UTC) - timedelta(minutes=minutes)
        put(mailbox, bucket, then.strftime("%Y-%m-%dT%H:%M:%SZ"), total=7, told=7)
    assert mailbox.digest() == []
    assert mailbox.counted(f"WrongKey in bucket {quiet}") is None
    assert mailbox.counted(f"WrongKey in bucket {recent}") is not None


def test_more_kinds_than_a_page_holds_are_all_told(mailbox: Mailbox) -> None:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    buckets = [unique("bucket") for _ in range(60)]
    for bucket in buckets:
        put(mailbox, bucket, now, total=3, told=1)
    mails = mailbox.digest()
    assert len(mails) == 2
    told = "".join(mail["Message"] for mail in mails)
    assert all(f"2 more WrongKey in bucket {bucket} " in told for bucket in buckets)


def put(mailbox: Mailbox, bucket: str, time: str, total: int, told: int | None) -> None:
    texts = {"since": time, "last": time, "key": "k", "version": "v", "reason": "r", "remedy": "m"}
    item = {name: {"S": text} for name, text in texts.items()}
    item |= {"finding": {"S": f"WrongKey in bucket {bucket}"}, "total": {"N": str(total)}}
    if told is not None:
        item["told"] = {"N": str(told)}
    mailbox.stack.cloud.client("dynamodb", REGION).put_item(
        TableName=mailbox.stack.resources["FindingsCounts"], Item=item
    )
