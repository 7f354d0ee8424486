//! No upload is refused or lost because of us.

use std::time::Duration;

use tokio::time::Instant;

use super::claims::is_tagged;
use super::verdicts::Object;
use super::{Court, Oracle, Who};
use aws_in_memory::news::{Carried, News, Thing};
use aws_in_memory::people::{Refused, Upload};
use aws_in_memory::things::Version;

/// An object that somebody uploaded.
#[derive(Clone, Debug)]
pub struct Uploaded {
    pub kms_key: Option<String>,
    pub at: Instant,
}

/// How long a request waits between a permission and the rules that need it, as SEMANTICS says.
const WAITED_FOR: Duration = Duration::from_secs(15);

/// Longer than S3 takes over an object in any story.
const LONGEST_UNDER_WAY: Duration = Duration::from_mins(1);

/// Objects that go by one way fare alike: source, destination, first part of the key, the source's key, the rule.
pub(super) type Way = (String, String, String, Option<String>, String);

fn way(source: &str, destination: &str, version: &Version, rule: &str) -> Way {
    let first = version.key.rsplit_once('/').map_or("", |(first, _)| first);
    let destination = destination.rsplit(':').next().unwrap_or(destination);
    let (source, destination) = (source.to_owned(), destination.to_owned());
    (
        source,
        destination,
        first.to_owned(),
        version.kms_key.clone(),
        rule.to_owned(),
    )
}

impl Court {
    /// Somebody uploads.
    #[must_use]
    pub fn uploads(&self, upload: &Upload) -> Option<String> {
        let done = self.world.uploads(upload);
        let mut oracle = self.oracle();
        match done {
            Ok(id) => {
                oracle.counts.one("uploads");
                Some(id)
            }
            Err(refused) => {
                oracle.counts.one("uploads refused");
                oracle.weigh_refusal(upload, &refused);
                None
            }
        }
    }

    /// Takes what happened to objects.
    #[must_use]
    pub fn takes_news(&self) -> Vec<News> {
        let news = std::mem::take(&mut self.world.state().news);
        let mut oracle = self.oracle();
        for one in &news {
            oracle.hear(one);
        }
        news
    }
}

impl Court {
    /// Somebody deleted all that was in a bucket.
    pub fn is_emptied(&self, bucket: &str) {
        let now = Instant::now();
        self.oracle().emptied.insert(bucket.to_owned(), now);
    }

    /// The rules of an owner went, as was asked: a rule of the same name that is made later is another one.
    pub fn is_gone(&self, owner: &str) {
        let worked = &mut self.oracle().worked;
        worked.retain(|(_, _, _, _, rule), _| !rule.starts_with(owner));
    }

    /// Whether everything that people uploaded is there.
    pub fn weighs_objects(&self) {
        let mut lost = Vec::new();
        {
            let state = self.world.state();
            let oracle = self.oracle();
            for ((bucket, key, id), uploaded) in &oracle.uploads {
                let emptied = oracle.emptied.get(bucket);
                if emptied.is_some_and(|emptied| uploaded.at <= *emptied) {
                    continue;
                }
                let found = state.buckets.get(bucket);
                let there = found.is_some_and(|found| {
                    found
                        .versions
                        .iter()
                        .any(|one| one.key == *key && one.id == *id)
                });
                if !there {
                    lost.push(format!("{key} ({id}) in {bucket} is gone"));
                }
            }
        }
        let mut oracle = self.oracle();
        for seen in lost {
            oracle.breaks("others-untouched", seen);
        }
    }
}

impl Oracle {
    fn weigh_refusal(&mut self, upload: &Upload, refused: &Refused) {
        let Refused { code, stop } = refused;
        // Who deletes an empty bucket was asked to.
        let bucket = matches!(stop.what, Thing::Bucket(_));
        if let (Some((Who::Us, _)), false) = (self.last_hand(&stop.what), bucket) {
            let seen = format!(
                "an upload of {} to {} is refused ({code}): {:?} {}",
                upload.key, upload.bucket, stop.what, stop.why
            );
            self.breaks("uploads-refused", seen);
        }
    }

