"""Writes replicas and replicated delete markers into destination buckets."""

from __future__ import annotations

import copy
from typing import Any

from ministack.core.responses import now_iso
from ministack.services import s3

from aws_behaviour.authorization import Source, Target
from aws_behaviour.buckets import Bucket
from aws_behaviour.encryption import BUCKET_KEY, KMS_KEY
from aws_behaviour.rules import Rule


def write(source: Source, record: dict[str, Any], data: bytes, target: Target, rule: Rule) -> None:
    """Stores the replica: same version id, same time, status REPLICA.

    "Replicate objects while retaining metadata": version ids and creation times are kept.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication.html
    """
    bucket, key = target.bucket, source.key
    replica = copy.deepcopy(record)
    replica["replication_status"] = "REPLICA"
    replica["version_id"] = source.version_id
    for name in (KMS_KEY, BUCKET_KEY):
        replica["preserved_headers"].pop(name, None)
    replica["preserved_headers"].update(target.encryption.headers())
    replica["storage_class"] = rule["Destination"].get("StorageClass") or record["storage_class"]

    with s3._in_account(bucket.account):
        entry = s3._version_entry_from_record(replica, source.version_id, data)
        if _append_version(bucket, key, entry):
            bucket.record["objects"][key] = replica
        tags = (bucket.name, key, source.version_id)
        if source.tags:
            s3._object_tags[tags] = dict(source.tags)


def write_delete_marker(bucket: Bucket, key: str, version_id: str) -> None:
    """Stores a delete marker that hides the replica."""
    with s3._in_account(bucket.account):
        marker = {
            "version_id": version_id,
            "last_modified": now_iso(),
            "etag": "",
            "size": 0,
            "is_delete_marker": True,
        }
        _append_version(bucket, key, marker)
        bucket.record["objects"].pop(key, None)


def _append_version(bucket: Bucket, key: str, entry: dict[str, Any]) -> bool:
    """Whether it is the latest version now: a job may replicate one that is older than others."""
    versions = s3._object_versions.setdefault((bucket.name, key), [])
    # It may be there already.
    versions[:] = [one for one in versions if one["version_id"] != entry["version_id"]]
    s3._preserve_null_version(bucket.name, key, versions, bucket.record["objects"].get(key))
    older = [one for one in versions if one["last_modified"] <= entry["last_modified"]]
    is_latest = len(older) == len(versions)
    if is_latest:
        for version in versions:
            version["is_latest"] = False
    versions.insert(len(older), {**entry, "is_latest": is_latest})
    return is_latest
