"""Shorthand for what the tests build in the sandbox."""

from __future__ import annotations

import io
import itertools
import json
import time
import zipfile
from typing import Any

import boto3
from botocore.config import Config

ACCOUNT = "000000000000"
SOURCE_REGION, DESTINATION_REGION = "us-east-1", "us-west-2"

_numbers = itertools.count(1)


def unique(word: str) -> str:
    return f"{word}-{next(_numbers)}"


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str | list[str], resource: str | list[str], **extra: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **extra}


def deny(action: str | list[str], resource: str | list[str], **extra: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": action, "Resource": resource, **extra}


LAMBDA_TRUST = {
    "Effect": "Allow",
    "Principal": {"Service": "lambda.amazonaws.com"},
    "Action": "sts:AssumeRole",
}


class Cloud:
    """AWS clients for the sandbox, as the root of an account or as someone else."""

    def __init__(
        self, url: str, key: str = "test", secret: str = "test", token: str | None = None
    ) -> None:
        self.url = url
        self.key = key
        self.session = boto3.Session(key, secret, token)
        self._clients: dict[tuple[str, str], Any] = {}

    def client(self, service: str, region: str = SOURCE_REGION) -> Any:
        if (service, region) not in self._clients:
            config = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1})
            self._clients[service, region] = self.session.client(
                service, region_name=region, endpoint_url=self.url, config=config
            )
        return self._clients[service, region]

    def account(self, number: str) -> Cloud:
        return Cloud(self.url, number)

    def user(self, *statements: dict[str, Any]) -> Cloud:
        """A new IAM user of this account with these permissions."""
        iam, name = self.client("iam"), unique("user")
        iam.create_user(UserName=name)
        if statements:
            iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document(*statements))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return Cloud(self.url, key["AccessKeyId"], key["SecretAccessKey"])

    def log_group(self, word: str) -> str:
        """A new log group, with the stream `s`."""
        logs, name = self.client("logs"), unique(word)
        logs.create_log_group(logGroupName=name)
        logs.create_log_stream(logGroupName=name, logStreamName="s")
        return name

    def listen(self, topic: str, region: str = SOURCE_REGION) -> str:
        """URL of a new queue that gets what a topic tells."""
        url, arn = self.queue(region, "sns")
        self.client("sns", region).subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        return url

    def bucket(self, region: str, versioned: bool = True) -> str:
        s3, name = self.client("s3", region), unique("bucket")
        place = (
            {}
            if region == "us-east-1"
            else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        )
        s3.create_bucket(Bucket=name, **place)
        if versioned:
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name

    def kms_key(self, region: str, **options: Any) -> str:
        return str(self.client("kms", region).create_key(**options)["KeyMetadata"]["Arn"])

    def function(
        self, region: str, name: str, code: str, *statements: dict[str, Any], **options: Any
    ) -> str:
        """A new function, ready to be invoked, that may do what the statements say; its role's ARN.

        Its code is Python, or a shell's script that asks for work as compiled functions do.
        """
        iam, functions = self.client("iam"), self.client("lambda", region)
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(LAMBDA_TRUST))
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(*statements))
        is_script = code.startswith("#!")
        entry = zipfile.ZipInfo("bootstrap" if is_script else "index.py")
        entry.external_attr = 0o755 << 16
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr(entry, code)
        functions.create_function(
            FunctionName=name,
            Runtime="provided.al2023" if is_script else "python3.12",
            Handler="bootstrap" if is_script else "index.handler",
            Role=role["Role"]["Arn"],
            Code={"ZipFile": packed.getvalue()},
            **options,
        )
        functions.get_waiter("function_active_v2").wait(FunctionName=name)
        return str(role["Role"]["Arn"])

    def queue(self, region: str, *services: str) -> tuple[str, str]:
        """URL and ARN of a new queue that these services may send to."""
        sqs, name = self.client("sqs", region), unique("queue")
        url = str(sqs.create_queue(QueueName=name)["QueueUrl"])
        told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        arn = str(told["Attributes"]["QueueArn"])
        if services:
            senders = {"Service": [f"{service}.amazonaws.com" for service in services]}
            policy = document(allow("sqs:SendMessage", arn, Principal=senders))
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        return url, arn

    def messages(self, region: str, url: str, count: int, seconds: float = 5.0) -> list[Any]:
        """The bodies of `count` messages, or of all that came before a pause of that time; no test
        events."""
        sqs, found = self.client("sqs", region), list[Any]()
        deadline = time.monotonic() + seconds
        while len(found) < count and time.monotonic() < deadline:
            answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in answer.get("Messages", []):
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                body = json.loads(message["Body"])
                if body.get("Event") != "s3:TestEvent":
                    found.append(body)
                # However slow the machine is, what still comes is waited for.
                deadline = time.monotonic() + seconds
        return found
