//! Any specification on any start.

use std::collections::BTreeMap;

use proptest::prelude::*;
use replication::configuration::{AsRead, DefaultEncryption, Versioning};
use replication::owner::RECORDS;
use serde_json::{Value, json};

use crate::aws::{Snapshot, World};
use crate::harness::{
    EAST, Stack, WEST, bucket_with_key, our_role, owner, plain_bucket, probes_left,
    somebodys_notification, somebodys_object, somebodys_rule, somebodys_rules, tag,
};

const DESTINATIONS: [(&str, &str); 3] = [("one", WEST), ("two", WEST), ("three", "eu-central-1")];

/// A bucket before we come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    Missing,
    Plain,
    Suspended,
    UnderManagedKey,
    UnderOwnKey,
}

#[derive(Clone, Debug)]
struct Start {
    source: Before,
    destinations: [Before; 3],
    content: bool,
    tags: bool,
    notified: bool,
    /// Priorities of somebody's rules under the role of ours.
    rules: Vec<i32>,
}

fn before() -> impl Strategy<Value = Before> {
    prop_oneof![
        Just(Before::Missing),
        Just(Before::Plain),
        Just(Before::Suspended),
        Just(Before::UnderManagedKey),
        Just(Before::UnderOwnKey),
    ]
}

prop_compose! {
    fn start()(
        source in before(),
        destinations in [before(), before(), before()],
        content in any::<bool>(),
        tags in any::<bool>(),
        notified in any::<bool>(),
        rules in prop::collection::btree_set(0..6_i32, 0..3),
    ) -> Start {
        Start { source, destinations, content, tags, notified, rules: rules.into_iter().collect() }
    }
}

fn place(world: &World, name: &str, region: &str, before: Before, start: &Start) {
    match before {
        Before::Missing => return,
        Before::Plain => plain_bucket(world, name, region),
        Before::UnderOwnKey => drop(bucket_with_key(world, name, region)),
        Before::Suspended | Before::UnderManagedKey => {
            plain_bucket(world, name, region);
            let mut state = world.state();
            let bucket = state.buckets.get_mut(name).unwrap();
            if before == Before::Suspended {
                bucket.versioning = Versioning::Suspended;
            } else {
                bucket.encryption = Some(DefaultEncryption {
                    algorithm: "aws:kms".into(),
                    kms_key: None,
                    bucket_key_enabled: true,
                    blocked: Vec::new(),
                    as_read: AsRead::default(),
                });
            }
        }
    }
    if start.content {
        somebodys_object(world, name, "Tax/old");
    }
    let mut state = world.state();
    let bucket = state.buckets.get_mut(name).unwrap();
    if start.tags {
        bucket.tags = vec![tag("team", "finance")];
    }
    if start.notified && region == EAST {
        bucket.notifications.queues = vec![somebodys_notification("q", "s3:ObjectCreated:*")];
    }
}

