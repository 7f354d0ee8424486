"""What no call of S3's does: a bucket's objects become older, and a byte of one flips. For tests of
what vouches for objects, which goes by their dates and must see whatever becomes of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from aws_behaviour import fault_answers
from aws_behaviour.fault_answers import App, Receive, Scope, Send

CONTROL = "/_sandbox/objects"
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


def around(app: App) -> App:
    """The application with the control in front of it."""

    async def tampered(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != CONTROL:
            return await app(scope, receive, send)
        wanted = json.loads(await fault_answers._body(receive))
        if "olderDays" in wanted:
            done = make_older(wanted["bucket"], wanted["olderDays"])
        else:
            done = flip(wanted["bucket"], wanted["key"], wanted["flipByte"])
        body = json.dumps({"done": done}).encode()
        answer = 200, [(b"content-type", b"application/json")], body
        return await fault_answers._send(send, answer)

    return tampered


def make_older(bucket: str, days: int) -> int:
    """Dates every version of the bucket so many days earlier; returns how many there are."""
    dated = list(_versions(bucket))
    for record in dated:
        time = datetime.strptime(record["last_modified"], _TIME) - timedelta(days=days)
        record["last_modified"] = f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03}Z"
    return len(dated)


def flip(bucket: str, key: str, place: int) -> int:
    """Changes one bit of the object's current version, which keeps its name and its date, but no
    checksum of S3's: whoever can write into the store writes those too."""
    flipped = 0
    for record in _versions(bucket, key):
        for name in ("body", "data"):
            if record.get(name):
                changed = bytearray(record[name])
                changed[place] ^= 1
                record[name] = bytes(changed)
                record["checksums"] = {}
                flipped += 1
    return flipped


def _versions(bucket: str, key: str | None = None) -> Iterator[dict[str, Any]]:
    """The records of all versions, or of one key's current one: as object, and as version."""
    # Not at the top: MiniStack reads its settings when it is imported.
    from ministack.services import s3

    with s3._in_account(s3._bucket_owner_account(bucket)):
        objects = s3._buckets[bucket]["objects"]
        for name, record in objects.items():
            if key in (None, name):
                yield record
        for (of, name), versions in s3._object_versions.items():
            for record in versions if of == bucket and key in (None, name) else []:
                if key is None or record["version_id"] == objects[name].get("version_id"):
                    yield record
