//! People upload without pause while a stack is changed: nothing that they upload is lost, and each replica
//! is under a key that somebody's word says was right when it arrived.

use std::collections::BTreeSet;
use std::time::Duration;

use expectation::{Document, Rule};
use replication::ports::{BucketRef, Objects};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::aws::faults::Delays;
use crate::aws::{Weather, World};
use crate::harness::{EAST, Stack, WEST, bucket_with_key, our_role, owner, probes_left};

const CALL: Duration = Duration::from_millis(150);

/// Three buckets with keys of their own, calls that take time, and changes that take `lag` to be in force.
struct Setting {
    stack: Stack,
    source_key: String,
    /// Two keys in the destinations' Region.
    keys: [String; 2],
}

fn setting(lag: Duration) -> Setting {
    let stack = Stack::new();
    let source_key = bucket_with_key(&stack.world, "source", EAST);
    bucket_with_key(&stack.world, "one", WEST);
    bucket_with_key(&stack.world, "two", WEST);
    let keys = [0, 1].map(|_| stack.world.state().add_key(WEST, "CUSTOMER"));
    stack.aws.delay(Delays::Fixed(CALL));
    stack.world.in_force_after(lag);
    Setting {
        stack,
        source_key,
        keys,
    }
}

fn rule(id: &str, prefix: &str, bucket: &str, key: &str) -> Value {
    json!({"Id": id, "Filter": {"Prefix": prefix}, "Destination": {
        "Bucket": format!("arn:aws:s3:::{bucket}"), "EncryptionConfiguration": {"ReplicaKmsKeyID": key}}})
}

fn with(verification: &str, rules: &[Value]) -> Value {
    json!({"SourceBucket": "source", "Verification": verification, "Rules": rules})
}

/// Uploads one object each 150 milliseconds: 400 of them, under each of the prefixes in turn.
async fn uploads(world: &World, prefixes: &[&str], source_key: &str) -> Vec<String> {
    let mut keys = Vec::new();
    for number in 0..400_usize {
        let key = format!("{}document{number}", prefixes[number % prefixes.len()]);
        let source = BucketRef {
            name: "source",
            region: EAST,
        };
        world
            .put_object(source, &key, &[], Some(source_key))
            .await
            .unwrap();
        keys.push(key);
        tokio::time::sleep(CALL).await;
    }
    keys
}

/// Statuses other than `COMPLETED`, of uploads.
fn lost(world: &World) -> Vec<(String, Option<&'static str>)> {
    let state = world.state();
    let versions = state.buckets["source"].versions.iter();
    let lost = versions.filter(|version| version.replication_status != Some("COMPLETED"));
    lost.map(|version| (version.key.clone(), version.replication_status))
        .collect()
}

fn lines(world: &World, bucket: &str) -> Vec<Rule> {
    let path = format!("/encrypted-replication/{bucket}/");
    let state = world.state();
    let parameters = state.parameters.iter();
    let of_bucket = parameters.filter(|((_, name), _)| name.starts_with(&path));
    of_bucket
        .flat_map(|(_, value)| Document::read(value).unwrap().rules)
        .collect()
}

/// Replicas of uploads in a bucket under a key that no line says was right when they arrived.
fn misjudged(world: &World, bucket: &str) -> Vec<(String, String)> {
    let lines = lines(world, bucket);
    let state = world.state();
    let replicas = state.buckets[bucket].versions.iter();
    let wrong = replicas.filter(|replica| {
        let arrived = state.time_of(replica.written);
        !lines.iter().any(|line| {
            replica.key.starts_with(&line.prefix)
                && Some(&line.kms_key_arn) == replica.kms_key.as_ref()
                && line.since.is_none_or(|since| since <= arrived)
                && line.until.is_none_or(|until| until >= arrived)
        })
    });
    wrong
        .map(|replica| {
            (
                replica.key.clone(),
                replica.kms_key.clone().unwrap_or_default(),
            )
        })
        .collect()
}

