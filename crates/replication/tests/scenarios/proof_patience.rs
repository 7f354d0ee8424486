//! AWS on a slow day: what was just made is not known yet, and what was just put is not in force yet.

use std::time::Duration;

use replication::error::ErrorKind;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::aws::Weather;
use crate::aws::faults::{When, Which};
use crate::harness::{EAST, Stack, WEST, bucket_with_key, probes_left};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn given(verification: &str) -> Value {
    json!({"SourceBucket": "source", "Verification": verification, "Rules": [
        {"Id": "tax", "Filter": {"Prefix": "a/"}, "Destination": {"Bucket": "arn:aws:s3:::one", "Region": WEST}}]})
}

fn existing() -> Stack {
    let stack = Stack::new();
    bucket_with_key(&stack.world, "source", EAST);
    bucket_with_key(&stack.world, "one", WEST);
    stack
}

/// Keys without alias that are not about to go: nobody finds them again.
fn orphans(stack: &Stack) -> usize {
    let state = stack.world.state();
    let mut keys: Vec<_> = state.keys.iter().collect();
    keys.retain(|(arn, key)| {
        key.state != "PendingDeletion" && !state.aliases.values().any(|to| to == *arn)
    });
    keys.len()
}

#[tokio::test(start_paused = true)]
async fn everything_from_nothing_on_a_bad_day() {
    for verification in ["Required", "BestEffort"] {
        let stack = Stack::new();
        stack.world.weather(Weather::real());
        let began = Instant::now();
        let answer = stack
            .create("Replication", &given(verification))
            .await
            .unwrap();
        assert_eq!(answer["Verification"], "COMPLETED", "{verification}");
        assert!(
            began.elapsed() < Duration::from_mins(6),
            "{:?}",
            began.elapsed()
        );
        assert_eq!(
            (orphans(&stack), probes_left(&stack.world)),
            (0, Vec::new())
        );
        // No second key was made where the first was not seen.
        assert_eq!(stack.world.state().keys.len(), 2);
        let answer = stack
            .update("Replication", &given(verification), &given(verification))
            .await;
        assert_eq!(answer.unwrap()["Changes"], "0");
    }
}

