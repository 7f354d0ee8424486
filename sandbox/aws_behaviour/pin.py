"""Refuses to run against any MiniStack but the one these patches were written for."""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect

MINISTACK_VERSION = "1.5.33"

# Every function that is replaced, with its parameters. A replacement is called
# by MiniStack's own code, so a changed parameter list would go wrong silently.
REPLACED: dict[str, tuple[str, ...]] = {
    "ministack.app._handle_s3_control_request": (
        "path",
        "method",
        "body",
        "query_params",
        "request_id",
        "headers",
    ),
    "ministack.core.iam_actions.extract_iam_action": (
        "service",
        "method",
        "path",
        "headers",
        "body",
        "query_params",
    ),
    "ministack.core.iam_actions.extract_resource_arn": (
        "service",
        "method",
        "path",
        "headers",
        "body",
        "query_params",
        "region",
        "account_id",
    ),
    "ministack.core.iam_actions.request_tag_context": ("service", "iam_action", "body", "params"),
    "ministack.core.iam_evaluator._first_match": ("ctx", "stmts", "effect"),
    "ministack.core.iam_evaluator._fnmatch_compile": ("pattern", "ignore_case"),
    "ministack.core.iam_evaluator._gather_role_policies": ("role_name", "account_id"),
    "ministack.core.iam_evaluator._resolve_condition_key": ("key", "ctx"),
    "ministack.core.lambda_runtime._worker_class_for": ("config",),
    "ministack.services.cloudformation.provisioners._lambda_esm_create": (
        "logical_id",
        "props",
        "stack_name",
    ),
    "ministack.services.cloudformation.provisioners._lambda_esm_update": (
        "physical_id",
        "old_props",
        "new_props",
        "stack_name",
    ),
    "ministack.services.cloudformation.provisioners._physical_name": (
        "stack_name",
        "logical_id",
        "lowercase",
        "max_len",
        "seeded",
    ),
    "ministack.services.athena._datum_text": ("value",),
    "ministack.services.athena._rewrite_data_paths": ("query", "database", "catalog"),
    "ministack.services.athena._start_query_execution": ("data",),
    "ministack.services.cloudwatch._describe_alarms": (
        "params",
        "cbor_data",
        "is_cbor",
        "is_json",
    ),
    "ministack.services.cloudwatch._evaluate_alarm": ("alarm",),
    "ministack.services.cloudwatch_logs._compile_filter_pattern": ("raw",),
    "ministack.services.cloudwatch_logs._fanout_to_subscription_filters": (
        "group_name",
        "stream_name",
        "events",
    ),
    "ministack.services.cloudwatch_logs._filter_log_events": ("data",),
    "ministack.services.cloudwatch_logs._put_metric_filter": ("data",),
    "ministack.services.cloudwatch_logs._subscription_pattern_matches": ("pattern", "message"),
    "ministack.services.eventbridge._dispatch_event": ("event", "view"),
    "ministack.services.eventbridge._dispatch_to_sqs": ("spec", "payload", "sqs_parameters"),
    "ministack.services.eventbridge._invoke_target": ("target", "event", "rule", "view"),
    "ministack.services.eventbridge._put_events": ("data", "allow_aws_source"),
    "ministack.services.organizations.handle_request": (
        "method",
        "path",
        "headers",
        "body",
        "query_params",
    ),
    "ministack.core.iam_evaluator._principal_org_id": ("account_id",),
    "ministack.services.s3._get_object_data": ("bucket_name", "key", "version_id"),
    "ministack.services.firehose._deliver_records_to_s3": ("stream", "dest", "records"),
    "ministack.services.firehose._metadata_extraction_keys": ("cfg", "data"),
    "ministack.services.iam._simulate_principal_policy": ("p",),
    "ministack.services.cloudformation.provisioners._lambda_create": (
        "logical_id",
        "props",
        "stack_name",
    ),
    "ministack.services.kms._create_alias": ("data",),
    "ministack.services.kms._create_key": ("data",),
    "ministack.services.kms._describe_key": ("data",),
    "ministack.services.kms._enable_key_rotation": ("data",),
    "ministack.services.kms._key_metadata": ("rec",),
    "ministack.services.kms._put_key_policy": ("data",),
    "ministack.services.kms._schedule_key_deletion": ("data",),
    "ministack.services.kms.key_policy_for_arn": ("resource_arn",),
    "ministack.services.lambda_svc._create_function": ("data",),
    "ministack.services.lambda_svc.invalidate_worker": (
        "func_name",
        "qualifier",
        "account",
        "region",
    ),
    "ministack.services.s3._bucket_default_sse_headers": ("bucket_name",),
    "ministack.services.s3._create_bucket": ("name", "body", "headers", "endpoint_region"),
    "ministack.services.s3._delete_bucket_replication": ("bucket_name",),
    "ministack.services.s3._deliver_event_to_sqs": (
        "arn",
        "event_payload",
        "bucket_region",
        "bucket_name",
    ),
    "ministack.services.s3._fire_s3_event": (
        "bucket_name",
        "key",
        "event_name",
        "size",
        "etag",
        "deletion_type",
        "restore_event_data",
        "version_id",
        "sequencer",
        "object_extra",
        "record_extra",
    ),
    "ministack.services.s3._get_object": ("bucket_name", "key", "headers", "query_params"),
    "ministack.services.s3._list_object_versions": ("bucket_name", "query_params"),
    "ministack.services.s3._maybe_replicate": ("bucket_name", "key", "obj", "data", "tags"),
    "ministack.services.s3._maybe_replicate_delete_marker": ("bucket_name", "key"),
    "ministack.services.s3._parse_replication_filter": ("filter_el",),
    "ministack.services.s3._parse_replication_options": ("rule_el",),
    "ministack.services.s3._put_bucket_notification": ("name", "body", "headers"),
    "ministack.services.s3._put_bucket_policy": ("name", "body"),
    "ministack.services.s3._put_bucket_replication": ("bucket_name", "body"),
    "ministack.services.s3._put_bucket_versioning": ("name", "body"),
    "ministack.services.s3._replication_destination_options_xml": ("dest_el", "dest"),
    "ministack.services.s3._replication_filter_xml": ("filter_el", "rule_filter"),
    "ministack.services.s3._resolve_sse_write_headers": ("headers", "bucket_name"),
    "ministack.services.s3.handle_request": (
        "method",
        "path",
        "headers",
        "body",
        "query_params",
        "signed_path",
        "enforce_bucket_region",
        "internal",
        "access_point_region",
        "access_point",
    ),
    "ministack.services.sqs.queue_delay": ("q",),
    "ministack.services.ssm._delete_parameter": ("data",),
    "ministack.services.ssm._delete_parameters": ("data",),
    "ministack.services.ssm._put_parameter": ("data",),
    "ministack.services.tagging.resource_tags": ("arn",),
}

