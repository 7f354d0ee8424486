//! Every replica gets a verdict, and it is the one that somebody outside gives.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::claims::is_tagged;
use super::{Court, Oracle};
use crate::aws::news::{Carried, Thing};
use crate::aws::state::Version;

/// How long the checker remembers what it was told, and a bit.
const REMEMBERS: Duration = Duration::from_secs(330);

/// An object that arrived somewhere.
#[derive(Clone, Debug)]
pub(super) struct Object {
    bucket: String,
    version: Version,
    carried: Option<Carried>,
    heard: bool,
    at: Instant,
}

/// A verdict line.
#[derive(Clone, Debug)]
pub(super) struct Told {
    place: (String, String, String),
    verdict: String,
    compliant: Option<bool>,
    line: Value,
    at: Instant,
}

impl Court {
    /// A verdict line was written.
    pub fn tells(&self, line: Value) {
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        let told = Told {
            place: (text("bucket"), text("key"), text("versionId")),
            verdict: text("verdict"),
            compliant: line["compliant"].as_bool(),
            at: Instant::now(),
            line,
        };
        let mut oracle = self.oracle();
        oracle.counts.one("verdicts");
        if told.compliant == Some(false) {
            oracle.counts.one("findings");
        }
        oracle.told.push(told);
    }

    /// Weighs what was re-encrypted in place: never what its own rule brought under its own key, and never to
    /// a key that nobody's word has now.
    pub fn weighs_repairs(&self) {
        let repaired = std::mem::take(&mut self.world.state().repaired);
        let mut oracle = self.oracle();
        for ((bucket, key, id), to) in repaired {
            oracle.counts.one("repairs");
            oracle
                .repaired
                .insert((bucket.clone(), key.clone(), id.clone()));
            let mut all = oracle.objects.iter();
            let found = all.find(|one| {
                (&one.bucket, &one.version.key, &one.version.id) == (&bucket, &key, &id)
            });
            let Some(object) = found.cloned() else {
                continue;
            };
            let Some(carried) = &object.carried else {
                oracle.breaks(
                    "repairs-right",
                    format!("{key} in {bucket} is no replica and was re-encrypted"),
                );
                continue;
            };
            // The word of an owner that is gone went with it: a limit that SEMANTICS names.
            let gone = crate::stage::owner_in(&carried.rule)
                .and_then(|owner| oracle.claims.get(owner))
                .is_some_and(|claim| claim.wanted.is_none());
            if gone {
                continue;
            }
            let about = (key.as_str(), is_tagged(&object.version.tags));
            let open: Vec<_> = oracle
                .words(&carried.source, &bucket, about)
                .filter(|(owner, right)| {
                    let claim = oracle.claims.get(*owner);
                    right.until.is_none() && claim.is_some_and(|claim| claim.wanted.is_some())
                })
                .map(|(owner, right)| (format!("{owner}-{}", right.id), right.key.clone()))
                .collect();
            let own = open.iter().any(|(rule, right)| {
                *rule == carried.rule && right.is_some() && *right == object.version.kms_key
            });
            let named = open
                .iter()
                .any(|(_, right)| right.is_none() || *right == Some(to.clone()));
            if own || !named {
                let under = object
                    .version
                    .kms_key
                    .unwrap_or_else(|| "SSE-S3".to_owned());
                oracle.breaks("repairs-right", format!("{key} in {bucket} was under {under}, which was right or nobody's business, and is under {to} now"));
            }
        }
    }

