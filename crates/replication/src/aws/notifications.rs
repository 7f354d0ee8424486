//! Notification configurations: S3's XML and our values.
//!
//! Members are those of
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html>.

use super::xml::{self, Element};
use crate::configuration::{Notification, NotificationConfiguration};

pub(super) const ROOT: &str = "NotificationConfiguration";
/// Element of a kind of target, and of its ARN.
const TOPIC: (&str, &str) = ("TopicConfiguration", "Topic");
const QUEUE: (&str, &str) = ("QueueConfiguration", "Queue");
const FUNCTION: (&str, &str) = ("CloudFunctionConfiguration", "CloudFunction");
const EVENT_BRIDGE: &str = "EventBridgeConfiguration";

/// The configuration in `text`.
///
/// # Errors
/// Where `text` is none.
pub(super) fn read(text: &str) -> Result<NotificationConfiguration, String> {
    xml::read(text, ROOT, |mut root| {
        let topics = notifications(&mut root, TOPIC);
        let queues = notifications(&mut root, QUEUE);
        let functions = notifications(&mut root, FUNCTION);
        let bridges = root.all(EVENT_BRIDGE);
        let event_bridge = !bridges.is_empty();
        // It has no members yet.
        let bridges = bridges.into_iter().map(Element::end);
        let more = bridges.filter(|bridge| !bridge.is_understood());
        let others = root.others().map(Into::into);
        NotificationConfiguration {
            topics,
            queues,
            functions,
            event_bridge,
            others: more.filter_map(|bridge| bridge.xml).chain(others).collect(),
        }
    })
}

fn notifications(root: &mut Element<'_, '_>, (element, target): (&str, &str)) -> Vec<Notification> {
    let found = root.all(element).into_iter();
    found.map(|one| notification(one, target)).collect()
}

fn notification(mut from: Element<'_, '_>, target: &str) -> Notification {
    let key_filters = from.member("Filter", |filter| {
        filter.member("S3Key", |key| {
            let mut rules = Vec::new();
            let rule = |rule: &mut Element<'_, '_>| {
                (
                    rule.text("Name").unwrap_or_default(),
                    rule.text("Value").unwrap_or_default(),
                )
            };
            while let Some(rule) = key.member("FilterRule", rule) {
                rules.push(rule);
            }
            rules
        })
    });
    Notification {
        id: from.text("Id").unwrap_or_default(),
        target_arn: from.text(target).unwrap_or_default(),
        events: from.texts("Event"),
        key_filters: key_filters.flatten().unwrap_or_default(),
        as_read: from.end(),
    }
}

/// The XML of `configuration`.
pub(super) fn write(configuration: &NotificationConfiguration) -> String {
    xml::document(ROOT, |out| {
        write_all(out, TOPIC, &configuration.topics);
        write_all(out, QUEUE, &configuration.queues);
        write_all(out, FUNCTION, &configuration.functions);
        let mut others = configuration.others.iter();
        let more = others.any(|xml| xml.trim_start_matches('<').starts_with(EVENT_BRIDGE));
        if configuration.event_bridge && !more {
            xml::element(out, EVENT_BRIDGE, |_| ());
        }
        for other in &configuration.others {
            out.push_str(other);
        }
    })
}

fn write_all(out: &mut String, (element, target): (&str, &str), all: &[Notification]) {
    for one in all {
        let still = |read: Element<'_, '_>| notification(read, target) == *one;
        xml::as_read(out, (element, &one.as_read), still, |out| {
            write_one(out, target, one);
        });
    }
}

fn write_one(out: &mut String, target: &str, one: &Notification) {
    xml::text(out, "Id", &one.id);
    xml::text(out, target, &one.target_arn);
    for event in &one.events {
        xml::text(out, "Event", event);
    }
    if one.key_filters.is_empty() {
        return;
    }
    xml::element(out, "Filter", |out| {
        xml::element(out, "S3Key", |out| {
            for (name, value) in &one.key_filters {
                xml::element(out, "FilterRule", |out| {
                    xml::text(out, "Name", name);
                    xml::text(out, "Value", value);
                });
            }
        });
    });
}
