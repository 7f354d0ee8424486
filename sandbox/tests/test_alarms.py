"""From a line of the checker's log to a message about an alarm."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from cloud import SOURCE_REGION, Cloud, unique
from installed import ROOT, install
from samcli.yamlhelper import yaml_parse


class Alarm:
    """A log group with a metric filter, an alarm on what it counts, and the topic that it tells."""

    def __init__(self, cloud: Cloud, **changed: Any) -> None:
        self.logs, self.cloudwatch = cloud.client("logs"), cloud.client("cloudwatch")
        self.sqs = cloud.client("sqs")
        self.name = cloud.log_group("alarm")
        self.logs.put_metric_filter(
            logGroupName=self.name,
            filterName="findings",
            filterPattern="{ $.compliant IS FALSE }",
            metricTransformations=[
                {"metricName": self.name, "metricNamespace": "Tests", "metricValue": "1"}
            ],
        )
        topic = cloud.client("sns").create_topic(Name=self.name)["TopicArn"]
        self.queue = cloud.listen(topic)
        settings = {
            "AlarmName": self.name,
            "Namespace": "Tests",
            "MetricName": self.name,
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 0,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
            "AlarmActions": [topic],
        }
        self.cloudwatch.put_metric_alarm(**{**settings, **changed})

    def write(self, *lines: Any) -> None:
        now = int(time.time() * 1000)
        events = [{"timestamp": now, "message": json.dumps(line)} for line in lines]
        self.logs.put_log_events(logGroupName=self.name, logStreamName="s", logEvents=events)

    def state(self) -> str:
        found = self.cloudwatch.describe_alarms(AlarmNames=[self.name])["MetricAlarms"]
        return str(found[0]["StateValue"])

    def told(self) -> list[dict[str, Any]]:
        answer = self.sqs.receive_message(
            QueueUrl=self.queue, WaitTimeSeconds=2, MaxNumberOfMessages=10
        )
        bodies = [json.loads(message["Body"]) for message in answer.get("Messages", [])]
        return [json.loads(body["Message"]) for body in bodies]


def test_a_finding_rings_and_what_is_compliant_does_not(cloud: Cloud) -> None:
    alarm = Alarm(cloud)
    assert alarm.state() == "OK"
    alarm.write({"compliant": True}, {"compliant": None}, "no verdict")
    assert alarm.state() == "OK"
    alarm.write({"compliant": False})
    assert alarm.state() == "ALARM"
    [message] = alarm.told()
    assert (message["AlarmName"], message["NewStateValue"]) == (alarm.name, "ALARM")


def test_it_is_quiet_again_when_the_time_is_over(cloud: Cloud) -> None:
    # The shortest period that an alarm of AWS may have is ten seconds.
    alarm = Alarm(cloud, Period=10)
    alarm.write({"compliant": False})
    assert alarm.state() == "ALARM"
    deadline = time.time() + 20
    while alarm.state() != "OK":
        assert time.time() < deadline
        time.sleep(0.5)


@pytest.mark.parametrize(
    ("missing", "state"),
    [
        ("notBreaching", "OK"),
        ("breaching", "ALARM"),
        ("missing", "INSUFFICIENT_DATA"),
        ("ignore", "INSUFFICIENT_DATA"),
    ],
)
def test_nothing_recorded(cloud: Cloud, missing: str, state: str) -> None:
    assert Alarm(cloud, TreatMissingData=missing).state() == state


def test_one_bad_period_of_three_is_not_three(cloud: Cloud) -> None:
    alarm = Alarm(cloud, EvaluationPeriods=3)
    alarm.write({"compliant": False})
    assert alarm.state() == "OK"


def test_a_message_that_waits_rings_however_lately_its_queue_was_measured(cloud: Cloud) -> None:
    url, arn = cloud.queue(SOURCE_REGION)
    alarm = Alarm(
        cloud,
        Namespace="AWS/SQS",
        MetricName="ApproximateNumberOfMessagesVisible",
        Dimensions=[{"Name": "QueueName", "Value": arn.rpartition(":")[2]}],
        Statistic="Maximum",
    )
    assert alarm.state() == "OK"
    alarm.sqs.send_message(QueueUrl=url, MessageBody="nobody's")
    assert alarm.state() == "ALARM"


def of_template(cloud: Cloud, name: str, **changed: Any) -> Alarm:
    """An alarm of the template on what its metric filters count, and its log group."""
    resources = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))["Resources"]
    settings = resources[name]["Properties"]
    taken = ("Statistic", "Period", "EvaluationPeriods", "Threshold", "ComparisonOperator")
    taken += ("TreatMissingData",)
    alarm = Alarm(cloud, **{**{key: settings[key] for key in taken}, **changed})
    alarm.logs.delete_metric_filter(logGroupName=alarm.name, filterName="findings")
    for logical_id, one in resources.items():
        if one["Type"] != "AWS::Logs::MetricFilter":
            continue
        [counted] = one["Properties"]["MetricTransformations"]
        if counted["MetricName"] == settings["MetricName"]:
            alarm.logs.put_metric_filter(
                logGroupName=alarm.name,
                filterName=logical_id,
                filterPattern=one["Properties"]["FilterPattern"],
                metricTransformations=[
                    {
                        "metricName": alarm.name,
                        "metricNamespace": "Tests",
                        "metricValue": counted["MetricValue"],
                    }
                ],
            )
    return alarm


def expect(alarm: Alarm, state: str) -> None:
    """Waits until an alarm is in a state."""
    deadline = time.time() + 10
    while alarm.state() != state:
        assert time.time() < deadline
        time.sleep(0.2)


PROBE = {"schema": "encrypted-replication/verdict/1", "probe": True}


def test_where_no_probe_gets_its_verdict_an_alarm_rings(cloud: Cloud) -> None:
    # Hours in the template.
    alarm = of_template(cloud, "ProofVerdictsAlarm", EvaluationPeriods=2, Period=1)
    # Nothing is breaching, and so is what says nothing of the way to a verdict.
    assert alarm.state() == "ALARM"
    alarm.write({**PROBE, "verdict": "Gone", "compliant": None})
    alarm.write({**PROBE, "verdict": "NoExpectation", "compliant": None})
    alarm.write({**PROBE, "verdict": "ReplicationFailed", "compliant": False})
    alarm.write({"verdict": "Compliant", "compliant": True})
    assert alarm.state() == "ALARM"
    for line in (
        {**PROBE, "verdict": "Compliant", "compliant": True},
        # Where no replicas are expected: crates/replication/src/proving/mod.rs.
        {"level": "INFO", "fields": {"awaits_replicas": False}},
    ):
        alarm.write(line)
        assert alarm.state() == "OK"
        expect(alarm, "ALARM")


def test_the_template_waits_for_proofs_where_it_schedules_them(cloud: Cloud) -> None:
    proves = {"ProofSchedule": "rate(30 days)", "FindingsEmail": "on-call@example.com"}
    path, name = "template.yaml", unique("proving")
    stack = install(cloud, SOURCE_REGION, name, path, **proves, ProofMaxAgeHours="2")
    of_proofs = {"ProofAlarm", "ProofUndeterminedAlarm", "ProofRule", "ProofPermission"}
    of_verdicts = {"ProofVerdictsAlarm", "ProofVerdictsFilter", "NoReplicasFilter"}
    assert of_proofs | of_verdicts | {"ProofEmailRule", "BlindAlarm"} <= set(stack.resources)
    rule = stack.resources["ProofRule"].split("|")[-1]
    [target] = cloud.client("events").list_targets_by_rule(Rule=rule)["Targets"]
    assert json.loads(target["Input"]) == {"Action": "Prove", "BatchWindowSeconds": 1}
    alarms = cloud.client("cloudwatch").describe_alarms(
        AlarmNames=[stack.resources["ProofVerdictsAlarm"]]
    )
    [alarm] = alarms["MetricAlarms"]
    # Jobs are followed and proofs go on whatever goes by a schedule, and nobody waits for what is
    # not looked for.
    assert {"JobsRule", "ProofContinuesRule"} <= set(stack.resources)
    assert "UnwatchedAlarm" not in stack.resources
    assert (alarm["Period"], alarm["EvaluationPeriods"]) == (3600, 2)
    assert alarm["StateValue"] == "ALARM"
    others = {
        "ProofMaxAgeHours": "0",
        "WatchSchedule": "rate(30 days)",
        "DriftSchedule": "rate(30 days)",
    }
    without = install(cloud, SOURCE_REGION, unique("proving"), path, **proves, **others)
    assert of_proofs | {"UnwatchedAlarm"} <= set(without.resources)
    # Whatever rings is on the dashboard.
    found = cloud.client("cloudwatch").get_dashboard(DashboardName=without.resources["Dashboard"])
    widgets = json.loads(found["DashboardBody"])["widgets"]
    (shown,) = (one["properties"]["alarms"] for one in widgets if one["type"] == "alarm")
    made = {name for key, name in without.resources.items() if key.endswith("Alarm")}
    assert {arn.rpartition(":")[2] for arn in shown} == made
    assert not of_verdicts & set(without.resources)


def test_it_rings_where_the_checker_sees_nothing_but_what_it_may_not_look_at(cloud: Cloud) -> None:
    alarm = of_template(cloud, "BlindAlarm", Period=2)
    blind = {"verdict": "Uninspectable", "compliant": None}
    seen = {"verdict": "Compliant", "observed": {"replicationStatus": "REPLICA"}}
    alarm.write(seen, blind, seen)
    assert alarm.state() == "OK"
    time.sleep(2.1)
    alarm.write(blind, {"verdict": "Gone", "compliant": None})
    assert alarm.state() == "ALARM"
    # Silence is no sight.
    time.sleep(2.1)
    assert alarm.state() == "ALARM"
    alarm.write(seen)
    assert alarm.state() == "OK"


def test_embedded_metrics_count_by_their_dimensions(cloud: Cloud) -> None:
    bucket = unique("bucket")

    def of(name: str, **dimensions: str) -> Alarm:
        listed = [{"Name": key, "Value": value} for key, value in dimensions.items()]
        return Alarm(cloud, Namespace="EncryptedReplication", MetricName=name, Dimensions=listed)

    by_bucket = of("NonCompliant", Bucket=bucket)
    by_both = of("NonCompliant", Bucket=bucket, Verdict="WrongKey")
    others = of("NonCompliant", Bucket="another")
    none = of("ReplicationFailures", Bucket=bucket)
    # As the checker writes it: crates/compliance/src/metrics.rs.
    by_bucket.write(
        {
            "_aws": {
                "Timestamp": int(time.time() * 1000),
                "CloudWatchMetrics": [
                    {
                        "Namespace": "EncryptedReplication",
                        "Dimensions": [["Bucket"], ["Bucket", "Verdict"]],
                        "Metrics": [
                            {"Name": "NonCompliant", "Unit": "Count"},
                            {"Name": "CheckLatency", "Unit": "Milliseconds"},
                        ],
                    }
                ],
            },
            "Bucket": bucket,
            "Verdict": "WrongKey",
            "NonCompliant": 2,
            "CheckLatency": [12, 30],
        }
    )
    states = [alarm.state() for alarm in (by_bucket, by_both, others, none)]
    assert states == ["ALARM", "ALARM", "OK", "OK"]
    latency = cloud.client("cloudwatch", SOURCE_REGION).get_metric_statistics(
        Namespace="EncryptedReplication",
        MetricName="CheckLatency",
        Dimensions=[{"Name": "Bucket", "Value": bucket}],
        StartTime=time.time() - 600,
        EndTime=time.time() + 60,
        Period=3600,
        Statistics=["SampleCount", "Maximum"],
    )
    [point] = latency["Datapoints"]
    assert (point["SampleCount"], point["Maximum"]) == (2, 30)
