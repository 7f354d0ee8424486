"""Faults on demand: counted, the same for the same seed, and for nobody but the function."""

from __future__ import annotations

import http.client
import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from cloud import SOURCE_REGION, Cloud, allow, document, unique

from aws_behaviour import fault_answers, faults

FUNCTION = "checker"
SLOW_BOOTSTRAP = """#!/bin/sh
while :; do
  id=$(curl -sD - -o /dev/null "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next" |
    tr -d '\\r' | sed -n 's/^[Ll]ambda-[Rr]untime-[Aa]ws-[Rr]equest-[Ii]d: //p')
  echo "seen $id"
  sleep 0.2
  curl -s -d '{}' "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/$id/response"
done
"""


def ask(cloud: Cloud, method: str, **wanted: Any) -> dict[str, Any]:
    connection = http.client.HTTPConnection(urlsplit(cloud.url).netloc)
    connection.request(method, fault_answers.CONTROL, json.dumps(wanted) if wanted else None)
    answer: dict[str, Any] = json.load(connection.getresponse())
    connection.close()
    return answer


@pytest.fixture
def faulty(cloud: Cloud) -> Iterator[Cloud]:
    ask(cloud, "PUT", seed=7, function=FUNCTION)
    yield cloud
    ask(cloud, "DELETE")


def trusting(principal: dict[str, str]) -> str:
    return document({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})


def as_function(cloud: Cloud, service: str) -> Any:
    """A client with the session of the function's role, which tries once."""
    iam, name = cloud.client("iam"), unique("role")
    trust = trusting({"AWS": "arn:aws:iam::000000000000:root"})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(allow("*", "*")))
    session = cloud.client("sts").assume_role(RoleArn=role, RoleSessionName=FUNCTION)["Credentials"]
    return boto3.client(
        service,
        region_name=SOURCE_REGION,
        endpoint_url=cloud.url,
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
        config=Config(
            s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, read_timeout=1
        ),
    )


def drawn(seed: int, calls: int) -> list[faults.Fault | None]:
    schedule = faults.Schedule(seed, "s3:HeadObject")
    return [schedule.next(f"request {call}") for call in range(calls)]


def test_one_in_ten_answers_fails_in_every_way_equally_often() -> None:
    # A request that comes again at once, as an SDK's next try does.
    schedule = faults.Schedule(1, "s3:HeadObject")
    found: list[faults.Fault | None] = []
    request = 0
    while len(found) < 2000:
        found.append(schedule.next(f"request {request}"))
        request += found[-1] is None
    kinds = Counter(fault.kind for fault in found if fault)
    assert abs(kinds.total() - 200) <= faults.STAYS
    assert max(kinds.values()) - min(kinds.values()) <= 1 and kinds.keys() == set(faults.KINDS)
    assert {fault.after for fault in found if fault} == {True, False}
    longest = max(len(run) for run in "".join("x" if fault else " " for fault in found).split())
    assert longest >= 1 + faults.STAYS, "some outlast the tries of an SDK"


def test_the_same_seed_draws_the_same_and_another_draws_others() -> None:
    assert drawn(1, 500) == drawn(1, 500)
    assert drawn(1, 500) != drawn(2, 500)


def test_nothing_fails_until_it_is_asked_for_and_after_it_is_ended(cloud: Cloud) -> None:
    kms, key = as_function(cloud, "kms"), cloud.kms_key(SOURCE_REGION)
    for method in ["GET", "DELETE"]:
        before = ask(cloud, method)["answers"]
        for _ in range(20):
            kms.describe_key(KeyId=key)
        assert ask(cloud, "GET")["answers"] == before


def test_others_than_the_function_are_left_alone(faulty: Cloud) -> None:
    key = faulty.kms_key(SOURCE_REGION)
    for _ in range(30):
        faulty.client("kms").describe_key(KeyId=key)
    assert ask(faulty, "GET")["answers"] == {}


