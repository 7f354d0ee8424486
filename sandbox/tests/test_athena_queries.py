"""Athena over tables whose partitions are projected: parameters, partitions, inventories, and how
answers are written.

The statements are AWS's: https://docs.aws.amazon.com/athena/latest/ug/partition-projection.html,
https://docs.aws.amazon.com/athena/latest/ug/querying-with-prepared-statements.html.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import duckdb
import pytest
from botocore.exceptions import ClientError
from cloud import SOURCE_REGION, Cloud, allow, unique

HIVE = "org.apache.hadoop.hive"
PARQUET = f"{HIVE}.ql.io.parquet.MapredParquetInputFormat"
SYMLINKS = f"{HIVE}.ql.io.SymlinkTextInputFormat"


def today(back: int = 0) -> str:
    return (datetime.now(timezone.utc) - timedelta(days=back)).date().isoformat()


class Tables:
    """A database over a bucket of its own, and a workgroup."""

    def __init__(self, cloud: Cloud, folder: Path) -> None:
        self.cloud, self.folder = cloud, folder
        self.bucket = cloud.bucket(SOURCE_REGION)
        self.database = unique("tables").replace("-", "_")
        self.group = unique("group")
        cloud.client("glue").create_database(DatabaseInput={"Name": self.database})
        cloud.client("athena").create_work_group(
            Name=self.group,
            Configuration={"ResultConfiguration": {"OutputLocation": f"s3://{self.bucket}/out/"}},
        )

    def table(
        self, name: str, template: str, form: str, columns: dict[str, str], **projection: Any
    ) -> None:
        parameters = {
            "projection.enabled": "true",
            "storage.location.template": f"s3://{self.bucket}/{template}",
        }
        for key, properties in projection.items():
            for property_, value in properties.items():
                parameters[f"projection.{key}.{property_}"] = value
        self.cloud.client("glue").create_table(
            DatabaseName=self.database,
            TableInput={
                "Name": name,
                "Parameters": parameters,
                "PartitionKeys": [{"Name": key, "Type": "string"} for key in projection],
                "StorageDescriptor": {
                    "Location": f"s3://{self.bucket}/",
                    "InputFormat": form,
                    "Columns": [{"Name": key, "Type": kind} for key, kind in columns.items()],
                },
            },
        )

    def put(self, key: str, select: str) -> None:
        path = self.folder / "file.parquet"
        duckdb.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet)")
        self.cloud.client("s3").put_object(Bucket=self.bucket, Key=key, Body=path.read_bytes())

    def ask(self, query: str, *literals: str, by: Cloud | None = None) -> list[list[str | None]]:
        athena = (by or self.cloud).client("athena")
        more = {"ExecutionParameters": list(literals)} if literals else {}
        run = athena.start_query_execution(
            QueryString=query,
            WorkGroup=self.group,
            QueryExecutionContext={"Database": self.database},
            **more,
        )["QueryExecutionId"]
        while True:
            told = athena.get_query_execution(QueryExecutionId=run)["QueryExecution"]["Status"]
            if told["State"] == "FAILED":
                raise ValueError(told["StateChangeReason"])
            if told["State"] == "SUCCEEDED":
                break
            time.sleep(0.02)
        rows = athena.get_query_results(QueryExecutionId=run)["ResultSet"]["Rows"]
        return [[cell.get("VarCharValue") for cell in row["Data"]] for row in rows[1:]]


@pytest.fixture(scope="module")
def tables(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    made = Tables(cloud, tmp_path_factory.mktemp("files"))
    made.table(
        "told",
        "told/account=${account}/bucket=${bucket}/day=${day}",
        PARQUET,
        {"key": "string", "seen": "struct<kind:string>", "late": "boolean"},
        account={"type": "enum", "values": "1,2"},
        bucket={"type": "injected"},
        day={"type": "date", "format": "yyyy-MM-dd", "range": "2026-01-01,NOW"},
    )
    for account, bucket, day, key in [
        ("1", "tax", "2026-01-01", "first"),
        ("2", "tax", today(), "today"),
        ("2", "o'hara", today(), "other bucket"),
        # What no value of the projection leads to.
        ("3", "tax", today(), "other account"),
        ("1", "tax", "2025-12-31", "before"),
        ("1", "tax", today(-2), "after"),
    ]:
        place = f"told/account={account}/bucket={bucket}/day={day}"
        made.put(f"{place}/x.parquet", f"SELECT '{key}' AS key, {{'kind': 'KMS'}} AS seen")
    made.put(f"told/account=1/bucket=tax/day={today()}/_x", "SELECT 'hidden' AS key")
    return made


def test_partitions_are_those_of_the_projection(tables: Tables) -> None:
    found = tables.ask("SELECT key, account, day FROM told WHERE bucket = ? ORDER BY day", "'tax'")
    assert found == [["first", "1", "2026-01-01"], ["today", "2", today()]]


def test_a_column_that_no_file_has_is_null_and_one_that_is_nested_has_members(
    tables: Tables,
) -> None:
    asked = "SELECT seen.kind, late FROM told WHERE bucket = ?"
    assert tables.ask(asked, "'o''hara'") == [["KMS", None]]
    assert tables.ask(asked, "'nowhere'") == []


def test_literals_stand_in_the_places_of_question_marks_and_nowhere_else(tables: Tables) -> None:
    asked = "SELECT key, '?', ? -- really?\nFROM told WHERE bucket = ?"
    assert tables.ask(asked, "'it''s?'", "'o''hara'") == [["other bucket", "?", "it's?"]]
    for literals in ([], ["'tax'", "'tax'"]):
        with pytest.raises(ClientError, match="Incorrect number of parameters"):
            tables.ask("SELECT key FROM told WHERE bucket = ?", *literals)


def test_a_query_has_to_name_the_injected_partition(tables: Tables) -> None:
    with pytest.raises(ValueError, match=r"CONSTRAINT_VIOLATION.*bucket"):
        tables.ask("SELECT key FROM told")


def test_timestamps_are_written_with_milliseconds_and_their_zone(tables: Tables) -> None:
    asked = (
        "SELECT told_at, CAST(told_at AS TIMESTAMP) FROM "
        "(SELECT from_iso8601_timestamp(?) AS told_at FROM told WHERE bucket = ?)"
    )
    assert tables.ask(asked, "'2026-11-01T23:59:59.25Z'", "'o''hara'") == [
        ["2026-11-01 23:59:59.250 UTC", "2026-11-01 23:59:59.250"]
    ]


def test_whole_minutes_count_between_two_times(tables: Tables) -> None:
    asked = (
        "SELECT date_diff('minute', from_iso8601_timestamp(?), from_iso8601_timestamp(?)) "
        "FROM told WHERE bucket = ?"
    )
    ends = ("'2026-11-01T11:59:59Z'", "'2026-11-01T12:01:00Z'")
    assert tables.ask(asked, *ends, "'o''hara'") == [["1"]]


def test_a_run_is_its_workgroups(cloud: Cloud, tables: Tables) -> None:
    def may(group: str) -> Cloud:
        actions = ["StartQueryExecution", "GetQueryExecution", "GetQueryResults"]
        place = f"arn:aws:athena:us-east-1:000000000000:workgroup/{group}"
        return cloud.user(allow([f"athena:{action}" for action in actions], place))

    asked = "SELECT key FROM told WHERE bucket = ?"
    assert tables.ask(asked, "'nowhere'", by=may(tables.group)) == []
    run = cloud.client("athena").list_query_executions(WorkGroup=tables.group)
    which = {"QueryExecutionId": run["QueryExecutionIds"][0]}
    other = may("other").client("athena")
    for call in (other.get_query_execution, other.get_query_results):
        with pytest.raises(ClientError, match="AccessDenied"):
            call(**which)


def test_an_inventory_is_what_its_links_name(tables: Tables) -> None:
    tables.table(
        "inventory",
        "lists/${source_bucket}/all/hive/dt=${dt}",
        SYMLINKS,
        {"key": "string", "last_modified_date": "timestamp"},
        source_bucket={"type": "injected"},
        dt={"type": "injected"},
    )
    for name in ("a", "b", "not listed"):
        select = f"SELECT '{name}' AS key, TIMESTAMP '2026-11-01 10:00:00' AS last_modified_date"
        tables.put(f"lists/tax/all/data/{name}.parquet", select)
    links = [f"s3://{tables.bucket}/lists/tax/all/data/{name}.parquet" for name in "ab"]
    tables.cloud.client("s3").put_object(
        Bucket=tables.bucket,
        Key="lists/tax/all/hive/dt=2026-11-02-01-00/symlink.txt",
        Body="\n".join(links).encode(),
    )
    asked = (
        "SELECT key, last_modified_date FROM inventory "
        "WHERE source_bucket = ? AND dt = ? ORDER BY key"
    )
    assert tables.ask(asked, "'tax'", "'2026-11-02-01-00'") == [
        ["a", "2026-11-01 10:00:00.000"],
        ["b", "2026-11-01 10:00:00.000"],
    ]
    assert tables.ask(asked, "'tax'", "'2026-11-01-01-00'") == []
