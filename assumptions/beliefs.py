"""The beliefs, as data: read, and held against the form that they are to have."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent
# How sure one may be before it is tried.
SETTLED = {
    "documented": "AWS's documentation says so",
    "reported": "people who ran it on AWS say so",
    "modelled": "AWS's API model says so",
    "inferred": "it follows from what AWS says of something else",
    "open": "nobody says so; what is seen is noted",
}
STEP_WORDS = {
    "as", "assume", "at", "call", "called", "each_minute", "expect", "input", "keep", "measure",
    "message", "none", "refused", "see", "undo", "where", "within",
}  # fmt: skip


@dataclass(frozen=True)
class Belief:
    """One thing that code or documents rest on."""

    name: str
    group: str
    claim: str
    source: list[str]
    settled: str
    relied: list[str]
    either_way: str
    steps: list[dict[str, Any]] = field(default_factory=list)
    # What of the stage it works with: without that it cannot be tried.
    needs: list[str] = field(default_factory=list)
    # Why it cannot be tried at all, or not on this kind of place.
    untried: dict[str, str] = field(default_factory=dict)
    # In US dollars, beside the stage's.
    cost: float = 0.0


def load() -> list[Belief]:
    """All, in the order of their files; raises `ValueError` with the belief's name."""
    found: list[Belief] = []
    for path in sorted((FOLDER / "beliefs").glob("*.yaml")):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        for name, told in content["beliefs"].items():
            try:
                one = Belief(name=name, group=content["group"], **told)
                _check(one, {other.name for other in found})
            except (TypeError, ValueError) as error:
                raise ValueError(f"{path.name}, {name}: {error}") from error
            found.append(one)
    return found


def stage() -> list[dict[str, Any]]:
    """The steps that make what most experiments work with."""
    steps: list[dict[str, Any]] = yaml.safe_load((FOLDER / "stage.yaml").read_text())["steps"]
    for step in steps:
        _check_step(step, {"gives"})
    return steps


def differences() -> dict[str, dict[str, str]]:
    """By implementation and belief: how it differs, and who is right by AWS's documentation."""
    found: dict[str, dict[str, str]] = yaml.safe_load((FOLDER / "differences.yaml").read_text())
    return found


def _check(one: Belief, before: set[str]) -> None:
    if one.name in before:
        raise ValueError("there are two of this name")
    if one.settled not in SETTLED:
        raise ValueError(f"`settled` is none of {', '.join(SETTLED)}")
    if not one.source or not one.relied:
        raise ValueError("a belief has a source, and something that relies on it")
    for path in one.relied:
        if not (ROOT / path.partition("#")[0]).exists():
            raise ValueError(f"there is no `{path}`")
    if bool(one.steps) == ("everywhere" in one.untried):
        raise ValueError("it has steps, or says in `untried` why there are none")
    for step in one.steps:
        _check_step(step, set())
    asks = {"expect", "refused", "see", "message", "measure"}
    if one.steps and not any(asks & step.keys() for step in one.steps):
        raise ValueError("no step of it looks at anything")


def _check_step(step: dict[str, Any], more: set[str]) -> None:
    if unknown := step.keys() - STEP_WORDS - more:
        raise ValueError(f"no step has {', '.join(sorted(unknown))}")
    if sum(word in step for word in ("call", "message", "assume")) != 1:
        raise ValueError("a step is a call, a message or a role to assume")
