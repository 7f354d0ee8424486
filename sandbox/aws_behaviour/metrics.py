"""Metrics made of log lines and of queues, and alarms that go by them.

MiniStack keeps metric filters and embedded metrics and does nothing by them, measures no queue, and
its alarms look neither at dimensions nor at what is missing.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/MonitoringLogData.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch, cloudwatch_logs, sqs

from aws_behaviour import filter_patterns, subscriptions

# Queues are measured when an alarm looks at them, and where nothing has changed no more often than
# this: each minute on AWS.
BETWEEN_MEASURES = 0.5

# MiniStack's own functions, taken before they are replaced.
_fanout: Callable[..., None] = cloudwatch_logs._fanout_to_subscription_filters
_describe_alarms: Callable[..., Any] = cloudwatch._describe_alarms
_put_metric_filter: Callable[..., Any] = cloudwatch_logs._put_metric_filter
_filter_log_events: Callable[..., Any] = cloudwatch_logs._filter_log_events


def fanout_to_subscription_filters(
    group_name: str, stream_name: str, events: list[dict[str, Any]]
) -> None:
    """Replaces CloudWatch Logs': every line that is written comes through here."""
    messages = [str(event.get("message", "")) for event in events]
    written = 0
    for message in messages:
        written += _embedded(message)
    written += _filtered(group_name, messages)
    if written:
        cloudwatch._evaluate_all_alarms()
    _fanout(group_name, stream_name, events)
    subscriptions.send(group_name, stream_name, events)


def put_metric_filter(data: dict[str, Any]) -> Any:
    """Replaces CloudWatch Logs': a pattern that cannot be read is refused."""
    return _refusing(_put_metric_filter, data, data.get("filterPattern", ""))


def filter_log_events(data: dict[str, Any]) -> Any:
    """Replaces CloudWatch Logs', the same."""
    return _refusing(_filter_log_events, data, data.get("filterPattern", ""))


def _refusing(call: Callable[..., Any], data: dict[str, Any], pattern: str) -> Any:
    try:
        filter_patterns.compiled(pattern)
    except filter_patterns.PatternError as error:
        message = f"Invalid filter pattern: {error}"
        return cloudwatch_logs.error_response_json("InvalidParameterException", message, 400)
    return call(data)


def _embedded(message: str) -> int:
    """Records the metrics of a line in the embedded metric format; returns how many."""
    if '"_aws"' not in message:
        return 0
    try:
        line = json.loads(message)
        directives = line["_aws"]["CloudWatchMetrics"]
    except (ValueError, KeyError, TypeError):
        return 0
    written = 0
    for directive in directives:
        for names in directive["Dimensions"]:
            dimensions = {name: str(line[name]) for name in names}
            for metric in directive["Metrics"]:
                value = line.get(metric["Name"])
                for one in value if isinstance(value, list) else [value]:
                    if isinstance(one, (int, float)):
                        unit = metric.get("Unit", "None")
                        _record(directive["Namespace"], metric["Name"], one, unit, dimensions)
                        written += 1
    return written


def _filtered(group_name: str, messages: list[str]) -> int:
    """Records what the group's metric filters count; returns how many values."""
    written = 0
    for found in list(cloudwatch_logs._metric_filters.values()):
        if found["logGroupName"] != group_name:
            continue
        matches = filter_patterns.compiled(found["filterPattern"])
        for transformation in found["metricTransformations"]:
            default = transformation.get("defaultValue")
            for message in messages:
                value = transformation["metricValue"] if matches(message) else default
                if value is None:
                    continue
                unit = transformation.get("unit", "None")
                name = transformation["metricName"]
                _record(transformation["metricNamespace"], name, float(value), unit, {})
                written += 1
    return written


def _record(namespace: str, name: str, value: float, unit: str, dimensions: dict[str, str]) -> None:
    cloudwatch.record_metric(namespace, name, value, unit, dimensions)


def describe_alarms(*arguments: Any, **named: Any) -> Any:
    """Replaces CloudWatch's: time alone changes the state of an alarm too."""
    cloudwatch._evaluate_all_alarms()
    return _describe_alarms(*arguments, **named)


