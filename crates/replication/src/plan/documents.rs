//! What is said of a destination bucket, as parameters: made, limited, compared with those that are there. Pure.

use std::collections::BTreeMap;

use crate::fault::{About, Fault, FaultKind};
use crate::owner::Owner;
use crate::parameters::{Difference, LARGEST_PARAMETER};
use crate::step::Step;
use aws_names::digest;
use expectation::{Rule, Time};

/// Parameters of one destination; enough for 1,000 rules with prefixes of ordinary length.
const MOST_PARAMETERS: usize = 100;

/// Digits of the digest that tells sets apart.
const REVISION: usize = 12;

/// Room for the member that says when an owner left.
const MARK: usize = 40;

/// What `owner` says of a destination in `lines`, as parameters by name. `left`: when it left the bucket.
pub(crate) fn documents_of(
    source_arn: &str,
    (owner, bucket): (&Owner, &str),
    lines: Vec<Rule>,
    left: Option<Time>,
) -> BTreeMap<String, String> {
    let revision = revision(&lines);
    let room = LARGEST_PARAMETER - left.map_or(0, |_| MARK);
    let documents = expectation::documents(source_arn, lines, room, &revision);
    let named = documents.into_iter().enumerate().map(|(number, document)| {
        let name = owner.parameter_name(bucket, number);
        let document = match left {
            Some(at) => document.leaving(at),
            None => document,
        };
        (name, document.written())
    });
    named.collect()
}

/// Why so many parameters are not written for one destination.
pub(crate) fn too_many(bucket: &str, wanted: &BTreeMap<String, String>) -> Option<Fault> {
    (wanted.len() > MOST_PARAMETERS).then(|| {
        let words = format!(
            "the expectations for bucket `{bucket}` would fill {} SSM parameters, at most {MOST_PARAMETERS} are \
             written; use fewer or shorter prefixes for this destination",
            wanted.len()
        );
        Fault::new(About::bucket(bucket), FaultKind::Limit, words)
    })
}

/// The steps from the parameters that are there to those `wanted`, for a bucket in a Region.
pub(crate) fn differing(
    (bucket, region): (&str, &str),
    present: &BTreeMap<String, String>,
    wanted: BTreeMap<String, String>,
) -> Vec<Step> {
    let difference = Difference::between(present, wanted);
    let put = difference
        .put
        .into_iter()
        .map(|(name, value)| Step::PutParameter {
            bucket: bucket.to_owned(),
            region: region.to_owned(),
            name,
            value,
        });
    let left_over = difference.delete.iter();
    put.chain(left_over.map(|name| deletion(bucket, region, name)))
        .collect()
}

pub(super) fn deletion(bucket: &str, region: &str, name: &str) -> Step {
    Step::DeleteParameter {
        bucket: bucket.to_owned(),
        region: region.to_owned(),
        name: name.to_owned(),
    }
}

/// Another one for other lines. Keys are left out, as one that is still to be made goes by another name
/// until then; where a key changes, so do the times.
fn revision(lines: &[Rule]) -> String {
    let lines = lines.iter().map(|line| {
        let line = Rule {
            kms_key_arn: String::new(),
            ..line.clone()
        };
        serde_json::to_value(line).unwrap_or_default().to_string()
    });
    let lines: Vec<String> = lines.collect();
    let mut digits = digest::hex(lines.iter().map(String::as_str));
    digits.truncate(REVISION);
    digits
}

#[cfg(test)]
mod tests {
    use expectation::Document;

    use super::*;

    /// Of SSM's advanced parameters.
    const SSM_TAKES: usize = 8_192;

    #[test]
    fn every_parameter_is_within_what_ssm_takes_also_when_its_owner_left() {
        let owner = Owner::new("stack", "Replication", "source");
        let left = Some(Time::from_secs(1_800_000_000));
        for of_prefix in 0..120 {
            let line = |number: usize| Rule {
                id: format!("rule-{number}"),
                prefix: "p".repeat(of_prefix),
                kms_key_arn: format!("arn:aws:kms:eu-west-1:111122223333:key/{number}"),
                until: left,
                ..Rule::default()
            };
            let lines: Vec<Rule> = (0..60).map(line).collect();
            for left in [None, left] {
                let place = (&owner, "destination");
                let documents = documents_of("arn:aws:s3:::source", place, lines.clone(), left);
                let mut read = Vec::new();
                for (name, text) in &documents {
                    assert!(text.len() <= SSM_TAKES, "{name}: {}", text.len());
                    let document = Document::read(text).unwrap();
                    assert_eq!(document.left, left);
                    read.extend(document.rules);
                }
                assert_eq!(read, lines, "{of_prefix}");
            }
        }
    }

    #[test]
    fn a_set_is_told_from_another_by_all_but_its_keys_which_go_by_other_names_until_they_are_made()
    {
        let owner = Owner::new("stack", "Replication", "source");
        let revision_of = |change: fn(&mut Rule)| {
            let mut lines: Vec<Rule> = (0..100)
                .map(|number| Rule {
                    prefix: format!("{number}{}", "p".repeat(100)),
                    kms_key_arn: "arn:aws:kms:eu-west-1:111122223333:alias/a".into(),
                    ..Rule::default()
                })
                .collect();
            lines.iter_mut().for_each(change);
            let documents = documents_of("s", (&owner, "destination"), lines, None);
            assert!(documents.len() > 1);
            let parts = documents.values().map(|text| Document::read(text).unwrap());
            let mut revisions: Vec<_> = parts.map(|part| part.revision.unwrap()).collect();
            revisions.dedup();
            assert_eq!(revisions.len(), 1);
            revisions.remove(0)
        };
        let first = revision_of(|_| {});
        let changes: [fn(&mut Rule); 6] = [
            |line| line.id = "another".into(),
            |line| line.prefix.push('x'),
            |line| line.priority = Some(1),
            |line| line.conditional = true,
            |line| line.since = Some(Time::from_secs(1)),
            |line| line.until = Some(Time::from_secs(1)),
        ];
        for change in changes {
            assert_ne!(revision_of(change), first);
        }
        let made = |line: &mut Rule| line.kms_key_arn = line.kms_key_arn.replace("alias/", "key/");
        assert_eq!(revision_of(made), first);
    }
}
