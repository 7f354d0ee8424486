//! No upload is refused or lost because of us.

use tokio::time::Instant;

use super::{Court, Oracle, Who};
use crate::aws::news::{News, Thing};
use crate::aws::people::{Refused, Upload};
use crate::aws::state::Version;

/// An object that somebody uploaded.
#[derive(Clone, Debug)]
pub struct Uploaded {
    pub kms_key: Option<String>,
    pub at: Instant,
}

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
    /// Whether everything that people uploaded is there.
    pub fn weighs_objects(&self) {
        let mut lost = Vec::new();
        {
            let state = self.world.state();
            let oracle = self.oracle();
            for (bucket, key, id) in oracle.uploads.keys() {
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
                        let way = way(&carried.source, bucket, version, &carried.rule);
                        self.worked.insert(way, version.written);
                    }
                } else if !probe {
                    let (kms_key, at) = (version.kms_key.clone(), *at);
                    self.uploads.insert(place, Uploaded { kms_key, at });
                }
                self.arrives(bucket, version, carried.as_ref(), *heard, *at);
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
                if worked.is_some_and(|worked| self.is_by_us(&stop.what, worked))
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

    /// Whether the stack of a rule names source keys, and the object's is not among them any more.
    fn is_left(&self, version: &Version, rule: &str) -> bool {
        let owner = crate::stage::owner_in(rule);
        let claim = owner.and_then(|owner| self.claims.get(owner));
        let wanted = claim.and_then(|claim| claim.wanted.as_ref());
        wanted.is_some_and(|wanted| {
            let mut keys = wanted.source_keys.iter();
            !wanted.source_keys.is_empty()
                && !keys.any(|name| Some(crate::story::key_arn(name)) == version.kms_key)
        })
    }
}
