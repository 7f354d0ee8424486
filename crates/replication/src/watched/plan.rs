//! From what was seen to what is to be written: expectations, the failure notification, the destinations'
//! events. Nothing else is ever written. Pure.

use std::collections::{BTreeMap, BTreeSet};

use expectation::{Document, Rule, Time};

use super::Watching;
use super::look::{Look, Place};
use super::word::{Key, SeenRule, Word};
use crate::configuration::{NotificationConfiguration, Status};
use crate::diagnosis::{Check, CheckResult, told_failures};
use crate::fault::{About, Fault, FaultKind, Faults};
use crate::merge::with_failure_events;
use crate::owner::Owner;
use crate::plan::{
    Before, Change, Said, differing, documents_of, expected_of, failure_events, too_many,
};
use crate::ports::Aws;
use crate::spec::Site;
use crate::step::{Plan, Step};

impl<A> Watching<'_, A> {
    /// What keeps these rules from being watched. What was watched before and is not there any more is none:
    /// an Update that rolls back must get through.
    pub(crate) fn faults(&self, look: &Look<'_, A>) -> Faults {
        let mut faults = Faults::default();
        let source = &self.watch.source_bucket;
        let is_new = |id: &&String| {
            let mut past = self.past.iter();
            !past.any(|past| {
                past.missing.contains(id) || past.rules.iter().any(|rule| rule.id == **id)
            })
        };
        for id in look.missing.iter().filter(is_new) {
            let words = match nearest(id, look) {
                Some(near) => {
                    format!("bucket `{source}` has no rule `{id}`; did you mean `{near}`?")
                }
                None => format!("bucket `{source}` has no rule `{id}`"),
            };
            faults.push("RuleIds", words);
        }
        for id in &look.ours {
            let words = format!(
                "rule `{id}` is a Custom::EncryptedReplication's, which says itself which key is right; leave it out"
            );
            faults.push("RuleIds", words);
        }
        if look.word.rules.is_empty() && faults.is_empty() && self.past.is_none() {
            let all = look
                .configuration
                .as_ref()
                .map_or(0, |found| found.rules.len());
            let words = if all == 0 {
                format!("bucket `{source}` has no replication rules: there is nothing to watch yet")
            } else {
                format!(
                    "bucket `{source}` has no replication rules of others: a Custom::EncryptedReplication watches its own"
                )
            };
            faults.add(Fault::new(About::bucket(source), FaultKind::Missing, words));
        }
        faults
    }

    /// The steps to what `word` says.
    ///
    /// # Errors
    /// Where a limit of AWS's is passed.
    pub(crate) fn plan(&self, look: &Look<'_, A>, word: &Word) -> Result<Plan, Faults> {
        let (mut steps, mut faults) = (Vec::new(), Faults::default());
        let watched: BTreeSet<&str> = word.watched().map(|rule| rule.bucket.as_str()).collect();
        for (bucket, place) in &look.destinations {
            if watched.contains(bucket.as_str()) && !place.event_bridge {
                steps.push(Step::EnableEventBridge {
                    bucket: bucket.clone(),
                    region: place.region.clone(),
                });
            }
        }
        for (bucket, place) in &look.destinations {
            let wanted = self.expectation(bucket, place, word, look.word.at);
            faults.0.extend(too_many(bucket, &wanted));
            steps.extend(differing(
                (bucket, &place.region),
                &place.parameters,
                wanted,
            ));
        }
        if !word.rules.is_empty() {
            let queue = self.queue_arn.as_deref();
            match failure_events(self.watch.source(), &look.notifications, self.owner, queue) {
                Ok(step) => steps.extend(step),
                Err(fault) => faults.add(fault),
            }
        }
        faults.or(Plan::of([steps]))
    }

    /// What is to be said of one destination, by parameter. Former keys stay, each with an `until`; as nobody
    /// knows when a rule of others was changed, the new key counts from when it was looked at before.
    fn expectation(
        &self,
        bucket: &str,
        place: &Place,
        word: &Word,
        now: Time,
    ) -> BTreeMap<String, String> {
        let documents = place.parameters.values();
        let documents = documents.filter_map(|text| Document::read(text).ok());
        let present: Vec<Rule> = documents.flat_map(|document| document.rules).collect();
        let led = |rule: &&SeenRule| rule.bucket == bucket;
        let rules: Vec<Said> = word
            .rules
            .iter()
            .filter(led)
            .filter_map(SeenRule::said)
            .collect();
        let before = Before {
            present: &present,
            others: &[],
            looked: self.past.as_ref().map(|past| past.at),
        };
        // Nothing is proved here: S3 may go by the former rule for a while.
        let lines = expected_of(&rules, before, now, Change::UnderWay);
        if lines.is_empty() {
            return BTreeMap::new();
        }
        let source = self.home.bucket_arn(&self.watch.source_bucket);
        documents_of(&source, (self.owner, bucket), lines, None)
    }

    /// What a person should know of, besides what cannot be watched.
    pub(crate) fn warnings(&self, look: &Look<'_, A>) -> Vec<String> {
        let source = &self.watch.source_bucket;
        let mut told = Vec::new();
        for id in &look.missing {
            told.push(format!("bucket `{source}` has no rule `{id}` any more"));
        }
        if look.word.rules.is_empty() && look.missing.is_empty() {
            told.push(format!(
                "bucket `{source}` has no replication rules to watch any more"
            ));
        }
        for bucket in &look.needless {
            told.push(format!(
                "`Destinations` names bucket `{bucket}`, and no watched rule of bucket `{source}` leads there"
            ));
        }
        let rules = look.word.rules.iter();
        let silent = rules.filter(|rule| rule.status == Status::Enabled && !rule.metrics);
        told.extend(silent.map(|rule| {
            format!(
                "rule `{}` has no metrics, so S3 sends no failure events for it; set `Destination.Metrics.Status` to Enabled",
                rule.id
            )
        }));
        told.extend(self.unheard(look));
        told
    }

    /// Why the checker may not hear of failures.
    fn unheard(&self, look: &Look<'_, A>) -> Option<String> {
        let mut written = look.notifications.clone();
        let in_region = |arn: &&String| arn.split(':').nth(3) == Some(&self.watch.source_region);
        if let Some(queue) = self.queue_arn.as_ref().filter(in_region) {
            written = with_failure_events(&written, self.owner, queue);
        }
        let check = self.failure_check(look, &written);
        (check.result != CheckResult::Pass).then(|| check.to_string())
    }

    /// Whether the checker hears of failures by these notifications of the source bucket.
    pub(crate) fn failure_check(
        &self,
        look: &Look<'_, A>,
        notifications: &NotificationConfiguration,
    ) -> Check {
        let queue = self.queue_arn.as_deref();
        let prefixes: Vec<&str> = look
            .word
            .rules
            .iter()
            .map(|rule| rule.prefix.as_str())
            .collect();
        told_failures(
            (self.watch.source(), &self.home.region),
            notifications,
            &prefixes,
            queue,
        )
    }
}

