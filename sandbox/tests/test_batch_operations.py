"""S3 Batch Replication in the sandbox: which versions it takes, by whose permissions, what its
report says, and what is refused.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-batch-replication-batch.html
"""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cloud import ACCOUNT, DESTINATION_REGION, SOURCE_REGION, Cloud, allow, document, unique
from running import eventually
from world import World

ASSUME = {"Effect": "Allow", "Action": "sts:AssumeRole"}
TRUST = {**ASSUME, "Principal": {"Service": "batchoperations.s3.amazonaws.com"}}


def control(cloud: Cloud) -> Any:
    """The control plane's client: botocore puts the account in front of a host that takes none."""
    client = cloud.session.client("s3control", region_name=SOURCE_REGION, endpoint_url=cloud.url)

    def bare(request: Any, **_: Any) -> None:
        request.url = re.sub(r"//\d{12}\.", "//", request.url)

    client.meta.events.register("before-sign.s3-control", bare)
    return client


class Jobs:
    """A replication in which three of four objects failed, and the role of a job."""

    def __init__(self, cloud: Cloud) -> None:
        self.world = World(cloud)
        self.world.replicate(self.world.rule(Filter={"Prefix": "Tax/"}))
        self.control = control(cloud)
        self.iam = cloud.client("iam")
        self.role = unique("batch")
        role = self.iam.create_role(RoleName=self.role, AssumeRolePolicyDocument=document(TRUST))
        self.role_arn = role["Role"]["Arn"]
        source = f"arn:aws:s3:::{self.world.source}"
        self.policy = {
            "initiate": allow("s3:InitiateReplication", f"{source}/*"),
            "rules": allow("s3:GetReplicationConfiguration", source),
            "inventory": allow("s3:PutInventoryConfiguration", source),
            "report": allow("s3:PutObject", f"arn:aws:s3:::{self.world.destination}/reports/*"),
        }
        self.put_policy()

    def put_policy(self, **changed: None) -> None:
        statements = [one for one in {**self.policy, **changed}.values() if one is not None]
        self.iam.put_role_policy(
            RoleName=self.role, PolicyName="p", PolicyDocument=document(*statements)
        )

    def fail(self, *keys: str) -> dict[str, str]:
        """Uploads that fail, as the replicas' key is disabled; their version ids."""
        kms = self.world.other.client("kms", DESTINATION_REGION)
        kms.disable_key(KeyId=self.world.replica_key)
        versions = {key: self.world.upload(key) for key in keys}
        for key, version in versions.items():
            assert self.world.settled(key, version) == "FAILED"
        kms.enable_key(KeyId=self.world.replica_key)
        return versions

    def request(self, **changed: Any) -> dict[str, Any]:
        chosen = {
            "EligibleForReplication": True,
            "ObjectReplicationStatuses": ["FAILED"],
            **changed.pop("Filter", {}),
        }
        generator = {
            "ExpectedBucketOwner": ACCOUNT,
            "SourceBucket": f"arn:aws:s3:::{self.world.source}",
            "EnableManifestOutput": False,
            "Filter": {name: value for name, value in chosen.items() if value is not None},
            **changed.pop("Generator", {}),
        }
        report = {
            "Bucket": f"arn:aws:s3:::{self.world.destination}",
            "Enabled": True,
            "Format": "Report_CSV_20180820",
            "Prefix": "reports",
            "ReportScope": "AllTasks",
            **changed.pop("Report", {}),
        }
        return {
            "AccountId": ACCOUNT,
            "ConfirmationRequired": False,
            "Operation": {"S3ReplicateObject": {}},
            "ManifestGenerator": {"S3JobManifestGenerator": generator},
            "Report": report,
            "ClientRequestToken": unique("token"),
            "Priority": 1,
            "RoleArn": self.role_arn,
            **changed,
        }

    def start(self, **changed: Any) -> str:
        return str(self.control.create_job(**self.request(**changed))["JobId"])

    def describe(self, id_: str) -> dict[str, Any]:
        return dict(self.control.describe_job(AccountId=ACCOUNT, JobId=id_)["Job"])

    def ended(self, id_: str) -> dict[str, Any]:
        assert eventually(lambda: self.describe(id_)["Status"] in ("Complete", "Failed"))
        return self.describe(id_)

    def rows(self, id_: str) -> list[list[str]]:
        """All rows of the report."""
        read = self.world.s3_there.get_object
        bucket = self.world.destination
        manifest = read(Bucket=bucket, Key=f"reports/job-{id_}/manifest.json")
        assert manifest["ServerSideEncryption"] == "AES256"
        files = json.loads(manifest["Body"].read())["Results"]
        texts = [read(Bucket=bucket, Key=file["Key"])["Body"].read().decode() for file in files]
        return [row for text in texts for row in csv.reader(io.StringIO(text))]


@pytest.fixture(scope="module")
def standing(cloud: Cloud) -> Jobs:
    """One for tests that change nothing of it."""
    return Jobs(cloud)


def refusal(jobs: Jobs, **changed: Any) -> str:
    with pytest.raises(ClientError) as refused:
        jobs.start(**changed)
    return str(refused.value.response["Error"]["Code"])


def test_exactly_what_failed_is_replicated_again_and_reported(cloud: Cloud) -> None:
    jobs = Jobs(cloud)
    before = jobs.world.upload("Tax/before")
    assert jobs.world.settled("Tax/before", before) == "COMPLETED"
    versions = jobs.fail("Tax/a b", "Tax/2026/c")
    id_ = jobs.start()
    assert jobs.describe(id_)["Status"] in ("New", "Preparing", "Active", "Complete")
    job = jobs.ended(id_)
    assert job["Status"] == "Complete"
    counts = job["ProgressSummary"]
    assert (counts["TotalNumberOfTasks"], counts["NumberOfTasksSucceeded"]) == (2, 2)
    for key, version in versions.items():
        assert jobs.world.head(key, version)["ReplicationStatus"] == "COMPLETED"
        assert jobs.world.head_replica(key, version)["SSEKMSKeyId"] == jobs.world.replica_key
    assert sorted(row[:4] for row in jobs.rows(id_)) == [
        [jobs.world.source, "Tax/2026/c", versions["Tax/2026/c"], "succeeded"],
        [jobs.world.source, "Tax/a+b", versions["Tax/a b"], "succeeded"],
    ]


