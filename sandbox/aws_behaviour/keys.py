"""KMS keys of any account and Region, by ARN, id or alias."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ministack.services import kms


@dataclass(frozen=True)
class Key:
    """A KMS key, wherever it is."""

    arn: str
    account: str
    region: str
    record: dict[str, Any]

    @property
    def state(self) -> str:
        return str(self.record["KeyState"])

    @property
    def is_enabled(self) -> bool:
        return self.state == "Enabled"

    @property
    def encrypts_objects(self) -> bool:
        """S3 takes symmetric encryption keys only.

        https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
        """
        made_for = (self.record["KeySpec"], self.record["KeyUsage"])
        return made_for == ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT")

    @property
    def is_aws_managed(self) -> bool:
        return self.record.get("KeyManager") == "AWS"

    @property
    def policy(self) -> str:
        return str(self.record.get("Policy") or "")


def find(reference: str, account: str, region: str) -> Key | None:
    """The key an ARN names, or that an id or alias names in the account and Region."""
    resource = reference
    if reference.startswith("arn:"):
        parts = reference.split(":", 5)
        if len(parts) < 6 or parts[2] != "kms":
            return None
        region, account, resource = parts[3], parts[4], parts[5]
    if resource.startswith("alias/"):
        alias_arn = f"arn:aws:kms:{region}:{account}:{resource}"
        key_id = kms._aliases.get_scoped(account, region, alias_arn)
    else:
        key_id = resource.removeprefix("key/")
    record = kms._keys.get_scoped(account, region, key_id) if key_id else None
    return Key(record["Arn"], account, region, record) if record else None