# Functions that are called, by the parameters they are called with.
CALLED: dict[str, tuple[str, ...]] = {
    "ministack.app._enforce_data_plane": (
        "service",
        "iam_action",
        "headers",
        "query_params",
        "request_id",
        "resource_arn",
        "service_context",
        "auth_error_response",
        "named_resource",
    ),
    "ministack.core.iam_evaluator.caller_arn": (),
    "ministack.core.responses.request_scope": ("account_id", "region"),
    "ministack.services.athena._create_named_query": ("data",),
    "ministack.services.athena._delete_named_query": ("data",),
    "ministack.services.athena._sql_list": ("paths",),
    "ministack.services.athena._table_references": ("query",),
    "ministack.services.cloudformation.provisioners._glue_call": (
        "fn",
        "data",
        "resource_type",
        "action",
    ),
    "ministack.services.cloudwatch_logs._create_log_stream": ("data",),
    "ministack.services.cloudwatch_logs._put_log_events": ("data",),
    "ministack.services.eventbridge._archive_event": ("event", "view"),
    "ministack.services.eventbridge._pattern_event_view": ("event",),
    "ministack.services.eventbridge._remove_permission": ("data",),
    "ministack.services.sqs._act_send_message": ("data", "qurl"),
    "ministack.services.sqs._queue_by_arn": ("arn",),
    "ministack.services.s3.s3control_account_error": ("headers",),
    "ministack.services.s3.s3control_error": ("code", "message", "status", "extra"),
    "ministack.services.s3._put_object": ("bucket_name", "key", "body", "headers"),
    "ministack.services.s3._read_body": ("bucket_name", "key", "obj"),
    "ministack.services.cloudwatch._calc_stats": ("points",),
    "ministack.services.cloudwatch._dims_key": ("dims",),
    "ministack.services.cloudwatch._dispatch_alarm_actions": (
        "alarm",
        "old_state",
        "new_state",
        "reason",
    ),
    "ministack.services.cloudwatch._evaluate_all_alarms": (),
    "ministack.services.cloudwatch._evaluate_parent_alarms": ("child", "seen"),
    "ministack.services.cloudwatch._record_history": (
        "alarm_name",
        "old_state",
        "new_state",
        "reason",
        "alarm_type",
        "reason_data",
    ),
    "ministack.services.cloudwatch._stat_value": ("stats", "stat_name", "points"),
    "ministack.services.cloudwatch.record_metric": (
        "namespace",
        "metric_name",
        "value",
        "unit",
        "dimensions",
    ),
    "ministack.core.iam_evaluator.combine_resource_policy": (
        "identity",
        "ctx",
        "policy",
        "owner_account",
        "required",
        "limits",
    ),
    "ministack.core.iam_evaluator.enforce": (
        "access_key_id",
        "iam_action",
        "service",
        "region",
        "resource_arn",
        "service_context",
    ),
    "ministack.core.iam_evaluator.evaluate": ("ctx", "policies", "limits"),
    "ministack.core.iam_evaluator.evaluate_resource_policy": (
        "doc",
        "ctx",
        "service",
        "named_only",
        "direct_only",
    ),
    "ministack.core.iam_evaluator.parse_policy_document": ("doc",),
    "ministack.core.iam_evaluator._permissions_boundary": ("store", "name", "account_id"),
    "ministack.core.lambda_runtime.ProvidedWorker": ("func_name", "config", "code_zip"),
    "ministack.core.lambda_runtime._account_region_from_function_config": ("config",),
    "ministack.services.iam._error": ("status", "code", "message", "ns"),
    "ministack.services.iam._extract_simulate_params": ("p",),
    "ministack.services.kms._alias_arn": ("alias_name",),
    "ministack.services.kms._resolve_key": ("key_id_or_arn",),
    "ministack.services.lambda_svc._emit_lambda_logs": (
        "func",
        "request_id",
        "log_text",
        "error",
        "duration_ms",
        "log_source",
    ),
    "ministack.services.firehose._hive_to_duckdb_type": ("hive_type",),
    "ministack.services.s3._bucket_owner_account": ("name",),
    "ministack.services.sqs.queue_policy_allows": (
        "queue_arn",
        "service",
        "source_arn",
        "source_account",
    ),
    "ministack.services.s3._fire_s3_event_async": (
        "bucket_name",
        "key",
        "event_name",
        "size",
        "etag",
        "deletion_type",
        "version_id",
        "object_extra",
        "record_extra",
    ),
    "ministack.services.s3._no_such_bucket": ("name",),
    "ministack.services.s3._check_object_lock": ("bucket_name", "key", "headers", "version_id"),
    "ministack.services.s3._in_account": ("account_id",),
    "ministack.services.s3._parse_bucket_key": ("path", "headers"),
    "ministack.services.s3._qp": ("params", "key", "default"),
    "ministack.services.s3._preserve_null_version": (
        "bucket_name",
        "key",
        "versions",
        "prior_obj",
    ),
    "ministack.services.s3._find_xml_tag": ("parent", "tag_name", "ns"),
    "ministack.services.s3._replication_children": ("el", "allowed"),
    "ministack.services.s3._replication_status": ("children",),
    "ministack.services.s3._replication_tag": ("tag_el",),
    "ministack.services.ssm._lookup_parameter": (
        "name_or_arn",
        "allow_arn_region",
        "flexible_name",
    ),
    "ministack.services.s3._request_access_key": (
        "method",
        "key",
        "headers",
        "query_params",
        "body",
    ),
    "ministack.services.s3._version_entry_from_record": ("obj", "version_id", "data"),
}


class PinError(Exception):
    """The installed MiniStack is not the one that is patched here."""


def check_version() -> None:
    """Raises `PinError` unless the installed MiniStack is the pinned version."""
    try:
        installed = importlib.metadata.version("ministack")
    except importlib.metadata.PackageNotFoundError:
        installed = "not installed"
    if installed != MINISTACK_VERSION:
        raise PinError(
            f"the sandbox patches ministack {MINISTACK_VERSION}, but here it is {installed}: "
            "run `pip install --require-hashes -r sandbox/requirements.txt`"
        )


def check_signatures() -> None:
    """Raises `PinError` where a function that is replaced or called has changed."""
    for name, expected in {**REPLACED, **CALLED}.items():
        found = _parameters(name)
        if found != expected:
            was = "is gone" if found is None else f"takes ({', '.join(found)})"
            raise PinError(
                f"cannot patch ministack: `{name}` {was}, expected ({', '.join(expected)}): "
                "review aws_behaviour against this version"
            )


def _parameters(name: str) -> tuple[str, ...] | None:
    module, _, function = name.rpartition(".")
    found = getattr(importlib.import_module(module), function, None)
    return tuple(inspect.signature(found).parameters) if callable(found) else None