def test_what_fails_again_is_in_the_report_with_its_reason(cloud: Cloud) -> None:
    jobs = Jobs(cloud)
    versions = jobs.fail("Tax/a")
    jobs.world.other.client("kms", DESTINATION_REGION).disable_key(KeyId=jobs.world.replica_key)
    id_ = jobs.start()
    assert jobs.ended(id_)["ProgressSummary"]["NumberOfTasksFailed"] == 1
    (row,) = jobs.rows(id_)
    assert row[1:5] == ["Tax/a", versions["Tax/a"], "failed", "DstKmsKeyInvalidState"]


@pytest.mark.parametrize(
    ("chosen", "taken"),
    [
        ({"KeyNameConstraint": {"MatchAnyPrefix": ["Tax/2026/"]}}, ["Tax/2026/c"]),
        ({"CreatedAfter": "2000-01-01T00:00:00Z"}, ["Tax/2026/c", "Tax/a"]),
        ({"ObjectReplicationStatuses": ["NONE", "FAILED"]}, ["Tax/2026/c", "Tax/a"]),
    ],
)
def test_the_filter_chooses(cloud: Cloud, chosen: dict[str, Any], taken: list[str]) -> None:
    jobs = Jobs(cloud)
    # No rule covers it, so that it is not eligible, whatever the filter says.
    jobs.world.upload("Receipts/none")
    jobs.fail("Tax/a", "Tax/2026/c")
    id_ = jobs.start(Filter=chosen)
    assert jobs.ended(id_)["Status"] == "Complete"
    assert sorted(row[1] for row in jobs.rows(id_)) == taken


def test_a_job_without_versions_fails(standing: Jobs) -> None:
    job = standing.ended(standing.start(Filter={"CreatedBefore": "2000-01-01T00:00:00Z"}))
    assert job["Status"] == "Failed"
    assert job["FailureReasons"][0]["FailureCode"] == "EmptyManifest"


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        ("rules", "ManifestGenerationAccessDenied"),
        ("inventory", "ManifestGenerationAccessDenied"),
        ("report", "ReportAccessDenied"),
        ("initiate", None),
    ],
)
def test_the_jobs_role_needs_each_permission(
    cloud: Cloud, missing: str, reason: str | None
) -> None:
    jobs = Jobs(cloud)
    jobs.fail("Tax/a")
    jobs.put_policy(**{missing: None})
    id_ = jobs.start()
    job = jobs.ended(id_)
    if reason:
        assert job["FailureReasons"][0]["FailureCode"] == reason
    else:
        (row,) = jobs.rows(id_)
        assert row[4] == "InitiateReplicationNotPermitted"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"Filter": {"KeyNameConstraint": {"MatchAnyPrefix": ["a", "b"]}}}, "InvalidRequest"),
        ({"Filter": {"EligibleForReplication": None}}, "InvalidRequest"),
        ({"Filter": {"ObjectReplicationStatuses": ["PENDING"]}}, "MalformedXML"),
        ({"Report": {"Bucket": "arn:aws:s3:::nowhere"}}, "InvalidRequest"),
        ({"Report": {"Enabled": False}}, "InvalidRequest"),
        ({"Generator": {"ExpectedBucketOwner": "444455556666"}}, "AccessDenied"),
        ({"Generator": {"SourceBucket": "arn:aws:s3:::nowhere"}}, "InvalidRequest"),
        ({"ClientRequestToken": "t" * 65}, "InvalidRequest"),
        ({"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/nobody"}, "InvalidRequest"),
        ({"AccountId": "444455556666"}, "AccessDenied"),
        (
            {
                "Filter": {
                    "CreatedAfter": "2026-01-02T00:00:00Z",
                    "CreatedBefore": "2026-01-01T00:00:00Z",
                }
            },
            "InvalidRequest",
        ),
    ],
)
def test_what_s3_would_not_take_is_refused(
    standing: Jobs, changed: dict[str, Any], code: str
) -> None:
    assert refusal(standing, **changed) == code


def test_the_role_must_trust_batch_operations(standing: Jobs) -> None:
    assert refusal(standing, RoleArn=standing.world.role_arn) == "InvalidRequest"


def test_the_caller_must_be_allowed_to_pass_the_role(cloud: Cloud) -> None:
    jobs = Jobs(cloud)
    may = allow("s3:CreateJob", "*")
    jobs.control = control(cloud.user(may))
    assert refusal(jobs) == "AccessDenied"
    passing = allow("iam:PassRole", jobs.role_arn)
    jobs.control = control(cloud.user(may, passing))
    assert jobs.start()
    jobs.control = control(cloud.user(passing))
    assert refusal(jobs) == "AccessDenied"


def test_the_same_token_starts_one_job(standing: Jobs) -> None:
    token = unique("token")
    first, second = (standing.start(ClientRequestToken=token) for _ in range(2))
    assert first == second
    assert refusal(standing, ClientRequestToken=token, Priority=2) == "IdempotencyException"


def test_a_job_that_is_not_there(standing: Jobs) -> None:
    with pytest.raises(ClientError) as refused:
        standing.describe("job-0")
    assert refused.value.response["Error"]["Code"] == "NoSuchJob"
