//! The resource's properties: a specification that can be carried out, or every fault in them.

use std::collections::{BTreeMap, BTreeSet};

use aws_names::Home;
use replication::Replication;
use replication::fault::Faults;
use replication::observed::{Observed, ObservedDestination};
use replication::owner::Owner;
use replication::plan::{desired, plan};
use replication::properties;
use replication::spec::Spec;
use replication::step::{Plan, Step};
use serde_json::{Map, Value};

use crate::names_a_bucket;

/// See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-add-config.html>.
const MOST_RULES: usize = 1000;

/// Reads the bytes as properties, and as a request that holds some; plans what they ask for in an
/// account with nothing in it.
///
/// # Panics
/// Where a specification is taken that S3 cannot be meant by, or a fault says nothing, or a step of
/// the plan carries a document that is no JSON or that opens more than the buckets it is for.
pub fn check(bytes: &[u8]) {
    let Ok(Value::Object(given)) = serde_json::from_slice(bytes) else {
        return;
    };
    if let Some(Value::Object(inner)) = given.get("ResourceProperties") {
        properties_are_read(inner);
    }
    properties_are_read(&given);
}

fn properties_are_read(given: &Map<String, Value>) {
    let home = Home {
        partition: "aws".into(),
        region: "us-east-1".into(),
        account: "111122223333".into(),
    };
    let owner = Owner::new("stack", "Replication", "source");
    match properties::read(given, &home, &owner) {
        Ok(spec) => {
            is_sound(&spec, &owner);
            let replication = Replication {
                spec,
                home,
                owner,
                queue_arn: Some("arn:aws:sqs:us-east-1:111122223333:queue".to_owned()),
            };
            if let Some(plan) = planned(&replication) {
                plan.steps().for_each(is_narrow);
            }
        }
        Err(faults) => {
            assert!(!faults.is_empty());
            for fault in &faults.0 {
                assert!(!fault.words.is_empty(), "{faults:?}");
            }
        }
    }
}

fn is_sound(spec: &Spec, owner: &Owner) {
    names_a_bucket(&spec.source_bucket);
    assert!(!spec.source_region.is_empty(), "{spec:?}");
    let count = spec.rules.len();
    assert!((1..=MOST_RULES).contains(&count), "{count} rules");
    let mut ids = BTreeSet::new();
    for rule in &spec.rules {
        assert!(owner.owns(&rule.rule.id), "{rule:?}");
        assert!(rule.rule.id.len() <= 255, "{rule:?}");
        assert!(ids.insert(&rule.rule.id), "two rules are {}", rule.rule.id);
        names_a_bucket(&rule.destination_bucket);
    }
}

/// `None` where the specification asks for something that AWS would refuse.
fn planned(replication: &Replication) -> Option<Plan> {
    let Replication { spec, home, .. } = replication;
    let destinations: BTreeMap<_, _> = spec
        .rules
        .iter()
        .map(|rule| {
            let region = rule.destination_region.clone();
            let destination = ObservedDestination {
                region: region.or_else(|| Some(home.region.clone())),
                seen: true,
                ..ObservedDestination::default()
            };
            (rule.destination_bucket.clone(), destination)
        })
        .collect();
    let observed = Observed {
        destinations,
        ..Observed::default()
    };
    let told = |faults: &Faults| assert!(faults.0.iter().all(|fault| !fault.words.is_empty()));
    let wanted = desired(replication, &observed).inspect_err(told).ok()?;
    plan(replication, &wanted, &observed).inspect_err(told).ok()
}

/// What the step writes is whole, and names buckets and keys by name.
fn is_narrow(step: &Step) {
    match step {
        Step::CreateRole { trust_policy, .. } => drop(document(trust_policy)),
        Step::PutParameter { value, .. } | Step::PutRecord { value, .. } => drop(document(value)),
        Step::PutRolePolicy {
            document: policy, ..
        } => {
            let policy = document(policy);
            let statements = policy.get("Statement").and_then(Value::as_array);
            for statement in statements.expect("a policy without statements") {
                assert_eq!(statement["Effect"], "Allow", "{policy}");
                let resources = &statement["Resource"];
                let several = resources.as_array().into_iter().flatten();
                for resource in several.chain(Some(resources).filter(|one| one.is_string())) {
                    names_one_bucket_or_key(resource.as_str().expect("a resource is a text"));
                }
            }
        }
        _ => {}
    }
}

fn names_one_bucket_or_key(resource: &str) {
    let name = resource.strip_prefix("arn:aws:s3:::").unwrap_or(resource);
    let bucket = name.split('/').next().unwrap_or_default();
    let open = bucket.is_empty() || bucket.contains(['*', '?']);
    assert!(!open, "{resource}");
    if !resource.starts_with("arn:aws:s3:::") {
        assert!(!resource.contains(['*', '?']), "{resource}");
    }
}

fn document(text: &str) -> Value {
    serde_json::from_str(text).expect("a document that is no JSON")
}
