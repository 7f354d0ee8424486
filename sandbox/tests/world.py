"""A working replication between two Regions, for tests to break."""

from __future__ import annotations

import time
from typing import Any

from cloud import DESTINATION_REGION, SOURCE_REGION, Cloud, allow, document, unique

TRUST = {
    "Effect": "Allow",
    "Principal": {"Service": "s3.amazonaws.com"},
    "Action": "sts:AssumeRole",
}


class World:
    """Buckets, keys, role and rule; `policy` holds the role's statements by name."""

    def __init__(self, cloud: Cloud, destination_owner: Cloud | None = None) -> None:
        self.cloud = cloud
        self.other = destination_owner or cloud
        self.s3 = cloud.client("s3", SOURCE_REGION)
        self.s3_there = self.other.client("s3", DESTINATION_REGION)
        self.iam = cloud.client("iam")
        self.source = cloud.bucket(SOURCE_REGION)
        self.destination = self.other.bucket(DESTINATION_REGION)
        self.source_key = cloud.kms_key(SOURCE_REGION)
        self.replica_key = self.other.kms_key(DESTINATION_REGION)
        self.role = unique("role")
        role = self.iam.create_role(
            RoleName=self.role, Path="/replication/", AssumeRolePolicyDocument=document(TRUST)
        )
        self.role_arn = role["Role"]["Arn"]
        self.policy = self.recommended_policy()
        self.put_policy()

    def recommended_policy(self) -> dict[str, dict[str, Any]]:
        src, dst = f"arn:aws:s3:::{self.source}", f"arn:aws:s3:::{self.destination}"

        def through(region: str, arn: str) -> dict[str, Any]:
            return {
                "StringLike": {
                    "kms:ViaService": f"s3.{region}.amazonaws.com",
                    "kms:EncryptionContext:aws:s3:arn": [arn, f"{arn}/*"],
                }
            }

        return {
            "bucket": allow(["s3:GetReplicationConfiguration", "s3:ListBucket"], src),
            "read": allow("s3:GetObjectVersionForReplication", f"{src}/*"),
            "acl": allow("s3:GetObjectVersionAcl", f"{src}/*"),
            "tagging": allow("s3:GetObjectVersionTagging", f"{src}/*"),
            "write": allow("s3:ReplicateObject", f"{dst}/*"),
            "delete": allow("s3:ReplicateDelete", f"{dst}/*"),
            "tags": allow("s3:ReplicateTags", f"{dst}/*"),
            "decrypt": allow("kms:Decrypt", self.source_key, Condition=through(SOURCE_REGION, src)),
            "encrypt": allow(
                "kms:Encrypt", self.replica_key, Condition=through(DESTINATION_REGION, dst)
            ),
            "datakey": allow(
                ["kms:GenerateDataKey", "kms:Decrypt"],
                self.replica_key,
                Condition=through(DESTINATION_REGION, dst),
            ),
        }

    def put_policy(self, **changed: dict[str, Any] | None) -> None:
        """Puts the role's policy with statements replaced, or left out where None."""
        statements = [s for s in {**self.policy, **changed}.values() if s is not None]
        self.iam.put_role_policy(
            RoleName=self.role, PolicyName="replication", PolicyDocument=document(*statements)
        )

    def rule(self, **changed: Any) -> dict[str, Any]:
        """The rule; with `Destination` given, its members are merged in."""
        destination = {
            "Bucket": f"arn:aws:s3:::{self.destination}",
            "EncryptionConfiguration": {"ReplicaKmsKeyID": self.replica_key},
            "Metrics": {"Status": "Enabled"},
            **changed.pop("Destination", {}),
        }
        rule = {
            "ID": "rule-1",
            "Priority": 1,
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "DeleteMarkerReplication": {"Status": "Disabled"},
            "SourceSelectionCriteria": {"SseKmsEncryptedObjects": {"Status": "Enabled"}},
            "Destination": destination,
            **changed,
        }
        return {name: value for name, value in rule.items() if value is not None}

    def replicate(self, *rules: dict[str, Any], role: str | None = None) -> None:
        self.s3.put_bucket_replication(
            Bucket=self.source,
            ReplicationConfiguration={
                "Role": role or self.role_arn,
                "Rules": list(rules) or [self.rule()],
            },
        )

    def upload(self, key: str = "Tax/a.txt", **options: Any) -> str:
        """Uploads under the source key, unless told otherwise; returns the version id."""
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.source_key}
        answer = self.s3.put_object(
            Bucket=self.source, Key=key, Body=b"body of it", **{**encryption, **options}
        )
        return str(answer["VersionId"])

    def head(self, key: str, version: str) -> dict[str, Any]:
        return dict(self.s3.head_object(Bucket=self.source, Key=key, VersionId=version))

    def head_replica(self, key: str, version: str) -> dict[str, Any]:
        return dict(self.s3_there.head_object(Bucket=self.destination, Key=key, VersionId=version))

    def settled(self, key: str, version: str) -> str | None:
        """The source's replication status once it is PENDING no longer."""
        deadline = time.monotonic() + 5
        while (status := self.head(key, version).get("ReplicationStatus")) == "PENDING":
            assert time.monotonic() < deadline, f"{key} is still PENDING"
            time.sleep(0.05)
        return status

    def replicas(self) -> list[str]:
        answer = self.s3_there.list_object_versions(Bucket=self.destination)
        return [version["Key"] for version in answer.get("Versions", [])]

    def failures(self) -> tuple[str, str]:
        """Sends the source bucket's failure events to a new queue; returns its URL and ARN."""
        url, arn = self.cloud.queue(SOURCE_REGION, "s3")
        self.s3.put_bucket_notification_configuration(
            Bucket=self.source,
            NotificationConfiguration={
                "QueueConfigurations": [
                    {"Id": "failures", "QueueArn": arn, "Events": ["s3:Replication:*"]}
                ]
            },
        )
        return url, arn

    def failure_reason(self, url: str) -> str:
        (body,) = self.cloud.messages(SOURCE_REGION, url, 1)
        return str(body["Records"][0]["replicationEventData"]["failureReason"])