def test_every_tenth_answer_fails_in_the_services_own_form_and_is_counted(faulty: Cloud) -> None:
    bucket = faulty.bucket(SOURCE_REGION)
    faulty.client("s3").put_object(Bucket=bucket, Key="a b", Body=b"x")
    key = faulty.kms_key(SOURCE_REGION)
    s3, kms = as_function(faulty, "s3"), as_function(faulty, "kms")
    ssm, events = as_function(faulty, "ssm"), as_function(faulty, "events")
    entry = {"Source": "s", "DetailType": "t", "Detail": "{}"}
    calls = {
        "s3:HeadObject": lambda: s3.head_object(Bucket=bucket, Key="a b"),
        "s3:GetBucketEncryption": lambda: s3.get_bucket_encryption(Bucket=bucket),
        "kms:DescribeKey": lambda: kms.describe_key(KeyId=key),
        "ssm:GetParametersByPath": lambda: ssm.get_parameters_by_path(Path="/x"),
        "events:PutEvents": lambda: events.put_events(Entries=[entry]),
    }
    codes = {
        # A HEAD's answer has no body, and so no code but its status.
        "s3:HeadObject": {"503", "500"},
        "s3:GetBucketEncryption": {"SlowDown", "InternalError", "ServiceUnavailable"},
        "kms:DescribeKey": {"ThrottlingException", "KMSInternalException", "ServiceUnavailable"},
        "ssm:GetParametersByPath": {
            "ThrottlingException",
            "InternalServerError",
            "ServiceUnavailable",
        },
        "events:PutEvents": {"ThrottlingException", "InternalException", "ServiceUnavailable"},
    }
    for name, call in calls.items():
        seen, broken = set[str](), 0
        for _ in range(60):
            try:
                call()
            except ClientError as error:
                seen.add(error.response["Error"]["Code"])
            except BotoCoreError:
                broken += 1
        told = ask(faulty, "GET")
        counted = told["faults"][name]
        assert told["answers"][name] == 60
        assert seen == codes[name], name
        assert 6 <= sum(counted.values()) <= 6 + faults.STAYS, counted
        # Python's client takes a HEAD's headers for whole when they end in their middle.
        fewest = counted["timeout"] + (counted["cut"] if name != "s3:HeadObject" else 0)
        assert fewest <= broken <= counted["timeout"] + counted["cut"], name


def test_an_answer_is_cut_in_its_middle() -> None:
    answer = (200, [(b"x-one", b"1"), (b"x-two", b"2")], b"0123456789")
    head = b"HTTP/1.1 200 OK\r\nx-one: 1\r\nx-two: 2\r\ncontent-length: 10"
    assert fault_answers.half(answer, "HEAD") == head[: len(head) // 2]
    assert fault_answers.half(answer, "GET") == head + b"\r\n\r\n01234"


def test_events_come_twice_and_late_and_none_is_lost(faulty: Cloud) -> None:
    url, arn = faulty.queue(SOURCE_REGION, "s3")
    bucket, s3 = faulty.bucket(SOURCE_REGION), faulty.client("s3")
    created = {"Id": "n", "QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [created]}
    )
    keys = [f"{number:03}" for number in range(100)]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key)
    time.sleep(faults.LATEST_SECONDS + 0.5)
    told = ask(faulty, "GET")["events"]
    # The test event of S3 is delivered too.
    assert told["delivered"] == 101 and told["twice"] > 0 and told["late"] > 0
    bodies = faulty.messages(SOURCE_REGION, url, 101 + told["twice"], seconds=2)
    found = Counter(body["Records"][0]["s3"]["object"]["key"] for body in bodies)
    assert sorted(found) == keys
    assert found.total() - 100 in (told["twice"], told["twice"] - 1)


def test_one_in_ten_invocations_dies_in_its_middle_and_its_lines_are_kept(faulty: Cloud) -> None:
    faulty.function(SOURCE_REGION, FUNCTION, SLOW_BOOTSTRAP)
    functions = faulty.client("lambda")
    record = {"attributes": {"ApproximateReceiveCount": "2"}}
    event = json.dumps({"Records": [record, record]}).encode()
    failed = 0
    for _ in range(30):
        failed += "FunctionError" in functions.invoke(FunctionName=FUNCTION, Payload=event)
    told = ask(faulty, "DELETE")["invocations"]
    assert told["invocations"] == 30 and told["redelivered"] == told["messages"] == 60
    assert 1 <= told["killed"] == failed <= 3
    assert told["messagesOfKilled"] == 2 * failed
    logs = faulty.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{FUNCTION}")
    lines = [event["message"] for event in logs["events"]]
    assert 30 - failed <= sum(line.startswith("seen ") for line in lines) <= 30
