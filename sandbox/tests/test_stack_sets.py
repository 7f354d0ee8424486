"""The template for stack sets: no macro, no lint, and the same stack as with SAM's transform."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

from cloud import DESTINATION_REGION, Cloud, unique
from installed import ROOT, SESSION, deploy, install

ARCHITECTURE = "arm64"
# As StackSets makes it from the set's name.
STACK = "StackSet-encrypted-replication-d0a825a3-8bb5-4f0b-ac1a-72bb0b24c2cc"


@cache
def expanded() -> str:
    """The template of a release for stack sets."""
    command = [sys.executable, "sandbox/expand.py", "template.yaml", "--stack-sets", ARCHITECTURE]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def release(cloud: Cloud, region: str, prefix: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The template, the zips that it names in a bucket of the Region, and the parameters for them.

    A function in Python is in the place of each, as it can be run.
    """
    s3 = cloud.client("s3", region)
    bucket = f"{prefix}-{region}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", SESSION)
    for function in ("provision-replication", "check-replica"):
        key = f"1.0/{function}-{ARCHITECTURE}.zip"
        s3.put_object(Bucket=bucket, Key=key, Body=packed.getvalue())
    found: dict[str, Any] = json.loads(expanded())
    for resource in found["Resources"].values():
        if resource["Type"] == "AWS::Lambda::Function":
            resource["Properties"] |= {"Handler": "index.handler", "Runtime": "python3.12"}
    return found, {"CodeBucketPrefix": prefix, "CodePrefix": "1.0/"}


def test_it_has_no_macro_and_no_lint(tmp_path: Path) -> None:
    template = expanded()
    found = json.loads(template)
    assert "Transform" not in found
    assert "Fn::Transform" not in template
    assert [r for r in found["Resources"].values() if "Serverless" in r["Type"]] == []
    path = tmp_path / "template.json"
    path.write_text(template)
    lint = Path(sys.executable).parent / "cfn-lint"
    finished = subprocess.run([lint, path], check=False, capture_output=True, text=True)
    assert (finished.returncode, finished.stdout) == (0, "")


def test_it_deploys_without_sams_transform_what_the_sam_template_deploys(cloud: Cloud) -> None:
    region = DESTINATION_REGION
    found, code = release(cloud, region, unique("code"))
    made = deploy(cloud, region, STACK, found, **code)
    by_sam = install(cloud, region, "by-sam", "template.yaml")
    assert made.resources.keys() == by_sam.resources.keys()
    # Functions and exports have the same name in each account, whatever the stack's is.
    exports = cloud.client("cloudformation", region).list_exports()["Exports"]
    assert "encrypted-replication-ServiceToken" in [export["Name"] for export in exports]
    assert made.resources["CheckReplica"] == "encrypted-replication-check-replica"
    assert made.outputs.keys() == by_sam.outputs.keys()
    assert made.session("CheckReplica").client("sts").get_caller_identity()["Account"]