def evaluate_alarm(alarm: dict[str, Any]) -> None:
    """Replaces CloudWatch's. The periods end now, where AWS's lie on the clock."""
    if not alarm.get("MetricName"):
        return
    needed = alarm.get("DatapointsToAlarm") or alarm["EvaluationPeriods"]
    missing = alarm.get("TreatMissingData") or "missing"
    values = list(_datapoints(alarm))
    known = [value for value in values if value is not None]
    if not known and missing in {"missing", "ignore"}:
        if missing == "missing":
            _change(alarm, "INSUFFICIENT_DATA", "no datapoints were received")
        return
    bad = [value for value in known if _is_beyond(alarm, value)]
    counted = len(bad) + (values.count(None) if missing == "breaching" else 0)
    shown = f"{alarm['Statistic']} of {alarm['MetricName']}: {known}"
    _change(alarm, "ALARM" if counted >= needed else "OK", shown)


def _datapoints(alarm: dict[str, Any]) -> Iterator[float | None]:
    """The statistic of each period that counts, the latest first; None where there is nothing."""
    dimensions = {one["Name"]: one["Value"] for one in alarm.get("Dimensions") or []}
    key = (alarm["Namespace"], alarm["MetricName"], cloudwatch._dims_key(dimensions))
    if alarm["Namespace"] == "AWS/SQS":
        _measure(key, dimensions)
    end = time.time()
    first = end - alarm["Period"] * alarm["EvaluationPeriods"]
    # In the order of their time: what was recorded long ago is not looked at each time.
    latest = reversed(cloudwatch._metrics.get(key) or [])
    points = list(itertools.takewhile(lambda point: point["Timestamp"] > first, latest))
    statistic = alarm.get("ExtendedStatistic") or alarm["Statistic"]
    for _ in range(int(alarm["EvaluationPeriods"])):
        begin = end - alarm["Period"]
        within = [point for point in points if begin < point["Timestamp"] <= end]
        stats = cloudwatch._calc_stats(within)
        yield cloudwatch._stat_value(stats, statistic, within) if within else None
        end = begin


def _measure(key: tuple[str, str, Any], dimensions: dict[str, str]) -> None:
    """Records what SQS says of the queue now; what is new at once, as nobody may look again."""
    namespace, name, _ = key
    arn = f"arn:aws:sqs:{get_region()}:{get_account_id()}:{dimensions.get('QueueName', '')}"
    queue = sqs._queue_by_arn(arn)
    if queue is None:
        return
    now = time.time()
    if name == "ApproximateNumberOfMessagesVisible":
        unit = "Count"
        value = sum(1 for message in queue["messages"] if message["visible_at"] <= now)
    elif name == "ApproximateAgeOfOldestMessage":
        unit = "Seconds"
        value = int(now - min((message["sent_at"] for message in queue["messages"]), default=now))
    else:
        return
    latest = (cloudwatch._metrics.get(key) or [None])[-1]
    if latest and latest["Value"] == value and now - latest["Timestamp"] < BETWEEN_MEASURES:
        return
    _record(namespace, name, value, unit, dimensions)


def _is_beyond(alarm: dict[str, Any], value: float) -> bool:
    threshold = alarm["Threshold"]
    return {
        "GreaterThanOrEqualToThreshold": value >= threshold,
        "GreaterThanThreshold": value > threshold,
        "LessThanThreshold": value < threshold,
        "LessThanOrEqualToThreshold": value <= threshold,
    }[alarm["ComparisonOperator"]]


def _change(alarm: dict[str, Any], state: str, reason: str) -> None:
    before = alarm["StateValue"]
    if before == state:
        return
    alarm["StateValue"] = state
    alarm["StateReason"] = reason
    alarm["StateUpdatedTimestamp"] = int(time.time())
    cloudwatch._record_history(alarm["AlarmName"], before, state, reason)
    cloudwatch._dispatch_alarm_actions(alarm, before, state, reason)
    cloudwatch._evaluate_parent_alarms(alarm)
