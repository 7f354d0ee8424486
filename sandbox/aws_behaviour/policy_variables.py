"""Policy variables, which MiniStack's evaluator takes literally.

`${aws:username}` stands for a value of the request, `${*}`, `${?}` and `${$}` for
the characters themselves. They count in resources and in condition values.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

import functools
import re
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.iam_evaluator import EvalContext, ParsedStatement
from ministack.services import iam

_VARIABLE = re.compile(r"\$\{(?P<name>[^}',]+?)\s*(?:,\s*'(?P<default>[^']*)')?\}")
_ESCAPE = re.compile(r"\$\{([*?$])\}")
_LITERALS = ("*", "?", "$")

_STRING_OPERATORS = (
    "stringequals",
    "stringnotequals",
    "stringequalsignorecase",
    "stringnotequalsignorecase",
)

# MiniStack's own functions, taken before they are replaced.
_resolve_condition_key = iam_evaluator._resolve_condition_key
_condition_operators = dict(iam_evaluator._CONDITION_OPS)


@functools.lru_cache(maxsize=4096)
def fnmatch_compile(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    """Replaces MiniStack's: `${*}` is a `*`, and `*` matches line ends too."""
    wild = {"*": ".*", "?": "."}
    # Split at the escapes; every second piece is the character escaped.
    pieces = _ESCAPE.split(pattern)
    expression = "".join(
        re.escape(piece) if index % 2 else "".join(wild.get(one, re.escape(one)) for one in piece)
        for index, piece in enumerate(pieces)
    )
    flags = re.DOTALL | (re.IGNORECASE if ignore_case else 0)
    return re.compile(f"{expression}\\Z", flags)


def first_match(
    ctx: EvalContext, stmts: list[ParsedStatement], effect: str
) -> ParsedStatement | None:
    """Replaces MiniStack's: the statement is matched with its variables filled in."""
    for stmt in stmts:
        if (
            stmt.effect == effect
            and iam_evaluator._action_matches(ctx.action, stmt.actions, stmt.not_actions)
            and _resource_matches(ctx, stmt)
            and iam_evaluator._conditions_met(_fill_conditions(stmt.conditions, ctx), ctx)
        ):
            return stmt
    return None


def _resource_matches(ctx: EvalContext, stmt: ParsedStatement) -> bool:
    if not stmt.resources and not stmt.not_resources:
        return True
    listed = _fill(stmt.resources or stmt.not_resources, ctx)
    matched = any(iam_evaluator.fnmatch_iam_cs(ctx.resource_arn, one) for one in listed)
    return matched if stmt.resources else not matched


def _fill_conditions(conditions: dict[str, Any], ctx: EvalContext) -> dict[str, Any]:
    return {
        operator: {
            key: _fill(expected if isinstance(expected, list) else [expected], ctx)
            for key, expected in block.items()
        }
        for operator, block in conditions.items()
        if isinstance(block, dict)
    }


def _fill(values: list[Any], ctx: EvalContext) -> list[str]:
    """The values with variables filled in; a value with an absent one never matches."""
    filled = []
    for value in values:
        # JSON's `true` is the text "true".
        text = str(value).lower() if isinstance(value, bool) else str(value)
        try:
            filled.append(_VARIABLE.sub(lambda found: _value(found, ctx), text))
        except LookupError:
            continue
    return filled


def _value(found: re.Match[str], ctx: EvalContext) -> str:
    name = found["name"]
    if name in _LITERALS:
        return found[0]
    value = iam_evaluator._resolve_condition_key(name, ctx)
    if value is None or isinstance(value, list):
        value = found["default"]
    if value is None:
        raise LookupError(name)
    # What stands for a variable is text, not a pattern.
    return re.sub(r"[*?$]", lambda one: f"${{{one[0]}}}", str(value))


def condition_operators() -> dict[str, Any]:
    """MiniStack's operators; the exact ones read `${*}` as `*`."""

    def exact(operator: str) -> Any:
        compare = _condition_operators[operator]
        return lambda actual, expected: compare(actual, _ESCAPE.sub(r"\1", expected))

    return {**_condition_operators, **{name: exact(name) for name in _STRING_OPERATORS}}


def resolve_condition_key(key: str, ctx: EvalContext) -> Any:
    """Replaces MiniStack's: a role's ARN for its sessions, the owner of a bucket, who is a service.

    "For IAM roles, the request context returns the ARN of the role":
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    """
    name = key.lower()
    if name == "aws:securetransport":
        return "true"  # Loopback stands for TLS, so that TLS-only policies can be deployed.
    if name == "aws:principalisawsservice":
        # "This key is set to false if the service uses a service role": so does S3 when it
        # replicates. Requests that nobody signed do not have it.
        if ctx.principal_type == "Anonymous":
            return None
        return "true" if ctx.principal_type == "Service" else "false"
    if name in ("aws:resourceaccount", "s3:resourceaccount") and name in ctx.service_context:
        return ctx.service_context[name]
    if name == "aws:principalarn" and ":assumed-role/" in ctx.principal_arn:
        role = iam_evaluator._role_name_from_assumed_arn(ctx.principal_arn)
        record = iam._roles.get_scoped(ctx.principal_account, None, role)
        return record["Arn"] if record else ctx.principal_arn
    return _resolve_condition_key(key, ctx)
