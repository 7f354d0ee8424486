"""The job that examples/sweep-batch-operations.sh asks for, held against S3 Control's model."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.validate import validate_parameters

SCRIPT = Path(__file__).parents[2] / "examples" / "sweep-batch-operations.sh"
ROLE = "arn:aws-cn:iam::111122223333:role/sweep"
FUNCTION = "arn:aws-cn:lambda:cn-north-1:111122223333:function:check-replica"
# Answers as the AWS CLI would, by the words of the command line; keeps the job that is asked for.
CLI = f"""#!{sys.executable}
import json, os, sys
answers = {{
    "get-caller-identity": "111122223333", "SweepRoleArn": "{ROLE}",
    "EvidenceBucketName": "evidence", "ReplicationStackName": "er",
    "CheckReplicaFunction": "check-replica", "get-function-configuration": "{FUNCTION}",
    "head-object": '"abc"', "create-job": "job-1",
}}
line = " ".join(sys.argv[1:])
print(next(answer for word, answer in answers.items() if word in line))
if "create-job" in line:
    with open(os.environ["JOB"], "w") as file:
        json.dump(sys.argv[1:], file)
"""

pytestmark = pytest.mark.skipif(shutil.which("jq") is None, reason="the script needs jq")


def run(tmp_path: Path, *arguments: str) -> tuple[subprocess.CompletedProcess[str], Path]:
    cli, job = tmp_path / "aws", tmp_path / "job.json"
    cli.write_text(CLI, encoding="utf-8")
    cli.chmod(cli.stat().st_mode | stat.S_IXUSR)
    environment = {
        **os.environ,
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "JOB": str(job),
    }
    done = subprocess.run(
        [str(SCRIPT), *arguments], env=environment, capture_output=True, text=True, check=False
    )
    return done, job


def created(tmp_path: Path, *arguments: str) -> dict[str, Any]:
    """The parameters of the job, valid by the service's model."""
    done, job = run(tmp_path, *arguments)
    assert done.returncode == 0, done.stderr
    assert "Job job-1 has started" in done.stdout
    words = json.loads(job.read_text(encoding="utf-8"))
    assert "--no-confirmation-required" in words
    names = {
        "--account-id": "AccountId",
        "--role-arn": "RoleArn",
        "--operation": "Operation",
        "--report": "Report",
        "--manifest": "Manifest",
        "--manifest-generator": "ManifestGenerator",
        "--client-request-token": "ClientRequestToken",
    }
    parameters: dict[str, Any] = {"Priority": int(words[words.index("--priority") + 1])}
    for option, name in names.items():
        if option in words:
            value = words[words.index(option) + 1]
            parameters[name] = json.loads(value) if value.startswith("{") else value
    model = boto3.client("s3control", region_name="us-west-2").meta.service_model
    validate_parameters(parameters, model.operation_model("CreateJob").input_shape)
    return parameters


def test_replicas_under_a_prefix_go_to_the_checker_and_all_results_into_the_report(
    tmp_path: Path,
) -> None:
    prefix = 'Tax/ü "x" $(y)/'
    job = created(tmp_path, "--bucket", "replicas", "--prefix", prefix)
    assert job["RoleArn"] == ROLE
    invoke = job["Operation"]["LambdaInvoke"]
    assert invoke["FunctionArn"] == FUNCTION
    assert invoke["InvocationSchemaVersion"] == "2.0"
    assert invoke["UserArguments"] == {"PublishCompliant": "false"}
    generator = job["ManifestGenerator"]["S3JobManifestGenerator"]
    assert generator["SourceBucket"] == "arn:aws-cn:s3:::replicas"
    assert generator["Filter"] == {
        "ObjectReplicationStatuses": ["REPLICA"],
        "KeyNameConstraint": {"MatchAnyPrefix": [prefix]},
    }
    assert job["Report"]["ReportScope"] == "AllTasks"
    assert job["Report"]["Bucket"] == "arn:aws-cn:s3:::evidence"


def test_a_manifest_takes_the_place_of_the_list(tmp_path: Path) -> None:
    job = created(
        tmp_path, "--bucket", "replicas", "--manifest", "sweeps/a.csv", "--publish-compliant"
    )
    assert "ManifestGenerator" not in job
    assert job["Manifest"]["Location"] == {
        "ObjectArn": "arn:aws-cn:s3:::evidence/sweeps/a.csv",
        "ETag": "abc",
    }
    assert job["Operation"]["LambdaInvoke"]["UserArguments"] == {"PublishCompliant": "true"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--bucket is missing"),
        (["--bucket"], "--bucket needs a value"),
        (["--buckets", "b"], "unknown option --buckets"),
        (["--bucket", "b", "--prefix", "p", "--manifest", "m"], "--prefix does not go with"),
    ],
)
def test_what_is_not_understood_starts_nothing(
    tmp_path: Path, arguments: list[str], words: str
) -> None:
    done, job = run(tmp_path, *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert not job.exists()
