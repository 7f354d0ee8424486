"""Every command that the documents print: whether a shell, AWS's models, SAM CLI and jq take it.

AWS CLI v2 is no package of pip's, so its commands are held against what it is made from, botocore's
models: the operation, each option and what an option takes must be there. What it has beyond them
(`s3 cp`, `logs tail`, `cloudformation deploy`) is listed here with its options.
"""

from __future__ import annotations

import functools
import itertools
import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jmespath
import pytest
from botocore import xform_name
from botocore.model import ListShape, OperationModel, StructureShape
from botocore.session import Session
from click.testing import CliRunner
from samcli.cli.main import cli as sam_cli

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page
    for folder in ("", "docs", "examples", "examples/*", "crates/*")
    for page in ROOT.glob(f"{folder}/*.md".lstrip("/"))
)
FENCE = re.compile(r"^( *)```(console|bash)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)

# Of AWS CLI v2, for any command.
# https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-options.html
GLOBAL = {
    "--cli-binary-format": ["base64", "raw-in-base64-out"],
    "--cli-connect-timeout": int,
    "--cli-read-timeout": int,
    "--endpoint-url": str,
    "--output": ["json", "text", "table", "yaml", "yaml-stream", "off"],
    "--profile": str,
    "--query": "jmespath",
    "--region": re.compile(r"[a-z]{2}-[a-z]+-[0-9]|\$\w+|REGION"),
}
# Of those that list: the CLI's own pages.
PAGED = {"--max-items": int, "--page-size": int, "--starting-token": str}
# Commands that AWS CLI v2 has and AWS's API does not, with the options that are used here.
# https://docs.aws.amazon.com/cli/latest/reference/
CUSTOM: dict[tuple[str, str], dict[str, Any]] = {
    ("cloudformation", "deploy"): {
        "--capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        "--parameter-overrides": "several",
        "--stack-name": str,
        "--template-file": "file",
    },
    ("cloudformation", "wait"): {"--stack-name": str},
    ("logs", "tail"): {
        "--filter-pattern": str,
        "--follow": None,
        "--format": ["detailed", "short", "json"],
        "--since": re.compile(r"\d+[smhdw]|\d{4}-.*"),
    },
    ("s3", "cp"): {
        "--exclude": str,
        "--include": str,
        "--recursive": None,
        "--sse": ["AES256", "aws:kms"],
        "--sse-kms-key-id": str,
    },
    ("s3", "ls"): {"--recursive": None},
}
# Options that a command takes without their names.
POSITIONAL = {
    ("lambda", "invoke"): 1,
    ("logs", "tail"): 1,
    ("s3", "cp"): 2,
    ("s3", "ls"): 1,
    ("cloudformation", "wait"): 1,
}


@dataclass(frozen=True)
class Block:
    """What stands between two fences, as a shell takes it."""

    page: str
    line: int
    script: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks() -> Iterator[Block]:
    for page in PAGES:
        text = page.read_text("utf-8")
        for found in FENCE.finditer(text):
            lines = [line.removeprefix(found[1]) for line in found[3].splitlines()]
            if found[2] == "console":
                lines = list(commands(lines))
            place = text.count("\n", 0, found.start()) + 1
            name = page.relative_to(ROOT).as_posix()
            yield Block(name, place, "\n".join(lines) + "\n")


def commands(lines: list[str]) -> Iterator[str]:
    """What is typed, without what is printed after it: each command until a shell has all of it."""
    typed = ""
    for line in lines:
        if not typed and not line.startswith("$ "):
            continue
        typed = f"{typed}\n{line}" if typed else line[2:]
        if not typed.endswith("\\") and complaint(typed) is None:
            yield typed
            typed = ""
    if typed:
        yield typed


def complaint(script: str) -> str | None:
    """What a shell says of a script that it is only to read."""
    shell = shutil.which("bash")
    assert shell
    read = subprocess.run([shell, "-n"], input=script, capture_output=True, text=True, check=False)
    return read.stderr if read.returncode else None


BLOCKS = list(blocks())
each_block = pytest.mark.parametrize("block", BLOCKS, ids=str)


def words_after(script: str, program: str) -> Iterator[list[str]]:
    """The words of each call of a program, wherever in the script it stands."""
    lexer = shlex.shlex(script.replace("\\\n", " "), posix=False, punctuation_chars=";|&()<>")
    lexer.whitespace = " \t"
    lexer.wordchars += ":,=$%@^!?*+[]{}#"
    lexer.commenters = ""
    call: list[str] | None = None
    for token in lexer:
        ends = bool(re.fullmatch(r"[;|&()\n]+", token)) or "\n" in token
        if ends or token.startswith("#"):
            if call is not None:
                yield call
            call = None
        elif call is not None:
            call.append(token)
        elif token == program:
            call = []
    if call is not None:
        yield call


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        ("s3api head-object --bucket b --key k", None),
        ("s3api head-objects --bucket b --key k", "no such command"),
        ("s3api head-object --bucket b", "without --key"),
        ("s3api head-object --bucket b --key k --versions v", "no such option"),
        ("s3api head-object --bucket b --key k v", "1 words without an option"),
        ("s3 cp a b --sse-kms-key aws:kms", "no such option"),
        ("lambda invoke --function-name f --payload {} out.json", None),
        ("lambda invoke --function-name f --payload {}", "0 words"),
        ("iam list-roles --output jsn", "is one of"),
        ("iam list-roles --region everywhere", "not of its form"),
        ("logs tail g --since yesterday", "not of its form"),
        ("sqs receive-message --queue-url u --max-number-of-messages ten", "is no number"),
        ("sqs list-message-move-task --source-arn a", "no such command"),
    ],
)
def test_faults_are_seen(command: str, fault: str | None) -> None:
    found = fault_of(command.split())
    assert (found is None) == (fault is None) and (fault or "") in (found or ""), found


