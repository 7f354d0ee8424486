//! What S3 refuses in a notification configuration.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html>: no two
//! notifications may take the same event of the same key.

use std::collections::BTreeSet;

use replication::configuration::{Notification, NotificationConfiguration};
use replication::error::ErrorKind::Invalid;

use super::{Refusal, refuse};

pub fn check(to: &NotificationConfiguration, region: &str) -> Result<(), Refusal> {
    let all: Vec<&Notification> = to
        .queues
        .iter()
        .chain(&to.topics)
        .chain(&to.functions)
        .collect();
    let ids: BTreeSet<_> = all.iter().map(|one| &one.id).collect();
    if ids.len() < all.len() {
        return refuse(
            Invalid,
            "InvalidArgument",
            "Same ID used for multiple configurations. IDs must be unique",
        );
    }
    for (number, one) in all.iter().enumerate() {
        if one.target_arn.split(':').nth(3) != Some(region) {
            return refuse(
                Invalid,
                "InvalidArgument",
                "Unable to validate the following destination configurations",
            );
        }
        if all.iter().skip(number + 1).any(|other| overlap(one, other)) {
            return refuse(
                Invalid,
                "InvalidArgument",
                "Configurations overlap. Configurations on the same bucket cannot share a common event type.",
            );
        }
    }
    Ok(())
}

/// S3 sees whether it may send to every target, whosever it is, unless it is told not to:
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html>.
pub fn reached(to: &NotificationConfiguration, gone: &BTreeSet<String>) -> Result<(), Refusal> {
    let mut all = to.queues.iter().chain(&to.topics).chain(&to.functions);
    match all.find(|one| gone.contains(&one.target_arn)) {
        None => Ok(()),
        Some(one) => refuse(
            Invalid,
            "InvalidArgument",
            format!(
                "Unable to validate the following destination configurations; `{}`: The destination queue does \
                 not exist",
                one.target_arn
            ),
        ),
    }
}

fn overlap(one: &Notification, other: &Notification) -> bool {
    let same_event = |a: &String, b: &String| {
        let within = |wide: &str, narrow: &str| {
            wide.strip_suffix('*')
                .is_some_and(|start| narrow.starts_with(start))
        };
        a == b || within(a, b) || within(b, a)
    };
    let events = one
        .events
        .iter()
        .any(|a| other.events.iter().any(|b| same_event(a, b)));
    let filter = |of: &Notification, name: &str| {
        let mut filters = of.key_filters.iter();
        let found = filters.find(|(filter, _)| filter.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let (a, b) = (filter(one, "prefix"), filter(other, "prefix"));
    let prefixes = a.starts_with(&b) || b.starts_with(&a);
    let (a, b) = (filter(one, "suffix"), filter(other, "suffix"));
    let suffixes = a.ends_with(&b) || b.ends_with(&a);
    events && prefixes && suffixes
}