#[tokio::test(start_paused = true)]
async fn settings_of_one_bucket_wait_for_each_other_without_another_look_at_everything() {
    let stack = Stack::new();
    let weather = Weather {
        between_writes: seconds(1),
        ..Weather::default()
    };
    stack.world.weather(weather);
    stack.create("Replication", &given("None")).await.unwrap();
    let calls = stack.aws.calls();
    let looks = calls
        .iter()
        .filter(|made| made.operation == "role_policies");
    assert_eq!(looks.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn each_delay_alone_is_waited_out() {
    let slow = |change: fn(&mut Weather)| {
        let mut weather = Weather::default();
        change(&mut weather);
        weather
    };
    let delays = [
        ("rules", slow(|weather| weather.rules = seconds(90))),
        (
            "permissions",
            slow(|weather| weather.permissions = seconds(90)),
        ),
        ("keys", slow(|weather| weather.keys = seconds(60))),
        ("aliases", slow(|weather| weather.aliases = seconds(60))),
        ("key tags", slow(|weather| weather.key_tags = seconds(120))),
        ("buckets", slow(|weather| weather.buckets = seconds(60))),
        (
            "versioning",
            slow(|weather| weather.versioning = seconds(120)),
        ),
        (
            "between writes",
            slow(|weather| weather.between_writes = seconds(2)),
        ),
    ];
    for (name, weather) in delays {
        for verification in ["Required", "BestEffort"] {
            let stack = Stack::new();
            stack.world.weather(weather.clone());
            let answer = stack.create("Replication", &given(verification)).await;
            let answer = answer.unwrap_or_else(|reason| panic!("{name} {verification}: {reason}"));
            assert_eq!(answer["Verification"], "COMPLETED", "{name} {verification}");
            assert_eq!(
                (orphans(&stack), probes_left(&stack.world)),
                (0, Vec::new()),
                "{name}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_role_is_an_unknown_principal_for_a_while() {
    const OTHER: &str = "444455556666";
    const ASSUMED: &str = "arn:aws:iam::444455556666:role/encrypted-replication/destination";
    let stack = Stack::new();
    bucket_with_key(&stack.world, "source", EAST);
    stack.world.state().assumable.insert(ASSUMED.into());
    bucket_with_key(&stack.world.of_account(OTHER), "one", WEST);
    stack.world.state().buckets.get_mut("one").unwrap().account = OTHER.into();
    stack.world.weather(Weather {
        principals: seconds(60),
        ..Weather::default()
    });
    let mut given = given("Required");
    given["Rules"][0]["Destination"]["AssumeRoleArn"] = json!(ASSUMED);
    let answer = stack.create("Replication", &given).await.unwrap();
    assert_eq!(answer["Verification"], "COMPLETED");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_key_is_a_reason_to_look_again() {
    for lag in [5, 20, 60] {
        let stack = existing();
        let before = given("Required");
        stack.create("Replication", &before).await.unwrap();
        let other = stack.world.state().add_key(WEST, "CUSTOMER");
        // The rules of before have long been in force.
        tokio::time::sleep(Duration::from_hours(2)).await;
        stack.world.weather(Weather {
            rules: seconds(lag),
            ..Weather::default()
        });
        let mut changed = before.clone();
        changed["Rules"][0]["Destination"]["EncryptionConfiguration"] =
            json!({"ReplicaKmsKeyID": other});
        let answer = stack
            .update("Replication", &before, &changed)
            .await
            .unwrap();
        assert_eq!(answer["Verification"], "COMPLETED", "{lag} s");
        assert_eq!(probes_left(&stack.world), [], "{lag} s");
    }
    // One that stays wrong is told, by both. Their role may use either key.
    for verification in ["Required", "BestEffort"] {
        let stack = existing();
        let role = stack.their_role();
        let mut before = given(verification);
        before["Role"] = json!(role);
        stack.create("Replication", &before).await.unwrap();
        let other = stack.world.state().add_key(WEST, "CUSTOMER");
        // The rules of before have long been in force.
        tokio::time::sleep(Duration::from_hours(2)).await;
        stack.world.weather(Weather {
            rules: Duration::from_hours(1),
            ..Weather::default()
        });
        let mut changed = before.clone();
        changed["Rules"][0]["Destination"]["EncryptionConfiguration"] =
            json!({"ReplicaKmsKeyID": other});
        let answer = stack.update("Replication", &before, &changed).await;
        if verification == "Required" {
            let reason = answer.unwrap_err();
            assert!(
                reason.contains("is encrypted with aws:kms under") && reason.contains("instead of"),
                "{reason}"
            );
        } else {
            assert_eq!(answer.unwrap()["Verification"], "PENDING");
        }
        assert_eq!(probes_left(&stack.world), []);
    }
}

#[tokio::test(start_paused = true)]
async fn best_effort_never_fails_for_want_of_time() {
    for slow in [
        Weather {
            permissions: Duration::from_hours(1),
            ..Weather::default()
        },
        Weather {
            rules: Duration::from_hours(1),
            ..Weather::default()
        },
    ] {
        let stack = existing();
        stack.world.weather(slow);
        let began = Instant::now();
        let request = crate::harness::request(
            custom_resource::RequestType::Create,
            "Replication",
            &given("BestEffort"),
        );
        let answer = stack.deliver(&request).await.unwrap();
        assert_eq!(answer.data["Verification"], "PENDING");
        let reason = answer.reason.unwrap();
        assert!(reason.starts_with("not proved: S3 "), "{reason}");
        assert!(
            began.elapsed() >= Duration::from_mins(4),
            "{:?}",
            began.elapsed()
        );
        assert!(
            began.elapsed() <= Duration::from_mins(6),
            "{:?}",
            began.elapsed()
        );
        assert_eq!(probes_left(&stack.world), []);
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_may_not_be_written_is_skipped_with_the_reason_at_once() {
    let stack = existing();
    stack.aws.fail(
        Which::Every("put_object"),
        ErrorKind::AccessDenied,
        When::Before,
    );
    let began = Instant::now();
    let request = crate::harness::request(
        custom_resource::RequestType::Create,
        "Replication",
        &given("BestEffort"),
    );
    let mut existing_keys = request;
    // The keys are theirs, so that nothing is to be waited for.
    let key = stack.world.state().buckets["one"]
        .encryption
        .clone()
        .unwrap()
        .kms_key;
    existing_keys.resource_properties["Rules"][0]["Destination"]["EncryptionConfiguration"] =
        json!({"ReplicaKmsKeyID": key});
    let answer = stack.deliver(&existing_keys).await.unwrap();
    assert_eq!(answer.data["Verification"], "SKIPPED");
    let reason = answer.reason.unwrap();
    assert!(reason.contains("put_object on"), "{reason}");
    assert!(began.elapsed() < seconds(10), "{:?}", began.elapsed());
    let required = {
        let mut given = existing_keys.resource_properties.clone();
        given["Verification"] = json!("Required");
        Value::Object(given)
    };
    let reason = stack.create("Replication", &required).await.unwrap_err();
    assert!(reason.contains("put_object on"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_about_something_older_is_told_at_once() {
    for (operation, kind) in [
        ("put_role_policy", ErrorKind::AccessDenied),
        ("put_notifications", ErrorKind::AccessDenied),
        ("put_replication", ErrorKind::Invalid),
        ("put_parameter", ErrorKind::AccessDenied),
    ] {
        let stack = existing();
        let before = given("None");
        stack.create("Replication", &before).await.unwrap();
        stack
            .world
            .state()
            .buckets
            .get_mut("one")
            .unwrap()
            .notifications
            .event_bridge = false;
        stack.aws.reset();
        stack.aws.fail(Which::Every(operation), kind, When::Before);
        let mut changed = before.clone();
        changed["Rules"][0]["Filter"]["Prefix"] = json!("b/");
        let began = Instant::now();
        let reason = stack
            .update("Replication", &before, &changed)
            .await
            .unwrap_err();
        assert!(reason.contains(operation), "{reason}");
        // Before rules that are in force change, what they need is given time to be known.
        assert!(
            began.elapsed() < seconds(20),
            "{operation}: {:?}",
            began.elapsed()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_reads_back_otherwise_than_written_is_named_with_what_reads_back() {
    let stack = existing();
    // AWS answers, and takes no notice.
    stack.world.state().deaf_to_rules = true;
    let began = Instant::now();
    let reason = stack
        .create("Replication", &given("None"))
        .await
        .unwrap_err();
    assert!(
        reason.contains(
            "not done yet: put 1 replication rule(s) on bucket `source`, where AWS shows no rule `"
        ),
        "{reason}"
    );
    assert!(!reason.contains("another writer"), "{reason}");
    assert!(
        began.elapsed() > Duration::from_mins(5),
        "{:?}",
        began.elapsed()
    );
    // The last look reads only.
    let calls = stack.aws.calls();
    let last = |operation: &str| calls.iter().rposition(|made| made.operation == operation);
    assert!(last("put_replication") < last("replication"));
}

#[tokio::test(start_paused = true)]
async fn a_replica_is_seen_soon_after_it_is_there() {
    for lag in [0, 1, 2, 3, 8, 40, 100] {
        let stack = existing();
        stack.world.replicates_after(Some(seconds(lag)));
        let answer = stack.create("Replication", &given("Required")).await;
        let answer = answer.unwrap();
        let seen: f64 = answer["VerificationSeconds"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        let lag = Duration::from_secs(lag).as_secs_f64();
        // Looks are further and further apart, and never so far that it takes more than half as long again.
        let latest = (lag * 1.5 + 0.3).min(lag + 5.1);
        assert!(lag <= seen && seen <= latest, "{lag}: {seen}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_cannot_be_removed_is_tried_three_times_on_each_side() {
    let stack = existing();
    stack.aws.fail(
        Which::Every("delete_object_version"),
        ErrorKind::AccessDenied,
        When::Before,
    );
    let answer = stack.create("Replication", &given("Required")).await;
    assert_eq!(answer.unwrap()["Verification"], "COMPLETED");
    let calls = stack.aws.calls();
    let removals = calls
        .iter()
        .filter(|made| made.operation == "delete_object_version");
    assert_eq!(removals.count(), 2 * 3);
    assert_eq!(probes_left(&stack.world).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn events_of_arrivals_are_switched_on_first() {
    for stack in [Stack::new(), existing()] {
        stack
            .create("Replication", &given("BestEffort"))
            .await
            .unwrap();
        let calls = stack.aws.calls();
        let writes: Vec<_> = calls
            .iter()
            .filter(|made| made.write)
            .map(|made| made.operation)
            .collect();
        let at = |operation: &str| writes.iter().position(|made| *made == operation).unwrap();
        for later in ["put_role_policy", "put_replication", "put_parameter"] {
            assert!(at("put_notifications") < at(later), "{writes:?}");
        }
    }
}
