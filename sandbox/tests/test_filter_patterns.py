"""Filter patterns: AWS's own examples, and every one that the documents and the template use.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntaxForMetricFilters.html
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cloud import SOURCE_REGION, Cloud, unique
from samcli.yamlhelper import yaml_parse

ROOT = Path(__file__).parents[2]
WRONG = {
    "schema": "encrypted-replication/verdict/1",
    "verdict": "WrongKey",
    "compliant": False,
    "key": "Tax/2026/return.pdf",
}
# AWS's example of a log event in JSON, shortened.
EXAMPLE = {
    "eventType": "UpdateTrail",
    "sourceIPAddress": "111.111.111.111",
    "arrayKey": ["value", "another value"],
    "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}],
    "SomeObject": None,
    "cluster.name": "c",
    "on": True,
}


@pytest.fixture(scope="module")
def group(cloud: Cloud) -> str:
    return cloud.log_group("group")


_clock = iter(range(1_900_000_000_000, 2_000_000_000_000, 1000))


def found(cloud: Cloud, group: str, pattern: str, *messages: Any) -> list[str]:
    """Which of these messages the pattern finds."""
    logs, time = cloud.client("logs"), next(_clock)
    texts = [one if isinstance(one, str) else json.dumps(one) for one in messages]
    events = [{"timestamp": time, "message": text} for text in texts]
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)
    answer = logs.filter_log_events(
        logGroupName=group, startTime=time, endTime=time, filterPattern=pattern
    )
    return [event["message"] for event in answer["events"]]


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ('{ $.eventType = "UpdateTrail" }', True),
        ('{ $.eventType = "Update*" }', True),
        ('{ $.eventType = "Update" }', False),
        ('{ $.eventType != "UpdateTrail" }', False),
        ('{ $.missing != "UpdateTrail" }', False),
        ("{ $.sourceIPAddress != 123.123.* }", True),
        ('{ $.arrayKey[0] = "value" }', True),
        ('{ $.arrayKey[2] = "value" }', False),
        ("{ $.objectList[1].id = 2 }", True),
        ("{ $.objectList[1].id >= 2 && $.objectList[0].id < 1 }", False),
        ("{ $.objectList[1].id >= 2 && ($.objectList[0].id < 1 || $.on IS TRUE) }", True),
        ("{ $.['cluster.name'] = \"c\" }", True),
        ("{ $.SomeObject IS NULL }", True),
        ("{ $.SomeOtherObject NOT EXISTS }", True),
        ("{ $.SomeObject NOT EXISTS }", False),
        ("{ $.on IS FALSE }", False),
        ("{ $.eventType = %^Update% }", True),
    ],
)
def test_patterns_of_json(cloud: Cloud, group: str, pattern: str, matches: bool) -> None:
    assert bool(found(cloud, group, pattern, EXAMPLE, "no JSON")) == matches


@pytest.mark.parametrize(
    ("pattern", "numbers"),
    [
        ("ERROR", [0, 1, 3]),
        ("ERROR ARGUMENTS", [0, 1]),
        ('"INTERNAL SERVER"', [4]),
        ("?ERROR ?INTERNAL", [0, 1, 3, 4]),
        # Beside a term that must be there, those that may be there decide nothing.
        ("?INTERNAL ARGUMENTS", [0, 1]),
        ("ERROR -ARGUMENTS", [3]),
        ("%BAD|SERVER%", [3, 4]),
        ("error", []),
    ],
)
def test_patterns_of_terms(cloud: Cloud, group: str, pattern: str, numbers: list[int]) -> None:
    messages = [
        "[ERROR 400] INVALID ARGUMENTS",
        "[ERROR 420] MISSING ARGUMENTS",
        "WARNING",
        "[ERROR 401] BAD REQUEST",
        "INTERNAL SERVER FAULT",
    ]
    expected = [messages[number] for number in numbers]
    assert found(cloud, group, pattern, *messages) == expected


@pytest.mark.parametrize("pattern", ["{ $.a = }", "{ $.a IS MAYBE }", "{ $.a > x }", "{ $.a = 1"])
def test_what_is_no_pattern_is_refused(cloud: Cloud, group: str, pattern: str) -> None:
    logs = cloud.client("logs")
    with pytest.raises(logs.exceptions.InvalidParameterException):
        logs.filter_log_events(logGroupName=group, filterPattern=pattern)
    with pytest.raises(logs.exceptions.InvalidParameterException):
        logs.put_metric_filter(
            logGroupName=group,
            filterName="f",
            filterPattern=pattern,
            metricTransformations=[{"metricName": "m", "metricNamespace": "n", "metricValue": "1"}],
        )


def printed() -> list[tuple[str, str]]:
    """Every pattern that the documents print, with its page."""
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*.md")]
    option = re.compile(r"--filter-pattern '([^']+)'")
    return [(page.name, one) for page in pages for one in option.findall(page.read_text("utf-8"))]


def test_what_the_documents_filter_by_finds_what_they_say(cloud: Cloud, group: str) -> None:
    lines = [
        WRONG,
        {**WRONG, "compliant": True, "key": "other"},
        {**WRONG, "verdict": "Gone", "compliant": None, "key": "third", "probe": True},
        "message m-1 goes back for another try: throttled",
        "message m-1 cannot be read: no JSON",
        "ERROR cannot start: CHECK_QUEUE_ARN",
        '{"message":"kept","fields":{"kept":"bucket `b` stays: a rule names it"}}',
        "START RequestId: 1",
    ]
    patterns = printed()
    assert len(patterns) >= 4
    for page, pattern in patterns:
        hits = found(cloud, group, pattern, *lines)
        assert 0 < len(hits) < len(lines) - 1, f"{page}: {pattern} finds {hits}"


def test_the_templates_filters_count_the_lines_they_are_about(cloud: Cloud) -> None:
    template = yaml_parse((ROOT / "template.yaml").read_text("utf-8"))["Resources"]
    patterns = {
        name: one["Properties"]["FilterPattern"]
        for name, one in template.items()
        if one["Type"] == "AWS::Logs::MetricFilter"
    }
    group, logs = unique("group"), cloud.client("logs", SOURCE_REGION)
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    compliant = {**WRONG, "verdict": "Compliant", "compliant": True}
    failed = {**WRONG, "verdict": "ReplicationFailed"}
    gone = {**WRONG, "verdict": "Gone", "compliant": None}
    blind = {**WRONG, "verdict": "Uninspectable", "compliant": None}
    replica = {"observed": {"replicationStatus": "REPLICA"}}
    source = {"observed": {"replicationStatus": "COMPLETED"}}
    probe = {"probe": True}

    def awaiting(replicas: bool) -> dict[str, Any]:
        # As the provisioner logs it: crates/replication/src/proving/mod.rs.
        return {"level": "INFO", "fields": {"message": "…", "awaits_replicas": replicas}}

    expected = {
        "FindingsFilter": [WRONG, failed, WRONG | probe],
        "UninspectableFilter": [blind, blind | probe],
        "BlindFilter": [blind, blind | probe],
        "SeeingFilter": [compliant | replica, compliant | replica | probe],
        "RepairedFilter": [compliant | {"repaired": True}],
        "ProofVerdictsFilter": [compliant | replica | probe, WRONG | probe],
        "NoReplicasFilter": [awaiting(False)],
    }
    every = [one for lines in expected.values() for one in lines]
    every += [compliant, gone, gone | source, failed | probe, gone | probe, awaiting(True)]
    every = [one for number, one in enumerate(every) if one not in every[:number]]
    assert set(expected) == set(patterns)
    for name, lines in expected.items():
        hits = found(cloud, group, patterns[name], *every)
        assert sorted(hits) == sorted(json.dumps(line) for line in lines), name
