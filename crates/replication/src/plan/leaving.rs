//! What an owner leaves behind in a bucket that its rules lead to no more.
//!
//! While others speak of the bucket, a replica that the owner's rules brought is judged by their word, now and
//! whenever it is looked at again. So its own word stays, with an end; the last one who leaves takes all of
//! that away. Pure.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use expectation::{Document, Rule, Time};

use super::documents::{deletion, differing, documents_of};
use super::expected::MOST_FORMER;
use crate::observed::RemainingDestination;
use crate::owner::Owner;
use crate::parameters::speaks;
use crate::step::Step;

/// How long S3 may go by rules that were removed, in seconds: what is uploaded by then was right. AWS says no
/// more than that it takes a while, see
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketReplication.html>.
const STILL_CARRIED_FOR: i64 = 60 * 60;

/// What is said of a bucket: its parameters, by name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spoken<'a> {
    pub(crate) bucket: &'a str,
    pub(crate) region: &'a str,
    pub(crate) ours: &'a BTreeMap<String, String>,
    pub(crate) others: &'a BTreeMap<String, String>,
}

impl<'a> Spoken<'a> {
    pub(super) fn of(bucket: &'a str, found: &'a RemainingDestination) -> Self {
        Self {
            bucket,
            region: &found.region,
            ours: &found.parameters,
            others: &found.expectations,
        }
    }
}

/// The steps that take our word about a bucket back: to what was right until now where others speak of it,
/// else wholly, with what earlier owners left there.
pub(crate) fn word_taken_back(said: Spoken<'_>, owner: &Owner, now: Time) -> Vec<Step> {
    let Spoken {
        bucket,
        region,
        ours,
        others,
    } = said;
    let delete = |name: &String| deletion(bucket, region, name);
    if !others.values().any(|text| speaks(text)) {
        return ours.keys().chain(others.keys()).map(delete).collect();
    }
    if !ours.values().any(|text| speaks(text)) {
        return Vec::new();
    }
    let documents = ours.values();
    let documents: Vec<_> = documents
        .filter_map(|text| Document::read(text).ok())
        .collect();
    let source = documents.first().map_or("", |document| &document.source);
    let present = documents.iter().flat_map(|document| &document.rules);
    let lines = ended(present, now);
    let wanted = if lines.is_empty() {
        BTreeMap::new()
    } else {
        documents_of(source, (owner, bucket), lines, Some(now))
    };
    differing((bucket, region), ours, wanted)
}

/// The steps that take back a word about replicas that there never were.
pub(crate) fn word_never_meant(said: Spoken<'_>) -> Vec<Step> {
    let ours = said.ours.keys();
    ours.map(|name| deletion(said.bucket, said.region, name))
        .collect()
}

/// The lines with their ends: a rule that was in force was right until S3 goes by it no more. As many as an
/// expectation keeps of former keys.
fn ended<'a>(present: impl Iterator<Item = &'a Rule>, now: Time) -> Vec<Rule> {
    let latest = Time::from_secs(now.secs().saturating_add(STILL_CARRIED_FOR));
    let mut lines: Vec<Rule> = Vec::new();
    let mut in_force = 0;
    for was in present {
        in_force += usize::from(was.until.is_none());
        let end = if was.disabled { now } else { latest };
        let line = Rule {
            priority: None,
            conditional: false,
            disabled: false,
            until: Some(was.until.unwrap_or(end).min(latest)),
            ..was.clone()
        };
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines.sort_by_key(|line| Reverse(line.until));
    lines.truncate(MOST_FORMER.max(in_force));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(key: &str, until: Option<i64>) -> Rule {
        Rule {
            id: "a".into(),
            kms_key_arn: key.into(),
            priority: Some(1),
            until: until.map(Time::from_secs),
            ..Rule::default()
        }
    }

    #[test]
    fn what_was_in_force_was_right_for_an_hour_more_and_no_end_moves_on() {
        let disabled = Rule {
            disabled: true,
            ..line("k4", None)
        };
        let conditional = Rule {
            conditional: true,
            ..line("k1", None)
        };
        let present = [
            conditional,
            line("k2", Some(50)),
            line("k3", Some(90_000)),
            disabled,
        ];
        let lines = ended(present.iter(), Time::from_secs(100));
        let shown = lines.iter().map(|line| {
            let until = line.until.map(Time::secs);
            (
                line.kms_key_arn.as_str(),
                until,
                (line.disabled, line.conditional),
                line.priority,
            )
        });
        // It stands above nobody's, and leaves no room to be told by.
        let plain = (false, false);
        assert_eq!(
            shown.collect::<Vec<_>>(),
            [
                ("k1", Some(3_700), plain, None),
                ("k3", Some(3_700), plain, None),
                ("k4", Some(100), plain, None),
                ("k2", Some(50), plain, None),
            ]
        );
    }

    #[test]
    fn as_many_former_keys_are_kept_as_anywhere_and_every_key_that_was_in_force() {
        let former = (0..40).map(|number| line(&format!("old{number}"), Some(number)));
        let many = (0..30).map(|number| line(&format!("k{number}"), None));
        let only_former: Vec<_> = former.clone().collect();
        assert_eq!(
            ended(only_former.iter(), Time::from_secs(100)).len(),
            MOST_FORMER
        );
        let all: Vec<_> = former.chain(many).collect();
        let lines = ended(all.iter(), Time::from_secs(100));
        assert_eq!(lines.len(), 30);
        assert!(lines.iter().all(|line| line.kms_key_arn.starts_with('k')));
    }
}