impl Start {
    fn world(&self) -> World {
        let world = World::default();
        // S3 makes the AWS managed keys when they are first used.
        for (_, region) in DESTINATIONS.into_iter().chain([("", EAST)]) {
            world.state().key_arn(region, "alias/aws/s3");
        }
        place(&world, "source", EAST, self.source, self);
        for ((name, region), before) in DESTINATIONS.into_iter().zip(self.destinations) {
            place(&world, name, region, before, self);
        }
        if !self.rules.is_empty() && self.source != Before::Missing {
            plain_bucket(&world, "archive", WEST);
            let mut state = world.state();
            for name in ["archive", "source"] {
                state.buckets.get_mut(name).unwrap().versioning = Versioning::Enabled;
            }
            state.add_role(
                "source",
                "/encrypted-replication/",
                &[("theirs", r#"{"Statement":[]}"#)],
            );
            drop(state);
            let rules = self.rules.iter().map(|priority| {
                somebodys_rule(&format!("theirs-{priority}"), *priority, "archive")
            });
            somebodys_rules(&world, "source", &our_role("source"), rules.collect());
        }
        world
    }
}

fn rule() -> impl Strategy<Value = Value> {
    let prefix = prop_oneof![Just(String::new()), "[a-c*?$]{1,2}/"];
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (prefix, 0..3_usize, any::<bool>(), flags).prop_map(
        |(prefix, destination, tagged, (markers, timed, disabled, sync))| {
            let (bucket, region) = DESTINATIONS[destination];
            let status = |on: bool| if on { "Enabled" } else { "Disabled" };
            let mut rule = json!({
                "Filter": {"Prefix": prefix},
                "Status": status(!disabled),
                "DeleteMarkerReplication": {"Status": status(markers && !tagged)},
                "Destination": {"Bucket": format!("arn:aws:s3:::{bucket}"), "Region": region},
            });
            if tagged {
                rule["Filter"] =
                    json!({"And": {"Prefix": prefix, "TagFilters": [{"Key": "k", "Value": "v"}]}});
            }
            if timed {
                rule["Destination"]["ReplicationTime"] =
                    json!({"Status": "Enabled", "Time": {"Minutes": "15"}});
            }
            if sync {
                rule["SourceSelectionCriteria"] =
                    json!({"ReplicaModifications": {"Status": "Enabled"}});
            }
            rule
        },
    )
}

/// Rules of which each decides for some object: the later one in the list has the higher priority.
fn rules(most: usize) -> impl Strategy<Value = Vec<Value>> {
    prop::collection::vec(rule(), 1..=most).prop_map(|rules| {
        let filter = |rule: &Value| {
            let filter = &rule["Filter"];
            let tagged = !filter["And"].is_null();
            let prefix = if tagged {
                &filter["And"]["Prefix"]
            } else {
                &filter["Prefix"]
            };
            (prefix.as_str().unwrap().to_owned(), tagged)
        };
        let outranked = |rule: &Value, later: &Value| {
            let ((prefix, tagged), (wider, wants_tag)) = (filter(rule), filter(later));
            later["Destination"]["Bucket"] == rule["Destination"]["Bucket"]
                && [rule, later].iter().all(|one| one["Status"] == "Enabled")
                && prefix.starts_with(&wider)
                && (tagged || !wants_tag)
        };
        let kept = rules.iter().enumerate().filter(|(position, rule)| {
            !rules[position + 1..]
                .iter()
                .any(|later| outranked(rule, later))
        });
        kept.map(|(_, rule)| rule.clone()).collect()
    })
}

fn properties(deleting: bool) -> impl Strategy<Value = Value> {
    let verification = prop_oneof![Just("None"), Just("Required")];
    (rules(4), verification).prop_map(move |(rules, verification)| {
        let mut properties =
            json!({"SourceBucket": "source", "Verification": verification, "Rules": rules});
        if deleting {
            properties["OnDelete"] =
                json!({"Buckets": "DeleteWhenEmpty", "Keys": "ScheduleDeletion"});
        }
        properties
    })
}

/// What everybody else has, byte for byte.
fn foreign(now: &Snapshot, start: &Snapshot) -> Vec<String> {
    let ours = owner("Replication", "source");
    let mut lines = Vec::new();
    for name in start.buckets.keys() {
        let bucket = &now.buckets[name];
        let rules = bucket
            .replication
            .clone()
            .map_or_else(Vec::new, |found| found.rules);
        let theirs: Vec<_> = rules
            .into_iter()
            .filter(|rule| !ours.owns(&rule.id))
            .collect();
        let notifications = &bucket.notifications;
        let queues: Vec<_> = notifications
            .queues
            .iter()
            .filter(|one| !ours.owns(&one.id))
            .collect();
        lines.push(format!(
            "{name} {theirs:?} {queues:?} {:?} {:?} {:?}",
            notifications.topics, bucket.tags, bucket.objects
        ));
        if name != "source" {
            lines.push(format!("{name} {:?}", bucket.encryption));
        }
    }
    for (name, role) in &start.roles {
        lines.push(format!(
            "{name} {:?}",
            now.roles[name].4.get("theirs").or(role.4.get("?"))
        ));
    }
    for arn in start.keys.keys() {
        lines.push(format!("{:?}", now.keys[arn]));
    }
    lines
}

/// What is documented to stay after a Delete.
fn but_for_what_stays(mut now: Snapshot, start: &Snapshot) -> Snapshot {
    for (name, bucket) in &mut now.buckets {
        if let Some(earlier) = start.buckets.get(name) {
            bucket.versioning = earlier.versioning;
            bucket.notifications.event_bridge = earlier.notifications.event_bridge;
        }
    }
    // The key of a bucket that holds anything: an object may be under it.
    let needed = |arn: &String| {
        let mut aliases = now.aliases.iter().filter(|(_, to)| *to == arn);
        aliases.any(|((_, alias), _)| {
            let bucket = alias
                .rsplit('/')
                .next()
                .and_then(|name| now.buckets.get(name));
            bucket.is_some_and(|bucket| !bucket.objects.is_empty())
        })
    };
    for (arn, key) in &now.keys {
        let state = if needed(arn) {
            "Enabled"
        } else {
            "PendingDeletion"
        };
        assert!(
            start.keys.contains_key(arn) || key.state == state,
            "{arn} {key:?}"
        );
    }
    now.keys.retain(|arn, _| start.keys.contains_key(arn));
    now.aliases
        .retain(|place, _| start.aliases.contains_key(place));
    now
}

/// Something that somebody else does to what we made.
#[derive(Clone, Copy, Debug)]
enum Meddling {
    Rules,
    Notifications,
    Parameters,
    RolePolicy,
    Role,
    Boundary,
    Versioning(&'static str),
    EventBridge(&'static str),
    Encryption(&'static str),
    Bucket(&'static str),
    Keys,
}

impl Meddling {
    /// Whether an Update has something to do after it, whatever was asked for.
    const fn is_always_repaired(self) -> bool {
        matches!(
            self,
            Self::Rules | Self::Parameters | Self::RolePolicy | Self::Role | Self::Keys
        )
    }

    fn on(self, world: &World) {
        let mut state = world.state();
        let now = state.now;
        match self {
            Self::Rules => {
                let source = state.buckets.get_mut("source").unwrap();
                source.replication.write(None, now);
            }
            Self::Notifications => {
                let source = state.buckets.get_mut("source").unwrap();
                source.notifications.queues.clear();
            }
            Self::Parameters => state
                .parameters
                .retain(|(_, name), _| name.starts_with(RECORDS)),
            Self::RolePolicy => {
                let role = state.roles.get_mut("source").unwrap();
                role.policies.write(BTreeMap::new(), now);
            }
            Self::Role => drop(state.roles.remove("source")),
            Self::Boundary => {
                let role = state.roles.get_mut("source").unwrap();
                role.permissions_boundary = Some("arn:aws:iam::aws:policy/Other".into());
            }
            Self::Keys => {
                for key in state.keys.values_mut() {
                    key.state = "Disabled".into();
                }
            }
            Self::Bucket(name) => drop(state.buckets.remove(name)),
            Self::Versioning(name) | Self::EventBridge(name) | Self::Encryption(name) => {
                let Some(bucket) = state.buckets.get_mut(name) else {
                    return;
                };
                match self {
                    Self::Versioning(_) => bucket.versioning = Versioning::Suspended,
                    Self::EventBridge(_) => bucket.notifications.event_bridge = false,
                    _ => bucket.encryption = None,
                }
            }
        }
    }
}

fn meddling() -> impl Strategy<Value = Meddling> {
    fn some(made: fn(&'static str) -> Meddling) -> impl Strategy<Value = Meddling> {
        prop::sample::select(&["source", "one", "two", "three"][..]).prop_map(made)
    }
    prop_oneof![
        Just(Meddling::Rules),
        Just(Meddling::Notifications),
        Just(Meddling::Parameters),
        Just(Meddling::RolePolicy),
        Just(Meddling::Role),
        Just(Meddling::Boundary),
        Just(Meddling::Keys),
        some(Meddling::Versioning),
        some(Meddling::EventBridge),
        some(Meddling::Encryption),
        some(Meddling::Bucket),
    ]
}

/// What a look for drift says of the one resource.
async fn drift(stack: &Stack) -> Result<Value, TestCaseError> {
    stack.aws.reset();
    let before = stack.world.snapshot();
    let answer = stack.ask(json!({"Action": "DetectDrift"})).await;
    let answer = answer.map_err(TestCaseError::fail)?;
    prop_assert_eq!(stack.aws.writes(), 0);
    prop_assert_eq!(stack.world.snapshot(), before);
    Ok(answer["Resources"][0].clone())
}

fn paused() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn any_specification_converges_keeps_what_is_others_and_goes_again(
        start in start(), first in properties(true), second in properties(true),
    ) {
        paused().block_on(async {
            let world = start.world();
            let stack = Stack::in_world(&world);
            let origin = world.snapshot();
            let others = foreign(&origin, &origin);

            let made = stack.create("Replication", &first).await;
            let made = made.map_err(TestCaseError::fail)?;
            prop_assert_ne!(&made["Changes"], &json!("0"));
            prop_assert_eq!(foreign(&world.snapshot(), &origin), others.clone());
            prop_assert_eq!(probes_left(&world), []);

            // The same again, however it is asked, changes nothing.
            let before = world.snapshot();
            stack.aws.reset();
            stack.create("Replication", &first).await.map_err(TestCaseError::fail)?;
            stack.update("Replication", &second, &first).await.map_err(TestCaseError::fail)?;
            prop_assert_eq!(stack.aws.writes(), 0);
            prop_assert_eq!(world.snapshot(), before);

            stack.update("Replication", &first, &second).await.map_err(TestCaseError::fail)?;
            prop_assert_eq!(foreign(&world.snapshot(), &origin), others);
            stack.aws.reset();
            let again = stack.update("Replication", &first, &second).await;
            prop_assert_eq!(&again.map_err(TestCaseError::fail)?["Changes"], &json!("0"));
            prop_assert_eq!(stack.aws.writes(), 0);

            // Back and forth, so that everything of both versions is known to the last Delete.
            stack.update("Replication", &second, &first).await.map_err(TestCaseError::fail)?;
            stack.delete("Replication", &first).await.map_err(TestCaseError::fail)?;
            let mut after = world.snapshot();
            // Buckets and keys that only the second version named are not looked for.
            let named = |name: &str| first.to_string().contains(&format!("arn:aws:s3:::{name}"));
            after.buckets.retain(|name, _| origin.buckets.contains_key(name) || named(name) || name == "source");
            let unnamed: Vec<_> = DESTINATIONS.iter().filter(|(name, _)| !named(name)).collect();
            let forgotten = |alias: &str| unnamed.iter().any(|(name, _)| alias.ends_with(&format!("/{name}")));
            for ((_, alias), arn) in after.aliases.clone() {
                if forgotten(&alias) {
                    after.keys.remove(&arn);
                }
            }
            prop_assert_eq!(but_for_what_stays(after, &origin), origin);
            Ok(())
        })?;
    }

    #[test]
    fn any_probe_arrives_under_the_policy_that_we_write(start in start(), rules in rules(5)) {
        paused().block_on(async {
            let stack = Stack::in_world(&start.world());
            let properties = json!({"SourceBucket": "source", "Verification": "Required", "Rules": rules});
            let answer = stack.create("Replication", &properties).await.map_err(TestCaseError::fail)?;
            let enabled = rules.iter().any(|rule| rule["Status"] == "Enabled");
            let verification = if enabled { "COMPLETED" } else { "SKIPPED" };
            prop_assert_eq!(&answer["Verification"], &json!(verification));
            prop_assert_eq!(probes_left(&stack.world), []);
            Ok(())
        })?;
    }

    #[test]
    fn a_look_for_drift_tells_what_an_update_would_do_and_changes_nothing(
        start in start(), first in properties(true), second in properties(true), meddling in meddling(),
    ) {
        paused().block_on(async {
            let stack = Stack::in_world(&start.world());
            stack.create("Replication", &first).await.map_err(TestCaseError::fail)?;
            let found = drift(&stack).await?;
            prop_assert_eq!(&found["Result"], "IN_SYNC", "{:#}", found);
            stack.update("Replication", &first, &second).await.map_err(TestCaseError::fail)?;
            let found = drift(&stack).await?;
            prop_assert_eq!(&found["Result"], "IN_SYNC", "{:#}", found);

            let plan = json!({"Action": "Plan", "ResourceProperties": second,
                              "PhysicalResourceId": found["PhysicalResourceId"]});
            let before = stack.ask(plan.clone()).await.map_err(TestCaseError::fail)?;
            meddling.on(&stack.world);
            let found = drift(&stack).await?;
            let plan = stack.ask(plan).await.map_err(TestCaseError::fail)?;
            let phases = plan["Phases"].as_array().unwrap().iter().flat_map(|phase| phase.as_array().unwrap());
            let steps: Vec<_> = phases.map(|step| step["Summary"].clone()).collect();
            // A key that is there already and cannot be used is told, and keeps nothing from being done.
            let told = plan["Faults"] != json!([]) || plan["Warnings"] != before["Warnings"];
            let repaired = !steps.is_empty() || told;
            prop_assert!(repaired || !meddling.is_always_repaired(), "{:#}", plan);
            let expected = if repaired { "DRIFTED" } else { "IN_SYNC" };
            prop_assert_eq!(&found["Result"], expected, "{:#}", found);
            // What only the former rules needed goes when the new ones are proved, which is no change of drift's.
            let changes = found["Changes"].as_array().unwrap();
            prop_assert!(steps.starts_with(changes), "{:#}", found);
            Ok(())
        })?;
    }
}
