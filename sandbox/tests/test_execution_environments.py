"""What becomes of one function ends no invocation of another with the same name."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cloud import DESTINATION_REGION, SOURCE_REGION, Cloud, document, unique
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
    role = cloud.client("iam").create_role(
        RoleName=name,
        AssumeRolePolicyDocument=document(
            {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ),
    )["Role"]
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("index.py", CODE)
    functions = cloud.client("lambda")
    functions.create_function(
        FunctionName=name,
        Runtime="python3.12",
        Handler="index.handler",
        Role=role["Arn"],
        Timeout=60,
        Code={"ZipFile": code.getvalue()},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName=name)
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
                    "Role": role["Arn"],
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
