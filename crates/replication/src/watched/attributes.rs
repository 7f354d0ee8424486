//! What `Fn::GetAtt` gives of a resource that watches.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::word::{Key, Word};
use crate::attributes::{fitted, told};
use aws_names::Home;

/// Every attribute with what it means.
pub const ATTRIBUTES: [(&str, &str); 7] = [
    ("SourceBucketArn", "ARN of the source bucket"),
    (
        "DestinationBucketArns",
        "ARNs of the destination buckets that are watched",
    ),
    (
        "ReplicaKmsKeyArns",
        "ARNs of the keys that are right for replicas, as the rules had them when they were looked at",
    ),
    ("RuleIds", "`ID`s of the rules that are watched"),
    (
        "Unwatched",
        "rules that cannot be watched, each with the reason, numbered; empty: all are",
    ),
    (
        "Warnings",
        "what a person should know of, numbered; empty where there is nothing",
    ),
    ("Changes", "how many writes the request made"),
];

/// The attributes of a resource whose word this is.
pub(super) fn attributes(word: &Word, source_bucket: &str, home: &Home) -> Map<String, Value> {
    let joined = |items: BTreeSet<String>| {
        let items: Vec<_> = items.into_iter().collect();
        Value::String(items.join(","))
    };
    let keys = word.watched().filter_map(|rule| match &rule.key {
        Key::Arn(arn) => Some(arn.clone()),
        Key::Unwatched(_) => None,
    });
    let buckets = word.watched().map(|rule| home.bucket_arn(&rule.bucket));
    let ids: Vec<_> = word.watched().map(|rule| rule.id.as_str()).collect();
    let data = [
        ("SourceBucketArn", home.bucket_arn(source_bucket).into()),
        ("DestinationBucketArns", joined(buckets.collect())),
        ("ReplicaKmsKeyArns", joined(keys.collect())),
        ("RuleIds", ids.join(",").into()),
        ("Unwatched", told(&word.unwatched()).into()),
        ("Warnings", told(&word.warnings).into()),
        ("Changes", word.changes.clone().into()),
    ];
    let data = data.map(|(name, value): (&str, Value)| (name.to_owned(), value));
    fitted(Map::from_iter(data))
}

/// The same for the stack event: what cannot be watched, and what a person should know of.
pub(super) fn reason(word: &Word) -> Option<String> {
    let unwatched = word.unwatched().into_iter();
    let unwatched = unwatched.map(|why| format!("not watched: {why}"));
    let all: Vec<_> = unwatched.chain(word.warnings.clone()).collect();
    (!all.is_empty()).then(|| told(&all))
}
