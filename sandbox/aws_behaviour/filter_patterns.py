"""CloudWatch Logs' filter patterns, of which MiniStack knows single terms.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from typing import Any

Matcher = Callable[[str], bool]
# Of a line of JSON.
Condition = Callable[[Any], bool]

_TERM = re.compile(r'\s*([?-]?)(?:"((?:[^"\\]|\\.)*)"|%([^%]+)%|([^\s"]+))')
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<sign>&&|\|\||!=|<=|>=|[=<>()])
      | (?P<selector>\$(?:\.[\w*-]+|\[\d+\]|\.?\['[^']+'\])+)
      | "(?P<text>(?:[^"\\]|\\.)*)"
      | %(?P<regex>[^%]+)%
      | (?P<word>[\w.*:/+@-]+)
    )""",
    re.VERBOSE,
)
_STEP = re.compile(r"\.?\['([^']+)'\]|\[(\d+)\]|\.([\w*-]+)")
_MISSING = object()


class PatternError(ValueError):
    """A pattern that CloudWatch Logs refuses, or that this does not know."""


@functools.cache
def compiled(pattern: str) -> Matcher:
    """Which messages a pattern matches."""
    pattern = pattern.strip()
    if not pattern.startswith("{"):
        return _terms(pattern)
    if not pattern.endswith("}"):
        raise PatternError(f"no closing brace in {pattern!r}")
    condition = _Json(pattern[1:-1]).whole()

    def matches(message: str) -> bool:
        try:
            line = json.loads(message)
        except ValueError:
            return False
        return isinstance(line, dict) and condition(line)

    return matches


def matches(pattern: str, message: str) -> bool:
    """Replaces MiniStack's own for subscription filters."""
    return compiled(pattern or "")(message or "")


def _terms(pattern: str) -> Matcher:
    wanted: dict[str, list[Matcher]] = {"": [], "?": [], "-": []}
    place = 0
    while place < len(pattern):
        found = _TERM.match(pattern, place)
        if not found:
            raise PatternError(f"cannot be read from {pattern[place:]!r} on")
        sign, quoted, regex, word = found.groups()
        if regex is not None:
            wanted[sign].append(
                lambda message, regex=re.compile(regex): bool(regex.search(message))
            )
        else:
            text = _plain(quoted) if quoted is not None else word
            wanted[sign].append(lambda message, text=text: text in message)
        place = found.end()

    def matches(message: str) -> bool:
        if any(unwanted(message) for unwanted in wanted["-"]):
            return False
        # With terms that must be there, those that may be there decide nothing.
        if wanted[""]:
            return all(term(message) for term in wanted[""])
        return not wanted["?"] or any(term(message) for term in wanted["?"])

    return matches


def _plain(quoted: str) -> str:
    return re.sub(r"\\(.)", r"\1", quoted)


class _Json:
    """Reads the pattern of a line of JSON, by descent: `||` under `&&` under parentheses."""

    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        place = 0
        text = text.rstrip()
        while place < len(text):
            found = _TOKEN.match(text, place)
            if not found or not found.lastgroup:
                raise PatternError(f"cannot be read from {text[place:]!r} on")
            self.tokens.append((found.lastgroup, found[found.lastgroup]))
            place = found.end()
        self.tokens.reverse()

    def whole(self) -> Condition:
        condition = self.either()
        if self.tokens:
            raise PatternError(f"{self.tokens[-1][1]!r} is one too many")
        return condition

    def next(self, *kinds: str) -> tuple[str, str]:
        kind, text = self.tokens.pop() if self.tokens else ("end", "its end")
        if kind not in kinds:
            raise PatternError(f"{text!r} where {' or '.join(kinds)} belongs")
        return kind, text

    def takes(self, kind: str, text: str) -> bool:
        if self.tokens and self.tokens[-1] == (kind, text):
            self.tokens.pop()
            return True
        return False

    def either(self) -> Condition:
        conditions = [self.both()]
        while self.takes("sign", "||"):
            conditions.append(self.both())
        return lambda line: any(condition(line) for condition in conditions)

    def both(self) -> Condition:
        conditions = [self.one()]
        while self.takes("sign", "&&"):
            conditions.append(self.one())
        return lambda line: all(condition(line) for condition in conditions)

    def one(self) -> Condition:
        if self.takes("sign", "("):
            condition = self.either()
            if not self.takes("sign", ")"):
                raise PatternError("no closing parenthesis")
            return condition
        _, selector = self.next("selector")
        steps = _STEP.findall(selector)
        compare = self.comparison()
        return lambda line: compare(_value(line, steps))

    def comparison(self) -> Condition:
        kind, sign = self.next("sign", "word")
        if kind == "word" and sign == "NOT":
            if self.next("word")[1] != "EXISTS":
                raise PatternError("NOT is followed by EXISTS")
            return lambda value: value is _MISSING
        if kind == "word" and sign == "IS":
            wanted = {"TRUE": True, "FALSE": False, "NULL": None}
            word = self.next("word")[1]
            if word not in wanted:
                raise PatternError(f"IS is followed by {', '.join(wanted)}, not {word!r}")
            return lambda value: value is wanted[word]
        kind, text = self.next("text", "word", "regex")
        if sign in {"=", "!="}:
            equal = _equality(kind, text)
            # What is not there is unequal to nothing.
            return equal if sign == "=" else lambda v: v is not _MISSING and not equal(v)
        return _order(sign, text)


def _value(line: Any, steps: list[tuple[str, str, str]]) -> Any:
    for quoted, index, name in steps:
        if index:
            line = (
                line[int(index)] if isinstance(line, list) and int(index) < len(line) else _MISSING
            )
        else:
            line = line.get(quoted or name, _MISSING) if isinstance(line, dict) else _MISSING
    return line


def _equality(kind: str, text: str) -> Condition:
    if kind == "regex":
        regex = re.compile(text)
        return lambda value: isinstance(value, str) and bool(regex.search(value))
    number = _number(text) if kind == "word" else None
    parts = (re.escape(_plain(part)) for part in re.split(r"(?<!\\)\*", text))
    whole = re.compile(".*".join(parts), re.DOTALL)

    def equal(value: Any) -> bool:
        if isinstance(value, bool) or value is None or value is _MISSING:
            return False
        if isinstance(value, str):
            return bool(whole.fullmatch(value))
        return number is not None and isinstance(value, (int, float)) and value == number

    return equal


def _order(sign: str, text: str) -> Condition:
    bound = _number(text)
    if bound is None:
        raise PatternError(f"{sign} compares numbers, and {text!r} is none")
    compare: dict[str, Callable[[float, float], bool]] = {
        "<": lambda a, b: a < b,
        "<=": lambda a, b: a <= b,
        ">": lambda a, b: a > b,
        ">=": lambda a, b: a >= b,
    }
    if sign not in compare:
        raise PatternError(f"{sign!r} where a comparison belongs")

    def holds(value: Any) -> bool:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return is_number and compare[sign](value, bound)

    return holds


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
