"""How slow the cloud is: what was just made or changed is not known everywhere at once.

Calm, everything is at once. Real, it takes as long as AWS says or as people saw, sixty times
faster: a switch of five minutes takes five seconds. Only what was changed by API calls is slow;
what CloudFormation itself makes here is there at once.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import iam, kms, s3, tagging

from aws_behaviour import texts
from aws_behaviour.serving import Response

_MINUTE = 1.0


@dataclass(frozen=True)
class Weather:
    """Seconds until the rest of AWS knows of it."""

    # "After you enable EventBridge, it takes around five minutes for the changes to take effect."
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-event-notifications-eventbridge.html
    event_bridge: float = 0
    # A new role as principal of a key's or bucket's policy; Terraform waits up to two minutes.
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
    principals: float = 0
    # A role's policies, for whoever assumes it; the same page.
    policies: float = 0
    # A new key for DescribeKey and others, and a new alias; Terraform allows ten minutes.
    # https://docs.aws.amazon.com/kms/latest/developerguide/accessing-kms.html#programming-eventual-consistency
    keys: float = 0
    # "It might take up to five minutes for tag and alias changes to affect KMS key authorization."
    # https://docs.aws.amazon.com/kms/latest/developerguide/abac.html
    key_tags: float = 0
    # A new bucket, and versioning that was just switched on.
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel
    buckets: float = 0
    versioning: float = 0
    # "It can take a while to propagate the put or delete a replication configuration".
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketReplication.html
    rules: float = 0
    # Between two changes of one bucket's settings; the second is a conflict.
    settings: float = 0
    # How many times faster than its queue says a message passes that is held back for minutes.
    haste: float = 1


CALM = Weather()
REAL = Weather(
    event_bridge=5 * _MINUTE,
    principals=_MINUTE,
    policies=_MINUTE,
    keys=0.5 * _MINUTE,
    key_tags=2 * _MINUTE,
    buckets=0.5 * _MINUTE,
    versioning=_MINUTE,
    rules=2 * _MINUTE,
    settings=0.02,
    haste=60,
)
KINDS = {"calm": CALM, "real": REAL}

_now: Weather = CALM
_times: dict[Hashable, float] = {}


def change(weather: Weather) -> None:
    """From now on."""
    global _now
    _now = weather


def note(*what: Hashable) -> None:
    """It was made or changed just now."""
    _times[what] = time.monotonic()


def is_known(within: float, *what: Hashable) -> bool:
    """Whether it is as long ago as AWS may take to know of it."""
    since = _times.get(what)
    return since is None or time.monotonic() - since >= within


def held_back(seconds: float) -> float:
    """How long a queue holds a message back: minutes are as fast as the rest of the cloud."""
    return seconds / _now.haste if seconds >= 60 else seconds


# What there was, for those who go by the old: what, and until when.
_former: dict[Hashable, tuple[Any, float]] = {}


def replaced(within: float, before: Any, *what: Hashable) -> None:
    """`before` goes on being followed for a while."""
    if within and followed(None, *what) is None:
        _former[what] = (before, time.monotonic() + within)


def followed(present: Any, *what: Hashable) -> Any:
    """What is gone by now: the former one, as long as it is, else the present."""
    before, until = _former.get(what, (None, 0.0))
    return before if time.monotonic() < until else present


# ------------------------------------------------------------------ KMS

_create_key: Callable[[dict[str, Any]], Any] = texts.create_key
_put_key_policy: Callable[[dict[str, Any]], Any] = texts.put_key_policy
_create_alias: Callable[[dict[str, Any]], Any] = kms._create_alias
_resource_tags: Callable[[str], dict[str, str] | None] = tagging.resource_tags


def create_key(data: dict[str, Any]) -> Any:
    """Replaces KMS's: remembers when, and knows no role that was just made."""
    response = _unknown_principal(data.get("Policy")) or _create_key(data)
    if response[0] == 200:
        note("key", json.loads(response[2])["KeyMetadata"]["Arn"])
    return response


def put_key_policy(data: dict[str, Any]) -> Any:
    """Replaces KMS's: knows no role that was just made."""
    return _unknown_principal(data.get("Policy")) or _put_key_policy(data)


def create_alias(data: dict[str, Any]) -> Any:
    """Replaces KMS's: remembers when."""
    response = _create_alias(data)
    if response[0] == 200:
        note("alias", kms._alias_arn(data["AliasName"]))
    return response


