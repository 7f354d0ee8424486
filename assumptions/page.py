"""Makes docs/ASSUMPTIONS.md of the beliefs and of what was seen last: `page.py`, or `page.py --check`."""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER))

import beliefs  # noqa: E402 beside this file

PAGE = beliefs.ROOT / "docs" / "ASSUMPTIONS.md"
TITLES = {"sandbox": "local cloud", "aws": "AWS"}
INTRODUCTION = """\
# What is believed of AWS

Nothing of this project has run on AWS yet. What code and documents rest on was read: in AWS's \
documentation, in its API models, in what people reported. Each such belief is an experiment in \
[`assumptions/`](../assumptions), and one command tries them all on your own account:

```console
$ cargo xtask assumptions --aws
```

It asks first, takes up to an hour, costs well below 1 USD, and takes away what it made. With `--record` it \
keeps what it saw in `assumptions/recorded/aws.json`, which holds no account number and no id, and belongs \
into a pull request. Without `--aws` the same experiments run in the local cloud, as `cargo xtask test` does; \
with `--endpoint URL --name NAME` at any other implementation, whose differences \
[`differences.yaml`](../assumptions/differences.yaml) explains.

This page is made from the experiments and what they saw last (`cargo xtask reference`).
"""


def made() -> str:
    """The whole page."""
    found = beliefs.load()
    recorded = {path.stem: json.loads(path.read_text()) for path in _recordings()}
    places = sorted({*recorded, "aws", "sandbox"}, key=_order)
    lines = [INTRODUCTION, _summary(found, recorded, places)]
    for group, some in itertools.groupby(found, key=lambda one: one.group):
        lines.append(f"## {group}\n")
        lines += [_told(one, recorded, places) for one in some]
    return "\n".join(lines)


def _recordings() -> list[Path]:
    return sorted((FOLDER / "recorded").glob("*.json"))


def _order(place: str) -> tuple[int, str]:
    return ({"aws": 0, "sandbox": 1}.get(place, 2), place)


def _summary(found: list[beliefs.Belief], recorded: dict[str, Any], places: list[str]) -> str:
    rows = [
        "| tried on | held | did not hold | could not be tried |",
        "|---|---|---|---|",
    ]
    for place in places:
        if place not in recorded:
            rows.append(f"| {TITLES.get(place, place)} | never | | |")
            continue
        results = [
            recorded[place]["results"].get(one.name, {"result": "not tried"})["result"]
            for one in found
        ]
        counts = [results.count(word) for word in ("held", "does not hold", "not tried")]
        day = recorded[place].get("on")
        title = TITLES.get(place, place) + (f", {day}" if day else "")
        rows.append(f"| {title} | {counts[0]} | {counts[1]} | {counts[2]} |")
    settled = [f"*{word}*: {meaning}" for word, meaning in beliefs.SETTLED.items()]
    return "\n".join([f"{len(found)} beliefs. " + "; ".join(settled) + ".\n", *rows, ""])


def _told(one: beliefs.Belief, recorded: dict[str, Any], places: list[str]) -> str:
    sources = ", ".join(f"[{_short(url)}]({url})" for url in one.source)
    relied = ", ".join(f"[`{path}`](../{path})" for path in one.relied)
    lines = [
        f"### {one.name}\n",
        f"{one.claim}\n",
        f"- {one.settled}: {sources}",
        f"- relied on in {relied}",
        f"- either way: {one.either_way}",
    ]
    if one.cost:
        lines.append(f"- costs {one.cost:.2f} USD")
    for place in places:
        lines.append(f"- {TITLES.get(place, place)}: {_outcome(one, recorded.get(place), place)}")
    return "\n".join(lines) + "\n"


def _outcome(one: beliefs.Belief, recording: dict[str, Any] | None, place: str) -> str:
    if "everywhere" in one.untried:
        return f"not tried, as {one.untried['everywhere']}"
    outcome = (recording or {}).get("results", {}).get(one.name)
    if outcome is None:
        return "never tried"
    told = str(outcome["result"])
    if outcome["why"] and outcome["result"] == "not tried":
        told += f", as {one.untried.get(place, outcome['why'])}"
    elif outcome["why"]:
        told += f" (`{outcome['why']}`)"
    if outcome["seen"]:
        seen = (f"{label}: `{json.dumps(value)}`" for label, value in outcome["seen"].items())
        told += "; seen: " + ", ".join(seen)
    difference = beliefs.differences().get(place, {}).get(one.name)
    return f"{told}. {difference}" if difference else told


def _short(url: str) -> str:
    parts = url.removeprefix("https://").split("/")
    if parts[0] == "github.com" and len(parts) > 4:
        return f"{parts[1]}/{parts[2]} {parts[4]}"
    return parts[-1].removesuffix(".html").replace(".html#", "#")


def main() -> int:
    """Writes the page; with `--check`, only says whether it is as it would be made."""
    page = made()
    if "--check" in sys.argv:
        same = PAGE.exists() and PAGE.read_text(encoding="utf-8") == page
        if not same:
            print("docs/ASSUMPTIONS.md is stale: `cargo xtask reference` writes it")
        return 0 if same else 1
    PAGE.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
