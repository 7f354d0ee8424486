"""The evidence: from verdict lines by `evidence.yaml`'s own settings to Parquet, and what its saved
queries answer.

The stream is made as the template has it, and the sandbox's Firehose converts by the template's
table. The saved queries run as they stand on DuckDB, over the files that Firehose wrote and over
made-up inventories. DuckDB lacks one function of Athena's, `from_iso8601_timestamp`, which is a macro
here; whatever else the two do differently, this does not show.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from botocore.exceptions import ClientError
from cloud import ACCOUNT, SOURCE_REGION, Cloud, unique
from samcli.yamlhelper import yaml_parse

ROOT = Path(__file__).parents[2]
RESOURCES = yaml_parse((ROOT / "evidence.yaml").read_text())["Resources"]
SOURCE, REPLICA = "tax-documents", "tax-documents-replica"


def allowed(policy: str, lake: str, key: str, signing: str) -> list[dict[str, Any]]:
    """The statements of one of the template's policies, about these in place of its resources."""
    names = {
        "Lake.Arn": f"arn:aws:s3:::{lake}",
        "LakeKey.Arn": key,
        "SigningKey.Arn": signing,
        "AWS::Region": SOURCE_REGION,
    }

    def resolved(value: Any) -> Any:
        if isinstance(value, list):
            return [resolved(one) for one in value]
        if isinstance(value, dict):
            if "Fn::GetAtt" in value:
                return names.get(".".join(value["Fn::GetAtt"]), "arn:aws:none")
            if "Fn::Sub" in value:
                return re.sub(r"\$\{([^}]+)\}", lambda m: names.get(m[1], "x"), value["Fn::Sub"])
            return {name: resolved(one) for name, one in value.items()}
        return value

    statements: list[dict[str, Any]] = resolved(in_parts(policy)["PolicyDocument"]["Statement"])
    return statements


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
    line("ReplicationFailed", "g", "01T08:00:00Z", **FAILED),
    line("ReplicationFailed", "g", "01T08:00:00Z", **FAILED),
    line("Compliant", "f", "02T08:00:00Z"),
]


def in_parts(resource: str) -> Any:
    return RESOURCES[resource]["Properties"]


@pytest.fixture(scope="module")
def lake(cloud: Cloud) -> dict[str, bytes]:
    """What lies in the lake after the lines were logged, in two goes, among others."""
    s3, glue, logs = (cloud.client(name) for name in ("s3", "glue", "logs"))
    bucket, database, group = cloud.bucket(SOURCE_REGION), unique("database"), unique("group")
    glue.create_database(DatabaseInput={"Name": database})
    table = in_parts("VerdictsTable")["TableInput"]
    storage = {**table["StorageDescriptor"], "Location": f"s3://{bucket}/verdicts/"}
    glue.create_table(
        DatabaseName=database,
        TableInput={
            "Name": table["Name"],
            "StorageDescriptor": storage,
            "PartitionKeys": table["PartitionKeys"],
        },
    )
    role = f"arn:aws:iam::{ACCOUNT}:role/stream"
    settings = dict(in_parts("Stream")["ExtendedS3DestinationConfiguration"])
    settings |= {
        "BucketARN": f"arn:aws:s3:::{bucket}",
        "RoleARN": role,
        "BufferingHints": {"SizeInMBs": 64, "IntervalInSeconds": 60},
        "CloudWatchLoggingOptions": {"Enabled": False},
        "EncryptionConfiguration": {"NoEncryptionConfig": "NoEncryption"},
    }
    conversion = settings["DataFormatConversionConfiguration"] = dict(
        settings["DataFormatConversionConfiguration"]
    )
    conversion["SchemaConfiguration"] = {
        "DatabaseName": database,
        "TableName": table["Name"],
        "Region": SOURCE_REGION,
        "RoleARN": role,
    }
    stream = cloud.client("firehose").create_delivery_stream(
        DeliveryStreamName=unique("stream"), ExtendedS3DestinationConfiguration=settings
    )["DeliveryStreamARN"]
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    logs.put_subscription_filter(
        logGroupName=group,
        filterName="verdicts",
        filterPattern=in_parts("Subscription")["FilterPattern"],
        destinationArn=stream,
        roleArn=role,
    )
    metric = json.dumps({"_aws": {}, "Bucket": REPLICA, "ReplicasChecked": 3})
    strange = json.dumps({**LINES[0], "region": None})
    texts = [json.dumps(one) for one in LINES]
    for messages in ([*texts[:7], metric, "START RequestId: 1"], [*texts[7:], strange]):
        events = [{"timestamp": 1_900_000_000_000, "message": text + "\n"} for text in messages]
        logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"]
    keys = [one["Key"] for one in listed]
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
    columns = in_parts("InventoryTable")["TableInput"]["StorageDescriptor"]["Columns"]
    declared = [f"{one['Name']} {one['Type'].replace('string', 'varchar')}" for one in columns]
    connection.execute(
        f"CREATE TABLE inventory ({', '.join(declared)}, source_bucket varchar, dt varchar)"
    )
    yield connection
    connection.close()


def answer(asked: duckdb.DuckDBPyConnection, name: str, *parameters: str) -> list[dict[str, Any]]:
    text = in_parts(f"{name.capitalize()}Query")["QueryString"]
    relation = asked.execute(text, list(parameters))
    names = [column[0] for column in relation.description]
    return [dict(zip(names, row, strict=True)) for row in relation.fetchall()]


