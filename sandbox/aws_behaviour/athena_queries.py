"""Athena over tables whose partitions are projected, with execution parameters, and with timestamps
as Athena writes them: MiniStack runs queries by DuckDB, leaves question marks as they are, finds
partitions by `name=value` folders alone, and takes the symlinks of an S3 Inventory for its data.

https://docs.aws.amazon.com/athena/latest/ug/querying-with-prepared-statements.html
https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timezone
from typing import Any
from urllib.parse import urlparse

from ministack.core.responses import error_response_json
from ministack.services import athena, firehose, glue, s3
from ministack.services.cloudformation import provisioners

NAMED_QUERY = "AWS::Athena::NamedQuery"

# MiniStack's own functions, taken before they are replaced.
_start_query_execution: Callable[..., Any] = athena._start_query_execution
_rewrite_data_paths: Callable[..., Awaitable[Any]] = athena._rewrite_data_paths
_datum_text: Callable[..., str] = athena._datum_text

# What Athena has by another name, its clock, and that between two times it counts whole units, and
# no borders of units.
_PRELUDE = (
    "SET TimeZone = 'UTC'; "
    "CREATE MACRO from_iso8601_timestamp(text) AS CAST(text AS TIMESTAMP WITH TIME ZONE); "
    "CREATE MACRO date_diff(unit, a, b) AS date_sub(unit, a, b); "
)
# Strings, names and comments first, so that their question marks stay.
_PLACES = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*|\?")
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_DAY = "yyyy-MM-dd"


def start_query_execution(data: dict[str, Any]) -> Any:
    """Replaces Athena's: puts the literals in the places of the question marks."""
    given = list(data.get("ExecutionParameters") or [])
    text = data.get("QueryString", "")
    places = sum(place.group() == "?" for place in _PLACES.finditer(text))
    if places != len(given):
        message = f"Incorrect number of parameters: expected {places} but found {len(given)}"
        return error_response_json("InvalidRequestException", message, 400)
    literals = iter(given)
    filled = _PLACES.sub(lambda p: next(literals) if p.group() == "?" else p.group(), text)
    return _start_query_execution({**data, "QueryString": filled})


async def rewrite_data_paths(query: str, database: str, catalog: str | None = None) -> Any:
    """Replaces Athena's: reads a table with projected partitions as its properties say."""
    edits, directories = list[tuple[int, int, str]](), list[str]()
    for reference in athena._table_references(query):
        table = glue._tables.get(f"{reference.database or database or 'default'}/{reference.table}")
        if table is None or _properties(table).get("projection.enabled") != "true":
            continue
        relation = _relation(table, query, directories)
        name = "" if reference.aliased else f' AS "{reference.table}"'
        edits.append((reference.start, reference.end, relation + name))
    if not edits:
        return await _rewrite_data_paths(query, database, catalog)
    for start, end, relation in sorted(edits, reverse=True):
        query = query[:start] + relation + query[end:]
    return _PRELUDE + query, {}, directories


def datum_text(value: Any) -> str:
    """Replaces Athena's: timestamps have milliseconds, and the name of their zone, if any."""
    if not isinstance(value, datetime):
        return _datum_text(value)
    zone = "" if value.tzinfo is None else " UTC"
    utc = value if value.tzinfo is None else value.astimezone(timezone.utc)
    return f"{utc:%Y-%m-%d %H:%M:%S}.{utc.microsecond // 1000:03}{zone}"


@dataclass(frozen=True)
class _Partition:
    """What Athena looks at of a table, as its template of locations says."""

    bucket: str
    keys: re.Pattern[str]

    def files(self) -> Iterator[tuple[tuple[tuple[str, str], ...], str]]:
        """Keys of the objects in it, each with the values of its partition."""
        bucket = s3._buckets.get(self.bucket)
        for key in sorted(bucket["objects"]) if bucket else []:
            if found := self.keys.fullmatch(key):
                yield tuple(found.groupdict().items()), key


def _properties(table: dict[str, Any]) -> dict[str, str]:
    return table.get("Parameters") or {}


