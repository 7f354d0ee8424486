"""What an answer has, and whether that is what was expected."""

from __future__ import annotations

import json
import re
from typing import Any

ABSENT = object()
_REFERENCE = re.compile(r"\$\{([a-z_]+)\}")


class UnexpectedError(Exception):
    """An answer that is not as the belief has it."""


class NamelessError(Exception):
    """What a step speaks of was never made."""


def filled_in(value: Any, names: dict[str, Any]) -> Any:
    """The value with each `${name}` replaced; alone in a text, it keeps its type.

    `{json: …}` becomes a text with that document, as policies are.
    """
    if isinstance(value, dict):
        if set(value) == {"json"}:
            return json.dumps(filled_in(value["json"], names))
        # Keys too: the name of a condition may depend on something.
        return {filled_in(key, names): filled_in(one, names) for key, one in value.items()}
    if isinstance(value, list):
        return [filled_in(one, names) for one in value]
    if not isinstance(value, str):
        return value
    alone = _REFERENCE.fullmatch(value)
    if alone:
        return _name(alone[1], names)
    return _REFERENCE.sub(lambda found: str(_name(found[1], names)), value)


def _name(name: str, names: dict[str, Any]) -> Any:
    if name not in names:
        raise NamelessError(f"nothing is called `{name}` here")
    return names[name]


def at(pointer: str, answer: Any) -> Any:
    """What stands there, by JSON pointer (RFC 6901); `ABSENT` where nothing does."""
    for escaped in pointer.split("/")[1:]:
        part = escaped.replace("~1", "/").replace("~0", "~")
        if isinstance(answer, dict):
            answer = answer.get(part, ABSENT)
        elif isinstance(answer, list) and re.fullmatch(r"-?\d+", part):
            answer = answer[int(part)] if -len(answer) <= int(part) < len(answer) else ABSENT
        else:
            return ABSENT
        if answer is ABSENT:
            return ABSENT
    return answer


def is_as(expected: Any, found: Any) -> bool:
    """Whether a value is as expected: the same, or as one of the words says.

    `{like: REGEX}`, `{one_of: [VALUE, …]}`, `{absent: true}`, `{present: true}`.
    """
    if isinstance(expected, dict) and len(expected) == 1:
        ((word, by),) = expected.items()
        match word:
            case "like":
                return found is not ABSENT and re.search(by, str(found)) is not None
            case "one_of":
                return found in by
            case "absent":
                return (found is ABSENT) == by
            case "present":
                return (found is not ABSENT) == by
    return found is not ABSENT and found == expected


def check(expected: dict[str, Any], answer: Any) -> None:
    """Raises `UnexpectedError` for the first pointer where the answer is not as expected."""
    for pointer, value in expected.items():
        found = at(pointer, answer)
        if not is_as(value, found):
            seen = "nothing" if found is ABSENT else json.dumps(found, default=str)
            raise UnexpectedError(f"{pointer} is {seen}, expected {json.dumps(value)}")
