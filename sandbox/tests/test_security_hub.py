"""What template.yaml makes of a finding for Security Hub, by its state machine's own expressions.

Nothing here imports findings; what would be sent is held against the service's model and limits.
https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_AwsSecurityFinding.html
"""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.model import ListShape, Shape, StructureShape
from botocore.validate import validate_parameters
from ministack.services import stepfunctions
from samcli.yamlhelper import yaml_parse

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": "us-west-2",
    "AWS::AccountId": "111122223333",
    "AWS::StackName": "encrypted-replication",
}
WRONG_KEY = {
    "version": "0",
    "detail-type": "Replica Finding",
    "source": "encrypted-replication",
    "account": "111122223333",
    "time": "2026-03-02T09:15:01Z",
    "region": "us-west-2",
    "resources": ["arn:aws:s3:::destination/Tax/document1", "arn:aws:s3:::destination"],
    "detail": {
        "schema": "encrypted-replication/verdict/1",
        "id": "0a" * 32,
        "verdict": "WrongKey",
        "compliant": False,
        "bucket": "destination",
        "key": "Tax/document1",
        "versionId": "v1",
        "observed": {
            "algorithm": "aws:kms",
            "kmsKeyArn": "arn:aws:kms:us-west-2:111122223333:key/99999999",
        },
        "reason": "the replica is encrypted with another key",
        "remedy": "correct ReplicaKmsKeyID",
    },
}
FAILED = {
    **WRONG_KEY,
    "detail": {
        "id": "0b" * 32,
        "verdict": "ReplicationFailed",
        "compliant": False,
        "bucket": "source",
        "key": "Tax/document1",
        "versionId": "v1",
        "replication": {"destinationBucket": "destination"},
        "reason": "S3 did not replicate the version",
        "remedy": "enable the key",
    },
}
RESOLVED = {
    **WRONG_KEY,
    "detail-type": "Replica Finding Resolved",
    "time": "2026-03-03T10:00:00Z",
    "detail": {
        **WRONG_KEY["detail"],
        "id": "0c" * 32,
        "verdict": "Compliant",
        "compliant": True,
        "reason": "the replica is encrypted with an expected key",
    },
}
RESOLVED["detail"].pop("remedy")

# By the provisioner, when a job replicated the version: `crates/replication/src/replay/tell.rs`.
REPLAYED = {
    **FAILED,
    "detail-type": "Replica Finding Resolved",
    "time": "2026-03-03T10:00:00Z",
    "detail": {
        "schema": "encrypted-replication/replayed/1",
        "id": "0d" * 32,
        "verdict": "ReplicationFailed",
        "compliant": True,
        "bucket": "source",
        "key": "Tax/document1",
        "versionId": "v1",
        "replication": {"destinationBucket": "destination"},
        "reason": "job 1 of S3 Batch Operations replicated the version, which had failed",
    },
}

REQUIREMENTS = ["NIST.800-53.r5 SC-12", "NIST.800-53.r5 SC-28(1)"]


def resolved(value: Any) -> Any:
    """The template's value with Sub and Ref of pseudo parameters carried out."""
    if isinstance(value, list):
        return [resolved(one) for one in value]
    if not isinstance(value, dict):
        return value
    if list(value) == ["Fn::Sub"]:
        return re.sub(r"\$\{([^}]+)\}", lambda found: PSEUDO[found[1]], value["Fn::Sub"])
    if list(value) == ["Ref"]:
        return PSEUDO[value["Ref"]]
    return {name: resolved(one) for name, one in value.items()}


@pytest.fixture(scope="module")
def states() -> dict[str, Any]:
    template = yaml_parse(TEMPLATE.read_text(encoding="utf-8"))
    definition = template["Resources"]["SecurityHubImport"]["Properties"]["Definition"]
    return dict(resolved(definition)["States"])


def in_java(name: str) -> str:
    """A member's name in the SDK for Java, which is what Step Functions' SDK integrations take: of
    capitals in a row at its start all but the first and the last are small.

    https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
    """
    return re.sub("^([A-Z])([A-Z]+)(?=[A-Z][a-z])", lambda found: found[1] + found[2].lower(), name)


