"""Who may send to template.yaml's queues: S3 and EventBridge for this account, and nobody else.

No client can call as a service does, so the deployed policies are read and evaluated.
"""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from cloud import ACCOUNT, DESTINATION_REGION, Cloud, unique
from installed import Stack, install
from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy

REGION, OTHER_ACCOUNT = DESTINATION_REGION, "444455556666"
S3, EVENTS = "s3.amazonaws.com", "events.amazonaws.com"
BUCKET = "arn:aws:s3:::any-bucket"
RULES = f"arn:aws:events:{REGION}:{ACCOUNT}:rule"
ARRIVALS, EXPECTATIONS = "{ArrivalRule}", "{ExpectationRule}"
EMAIL, REPAIRS, HUB = "{FindingsEmailRule}", "{RepairsEmailRule}", "{SecurityHubRule}"


@pytest.fixture(scope="module")
def stack(cloud: Cloud) -> Stack:
    options = {"FindingsEmail": "security@example.com", "SecurityHub": "true"}
    return install(cloud, REGION, "queues", "template.yaml", **options)


def policy(stack: Stack, queue: str) -> tuple[str, str]:
    """The ARN and the policy of a queue, as SQS has them."""
    names = ["QueueArn", "Policy"]
    told = stack.cloud.client("sqs", REGION).get_queue_attributes(
        QueueUrl=stack.resources[queue], AttributeNames=names
    )["Attributes"]
    return told["QueueArn"], told["Policy"]


def decision(
    stack: Stack, queue: str, service: str, action: str = "sqs:SendMessage", **context: Any
) -> str:
    arn, document = policy(stack, queue)
    source = context.get("source", "")
    if source.startswith("{"):
        names = stack.resources[source.strip("{}")].rpartition("/")[2]
        source = f"{RULES}/{names}"
    keys = {"aws:sourcearn": source, "aws:sourceaccount": context.get("account")}
    # EventBridge's and S3's own calls; nothing is said of TLS inside AWS's network.
    asked = EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action=action,
        resource_arn=arn,
        region=REGION,
        secure_transport=context.get("tls", True),
        service_context={name: value for name, value in keys.items() if value},
    )
    return evaluate_resource_policy(document, asked, service=service).decision


@pytest.mark.parametrize(
    ("accepted", "queue", "service", "source", "account"),
    [
        (True, "CheckQueue", S3, BUCKET, ACCOUNT),
        (False, "CheckQueue", S3, BUCKET, OTHER_ACCOUNT),
        (False, "CheckQueue", S3, BUCKET, None),
        (False, "CheckQueue", S3, f"arn:aws:sns:{REGION}:{ACCOUNT}:topic", ACCOUNT),
        (True, "CheckQueue", EVENTS, ARRIVALS, ACCOUNT),
        (False, "CheckQueue", EVENTS, ARRIVALS, OTHER_ACCOUNT),
        (False, "CheckQueue", EVENTS, f"{RULES}/another", ACCOUNT),
        (False, "CheckQueue", EVENTS, EMAIL, ACCOUNT),
        (False, "CheckQueue", EVENTS, "", ACCOUNT),
        (False, "CheckQueue", S3, ARRIVALS, ACCOUNT),
        (False, "CheckQueue", EVENTS, BUCKET, ACCOUNT),
        (False, "CheckQueue", "sns.amazonaws.com", BUCKET, ACCOUNT),
        (False, "CheckQueue", EVENTS, EXPECTATIONS, ACCOUNT),
        (True, "CatchUpQueue", EVENTS, EXPECTATIONS, ACCOUNT),
        (False, "CatchUpQueue", EVENTS, EXPECTATIONS, OTHER_ACCOUNT),
        (False, "CatchUpQueue", EVENTS, ARRIVALS, ACCOUNT),
        (False, "CatchUpQueue", S3, BUCKET, ACCOUNT),
        (True, "DeadLetterQueue", EVENTS, ARRIVALS, ACCOUNT),
        (True, "DeadLetterQueue", EVENTS, EXPECTATIONS, ACCOUNT),
        (False, "DeadLetterQueue", EVENTS, f"{RULES}/another", ACCOUNT),
        (False, "DeadLetterQueue", S3, BUCKET, ACCOUNT),
        (True, "FindingsDeadLetterQueue", EVENTS, EMAIL, ACCOUNT),
        (True, "FindingsDeadLetterQueue", EVENTS, REPAIRS, ACCOUNT),
        (True, "FindingsDeadLetterQueue", EVENTS, "{FindingsDigestRule}", ACCOUNT),
        (True, "FindingsDeadLetterQueue", EVENTS, HUB, ACCOUNT),
        (False, "FindingsDeadLetterQueue", EVENTS, ARRIVALS, ACCOUNT),
        (False, "FindingsDeadLetterQueue", S3, BUCKET, ACCOUNT),
        (False, "ProvisionDeadLetterQueue", EVENTS, ARRIVALS, ACCOUNT),
        (False, "ProvisionDeadLetterQueue", S3, BUCKET, ACCOUNT),
    ],
)
def test_services(
    stack: Stack, accepted: bool, queue: str, service: str, source: str, account: str | None
) -> None:
    decided = decision(stack, queue, service, source=source, account=account)
    assert (decided == "Allow") == accepted
    for action in ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:SetQueueAttributes"):
        taken = decision(stack, queue, service, action, source=source, account=account)
        assert taken != "Allow", action


def test_plain_http_is_denied_to_everybody_who_is_no_service(stack: Stack) -> None:
    for queue in [name for name in stack.resources if name.endswith("Queue")]:
        assert decision(stack, queue, "", tls=False) == "Deny", queue


def test_people_may_send_only_with_a_permission_of_their_own(stack: Stack) -> None:
    cloud = stack.cloud
    stranger, abroad = cloud.user(), cloud.account(OTHER_ACCOUNT)
    for queue in [name for name in stack.resources if name.endswith("Queue")]:
        for somebody in (stranger, abroad):
            sqs = somebody.client("sqs", REGION)
            with pytest.raises(ClientError) as refused:
                sqs.send_message(QueueUrl=stack.resources[queue], MessageBody="forged")
            # SQS does not tell other accounts which queues there are.
            codes = ("AccessDenied", "AWS.SimpleQueueService.NonExistentQueue")
            assert refused.value.response["Error"]["Code"].endswith(codes), refused.value


def test_a_bucket_of_this_account_may_notify_the_queue_and_one_of_another_may_not(
    stack: Stack,
) -> None:
    queue, _ = policy(stack, "CheckQueue")
    notify = {
        "QueueConfigurations": [
            {"QueueArn": queue, "Events": ["s3:Replication:OperationFailedReplication"]}
        ]
    }
    for cloud, accepted in ((stack.cloud, True), (stack.cloud.account(OTHER_ACCOUNT), False)):
        s3, bucket = cloud.client("s3", REGION), unique("notifying")
        place = {"LocationConstraint": REGION}
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
        put = {"Bucket": bucket, "NotificationConfiguration": notify}
        if accepted:
            s3.put_bucket_notification_configuration(**put)
            continue
        with pytest.raises(ClientError, match="destination configurations"):
            s3.put_bucket_notification_configuration(**put)
