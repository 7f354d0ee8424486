"""Why a replica was not written.

The reasons are S3's own:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-metrics-events.html#replication-failure-codes
"""

from __future__ import annotations


class RefusalError(Exception):
    """Replication of one object version ended in FAILED, for the reason S3 would name."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
