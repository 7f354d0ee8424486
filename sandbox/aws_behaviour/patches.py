"""Puts the replacements into MiniStack, after checking that they still fit."""

from __future__ import annotations

from aws_behaviour import pin


def install(replication_delay: float, weather_kind: str = "calm") -> None:
    """Replaces functions of MiniStack; raises `pin.PinError` where one has changed."""
    pin.check_signatures()

    from ministack import app
    from ministack.core import iam_actions, iam_evaluator, lambda_runtime
    from ministack.services import (
        athena,
        cloudwatch,
        cloudwatch_logs,
        eventbridge,
        firehose,
        iam,
        kms,
        lambda_svc,
        organizations,
        s3,
        sqs,
        ssm,
        tagging,
    )
    from ministack.services.cloudformation import provisioners

    # Imported before anything is replaced: they keep the originals they call.
    from aws_behaviour import (
        athena_queries,
        batch_operations,
        boundaries,
        deliveries,
        encryption,
        event_buses,
        event_source_mapping,
        events,
        execution_environments,
        filter_patterns,
        foreign_objects,
        generated_names,
        kills,
        listings,
        managed_key,
        metrics,
        object_encryption,
        object_keys,
        organization,
        parameter_events,
        policies,
        policy_variables,
        replication_request,
        request,
        resource_arn,
        rule_members,
        simulation,
        subscriptions,
        texts,
        weather,
    )
    from aws_behaviour.replication import Replication

    replication = Replication(replication_delay)
    s3._maybe_replicate = replication.object_written
    s3._maybe_replicate_delete_marker = replication.delete_marker_written
    for member in (
        "parse_replication_filter",
        "replication_filter_xml",
        "parse_replication_options",
        "replication_destination_options_xml",
    ):
        setattr(s3, f"_{member}", getattr(rule_members, member))
    s3._put_bucket_replication = replication_request.put_bucket_replication
    s3._put_bucket_versioning = replication_request.put_bucket_versioning
    s3._delete_bucket_replication = weather.delete_bucket_replication
    s3._create_bucket = weather.create_bucket
    s3._put_bucket_policy = weather.put_bucket_policy
    s3._put_bucket_notification = weather.put_bucket_notification

    app._handle_s3_control_request = batch_operations.handle_s3_control_request

    provisioners._physical_name = generated_names.physical_name
    lambda_svc._create_function = texts.create_function
    lambda_svc.invalidate_worker = execution_environments.invalidate_worker
    provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]["create"] = texts.lambda_create
    provisioners._RESOURCE_HANDLERS[event_source_mapping.TYPE] = event_source_mapping.handlers()

    s3._fire_s3_event = events.fire_s3_event
    eventbridge._dispatch_event = events.dispatch_event
    eventbridge._invoke_target = events.invoke_target
    eventbridge._put_events = event_buses.put_events
    provisioners._RESOURCE_HANDLERS[event_buses.POLICY_TYPE] = event_buses.policy_handlers()
    organizations.handle_request = organization.handle_request
    iam_evaluator._principal_org_id = organization.principal_org_id
    ssm._put_parameter = parameter_events.put_parameter
    ssm._delete_parameter = parameter_events.delete_parameter
    ssm._delete_parameters = parameter_events.delete_parameters

    eventbridge._dispatch_to_sqs = deliveries.dispatch_to_sqs
    s3._deliver_event_to_sqs = deliveries.deliver_event_to_sqs
    sqs.queue_delay = deliveries.queue_delay
    lambda_runtime._worker_class_for = kills.worker_class_for

    cloudwatch_logs._fanout_to_subscription_filters = metrics.fanout_to_subscription_filters
    cloudwatch_logs._put_metric_filter = metrics.put_metric_filter
    cloudwatch_logs._filter_log_events = metrics.filter_log_events
    cloudwatch_logs._compile_filter_pattern = filter_patterns.compiled
    cloudwatch_logs._subscription_pattern_matches = filter_patterns.matches
    cloudwatch._evaluate_alarm = metrics.evaluate_alarm
    cloudwatch._describe_alarms = metrics.describe_alarms

    firehose._deliver_records_to_s3 = subscriptions.deliver_records_to_s3
    firehose._metadata_extraction_keys = subscriptions.metadata_extraction_keys

    athena._start_query_execution = athena_queries.start_query_execution
    athena._rewrite_data_paths = athena_queries.rewrite_data_paths
    athena._datum_text = athena_queries.datum_text
    named_query = athena_queries.named_query_handlers()
    provisioners._RESOURCE_HANDLERS[athena_queries.NAMED_QUERY] = named_query

    s3.handle_request = request.handle_request
    s3._resolve_sse_write_headers = object_keys.resolve_sse_write_headers
    s3._bucket_default_sse_headers = object_keys.bucket_default_sse_headers
    s3._get_object = object_keys.get_object
    s3._get_object_data = foreign_objects.get_object_data
    s3._list_object_versions = listings.list_object_versions
    # A copy drops these of its source before it takes its own.
    s3._SSE_STORED_HEADERS = (*s3._SSE_STORED_HEADERS, encryption.BUCKET_KEY)

    weather.change(weather.KINDS[weather_kind])
    kms._create_key = weather.create_key
    kms._put_key_policy = weather.put_key_policy
    for operation in ("_describe_key", "_enable_key_rotation", "_schedule_key_deletion"):
        setattr(kms, operation, weather.waiting_for_key(getattr(kms, operation)))
    kms._create_alias = weather.waiting_for_key(weather.create_alias)
    tagging.resource_tags = weather.resource_tags
    kms._key_metadata = managed_key.key_metadata
    kms.key_policy_for_arn = managed_key.key_policy_for_arn
    iam_actions.extract_iam_action = object_encryption.extract_iam_action
    iam_actions.request_tag_context = boundaries.request_tag_context
    iam_actions.extract_resource_arn = resource_arn.extract_resource_arn

    iam._IAM_HANDLERS.update(texts.strict_handlers())
    iam._IAM_HANDLERS.update(weather.role_handlers())
    iam._IAM_HANDLERS["SimulatePrincipalPolicy"] = simulation.simulate_principal_policy

    iam_evaluator._fnmatch_compile = policy_variables.fnmatch_compile
    iam_evaluator._gather_role_policies = policies.gather_role_policies
    iam_evaluator._first_match = policy_variables.first_match
    iam_evaluator._resolve_condition_key = policy_variables.resolve_condition_key
    iam_evaluator._CONDITION_OPS.update(policy_variables.condition_operators())
