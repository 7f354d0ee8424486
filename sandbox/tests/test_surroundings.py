"""What the functions need of other services, as they meet it under IAM enforcement."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from cloud import (
    ACCOUNT,
    DESTINATION_REGION,
    LAMBDA_TRUST,
    SOURCE_REGION,
    Cloud,
    allow,
    deny,
    document,
    unique,
)
from world import World


def refused(call: Any, **arguments: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def test_other_bucket_owner_than_expected_is_refused(cloud: Cloud) -> None:
    bucket, s3 = cloud.bucket(SOURCE_REGION), cloud.client("s3")
    s3.put_object(Bucket=bucket, Key="a", Body=b"x", ExpectedBucketOwner=ACCOUNT)
    stranger = {"Bucket": bucket, "ExpectedBucketOwner": "222222222222"}
    assert refused(s3.get_bucket_versioning, **stranger) == ("AccessDenied", 403)
    assert refused(s3.head_object, **stranger, Key="a")[1] == 403
    assert refused(s3.get_object, **stranger, Key="a") == ("AccessDenied", 403)
    copy = {"CopySource": {"Bucket": bucket, "Key": "a"}, "Key": "b", "Bucket": bucket}
    wrong = {**copy, "ExpectedSourceBucketOwner": "222222222222"}
    assert refused(s3.copy_object, **wrong) == ("AccessDenied", 403)


def test_head_of_a_delete_marker_is_405_and_of_a_missing_version_404(cloud: Cloud) -> None:
    bucket, s3 = cloud.bucket(SOURCE_REGION), cloud.client("s3")
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    marker = s3.delete_object(Bucket=bucket, Key="a")["VersionId"]
    head = {"Bucket": bucket, "Key": "a"}
    with pytest.raises(ClientError) as caught:
        s3.head_object(**head, VersionId=marker)
    metadata = caught.value.response["ResponseMetadata"]
    assert metadata["HTTPStatusCode"] == 405
    assert metadata["HTTPHeaders"]["x-amz-delete-marker"] == "true"
    assert refused(s3.head_object, **head)[1] == 404
    assert refused(s3.head_object, **head, VersionId="0" * 32)[1] == 404


def test_head_needs_the_permission_of_its_kind_and_a_missing_key_needs_list_bucket(
    cloud: Cloud,
) -> None:
    bucket = cloud.bucket(SOURCE_REGION)
    arn = f"arn:aws:s3:::{bucket}"
    version = cloud.client("s3").put_object(Bucket=bucket, Key="a", Body=b"x")["VersionId"]
    nobody = cloud.user().client("s3")
    current = cloud.user(allow("s3:GetObject", f"{arn}/*")).client("s3")
    versions = cloud.user(allow("s3:GetObjectVersion", f"{arn}/*")).client("s3")
    lister = cloud.user(allow("s3:GetObject", f"{arn}/*"), allow("s3:ListBucket", arn)).client("s3")
    there = {"Bucket": bucket, "Key": "a"}
    assert refused(nobody.head_object, **there)[1] == 403
    assert refused(current.head_object, **there, VersionId=version)[1] == 403
    assert versions.head_object(**there, VersionId=version)["VersionId"] == version
    assert refused(current.head_object, Bucket=bucket, Key="none")[1] == 403
    assert refused(lister.head_object, Bucket=bucket, Key="none")[1] == 404


def test_absent_bucket_configurations_have_their_codes(cloud: Cloud) -> None:
    bucket, s3 = cloud.bucket(SOURCE_REGION), cloud.client("s3")
    assert refused(s3.get_object_lock_configuration, Bucket=bucket) == (
        "ObjectLockConfigurationNotFoundError",
        404,
    )
    assert refused(s3.get_bucket_replication, Bucket=bucket) == (
        "ReplicationConfigurationNotFoundError",
        404,
    )
    assert refused(s3.get_bucket_tagging, Bucket=bucket) == ("NoSuchTagSet", 404)
    assert refused(s3.get_bucket_policy, Bucket=bucket) == ("NoSuchBucketPolicy", 404)
    assert refused(s3.get_bucket_tagging, Bucket="nowhere-at-all") == ("NoSuchBucket", 404)
    s3.delete_bucket_replication(Bucket=bucket)
    rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "k", "Value": "v"}]


def test_versioning_of_a_replicating_bucket_cannot_be_suspended(cloud: Cloud) -> None:
    world = World(cloud)
    world.replicate()
    suspend = {"Bucket": world.source, "VersioningConfiguration": {"Status": "Suspended"}}
    assert refused(world.s3.put_bucket_versioning, **suspend) == ("InvalidBucketState", 409)
    world.s3.delete_bucket_replication(Bucket=world.source)
    world.s3.put_bucket_versioning(**suspend)


def test_versions_are_listed_by_prefix_and_page(cloud: Cloud) -> None:
    bucket, s3 = cloud.bucket(SOURCE_REGION), cloud.client("s3")
    put = [s3.put_object(Bucket=bucket, Key="p/a", Body=b"x")["VersionId"] for _ in range(3)]
    s3.put_object(Bucket=bucket, Key="other", Body=b"x")
    put.append(s3.delete_object(Bucket=bucket, Key="p/a")["VersionId"])
    pages = s3.get_paginator("list_object_versions").paginate(
        Bucket=bucket, Prefix="p/", PaginationConfig={"PageSize": 1}
    )
    found = [
        entry["VersionId"]
        for page in pages
        for entry in page.get("Versions", []) + page.get("DeleteMarkers", [])
    ]
    assert sorted(found) == sorted(put)


def test_key_can_be_described_by_alias_with_permission_on_the_key(cloud: Cloud) -> None:
    key, alias = cloud.kms_key(SOURCE_REGION), unique("alias/a")
    cloud.client("kms").create_alias(AliasName=alias, TargetKeyId=key)
    kms = cloud.user(allow("kms:DescribeKey", key)).client("kms")
    for name in (alias, f"arn:aws:kms:{SOURCE_REGION}:{ACCOUNT}:{alias}", key):
        assert kms.describe_key(KeyId=name)["KeyMetadata"]["Arn"] == key
    other = cloud.kms_key(SOURCE_REGION)
    assert refused(kms.describe_key, KeyId=other)[0] == "AccessDeniedException"


def test_key_has_tags_policy_and_rotation(cloud: Cloud) -> None:
    kms = cloud.client("kms")
    key = cloud.kms_key(SOURCE_REGION, Tags=[{"TagKey": "k", "TagValue": "v"}])
    assert kms.list_resource_tags(KeyId=key)["Tags"] == [{"TagKey": "k", "TagValue": "v"}]
    kms.enable_key_rotation(KeyId=key)
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is True
    policy = document(allow("kms:*", "*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}))
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=policy)
    assert json.loads(kms.get_key_policy(KeyId=key)["Policy"]) == json.loads(policy)
    assert refused(kms.describe_key, KeyId="alias/none") == ("NotFoundException", 400)


def test_key_policy_that_is_none_is_refused(cloud: Cloud) -> None:
    kms, key = cloud.client("kms"), cloud.kms_key(SOURCE_REGION)
    before = kms.get_key_policy(KeyId=key)["Policy"]
    for policy in ("{", "[]", "{}"):
        put = {"KeyId": key, "PolicyName": "default", "Policy": policy}
        assert refused(kms.put_key_policy, **put)[0] == "MalformedPolicyDocumentException"
        assert refused(kms.create_key, Policy=policy)[0] == "MalformedPolicyDocumentException"
    assert kms.get_key_policy(KeyId=key)["Policy"] == before


def test_simulation_knows_a_role_with_a_path(cloud: Cloud) -> None:
    world = World(cloud)
    decisions = {
        resource: world.iam.simulate_principal_policy(
            PolicySourceArn=world.role_arn,
            ActionNames=["s3:ReplicateObject"],
            ResourceArns=[f"arn:aws:s3:::{resource}/a"],
        )["EvaluationResults"][0]["EvalDecision"]
        for resource in (world.destination, "another")
    }
    assert decisions == {world.destination: "allowed", "another": "implicitDeny"}


def test_session_of_a_role_needs_the_key_too(cloud: Cloud) -> None:
    bucket, key, name = cloud.bucket(SOURCE_REGION), cloud.kms_key(SOURCE_REGION), unique("role")
    iam = cloud.client("iam")
    root = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    trust = {"Effect": "Allow", "Principal": root, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))["Role"]
    session = cloud.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="session")
    given = session["Credentials"]
    s3 = boto3.client(
        "s3",
        region_name=SOURCE_REGION,
        endpoint_url=cloud.url,
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )
    put = {
        "Bucket": bucket,
        "Key": "a",
        "Body": b"x",
        "ServerSideEncryption": "aws:kms",
        "SSEKMSKeyId": key,
    }
    writes = allow("s3:PutObject", f"arn:aws:s3:::{bucket}/*")
    grant = {"RoleName": name, "PolicyName": "p"}
    iam.put_role_policy(**grant, PolicyDocument=document(writes))
    assert refused(s3.put_object, **put) == ("AccessDenied", 403)
    iam.put_role_policy(**grant, PolicyDocument=document(writes, allow("kms:GenerateDataKey", key)))
    assert s3.put_object(**put)["SSEKMSKeyId"] == key


def test_parameters_have_tags_and_are_found_by_path(cloud: Cloud) -> None:
    ssm = cloud.client("ssm", DESTINATION_REGION)
    path = f"/encrypted-replication/{unique('bucket')}"
    for owner in "ab":
        ssm.put_parameter(
            Name=f"{path}/{owner}",
            Value="{}",
            Type="String",
            Tags=[{"Key": "k", "Value": owner}],
        )
    pages = ssm.get_paginator("get_parameters_by_path").paginate(
        Path=path, PaginationConfig={"PageSize": 1}
    )
    found = [parameter["Name"] for page in pages for parameter in page["Parameters"]]
    assert sorted(found) == [f"{path}/a", f"{path}/b"]
    tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=f"{path}/a")
    assert tags["TagList"] == [{"Key": "k", "Value": "a"}]
    assert refused(ssm.delete_parameter, Name=f"{path}/none")[0] == "ParameterNotFound"


def test_roles_have_paths_and_inline_policies_hold_their_deletion(cloud: Cloud) -> None:
    iam, name = cloud.client("iam"), unique("role")
    role = iam.create_role(
        RoleName=name,
        Path="/encrypted-replication/",
        AssumeRolePolicyDocument=document(LAMBDA_TRUST),
        Tags=[{"Key": "k", "Value": "v"}],
    )["Role"]
    assert role["Arn"] == f"arn:aws:iam::{ACCOUNT}:role/encrypted-replication/{name}"
    put = {"RoleName": name, "PolicyName": "p", "PolicyDocument": document(allow("s3:*", "*"))}
    iam.put_role_policy(**put)
    assert iam.list_role_policies(RoleName=name)["PolicyNames"] == ["p"]
    got = iam.get_role_policy(RoleName=name, PolicyName="p")["PolicyDocument"]
    assert got["Statement"][0]["Action"] == "s3:*"
    assert refused(iam.delete_role, RoleName=name) == ("DeleteConflict", 409)
    iam.delete_role_policy(RoleName=name, PolicyName="p")
    iam.delete_role(RoleName=name)
    assert refused(iam.get_role, RoleName=name) == ("NoSuchEntity", 404)


def test_notifications_keep_each_other_and_refuse_a_queue_that_refuses_s3(cloud: Cloud) -> None:
    bucket, s3, sqs = cloud.bucket(SOURCE_REGION), cloud.client("s3"), cloud.client("sqs")
    _, arn = cloud.queue(SOURCE_REGION, "s3")
    events = ["s3:Replication:OperationFailedReplication", "s3:Replication:OperationNotTracked"]
    wanted: dict[str, Any] = {
        "QueueConfigurations": [{"Id": "mine", "QueueArn": arn, "Events": events}],
        "EventBridgeConfiguration": {},
    }
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=wanted)
    found = s3.get_bucket_notification_configuration(Bucket=bucket)
    found.pop("ResponseMetadata")
    assert found == wanted
    closed = unique("closed")
    sqs.create_queue(QueueName=closed)
    wanted["QueueConfigurations"][0]["QueueArn"] = f"arn:aws:sqs:{SOURCE_REGION}:{ACCOUNT}:{closed}"
    assert refused(
        s3.put_bucket_notification_configuration, Bucket=bucket, NotificationConfiguration=wanted
    ) == ("InvalidArgument", 400)


@pytest.mark.parametrize(
    ("condition", "arrives"),
    [
        ({"ArnEquals": {"aws:SourceArn": "RULE"}}, True),
        ({"StringEquals": {"aws:SourceAccount": ACCOUNT}}, True),
        ({"ArnEquals": {"aws:SourceArn": "RULE-of-another"}}, False),
        ({"StringEquals": {"aws:SourceAccount": "222222222222"}}, False),
    ],
)
def test_queue_takes_events_only_from_the_rules_its_policy_names(
    cloud: Cloud, condition: dict[str, Any], arrives: bool
) -> None:
    region, name = DESTINATION_REGION, unique("rule")
    events, sqs = cloud.client("events", region), cloud.client("sqs", region)
    bucket, (url, arn) = cloud.bucket(region), cloud.queue(region)
    events.put_rule(
        Name=name,
        EventPattern=json.dumps({"source": ["aws.s3"], "detail": {"bucket": {"name": [bucket]}}}),
    )
    rule = f"arn:aws:events:{region}:{ACCOUNT}:rule/{name}"
    grant = allow(
        "sqs:SendMessage",
        arn,
        Principal={"Service": "events.amazonaws.com"},
        Condition=json.loads(json.dumps(condition).replace("RULE", rule)),
    )
    insecure = {"Bool": {"aws:SecureTransport": "false"}}
    tls_only = deny("sqs:*", arn, Principal="*", Condition=insecure)
    policy = {"Policy": document(grant, tls_only)}
    sqs.set_queue_attributes(QueueUrl=url, Attributes=policy)
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
    s3 = cloud.client("s3", region)
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    found = cloud.messages(region, url, 1, seconds=5.0 if arrives else 0.5)
    assert len(found) == arrives


FUNCTION = """
def handler(event, context):
    failed = [r["messageId"] for r in event["Records"] if "never" in r["body"]]
    return {"batchItemFailures": [{"itemIdentifier": i} for i in failed]}