    fn hear(&mut self, news: &News) {
        match news {
            News::Object {
                bucket,
                version,
                carried,
                heard,
                at,
                ..
            } => {
                let probe = version.key.contains(".encrypted-replication-probe-");
                let place = (bucket.clone(), version.key.clone(), version.id.clone());
                if let Some(carried) = carried {
                    self.counts.one("replicas");
                    if !probe {
                        self.went(bucket, version, carried);
                        self.weigh_age(version, carried);
                    }
                } else if !probe {
                    let (kms_key, at) = (version.kms_key.clone(), *at);
                    self.uploads.insert(place, Uploaded { kms_key, at });
                }
                self.objects.push(Object {
                    bucket: bucket.clone(),
                    version: version.clone(),
                    carried: carried.clone(),
                    heard: *heard,
                    at: *at,
                });
            }
            News::Failure {
                source,
                version,
                rule,
                destination,
                stop,
                ..
            } => {
                self.counts.one("replications failed");
                let place = (source.clone(), version.key.clone(), version.id.clone());
                self.failures.insert(place);
                let worked = self.worked.get(&way(source, destination, version, rule));
                let worked = worked.copied();
                let by_iam = matches!(stop.what, Thing::Role(_) | Thing::RolePolicies(_));
                let too_late = by_iam && self.permissions_take > WAITED_FOR;
                if !too_late
                    && worked.is_some_and(|worked| self.is_by_us(&stop.what, worked))
                    && !self.is_asked_away(rule, destination)
                    && !self.is_left(version, rule)
                {
                    let seen = format!(
                        "{} of {source} was lost to {destination}: rule {rule}: {:?} {}, and it went before",
                        version.key, stop.what, stop.why
                    );
                    self.breaks("uploads-lost", seen);
                }
            }
        }
    }

    /// An object arrived: what is uploaded under the same key goes the same way.
    fn went(&mut self, destination: &str, replica: &Version, carried: &Carried) {
        let Carried { source, rule } = carried;
        let place = (source.clone(), replica.key.clone(), replica.id.clone());
        if let Some(uploaded) = self.uploads.get(&place) {
            let original = Version {
                kms_key: uploaded.kms_key.clone(),
                ..replica.clone()
            };
            let way = way(source, destination, &original, rule);
            self.worked.insert(way, replica.written);
        }
    }

    /// What was there long before a rule goes by it only where a stack asks for what exists.
    fn weigh_age(&mut self, version: &Version, carried: &Carried) {
        let Carried { source, rule } = carried;
        let place = (source.clone(), version.key.clone(), version.id.clone());
        let owner = crate::stage::owner_in(rule);
        let (Some(uploaded), Some(owner)) = (self.uploads.get(&place), owner) else {
            return;
        };
        let id = rule.get(23..).unwrap_or_default();
        let claim = self.claims.get(owner);
        let rights = claim.map_or(&[][..], |claim| &claim.rights);
        let began = rights.iter().filter(|right| right.id == id);
        let Some(began) = began.map(|right| right.from).min() else {
            return;
        };
        let about = (version.key.as_str(), is_tagged(&version.tags));
        let asked = self.claims.values().any(|claim| {
            let mut rights = claim.rights.iter();
            claim.existing
                && rights
                    .any(|right| right.source == source.as_str() && right.covers(about.0, about.1))
        });
        if uploaded.at + LONGEST_UNDER_WAY < began && !asked {
            let seen = format!(
                "{} of {source} was there before rule {rule}, which replicated it, and no stack asked for that",
                version.key
            );
            self.breaks("existing-asked", seen);
        }
    }

    /// Whether the stack of a rule names source keys, or went from a role of somebody's to its own, and the
    /// object's key is not among those that are taken any more.
    fn is_left(&self, version: &Version, rule: &str) -> bool {
        let owner = crate::stage::owner_in(rule);
        let claim = owner.and_then(|owner| self.claims.get(owner));
        let alone = claim.and_then(|claim| claim.takes_alone.as_ref());
        if let (Some(alone), Some(key)) = (alone, &version.kms_key)
            && !alone.contains(key)
        {
            return true;
        }
        let wanted = claim.and_then(|claim| claim.wanted.as_ref());
        wanted.is_some_and(|wanted| {
            let mut keys = wanted.source_keys.iter();
            !wanted.source_keys.is_empty()
                && !keys.any(|name| Some(crate::story::key_arn(name)) == version.kms_key)
        })
    }
}
