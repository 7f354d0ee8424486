"""Puts the replacements into MiniStack, after checking that they still fit."""

from __future__ import annotations

from ministack_s3 import pin


def install(replication_delay: float) -> None:
    """Replaces functions of MiniStack; raises `pin.PinError` where one has changed."""
    pin.check_signatures()

    from ministack.services import eventbridge, s3

    from ministack_s3 import events
    from ministack_s3.replication import Replication

    replication = Replication(replication_delay)
    s3._maybe_replicate = replication.object_written
    s3._maybe_replicate_delete_marker = replication.delete_marker_written
    s3._fire_s3_event = events.fire_s3_event
    eventbridge._dispatch_event = events.dispatch_event