"""


def test_arrival_goes_over_eventbridge_and_queue_to_a_function_in_partial_batches(
    cloud: Cloud,
) -> None:
    region, name = DESTINATION_REGION, unique("check")
    bucket = cloud.bucket(region)
    sqs, events, functions = (cloud.client(s, region) for s in ("sqs", "events", "lambda"))
    dead_url, dead_arn = cloud.queue(region)
    url, arn = cloud.queue(region, "events")
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 2})
    sqs.set_queue_attributes(
        QueueUrl=url, Attributes={"RedrivePolicy": redrive, "VisibilityTimeout": "1"}
    )
    cloud.client("s3", region).put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    pattern = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [bucket]}},
    }
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
    receive = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    cloud.function(region, name, FUNCTION, allow(receive, arn))
    # A start may take longer than a message is away, and would bring it twice.
    functions.invoke(FunctionName=name, Payload=b'{"Records": []}')
    functions.create_event_source_mapping(
        FunctionName=name,
        EventSourceArn=arn,
        BatchSize=10,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    for key in ("fine", "never", "good"):
        cloud.client("s3", region).put_object(Bucket=bucket, Key=key, Body=b"x")

    # Only what the function returned as failed comes back, until it is dead.
    (dead,) = cloud.messages(region, dead_url, 2, seconds=6.0)
    assert dead["detail"]["object"]["key"] == "never"
    assert cloud.messages(region, url, 1, seconds=0.2) == []


def test_an_alias_that_is_not_there_is_told_as_such_to_who_may_describe_keys(cloud: Cloud) -> None:
    user = cloud.user(allow("kms:DescribeKey", f"arn:aws:kms:*:{ACCOUNT}:key/*"))
    alias = f"arn:aws:kms:{SOURCE_REGION}:{ACCOUNT}:alias/{unique('nothing')}"
    describe = user.client("kms").describe_key
    assert refused(describe, KeyId=alias) == ("NotFoundException", 400)
    denied = cloud.user().client("kms").describe_key
    assert refused(denied, KeyId=alias) == ("AccessDeniedException", 403)


def test_an_alias_is_made_by_who_may_on_the_alias(cloud: Cloud) -> None:
    key, name = cloud.kms_key(SOURCE_REGION), unique("alias/ours/a")
    path = f"arn:aws:kms:*:{ACCOUNT}:alias/ours/*"
    kms = cloud.user(allow("kms:CreateAlias", path)).client("kms")
    kms.create_alias(AliasName=name, TargetKeyId=key)
    theirs = {"AliasName": unique("alias/theirs/a"), "TargetKeyId": key}
    assert refused(kms.create_alias, **theirs)[0] == "AccessDeniedException"


def test_a_permission_for_a_path_of_roles_ends_at_the_path(cloud: Cloud) -> None:
    actions = ["iam:CreateRole", "iam:GetRole", "iam:DeleteRole"]
    iam = cloud.user(allow(actions, f"arn:aws:iam::{ACCOUNT}:role/ours/*")).client("iam")
    name, trust = unique("role"), document(LAMBDA_TRUST)
    role = {"RoleName": name, "AssumeRolePolicyDocument": trust}
    # Its path is not known before it is there, so that a look at it is denied, not answered.
    assert refused(iam.get_role, RoleName=name)[0] == "AccessDenied"
    assert refused(iam.create_role, **role, Path="/theirs/")[0] == "AccessDenied"
    assert refused(iam.create_role, **role)[0] == "AccessDenied"
    iam.create_role(**role, Path="/ours/")
    assert iam.get_role(RoleName=name)["Role"]["Path"] == "/ours/"
    iam.delete_role(RoleName=name)


def test_parameters_are_read_below_the_path_that_is_allowed(cloud: Cloud) -> None:
    cloud.client("ssm").put_parameter(Name="/ours/a/b", Value="1", Type="String")
    path = f"arn:aws:ssm:*:{ACCOUNT}:parameter/ours/*"
    ssm = cloud.user(allow("ssm:GetParametersByPath", path)).client("ssm")
    found = ssm.get_parameters_by_path(Path="/ours/a/")["Parameters"]
    assert [parameter["Name"] for parameter in found] == ["/ours/a/b"]
    assert refused(ssm.get_parameters_by_path, Path="/theirs/a/")[0] == "AccessDeniedException"


def test_a_buckets_payer_is_told_and_not_its_objects(cloud: Cloud) -> None:
    bucket = cloud.bucket(DESTINATION_REGION)
    s3 = cloud.client("s3", DESTINATION_REGION)
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"
    s3.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": "Requester"})
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "Requester"