/// The rule that was meant, by the distance of its name.
fn nearest<'a, A>(id: &str, look: &'a Look<'_, A>) -> Option<&'a str> {
    let rules = look.configuration.iter().flat_map(|found| &found.rules);
    let others = rules.filter(|rule| Owner::at_start_of(&rule.id).is_none());
    let ranked = others.map(|rule| {
        let distance = strsim::damerau_levenshtein(&rule.id.to_lowercase(), &id.to_lowercase());
        (distance, rule.id.as_str())
    });
    let near = ranked.filter(|(distance, known)| *distance <= known.len().max(id.len()) / 2);
    near.min().map(|(_, known)| known)
}

/// Where something of ours is once `word` is written: at what is watched, and where it was before.
pub(crate) fn sites<A: Aws>(
    look: &Look<'_, A>,
    word: &Word,
    past: Option<&Word>,
    roles: &BTreeMap<String, String>,
) -> Vec<Site> {
    let known = past.into_iter().flat_map(|past| &past.sites);
    let mut sites: BTreeMap<String, Site> = known
        .map(|site| (site.bucket.clone(), site.clone()))
        .collect();
    for rule in word
        .rules
        .iter()
        .filter(|rule| matches!(rule.key, Key::Arn(_)))
    {
        let bucket = &rule.bucket;
        let Some(place) = look.destinations.get(bucket) else {
            continue;
        };
        let site = Site {
            bucket: bucket.clone(),
            region: Some(place.region.clone()),
            account: look.accounts.account_of(bucket).cloned(),
            assume_role_arn: roles.get(bucket).cloned(),
            keys: BTreeSet::new(),
        };
        sites.insert(bucket.clone(), site);
    }
    sites.into_values().collect()
}
