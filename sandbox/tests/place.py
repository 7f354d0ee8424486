"""What the roles of the templates are let loose on, and the rows that say what each may do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cloud import ACCOUNT, DESTINATION_REGION, SOURCE_REGION, Cloud, allow, document, unique
from installed import Stack, install
from world import TRUST

OTHER_ACCOUNT = "444455556666"
OWNER_TAG = [{"TagKey": "encrypted-replication:owner", "TagValue": "er-1"}]
PATH = "/encrypted-replication/"
PROBE = "Tax/.encrypted-replication-probe-er-1-1"
REPORT = "encrypted-replication/er0123456789abcdef0123/job-1/manifest.json"
BESIDE = "encrypted-replication/er0123456789abcdef0123/other"
POLICY = document(allow("s3:GetObject", "*"))
ROOT = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
KEY_POLICY = document(allow("kms:*", "*", Principal=ROOT))
VERSIONED = {"Status": "Enabled"}


@dataclass(frozen=True)
class Place:
    """What the roles are let loose on."""

    stack: Stack
    roles: dict[str, Cloud]
    bucket: str
    key: str
    foreign_key: str
    spare_key: str
    spare_foreign_key: str
    foreign_bucket: str
    other_bucket: str
    given_key: str
    other_key: str

    @property
    def check_queue(self) -> str:
        return self.stack.outputs["CheckQueueUrl"]

    def bucket_policy(self, bucket: str) -> dict[str, Any]:
        """The arguments for a policy on a bucket."""
        statement = allow("s3:ReplicateObject", f"arn:aws:s3:::{bucket}/*", Principal=ROOT)
        return {"Bucket": bucket, "Policy": document(statement)}

    def arn(self, role: str) -> str:
        return f"arn:aws:iam::{ACCOUNT}:role{role}"


def build(cloud: Cloud) -> Place:
    """Everything that the tables speak of."""
    stack = install(cloud, SOURCE_REGION, "who", "template.yaml")
    there = cloud.account(OTHER_ACCOUNT)
    bucket, key = cloud.bucket(SOURCE_REGION), cloud.kms_key(SOURCE_REGION, Tags=OWNER_TAG)
    s3, iam = cloud.client("s3"), cloud.client("iam")
    for name in ("plain", REPORT, BESIDE):
        s3.put_object(Bucket=bucket, Key=name, Body=b"x", ServerSideEncryption="AES256")
    sealed = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    s3.put_object(Bucket=bucket, Key="sealed", Body=b"x", **sealed)
    for name, path in (("ours", PATH), ("somebodys", "/application/"), ("old", "/application/")):
        iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=document(TRUST))
    boundary = "arn:aws:iam::aws:policy/PowerUserAccess"
    iam.put_role_permissions_boundary(RoleName="ours", PermissionsBoundary=boundary)
    for name in (f"{PATH}{bucket}/er-1", "/application/secret"):
        cloud.client("ssm").put_parameter(Name=name, Value="{}", Type="String")
    given_key, other_key = (there.kms_key(DESTINATION_REGION) for _ in range(2))
    provisioner, foreign_bucket = stack.session("ProvisionReplication"), unique("abroad")
    there.client("s3", DESTINATION_REGION).create_bucket(
        Bucket=foreign_bucket,
        CreateBucketConfiguration={"LocationConstraint": DESTINATION_REGION},
    )
    destination = install(
        there,
        DESTINATION_REGION,
        "who-abroad",
        "examples/two-accounts/destination.yaml",
        ProvisionerRoleArn=stack.role("ProvisionReplicationRole"),
        DestinationBucket=foreign_bucket,
        ReplicaKmsKeyArn=given_key,
    )
    assumed = provisioner.client("sts").assume_role(
        RoleArn=destination.role("DestinationRole"), RoleSessionName="encrypted-replication"
    )["Credentials"]
    roles = {
        "provisioner": provisioner,
        "checker": stack.session("CheckReplica"),
        "destination": Cloud(
            cloud.url,
            assumed["AccessKeyId"],
            assumed["SecretAccessKey"],
            assumed["SessionToken"],
        ),
    }
    other_bucket = there.bucket(DESTINATION_REGION)
    there.client("s3", DESTINATION_REGION).put_object(Bucket=foreign_bucket, Key="plain", Body=b"x")
    return Place(
        stack,
        roles,
        bucket,
        key,
        cloud.kms_key(SOURCE_REGION),
        cloud.kms_key(SOURCE_REGION, Tags=OWNER_TAG),
        cloud.kms_key(SOURCE_REGION),
        foreign_bucket,
        other_bucket,
        given_key,
        other_key,
    )


def rules(place: Place, role: str) -> dict[str, Any]:
    """The arguments for rules on the bucket, under a role."""
    rule = {
        "ID": "er-1-a",
        "Priority": 1,
        "Status": "Enabled",
        "Filter": {"Prefix": "Tax/"},
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "Destination": {"Bucket": f"arn:aws:s3:::{place.foreign_bucket}"},
    }
    there = place.roles["destination"].client("s3", DESTINATION_REGION)
    there.put_bucket_versioning(Bucket=place.foreign_bucket, VersioningConfiguration=VERSIONED)
    configuration = {"Role": place.arn(role), "Rules": [rule]}
    return {"Bucket": place.bucket, "ReplicationConfiguration": configuration}


def of(bucket: str, **more: Any) -> dict[str, Any]:
    return {"Bucket": bucket, **more}


Given = Callable[[Place], dict[str, Any]]
# What it is, the service, its operation, and the arguments.
Row = tuple[str, str, str, Given]
