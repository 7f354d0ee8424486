//! What the checker is told to expect in a destination bucket.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::create::Comparison;
use crate::configuration::{ReplicationRule, Status};
use crate::fault::{About, Fault, FaultKind, Faults};
use crate::parameters::{Difference, LARGEST_PARAMETER, written};
use crate::step::Step;

/// Parameters of one destination; enough for 1,000 rules with prefixes of ordinary length.
const MOST_PARAMETERS: usize = 100;

impl Comparison<'_> {
    /// The parameters of all destinations that can be looked at. `rules` are ours, with the
    /// priorities that they are to have.
    pub(super) fn expectations(&self, rules: &[ReplicationRule]) -> Result<Vec<Step>, Faults> {
        let (mut steps, mut faults) = (Vec::new(), Faults::default());
        let source_arn = self
            .replication
            .home
            .bucket_arn(&self.replication.spec.source_bucket);
        for (bucket, region) in self.seen() {
            let to_bucket = rules
                .iter()
                .filter(|rule| rule.destination.bucket_name() == bucket);
            let wanted = documents(&source_arn, &expected(&to_bucket.collect::<Vec<_>>()));
            if wanted.len() > MOST_PARAMETERS {
                let words = format!(
                    "the expectations for bucket `{bucket}` would fill {} SSM parameters, at most {MOST_PARAMETERS} are \
                     written; use fewer or shorter prefixes for this destination",
                    wanted.len()
                );
                faults.add(Fault::new(About::bucket(bucket), FaultKind::Limit, words));
                continue;
            }
            let none = BTreeMap::new();
            let found = self.observed.destinations.get(bucket);
            let present = found.map_or(&none, |found| &found.parameters);
            let wanted = wanted.iter().enumerate().map(|(number, document)| {
                let name = self.replication.owner.parameter_name(bucket, number);
                (name, written(document))
            });
            let difference = Difference::between(present, wanted);
            steps.extend(difference.put.into_iter().map(|(name, value)| {
                let (bucket, region) = (bucket.clone(), region.clone());
                Step::PutParameter {
                    bucket,
                    region,
                    name,
                    value,
                }
            }));
            let left_over = difference.delete.iter();
            steps.extend(left_over.map(|name| deletion(bucket, region, name)));
        }
        faults.or(steps)
    }

    /// Of destinations that the spec no longer names.
    pub(super) fn abandoned_expectations(&self) -> Vec<Step> {
        let abandoned = self.observed.abandoned.iter();
        let steps = abandoned.flat_map(|(bucket, found)| {
            let names = found.parameters.iter();
            names.map(|name| deletion(bucket, &found.region, name))
        });
        steps.collect()
    }
}

pub(super) fn deletion(bucket: &str, region: &str, name: &str) -> Step {
    Step::DeleteParameter {
        bucket: bucket.to_owned(),
        region: region.to_owned(),
        name: name.to_owned(),
    }
}

/// One line of an expectation: rule, prefix, key.
type Expected<'a> = (&'a str, &'a str, &'a str);

/// Which keys an object under each prefix may arrive under. The checker goes by the longest prefix
/// that fits; S3 by the rule of the highest priority, which may have a shorter one, and may want
/// tags or leave objects out, of which the replica's key says nothing. So each prefix gets the keys of all rules that can
/// win there.
fn expected<'a>(rules: &[&'a ReplicationRule]) -> Vec<Expected<'a>> {
    let mut expected = Vec::new();
    let mut said = BTreeSet::new();
    for rule in rules {
        let prefix = rule.filter_prefix();
        for winner in winners(prefix, rules) {
            let Some(key) = winner.destination.replica_kms_key_id.as_deref() else {
                continue;
            };
            if said.insert((prefix, key)) {
                expected.push((winner.id.as_str(), prefix, key));
            }
        }
    }
    expected
}

/// The rules that can decide for some object under `prefix` whose key goes no further into another
/// rule's prefix.
fn winners<'a>(prefix: &str, rules: &[&'a ReplicationRule]) -> Vec<&'a ReplicationRule> {
    let covers = |rule: &&&ReplicationRule| prefix.starts_with(rule.filter_prefix());
    let covering: Vec<_> = rules.iter().filter(covers).copied().collect();
    let enabled = covering
        .iter()
        .filter(|rule| rule.status == Status::Enabled);
    let mut deciding: Vec<_> = enabled.copied().collect();
    if deciding.is_empty() {
        // What was under way when they were disabled may still arrive.
        return covering;
    }
    deciding.sort_by_key(|rule| std::cmp::Reverse(rule.priority));
    let last = deciding.iter().position(|rule| !rule.is_conditional());
    deciding.truncate(last.map_or(deciding.len(), |last| last + 1));
    deciding
}