def as_modelled(value: Any, shape: Shape) -> Any:
    """The arguments under the names of the service's model; fails where one is no Java name."""
    if isinstance(shape, ListShape):
        return [as_modelled(one, shape.member) for one in value]
    if isinstance(shape, StructureShape):
        names = {in_java(name): name for name in shape.members}
        return {
            names[key]: as_modelled(one, shape.members[names[key]]) for key, one in value.items()
        }
    return value


def test_names_in_java() -> None:
    names = ["SSEKMSKeyId", "AwsS3Object", "Id", "KmsMasterKeyID"]
    assert [in_java(name) for name in names] == ["SsekmsKeyId", *names[1:]]


def valid(operation: str, arguments: dict[str, Any]) -> None:
    """Fails where the arguments are not those of the service's model."""
    hub = boto3.client("securityhub", region_name="us-west-2")
    shape = hub.meta.service_model.operation_model(operation).input_shape
    validate_parameters(as_modelled(arguments, shape), shape)


def imported(
    states: dict[str, Any], event: dict[str, Any], known: list[dict[str, Any]] | None = None
) -> list[dict[str, Any]]:
    """What would be sent for `event` where Security Hub knows these findings."""
    context: dict[str, Any] = {"QueryLanguage": "JSONata"}
    stepfunctions._apply_state_assign(states["Compose"], event, context)
    asked = stepfunctions._apply_jsonata_arguments(states["Known"], event, context)
    valid("GetFindings", asked)
    ids = [one["Value"] for one in asked["Filters"]["Id"]]
    answer = {"Findings": [one for one in known or [] if one["Id"] in ids]}
    stepfunctions._apply_state_assign(states["Known"], event, context, result=answer)
    return described(states, states["Known"], event, context)


def described(
    states: dict[str, Any],
    came_from: dict[str, Any],
    event: dict[str, Any],
    context: dict[str, Any],
) -> list[dict[str, Any]]:
    assert came_from["Next"] == "Describe"
    passed = stepfunctions._apply_jsonata_output(came_from, event, context)
    assert passed == event
    stepfunctions._apply_state_assign(states["Describe"], passed, context)
    arguments = stepfunctions._apply_jsonata_arguments(states["Import"], passed, context)
    valid("BatchImportFindings", arguments)
    return list(arguments["Findings"])


def finding(states: dict[str, Any], event: dict[str, Any]) -> dict[str, Any]:
    """The finding on the version."""
    return imported(states, event)[0]


def bucket_finding(states: dict[str, Any], event: dict[str, Any]) -> dict[str, Any]:
    """The finding on the bucket."""
    _, second = imported(states, event)
    return second


def at(time: str, event: dict[str, Any]) -> dict[str, Any]:
    return {**event, "time": time}


def test_a_finding_keeps_when_it_was_seen_first(states: dict[str, Any]) -> None:
    first = imported(states, WRONG_KEY)
    began = WRONG_KEY["time"]
    for one in first:
        assert one["CreatedAt"] == one["FirstObservedAt"] == one["LastObservedAt"] == began
    later = "2026-03-02T11:00:00Z"
    for one in imported(states, at(later, WRONG_KEY), first):
        assert one["CreatedAt"] == one["FirstObservedAt"] == began
        assert one["LastObservedAt"] == one["UpdatedAt"] == later
    # Another version in the same bucket: the bucket's finding is the same one.
    other = copy.deepcopy(at(later, WRONG_KEY))
    other["detail"] |= {"key": "another", "versionId": "v2"}
    of_version, of_bucket = imported(states, other, first)
    assert of_version["FirstObservedAt"] == later
    assert (of_bucket["FirstObservedAt"], of_bucket["LastObservedAt"]) == (began, later)
    # The end of a finding does not take its beginning away.
    (ended,) = imported(states, RESOLVED, first)
    assert (ended["FirstObservedAt"], ended["LastObservedAt"]) == (began, RESOLVED["time"])


