//! Properties that nobody means: a sound specification, changed at random. Whatever comes, the request
//! is answered, and what it made goes again.

use custom_resource::{Context, CustomResource};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::harness::{EAST, Stack, WEST, bucket_with_key, deadline};

fn sound() -> Value {
    json!({
        "SourceBucket": "source", "SourceRegion": EAST, "Verification": "None", "WhenMissing": "Create",
        "ExistingObjects": "Ignore", "OnDelete": {"Buckets": "DeleteWhenEmpty", "Keys": "ScheduleDeletion"},
        "Rules": [
            {"Id": "a", "Priority": 1, "Status": "Enabled",
             "Filter": {"And": {"Prefix": "a/", "TagFilters": [{"Key": "k", "Value": "v"}]}},
             "DeleteMarkerReplication": {"Status": "Disabled"},
             "SourceSelectionCriteria": {"ReplicaModifications": {"Status": "Enabled"}},
             "Destination": {"Bucket": "arn:aws:s3:::one", "Region": WEST, "StorageClass": "STANDARD_IA",
                             "ReplicationTime": {"Status": "Enabled", "Time": {"Minutes": 15}},
                             "Metrics": {"Status": "Enabled", "EventThreshold": {"Minutes": 15}}}},
            {"Filter": {"Prefix": "b/"}, "Destination": {"Bucket": "arn:aws:s3:::two", "Region": EAST}}]
    })
}

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,24}".prop_map(Value::from),
        Just(json!("*")),
        Just(json!("${aws:username}/?*")),
        Just(json!("\"}],\"Effect\":\"Allow\"")),
        Just(json!("arn:aws:s3:::*")),
        Just(json!("arn:aws:kms:us-west-2:111122223333:key/*")),
        Just(json!(
            "arn:aws:iam::444455556666:role/encrypted-replication/destination"
        )),
        Just(json!("source")),
        Just(json!("Enabled")),
        Just(json!("x".repeat(3_000))),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-zA-Z]{0,12}", inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Pointers to all nodes below the root.
fn nodes(value: &Value, at: &str, found: &mut Vec<String>) {
    let mut below = |name: String, value: &Value| {
        let pointer = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
        found.push(pointer.clone());
        nodes(value, &pointer, found);
    };
    match value {
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                below(number.to_string(), item);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                below(name.clone(), member);
            }
        }
        _ => {}
    }
}

fn changed(changes: Vec<(prop::sample::Index, Value)>) -> Value {
    let mut properties = sound();
    for (at, with) in changes {
        let mut pointers = Vec::new();
        nodes(&properties, "", &mut pointers);
        let pointer: &String = at.get(pointers.as_slice());
        if let Some(node) = properties.pointer_mut(pointer) {
            *node = with;
        }
    }
    properties
}

/// Every resource that a role of ours may touch names a bucket or key of the specification.
fn is_narrow(document: &str) -> bool {
    let policy: Value = serde_json::from_str(document).unwrap();
    policy["Statement"]
        .as_array()
        .unwrap()
        .iter()
        .all(|statement| {
            let resources = match &statement["Resource"] {
                Value::Array(items) => items.clone(),
                one => vec![one.clone()],
            };
            resources.iter().all(|resource| {
                let resource = resource.as_str().unwrap();
                let name = resource.strip_prefix("arn:aws:s3:::").unwrap_or(resource);
                let bucket = name.split('/').next().unwrap_or_default();
                !bucket.contains(['*', '?'])
            })
        })
}

async fn answered(properties: &Value) -> Result<(), TestCaseError> {
    let stack = Stack::new();
    bucket_with_key(&stack.world, "two", EAST);
    for action in ["Plan", "Diagnose"] {
        let question = json!({"Action": action, "ResourceProperties": properties});
        let answer = stack
            .resource()
            .invoke(question, Context::default(), deadline())
            .await;
        if let Err(failure) = answer {
            prop_assert!(!failure.reason.is_empty());
        }
    }
    prop_assert_eq!(stack.aws.writes(), 0);
    match stack.create("Replication", properties).await {
        Ok(attributes) => prop_assert!(attributes["RoleArn"].is_string()),
        Err(reason) => prop_assert!(!reason.is_empty()),
    }
    for role in stack.world.snapshot().roles.values() {
        for document in role.4.values() {
            prop_assert!(is_narrow(document), "{}", document);
        }
    }
    let deleted = stack.delete("Replication", properties).await;
    prop_assert!(deleted.is_ok(), "{:?}", deleted);
    let left = stack.world.snapshot();
    prop_assert!(
        left.roles.is_empty() && left.parameters.is_empty() && left.records.is_empty(),
        "{:?}",
        left
    );
    Ok(())
}

fn run(properties: &Value) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(answered(properties))
}

#[test]
fn the_tricks_that_are_kept_are_answered_and_what_they_made_goes_again() {
    let folder = "../../events/hostile";
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let Ok(whole) = serde_json::from_slice::<Value>(&bytes) else {
            continue;
        };
        for properties in [&whole["ResourceProperties"], &whole] {
            if properties.is_object() {
                count += 1;
                run(properties).unwrap();
            }
        }
    }
    assert!(count > 10, "{count} properties");
}

#[test]
fn a_megabyte_anywhere_is_answered() {
    const MEGABYTE: usize = 1 << 20;
    let mut pointers = Vec::new();
    nodes(&sound(), "", &mut pointers);
    for pointer in pointers {
        let mut properties = sound();
        *properties.pointer_mut(&pointer).unwrap() = json!("x".repeat(MEGABYTE));
        run(&properties).unwrap();
    }
    let many: Map<_, _> = (0..50_000)
        .map(|number| (format!("Property{number}"), json!(number)))
        .collect();
    let rule = sound()["Rules"][1].clone();
    for properties in [
        Value::Object(many),
        json!({"x".repeat(MEGABYTE): 1}),
        json!({"SourceBucket": "source", "Rules": vec![rule; 10_000]}),
        json!({"SourceBucket": "source", "SourceKmsKeyArns": vec!["a"; 100_000], "Rules": [{}]}),
    ] {
        run(&properties).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn changed_properties_are_answered_and_what_they_made_goes_again(
        changes in prop::collection::vec((any::<prop::sample::Index>(), anything()), 1..4),
    ) {
        run(&changed(changes))?;
    }
}
