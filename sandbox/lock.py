"""Writes requirements.txt from requirements.in: `python sandbox/lock.py` (needs uv).

Every package is pinned, with the hashes of its files for all platforms.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
HEADER = "# Written by sandbox/lock.py from sandbox/requirements.in.\n"
COMPILE = ["uv", "pip", "compile", "--universal", "--python-version=3.10", "--generate-hashes"]
# One pinned package: its line, and the indented lines of its hashes and origin.
PIN = re.compile(
    r"^(?P<name>[\w.-]+)(?P<extras>\[[^]]*\])(?P<rest>==.*\n(?:    .*\n)*)", re.MULTILINE
)


def main() -> None:
    """Compiles, then pins packages with extras also by their bare names.

    pip before 24.1 takes `name[extra]==1` for no pin of `name`.
    """
    options = ["--no-header", "--no-strip-extras", "--upgrade", "requirements.in"]
    compiled = subprocess.run(
        [*COMPILE, *options], cwd=HERE, check=True, capture_output=True, text=True
    ).stdout
    pinned = PIN.sub(r"\g<name>\g<rest>\g<0>", compiled)
    (HERE / "requirements.txt").write_text(HEADER + pinned)


if __name__ == "__main__":
    main()
