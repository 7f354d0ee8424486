"""The evidence: from verdict lines by `evidence.yaml`'s own settings to Parquet, and what its saved
queries answer.

The stack is the template's, and the sandbox's Firehose converts by its table. The saved queries run
as they stand on DuckDB, over the files that Firehose wrote and over made-up inventories. DuckDB has
no `from_iso8601_timestamp`, which is a macro here; whatever else the two do differently, this does
not show.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from botocore.exceptions import ClientError
from cloud import SOURCE_REGION, Cloud, allow, unique
from installed import Stack, deploy, template
from samcli.yamlhelper import yaml_parse

ROOT = Path(__file__).parents[2]
RESOURCES = yaml_parse((ROOT / "evidence.yaml").read_text())["Resources"]
SOURCE, REPLICA = "tax-documents", "tax-documents-replica"


def line(verdict: str, key: str, time: str, **more: Any) -> dict[str, Any]:
    """A verdict line; its id is of bucket, key and verdict: one finding on one version."""
    compliant = {"Compliant": True, "WrongKey": False, "ReplicationFailed": False}.get(verdict)
    bucket = more.pop("bucket", REPLICA)
    return {
        "schema": "encrypted-replication/verdict/1",
        "id": f"{bucket}/{key}/{verdict}",
        "time": f"2026-11-{time}",
        "account": "111122223333",
        "region": "us-west-2" if bucket == REPLICA else "us-east-1",
        "version": "0.1.0",
        "verdict": verdict,
        "compliant": compliant,
        "bucket": bucket,
        "key": key,
        "versionId": "v1",
        **({"observed": {"replicationStatus": "REPLICA"}} if bucket == REPLICA else {}),
        "reason": "because",
        **more,
    }


FAILED = {
    "bucket": SOURCE,
    "replication": {
        "event": "OperationFailedReplication",
        "failureReason": "DstKmsKeyInvalidState",
        "ruleId": "Tax",
        "destinationBucket": REPLICA,
        "operation": "OBJECT_PUT",
    },
}
LINES = [
    line("Compliant", "a", "01T10:00:00Z"),
    # Told twice, and once more late, on the next day: one finding.
    line("WrongKey", "b", "01T10:00:00Z", remedy="mend it"),
    line("WrongKey", "b", "01T10:00:00.5Z", remedy="mend it"),
    line("WrongKey", "b", "02T00:00:01Z", remedy="mend it"),
    line("Compliant", "b", "02T09:00:00Z", repaired=True),
    line("WrongKey", "c", "01T11:00:00Z"),
    line("WrongKey", "d ü", "01T12:00:00Z"),
    line("Gone", "d ü", "01T13:00:00Z"),
    line("NoExpectation", "e+e", "01T12:00:00Z"),
    line("ReplicationFailed", "f", "01T08:00:00Z", **FAILED),
    line("ReplicationFailed", "probe", "01T08:00:00Z", **FAILED, probe=True),
    line("ReplicationFailed", "g", "01T08:00:00Z", **FAILED),
    line("ReplicationFailed", "g", "01T08:00:00Z", **FAILED),
    line("Compliant", "f", "02T08:00:00Z"),
    # Of a replica that was to be replicated further, on which nobody has told a verdict.
    line(
        "ReplicationFailed",
        "unheard",
        "02T08:00:00Z",
        replication={**FAILED["replication"], "destinationBucket": SOURCE},
        observed=None,
    ),
    # Of a probe, which is gone since.
    line("WrongKey", "probe", "01T11:00:00Z", probe=True),
]


def look(kind: str, result: str, time: str, resource: str = "Replication", **more: Any) -> Any:
    """A line of the provisioner; its id is of resource and result."""
    return {
        "schema": f"encrypted-replication/{kind}/1",
        "id": f"{resource}/{kind}/{result}",
        "time": f"2026-11-{time}",
        "account": "111122223333",
        "region": "us-east-1",
        "version": "0.1.0",
        "bucket": SOURCE,
        "result": result,
        "physicalResourceId": f"encrypted-replication/{SOURCE}/{resource}",
        "stackId": "arn:aws:cloudformation:us-east-1:111122223333:stack/tax/5f7a",
        "logicalResourceId": resource,
        "reason": None if result in ("IN_SYNC", "COMPLETED") else f"it is {result}",
        "remedy": None,
        **more,
    }


def rules(result: str, seconds: float | None) -> dict[str, Any]:
    found = [{"id": "Tax", "result": result, "seconds": seconds, "reason": None}]
    return {"seconds": seconds, "rules": found, "moreRules": 0, "findings": []}


LOOKS = [
    look("drift", "IN_SYNC", "01T06:00:00Z", changes=[]),
    look("drift", "IN_SYNC", "01T06:00:00Z", "Other", changes=[]),
    # Delivered twice: it was looked once.
    look("drift", "DRIFTED", "01T12:00:00Z", changes=["put 1 rule", "create role"]),
    look("drift", "DRIFTED", "01T12:00:00Z", changes=["put 1 rule", "create role"]),
    look("drift", "DRIFTED", "01T18:00:00Z", changes=["put 1 rule", "create role"]),
    look("drift", "IN_SYNC", "02T00:00:00Z", changes=[]),
    # The same again: another time that it drifted.
    look("drift", "DRIFTED", "02T12:00:00Z", changes=["put 1 rule", "create role"]),
    look("proof", "COMPLETED", "01T07:00:00Z", **rules("COMPLETED", 3.5)),
    look("proof", "COMPLETED", "01T08:00:00Z", **rules("COMPLETED", 34)),
    look("proof", "PENDING", "01T09:00:00Z", **rules("PENDING", None)),
    look("proof", "FAILED", "01T10:00:00Z", **rules("FAILED", None)),
    look("proof", "COMPLETED", "01T11:00:00Z", **rules("COMPLETED", 4.25)),
    look("proof", "SKIPPED", "01T11:00:00Z", "Other", **rules("SKIPPED", None)),
]


def in_parts(resource: str) -> Any:
    return RESOURCES[resource]["Properties"]


@pytest.fixture(scope="module")
def group(cloud: Cloud) -> str:
    """A checker's log group."""
    return cloud.log_group("checker")


