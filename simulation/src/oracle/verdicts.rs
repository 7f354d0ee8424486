//! Every replica gets a verdict, and it is the one that somebody outside gives.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::claims::is_tagged;
use super::{Court, Oracle};
use aws_in_memory::news::{Carried, Thing};
use aws_in_memory::things::Version;

/// How long the checker remembers what it was told, and a bit.
const REMEMBERS: Duration = Duration::from_secs(330);

/// An object that arrived somewhere.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) bucket: String,
    pub(super) version: Version,
    pub(super) carried: Option<Carried>,
    pub(super) heard: bool,
    pub(super) at: Instant,
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

    /// A message went to the dead-letter queue, whose calls were not answered: the sweep is for that.
    pub fn sees_die(&self, body: &Value) {
        let object = &body["detail"]["object"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let bucket = text(&body["detail"]["bucket"]["name"]);
        let place = (bucket, text(&object["key"]), text(&object["version-id"]));
        self.oracle().dead.insert(place);
    }

    /// Weighs what was re-encrypted in place: never what its own rule brought under its own key, and never to
    /// a key that nobody's word has now.
    pub fn weighs_repairs(&self) {
        let repaired = std::mem::take(&mut self.world.state().repaired);
        let mut oracle = self.oracle();
        for ((bucket, key, id), to) in repaired {
            oracle.counts.one("repairs");
            let place = (bucket.clone(), key.clone(), id.clone());
            oracle.repaired.insert(place, Instant::now());
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
            let now = Instant::now();
            let kept = crate::stage::owner_in(&carried.rule)
                .is_some_and(|owner| oracle.keeps_word(owner, &bucket, now));
            let about = (key.as_str(), is_tagged(&object.version.tags));
            let open: Vec<_> = oracle
                .words(&carried.source, &bucket, about)
                .filter(|(owner, right)| {
                    let claim = oracle.claims.get(*owner);
                    right.until.is_none() && claim.is_some_and(|claim| claim.wanted.is_some())
                })
                .map(|(owner, right)| (format!("{owner}-{}", right.id), right.key.clone()))
                .collect();
            let own = kept
                && oracle
                    .words(&carried.source, &bucket, about)
                    .any(|(owner, right)| {
                        carried.rule == format!("{owner}-{}", right.id)
                            && right.key.is_some()
                            && right.key == object.version.kms_key
                            && right
                                .until
                                .is_none_or(|until| until >= object.version.written)
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
            if verdicts.is_empty() && object.heard && !oracle.dead.contains(&place) {
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
    /// Whether an owner speaks of a bucket, or others have spoken of it all the time since it left: then what
    /// was right by its word is known still. The last one who leaves takes everybody's word away.
    fn keeps_word(&self, owner: &str, bucket: &str, at: Instant) -> bool {
        let Some(claim) = self.claims.get(owner) else {
            return false;
        };
        let wanted = claim.wanted.iter().flat_map(|wanted| &wanted.rules);
        if wanted.clone().any(|rule| rule.destination == bucket) {
            return true;
        }
        let here = claim
            .rights
            .iter()
            .filter(|right| right.destination == bucket);
        let Some(mut covered) = here.filter_map(|right| right.ends.or(right.until)).max() else {
            return false;
        };
        let others = self.claims.iter().filter(|(name, _)| *name != owner);
        let others = others.flat_map(|(_, claim)| &claim.rights);
        let mut spoken: Vec<(Instant, Option<Instant>)> = others
            .filter(|right| right.destination == bucket)
            .filter_map(|right| Some((right.told?, right.ends.or(right.until))))
            .collect();
        spoken.sort();
        for (from, ends) in spoken {
            match ends {
                _ if from > covered => return false,
                None => return true,
                Some(ends) => covered = covered.max(ends),
            }
        }
        covered > at
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
        let repaired = self.repaired.get(&told.place);
        if repaired.is_some_and(|when| *when <= told.at) {
            // Another key than it came under; what it was made of is weighed by itself.
            return None;
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
        let own = words.iter().any(|(owner, right)| {
            carried.rule == format!("{owner}-{}", right.id)
                && right.key == version.kms_key
                && self.keeps_word(owner, &object.bucket, told.at)
        });
        // A word counts until its owner takes it back, also where somebody took its rule out of the bucket: by
        // one that stands above, what another rule brings is not as it was asked for.
        let ghost = words.iter().any(|(owner, right)| {
            !carried.rule.starts_with(owner.as_str())
                && right.key != version.kms_key
                && self
                    .claims
                    .get(*owner)
                    .is_some_and(|claim| claim.is_unruled(told.at))
        });
        if finding {
            if version.kms_key.is_some() && own && !ghost {
                return Some("its own rule brought it under its own key".to_owned());
            }
            // The checker sees neither from which bucket a replica came nor which tags it has: a word about
            // another source counts as well, and one about objects with a tag.
            let spoken = self.claims.values().flat_map(|claim| &claim.rights);
            let mut spoken = spoken.filter(|right| {
                right.destination == object.bucket
                    && right.from <= told.at
                    && right.until.is_none_or(|until| until >= since)
            });
            let spoken = spoken.any(|right| right.enabled && right.covers(about.0, true));
            if !spoken && told.verdict != "KeyUnusable" {
                return Some("nobody says which key is right".to_owned());
            }
            return None;
        }
        // Whether it is well: only where nothing changed that it hangs on.
        if self.is_stirred(None, since, told.at) || object.at > told.at {
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