def test_there_are_commands_to_look_at() -> None:
    assert len(BLOCKS) > 25
    calls = [call for block in BLOCKS for call in words_after(flat(block.script), "aws")]
    assert len(calls) > 40
    assert sum(1 for block in BLOCKS for _ in words_after(flat(block.script), "sam")) > 8


@each_block
def test_a_shell_takes_it(block: Block) -> None:
    assert complaint(block.script) is None, str(block)


def flat(script: str) -> str:
    """With each inner command (`$(…)`) behind the one it stands in, and a word in its place."""
    inner: list[str] = []
    pattern = re.compile(r"\$\(((?:[^()'\"]|'[^']*'|\"[^\"]*\")*)\)")
    while found := pattern.search(script):
        inner.append(found[1])
        script = f"{script[: found.start()]}INNER{script[found.end() :]}"
    return "\n".join([script, *inner])


@each_block
def test_aws_takes_it(block: Block) -> None:
    for call in words_after(flat(block.script), "aws"):
        fault = fault_of(call)
        assert fault is None, f"{block}: aws {' '.join(call)}: {fault}"


def fault_of(call: list[str]) -> str | None:
    if call[0].startswith("-"):
        return "options before the command"
    service, operation, *rest = call
    known = (service, operation)
    custom = CUSTOM.get(known)
    operation_model = None if custom is not None else model(service, operation)
    if custom is None and operation_model is None:
        return "there is no such command"
    names = members(operation_model) if operation_model else {}
    positional, given, place = 0, set[str](), 0
    while place < len(rest):
        word = rest[place]
        place += 1
        if word in {">", ">>", "<"}:
            place += 1
            continue
        if not word.startswith("--"):
            positional += 1
            continue
        values = []
        while place < len(rest) and not rest[place].startswith("--") and rest[place] not in "><":
            values.append(unquoted(rest[place]))
            place += 1
        given.add(word)
        extra = len(values)
        fault, taken = option(word, values, names, {**GLOBAL, **PAGED, **(custom or {})})
        if fault:
            return f"{word}: {fault}"
        positional += extra - taken
    if positional != POSITIONAL.get(known, 0):
        return f"{positional} words without an option"
    # What a pipe fills in stands behind `xargs`.
    missing = [name for name in required(operation_model) if name not in given]
    return f"without {', '.join(missing)}" if missing else None


def unquoted(word: str) -> str:
    return shlex.split(word)[0] if shlex.split(word) else ""


