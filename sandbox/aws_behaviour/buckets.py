"""Buckets of any account, by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ministack.services import s3


@dataclass(frozen=True)
class Bucket:
    """A bucket, wherever it is."""

    name: str
    account: str
    region: str
    record: dict[str, Any]

    @property
    def arn(self) -> str:
        return f"arn:aws:s3:::{self.name}"

    def object_arn(self, key: str) -> str:
        return f"{self.arn}/{key}"

    @property
    def is_versioned(self) -> bool:
        return bool(s3._bucket_versioning.get_scoped(self.account, None, self.name) == "Enabled")

    @property
    def policy(self) -> str | None:
        policy: str | None = s3._bucket_policies.get_scoped(self.account, None, self.name)
        return policy

    @property
    def is_owner_enforced(self) -> bool:
        """Whether ACLs are off, so that the bucket owner owns every object."""
        return bool(s3._bucket_owner_enforced(self.record))


def find(name_or_arn: str) -> Bucket | None:
    """The bucket of that name: a name identifies one bucket, whoever owns it."""
    name = name_or_arn.rpartition(":::")[2]
    account = s3._bucket_owner_account(name)
    if account is None:
        return None
    record = s3._buckets.get_scoped(account, None, name)
    if record is None:
        return None
    return Bucket(name, account, record.get("region") or "us-east-1", record)
