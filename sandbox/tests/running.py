"""Starts the sandbox as a child process and stops it again."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

LAUNCHER = Path(__file__).parent.parent / "launch.py"


@dataclass(frozen=True)
class Sandbox:
    url: str
    process: subprocess.Popen[str]


def launch(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(LAUNCHER), "--port", "0", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


def wait_until_ready(process: subprocess.Popen[str]) -> Sandbox:
    assert process.stdout is not None
    line = process.stdout.readline()
    word, _, url = line.strip().partition(" ")
    assert word == "ready", f"the sandbox said {line!r}"
    return Sandbox(url, process)


@contextlib.contextmanager
def start(*arguments: str) -> Iterator[Sandbox]:
    process = launch("--parent-pipe", *arguments)
    try:
        yield wait_until_ready(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=10) == 0
        assert process.stdout is not None
        process.stdout.close()


def eventually(holds: Callable[[], bool], seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
