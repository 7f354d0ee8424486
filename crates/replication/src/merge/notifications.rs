//! Our notification among other people's.

use crate::configuration::{AsRead, Notification, NotificationConfiguration, ReplicationRule};
use crate::owner::Owner;

/// The failure events that the checker reads.
///
/// See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html>.
pub const FAILURE_EVENTS: [&str; 4] = [
    "s3:Replication:OperationFailedReplication",
    "s3:Replication:OperationMissedThreshold",
    "s3:Replication:OperationReplicatedAfterThreshold",
    "s3:Replication:OperationNotTracked",
];

/// How all of them begin.
const REPLICATION: &str = "s3:Replication:";

/// `existing` with the bucket's replication failures sent to `queue_arn`.
///
/// S3 refuses two notifications for the same event, so the resources on one bucket share one: it
/// bears the name of the first, and goes to another that is left when that one is removed. Events that
/// someone else already takes stay theirs; ours are those that are free.
#[must_use]
pub fn with_failure_events(
    existing: &NotificationConfiguration,
    owner: &Owner,
    queue_arn: &str,
) -> NotificationConfiguration {
    let mut merged = existing.clone();
    merged
        .queues
        .retain(|notification| !owner.owns(&notification.id));
    let everything = [&merged.queues, &merged.topics, &merged.functions];
    let theirs: Vec<_> = everything.into_iter().flatten().collect();
    let free = FAILURE_EVENTS.into_iter();
    let free = free.filter(|event| !theirs.iter().any(|notification| takes(notification, event)));
    let wanted = Notification {
        id: owner.notification_id(),
        target_arn: queue_arn.to_owned(),
        events: free.map(str::to_owned).collect(),
        key_filters: Vec::new(),
        as_read: AsRead::default(),
    };
    // A target of a kind that we do not know may take them as well.
    let unknown = merged.others.iter().any(|xml| xml.contains(REPLICATION));
    if wanted.events.is_empty() || unknown {
        return merged;
    }
    if existing.queues.contains(&wanted) {
        return existing.clone();
    }
    merged.queues.push(wanted);
    merged
}

/// `existing` without this owner's notification; another owner that still has rules takes it over.
#[must_use]
pub fn without_failure_events(
    existing: &NotificationConfiguration,
    owner: &Owner,
    remaining: Option<&Owner>,
) -> NotificationConfiguration {
    let mut merged = existing.clone();
    match remaining {
        Some(heir) => {
            for notification in merged.queues.iter_mut().filter(|n| owner.owns(&n.id)) {
                notification.id = heir.notification_id();
                notification.as_read = AsRead::default();
            }
        }
        None => merged
            .queues
            .retain(|notification| !owner.owns(&notification.id)),
    }
    merged
}

/// Whether a notification is for this event, by its own name or for all of its kind.
#[must_use]
pub fn takes(notification: &Notification, event: &str) -> bool {
    let mut events = notification.events.iter();
    events.any(|taken| match taken.strip_suffix('*') {
        Some(kind) => event.starts_with(kind),
        None => taken == event,
    })
}

/// The owner that takes over what all resources on a bucket share, when `leaving` goes.
#[must_use]
pub fn heir(rules: &[ReplicationRule], leaving: &Owner) -> Option<Owner> {
    rules
        .iter()
        .filter_map(|rule| Owner::at_start_of(&rule.id))
        .find(|owner| owner != leaving)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(name: &str) -> Owner {
        Owner::new("stack", name, "source")
    }

    #[test]
    fn events_that_others_take_stay_theirs_and_the_free_ones_are_ours() {
        let us = owner("A");
        let theirs = |events: &[&str], topic: bool| {
            let notification = Notification {
                id: "theirs".into(),
                target_arn: "arn:aws:sqs:us-east-1:1:theirs".into(),
                events: events.iter().map(|event| (*event).to_owned()).collect(),
                key_filters: vec![("prefix".into(), "in/".into())],
                as_read: AsRead::default(),
            };
            let mut existing = NotificationConfiguration::default();
            if topic {
                &mut existing.topics
            } else {
                &mut existing.queues
            }
            .push(notification);
            existing
        };
        for (events, ours) in [
            (&["s3:ObjectCreated:*"][..], &FAILURE_EVENTS[..]),
            (
                &["s3:Replication:OperationMissedThreshold"],
                &[FAILURE_EVENTS[0], FAILURE_EVENTS[2], FAILURE_EVENTS[3]],
            ),
            (
                &["s3:Replication:OperationFailedReplication"],
                &FAILURE_EVENTS[1..],
            ),
            (&["s3:Replication:*"], &[]),
            (&["s3:*"], &[]),
            (&FAILURE_EVENTS, &[]),
        ] {
            for topic in [false, true] {
                let existing = theirs(events, topic);
                let merged = with_failure_events(&existing, &us, "q");
                let found: Vec<_> = merged
                    .queues
                    .iter()
                    .filter(|one| us.owns(&one.id))
                    .collect();
                match found.as_slice() {
                    [] => assert_eq!(ours, &[] as &[&str], "{events:?}"),
                    [one] => assert_eq!(one.events, ours, "{events:?}"),
                    more => panic!("{more:?}"),
                }
                assert_eq!(with_failure_events(&merged, &us, "q"), merged);
                assert_eq!(without_failure_events(&merged, &us, None), existing);
            }
        }
    }

    #[test]
    fn the_failure_notification_is_ours_moves_with_the_queue_and_goes_to_the_heir() {
        let (us, heir) = (owner("A"), owner("B"));
        let none = NotificationConfiguration::default();
        let first = with_failure_events(&none, &us, "arn:aws:sqs:us-east-1:1:q");
        assert_eq!(first.queues[0].id, us.notification_id());
        assert_eq!(first.queues[0].events, FAILURE_EVENTS);
        assert_eq!(
            with_failure_events(&first, &us, "arn:aws:sqs:us-east-1:1:q"),
            first
        );
        // S3 may give the events back in another order.
        let mut turned = first.clone();
        turned.queues[0].events.reverse();
        assert_eq!(
            with_failure_events(&turned, &us, "arn:aws:sqs:us-east-1:1:q"),
            turned
        );
        let moved = with_failure_events(&first, &us, "arn:aws:sqs:us-east-1:1:other");
        assert_eq!(moved.queues.len(), 1);
        assert!(moved.queues[0].target_arn.ends_with("other"));
        assert_eq!(with_failure_events(&first, &heir, "q"), first);
        let handed = without_failure_events(&first, &us, Some(&heir));
        assert_eq!(handed.queues[0].id, heir.notification_id());
        assert_eq!(without_failure_events(&first, &us, None), none);
        assert_eq!(without_failure_events(&first, &heir, None), first);
    }

    #[test]
    fn the_heir_is_another_owner_whose_rule_is_left() {
        let (leaving, other) = (owner("A"), owner("B"));
        let rule = |id: &str| ReplicationRule::example(id, "");
        let rules = [
            rule("theirs"),
            rule(&leaving.rule_id(None, 0)),
            rule(&other.rule_id(None, 0)),
        ];
        assert_eq!(heir(&rules, &leaving).as_ref(), Some(&other));
        assert_eq!(heir(&rules, &other).as_ref(), Some(&leaving));
        assert_eq!(heir(&rules[..2], &leaving), None);
    }
}
