//! The plan of a Create or Update.

use super::comparison::Comparison;
use super::desired::lacks_our_default;
use crate::configuration::{AsRead, DefaultEncryption, NotificationConfiguration, Versioning};
use crate::desired::Desired;
use crate::fault::{About, Fault, FaultKind, Faults};
use crate::merge;
use crate::observed::{Observed, ObservedBucket};
use crate::owner::Owner;
use crate::ports::BucketRef;
use crate::replication::Replication;
use crate::step::{Plan, Step};

/// Of one bucket, see <https://docs.aws.amazon.com/general/latest/gr/s3.html>.
const MOST_NOTIFICATIONS: usize = 100;

/// How long IAM and KMS may take until what was allowed is known everywhere, in seconds: mostly a few. See
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency>.
const KNOWN_AFTER: u64 = 15;

/// The steps from what there is to what should be. What S3 may still go by while the change is under way
/// stays allowed and expected; [`narrowing`] takes it away.
///
/// # Errors
/// Where our part cannot join other people's configuration, or a limit of AWS is passed.
pub fn plan(
    replication: &Replication,
    desired: &Desired,
    observed: &Observed,
) -> Result<Plan, Faults> {
    Comparison::of(replication, desired, observed).plan()
}

/// The steps that take away what nothing needs any more, once the steps of [`plan`] are taken and, where
/// they are `proved`, S3 was seen to go by the new rules. Empty where [`plan`] fails.
#[must_use]
pub fn narrowing(
    replication: &Replication,
    desired: &Desired,
    observed: &Observed,
    proved: bool,
) -> Plan {
    Comparison::of(replication, desired, observed).narrowing(proved)
}

impl Comparison<'_> {
    fn plan(&self) -> Result<Plan, Faults> {
        let mut faults = Faults::default();
        let mut made = self.new_buckets();
        made.extend(self.new_keys());
        made.extend(self.restored_keys());
        let (arrivals, of_new_buckets) = self.arrivals();
        let (role, policies) = self.role().unwrap_or_else(|found| {
            faults.extend(found);
            (Vec::new(), Vec::new())
        });
        let grants = self.granted().unwrap_or_else(|found| {
            faults.extend(found);
            Vec::new()
        });
        // What is made is needed by settings; a role that is made, by policies of other accounts, which name it.
        let waits = !made.is_empty() || !role.is_empty() && !grants.is_empty();
        let allows = !policies.is_empty() || !grants.is_empty();
        let foundations = [arrivals, made, role].concat();
        let mut settings = [of_new_buckets, self.buckets(), policies, grants].concat();
        let existing = self.observed.replication.as_ref();
        let role_arn = &self.desired.role_arn;
        let merged = self.merged();
        let (announced, words) = self.expectations().unwrap_or_else(|found| {
            faults.extend(found);
            (Vec::new(), Vec::new())
        });
        settings.extend(announced);
        match self.failure_events() {
            Ok(step) => settings.extend(step),
            Err(fault) => faults.add(fault),
        }
        faults.extend(self.ranks().faults);
        let bucket = &self.replication.spec.source_bucket;
        let mut merge = Vec::new();
        match merged {
            Ok(merged) if merged.as_ref() == existing => {}
            Ok(_) => merge.push(Step::MergeReplication {
                bucket: bucket.clone(),
                region: self.replication.spec.source_region.clone(),
                role_arn: role_arn.clone(),
                rules: self.desired.rules.clone(),
            }),
            Err(error) => faults.add(error.fault(About::bucket(bucket))),
        }
        faults.or(())?;
        // Objects that are replicated now would fail while the new rules are known and what they need is not.
        let mut wait = Vec::new();
        let goes_on = !self.observed.former.is_over() || self.changes_role();
        if allows && !merge.is_empty() && goes_on {
            wait.push(Step::Wait {
                seconds: KNOWN_AFTER,
            });
        }
        let (first, second) = if waits {
            (foundations, settings)
        } else {
            ([foundations, settings].concat(), Vec::new())
        };
        Ok(Plan::of([first, second, wait, merge, words]))
    }

    /// Whether rules of ours are in force in another role's name than the one that is wanted.
    fn changes_role(&self) -> bool {
        let found = self.observed.replication.as_ref();
        let mut ours = self.replication.owner.rules_of(found);
        let other = found.is_some_and(|found| found.role != self.desired.role_arn);
        other && ours.next().is_some()
    }

    fn narrowing(&self, proved: bool) -> Plan {
        let mut steps = self.narrowed_role();
        steps.extend(self.narrowed_grants());
        if proved {
            steps.extend(self.proved_expectations());
        }
        steps.extend(self.abandoned_expectations());
        Plan::of([steps])
    }

    fn new_buckets(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        if self.observed.source.is_none() {
            steps.push(Step::CreateBucket {
                bucket: self.replication.spec.source_bucket.clone(),
                region: self.replication.spec.source_region.clone(),
            });
        }
        for (bucket, region) in self.seen() {
            if self.destination(bucket).is_none() {
                steps.push(Step::CreateBucket {
                    bucket: bucket.clone(),
                    region: region.clone(),
                });
            }
        }
        steps
    }

    fn new_keys(&self) -> Vec<Step> {
        let new = self.desired.new_keys.iter();
        let steps = new.map(|(alias_arn, (bucket, region))| Step::CreateKey {
            region: region.clone(),
            alias: self.replication.owner.key_alias(bucket),
            alias_arn: alias_arn.clone(),
            bucket: bucket.clone(),
        });
        steps.collect()
    }

    fn restored_keys(&self) -> impl Iterator<Item = Step> {
        let restored = self.desired.restored_keys.iter();
        restored.map(|(key_arn, (bucket, region))| Step::RestoreKey {
            bucket: bucket.clone(),
            region: region.clone(),
            key_arn: key_arn.clone(),
        })
    }

    /// The buckets' own settings: versioning and default encryption.
    fn buckets(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        let source = (
            &self.replication.spec.source_bucket,
            &self.replication.spec.source_region,
        );
        let versioned = |found: Option<&ObservedBucket>| {
            found.is_some_and(|found| found.versioning == Versioning::Enabled)
        };
        let mut version = |(bucket, region): (&String, &String)| {
            steps.push(Step::EnableVersioning {
                bucket: bucket.clone(),
                region: region.clone(),
            });
        };
        if !versioned(self.observed.source.as_ref()) {
            version(source);
        }
        for place in self.seen() {
            if !versioned(self.destination(place.0)) {
                version(place);
            }
        }
        if let Some(key) = &self.desired.source_default {
            steps.push(default_encryption(source, key));
        }
        for place in self.seen() {
            let found = self.destination(place.0);
            if lacks_our_default(found, &self.replication.owner)
                && let Some(key) = self.desired.first_key_for(place.0)
            {
                steps.push(default_encryption(place, key));
            }
        }
        steps
    }

    /// The destinations' events of arrivals, which begin around five minutes after they are switched on, and
    /// so come first: of buckets that are there, and of those that have to be made. See
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-event-notifications-eventbridge.html>.
    fn arrivals(&self) -> (Vec<Step>, Vec<Step>) {
        let (mut present, mut new) = (Vec::new(), Vec::new());
        for (bucket, region) in self.seen() {
            let step = Step::EnableEventBridge {
                bucket: bucket.clone(),
                region: region.clone(),
            };
            match self.destination(bucket) {
                Some(found) if found.notifications.event_bridge => {}
                Some(_) => present.push(step),
                None => new.push(step),
            }
        }
        (present, new)
    }

    fn failure_events(&self) -> Result<Option<Step>, Fault> {
        let none = NotificationConfiguration::default();
        let source = self.observed.source.as_ref();
        let existing = source.map_or(&none, |source| &source.notifications);
        let Replication {
            owner, queue_arn, ..
        } = self.replication;
        let source = self.replication.source();
        failure_events(source, existing, owner, queue_arn.as_deref())
    }
}