def waiting_for_key(operation: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    """An operation on a key that does not find one that was just made."""

    def run(data: dict[str, Any]) -> Any:
        name = data.get("KeyId") or data.get("TargetKeyId") or ""
        record = kms._resolve_key(name)
        if record and not _key_is_known(name, record["Arn"]):
            message = f"Key '{name}' does not exist"
            return error_response_json("NotFoundException", message, 400)
        return operation(data)

    return run


def _key_is_known(name: str, arn: str) -> bool:
    resource = name.rpartition(":")[2]
    if resource.startswith("alias/") and not is_known(_now.keys, "alias", kms._alias_arn(resource)):
        return False
    return is_known(_now.keys, "key", arn)


def resource_tags(arn: str) -> dict[str, str] | None:
    """Replaces MiniStack's, for authorization: tags of a key that was just made do not count."""
    return _resource_tags(arn) if is_known(_now.key_tags, "key", arn) else {}


# ------------------------------------------------------------------ IAM


def role_handlers() -> dict[str, Callable[[dict[str, Any]], Any]]:
    """IAM's operations that change who may do what."""
    handlers = iam._IAM_HANDLERS
    return {
        "CreateRole": _noting_role(handlers["CreateRole"]),
        "PutRolePolicy": _changing_policies(handlers["PutRolePolicy"]),
        "DeleteRolePolicy": _changing_policies(handlers["DeleteRolePolicy"]),
    }


def _noting_role(handler: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    def create(p: dict[str, Any]) -> Any:
        response = handler(p)
        role = iam._roles.get(iam._p(p, "RoleName"))
        if response[0] == 200 and role:
            note("role", role["Arn"])
        return response

    return create


def _changing_policies(
    handler: Callable[[dict[str, Any]], Any],
) -> Callable[[dict[str, Any]], Any]:
    def write(p: dict[str, Any]) -> Any:
        role = iam._roles.get(iam._p(p, "RoleName"))
        before = dict(role["InlinePolicies"]) if role else {}
        response = handler(p)
        if response[0] == 200 and role and role["InlinePolicies"] != before:
            replaced(_now.policies, before, "policies", role["Arn"])
        return response

    return write


_ROLE = re.compile(r"arn:[a-z-]+:iam::[0-9]{12}:role/[\w+=,.@/-]+")


def _new_principal(policy: str | None) -> str | None:
    """A role in the policy that the service does not know yet."""
    roles = _ROLE.findall(policy or "")
    return next((arn for arn in roles if not is_known(_now.principals, "role", arn)), None)


def _unknown_principal(policy: str | None) -> Any:
    arn = _new_principal(policy)
    if arn is None:
        return None
    message = "Policy contains a statement with one or more invalid principals."
    return error_response_json("MalformedPolicyDocumentException", message, 400)


# ------------------------------------------------------------------ S3

_put_bucket_policy: Callable[[str, bytes], Response] = s3._put_bucket_policy
_create_bucket: Callable[..., Response] = s3._create_bucket
_put_bucket_notification: Callable[..., Response] = s3._put_bucket_notification
_delete_bucket_replication: Callable[[str], Response] = s3._delete_bucket_replication


def put_bucket_policy(name: str, body: bytes) -> Response:
    """Replaces S3's: knows no role that was just made."""
    if _new_principal(body.decode("utf-8", errors="replace")):
        refusal: Response = s3._error(
            "MalformedPolicy", "Invalid principal in policy", 400, f"/{name}"
        )
        return refusal
    return _put_bucket_policy(name, body)


def create_bucket(
    name: str, body: bytes, headers: dict[str, str] | None = None, *more: Any, **named: Any
) -> Response:
    """Replaces S3's: remembers when, and refuses what S3 refuses."""
    refusal = _not_made(name, body, headers or {})
    if refusal is not None:
        return refusal
    response = _create_bucket(name, body, headers, *more, **named)
    if response[0] == 200:
        note("bucket", name)
    return response


def _not_made(name: str, body: bytes, headers: dict[str, str]) -> Response | None:
    # In us-east-1 S3 takes a bucket that one has already as made, but not where tags are given:
    # recorded on AWS by https://github.com/localstack/localstack (tests/aws/services/s3).
    if name in s3._buckets and b"<Tag>" in body:
        message = (
            "Your previous request to create the named bucket succeeded and you already own it."
        )
        owned: Response = s3._error("BucketAlreadyOwnedByYou", message, 409, f"/{name}")
        return owned
    # "Bucket names must not end with the suffix -an" unless in their account's namespace.
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/gpbucketnamespaces.html
    if name.endswith("-an") and headers.get("x-amz-bucket-namespace") != "account-regional":
        message = "The specified bucket is not valid."
        invalid: Response = s3._error("InvalidBucketName", message, 400, f"/{name}")
        return invalid
    return None


def put_bucket_notification(name: str, body: bytes, headers: Any = None) -> Response:
    """Replaces S3's: remembers when EventBridge was switched on."""
    before = s3._bucket_notifications.get(name) or ""
    response = _put_bucket_notification(name, body, headers)
    switch = "EventBridgeConfiguration"
    if response[0] == 200 and switch in body.decode("utf-8", "replace") and switch not in before:
        note("event bridge", name)
    return response


def tells_event_bridge(bucket_name: str) -> bool:
    """Whether the bucket's switch works by now."""
    return is_known(_now.event_bridge, "event bridge", bucket_name)


def versioning_is_known(bucket_name: str) -> bool:
    """Whether PutBucketReplication sees that the bucket is versioned."""
    return is_known(_now.versioning, "versioning", bucket_name)


def rules_change(bucket_name: str) -> None:
    """Before the bucket's replication configuration is replaced or deleted."""
    before = s3._bucket_replication.get(bucket_name)
    replaced(_now.rules, before or {}, "rules", bucket_name)


def delete_bucket_replication(bucket_name: str) -> Response:
    """Replaces S3's: the rules are followed for a while."""
    rules_change(bucket_name)
    return _delete_bucket_replication(bucket_name)


def rules_of(bucket_name: str) -> dict[str, Any] | None:
    """The configuration that S3 goes by."""
    found: dict[str, Any] | None = followed(
        s3._bucket_replication.get(bucket_name), "rules", bucket_name
    )
    return found or None


def not_yet(method: str, bucket: str, key: str, query: dict[str, list[str]]) -> Response | None:
    """What S3 answers about a bucket that is too new, or whose settings are being changed."""
    if not bucket:
        return None
    if key == "" and method == "PUT" and not query:
        return None
    if not is_known(_now.buckets, "bucket", bucket):
        missing: Response = s3._no_such_bucket(bucket)
        return missing
    if _now.settings and not key and method == "PUT":
        busy = not is_known(_now.settings, "settings", bucket)
        note("settings", bucket)
        if busy:
            conflict: Response = s3._error(
                "OperationAborted",
                "A conflicting conditional operation is currently in progress against this "
                "resource. Please try again.",
                409,
                f"/{bucket}",
            )
            return conflict
    return None
