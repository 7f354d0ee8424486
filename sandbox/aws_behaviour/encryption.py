"""How an object version is encrypted, as its stored headers say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ALGORITHM = "x-amz-server-side-encryption"
KMS_KEY = "x-amz-server-side-encryption-aws-kms-key-id"
BUCKET_KEY = "x-amz-server-side-encryption-bucket-key-enabled"
KMS_ALGORITHMS = ("aws:kms", "aws:kms:dsse")


@dataclass(frozen=True)
class Encryption:
    """Server-side encryption of one object version."""

    algorithm: str | None
    kms_key: str | None = None
    bucket_key: bool = False

    @classmethod
    def of(cls, record: dict[str, Any]) -> Encryption:
        headers = record.get("preserved_headers") or {}
        return cls(headers.get(ALGORITHM), headers.get(KMS_KEY), headers.get(BUCKET_KEY) == "true")

    @property
    def uses_kms(self) -> bool:
        return self.algorithm in KMS_ALGORITHMS

    def headers(self) -> dict[str, str]:
        """The response headers that tell of it; S3 leaves out a Bucket Key that is not used."""
        told = {ALGORITHM: self.algorithm, KMS_KEY: self.kms_key}
        found = {name: value for name, value in told.items() if value}
        return {**found, BUCKET_KEY: "true"} if self.bucket_key else found

    def context(self, bucket_arn: str, key: str) -> str:
        """The `aws:s3:arn` of the encryption context: the bucket's ARN with a Bucket Key.

        https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html
        """
        return bucket_arn if self.bucket_key else f"{bucket_arn}/{key}"
