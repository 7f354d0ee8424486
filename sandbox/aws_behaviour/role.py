"""The role S3 assumes to replicate, and what its policies let it do.

MiniStack's policy evaluator decides; here are the request contexts S3 makes.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.iam_evaluator import EvalContext, ParsedStatement
from ministack.services import iam

from aws_behaviour import weather
from aws_behaviour.buckets import Bucket
from aws_behaviour.keys import Key
from aws_behaviour.refusal import RefusalError
from aws_behaviour.resource_policies import lets_service

SERVICE = "s3.amazonaws.com"
SESSION = "s3-replication"

Policies = list[list[ParsedStatement]]


@dataclass(frozen=True)
class ReplicationRole:
    """A session of the role, as S3 holds it while it replicates."""

    name: str
    account: str
    principal_id: str
    policies: Policies = field(repr=False)
    limits: list[Policies] = field(repr=False)

    @property
    def session_arn(self) -> str:
        return f"arn:aws:sts::{self.account}:assumed-role/{self.name}/{SESSION}"

    def may_on_bucket(
        self, action: str, resource: str, bucket: Bucket, context: dict[str, Any] | None = None
    ) -> bool:
        """Whether the role may do it: one account's policies suffice, two accounts' must agree."""
        keys = {"aws:resourceaccount": bucket.account, "s3:resourceaccount": bucket.account}
        asked = self._context(action, resource, bucket.region, {**keys, **(context or {})})
        return self._allowed(asked, bucket.policy, bucket.account, required=False)

    def may_use_key(self, action: str, key: Key, s3_region: str, encrypted_arn: str) -> bool:
        """Whether the role may use the key through S3 in the bucket's Region.

        The key policy must allow it, also in the key's own account.
        https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
        """
        context = {
            "aws:resourceaccount": key.account,
            "kms:calleraccount": self.account,
            "kms:encryptioncontext:aws:s3:arn": encrypted_arn,
            "kms:encryptioncontextkeys": ["aws:s3:arn"],
            "kms:viaservice": f"s3.{s3_region}.amazonaws.com",
        }
        asked = self._context(action, key.arn, key.region, context)
        return self._allowed(asked, key.policy, key.account, required=True)

    def may_send(
        self, bus_arn: str, region: str, owner: str, policy: Any, keys: dict[str, Any]
    ) -> bool:
        """Whether the role may put events on a bus: one account's word suffices, two must agree."""
        asked = self._context("events:PutEvents", bus_arn, region, keys)
        return self._allowed(asked, policy, owner, required=False)

    def _context(
        self, action: str, resource: str, region: str, keys: dict[str, Any]
    ) -> EvalContext:
        return EvalContext(
            principal_arn=self.session_arn,
            principal_type="AssumedRole",
            principal_account=self.account,
            action=action,
            resource_arn=resource,
            region=region,
            service_context={"aws:tagkeys": None, **keys},
            principal_keys={"aws:userid": self.principal_id},
        )

    def _allowed(
        self, asked: EvalContext, policy: str | None, owner: str, *, required: bool
    ) -> bool:
        identity = iam_evaluator.evaluate(asked, self.policies, *self.limits)
        combined = iam_evaluator.combine_resource_policy(
            identity, asked, policy, owner, required=required, limits=tuple(self.limits)
        )
        return bool(combined.decision == "Allow")


def _policies_in_force(record: dict[str, Any], name: str, account: str) -> Policies:
    """The role's policies as S3 knows them by now."""
    present = record["InlinePolicies"]
    inline = weather.followed(present, "policies", record["Arn"])
    if inline is present:
        found: Policies = iam_evaluator._gather_role_policies(name, account)
        return found
    parsed = (iam_evaluator.parse_policy_document(text) for text in inline.values())
    return [statements for statements in parsed if statements]


def assume(
    role_arn: str, service: str = SERVICE, keys: dict[str, Any] | None = None
) -> ReplicationRole:
    """The role as a service assumes it; `RefusalError` where it is missing or does not trust it.

    S3 is not documented to send `aws:SourceArn` or `aws:SourceAccount` here,
    so a trust policy that asks for them refuses; `keys` are what a service does send.
    """
    parts = role_arn.split(":", 5)
    if len(parts) < 6 or not parts[5].startswith("role/"):
        raise RefusalError("AssumeRoleNotPermitted", f"`{role_arn}` is not the ARN of a role")
    account, name = parts[4], parts[5].rpartition("/")[2]
    record = iam._roles.get_scoped(account, None, name)
    if record is None or record.get("Arn") != role_arn:
        raise RefusalError("AssumeRoleNotPermitted", f"role `{role_arn}` does not exist")
    trust = record.get("AssumeRolePolicyDocument")
    if not lets_service(trust, service, "sts:AssumeRole", role_arn, keys or {}):
        raise RefusalError("AssumeRoleNotPermitted", f"role `{role_arn}` does not trust {service}")
    return ReplicationRole(
        name,
        account,
        f"{record.get('RoleId', '')}:{SESSION}",
        _policies_in_force(record, name, account),
        iam_evaluator._permissions_boundary(iam._roles, name, account),
    )