def test_verdicts_alone_lie_in_the_partition_of_their_bucket_and_day(
    lake: dict[str, bytes],
) -> None:
    places = {key.rsplit("/", 1)[0] for key in lake}
    replica = f"verdicts/account=111122223333/region=us-west-2/bucket={REPLICA}"
    errors = {place for place in places if place.startswith("errors/")}
    assert places - errors == {
        f"{replica}/day=2026-11-01",
        f"{replica}/day=2026-11-02",
        f"verdicts/account=111122223333/region=us-east-1/bucket={SOURCE}/day=2026-11-01",
    }
    # What has no partition is kept, with its reason.
    assert len(errors) == 1
    assert next(iter(errors)).startswith("errors/processing-failed/")


def test_every_line_is_a_row_with_its_members(asked: duckdb.DuckDBPyConnection) -> None:
    rows = asked.execute("SELECT * FROM verdicts").fetchall()
    assert len(rows) == len(LINES)
    row = asked.execute(
        "SELECT replication.failurereason, replication.destinationbucket, observed, versionid, "
        "compliant, account FROM verdicts WHERE key = 'f' AND bucket = ?",
        [SOURCE],
    ).fetchone()
    assert row == ("DstKmsKeyInvalidState", REPLICA, None, "v1", False, "111122223333")
    kinds = {name: kind for name, kind, *_ in asked.execute("DESCRIBE verdicts").fetchall()}
    assert kinds["expected"].startswith("STRUCT(kmskeyarns VARCHAR[], formerkmskeyarns VARCHAR[],")


def test_an_id_counts_once(asked: duckdb.DuckDBPyConnection) -> None:
    counted = answer(asked, "counts", REPLICA, "2026-11-01", "2026-11-02")
    numbers = {
        row["verdict"]: (row["findings"], row["versions"], row["lines"]) for row in counted
    }
    assert numbers == {
        "Compliant": (3, 3, 3),
        "WrongKey": (3, 3, 5),
        "Gone": (1, 1, 1),
        "NoExpectation": (1, 1, 1),
    }
    first = answer(asked, "counts", REPLICA, "2026-11-01", "2026-11-01")
    assert {row["verdict"]: row["findings"] for row in first}["Compliant"] == 1
    failed = answer(asked, "counts", SOURCE, "2026-11-01", "2026-11-02")
    assert [(row["verdict"], row["findings"], row["lines"]) for row in failed] == [
        ("ReplicationFailed", 2, 3)
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
    asked.execute("DELETE FROM inventory")

    def add(bucket: str, key: str, status: str | None, kind: str = "SSE-KMS", **more: Any) -> None:
        asked.execute(
            "INSERT INTO inventory VALUES (?, ?, 'v1', true, ?, 1, ?, ?, ?, ?, ?)",
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
    for key in ("a", "b", "c", "e+e", "f", "unheard"):
        add(REPLICA, key, "REPLICA")
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


def test_the_function_and_the_stream_may_what_they_do_and_nothing_beside_it(cloud: Cloud) -> None:
    s3 = cloud.client("s3")
    lake = cloud.bucket(SOURCE_REGION)
    key = cloud.kms_key(SOURCE_REGION)
    signing = cloud.kms_key(SOURCE_REGION, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    other = cloud.kms_key(SOURCE_REGION, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    s3.put_bucket_encryption(
        Bucket=lake,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": default}]
        },
    )
    verdict, digest = "verdicts/account=1/x", "digests/2026/11/01.json"
    version = s3.put_object(Bucket=lake, Key=verdict, Body=b"x")["VersionId"]
    message = {
        "Message": bytes(32),
        "MessageType": "DIGEST",
        "SigningAlgorithm": "ECDSA_SHA_256",
    }

    def refused(call: Any, **arguments: Any) -> None:
        with pytest.raises(ClientError, match="AccessDenied"):
            call(**arguments)

    sealing = cloud.user(*allowed("SealEvidencePolicy", lake, key, signing))
    s3, kms = sealing.client("s3"), sealing.client("kms")
    listed = s3.list_object_versions(Bucket=lake, Prefix="verdicts/")["Versions"]
    assert [one["VersionId"] for one in listed] == [version]
    assert s3.get_object(Bucket=lake, Key=verdict, VersionId=version)["Body"].read() == b"x"
    s3.put_object(Bucket=lake, Key=digest, Body=b"{}", IfNoneMatch="*")
    assert s3.get_object(Bucket=lake, Key=digest)["Body"].read() == b"{}"
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket=lake, Key=digest, Body=b"{}", IfNoneMatch="*")
    signature = kms.sign(KeyId=signing, **message)["Signature"]
    assert kms.verify(KeyId=signing, Signature=signature, **message)["SignatureValid"]
    refused(kms.sign, KeyId=other, **message)
    refused(s3.put_object, Bucket=lake, Key=verdict, Body=b"y")
    refused(s3.delete_object, Bucket=lake, Key=digest)
    refused(s3.delete_object, Bucket=lake, Key=verdict, VersionId=version)
    refused(s3.put_bucket_policy, Bucket=lake, Policy="{}")

    delivering = cloud.user(*allowed("StreamPolicy", lake, key, signing))
    s3, kms = delivering.client("s3"), delivering.client("kms")
    s3.put_object(Bucket=lake, Key=verdict, Body=b"y")
    s3.put_object(Bucket=lake, Key="errors/processing-failed/x", Body=b"y")
    refused(s3.put_object, Bucket=lake, Key=digest, Body=b"{}")
    refused(s3.get_object, Bucket=lake, Key=verdict)
    refused(kms.sign, KeyId=signing, **message)
