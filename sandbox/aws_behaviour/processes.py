"""The processes of the sandbox: one group, ended together.

MiniStack starts Lambda bootstraps as plain children that stay in its process
group. The sandbox leads a group of its own, so the group is exactly what it
started.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def lead_group() -> int:
    """Makes this process the leader of its process group; returns the group's id.

    Under a shell with job control it already is, and keeps its terminal, so
    that Ctrl-C arrives. Anywhere else it takes a session of its own.
    """
    if os.getpgrp() != os.getpid():
        os.setsid()
    return os.getpgrp()


def members(group: int) -> list[int]:
    """The ids of all living processes in the group."""
    if not Path("/proc/self/stat").exists():
        listed = subprocess.run(
            ["/bin/ps", "-A", "-o", "pid=,pgid=,stat="], capture_output=True, text=True, check=True
        )
        rows = [line.split() for line in listed.stdout.splitlines()]
        return [int(pid) for pid, pgid, state in rows if pgid == str(group) and state[0] != "Z"]
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The name, in parentheses, may hold anything; the fields follow it.
            state, _parent, pgid = stat.read_text().rpartition(")")[2].split()[:3]
            if pgid == str(group) and state != "Z":
                found.append(int(stat.parent.name))
    return found


def end_members(group: int, spare: int | None = None, grace_seconds: float = 0.5) -> None:
    """Ends every process of the group but `spare`: SIGTERM, then SIGKILL after the grace."""
    deadline = time.monotonic() + grace_seconds
    sign = signal.SIGTERM
    while left := [pid for pid in members(group) if pid != spare]:
        if time.monotonic() > deadline:
            sign = signal.SIGKILL
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sign)
        time.sleep(0.02)


def start_watchdog(group: int, directory: str) -> subprocess.Popen[bytes]:
    """Starts the process that ends the group when this process dies by any means.

    It holds the reading end of a pipe whose writing end nobody else has.
    """
    return subprocess.Popen(
        [sys.executable, "-m", "aws_behaviour.watchdog", str(group), directory],
        cwd=Path(__file__).parent.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
