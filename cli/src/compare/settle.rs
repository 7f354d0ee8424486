//! What S3 is asked about a version that a destination does not have: one HEAD at the source, its tags where
//! they decide, and one HEAD at the destination before anything is said to be missing.

use compliance::ports::Inspection;
use compliance::subject::ObjectVersion;
use expectation::Time;
use replication::configuration::Tag;

use super::judge::{Evidence, Judged, Judgement, age, judge, settles};
use super::rules::{Cover, Rules};
use super::state::State;
use crate::listing::Entry;
use crate::looking::{HeadVersion, ReadTags, version_of};
use crate::pace::{Fault, Pace};

/// A bucket that is looked at, and how fast.
#[derive(Debug)]
pub(super) struct Looked<'a, B> {
    pub(super) bucket: &'a str,
    pub(super) port: &'a B,
    pub(super) pace: &'a Pace,
}

/// What is asked with.
#[derive(Debug)]
pub(super) struct Settling<'a, B> {
    pub(super) rules: &'a Rules,
    pub(super) source: Looked<'a, B>,
    pub(super) sides: Vec<Option<Looked<'a, B>>>,
    pub(super) since: Option<Time>,
    pub(super) began: Time,
}

/// What is said of a version at one destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) side: usize,
    pub(super) rule: Option<usize>,
    /// S3's word at the source.
    pub(super) status: Option<String>,
    pub(super) judgement: Judgement,
}

/// What the source said of a version.
#[derive(Clone, Copy, Debug)]
struct Said<'a> {
    source: &'a Result<Inspection, Fault>,
    tags: Option<&'a Result<Vec<Tag>, Fault>>,
}

impl Decision {
    pub(super) fn now(side: usize, rule: Option<usize>, judged: Judged) -> Self {
        Self {
            side,
            rule,
            status: None,
            judgement: Judgement::Now(judged),
        }
    }

    pub(super) fn not_covered(side: usize, cover: Cover) -> Self {
        let reason = match cover {
            Cover::None(Some(_)) => "the rule that covers it is disabled",
            _ => "no rule covers it",
        };
        Self::now(side, None, Judged::new(State::NotCovered, reason))
    }
}

impl<B: HeadVersion + ReadTags> Settling<'_, B> {
    /// Settles how a version of the source stands at the destinations that do not list it.
    pub(super) async fn settle(&self, entry: &Entry, sides: &[usize]) -> Vec<Decision> {
        let covers: Vec<_> = sides
            .iter()
            .map(|side| (*side, self.cover(*side, &entry.key, None)))
            .collect();
        let nothing = covers
            .iter()
            .all(|(_, cover)| matches!(cover, Cover::None(_)));
        if nothing {
            return covers
                .iter()
                .map(|(side, cover)| Decision::not_covered(*side, *cover))
                .collect();
        }
        let Some(version) = version_of(self.source.bucket, None, entry) else {
            let judged = Judged::new(State::Undetermined, "its key is none that S3 takes");
            return sides
                .iter()
                .map(|side| Decision::now(*side, None, judged.clone()))
                .collect();
        };
        let source = self.source.head(&version).await;
        let is_there = matches!(source, Ok(Inspection::Object(_)));
        let tags = if is_there
            && covers
                .iter()
                .any(|(_, cover)| matches!(cover, Cover::Tags(_)))
        {
            Some(self.tags(&version).await)
        } else {
            None
        };
        let mut decisions = Vec::with_capacity(covers.len());
        for (side, cover) in covers {
            let said = Said {
                source: &source,
                tags: tags.as_ref(),
            };
            let decision = self.at_side(side, cover, (entry, &version), said);
            decisions.push(decision.await);
        }
        decisions
    }

    fn cover(&self, side: usize, key: &str, tags: Option<&[Tag]>) -> Cover {
        let side = self.rules.side(side);
        side.map_or(Cover::None(None), |side| side.cover(key, tags))
    }

    async fn at_side(
        &self,
        side: usize,
        cover: Cover,
        (entry, version): (&Entry, &ObjectVersion),
        said: Said<'_>,
    ) -> Decision {
        let Said { source, tags } = said;
        let cover = match (cover, tags) {
            (Cover::Tags(_), Some(Ok(tags))) => self.cover(side, &entry.key, Some(tags)),
            (Cover::Tags(place), Some(Err(fault))) => {
                let why = format!("its tags decide which rule covers it, and {fault}");
                let judged = Judged::new(State::Undetermined, why);
                return Decision::now(side, Some(place), judged);
            }
            (cover, _) => cover,
        };
        let answer = source.as_ref().map_err(ToString::to_string);
        let answer = answer.as_ref().map(|inspection| *inspection);
        let answer = answer.map_err(String::as_str);
        let status = match answer {
            Ok(Inspection::Object(seen)) => seen.replication_status.clone(),
            _ => None,
        };
        let (place, understood) = match cover {
            // By tags: the HEAD says why there are none.
            Cover::By(place) | Cover::Tags(place) => (Some(place), true),
            Cover::NotUnderstood(place) => (Some(place), false),
            Cover::None(_) => {
                return Decision {
                    status,
                    ..Decision::not_covered(side, cover)
                };
            }
        };
        let rules = self.rules.side(side).map(|side| &side.rules);
        let rule = rules.and_then(|rules| rules.get(place.unwrap_or_default()));
        let Some(rule) = rule else {
            return Decision::not_covered(side, Cover::None(None));
        };
        if !understood && status.is_none() && matches!(answer, Ok(Inspection::Object(_))) {
            let why = format!(
                "the filter of rule `{}` holds something that is not known here, and S3 gives no replication status",
                rule.id
            );
            return Decision::now(side, place, Judged::new(State::Undetermined, why));
        }
        let there = if settles(answer, age(entry, self.began)) {
            None
        } else {
            self.is_there(side, version).await
        };
        let judgement = judge(Evidence {
            version: entry,
            rule,
            source: answer,
            there,
            since: self.since,
            began: self.began,
        });
        Decision {
            side,
            rule: place,
            status,
            judgement,
        }
    }

    /// Whether the destination has it by now; `None` where it does not say.
    async fn is_there(&self, side: usize, version: &ObjectVersion) -> Option<bool> {
        let looked = self.sides.get(side)?.as_ref()?;
        let there = ObjectVersion {
            bucket: looked.bucket.to_owned(),
            ..version.clone()
        };
        match looked.head(&there).await.ok()? {
            // S3 shows nothing of an object under a customer's key, but that it is there.
            Inspection::Object(_) | Inspection::CustomerKey => Some(true),
            Inspection::NotFound | Inspection::DeleteMarker => Some(false),
            Inspection::AccessDenied | Inspection::OtherRegion(_) => None,
        }
    }

    async fn tags(&self, version: &ObjectVersion) -> Result<Vec<Tag>, Fault> {
        let source = &self.source;
        source.pace.insist(|| source.port.tags(version)).await
    }
}

impl<B: HeadVersion> Looked<'_, B> {
    async fn head(&self, version: &ObjectVersion) -> Result<Inspection, Fault> {
        self.pace.insist(|| self.port.head(version)).await
    }
}
