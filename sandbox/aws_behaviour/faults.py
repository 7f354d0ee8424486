"""Faults on demand: answers that fail, processes that die, events that come twice or late.

Nothing happens until `PUT /_sandbox/faults` asks for it, and nothing more after `DELETE`. All is
drawn from the seed, in the order in which calls, invocations and events come. `GET` tells what was
done.
"""

from __future__ import annotations

import hashlib
import random
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

# One in so many of each operation's answers fails, and of the invocations as many are to die.
EVERY = 10
# A fault of a request that stays: the same request fails so many times more, which outlasts the
# three tries of an SDK and one more before them.
STAYS = 3
# One in so many faults stays.
STAYING = 5
# One in so many events comes twice; one in so many is held back, for at most so long.
TWICE = 20
LATE = 5
LATEST_SECONDS = 2.0

THROTTLE, INTERNAL, UNAVAILABLE, TIMEOUT, CUT = KINDS = (
    "throttle",
    "internal",
    "unavailable",
    "timeout",
    "cut",
)


@dataclass(frozen=True)
class Fault:
    """How one answer fails; `after` where the call takes effect all the same."""

    kind: str
    after: bool


class OneInTen:
    """One of each ten, at a place drawn anew for each ten."""

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw
        self._seen = 0
        self._place = 0

    def next(self) -> bool:
        at = self._seen % EVERY
        if at == 0:
            self._place = self._draw.randrange(EVERY)
        self._seen += 1
        return at == self._place


class Schedule:
    """The faults of one operation's answers: in each ten one, all kinds equally often.

    What stays with a request is taken from the tens that follow.
    """

    def __init__(self, seed: int, operation: str) -> None:
        self._draw = random.Random(f"{seed} {operation}")  # noqa: S311  nothing secret
        self._turns = OneInTen(self._draw)
        self._kinds: list[str] = []
        self._staying: dict[str, int] = {}
        self._ahead = 0

    def next(self, request: str) -> Fault | None:
        """The fault of the next answer; `request` is the same for each try of the same call."""
        turn = self._turns.next()
        if left := self._staying.pop(request, 0):
            if left > 1:
                self._staying[request] = left - 1
            self._ahead += not turn
            return self._fault()
        if not turn:
            return None
        if self._ahead:
            self._ahead -= 1
            return None
        if self._draw.randrange(STAYING) == 0:
            self._staying[request] = STAYS
        return self._fault()

    def _fault(self) -> Fault:
        if not self._kinds:
            self._kinds = self._draw.sample(KINDS, len(KINDS))
        return Fault(self._kinds.pop(), self._draw.random() < 0.5)


@dataclass
class Told:
    """What was done so far."""

    answers: Counter[str] = field(default_factory=Counter)
    faults: dict[str, Counter[str]] = field(default_factory=dict)
    events: Counter[str] = field(default_factory=Counter)
    invocations: Counter[str] = field(default_factory=Counter)

    def as_json(self) -> dict[str, Any]:
        return {
            "answers": dict(self.answers),
            "faults": {operation: dict(kinds) for operation, kinds in self.faults.items()},
            "events": dict(self.events),
            "invocations": dict(self.invocations),
        }


class Faults:
    """What is to go wrong for one function, by a seed."""

    def __init__(self, seed: int, function: str) -> None:
        self.seed = seed
        self.function = function
        self.told = Told()
        self._schedules: dict[str, Schedule] = {}
        self._lock = threading.Lock()
        self._events = random.Random(f"{seed} events")  # noqa: S311
        self._deaths = random.Random(f"{seed} deaths")  # noqa: S311
        self._dying = OneInTen(self._deaths)

    def answer(self, operation: str, request: bytes) -> Fault | None:
        """The fault of the answer to this request, if it has one."""
        with self._lock:
            schedule = self._schedules.setdefault(operation, Schedule(self.seed, operation))
            fault = schedule.next(hashlib.sha256(request).hexdigest())
            self.told.answers[operation] += 1
            if fault is not None:
                self.told.faults.setdefault(operation, Counter())[fault.kind] += 1
            return fault

    def deliveries(self) -> list[float]:
        """After how many seconds an event comes, for each time that it comes."""
        with self._lock:
            times = 2 if self._events.randrange(TWICE) == 0 else 1
            waits = [self._wait() for _ in range(times)]
            self.told.events["delivered"] += 1
            self.told.events["twice"] += times - 1
            self.told.events["late"] += sum(wait > 0 for wait in waits)
            return waits

    def _wait(self) -> float:
        return self._events.uniform(0, LATEST_SECONDS) if self._events.randrange(LATE) == 0 else 0.0

    def death(self) -> float | None:
        """Where in its usual time the next invocation is to die, from 0 to 1."""
        with self._lock:
            return self._deaths.random() if self._dying.next() else None

    def invoked(self, **counts: int) -> None:
        with self._lock:
            self.told.invocations.update(counts)


_current: Faults | None = None
_last = Told()


def current() -> Faults | None:
    """What is to go wrong at the moment; nothing where nobody asked for it."""
    return _current


def begin(seed: int, function: str) -> None:
    global _current, _last
    _current = Faults(seed, function)
    _last = _current.told


def end() -> None:
    global _current
    _current = None


def told() -> Told:
    """Of the faults at the moment, or of those that were ended last."""
    return _last