fn keys_used(world: &World, bucket: &str) -> BTreeSet<String> {
    let state = world.state();
    let replicas = state.buckets[bucket].versions.iter();
    replicas
        .filter_map(|replica| replica.kms_key.clone())
        .collect()
}

fn our_policy(world: &World) -> String {
    let name = owner("Replication", "source").policy_name();
    world.snapshot().roles["source"].4[&name].clone()
}

/// Changes `old` to `new` under uploads; the answer.
async fn changed(setting: &Setting, old: &Value, new: &Value, prefixes: &[&str]) -> Value {
    let Setting {
        stack, source_key, ..
    } = setting;
    stack.create("Replication", old).await.unwrap();
    // Until the rules are in force.
    tokio::time::sleep(Duration::from_mins(1)).await;
    let (_, answer) = tokio::join!(
        uploads(&stack.world, prefixes, source_key),
        stack.update("Replication", old, new)
    );
    tokio::time::sleep(Duration::from_mins(10)).await;
    Value::Object(answer.unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_key_is_changed_and_every_upload_arrives() {
    for verification in ["BestEffort", "Required", "None"] {
        for lag in [0, 2] {
            let setting = setting(Duration::from_secs(lag));
            let world = &setting.stack.world;
            let [first, second] = &setting.keys;
            let old = with(verification, &[rule("a", "", "one", first)]);
            let new = with(verification, &[rule("a", "", "one", second)]);
            changed(&setting, &old, &new, &["", "Tax/"]).await;
            assert_eq!(lost(world), [], "{verification} {lag}");
            let both = setting.keys.iter().cloned().collect();
            assert_eq!(keys_used(world, "one"), both, "{verification} {lag}");
            assert_eq!(misjudged(world, "one"), [], "{verification} {lag}");
            // In the end the role may use the new one alone, and the old one is told as former.
            let policy = our_policy(world);
            assert!(policy.contains(second) && !policy.contains(first));
            let lines = lines(world, "one");
            let [now, was] = &lines[..] else {
                panic!("{lines:?}")
            };
            assert_eq!((&now.kms_key_arn, now.until), (second, None));
            assert!(now.since.is_some() && was.until.is_some());
            assert_eq!(was.kms_key_arn, *first);
            assert_eq!(probes_left(world), []);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_else_may_change_loses_nothing_either() {
    type Change = fn(&Setting) -> Vec<Value>;
    let one = |setting: &Setting| rule("a", "", "one", &setting.keys[0]);
    let changes: [(&str, Change); 7] = [
        ("destination", |it| vec![rule("a", "", "two", &it.keys[0])]),
        ("destination and key", |it| {
            vec![rule("a", "", "two", &it.keys[1])]
        }),
        ("another rule instead", |it| {
            vec![rule("b", "", "one", &it.keys[1])]
        }),
        ("a narrower rule of its own key", |it| {
            vec![
                rule("a", "", "one", &it.keys[0]),
                rule("tax", "Tax/", "one", &it.keys[1]),
            ]
        }),
        ("in two", |it| {
            vec![
                rule("x", "", "two", &it.keys[1]),
                rule("y", "Tax/", "one", &it.keys[1]),
                rule("a", "", "one", &it.keys[0]),
            ]
        }),
        ("a key of ours", |_| {
            vec![
                json!({"Id": "a", "Filter": {"Prefix": ""}, "Destination": {"Bucket": "arn:aws:s3:::one"}}),
            ]
        }),
        ("storage class", |it| {
            let mut rule = rule("a", "", "one", &it.keys[0]);
            rule["Destination"]["StorageClass"] = json!("GLACIER_IR");
            vec![rule]
        }),
    ];
    for (name, change) in changes {
        let setting = setting(Duration::from_secs(2));
        let world = &setting.stack.world;
        let old = with("BestEffort", &[one(&setting)]);
        let mut new = change(&setting);
        if name == "in two" {
            // The last one covers all, and must not have the highest priority.
            new.swap(1, 2);
        }
        let new = with("BestEffort", &new);
        let answer = changed(&setting, &old, &new, &["", "Tax/"]).await;
        assert_eq!(answer["Verification"], "COMPLETED", "{name}");
        assert_eq!(lost(world), [], "{name}");
        // A destination that is left is no longer spoken of.
        for bucket in ["one", "two"] {
            if !lines(world, bucket).is_empty() {
                assert_eq!(misjudged(world, bucket), [], "{name} {bucket}");
            }
        }
        setting.stack.aws.reset();
        let again = setting.stack.update("Replication", &new, &new).await;
        assert_eq!(again.unwrap()["Changes"], "0", "{name}");
        let drift = setting.stack.ask(json!({"Action": "DetectDrift"})).await;
        let drift = drift.unwrap();
        assert_eq!(
            drift["Resources"][0]["Result"], "IN_SYNC",
            "{name} {drift:#}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_prefix_is_changed_and_what_the_old_one_took_still_arrives() {
    let setting = setting(Duration::from_secs(2));
    let world = &setting.stack.world;
    let [key, _] = &setting.keys;
    let old = with("Required", &[rule("a", "Tax/", "one", key)]);
    let new = with("Required", &[rule("a", "Receipts/", "one", key)]);
    changed(&setting, &old, &new, &["Tax/", "Receipts/"]).await;
    // What no rule took has no status; nothing that one took failed.
    let failed = lost(world)
        .into_iter()
        .filter(|(_, status)| status.is_some());
    assert_eq!(failed.collect::<Vec<_>>(), []);
    assert_eq!(misjudged(world, "one"), []);
    let policy = our_policy(world);
    assert!(
        policy.contains("/Receipts/*") && !policy.contains("/Tax/*"),
        "{policy}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_source_key_leaves_the_list_and_what_was_uploaded_under_it_still_arrives() {
    let setting = setting(Duration::from_secs(2));
    let world = &setting.stack.world;
    let other = world.state().add_key(EAST, "CUSTOMER");
    let with_keys = |keys: &[&String]| {
        let mut properties = with("Required", &[rule("a", "", "one", &setting.keys[0])]);
        properties["SourceKmsKeyArns"] = json!(keys);
        properties
    };
    let old = with_keys(&[&setting.source_key, &other]);
    let new = with_keys(&[&setting.source_key]);
    setting.stack.create("Replication", &old).await.unwrap();
    let source = BucketRef {
        name: "source",
        region: EAST,
    };
    for number in 0..20 {
        let key = format!("under-the-other-{number}");
        world
            .put_object(source, &key, &[], Some(&other))
            .await
            .unwrap();
    }
    setting
        .stack
        .update("Replication", &old, &new)
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_mins(10)).await;
    assert_eq!(lost(world), []);
    assert!(!our_policy(world).contains(&other));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_proved_is_not_let_go_of_until_a_later_update_proves_it() {
    let setting = setting(Duration::ZERO);
    let (stack, world) = (&setting.stack, &setting.stack.world);
    let [first, second] = &setting.keys;
    let old = with("BestEffort", &[rule("a", "", "one", first)]);
    let new = with("BestEffort", &[rule("a", "", "one", second)]);
    stack.create("Replication", &old).await.unwrap();
    world.replicates_after(None);
    let answer = stack.update("Replication", &old, &new).await.unwrap();
    assert_eq!(answer["Verification"], "PENDING");
    let both = |policy: String| policy.contains(first) && policy.contains(second);
    assert!(both(our_policy(world)));
    let was = |world: &World| lines(world, "one")[1].until.unwrap();
    assert!(was(world) > world.state().time_of(Instant::now()));
    // It is as it should be for now.
    let drift = stack.ask(json!({"Action": "DetectDrift"})).await.unwrap();
    assert_eq!(drift["Resources"][0]["Result"], "IN_SYNC", "{drift:#}");
    world.replicates_after(Some(Duration::from_secs(3)));
    let answer = stack.update("Replication", &new, &new).await.unwrap();
    assert_eq!(answer["Verification"], "COMPLETED");
    assert!(!our_policy(world).contains(first));
    assert!(was(world) <= world.state().time_of(Instant::now()));
}

#[tokio::test(start_paused = true)]
async fn a_change_that_fails_is_rolled_back_and_loses_nothing() {
    for stop in ["put_replication", "put_role_policy", "put_parameter"] {
        let setting = setting(Duration::from_secs(2));
        let (stack, world) = (&setting.stack, &setting.stack.world);
        let [first, second] = &setting.keys;
        let old = with("Required", &[rule("a", "", "one", first)]);
        let new = with("Required", &[rule("a", "", "two", second)]);
        stack.create("Replication", &old).await.unwrap();
        let work = async {
            let denied = crate::aws::faults::Which::Every(stop);
            let (kind, when) = (
                replication::error::ErrorKind::AccessDenied,
                crate::aws::faults::When::After,
            );
            stack.aws.fail(denied, kind, when);
            stack.update("Replication", &old, &new).await.unwrap_err();
            stack.aws.reset();
            stack.aws.delay(Delays::Fixed(CALL));
            stack.update("Replication", &new, &old).await.unwrap();
        };
        tokio::join!(uploads(world, &[""], &setting.source_key), work);
        tokio::time::sleep(Duration::from_mins(10)).await;
        assert_eq!(lost(world), [], "{stop}");
        assert_eq!(misjudged(world, "one"), [], "{stop}");
        assert!(!our_policy(world).contains(second), "{stop}");
        // Nothing of ours is left where the change led.
        assert_eq!(lines(world, "two"), [], "{stop}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_role_of_somebodys_takes_over_from_ours_and_back() {
    let setting = setting(Duration::from_secs(2));
    let (stack, world) = (&setting.stack, &setting.stack.world);
    let theirs = stack.their_role();
    let ours = with("Required", &[rule("a", "", "one", &setting.keys[0])]);
    let mut given = ours.clone();
    given["Role"] = json!(theirs);
    changed(&setting, &ours, &given, &[""]).await;
    assert_eq!(lost(world), []);
    assert!(world.snapshot().roles["source"].4.is_empty());
    // IAM takes longer over the policy of ours than S3 over the rules.
    world.weather(Weather {
        permissions: Duration::from_secs(10),
        ..Weather::default()
    });
    let (_, answer) = tokio::join!(
        uploads(world, &["back/"], &setting.source_key),
        stack.update("Replication", &given, &ours)
    );
    answer.unwrap();
    tokio::time::sleep(Duration::from_mins(10)).await;
    assert_eq!(lost(world), []);
    let now = world.snapshot();
    let rules = now.buckets["source"].replication.clone().unwrap();
    assert_eq!(rules.role, our_role("source"));
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_somebody_wrote_gets_no_permission_for_its_sake() {
    let setting = setting(Duration::ZERO);
    let (stack, world) = (&setting.stack, &setting.stack.world);
    let [first, second] = &setting.keys;
    let given = with("Required", &[rule("a", "", "one", first)]);
    stack.create("Replication", &given).await.unwrap();
    {
        let mut state = world.state();
        let now = state.now;
        let source = state.buckets.get_mut("source").unwrap();
        let mut rules = source.replication.written().clone().unwrap();
        rules.rules[0].destination.replica_kms_key_id = Some(second.clone());
        source.replication.write(Some(rules), now);
    }
    let plan = json!({"Action": "Plan", "ResourceProperties": given});
    let plan = stack.ask(plan).await.unwrap();
    let steps = plan["Phases"].as_array().unwrap().iter();
    let steps: Vec<_> = steps.flat_map(|phase| phase.as_array().unwrap()).collect();
    assert_eq!(steps.len(), 1, "{plan:#}");
    assert_eq!(steps[0]["Step"], "MergeReplication");
}
