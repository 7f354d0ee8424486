"""What becomes of one function ends no invocation of another with the same name."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from cloud import DESTINATION_REGION, SOURCE_REGION, Cloud, unique
from running import eventually

OTHER = "212121212121"

# A function that makes the file that it is given as it begins, and answers two seconds later.
CODE = """
import pathlib, time
def handler(event, _context):
    pathlib.Path(event).touch()
    time.sleep(2)
    return "done"
"""


@pytest.mark.parametrize(
    ("account", "region"), [(OTHER, SOURCE_REGION), ("test", DESTINATION_REGION)]
)
def test_a_stack_that_makes_a_function_ends_none_of_its_name(
    cloud: Cloud, account: str, region: str, tmp_path: Path
) -> None:
    name, begun = unique("function"), tmp_path / "begun"
    role = cloud.function(SOURCE_REGION, name, CODE, Timeout=60)
    functions = cloud.client("lambda")
    answers: list[dict[str, Any]] = []

    def invoke() -> None:
        answer = functions.invoke(FunctionName=name, Payload=json.dumps(str(begun)).encode())
        answers.append({**answer, "said": answer["Payload"].read()})

    invocation = threading.Thread(target=invoke)
    invocation.start()
    assert eventually(begun.exists)

    template = {
        "Resources": {
            "Function": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "FunctionName": name,
                    "Runtime": "python3.12",
                    "Handler": "index.handler",
                    "Role": role,
                    "Code": {"ZipFile": CODE},
                },
            }
        }
    }
    cloudformation = cloud.account(account).client("cloudformation", region)
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=name, WaiterConfig={"Delay": 1}
    )
    invocation.join()
    (answer,) = answers
    assert "FunctionError" not in answer, answer
    assert answer["said"] == b'"done"'
