"""How AWS's models are read: what counts as new there."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

CHECK = Path(__file__).parents[2] / "models" / "check.py"


@pytest.fixture(scope="module")
def check() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check", CHECK)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def model() -> dict[str, Any]:
    return {
        "operations": {
            "PutRule": {"input": {"shape": "Rule"}, "errors": [{"shape": "NoSuchBucket"}]},
            "GetOther": {"input": {"shape": "Other"}},
        },
        "shapes": {
            "Rule": {"members": {"Filter": {"shape": "Filter"}, "All": {"shape": "Rules"}}},
            "Rules": {"member": {"shape": "Rule"}},
            "Filter": {"members": {"Status": {"shape": "Status"}}},
            "Status": {"enum": ["Enabled", "Disabled"]},
            "Other": {"members": {"Secret": {"shape": "Status"}}},
        },
    }


def test_of_an_operation_every_member_value_and_error_is_a_line(check: ModuleType) -> None:
    assert sorted(check.lines_of("s3", model(), {"PutRule"})) == [
        "s3 Filter.Status",
        "s3 PutRule",
        "s3 PutRule fails with NoSuchBucket",
        "s3 Rule.All",
        "s3 Rule.Filter",
        "s3 Status = Disabled",
        "s3 Status = Enabled",
    ]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda m: m["shapes"]["Filter"]["members"].update(Not={"shape": "Status"}), "Filter.Not"),
        (lambda m: m["shapes"]["Status"]["enum"].append("Paused"), "Status = Paused"),
        (lambda m: m["operations"]["PutRule"]["errors"].append({"shape": "Busy"}), "Busy"),
    ],
)
def test_what_is_new_in_use_is_named(check: ModuleType, change: Any, line: str) -> None:
    before, after = model(), model()
    change(after)
    (new,) = set(check.lines_of("s3", after, {"PutRule"})) - set(
        check.lines_of("s3", before, {"PutRule"})
    )
    assert new.endswith(line)


def test_an_operation_is_in_use_by_its_method_or_where_it_is_told(check: ModuleType) -> None:
    texts = ["client.put_rule().send()", 'failed("HeadObject")', "// GetOther, get_other"]
    assert check.in_use(["PutRule", "HeadObject", "GetOther"], texts) == {"PutRule", "HeadObject"}


def test_what_the_functions_call_is_found(check: ModuleType) -> None:
    operations = ["PutBucketReplication", "HeadObject", "GetBucketPolicy", "DeleteObjects"]
    assert check.in_use(operations, check.adapters()) == set(operations[:3])