/// The step that sends the replication failures of a source bucket with `existing` notifications to the
/// checker's queue; none where they go there, or to somebody else, or cannot.
///
/// # Errors
/// Where S3 takes no further notification.
pub(crate) fn failure_events(
    source: BucketRef<'_>,
    existing: &NotificationConfiguration,
    owner: &Owner,
    queue_arn: Option<&str>,
) -> Result<Option<Step>, Fault> {
    let BucketRef {
        name: bucket,
        region,
    } = source;
    // S3 sends notifications to queues of the bucket's own Region only.
    let in_region = |arn: &&str| arn.split(':').nth(3) == Some(region);
    let Some(queue_arn) = queue_arn.filter(in_region) else {
        return Ok(None);
    };
    let merged = merge::with_failure_events(existing, owner, queue_arn);
    if merged == *existing {
        return Ok(None);
    }
    let number = merged.queues.len() + merged.topics.len() + merged.functions.len();
    if number > MOST_NOTIFICATIONS {
        let words = format!(
            "bucket `{bucket}` would have {number} event notifications, S3 takes at most {MOST_NOTIFICATIONS}; \
             remove one, or send the bucket's `s3:Replication:*` events to `{queue_arn}` by one of them"
        );
        return Err(Fault::new(About::bucket(bucket), FaultKind::Limit, words));
    }
    Ok(Some(Step::AddFailureEvents {
        bucket: bucket.to_owned(),
        region: region.to_owned(),
        queue_arn: queue_arn.to_owned(),
    }))
}

fn default_encryption((bucket, region): (&String, &String), key: &str) -> Step {
    Step::PutDefaultEncryption {
        bucket: bucket.clone(),
        region: region.clone(),
        encryption: DefaultEncryption {
            algorithm: "aws:kms".into(),
            kms_key: Some(key.to_owned()),
            bucket_key_enabled: true,
            blocked: Vec::new(),
            as_read: AsRead::default(),
        },
    }
}