def test_a_finding_of_before_was_seen_first_when_it_was_made(states: dict[str, Any]) -> None:
    before = [dict(one) for one in imported(states, WRONG_KEY)]
    for one in before:
        del one["FirstObservedAt"]
    for one in imported(states, at("2026-03-02T11:00:00Z", WRONG_KEY), before):
        assert one["FirstObservedAt"] == WRONG_KEY["time"]


def test_what_security_hub_does_not_tell_is_not_made_up(states: dict[str, Any]) -> None:
    context: dict[str, Any] = {"QueryLanguage": "JSONata"}
    stepfunctions._apply_state_assign(states["Compose"], WRONG_KEY, context)
    (caught,) = states["Known"]["Catch"]
    assert caught["ErrorEquals"] == ["States.ALL"]
    stepfunctions._apply_state_assign(caught, WRONG_KEY, context)
    for one in described(states, caught, WRONG_KEY, context):
        assert "FirstObservedAt" not in one
        assert one["CreatedAt"] == one["LastObservedAt"] == WRONG_KEY["time"]


def test_a_finding_is_an_active_failed_check_on_the_object(states: dict[str, Any]) -> None:
    sent = finding(states, WRONG_KEY)
    assert sent["RecordState"] == "ACTIVE"
    assert sent["Compliance"] == {"Status": "FAILED", "RelatedRequirements": REQUIREMENTS}
    assert sent["Severity"] == {"Label": "HIGH", "Original": "WrongKey"}
    assert sent["FindingProviderFields"] == {
        "Severity": sent["Severity"],
        "Types": sent["Types"],
    }
    assert sent["LastObservedAt"] == WRONG_KEY["time"]
    assert sent["Title"] == "WrongKey: destination/Tax/document1"
    assert sent["Description"] == WRONG_KEY["detail"]["reason"]
    assert sent["Remediation"] == {"Recommendation": {"Text": "correct ReplicaKmsKeyID"}}
    assert sent["CreatedAt"] == sent["UpdatedAt"] == WRONG_KEY["time"]
    assert sent["ProductArn"] == (
        "arn:aws:securityhub:us-west-2:111122223333:product/111122223333/default"
    )
    assert sent["Resources"] == [
        {
            "Type": "AwsS3Object",
            "Id": "arn:aws:s3:::destination/Tax/document1",
            "Partition": "aws",
            "Region": "us-west-2",
            "Details": {
                "AwsS3Object": {
                    "VersionId": "v1",
                    "ServerSideEncryption": "aws:kms",
                    "SsekmsKeyId": WRONG_KEY["detail"]["observed"]["kmsKeyArn"],
                }
            },
        }
    ]


def test_the_end_of_a_finding_archives_it_under_its_id(states: dict[str, Any]) -> None:
    before, after = finding(states, WRONG_KEY), finding(states, RESOLVED)
    assert after["Id"] == before["Id"]
    assert after["RecordState"] == "ARCHIVED"
    assert after["Compliance"] == {"Status": "PASSED", "RelatedRequirements": REQUIREMENTS}
    # Others in the bucket may be as they were: about that nothing is said.
    assert len(imported(states, RESOLVED)) == 1
    assert after["Severity"]["Label"] == "INFORMATIONAL"
    assert after["UpdatedAt"] > before["UpdatedAt"]


def test_a_failure_is_archived_when_its_version_was_replicated(states: dict[str, Any]) -> None:
    before, after = finding(states, FAILED), finding(states, REPLAYED)
    assert after["Id"] == before["Id"]
    assert (before["RecordState"], after["RecordState"]) == ("ACTIVE", "ARCHIVED")
    assert after["Compliance"]["Status"] == "PASSED"
    assert after["Severity"] == {"Label": "INFORMATIONAL", "Original": "ReplicationFailed"}
    assert len(imported(states, REPLAYED)) == 1