@pytest.fixture(scope="module")
def provisioner(cloud: Cloud) -> str:
    """A provisioner's log group."""
    return cloud.log_group("provisioner")


@pytest.fixture(scope="module")
def stack(cloud: Cloud, group: str, provisioner: str) -> Stack:
    """The template's stack, but for what MiniStack has no resource of."""
    made = template("evidence.yaml")
    lacking = {"AWS::Logs::Destination", "AWS::Config::ConfigRule"}
    made["Resources"] = {
        name: one for name, one in made["Resources"].items() if one["Type"] not in lacking
    }
    del made["Outputs"]["DestinationArn"]
    return deploy(
        cloud,
        SOURCE_REGION,
        unique("evidence"),
        made,
        CheckReplicaLogGroup=group,
        ProvisionReplicationLogGroup=provisioner,
        InventoryLocation="s3://inventories/all",
        ConfigRule="Enabled",
        CheckReplicaFunction="er-check-replica",
        DatabaseName=unique("evidence").replace("-", "_"),
    )


@pytest.fixture(scope="module")
def lake(cloud: Cloud, stack: Stack, group: str, provisioner: str) -> dict[str, bytes]:
    """What lies in the lake after the lines were logged, in two goes, among others."""
    s3, logs = cloud.client("s3"), cloud.client("logs")
    metric = json.dumps({"_aws": {}, "Bucket": REPLICA, "ReplicasChecked": 3})
    strange = json.dumps({**LINES[0], "region": None})
    texts = [json.dumps(one) for one in LINES]
    step = json.dumps({"level": "INFO", "fields": {"message": "looked for drift", "drifted": 1}})
    looks = [json.dumps(one) for one in LOOKS]
    for name, messages in [
        (group, [*texts[:7], metric, "START RequestId: 1"]),
        (group, [*texts[7:], strange]),
        (provisioner, [step, *looks, metric]),
    ]:
        events = [{"timestamp": 1_900_000_000_000, "message": text + "\n"} for text in messages]
        logs.put_log_events(logGroupName=name, logStreamName="s", logEvents=events)
    bucket = stack.outputs["EvidenceBucket"]
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


