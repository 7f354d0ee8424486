//! Several resources on one source bucket.

use expectation::Document;
use replication::configuration::{AsRead, DefaultEncryption};
use serde_json::{Value, json};

use crate::aws::World;
use crate::harness::{
    EAST, Stack, WEST, bucket_with_key, change_rules, owner, plain_bucket, somebodys_rule,
};

fn setting() -> Stack {
    let stack = Stack::new();
    bucket_with_key(&stack.world, "source", EAST);
    for name in ["one", "two", "three"] {
        bucket_with_key(&stack.world, name, WEST);
    }
    stack
}

fn to(destination: &str) -> Value {
    json!({"SourceBucket": "source", "Verification": "Required",
           "Rules": [{"Destination": {"Bucket": format!("arn:aws:s3:::{destination}")}}]})
}

#[tokio::test(start_paused = true)]
async fn each_adds_its_rule_under_a_free_priority_and_its_policy_on_the_shared_role() {
    let stack = setting();
    for (name, destination) in [("A", "one"), ("B", "two"), ("C", "three")] {
        let answer = stack.create(name, &to(destination)).await.unwrap();
        assert_eq!(answer["Verification"], "COMPLETED");
    }
    let now = stack.world.snapshot();
    let rules = &now.buckets["source"].replication.as_ref().unwrap().rules;
    let seen: Vec<_> = rules
        .iter()
        .map(|rule| (rule.id.clone(), rule.priority))
        .collect();
    let expected: Vec<_> = (1..)
        .zip(["A", "B", "C"])
        .map(|(priority, name)| (format!("{}-1", owner(name, "source")), Some(priority)))
        .collect();
    assert_eq!(seen, expected);
    assert_eq!(now.roles["source"].4.len(), 3);
    let queues = &now.buckets["source"].notifications.queues;
    assert_eq!(
        queues.iter().map(|one| one.id.clone()).collect::<Vec<_>>(),
        [owner("A", "source").notification_id()]
    );
    // Nobody undoes another's work.
    for (name, destination) in [("A", "one"), ("B", "two"), ("C", "three")] {
        let answer = stack
            .update(name, &to(destination), &to(destination))
            .await
            .unwrap();
        assert_eq!(answer["Changes"], "0", "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_failure_notification_is_handed_on_until_the_last_one_goes() {
    let stack = setting();
    let resources = [("A", "one"), ("B", "two"), ("C", "three")];
    for (name, destination) in resources {
        stack.create(name, &to(destination)).await.unwrap();
    }
    for (number, (name, destination)) in resources.into_iter().enumerate() {
        stack.delete(name, &to(destination)).await.unwrap();
        let now = stack.world.snapshot();
        let queues: Vec<_> = now.buckets["source"]
            .notifications
            .queues
            .iter()
            .map(|one| one.id.clone())
            .collect();
        let rules = now.buckets["source"]
            .replication
            .as_ref()
            .map_or(0, |found| found.rules.len());
        assert_eq!(rules, 2 - number);
        match resources.get(number + 1) {
            Some((heir, _)) => {
                assert_eq!(queues, [owner(heir, "source").notification_id()]);
                assert_eq!(now.roles["source"].4.len(), 2 - number);
                let answer = stack
                    .update(
                        heir,
                        &to(resources[number + 1].1),
                        &to(resources[number + 1].1),
                    )
                    .await;
                assert_eq!(answer.unwrap()["Changes"], "0", "{heir} after {name} left");
            }
            None => assert!(queues.is_empty() && now.roles.is_empty()),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_priority_that_another_resource_has_is_refused_with_both_names() {
    let stack = setting();
    let with = |destination: &str, priority: u32| {
        let mut properties = to(destination);
        properties["Rules"][0]["Priority"] = json!(priority.to_string());
        properties
    };
    stack.create("A", &with("one", 5)).await.unwrap();
    stack.aws.reset();
    let reason = stack.create("B", &with("two", 5)).await.unwrap_err();
    let (a, b) = (owner("A", "source"), owner("B", "source"));
    assert_eq!(
        reason,
        format!(
            "bucket `source`: priority 5 of rule `{b}-1` is the priority of the bucket's rule `{a}-1` too; \
             choose another, or leave `Priority` out to get a free one; {a} is resource `A` of stack `tax`"
        )
    );
    assert_eq!(stack.aws.writes(), 0);
    stack.create("B", &with("two", 6)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn two_resources_to_one_destination_have_their_own_parameters_and_keys() {
    let stack = setting();
    stack.create("A", &to("one")).await.unwrap();
    let mut other = to("one");
    other["Rules"][0]["Filter"] = json!({"Prefix": "b/"});
    // Its objects are the other's until it says otherwise.
    other["Rules"][0]["Priority"] = json!(7);
    let answer = stack.create("B", &other).await.unwrap();
    assert_eq!(answer["Verification"], "COMPLETED");
    assert_eq!(stack.world.snapshot().parameters.len(), 2);
    stack.delete("A", &to("one")).await.unwrap();
    let speak = |world: &World| {
        let parameters = world.snapshot().parameters.into_iter();
        let speaks = |text: &str| Document::read(text).unwrap().left.is_none();
        let names = parameters.filter_map(|((_, name), text)| speaks(&text).then_some(name));
        names.collect::<Vec<_>>()
    };
    let name = owner("B", "source").parameter_name("one", 0);
    assert_eq!(speak(&stack.world), [name]);
    stack.delete("B", &other).await.unwrap();
    assert!(stack.world.snapshot().parameters.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_another_resource_covers_with_a_higher_priority_is_not_believed() {
    let stack = setting();
    let with = |priority: u32| {
        let mut properties = to("one");
        properties["Rules"][0]["Priority"] = json!(priority);
        properties
    };
    stack.create("A", &with(9)).await.unwrap();
    let reason = stack.create("B", &with(3)).await.unwrap_err();
    let expected = format!(
        "fall to rule `{}-1`, which is not ours and has the higher priority 9",
        owner("A", "source")
    );
    assert!(reason.contains(&expected), "{reason}");
}

/// Somebody gives a bucket a key as its default.
fn gives_a_default(world: &World) {
    let mut state = world.state();
    let key = state.add_key(EAST, "CUSTOMER");
    let source = state.buckets.get_mut("source").unwrap();
    source.encryption = Some(DefaultEncryption {
        algorithm: "aws:kms".into(),
        kms_key: Some(key),
        bucket_key_enabled: false,
        blocked: Vec::new(),
        as_read: AsRead::default(),
    });
}

#[tokio::test(start_paused = true)]
async fn a_default_encryption_that_somebody_gives_the_source_meanwhile_stays() {
    let properties = json!({"SourceBucket": "source", "Rules": [
        {"Destination": {"Bucket": "arn:aws:s3:::one", "Region": WEST}}]});
    let given = |world: &World| {
        let source = world.state().buckets["source"].encryption.clone();
        source.filter(|default| !default.bucket_key_enabled)
    };
    // The first read is what the plan goes by.
    let stack = Stack::new();
    plain_bucket(&stack.world, "source", EAST);
    stack
        .aws
        .just_before("default_encryption", 1, gives_a_default);
    let answer = stack.create("A", &properties).await.unwrap();
    let theirs = given(&stack.world).and_then(|default| default.kms_key);
    assert_eq!(answer["SourceKmsKeyArns"].as_str(), theirs.as_deref());
    assert!(theirs.is_some());
    // And while the stack is deleted that gave it one of its own, whenever it is read.
    let mut reads = 0..1;
    while let Some(read) = reads.next() {
        let stack = Stack::new();
        plain_bucket(&stack.world, "source", EAST);
        stack.create("A", &properties).await.unwrap();
        assert_eq!(given(&stack.world), None);
        stack.aws.reset();
        stack
            .aws
            .just_before("default_encryption", read, gives_a_default);
        stack.delete("A", &properties).await.unwrap();
        assert!(given(&stack.world).is_some(), "{read}");
        let calls = stack.aws.calls();
        let all = calls
            .iter()
            .filter(|made| made.operation == "default_encryption");
        reads.end = all.count();
    }
}

#[tokio::test(start_paused = true)]
async fn the_failure_notification_goes_to_nobody_who_is_gone_though_a_rule_by_hand_is_left() {
    let stack = setting();
    stack.create("A", &to("one")).await.unwrap();
    stack.create("B", &to("two")).await.unwrap();
    let by_hand = somebodys_rule("by-hand", 90, "three");
    change_rules(&stack.world, "source", |rules| rules.push(by_hand));
    stack.aws.reset();
    // The first read is what the plan goes by.
    stack.aws.just_before("notifications", 1, |world| {
        change_rules(world, "source", |rules| {
            rules.retain(|rule| rule.id == "by-hand");
        });
    });
    stack.delete("A", &to("one")).await.unwrap();
    let source = stack.world.snapshot().buckets["source"].clone();
    assert_eq!(source.replication.unwrap().rules.len(), 1);
    assert_eq!(source.notifications.queues, []);
}
