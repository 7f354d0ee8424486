"""Tries the beliefs: `run.py sandbox`, `run.py NAME --endpoint URL`, `run.py aws`.

Everything is made under names of its own and taken away again. Prints a line for each belief, and
ends with 0 only if all hold that can be tried there, or differ as differences.yaml says. With
`--record`, what was seen is written to recorded/NAME.json, of which docs/ASSUMPTIONS.md is made.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import secrets
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER))
REGIONS = {"here": "us-east-1", "there": "us-west-2"}
# Seconds that anything is waited for where nothing takes minutes, as on a stand-in.
PATIENCE = 12.0
AT_ONCE = 6


@dataclass
class Outcome:
    """What came of one belief."""

    result: str
    why: str = ""
    seen: dict[str, Any] = field(default_factory=dict)


def main() -> int:
    """Runs; returns the exit status."""
    options = _options()
    sys.path.insert(0, str(options.site))
    import beliefs
    from steps import Run

    place = _place(options)
    if options.endpoint is None and not _agreed(place, options.yes):
        print("Nothing was made.")
        return 1
    suffix = secrets.token_hex(4)
    chosen = [one for one in beliefs.load() if options.only in one.name]
    stage = Run(place, {"suffix": suffix, "region": REGIONS["here"], "there": REGIONS["there"]})
    outcomes: dict[str, Outcome] = {}
    left: list[str] = []
    try:
        with _ending(place):
            _set(stage, beliefs.stage())
            with ThreadPoolExecutor(AT_ONCE) as pool:
                tried = pool.map(lambda one: _try(one, options.place, stage, left), chosen)
                for one, outcome in zip(chosen, tried, strict=True):
                    outcomes[one.name] = outcome
                    print(f"{outcome.result:<14} {one.name:<44} {outcome.why}"[:400], flush=True)
    except KeyboardInterrupt:
        print("stopped; taking away what was made", file=sys.stderr)
    finally:
        place.stopped.set()
        left += stage.take_away()
        for what in left:
            print(f"LEFT BEHIND: {what}"[:400], file=sys.stderr)
    if len(outcomes) < len(chosen):
        return 1
    noted = beliefs.differences().get(options.place, {})
    others = [
        name
        for name, outcome in outcomes.items()
        if (outcome.result == "does not hold") != (name in noted) and outcome.result != "not tried"
    ]
    for name in others:
        print(f"{name}: {'not so' if name not in noted else 'noted as not so, and it is'}")
    counts = {r: sum(o.result == r for o in outcomes.values()) for r in RESULTS}
    print(", ".join(f"{count} {result}" for result, count in counts.items()))
    if options.record:
        _record(options.place, outcomes, [(suffix, "EXAMPLE"), *_accounts(stage)])
    # A stand-in ends, with what is left in it.
    return 1 if others or (left and options.endpoint is None) else 0


WHAT_IT_TAKES = """
This makes, in account {account} as {caller}, in us-east-1 and us-west-2, all under names that begin
with `assumptions-`: a dozen buckets with some small objects, a dozen KMS keys, queues, event rules,
a topic, a parameter, two workgroups and a database for Athena, and roles that may use these. It
takes up to an hour, as S3 replicates when it likes, costs well below 1 USD (keys by the hour, some
hundred requests), and takes all away again: of the keys the deletion is scheduled, in 7 days.
Ctrl-C ends it early, and tidies up too.
"""
RESULTS = ("held", "does not hold", "not tried")


@contextlib.contextmanager
def _ending(place: Any) -> Iterator[None]:
    """Ctrl-C and the like end what is waited for in other threads; then they tidy up."""

    def stop(*_: Any) -> None:
        place.stopped.set()
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("place", help="what the results are kept as: sandbox, aws or a name")
    parser.add_argument("--endpoint", help="the address of every service; none on AWS")
    parser.add_argument("--site", type=Path, required=True, help="where the newest botocore is")
    parser.add_argument("--only", default="", help="only beliefs with this in their names")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    return parser.parse_args()


def _place(options: argparse.Namespace) -> Any:
    import botocore.session
    from botocore.config import Config

    from steps import Place

    standing_in = options.endpoint is not None
    config = Config(
        # An endpoint is at one address for all buckets.
        s3={"addressing_style": "path"} if standing_in else {},
        retries={"mode": "standard", "max_attempts": 1 if standing_in else 4},
        max_pool_connections=2 * AT_ONCE,
    )
    session = botocore.session.get_session()
    patience = PATIENCE if standing_in else None
    return Place(session, options.endpoint, REGIONS, config, patience)


def _agreed(place: Any, yes: bool) -> bool:
    """Says what is about to be made, and asks the one who pays for it."""
    caller = place.client("sts", "here", "administrator").get_caller_identity()
    print(WHAT_IT_TAKES.format(account=caller["Account"], caller=caller["Arn"]))
    if yes:
        return True
    if not sys.stdin.isatty():
        print("nobody is there to ask; `--yes` goes on without asking", file=sys.stderr)
        return False
    return input("Go on? [y/N] ").strip() in ("y", "Y", "yes")


def _set(stage: Any, steps: list[dict[str, Any]]) -> None:
    """Makes what the experiments share. Those that need what cannot be made are not tried."""
    from looking import NamelessError, UnexpectedError
    from steps import CannotBeTriedError

    for step in steps:
        try:
            stage.do(step)
        except (UnexpectedError, NamelessError, CannotBeTriedError) as error:
            print(f"the stage lacks something: {error}", file=sys.stderr)
        else:
            for name in step.get("gives", []):
                stage.names[name] = True


def _try(one: Any, place: str, stage: Any, left: list[str]) -> Outcome:
    from looking import NamelessError, UnexpectedError
    from steps import CannotBeTriedError, Run

    why = one.untried.get("everywhere") or one.untried.get(place)
    missing = [need for need in one.needs if need not in stage.names]
    if why or missing:
        return Outcome("not tried", why or f"the stage has no {', '.join(missing)}")
    run = Run(stage.place, dict(stage.names))
    try:
        for step in one.steps:
            run.do(step)
    except UnexpectedError as unexpected:
        return Outcome("does not hold", str(unexpected), run.seen)
    except (CannotBeTriedError, NamelessError) as error:
        return Outcome("not tried", str(error), run.seen)
    except Exception as error:
        # One that breaks keeps none of the others from being tried.
        return Outcome("not tried", repr(error)[:200], run.seen)
    else:
        return Outcome("held", "", run.seen)
    finally:
        left += run.take_away()


def _accounts(stage: Any) -> list[tuple[str, str]]:
    account = stage.names.get("account")
    return [(account, "111122223333")] if account else []


def _record(place: str, outcomes: dict[str, Outcome], hidden: list[tuple[str, str]]) -> None:
    """Writes what was seen, without names, accounts and ids that say nothing to others."""
    day = {"on": time.strftime("%Y-%m-%d", time.gmtime())} if place == "aws" else {}
    results = {name: asdict(outcome) for name, outcome in sorted(outcomes.items())}
    text = json.dumps({**day, "results": results}, indent=1, default=str, ensure_ascii=False)
    for old, new in hidden:
        text = text.replace(old, new)
    text = re.sub(r"(mrk-)?[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", r"\1ID", text)
    text = re.sub(r"\b127\.0\.0\.1:[0-9]+", "127.0.0.1", text)
    text = re.sub(r"\bAROA[0-9A-Z]+", "AROAEXAMPLE", text)
    path = FOLDER / "recorded" / f"{place}.json"
    path.write_text(text + "\n", encoding="utf-8")
    print(f"recorded in {path}")


if __name__ == "__main__":
    sys.exit(main())