@pytest.fixture(scope="module")
def asked(
    lake: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[duckdb.DuckDBPyConnection]:
    root = tmp_path_factory.mktemp("lake")
    for key, body in lake.items():
        path = root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(
        "CREATE MACRO from_iso8601_timestamp(text) AS CAST(text AS TIMESTAMP WITH TIME ZONE)"
    )
    keys = in_parts("VerdictsTable")["TableInput"]["PartitionKeys"]
    partitions = ", ".join(f"'{one['Name']}': VARCHAR" for one in keys)
    connection.execute(
        "CREATE VIEW verdicts AS SELECT * FROM read_parquet("
        f"'{root}/verdicts/*/*/*/*/*.parquet', "
        f"hive_partitioning = true, hive_types = {{{partitions}}})"
    )
    for table in ("InventoryTable", "SourceInventoryTable"):
        made = in_parts(table)["TableInput"]
        columns = made["StorageDescriptor"]["Columns"] + made["PartitionKeys"]
        declared = [f"{one['Name']} {one['Type'].replace('string', 'varchar')}" for one in columns]
        connection.execute(f"CREATE TABLE {made['Name']} ({', '.join(declared)})")
    yield connection
    connection.close()


def answer(asked: duckdb.DuckDBPyConnection, name: str, *parameters: str) -> list[dict[str, Any]]:
    text = in_parts(f"{name.capitalize()}Query")["QueryString"]
    relation = asked.execute(text, list(parameters))
    names = [column[0] for column in relation.description]
    return [dict(zip(names, row, strict=True)) for row in relation.fetchall()]


def test_the_saved_queries_stand_in_the_workgroup(cloud: Cloud, stack: Stack) -> None:
    athena, group = cloud.client("athena"), stack.outputs["EvidenceWorkGroup"]
    ids = athena.list_named_queries(WorkGroup=group)["NamedQueryIds"]
    saved = [athena.get_named_query(NamedQueryId=one)["NamedQuery"] for one in ids]
    assert {one["Database"] for one in saved} == {stack.outputs["EvidenceDatabase"]}
    assert {one["Name"]: one["QueryString"] for one in saved} == {
        one["Properties"]["Name"]: one["Properties"]["QueryString"]
        for one in RESOURCES.values()
        if one["Type"] == "AWS::Athena::NamedQuery"
    }


def test_lines_alone_lie_in_the_partition_of_their_bucket_and_day(
    lake: dict[str, bytes],
) -> None:
    places = {key.rsplit("/", 1)[0] for key in lake}
    replica = f"verdicts/account=111122223333/region=us-west-2/bucket={REPLICA}"
    errors = {place for place in places if place.startswith("errors/")}
    assert places - errors == {
        f"{replica}/day=2026-11-01",
        f"{replica}/day=2026-11-02",
        f"verdicts/account=111122223333/region=us-east-1/bucket={SOURCE}/day=2026-11-01",
        # Of looks for drift alone.
        f"verdicts/account=111122223333/region=us-east-1/bucket={SOURCE}/day=2026-11-02",
    }
    # What has no partition is kept, with its reason.
    assert len(errors) == 1
    assert next(iter(errors)).startswith("errors/processing-failed/")


def test_every_line_is_a_row_with_its_members(asked: duckdb.DuckDBPyConnection) -> None:
    rows = asked.execute("SELECT * FROM verdicts").fetchall()
    assert len(rows) == len(LINES) + len(LOOKS)
    row = asked.execute(
        "SELECT replication.failurereason, replication.destinationbucket, observed, versionid, "
        "compliant, account FROM verdicts WHERE key = 'f' AND bucket = ?",
        [SOURCE],
    ).fetchone()
    assert row == ("DstKmsKeyInvalidState", REPLICA, None, "v1", False, "111122223333")
    kinds = {name: kind for name, kind, *_ in asked.execute("DESCRIBE verdicts").fetchall()}
    assert kinds["expected"].startswith("STRUCT(kmskeyarns VARCHAR[], formerkmskeyarns VARCHAR[],")


def test_every_line_of_the_provisioner_is_a_row_with_its_members(
    asked: duckdb.DuckDBPyConnection,
) -> None:
    found = asked.execute(
        "SELECT changes, seconds, rules, morerules, verdict FROM verdicts "
        "WHERE bucket = ? AND time IN ('2026-11-02T12:00:00Z', '2026-11-01T08:00:00Z') "
        "AND result IS NOT NULL ORDER BY time",
        [SOURCE],
    ).fetchall()
    rule = {"id": "Tax", "result": "COMPLETED", "seconds": 34.0, "reason": None}
    assert found == [
        (None, 34.0, [rule], 0, None),
        (["put 1 rule", "create role"], None, None, None, None),
    ]


def test_drift_and_proofs_are_told_from_when_to_when(asked: duckdb.DuckDBPyConnection) -> None:
    found = answer(asked, "timeline", SOURCE, "2026-11-01", "2026-11-02")
    members = ("kind", "logicalresourceid", "result", "looks", "state", "minutes")
    assert [tuple(row[name] for name in members) for row in found] == [
        ("drift", "Other", "IN_SYNC", 1, "good", None),
        ("drift", "Replication", "IN_SYNC", 1, "good", 6 * 60),
        ("drift", "Replication", "DRIFTED", 2, "over", 12 * 60),
        ("drift", "Replication", "IN_SYNC", 1, "good", 12 * 60),
        ("drift", "Replication", "DRIFTED", 1, "open", None),
        ("proof", "Other", "SKIPPED", 1, "undecided", None),
        ("proof", "Replication", "COMPLETED", 2, "good", 2 * 60),
        ("proof", "Replication", "PENDING", 1, "another finding", 60),
        ("proof", "Replication", "FAILED", 1, "over", 60),
        ("proof", "Replication", "COMPLETED", 1, "good", None),
    ]
    assert [row["slowest_seconds"] for row in found if row["result"] == "COMPLETED"] == [34, 4.25]
    drifted = found[2]
    assert drifted["first_seen"].isoformat() == "2026-11-01T12:00:00+00:00"
    assert drifted["last_seen"].isoformat() == "2026-11-01T18:00:00+00:00"
    assert drifted["reason"] == "it is DRIFTED"
    # Of the first day alone, what was wrong at its end is open.
    first = answer(asked, "timeline", SOURCE, "2026-11-01", "2026-11-01")
    assert [row["result"] for row in first if row["state"] == "open"] == ["DRIFTED"]
    assert answer(asked, "timeline", REPLICA, "2026-11-01", "2026-11-02") == []


def test_an_id_counts_once(asked: duckdb.DuckDBPyConnection) -> None:
    counted = answer(asked, "counts", REPLICA, "2026-11-01", "2026-11-02")
    numbers = {row["verdict"]: (row["findings"], row["versions"], row["lines"]) for row in counted}
    assert numbers == {
        "Compliant": (3, 3, 3),
        "WrongKey": (4, 4, 6),
        "Gone": (1, 1, 1),
        "NoExpectation": (1, 1, 1),
        "ReplicationFailed": (1, 1, 1),
    }
    first = answer(asked, "counts", REPLICA, "2026-11-01", "2026-11-01")
    assert {row["verdict"]: row["findings"] for row in first}["Compliant"] == 1
    failed = answer(asked, "counts", SOURCE, "2026-11-01", "2026-11-02")
    assert [(row["verdict"], row["findings"], row["lines"]) for row in failed] == [
        ("ReplicationFailed", 3, 4)
    ]


def test_findings_are_told_from_when_to_when(asked: duckdb.DuckDBPyConnection) -> None:
    found = answer(asked, "findings", REPLICA, "2026-11-01", "2026-11-02")
    told = [(row["key"], row["state"], row["repaired"], row["open_minutes"]) for row in found]
    assert told == [
        # From 10:00 on the first to 09:00 on the second.
        ("b", "mended", True, 23 * 60),
        ("c", "open", False, None),
        ("d ü", "gone", False, 60),
    ]
    assert found[0]["last_seen"].isoformat() == "2026-11-02T00:00:01+00:00"


def test_failures_are_told_with_what_became_of_them(asked: duckdb.DuckDBPyConnection) -> None:
    days = ("2026-11-01", "2026-11-02")
    found = answer(asked, "failures", SOURCE, *days, REPLICA, *days)
    members = ("key", "rule", "failure_reason", "state", "verdict")
    assert [tuple(row[name] for name in members) for row in found] == [
        ("f", "Tax", "DstKmsKeyInvalidState", "replicated since", "Compliant"),
        ("g", "Tax", "DstKmsKeyInvalidState", "open", None),
    ]


@pytest.fixture
def inventoried(asked: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Both sides' inventories: what is there of the lines, and of versions without any."""
    dt = "2026-11-03-01-00"
    tables = {REPLICA: "inventory", SOURCE: "source_inventory"}
    for table in tables.values():
        asked.execute(f"DELETE FROM {table}")

    def add(bucket: str, key: str, status: str | None, kind: str = "SSE-KMS", **more: Any) -> None:
        asked.execute(
            f"INSERT INTO {tables[bucket]} VALUES (?, ?, 'v1', true, ?, 1, ?, ?, ?, ?, ?)",
            [
                bucket,
                key,
                more.get("marker", False),
                more.get("written", "2026-11-01 07:00:00"),
                status,
                kind,
                bucket,
                more.get("dt", dt),
            ],
        )

    for key in ("a", "b", "c", "e+e", "f", "unheard", "plain", "absent"):
        add(SOURCE, key, "COMPLETED")
    add(SOURCE, "g", "FAILED")
    add(SOURCE, "waiting", "PENDING")
    add(SOURCE, "other", None)
    for key in ("b", "c", "e+e", "f", "unheard"):
        add(REPLICA, key, "REPLICA")
    # All others were judged hours after.
    add(REPLICA, "a", "REPLICA", written="2026-11-01 09:59:00")
    add(REPLICA, "plain", "REPLICA", "SSE-S3")
    # Its source version is gone; a replica all the same.
    add(REPLICA, "left over", "REPLICA")
    add(REPLICA, "by hand", None)
    # Nobody asked about these: another inventory, a delete marker, written since.
    add(REPLICA, "of yesterday", "REPLICA", dt="2026-11-02-01-00")
    add(SOURCE, "marker", "COMPLETED", marker=True)
    add(SOURCE, "fresh", "COMPLETED", written="2026-11-02 23:59:00")
    return asked


PARAMETERS = (
    "2026-11-02T12:00:00Z",
    SOURCE,
    "2026-11-03-01-00",
    REPLICA,
    "2026-11-03-01-00",
    REPLICA,
    "2026-11-01",
    "2026-11-02",
)


def test_coverage_counts_every_version_once(inventoried: duckdb.DuckDBPyConnection) -> None:
    found = answer(inventoried, "coverage", *PARAMETERS)
    counted = {row["state"]: (row["versions"], row["replicas"], row["judged"]) for row in found}
    assert counted == {
        "compliant": (3, 3, 3),
        "finding": (1, 1, 1),
        "no verdict": (3, 3, 0),
        "wrong algorithm": (1, 1, 0),
        "no replica": (1, 0, 0),
        "failed": (1, 0, 0),
        "claimed but absent": (1, 0, 0),
        "missing": (1, 0, 0),
        "not covered": (1, 0, 0),
    }
    replicas = sum(replicas for _, replicas, _ in counted.values())
    judged = sum(judged for _, _, judged in counted.values())
    assert (replicas, judged) == (8, 4)


def test_each_gap_is_named(inventoried: duckdb.DuckDBPyConnection) -> None:
    found = answer(inventoried, "gaps", *PARAMETERS)
    assert [(row["state"], row["key"]) for row in found] == [
        ("claimed but absent", "absent"),
        ("failed", "g"),
        ("finding", "c"),
        ("missing", "waiting"),
        ("no verdict", "e+e"),
        ("no verdict", "left over"),
        ("no verdict", "unheard"),
        ("wrong algorithm", "plain"),
    ]


def test_manifests_name_what_is_left_with_encoded_keys(
    inventoried: duckdb.DuckDBPyConnection,
) -> None:
    sweep = answer(inventoried, "sweep", *PARAMETERS)
    assert [(row["bucket"], row["key"], row["versionid"]) for row in sweep] == [
        (REPLICA, "e%2Be", "v1"),
        (REPLICA, "left%20over", "v1"),
        (REPLICA, "plain", "v1"),
        (REPLICA, "unheard", "v1"),
    ]
    replay = answer(inventoried, "replay", *PARAMETERS)
    assert [(row["bucket"], row["key"]) for row in replay] == [
        (SOURCE, "absent"),
        (SOURCE, "g"),
        (SOURCE, "waiting"),
    ]


def test_the_last_word_on_each_replica_counts(asked: duckdb.DuckDBPyConnection) -> None:
    found = answer(asked, "posture", REPLICA, "2026-11-01", "2026-11-02")
    assert {row["verdict"]: row["versions"] for row in found} == {
        "Compliant": 3,
        "WrongKey": 1,
        "Gone": 1,
        "NoExpectation": 1,
    }
    # Of a source bucket nothing is a replica, and a probe is nobody's document.
    assert answer(asked, "posture", SOURCE, "2026-11-01", "2026-11-02") == []


def test_every_replica_there_is_has_a_verdict_or_none(
    inventoried: duckdb.DuckDBPyConnection,
) -> None:
    span = ("2006-01-01T00:00:00Z", "2026-11-03T12:00:00Z")
    parameters = (*span, REPLICA, "2026-11-03-01-00", REPLICA, "2026-11-01", "2026-11-02")
    found = answer(inventoried, "population", *parameters)
    assert {row["verdict"]: (row["versions"], row["late"]) for row in found} == {
        "Compliant": (3, 2),
        "WrongKey": (1, 1),
        "NoExpectation": (1, 0),
        "no verdict": (3, 0),
    }
    unheard = answer(inventoried, "unheard", *parameters)
    assert [(row["key"], row["versionid"]) for row in unheard] == [
        ("left%20over", "v1"),
        ("plain", "v1"),
        ("unheard", "v1"),
    ]
    # Of a time in which one of them was written.
    span = ("2026-11-01T09:00:00Z", "2026-11-01T10:00:00Z")
    found = answer(inventoried, "population", *span, *parameters[2:])
    assert [(row["verdict"], row["versions"]) for row in found] == [("Compliant", 1)]


MESSAGE = {"Message": bytes(32), "MessageType": "DIGEST", "SigningAlgorithm": "ECDSA_SHA_256"}
VERDICT, DIGEST = "verdicts/account=1/x", "digests/2026/11/01.json"


def refused(call: Any, **arguments: Any) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        call(**arguments)


def test_the_function_may_what_it_does_and_nothing_beside_it(cloud: Cloud, stack: Stack) -> None:
    lake, signing = stack.outputs["EvidenceBucket"], stack.outputs["SigningKeyArn"]
    other = cloud.kms_key(SOURCE_REGION, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    version = cloud.client("s3").put_object(Bucket=lake, Key=VERDICT, Body=b"x")["VersionId"]
    function = stack.session("SealEvidence")
    s3, kms = function.client("s3"), function.client("kms")
    listed = s3.list_object_versions(Bucket=lake, Prefix=VERDICT)["Versions"]
    assert [one["VersionId"] for one in listed] == [version]
    assert s3.get_object(Bucket=lake, Key=VERDICT, VersionId=version)["Body"].read() == b"x"
    s3.put_object(Bucket=lake, Key=DIGEST, Body=b"{}", IfNoneMatch="*")
    assert s3.get_object(Bucket=lake, Key=DIGEST)["Body"].read() == b"{}"
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket=lake, Key=DIGEST, Body=b"{}", IfNoneMatch="*")
    signature = kms.sign(KeyId=signing, **MESSAGE)["Signature"]
    assert kms.verify(KeyId=signing, Signature=signature, **MESSAGE)["SignatureValid"]
    refused(kms.sign, KeyId=other, **MESSAGE)
    refused(s3.put_object, Bucket=lake, Key=VERDICT, Body=b"y")
    refused(s3.delete_object, Bucket=lake, Key=DIGEST)
    refused(s3.delete_object, Bucket=lake, Key=VERDICT, VersionId=version)
    refused(s3.put_bucket_policy, Bucket=lake, Policy="{}")
    refused(s3.list_object_versions, Bucket=cloud.bucket(SOURCE_REGION))


def test_what_asks_is_not_invoked_again_and_what_seals_is(cloud: Cloud, stack: Stack) -> None:
    functions = cloud.client("lambda")
    for name, attempts in [("AskEvidence", 0), ("SealEvidence", 2)]:
        told = functions.get_function_event_invoke_config(
            FunctionName=stack.resources[name], Qualifier="$LATEST"
        )
        assert told["MaximumRetryAttempts"] == attempts, name


def test_who_asks_reads_verdicts_and_writes_none(cloud: Cloud, stack: Stack) -> None:
    lake = f"arn:aws:s3:::{stack.outputs['EvidenceBucket']}"
    group = stack.outputs["EvidenceWorkGroup"]
    rule = "arn:aws:config:us-east-1:000000000000:config-rule/config-rule-1"
    path = "arn:aws:ssm:us-east-1:000000000000:parameter"
    for action, place, may in [
        ("ssm:GetParametersByPath", f"{path}/encrypted-replication/tax-replica/er1", True),
        ("ssm:GetParametersByPath", f"{path}/secrets", False),
        ("ssm:PutParameter", f"{path}/encrypted-replication/tax-replica/er1", False),
        (
            "athena:StartQueryExecution",
            f"arn:aws:athena:us-east-1:000000000000:workgroup/{group}",
            True,
        ),
        (
            "athena:StartQueryExecution",
            "arn:aws:athena:us-east-1:000000000000:workgroup/primary",
            False,
        ),
        ("s3:GetObject", f"{lake}/{VERDICT}", True),
        ("s3:GetObject", f"{lake}/{DIGEST}", False),
        ("s3:PutObject", f"{lake}/{VERDICT}", False),
        ("s3:ListBucket", "arn:aws:s3:::inventories", True),
        ("s3:GetObject", "arn:aws:s3:::inventories/all/tax-replica/x.parquet", True),
        ("s3:GetObject", "arn:aws:s3:::inventories/other/x.parquet", False),
        ("s3:PutObject", "arn:aws:s3:::inventories/all/x", False),
        ("s3:PutObject", f"{lake}/sweeps/2026/11/01/1.json", True),
        ("s3:GetObject", f"{lake}/sweeps/2026/11/01/1.json", True),
        ("s3:DeleteObject", f"{lake}/sweeps/2026/11/01/1.json", False),
        (
            "lambda:InvokeFunction",
            "arn:aws:lambda:us-east-1:000000000000:function:er-check-replica",
            True,
        ),
        ("lambda:InvokeFunction", "arn:aws:lambda:us-east-1:000000000000:function:other", False),
        ("config:PutEvaluations", "*", True),
        ("config:GetComplianceDetailsByConfigRule", rule, True),
        ("config:DeleteConfigRule", rule, False),
        ("kms:Sign", stack.outputs["SigningKeyArn"], False),
    ]:
        told = cloud.client("iam").simulate_principal_policy(
            PolicySourceArn=stack.role("AskEvidenceRole"),
            ActionNames=[action],
            ResourceArns=[place],
        )["EvaluationResults"][0]["EvalDecision"]
        assert (told == "allowed") == may, f"{action} on {place} is {told}"


def test_nobody_else_signs_or_writes_whatever_he_may(cloud: Cloud, stack: Stack) -> None:
    lake, signing = stack.outputs["EvidenceBucket"], stack.outputs["SigningKeyArn"]
    mighty = cloud.user(allow(["s3:*", "kms:*"], "*"))
    s3, kms = mighty.client("s3"), mighty.client("kms")
    for key in (VERDICT, DIGEST, "errors/processing-failed/x", "sweeps/x"):
        refused(s3.put_object, Bucket=lake, Key=key, Body=b"{}")
    refused(kms.sign, KeyId=signing, **MESSAGE)
    assert kms.get_public_key(KeyId=signing)["KeySpec"] == "ECC_NIST_P256"


def test_the_stream_may_write_verdicts_and_what_it_could_not_deliver(
    cloud: Cloud, stack: Stack
) -> None:
    role = stack.role("StreamRole")
    lake = f"arn:aws:s3:::{stack.outputs['EvidenceBucket']}"
    for action, place, may in [
        ("s3:PutObject", f"{lake}/{VERDICT}", True),
        ("s3:PutObject", f"{lake}/errors/processing-failed/x", True),
        ("s3:PutObject", f"{lake}/{DIGEST}", False),
        ("s3:GetObject", f"{lake}/{VERDICT}", False),
        ("s3:DeleteObjectVersion", f"{lake}/{VERDICT}", False),
        ("s3:BypassGovernanceRetention", f"{lake}/{VERDICT}", False),
        ("kms:Sign", stack.outputs["SigningKeyArn"], False),
    ]:
        told = cloud.client("iam").simulate_principal_policy(
            PolicySourceArn=role, ActionNames=[action], ResourceArns=[place]
        )["EvaluationResults"][0]["EvalDecision"]
        assert (told == "allowed") == may, f"{action} on {place} is {told}"
