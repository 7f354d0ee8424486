//! Which probes show that every rule of ours works. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::Doubt;
use crate::configuration::{Filter, ReplicationConfiguration, ReplicationRule, Status};
use crate::error::ReplicationError;
use crate::owner::Owner;
use crate::plan::Desired;
use crate::ranking::deciding;

/// S3's limit of 1,024 bytes, less what numbers the probes. A prefix may be longer than leaves room.
const LONGEST_KEY: usize = 1024 - 5;

/// One object to write, and where its replicas must show up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Probe {
    pub(super) filter: Filter,
    /// The key that it is uploaded under; `None`: as people upload, without naming one.
    pub(super) source_key: Option<String>,
    /// By destination bucket.
    pub(super) replicas: BTreeMap<String, Replica>,
    /// Buckets that a rule of somebody else's sends a copy to, with the account where the rule says one.
    pub(super) strays: Strays,
}

/// What must arrive at one destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Replica {
    /// `Id` of the rule of ours that sends it.
    pub(super) rule: String,
    /// ARN of the key that it must have.
    pub(super) key: String,
}

/// Buckets that copies go to and that are none of our destinations, with their account where a rule says
/// one.
pub(super) type Strays = BTreeMap<String, Option<String>>;

/// What is to be written, and why the rest cannot be proved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) probes: Vec<Probe>,
    /// By rule `Id`.
    pub(super) unprovable: BTreeMap<String, Doubt>,
}

impl Chosen {
    /// Says why rules cannot be proved, where nothing says it yet.
    fn doubt<'a>(&mut self, rules: impl Iterator<Item = &'a ReplicationRule>, why: &Doubt) {
        for rule in rules {
            let known = self.unprovable.entry(rule.id.clone());
            known.or_insert_with(|| why.clone());
        }
    }
}

/// One ordinary upload for each filter of our enabled rules, and one for each further source key.
pub(super) fn probes(
    configuration: &ReplicationConfiguration,
    desired: &Desired,
    owner: &Owner,
    source_bucket: &str,
) -> Result<Chosen, ReplicationError> {
    let enabled = |rule: &&ReplicationRule| rule.status == Status::Enabled;
    let all = || configuration.rules.iter().filter(enabled);
    let ours = || all().filter(|rule| owner.owns(&rule.id));
    let mut chosen = Chosen::default();
    let filters: BTreeSet<Filter> = ours().filter_map(|rule| rule.filter.clone()).collect();
    for filter in filters {
        let key = owner.probe_key(&filter.prefix);
        let covering = || all().filter(|rule| rule.covers(&key, &filter.tags));
        let winners = deciding(&configuration.rules, &key, &filter.tags);
        // Where none of our rules leads, another's takes nothing from us.
        let sent: BTreeSet<&str> = covering()
            .filter(|rule| owner.owns(&rule.id))
            .map(|rule| rule.destination.bucket_name())
            .collect();
        let (mut at_ours, mut elsewhere): (BTreeMap<_, _>, BTreeMap<_, _>) = winners
            .into_values()
            .map(|rule| (rule.destination.bucket_name(), rule))
            .partition(|(bucket, _)| sent.contains(bucket));
        let of_filter = || ours().filter(|rule| rule.filter.as_ref() == Some(&filter));
        let others: Vec<_> = at_ours
            .values()
            .copied()
            .filter(|rule| !owner.owns(&rule.id))
            .collect();
        for by in others {
            let bucket = by.destination.bucket_name();
            // What was so before is told by rule, and refused by nobody.
            let mut known = of_filter().filter(|rule| {
                desired.outranked.contains(&rule.id) && rule.destination.bucket_name() == bucket
            });
            let Some(rule) = known.next() else {
                return Err(outranked(&filter, by));
            };
            let why = format!(
                "rule `{}`, which is not ours, has the higher priority",
                by.id
            );
            chosen.unprovable.insert(rule.id.clone(), Doubt::Idle(why));
            elsewhere.extend(at_ours.remove_entry(bucket));
        }
        if let Some(why) = unprovable(&key, at_ours.keys().copied(), desired, source_bucket) {
            chosen.doubt(of_filter(), &Doubt::Unprovable(why));
            continue;
        }
        // The rules leave out what a probe would be called.
        if at_ours.is_empty() {
            let why = "it leaves out the key that a probe would have";
            chosen.doubt(of_filter(), &Doubt::Unprovable(why.to_owned()));
            continue;
        }
        // What needs a key that S3 cannot use is told, and cannot be shown.
        let keys = source_keys(desired, chosen.probes.is_empty());
        let broken = |rule: &&ReplicationRule| {
            let key = rule.destination.replica_kms_key_id.as_ref();
            key.is_some_and(|key| desired.unusable.contains(key))
        };
        if keys.is_empty() || at_ours.values().any(broken) {
            let why = "it needs a key that S3 cannot use";
            chosen.doubt(of_filter(), &Doubt::KeyUnusable(why.to_owned()));
            continue;
        }
        let replicas: BTreeMap<_, _> = at_ours
            .into_iter()
            .map(|(bucket, rule)| {
                let key = rule.destination.replica_kms_key_id.clone();
                let replica = Replica {
                    rule: rule.id.clone(),
                    key: key.unwrap_or_default(),
                };
                (bucket.to_owned(), replica)
            })
            .collect();
        let strays: Strays = elsewhere
            .into_iter()
            .map(|(bucket, rule)| (bucket.to_owned(), rule.destination.account.clone()))
            .collect();
        chosen
            .probes
            .extend(keys.into_iter().map(|source_key| Probe {
                filter: filter.clone(),
                source_key,
                replicas: replicas.clone(),
                strays: strays.clone(),
            }));
    }
    let wins = |id: &String| {
        let mut replicas = chosen
            .probes
            .iter()
            .flat_map(|probe| probe.replicas.values());
        replicas.any(|replica| replica.rule == *id)
    };
    let never: Vec<_> = ours()
        .map(|rule| rule.id.clone())
        .filter(|id| !wins(id) && !chosen.unprovable.contains_key(id))
        .collect();
    chosen.unprovable.extend(never.into_iter().map(|id| {
        let why = "another rule of higher priority takes its objects to the same bucket";
        (id, Doubt::Idle(why.to_owned()))
    }));
    Ok(chosen)
}

