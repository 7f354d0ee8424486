"""Writes requirements.txt and checkov.txt from the files .in: `python sandbox/lock.py` (needs uv).

Every package is pinned, with the hashes of its files for all platforms.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
NAMES = ["requirements", "checkov"]
COMPILE = ["uv", "pip", "compile", "--universal", "--python-version=3.10", "--generate-hashes"]
# One pinned package: its line, and the indented lines of its hashes and origin.
PIN = re.compile(
    r"^(?P<name>[\w.-]+)(?P<extras>\[[^]]*\])(?P<rest>==.*\n(?:    .*\n)*)", re.MULTILINE
)


def main() -> None:
    """Compiles, then pins packages with extras also by their bare names.

    pip before 24.1 takes `name[extra]==1` for no pin of `name`.
    """
    for name in NAMES:
        options = ["--no-header", "--no-strip-extras", "--upgrade", f"{name}.in"]
        compiled = subprocess.run(
            [*COMPILE, *options], cwd=HERE, check=True, capture_output=True, text=True
        ).stdout
        pinned = PIN.sub(r"\g<name>\g<rest>\g<0>", compiled)
        header = f"# Written by sandbox/lock.py from sandbox/{name}.in.\n"
        (HERE / f"{name}.txt").write_text(header + pinned)


if __name__ == "__main__":
    main()
