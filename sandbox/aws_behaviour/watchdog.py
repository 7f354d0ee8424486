"""Outlives the sandbox by a moment: ends what it left running, removes its directory."""

from __future__ import annotations

import shutil
import sys

from aws_behaviour.processes import end_members


def main() -> None:
    """Waits for the end of standard input, which is the end of the sandbox."""
    group, directory = int(sys.argv[1]), sys.argv[2]
    sys.stdin.buffer.read()
    end_members(group, grace_seconds=0.0)
    shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