/// The keys that probes of one filter are uploaded under: of the first filter each that there is, of
/// others the one that people's uploads have.
fn source_keys(desired: &Desired, first: bool) -> Vec<Option<String>> {
    let ordinary = desired.ordinary_key.as_ref();
    let named = desired
        .source_keys
        .iter()
        .filter(|key| Some(*key) != ordinary && !desired.unusable.contains(*key));
    let usable = ordinary.filter(|key| !desired.unusable.contains(*key));
    let mut keys: Vec<_> = usable.map(|_| None).into_iter().collect();
    keys.extend(named.cloned().map(Some));
    keys.truncate(if first { keys.len() } else { 1 });
    keys
}

/// Why no probe can be written under a filter: it could not be removed again.
fn unprovable<'a>(
    key: &str,
    mut destinations: impl Iterator<Item = &'a str>,
    desired: &Desired,
    source_bucket: &str,
) -> Option<String> {
    if key.len() > LONGEST_KEY {
        return Some("its prefix leaves no room for the key of a probe".to_owned());
    }
    if desired.retaining.contains(source_bucket) {
        return Some(retains(source_bucket));
    }
    destinations.find_map(|bucket| {
        if desired.unseen.contains(bucket) {
            return Some(format!(
                "bucket `{bucket}` is in another account, where we may not look: give `AssumeRoleArn`"
            ));
        }
        let retaining = desired.retaining.contains(bucket);
        retaining.then(|| retains(bucket))
    })
}

fn retains(bucket: &str) -> String {
    format!(
        "bucket `{bucket}` has a default retention, by which a probe could not be removed again"
    )
}

fn outranked(filter: &Filter, by: &ReplicationRule) -> ReplicationError {
    ReplicationError::Unproven(format!(
        "objects under `{}` for bucket `{}` fall to rule `{}`, which is not ours and has the higher priority {}; \
         give our rule a higher `Priority`",
        filter.prefix,
        by.destination.bucket_name(),
        by.id,
        by.priority.unwrap_or_default()
    ))
}

#[cfg(test)]
mod tests;
