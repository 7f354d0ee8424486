"""Everything that must hold before S3 writes a replica, in the order S3 meets it.

Failure reasons: https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-metrics-events.html#replication-failure-codes
"""

from __future__ import annotations

from dataclasses import dataclass

from aws_behaviour import buckets, keys, rule_members
from aws_behaviour.buckets import Bucket
from aws_behaviour.encryption import Encryption
from aws_behaviour.keys import Key
from aws_behaviour.refusal import RefusalError
from aws_behaviour.role import ReplicationRole
from aws_behaviour.rules import Rule


@dataclass(frozen=True)
class Source:
    """One object version that is to be replicated."""

    bucket: Bucket
    key: str
    version_id: str
    encryption: Encryption
    tags: dict[str, str]

    @property
    def arn(self) -> str:
        return self.bucket.object_arn(self.key)


@dataclass(frozen=True)
class Target:
    """Where a replica goes, and how it is encrypted there."""

    bucket: Bucket
    encryption: Encryption


def authorize(source: Source, rule: Rule, role: ReplicationRole) -> Target:
    """The destination of the replica; `RefusalError` where S3 would fail."""
    _may_read(source, role)
    bucket = destination(rule)
    encryption, key = _replica_encryption(source, rule, bucket)
    _may_write(source, rule, role, bucket, encryption, key)
    return Target(bucket, encryption)


def destination(rule: Rule) -> Bucket:
    """The destination bucket, which must exist and be versioned."""
    arn = rule["Destination"]["Bucket"]
    bucket = buckets.find(arn)
    if bucket is None:
        raise RefusalError("DstBucketNotFound", f"bucket `{arn}` does not exist")
    if not bucket.is_versioned:
        raise RefusalError("DstBucketUnversioned", f"bucket `{arn}` is not versioned")
    return bucket


def _may_read(source: Source, role: ReplicationRole) -> None:
    bucket = source.bucket
    # `s3:GetObjectVersion` replicates objects that are not under a KMS key:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-config-for-kms-objects.html
    reads = ["s3:GetObjectVersionForReplication"]
    if not source.encryption.uses_kms:
        reads.append("s3:GetObjectVersion")
    if not any(role.may_on_bucket(action, source.arn, bucket) for action in reads):
        raise RefusalError("SrcGetObjectNotPermitted", f"{reads[0]} on `{source.arn}`")
    if not role.may_on_bucket("s3:GetObjectVersionAcl", source.arn, bucket):
        raise RefusalError("SrcGetAclNotPermitted", f"s3:GetObjectVersionAcl on `{source.arn}`")
    if source.tags and not role.may_on_bucket("s3:GetObjectVersionTagging", source.arn, bucket):
        raise RefusalError(
            "SrcGetTaggingNotPermitted", f"s3:GetObjectVersionTagging: `{source.arn}`"
        )
    if source.encryption.uses_kms:
        _may_decrypt(source, role)


def _may_decrypt(source: Source, role: ReplicationRole) -> None:
    bucket, reference = source.bucket, source.encryption.kms_key or ""
    key = keys.find(reference, bucket.account, bucket.region)
    if key is None or not key.is_enabled:
        state = key.state if key else "missing"
        raise RefusalError("SrcKmsKeyInvalidState", f"key `{reference}` is {state}")
    context = source.encryption.context(bucket.arn, source.key)
    if not role.may_use_key("kms:Decrypt", key, bucket.region, context):
        # AWS documents no reason of its own for a refusal by the source key.
        raise RefusalError("SrcGetObjectNotPermitted", f"kms:Decrypt: `{key.arn}`, `{context}`")


def _replica_encryption(
    source: Source, rule: Rule, bucket: Bucket
) -> tuple[Encryption, Key | None]:
    """The replica's encryption: the source's type, under the rule's key.

    "The default encryption settings of the destination bucket are not used."
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-encryption.html#bucket-encryption-replication
    A Bucket Key is kept: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html
    """
    if not source.encryption.uses_kms:
        return source.encryption, None
    chosen = rule["Destination"].get("EncryptionConfiguration") or {}
    reference = chosen.get("ReplicaKmsKeyID") or ""
    if (chosen.get(rule_members.SAME_KEY) or {}).get("Status") == "Enabled":
        reference = _related(source.encryption.kms_key or "", bucket.region) or reference
    key = keys.find(reference, source.bucket.account, bucket.region)
    if key is None or key.region != bucket.region:
        raise RefusalError("DstKmsKeyNotFound", f"no key `{reference}` in {bucket.region}")
    if not key.is_enabled or not key.encrypts_objects:
        raise RefusalError("DstKmsKeyInvalidState", f"key `{key.arn}` is {key.state}")
    return Encryption(source.encryption.algorithm, key.arn, source.encryption.bucket_key), key


def _related(source_key: str, region: str) -> str | None:
    """The key of another Region that is related to the source key; a key of one Region has none.

    https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-keys-overview.html
    """
    parts = source_key.split(":")
    if not parts[-1].startswith("key/mrk-"):
        return None
    return ":".join([*parts[:3], region, *parts[4:]])


def _may_write(
    source: Source,
    rule: Rule,
    role: ReplicationRole,
    bucket: Bucket,
    encryption: Encryption,
    key: Key | None,
) -> None:
    arn = bucket.object_arn(source.key)
    context = {"s3:x-amz-server-side-encryption": encryption.algorithm}
    if encryption.kms_key:
        context["s3:x-amz-server-side-encryption-aws-kms-key-id"] = encryption.kms_key
    if not role.may_on_bucket("s3:ReplicateObject", arn, bucket, context):
        raise RefusalError("DstPutObjectNotPermitted", f"s3:ReplicateObject on `{arn}`")
    if source.tags and not role.may_on_bucket("s3:ReplicateTags", arn, bucket):
        raise RefusalError("DstPutTaggingNotPermitted", f"s3:ReplicateTags on `{arn}`")
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-change-owner.html
    overrides = rule["Destination"].get("AccessControlTranslation") and not bucket.is_owner_enforced
    if overrides and not role.may_on_bucket("s3:ObjectOwnerOverrideToBucketOwner", arn, bucket):
        raise RefusalError("DstPutAclNotPermitted", f"owner override on `{arn}`")
    if key is not None:
        _may_encrypt(source, role, bucket, encryption, key)


def _may_encrypt(
    source: Source, role: ReplicationRole, bucket: Bucket, encryption: Encryption, key: Key
) -> None:
    actions = ["kms:Encrypt"]
    if encryption.bucket_key:
        # S3 generates the bucket key and verifies it:
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-config-for-kms-objects.html
        actions += ["kms:GenerateDataKey", "kms:Decrypt"]
    if key.is_aws_managed and key.account != role.account:
        raise RefusalError("DstPutObjectNotPermitted", f"`{key.arn}` serves its own account only")
    context = encryption.context(bucket.arn, source.key)
    for action in actions:
        if not role.may_use_key(action, key, bucket.region, context):
            raise RefusalError("DstPutObjectNotPermitted", f"{action}: `{key.arn}`, `{context}`")