def _relation(table: dict[str, Any], query: str, directories: list[str]) -> str:
    """The rows of all partitions; and every column, as no file needs to have them all."""
    storage = table["StorageDescriptor"]
    columns = storage["Columns"] + table["PartitionKeys"]
    typed = (
        f'CAST(NULL AS {firehose._hive_to_duckdb_type(one["Type"])}) AS "{one["Name"]}"'
        for one in columns
    )
    parts = [f"SELECT {', '.join(typed)} WHERE FALSE"]
    place = _projected(table, query)
    directory = tempfile.mkdtemp(prefix="athena-")
    directories.append(directory)
    together: dict[tuple[tuple[str, str], ...], list[str]] = {}
    linked = storage["InputFormat"].endswith("SymlinkTextInputFormat")
    for values, key in place.files():
        for bucket, of in _linked(place.bucket, key) if linked else [(place.bucket, key)]:
            path = os.path.join(directory, f"{len(os.listdir(directory))}.parquet")
            with open(path, "wb") as file:
                file.write(s3._get_object_data(bucket, of))
            together.setdefault(values, []).append(path)
    for values, paths in together.items():
        named = ", ".join(f'{_literal(value)} AS "{name}"' for name, value in values)
        read = f"{athena._sql_list(paths)}, union_by_name = true, hive_partitioning = false"
        parts.append(f"SELECT *, {named} FROM read_parquet({read})")  # noqa: S608  of the table
    return f"({' UNION ALL BY NAME '.join(parts)})"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _linked(bucket: str, key: str) -> Iterator[tuple[str, str]]:
    """What an inventory's list of symlinks names."""
    for line in s3._get_object_data(bucket, key).decode().split():
        place = urlparse(line)
        yield place.netloc, place.path.lstrip("/")


def _projected(table: dict[str, Any], query: str) -> _Partition:
    properties = _properties(table)
    template = urlparse(properties["storage.location.template"])
    pieces = _VARIABLE.split(template.path.lstrip("/"))
    keys = ""
    for number, piece in enumerate(pieces):
        if number % 2 == 0:
            keys += re.escape(piece)
        else:
            keys += f"(?P<{piece}>{_values(piece, properties, query)})"
    return _Partition(template.netloc, re.compile(f"{keys}/[^._][^/]*"))


def _values(name: str, properties: dict[str, str], query: str) -> str:
    """A pattern of the values that a partition's name has."""
    kind = properties[f"projection.{name}.type"]
    if kind == "enum":
        return _any_of(properties[f"projection.{name}.values"].split(","))
    if kind == "injected":
        found = re.findall(rf"\b{name} = '((?:[^']|'')*)'", query)
        if not found:
            raise ValueError(
                f"CONSTRAINT_VIOLATION: For the injected projected partition column {name}, the "
                "table must have only static equality conditions in the WHERE clause"
            )
        return _any_of([one.replace("''", "'") for one in found])
    if kind == "date" and properties[f"projection.{name}.format"] == _DAY:
        first, last = properties[f"projection.{name}.range"].split(",")
        if last == "NOW":
            last = datetime.now(timezone.utc).date().isoformat()
        days = range(
            date.fromisoformat(first).toordinal(), date.fromisoformat(last).toordinal() + 1
        )
        return _any_of([date.fromordinal(day).isoformat() for day in days])
    raise ValueError(f"nobody has taught the sandbox partitions of type {kind}")


def _any_of(texts: list[str]) -> str:
    return "|".join(re.escape(text) for text in texts)


def named_query_handlers() -> dict[str, Callable[..., Any]]:
    """A saved query as a resource of CloudFormation, which MiniStack has none of."""
    return {"create": _create, "update": _update, "delete": _delete}


def _create(
    _logical_id: str, props: dict[str, Any], _stack_name: str
) -> tuple[str, dict[str, str]]:
    made = provisioners._glue_call(athena._create_named_query, props, NAMED_QUERY, "create")
    return made["NamedQueryId"], made


def _update(
    physical_id: str, _old: dict[str, Any], new: dict[str, Any], stack_name: str
) -> tuple[str, dict[str, str]]:
    made = _create(physical_id, new, stack_name)
    _delete(physical_id, new)
    return made


def _delete(physical_id: str, _props: dict[str, Any]) -> None:
    athena._delete_named_query({"NamedQueryId": physical_id})
