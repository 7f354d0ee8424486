//! What a changed template does.

use serde_json::{Value, json};

use crate::harness::{EAST, Stack, WEST, bucket_with_key, our_role, owner, probes_left};

fn rule(id: &str, prefix: &str, destination: &str) -> Value {
    json!({"Id": id, "Filter": {"Prefix": prefix}, "Destination": {"Bucket": format!("arn:aws:s3:::{destination}")}})
}

fn with(rules: &[Value]) -> Value {
    json!({"SourceBucket": "source", "Rules": rules})
}

fn setting() -> Stack {
    let stack = Stack::new();
    bucket_with_key(&stack.world, "source", EAST);
    bucket_with_key(&stack.world, "one", WEST);
    bucket_with_key(&stack.world, "two", WEST);
    stack
}

fn rule_ids(stack: &Stack) -> Vec<(String, i32)> {
    let now = stack.world.snapshot();
    let rules = now.buckets["source"]
        .replication
        .clone()
        .map_or_else(Vec::new, |found| found.rules);
    let owner = owner("Replication", "source");
    let short = |id: &str| id.trim_start_matches(&format!("{owner}-")).to_owned();
    rules
        .iter()
        .map(|rule| (short(&rule.id), rule.priority.unwrap()))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_leaves_the_template_leaves_bucket_policy_and_parameter() {
    let stack = setting();
    let (old, new) = (
        with(&[rule("a", "a/", "one"), rule("b", "b/", "two")]),
        with(&[rule("b", "b/", "two")]),
    );
    stack.create("Replication", &old).await.unwrap();
    assert_eq!(rule_ids(&stack), [("a".into(), 1), ("b".into(), 2)]);
    stack.update("Replication", &old, &new).await.unwrap();
    // The one that stays keeps its priority, so that nothing is rewritten without need.
    assert_eq!(rule_ids(&stack), [("b".into(), 2)]);
    let now = stack.world.snapshot();
    let owner = owner("Replication", "source");
    let parameters: Vec<_> = now
        .parameters
        .keys()
        .map(|(_, name)| name.clone())
        .collect();
    assert_eq!(parameters, [owner.parameter_name("two", 0)]);
    let policy = &now.roles["source"].4[&owner.policy_name()];
    assert!(policy.contains("arn:aws:s3:::two/b/*") && !policy.contains("arn:aws:s3:::one"));
}

#[tokio::test(start_paused = true)]
async fn another_destination_takes_the_parameter_along() {
    let stack = setting();
    let (old, new) = (with(&[rule("a", "", "one")]), with(&[rule("a", "", "two")]));
    stack.create("Replication", &old).await.unwrap();
    let answer = stack.update("Replication", &old, &new).await.unwrap();
    assert_eq!(answer["Verification"], "COMPLETED");
    let now = stack.world.snapshot();
    let parameters: Vec<_> = now
        .parameters
        .keys()
        .map(|(_, name)| name.clone())
        .collect();
    assert_eq!(
        parameters,
        [owner("Replication", "source").parameter_name("two", 0)]
    );
    assert_eq!(probes_left(&stack.world), []);
}

#[tokio::test(start_paused = true)]
async fn an_update_rolled_back_ends_where_it_began() {
    let stack = setting();
    let old = with(&[rule("a", "a/", "one"), rule("b", "b/", "one")]);
    let new = with(&[rule("b", "c/", "two"), rule("d", "", "one")]);
    stack.create("Replication", &old).await.unwrap();
    let before = stack.world.snapshot();
    stack.update("Replication", &old, &new).await.unwrap();
    assert_eq!(rule_ids(&stack), [("b".into(), 2), ("d".into(), 3)]);
    stack.update("Replication", &new, &old).await.unwrap();
    let mut now = stack.world.snapshot();
    // Documented to stay: the EventBridge switch, a key once made, and which key was right until when.
    for value in now.parameters.values_mut() {
        let mut said: Value = serde_json::from_str(value).unwrap();
        if let Some(rules) = said["rules"].as_array_mut() {
            rules.retain(|rule| rule.get("until").is_none());
            for rule in rules {
                rule.as_object_mut().unwrap().remove("since");
            }
        }
        *value = said.to_string();
    }
    let switch = before.buckets["two"].notifications.event_bridge;
    now.buckets
        .get_mut("two")
        .unwrap()
        .notifications
        .event_bridge = switch;
    now.keys.retain(|arn, _| before.keys.contains_key(arn));
    now.aliases
        .retain(|place, _| before.aliases.contains_key(place));
    // Their order says nothing: priorities do.
    let source = now.buckets.get_mut("source").unwrap();
    source
        .replication
        .as_mut()
        .unwrap()
        .rules
        .sort_by_key(|rule| rule.priority);
    assert_eq!(now, before);
}

#[tokio::test(start_paused = true)]
async fn another_source_bucket_is_a_replacement_that_deletes_nothing_itself() {
    let stack = setting();
    bucket_with_key(&stack.world, "other", EAST);
    let old = with(&[rule("a", "", "one")]);
    let mut new = old.clone();
    new["SourceBucket"] = json!("other");
    stack.create("Replication", &old).await.unwrap();
    let before = stack.world.snapshot();
    stack.update("Replication", &old, &new).await.unwrap();
    let now = stack.world.snapshot();
    assert_eq!(now.buckets["source"], before.buckets["source"]);
    assert_eq!(now.roles["source"], before.roles["source"]);
    assert_eq!(now.parameters.len(), 2);
    // CloudFormation's clean-up: Delete of the old physical id with the old properties.
    stack.delete("Replication", &old).await.unwrap();
    let now = stack.world.snapshot();
    assert_eq!(now.buckets["source"].replication, None);
    assert_eq!(
        now.buckets["other"].replication.as_ref().unwrap().role,
        our_role("other")
    );
    assert_eq!(now.roles.keys().collect::<Vec<_>>(), ["other"]);
    // What the old one's replicas were right by is known while the new one speaks of their bucket.
    assert_eq!(now.parameters.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_permissions_boundary_is_set_at_creation_and_changed_later() {
    let stack = setting();
    let boundary = |name: &str| {
        let mut properties = with(&[rule("a", "", "one")]);
        properties["PermissionsBoundary"] =
            json!(format!("arn:aws:iam::111122223333:policy/{name}"));
        properties
    };
    stack.create("Replication", &boundary("x")).await.unwrap();
    let found = |stack: &Stack| stack.world.snapshot().roles["source"].2.clone();
    assert_eq!(
        found(&stack).as_deref(),
        Some("arn:aws:iam::111122223333:policy/x")
    );
    let answer = stack
        .update("Replication", &boundary("x"), &boundary("y"))
        .await
        .unwrap();
    // The boundary and the record of what was asked for.
    assert_eq!(answer["Changes"], "2");
    assert_eq!(
        found(&stack).as_deref(),
        Some("arn:aws:iam::111122223333:policy/y")
    );
}

#[tokio::test(start_paused = true)]
async fn drift_is_repaired_by_the_next_update() {
    let stack = setting();
    let properties = with(&[rule("a", "", "one")]);
    stack.create("Replication", &properties).await.unwrap();
    let before = stack.world.snapshot();
    {
        let mut state = stack.world.state();
        let now = state.now;
        let source = state.buckets.get_mut("source").unwrap();
        source.replication.write(None, now);
        source.notifications.queues.clear();
        state.parameters.clear();
        state.roles.clear();
    }
    let answer = stack
        .update("Replication", &properties, &properties)
        .await
        .unwrap();
    assert_eq!(answer["Verification"], "COMPLETED");
    assert_eq!(stack.world.snapshot(), before);
}
