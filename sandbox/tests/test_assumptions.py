"""How experiments are done and told: on answers made up here, and on the page made of them."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

FOLDER = Path(__file__).parents[2] / "assumptions"
sys.path.insert(0, str(FOLDER))

import beliefs  # noqa: E402 not a package
import page  # noqa: E402
from looking import ABSENT, NamelessError, UnexpectedError, at, check, filled_in, is_as  # noqa: E402
from steps import Place, Run  # noqa: E402


class Script:
    """A client that answers what it is told to, and keeps what it was asked."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.asked = list(answers), []

    def create_client(self, service: str, **_: Any) -> Script:
        return self

    def _make_api_call(self, operation: str, given: dict[str, Any]) -> dict[str, Any]:
        self.asked.append((operation, given))
        answer = self.answers.pop(0) if self.answers else {}
        if isinstance(answer, str):
            response = {"Error": {"Code": answer, "Message": "no"}, "ResponseMetadata": {}}
            raise ClientError(response, operation)
        return dict(answer)


def run(*answers: Any, **names: Any) -> tuple[Run, Script]:
    script = Script(*answers)
    place = Place(script, "http://nowhere", {"here": "us-east-1", "there": "us-west-2"}, None, 0.0)
    return Run(place, names), script


def test_names_are_filled_in_and_alone_keep_their_type() -> None:
    names = {"a": "x", "number": 7}
    given = {"one": "${a}-${number}", "all": ["${number}"], "key ${a}": {"json": {"in": "${a}"}}}
    assert filled_in(given, names) == {"one": "x-7", "all": [7], "key x": '{"in": "x"}'}
    with pytest.raises(NamelessError):
        filled_in("${absent}", names)


@pytest.mark.parametrize(
    ("expected", "found", "same"),
    [
        ("a", "a", True),
        ("a", "b", False),
        ("a", ABSENT, False),
        ({"like": "^a.c$"}, "abc", True),
        ({"like": "^a.c$"}, "abd", False),
        ({"like": "."}, ABSENT, False),
        ({"one_of": ["a", "b"]}, "b", True),
        ({"one_of": ["a", "b"]}, "c", False),
        ({"absent": True}, ABSENT, True),
        ({"absent": True}, None, False),
        ({"present": True}, "x", True),
        ({"present": True}, ABSENT, False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
    ],
)
def test_what_is_expected(expected: Any, found: Any, same: bool) -> None:
    assert is_as(expected, found) is same


def test_pointers_reach_into_lists_and_say_what_was_seen() -> None:
    answer = {"Rules": [{"a/b": 1}, {"c": None}]}
    assert at("/Rules/0/a~1b", answer) == 1
    assert at("/Rules/1/c", answer) is None
    assert at("/Rules/2", answer) is ABSENT
    with pytest.raises(UnexpectedError, match="/Rules/0/a~1b is 1, expected 2"):
        check({"/Rules/0/a~1b": 2}, answer)


def test_a_refusal_that_is_expected_holds_and_any_other_answer_does_not() -> None:
    step = {"call": "s3:HeadObject", "refused": "403"}
    run("403")[0].do(step)
    for answer, why in (("404", "refused with 404"), ({}, "was not refused")):
        with pytest.raises(UnexpectedError, match=why):
            run(answer)[0].do(step)
    with pytest.raises(UnexpectedError, match="refused with 403"):
        run("403")[0].do({"call": "s3:HeadObject"})


def test_what_was_made_is_taken_away_in_reverse_whatever_fails() -> None:
    one, script = run({"Arn": "k"}, {}, "AccessDenied", "NoSuchBucket", {})
    one.do(
        {
            "call": "kms:CreateKey",
            "keep": {"key": "/Arn"},
            "undo": [{"call": "kms:ScheduleKeyDeletion", "input": {"KeyId": "${key}"}}],
        }
    )
    undo = [{"call": "s3:DeleteBucket", "input": {"Bucket": name}} for name in ("b", "c")]
    undo.append({"call": "s3:DeleteBucket", "input": {"Bucket": "${never}"}})
    one.do({"call": "s3:CreateBucket", "undo": undo})
    left = one.take_away()
    assert script.asked[2:] == [
        ("DeleteBucket", {"Bucket": "c"}),
        ("DeleteBucket", {"Bucket": "b"}),
        ("ScheduleKeyDeletion", {"KeyId": "k"}),
    ]
    # The one that was refused is told, the one that was gone is not.
    assert len(left) == 1
    assert left[0].startswith('s3:DeleteBucket {"Bucket": "c"}')


def test_what_is_made_by_a_call_that_fails_is_taken_away_too() -> None:
    one, script = run("RequestTimeout")
    undo = [{"call": "s3:DeleteBucket", "input": {"Bucket": "b"}}]
    with pytest.raises(UnexpectedError):
        one.do({"call": "s3:CreateBucket", "undo": undo})
    assert one.take_away() == []
    assert script.asked[-1] == ("DeleteBucket", {"Bucket": "b"})


def test_the_beliefs_are_as_their_form_says_and_forty_at_least() -> None:
    found = beliefs.load()
    assert len(found) >= 40
    beliefs.stage()
    known = {one.name for one in found}
    for noted in beliefs.differences().values():
        assert noted.keys() <= known


def test_the_page_is_as_the_experiments_and_recordings_make_it() -> None:
    assert page.PAGE.read_text(encoding="utf-8") == page.made(), "`cargo xtask reference` writes it"


@pytest.mark.parametrize("path", sorted((FOLDER / "recorded").glob("*.json")), ids=lambda p: p.stem)
def test_a_recording_names_no_account_and_no_key(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    json.loads(text)
    accounts = set(re.findall(r"\b[0-9]{12}\b", text)) - {"111122223333", "999988887777"}
    assert accounts == set()
    assert not re.search(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b|[0-9a-f]{8}-[0-9a-f]{4}-", text)
