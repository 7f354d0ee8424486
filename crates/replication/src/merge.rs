//! Our rules and notification among other people's: what a shared configuration becomes.
//!
//! S3 has no call for one rule or one notification; a write replaces the whole configuration. So
//! these functions are run on what was read the moment before, and everything that does not bear
//! our owner goes back as it came.

use std::collections::BTreeSet;

use thiserror::Error;

use crate::configuration::{
    Notification, NotificationConfiguration, ReplicationConfiguration, ReplicationRule,
};
use crate::owner::Owner;

/// Why our rules cannot join the ones that are there.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MergeError {
    /// A bucket has one role for all rules, and other rules use another one.
    #[error(
        "the bucket's {foreign} other rule(s) use role `{role}`, and a bucket has one replication role; \
         give that role as `Role`, with the permissions our rules need, or move those rules into this resource"
    )]
    ForeignRole {
        /// The role that is there.
        role: String,
        /// How many rules use it.
        foreign: usize,
    },
    /// A rule in the V1 schema.
    #[error(
        "the bucket's rule `{id}` is in S3's V1 schema, which allows one destination only and cannot stand \
         beside rules with a Filter; give it `Filter`, `Priority` and `DeleteMarkerReplication` first"
    )]
    V1Rule {
        /// The rule's `ID`.
        id: String,
    },
    /// A priority that the template asks for is taken.
    #[error(
        "priority {priority} of rule `{ours}` is the priority of the bucket's rule `{theirs}` too; choose another, \
         or leave `Priority` out to get a free one"
    )]
    PriorityTaken {
        /// The priority.
        priority: i32,
        /// Our rule.
        ours: String,
        /// The rule that has it.
        theirs: String,
    },
    /// S3 takes 1,000 rules.
    #[error("the bucket would have {rules} replication rules, S3 takes at most 1000")]
    TooMany {
        /// How many there would be.
        rules: usize,
    },
}

/// `existing` with exactly `ours` as this owner's rules, under `role`. `None` where no rule is left:
/// the configuration is then to be deleted.
///
/// A rule of ours without a priority keeps the one it has in the bucket, or gets its position
/// where that is free, or else the next free one.
///
/// # Errors
/// Where the rules cannot stand together; see [`MergeError`]. Removing rules never fails.
pub fn replication(
    existing: Option<&ReplicationConfiguration>,
    owner: &Owner,
    role: &str,
    ours: &[ReplicationRule],
) -> Result<Option<ReplicationConfiguration>, MergeError> {
    let present: &[ReplicationRule] = existing.map_or(&[], |existing| &existing.rules);
    let foreign: Vec<_> = present
        .iter()
        .filter(|rule| !owner.owns(&rule.id))
        .collect();
    if ours.is_empty() {
        let rules: Vec<_> = foreign.into_iter().cloned().collect();
        let role = existing
            .map(|existing| existing.role.clone())
            .unwrap_or_default();
        return Ok((!rules.is_empty()).then_some(ReplicationConfiguration { role, rules }));
    }
    if let Some(existing) = existing.filter(|existing| existing.role != role && !foreign.is_empty())
    {
        return Err(MergeError::ForeignRole {
            role: existing.role.clone(),
            foreign: foreign.len(),
        });
    }
    if let Some(rule) = foreign.iter().find(|rule| rule.is_v1()) {
        return Err(MergeError::V1Rule {
            id: rule.id.clone(),
        });
    }
    let prioritised = with_priorities(present, &foreign, ours)?;
    let total = foreign.len() + prioritised.len();
    if total > 1000 {
        return Err(MergeError::TooMany { rules: total });
    }
    // Ours stay where they are in the list; new ones go to its end.
    let mut waiting = prioritised;
    let mut rules = Vec::with_capacity(total);
    for rule in present {
        if !owner.owns(&rule.id) {
            rules.push(rule.clone());
        } else if let Some(at) = waiting.iter().position(|ours| ours.id == rule.id) {
            rules.push(waiting.remove(at));
        }
    }
    rules.append(&mut waiting);
    Ok(Some(ReplicationConfiguration {
        role: role.to_owned(),
        rules,
    }))
}

fn with_priorities(
    present: &[ReplicationRule],
    foreign: &[&ReplicationRule],
    ours: &[ReplicationRule],
) -> Result<Vec<ReplicationRule>, MergeError> {
    let holder = |priority| foreign.iter().find(|rule| rule.priority == Some(priority));
    let mut taken: BTreeSet<i32> = foreign.iter().filter_map(|rule| rule.priority).collect();
    for rule in ours {
        let Some(priority) = rule.priority else {
            continue;
        };
        if let Some(theirs) = holder(priority) {
            let (ours, theirs) = (rule.id.clone(), theirs.id.clone());
            return Err(MergeError::PriorityTaken {
                priority,
                ours,
                theirs,
            });
        }
        taken.insert(priority);
    }
    // Rules keep the priority they have, unless the template now gives that one to another.
    let mut chosen: Vec<ReplicationRule> = ours.to_vec();
    for rule in chosen.iter_mut().filter(|rule| rule.priority.is_none()) {
        let had = present
            .iter()
            .find(|there| there.id == rule.id)
            .and_then(|there| there.priority);
        rule.priority = had.filter(|priority| taken.insert(*priority));
    }
    for (position, rule) in (1_i32..).zip(chosen.iter_mut()) {
        if rule.priority.is_none() {
            rule.priority = (position..=i32::MAX).find(|priority| taken.insert(*priority));
        }
    }
    Ok(chosen)
}

/// The failure events that the checker reads.
///
/// See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html>.
pub const FAILURE_EVENTS: [&str; 4] = [
    "s3:Replication:OperationFailedReplication",
    "s3:Replication:OperationMissedThreshold",
    "s3:Replication:OperationReplicatedAfterThreshold",
    "s3:Replication:OperationNotTracked",
];

/// `existing` with the bucket's replication failures sent to `queue_arn`.
///
/// S3 refuses two notifications for the same events, so the resources on one bucket share one: it
/// bears the name of the first, and goes to another that is left when that one is removed. Where
/// someone else already takes these events, nothing is changed.
#[must_use]
pub fn with_failure_events(
    existing: &NotificationConfiguration,
    owner: &Owner,
    queue_arn: &str,
) -> NotificationConfiguration {
    let wanted = Notification {
        id: owner.notification_id(),
        target_arn: queue_arn.to_owned(),
        events: FAILURE_EVENTS.map(str::to_owned).to_vec(),
        key_filters: Vec::new(),
    };
    let mut merged = existing.clone();
    merged
        .queues
        .retain(|notification| !owner.owns(&notification.id));
    let everything = [&merged.queues, &merged.topics, &merged.functions];
    let taken = everything.into_iter().flatten().any(takes_failure_events);
    if taken {
        return merged;
    }
    let same = |there: &&Notification| {
        let events = |of: &Notification| of.events.iter().cloned().collect::<BTreeSet<_>>();
        there.id == wanted.id
            && there.target_arn == wanted.target_arn
            && events(there) == events(&wanted)
    };
    if existing.queues.iter().any(|there| same(&there)) {
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
            }
        }
        None => merged
            .queues
            .retain(|notification| !owner.owns(&notification.id)),
    }
    merged
}

fn takes_failure_events(notification: &Notification) -> bool {
    notification
        .events
        .iter()
        .any(|event| event.starts_with("s3:Replication:"))
}