    /// Weighs every verdict of the life.
    pub fn weighs_verdicts(&self) {
        let mut oracle = self.oracle();
        let told = std::mem::take(&mut oracle.told);
        let objects = std::mem::take(&mut oracle.objects);
        let mut by_place: BTreeMap<_, Vec<&Told>> = BTreeMap::new();
        for one in &told {
            by_place.entry(one.place.clone()).or_default().push(one);
        }
        for object in &objects {
            let version = &object.version;
            let place = (
                object.bucket.clone(),
                version.key.clone(),
                version.id.clone(),
            );
            let verdicts = by_place.remove(&place).unwrap_or_default();
            if verdicts.is_empty() && object.heard {
                let seen = format!("{} in {} has no verdict", version.key, object.bucket);
                oracle.breaks("every-verdict", seen);
            }
            for one in verdicts {
                if let Some(why) = oracle.is_wrong(object, one) {
                    let reason = one.line["reason"].as_str().unwrap_or_default();
                    let seen = format!(
                        "{} in {} ({}) is {}, but {why}; the checker says: {reason}",
                        version.key,
                        object.bucket,
                        version.kms_key.as_deref().unwrap_or("SSE-S3"),
                        one.verdict,
                    );
                    let promise = if one.compliant == Some(false) {
                        "no-false-finding"
                    } else {
                        "right-verdict"
                    };
                    oracle.breaks(promise, seen);
                }
            }
        }
    }
}

impl Oracle {
    pub(super) fn arrives(
        &mut self,
        bucket: &str,
        version: &Version,
        carried: Option<&Carried>,
        heard: bool,
        at: Instant,
    ) {
        self.objects.push(Object {
            bucket: bucket.to_owned(),
            version: version.clone(),
            carried: carried.cloned(),
            heard,
            at,
        });
    }

    /// Why a verdict is not what it should be.
    fn is_wrong(&self, object: &Object, told: &Told) -> Option<String> {
        let version = &object.version;
        let finding = told.compliant == Some(false);
        match told.verdict.as_str() {
            "ReplicationFailed" => {
                return (!self.failures.contains(&told.place))
                    .then(|| "it did not fail".to_owned());
            }
            // It may be gone by then, and whether S3 shows it is not the question here.
            "Gone" | "Uninspectable" => return None,
            _ => {}
        }
        let Some(carried) = &object.carried else {
            return finding.then(|| "somebody uploaded it there".to_owned());
        };
        if told.verdict == "KeyUnusable" {
            let key = Thing::Key(version.kms_key.clone().unwrap_or_default());
            let began = self.began;
            let untouched = self.last_hand(&key).is_none_or(|(_, when)| when == began);
            return untouched.then(|| "nobody ever touched the key".to_owned());
        }
        let tagged = is_tagged(&version.tags);
        let about = (version.key.as_str(), tagged);
        let since = version.written.checked_sub(REMEMBERS).unwrap_or(self.began);
        let words: Vec<_> = self
            .words(&carried.source, &object.bucket, about)
            .filter(|(_, right)| right.from <= told.at)
            .filter(|(_, right)| right.until.is_none_or(|until| until >= since))
            .collect();
        let known = words.iter().all(|(_, right)| right.key.is_some());
        let says = |key: &Option<String>| words.iter().any(|(_, right)| right.key == *key);
        // The word of an owner that has left the destination goes with it, and S3 may still carry objects by
        // its rules for a while: a limit that SEMANTICS names.
        let asks_still = |owner: &str| {
            let asks = self
                .claims
                .get(owner)
                .and_then(|claim| claim.wanted.as_ref());
            asks.is_some_and(|wanted| {
                wanted
                    .rules
                    .iter()
                    .any(|rule| rule.destination == object.bucket)
            })
        };
        let own = words.iter().any(|(owner, right)| {
            carried.rule == format!("{owner}-{}", right.id)
                && right.key == version.kms_key
                && asks_still(owner)
        });
        if finding {
            if version.kms_key.is_some() && own {
                return Some("its own rule brought it under its own key".to_owned());
            }
            if words.is_empty() && told.verdict != "KeyUnusable" {
                return Some("nobody says which key is right".to_owned());
            }
            return None;
        }
        // Whether it is well: only where nothing changed that it hangs on.
        let repaired = self.repaired.contains(&told.place);
        if repaired || self.is_stirred(None, since, told.at) || object.at > told.at {
            return None;
        }
        let certain = words.iter().any(|(_, right)| !right.tagged);
        if known && certain && !says(&version.kms_key) {
            return Some(
                "nobody says that this key is right, and somebody that another is".to_owned(),
            );
        }
        None
    }
}
