"""The checker as a Python engineer would write it on boto3: the same calls, the same lines.

What makes Python on Lambda fast is here: clients made once during Init, a pool of threads and of
connections that outlives the invocation, expectations and key states cached, one write for all
lines. What the Rust function does beyond it (other event shapes, other verdicts' texts) is left
out, in the twin's favour.
"""

import hashlib
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

CONCURRENCY = int(os.environ.get("MAX_CONCURRENCY", "64"))
TIME_TO_LIVE = int(os.environ.get("EXPECTATION_TTL_SECONDS", "300"))

CONFIG = Config(
    connect_timeout=3,
    max_pool_connections=CONCURRENCY,
    read_timeout=4,
    retries={"mode": "standard", "total_max_attempts": 3},
)
S3 = boto3.client("s3", config=CONFIG)
SSM = boto3.client("ssm", config=CONFIG)
KMS = boto3.client("kms", config=CONFIG)
POOL = ThreadPoolExecutor(max_workers=CONCURRENCY)

_rules: dict[str, tuple[float, list[dict]]] = {}
_states: dict[str, tuple[float, str]] = {}


def handler(event, context):
    account = context.invoked_function_arn.split(":")[4]
    parsed, failures = [], []
    for record in event["Records"]:
        try:
            parsed.append((record["messageId"], subject(json.loads(record["body"]), account)))
        except (KeyError, ValueError):
            failures.append(record["messageId"])
    # Asked once, before the threads start, so that they do not all miss at once.
    for bucket in {version["bucket"] for _, version in parsed}:
        for rule in rules_of(bucket):
            state_of(rule["kmsKeyArn"])

    verdicts = []
    results = POOL.map(judge_or_none, [version for _, version in parsed])
    for (message_id, version), verdict in zip(parsed, results):
        if verdict is None:
            failures.append(message_id)
        else:
            verdicts.append((version, verdict))
    if verdicts:
        tell(verdicts)
    return {"batchItemFailures": [{"itemIdentifier": failure} for failure in failures]}


def subject(event, account):
    detail = event["detail"]
    return {
        "bucket": detail["bucket"]["name"],
        "key": detail["object"]["key"],
        "version_id": detail["object"].get("version-id"),
        "owner": event.get("account", account),
        "time": datetime.fromisoformat(event["time"].replace("Z", "+00:00")),
    }


def rules_of(bucket):
    kept = _rules.get(bucket)
    if kept and time.monotonic() - kept[0] < TIME_TO_LIVE:
        return kept[1]
    pages = SSM.get_paginator("get_parameters_by_path").paginate(
        Path=f"/encrypted-replication/{bucket}/", Recursive=True
    )
    rules = [
        rule
        for page in pages
        for parameter in page["Parameters"]
        for rule in json.loads(parameter["Value"])["rules"]
    ]
    _rules[bucket] = (time.monotonic(), rules)
    return rules


def state_of(key):
    kept = _states.get(key)
    if kept and time.monotonic() - kept[0] < TIME_TO_LIVE:
        return kept[1]
    state = KMS.describe_key(KeyId=key)["KeyMetadata"]["KeyState"]
    _states[key] = (time.monotonic(), state)
    return state


def judge_or_none(version):
    try:
        return judge(version)
    except (BotoCoreError, ClientError) as error:
        print(f"{version['bucket']}/{version['key']}: {error}", file=sys.stderr)
        return None


def judge(version):
    arguments = {
        "Bucket": version["bucket"],
        "Key": version["key"],
        "ExpectedBucketOwner": version["owner"],
    }
    if version["version_id"]:
        arguments["VersionId"] = version["version_id"]
    head = S3.head_object(**arguments)
    observed = {
        "algorithm": head.get("ServerSideEncryption"),
        "kmsKeyArn": head.get("SSEKMSKeyId"),
        "bucketKeyEnabled": head.get("BucketKeyEnabled", False),
        "replicationStatus": head.get("ReplicationStatus"),
    }
    longest, expected = -1, []
    for rule in rules_of(version["bucket"]):
        if version["key"].startswith(rule["prefix"]):
            if len(rule["prefix"]) > longest:
                longest, expected = len(rule["prefix"]), []
            if len(rule["prefix"]) == longest:
                expected.append(rule["kmsKeyArn"])
    kind, compliant, reason = verdict_on(observed, expected)
    identity = "\0".join(
        (kind, version["bucket"], version["key"], head.get("VersionId", ""), str(observed["kmsKeyArn"]))
    )
    return {
        "schema": "encrypted-replication/verdict/1",
        "id": hashlib.sha256(identity.encode()).hexdigest()[:32],
        "verdict": kind,
        "compliant": compliant,
        "bucket": version["bucket"],
        "key": version["key"],
        "versionId": version["version_id"],
        "observed": observed,
        "expected": {"kmsKeyArns": expected, "from": "registry"},
        "reason": reason,
    }


def verdict_on(observed, expected):
    key = observed["kmsKeyArn"]
    if observed["replicationStatus"] != "REPLICA":
        return "NotReplica", None, "the object was written straight to the bucket"
    if not expected:
        return "NoExpectation", None, "nothing says which key is right"
    if observed["algorithm"] not in ("aws:kms", "aws:kms:dsse"):
        return "WrongAlgorithm", False, "the replica is not encrypted with KMS"
    if key not in expected:
        return "WrongKey", False, f"the replica is under {key}"
    if state_of(key) not in ("Enabled", "Updating"):
        return "KeyUnusable", False, f"the key {key} cannot be used"
    return "Compliant", True, f"the replica is encrypted under the expected key {key}"


def tell(verdicts):
    now = time.time()
    groups = {}
    lines = []
    for version, verdict in verdicts:
        lines.append(json.dumps(verdict, separators=(",", ":"), ensure_ascii=False))
        group = groups.setdefault((verdict["bucket"], verdict["verdict"]), [0, 0, []])
        group[0] += verdict["verdict"] != "NotReplica"
        group[1] += verdict["compliant"] is False
        group[2].append(max(0, int((now - version["time"].timestamp()) * 1000)))
    for (bucket, kind), (checked, findings, latencies) in groups.items():
        for first in range(0, len(latencies), 100):
            counts = {"ReplicasChecked": checked, "NonCompliant": findings, "ReplicationFailures": 0}
            lines.append(metrics(bucket, kind, now, counts if first == 0 else {}, latencies[first : first + 100]))
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def metrics(bucket, kind, now, counts, latencies):
    definitions = [{"Name": name, "Unit": "Count"} for name in counts]
    definitions.append({"Name": "CheckLatency", "Unit": "Milliseconds"})
    line = {
        "_aws": {
            "Timestamp": int(now * 1000),
            "CloudWatchMetrics": [
                {
                    "Namespace": "EncryptedReplication",
                    "Dimensions": [["Bucket"], ["Bucket", "Verdict"]],
                    "Metrics": definitions,
                }
            ],
        },
        "Bucket": bucket,
        "Verdict": kind,
        **counts,
        "CheckLatency": latencies,
    }
    return json.dumps(line, separators=(",", ":"))