def test_a_bucket_has_one_finding_for_each_verdict(states: dict[str, Any]) -> None:
    first = bucket_finding(states, WRONG_KEY)
    assert first["Title"] == "WrongKey in bucket destination"
    assert first["Description"] == f"Latest: {WRONG_KEY['detail']['reason']}"
    assert first["Resources"] == [
        {
            "Type": "AwsS3Bucket",
            "Id": "arn:aws:s3:::destination",
            "Partition": "aws",
            "Region": "us-west-2",
        }
    ]
    assert first["RecordState"] == "ACTIVE"
    assert first["Remediation"]["Recommendation"]["Url"].startswith("https://us-west-2.console.")
    later = copy.deepcopy(WRONG_KEY)
    later["time"] = "2026-03-02T10:00:00Z"
    later["detail"] |= {"key": "another", "versionId": "v2", "id": "0d" * 32}
    again = bucket_finding(states, later)
    assert again["Id"] == first["Id"] != finding(states, WRONG_KEY)["Id"]
    assert again["LastObservedAt"] > first["LastObservedAt"]
    other = copy.deepcopy(WRONG_KEY)
    other["detail"]["verdict"] = "WrongAlgorithm"
    ids = {first["Id"], *(bucket_finding(states, event)["Id"] for event in (other, FAILED))}
    assert len(ids) == 3


def test_ids_are_the_versions_and_not_the_deliverys(states: dict[str, Any]) -> None:
    first = finding(states, WRONG_KEY)
    again = finding(states, {**WRONG_KEY, "time": "2026-03-02T09:20:00Z"})
    assert again["Id"] == first["Id"]
    others = [FAILED]
    for name, value in [("bucket", "b"), ("key", "k"), ("versionId", "v2")]:
        other = copy.deepcopy(WRONG_KEY)
        other["detail"][name] = value
        others.append(other)
    ids = {first["Id"], *(finding(states, other)["Id"] for other in others)}
    assert len(ids) == 5


def test_a_failed_replication_needs_nothing_that_it_does_not_have(states: dict[str, Any]) -> None:
    sent = finding(states, FAILED)
    assert sent["Severity"] == {"Label": "MEDIUM", "Original": "ReplicationFailed"}
    assert sent["Resources"][0]["Details"] == {"AwsS3Object": {"VersionId": "v1"}}


def test_long_texts_are_cut_to_what_security_hub_takes(states: dict[str, Any]) -> None:
    event = copy.deepcopy(WRONG_KEY)
    event["detail"] |= {"key": "k" * 1024, "reason": "r" * 2000, "remedy": "m" * 1000}
    event["resources"] = [f"arn:aws:s3:::destination/{'k' * 1024}", "arn:aws:s3:::destination"]
    sent = finding(states, event)
    assert len(sent["Title"]) == 256
    assert len(sent["Description"]) == 1024
    assert len(sent["Remediation"]["Recommendation"]["Text"]) == 512
    assert len(sent["Resources"][0]["Id"]) == 512
    of_bucket = bucket_finding(states, event)
    assert len(of_bucket["Description"]) == 1024
    assert len(of_bucket["Remediation"]["Recommendation"]["Text"]) == 512


@pytest.mark.parametrize(("failed", "state"), [(0, "Imported"), (1, "Refused")])
def test_what_security_hub_refuses_fails_the_execution(
    states: dict[str, Any], failed: int, state: str
) -> None:
    answer = {
        "FailedCount": failed,
        "SuccessCount": 1 - failed,
        "FailedFindings": [{"Id": "i", "ErrorCode": "InvalidInput", "ErrorMessage": "m"}] * failed,
    }
    (rule,) = states["Taken"]["Choices"]
    taken = stepfunctions._evaluate_jsonata_choice_rule(rule, answer, {})
    assert (rule["Next"] if taken else states["Taken"]["Default"]) == state
    if failed:
        cause = stepfunctions._apply_jsonata_template(states["Refused"]["Cause"], answer, {})
        assert "InvalidInput" in cause