def option(
    word: str, values: list[str], names: dict[str, Any], others: dict[str, Any]
) -> tuple[str | None, int]:
    """What is wrong with an option, and how many of the values it takes."""
    if word in names:
        shape = names[word]
        if shape.type_name == "boolean":
            return None, 0
        several = isinstance(shape, ListShape) and values[:1] != ["["]
        return value_fault(shape, values), len(values) if several else min(1, len(values))
    positive = word.replace("--no-", "--", 1)
    if positive in names and names[positive].type_name == "boolean":
        return None, 0
    if word not in others:
        return "there is no such option", 0
    kind = others[word]
    if kind is None:
        return None, 0
    if not values:
        return "takes a value", 0
    if kind == "several":
        return None, len(values)
    first = values[0]
    if isinstance(kind, list) and first not in kind:
        return f"is one of {', '.join(kind)}", 1
    if kind is int and not first.isdigit():
        return "takes a number", 1
    if kind == "file" and not (ROOT / first).exists():
        return f"there is no file {first}", 1
    if kind == "jmespath":
        jmespath.compile(first)
    if isinstance(kind, re.Pattern) and not kind.fullmatch(first):
        return f"{first} is not of its form", 1
    return None, 1


def value_fault(shape: Any, values: list[str]) -> str | None:
    if not values:
        return None  # `xargs` gives it.
    first = values[0]
    if isinstance(shape, StructureShape) and first.startswith("{"):
        unknown = set(json.loads(first)) - set(shape.members)
        return f"has no {', '.join(unknown)}" if unknown else None
    if shape.type_name == "string" and getattr(shape, "enum", None) and first not in shape.enum:
        return f"is one of {', '.join(shape.enum)}"
    if shape.type_name in {"integer", "long"} and not re.fullmatch(r"\d+|(INNER)?\d*|\$\w+", first):
        return f"{first} is no number"
    return None


_session = Session()


def model(service: str, operation: str) -> OperationModel | None:
    # The CLI has its own names for some services.
    service = {"s3api": "s3"}.get(service, service)
    if service not in _session.get_available_services():
        return None
    service_model = _session.get_service_model(service)
    for name in service_model.operation_names:
        if xform_name(name, "-") == operation:
            return service_model.operation_model(name)
    return None


def members(operation: OperationModel) -> dict[str, Any]:
    shape = operation.input_shape
    if shape is None:
        return {}
    return {f"--{xform_name(name, '-')}": member for name, member in shape.members.items()}


def required(operation: OperationModel | None) -> list[str]:
    if operation is None or operation.input_shape is None:
        return []
    return [f"--{xform_name(name, '-')}" for name in operation.input_shape.required_members]


@functools.cache
def sam_help(*command: str) -> str:
    told = CliRunner().invoke(sam_cli, [*command, "--help"], prog_name="sam")
    assert told.exit_code == 0, f"sam {' '.join(command)}: {told.output}"
    return told.output


@each_block
def test_sam_takes_it(block: Block) -> None:
    for call in words_after(flat(block.script), "sam"):
        command = list(itertools.takewhile(lambda word: re.fullmatch("[a-z][a-z-]*", word), call))
        options = set(re.findall(r"--[a-z0-9-]+", sam_help(*command)))
        for word in call:
            if word.startswith("--"):
                assert word in options, f"{block}: sam {' '.join(call)}: no {word}"


@each_block
def test_jq_takes_it(block: Block) -> None:
    jq = shutil.which("jq")
    calls = list(words_after(flat(block.script), "jq"))
    if not jq:
        pytest.skip("there is no jq on this machine")
    for call in calls:
        names = [
            unquoted(name)
            for option, name in itertools.pairwise(call)
            if option.startswith("--arg")
        ]
        given = [part for name in names for part in ("--argjson", name, "null")]
        rest = list(call)
        # An option with a name and a value, or a flag; what follows the program are files.
        while rest[0].startswith("-"):
            rest = rest[3:] if rest[0].startswith("--arg") else rest[1:]
        run = subprocess.run(
            [jq, "-n", *given, f"empty | ({unquoted(rest[0])})"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, f"{block}: jq {' '.join(call)}: {run.stderr}"