/// As many documents as it takes for each to fit into a parameter.
fn documents(source_arn: &str, expected: &[Expected<'_>]) -> Vec<Value> {
    let mut documents = Vec::new();
    let mut rules: Vec<Value> = Vec::new();
    let empty = written(&document(source_arn, &[])).len();
    let mut length = empty;
    for (id, prefix, key) in expected {
        let rule = json!({"id": id, "prefix": prefix, "kmsKeyArn": key});
        let more = written(&rule).len() + 1;
        if length + more > LARGEST_PARAMETER && !rules.is_empty() {
            documents.push(document(source_arn, &rules));
            rules.clear();
            length = empty;
        }
        length += more;
        rules.push(rule);
    }
    documents.push(document(source_arn, &rules));
    documents
}

fn document(source_arn: &str, rules: &[Value]) -> Value {
    json!({
        "schema": "encrypted-replication/expectation/1",
        "source": source_arn,
        "rules": rules,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::configuration::{AsRead, Destination, Filter, Tag};

    fn rule(id: &str, priority: i32, prefix: &str, tagged: bool, key: &str) -> ReplicationRule {
        let tag = Tag {
            key: "k".into(),
            value: "v".into(),
        };
        ReplicationRule {
            id: id.into(),
            priority: Some(priority),
            status: Status::Enabled,
            filter: Some(Filter {
                prefix: prefix.into(),
                tags: if tagged { vec![tag] } else { Vec::new() },
                ..Filter::default()
            }),
            prefix: None,
            delete_marker_replication: None,
            sse_kms_encrypted_objects: Some(Status::Enabled),
            replica_modifications: None,
            existing_object_replication: None,
            as_read: AsRead::default(),
            destination: Destination {
                bucket: "arn:aws:s3:::destination".into(),
                replica_kms_key_id: Some(key.into()),
                ..Destination::default()
            },
        }
    }

    fn keys(rules: &[ReplicationRule]) -> Vec<(String, String)> {
        let rules: Vec<_> = rules.iter().collect();
        let lines = expected(&rules).into_iter();
        lines
            .map(|(_, prefix, key)| (prefix.to_owned(), key.to_owned()))
            .collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect()
    }

    #[test]
    fn a_wider_rule_of_higher_priority_decides_under_a_longer_prefix_too() {
        let rules = [
            rule("all", 2, "", false, "k1"),
            rule("tax", 1, "Tax/", false, "k2"),
        ];
        assert_eq!(keys(&rules), pairs(&[("", "k1"), ("Tax/", "k1")]));
        let rules = [
            rule("all", 1, "", false, "k1"),
            rule("tax", 2, "Tax/", false, "k2"),
        ];
        assert_eq!(keys(&rules), pairs(&[("", "k1"), ("Tax/", "k2")]));
    }

    #[test]
    fn a_rule_with_tags_leaves_room_for_the_next_without() {
        let rules = [
            rule("tagged", 3, "Tax/", true, "k1"),
            rule("plain", 2, "", false, "k2"),
            rule("never", 1, "Tax/", false, "k3"),
        ];
        assert_eq!(
            keys(&rules),
            pairs(&[("Tax/", "k1"), ("Tax/", "k2"), ("", "k2")])
        );
    }

    #[test]
    fn a_disabled_rule_speaks_only_where_no_other_does() {
        let mut off = rule("off", 9, "Tax/", false, "k1");
        off.status = Status::Disabled;
        assert_eq!(keys(std::slice::from_ref(&off)), pairs(&[("Tax/", "k1")]));
        let on = rule("on", 1, "", false, "k2");
        assert_eq!(keys(&[off, on]), pairs(&[("Tax/", "k2"), ("", "k2")]));
    }

    proptest! {
        #[test]
        fn documents_fit_and_together_say_all(lengths in prop::collection::vec(0_usize..900, 1..120)) {
            let prefixes: Vec<_> = lengths.iter().map(|length| "{".repeat(*length)).collect();
            let expected: Vec<_> = prefixes.iter().map(|prefix| ("id", prefix.as_str(), "key")).collect();
            let documents = documents("arn:aws:s3:::source", &expected);
            let mut said = Vec::new();
            for document in &documents {
                prop_assert!(written(document).len() <= LARGEST_PARAMETER);
                let rules = document["rules"].as_array().unwrap();
                said.extend(rules.iter().map(|rule| rule["prefix"].as_str().unwrap().to_owned()));
            }
            prop_assert_eq!(said, prefixes);
        }

        /// Whatever S3 replicates, the checker lets pass: the key of the rule that S3 goes by is among
        /// those of the longest prefix that fits.
        #[test]
        fn the_key_that_s3_uses_is_expected(
            drawn in prop::collection::vec(("[ab]{0,3}", any::<bool>(), any::<bool>(), 0_u8..3), 1..7),
            object in "[ab]{0,5}", with_tags in any::<bool>(),
        ) {
            let rules: Vec<_> = drawn.iter().enumerate().map(|(number, (prefix, tagged, off, key))| {
                let priority = i32::try_from(number).unwrap();
                let mut rule = rule(&number.to_string(), priority, prefix, *tagged, &format!("k{key}"));
                if *off {
                    rule.status = Status::Disabled;
                }
                rule
            }).collect();
            let tags = if with_tags { vec![Tag { key: "k".into(), value: "v".into() }] } else { Vec::new() };
            let by = rules.iter().rev().find(|rule| rule.status == Status::Enabled && rule.covers(&object, &tags));
            if let Some(by) = by {
                let lines = keys(&rules);
                let longest = lines.iter().filter(|(prefix, _)| object.starts_with(prefix.as_str())).map(|(prefix, _)| prefix.len()).max();
                let key = by.destination.replica_kms_key_id.clone().unwrap();
                prop_assert!(lines.iter().any(|(prefix, expected)| {
                    object.starts_with(prefix.as_str()) && Some(prefix.len()) == longest && *expected == key
                }), "{:?}", lines);
            }
        }
    }
}
