//! Notification configurations: the SDK's types and ours.

use aws_sdk_s3::error::BuildError;
use aws_sdk_s3::operation::get_bucket_notification_configuration::GetBucketNotificationConfigurationOutput;
use aws_sdk_s3::types as s3;

use crate::configuration::{Notification, NotificationConfiguration};

pub(super) fn from_sdk(
    found: GetBucketNotificationConfigurationOutput,
) -> NotificationConfiguration {
    let queues = found.queue_configurations.unwrap_or_default().into_iter();
    let topics = found.topic_configurations.unwrap_or_default().into_iter();
    let functions = found
        .lambda_function_configurations
        .unwrap_or_default()
        .into_iter();
    NotificationConfiguration {
        queues: queues
            .map(|q| notification(q.id, q.queue_arn, &q.events, q.filter))
            .collect(),
        topics: topics
            .map(|t| notification(t.id, t.topic_arn, &t.events, t.filter))
            .collect(),
        functions: functions
            .map(|f| notification(f.id, f.lambda_function_arn, &f.events, f.filter))
            .collect(),
        event_bridge: found.event_bridge_configuration.is_some(),
    }
}

fn notification(
    id: Option<String>,
    target_arn: String,
    events: &[s3::Event],
    filter: Option<s3::NotificationConfigurationFilter>,
) -> Notification {
    let rules = filter
        .and_then(|filter| filter.key)
        .and_then(|key| key.filter_rules)
        .unwrap_or_default();
    let key_filters = rules.into_iter().map(|rule| {
        let name = rule
            .name
            .map(|name| name.as_str().to_owned())
            .unwrap_or_default();
        (name, rule.value.unwrap_or_default())
    });
    Notification {
        id: id.unwrap_or_default(),
        target_arn,
        events: events
            .iter()
            .map(|event| event.as_str().to_owned())
            .collect(),
        key_filters: key_filters.collect(),
    }
}

pub(super) fn to_sdk(
    configuration: &NotificationConfiguration,
) -> Result<s3::NotificationConfiguration, BuildError> {
    let queues = configuration.queues.iter().map(|notification| {
        s3::QueueConfiguration::builder()
            .id(&notification.id)
            .queue_arn(&notification.target_arn)
            .set_events(Some(events(notification)))
            .set_filter(filter(notification))
            .build()
    });
    let topics = configuration.topics.iter().map(|notification| {
        s3::TopicConfiguration::builder()
            .id(&notification.id)
            .topic_arn(&notification.target_arn)
            .set_events(Some(events(notification)))
            .set_filter(filter(notification))
            .build()
    });
    let functions = configuration.functions.iter().map(|notification| {
        s3::LambdaFunctionConfiguration::builder()
            .id(&notification.id)
            .lambda_function_arn(&notification.target_arn)
            .set_events(Some(events(notification)))
            .set_filter(filter(notification))
            .build()
    });
    let event_bridge = configuration
        .event_bridge
        .then(|| s3::EventBridgeConfiguration::builder().build());
    Ok(s3::NotificationConfiguration::builder()
        .set_queue_configurations(Some(queues.collect::<Result<_, _>>()?))
        .set_topic_configurations(Some(topics.collect::<Result<_, _>>()?))
        .set_lambda_function_configurations(Some(functions.collect::<Result<_, _>>()?))
        .set_event_bridge_configuration(event_bridge)
        .build())
}

fn events(notification: &Notification) -> Vec<s3::Event> {
    notification
        .events
        .iter()
        .map(|event| event.as_str().into())
        .collect()
}

fn filter(notification: &Notification) -> Option<s3::NotificationConfigurationFilter> {
    if notification.key_filters.is_empty() {
        return None;
    }
    let rules = notification.key_filters.iter().map(|(name, value)| {
        s3::FilterRule::builder()
            .name(name.as_str().into())
            .value(value)
            .build()
    });
    let key = s3::S3KeyFilter::builder()
        .set_filter_rules(Some(rules.collect()))
        .build();
    Some(
        s3::NotificationConfigurationFilter::builder()
            .key(key)
            .build(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notifications_of_anyone_survive_being_read_and_written() {
        let notification = |id: &str, filters: &[(&str, &str)]| Notification {
            id: id.into(),
            target_arn: format!("arn:{id}"),
            events: vec!["s3:ObjectCreated:*".into(), "s3:SomethingNew".into()],
            key_filters: filters
                .iter()
                .map(|(n, v)| ((*n).into(), (*v).into()))
                .collect(),
        };
        let configuration = NotificationConfiguration {
            queues: vec![notification("q", &[("prefix", "a"), ("suffix", ".csv")])],
            topics: vec![notification("t", &[])],
            functions: vec![notification("f", &[("Prefix", "b")])],
            event_bridge: true,
        };
        let sdk = to_sdk(&configuration).unwrap();
        let read = GetBucketNotificationConfigurationOutput::builder()
            .set_queue_configurations(sdk.queue_configurations)
            .set_topic_configurations(sdk.topic_configurations)
            .set_lambda_function_configurations(sdk.lambda_function_configurations)
            .set_event_bridge_configuration(sdk.event_bridge_configuration)
            .build();
        let mut expected = configuration;
        // The SDK knows one spelling of each filter's name, and S3 takes both.
        let read = from_sdk(read);
        expected.functions[0].key_filters[0]
            .0
            .clone_from(&read.functions[0].key_filters[0].0);
        assert!(
            read.functions[0].key_filters[0]
                .0
                .eq_ignore_ascii_case("prefix")
        );
        assert_eq!(read, expected);
    }
}
