//! `Custom::WatchedReplication`: rules of others are watched, and nothing of theirs is touched.

use std::time::Duration;

use custom_resource::{CustomResource, Request, RequestType, Success};
use expectation::Document;
use replication::configuration::{Exclusions, ReplicationRule, Status, Timed};
use replication::error::ErrorKind;
use serde_json::{Value, json};

use crate::aws::faults::{When, Which};
use crate::aws::{ACCOUNT, Snapshot};
use crate::harness::{
    EAST, QUEUE, Stack, WEST, bucket_with_key, change_rules, owner, plain_bucket, request,
    somebodys_notification, somebodys_object, somebodys_rule, somebodys_rules, tag,
};

const OTHER: &str = "444455556666";
const ASSUMED: &str = "arn:aws:iam::444455556666:role/encrypted-replication/watch";
const ROLE: &str = "arn:aws:iam::111122223333:role/terraform/replication";
const TYPE: &str = "Custom::WatchedReplication";

/// As Terraform's `aws_s3_bucket_replication_configuration` writes one.
fn terraforms(id: &str, priority: i32, bucket: &str, key: &str) -> ReplicationRule {
    let mut rule = somebodys_rule(id, priority, bucket);
    rule.destination.account = None;
    rule.sse_kms_encrypted_objects = Some(Status::Enabled);
    rule.destination.replica_kms_key_id = Some(key.to_owned());
    rule.destination.metrics = Some(Timed {
        status: Status::Enabled,
        minutes: None,
    });
    rule
}

/// A source and a destination of somebody's, with rules between them, and a stack that is to watch.
struct Setting {
    stack: Stack,
    key: String,
}

impl Setting {
    fn new() -> Self {
        let stack = Stack::new();
        bucket_with_key(&stack.world, "source", EAST);
        let key = bucket_with_key(&stack.world, "copies", WEST);
        somebodys_object(&stack.world, "copies", "report");
        let setting = Self { stack, key };
        setting.rules(vec![setting.rule("tax", 1), setting.rule("pay", 2)]);
        let mut state = setting.stack.world.state();
        let source = state.buckets.get_mut("source").unwrap();
        source.tags = vec![tag("team", "ledger")];
        source.policy = Some(r#"{"Statement":[]}"#.to_owned());
        let theirs = somebodys_notification("theirs", "s3:ObjectCreated:*");
        source.notifications.queues.push(theirs);
        drop(state);
        setting
    }

    fn rule(&self, id: &str, priority: i32) -> ReplicationRule {
        terraforms(id, priority, "copies", &self.key)
    }

    fn rules(&self, rules: Vec<ReplicationRule>) {
        somebodys_rules(&self.stack.world, "source", ROLE, rules);
    }

    fn change(&self, change: impl FnOnce(&mut Vec<ReplicationRule>)) {
        let found = self.stack.world.snapshot().buckets["source"].clone();
        let mut rules = found.replication.unwrap().rules;
        change(&mut rules);
        self.rules(rules);
    }

    async fn create(&self, properties: &Value) -> Result<Success, String> {
        self.stack
            .deliver(&asking(RequestType::Create, "Watch", properties))
            .await
    }

    async fn update(&self, old: &Value, new: &Value) -> Result<Success, String> {
        self.stack.deliver(&update(old, new)).await
    }

    async fn delete(&self, properties: &Value) -> Result<Success, String> {
        let request = asking(RequestType::Delete, "Watch", properties);
        self.stack.deliver(&request).await
    }

    /// The lines that are said of a bucket of ours: prefix, key, whether in force, and until when.
    fn said(&self, bucket: &str) -> Vec<(String, String, bool, bool, bool)> {
        let name = owner("Watch", "source").parameter_name(bucket, 0);
        let state = self.stack.world.state();
        let text = state.parameters.get(&(WEST.to_owned(), name));
        let document = text.map(|text| Document::read(text).unwrap());
        let lines = document.into_iter().flat_map(|document| {
            assert_eq!(document.source, "arn:aws:s3:::source");
            document.rules
        });
        lines
            .map(|line| {
                let (since, until) = (line.since.is_some(), line.until.is_some());
                (line.prefix, line.kms_key_arn, !line.disabled, since, until)
            })
            .collect()
    }

    async fn drift(&self) -> Value {
        let before = self.stack.world.snapshot();
        let answer = self
            .stack
            .ask(json!({"Action": "DetectDrift"}))
            .await
            .unwrap();
        assert_eq!(self.stack.world.snapshot(), before);
        answer["Resources"][0].clone()
    }
}

fn source() -> Value {
    json!({"SourceBucket": "source"})
}

fn asking(kind: RequestType, logical_id: &str, properties: &Value) -> Request {
    let mut request = request(kind, logical_id, properties);
    request.resource_type = TYPE.into();
    if kind != RequestType::Create {
        let id = Stack::new().resource().physical_id(&request);
        request.physical_resource_id = Some(id);
    }
    request
}

fn update(old: &Value, new: &Value) -> Request {
    let mut request = asking(RequestType::Update, "Watch", new);
    request.physical_resource_id = asking(RequestType::Delete, "Watch", old).physical_resource_id;
    request.old_resource_properties = old.as_object().unwrap().clone();
    request
}

/// Without what the resource is to write.
fn of_others(mut all: Snapshot) -> Snapshot {
    let ours = |name: &str| owner("Watch", "source").owns_parameter(name);
    all.parameters.retain(|(_, name), _| !ours(name));
    all.records.clear();
    for parameters in all.foreign_parameters.values_mut() {
        parameters.retain(|(_, name), _| !ours(name));
    }
    all.foreign_parameters
        .retain(|_, parameters| !parameters.is_empty());
    for bucket in all.buckets.values_mut() {
        let queues = &mut bucket.notifications.queues;
        queues.retain(|one| !owner("Watch", "source").owns(&one.id));
        bucket.notifications.event_bridge = false;
    }
    all
}

#[tokio::test(start_paused = true)]
async fn it_writes_its_three_things_and_touches_nothing_else() {
    let setting = Setting::new();
    let before = setting.stack.world.snapshot();
    let created = setting.create(&source()).await.unwrap();
    assert_eq!(created.reason, None);
    let after = setting.stack.world.snapshot();
    assert_eq!(of_others(after.clone()), before);
    let key = || setting.key.clone();
    let line = |prefix: &str| (prefix.to_owned(), key(), true, false, false);
    assert_eq!(setting.said("copies"), [line("tax/"), line("pay/")]);
    assert!(after.buckets["copies"].notifications.event_bridge);
    assert!(!after.buckets["source"].notifications.event_bridge);
    let queues = &after.buckets["source"].notifications.queues;
    let ours = queues.iter().find(|one| one.id.starts_with("er")).unwrap();
    assert_eq!(ours.target_arn, QUEUE);
    assert!(
        ours.events
            .contains(&"s3:Replication:OperationFailedReplication".to_owned())
    );
    let attribute = |name: &str| created.data[name].as_str().unwrap().to_owned();
    assert_eq!(attribute("SourceBucketArn"), "arn:aws:s3:::source");
    assert_eq!(attribute("DestinationBucketArns"), "arn:aws:s3:::copies");
    assert_eq!(attribute("ReplicaKmsKeyArns"), setting.key);
    assert_eq!(attribute("RuleIds"), "tax,pay");
    assert_eq!(
        (attribute("Unwatched"), attribute("Warnings")),
        (String::new(), String::new())
    );
    // Events, expectation, notification, record.
    assert_eq!(attribute("Changes"), "4");
    let again = json!({"SourceBucket": "source", "Revision": "2"});
    setting.update(&source(), &again).await.unwrap();
    assert_eq!(of_others(setting.stack.world.snapshot()), before);
    setting.delete(&again).await.unwrap();
    let mut gone = setting.stack.world.snapshot();
    // Whoever else listens meanwhile is not known.
    assert!(gone.buckets["copies"].notifications.event_bridge);
    gone.buckets
        .get_mut("copies")
        .unwrap()
        .notifications
        .event_bridge = false;
    assert_eq!(gone, before);
    // Once more, as Lambda may deliver it.
    setting.delete(&again).await.unwrap();
    let written: Vec<_> = setting
        .stack
        .aws
        .calls()
        .into_iter()
        .filter(|made| made.write)
        .collect();
    let writes = ["put_notifications", "put_parameter", "delete_parameter"];
    assert!(
        written.iter().all(|made| writes.contains(&made.operation)),
        "{written:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn one_request_delivered_twice_is_answered_once() {
    let setting = Setting::new();
    let request = asking(RequestType::Create, "Watch", &source());
    let first = setting.stack.deliver(&request).await.unwrap();
    setting.stack.aws.reset();
    let second = setting.stack.deliver(&request).await.unwrap();
    assert_eq!(first, second);
    assert_eq!(setting.stack.aws.writes(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_id_depends_on_stack_name_and_bucket_and_is_no_provisioned_ones() {
    let resource = Stack::new().resource();
    let id = |request: &Request| resource.physical_id(request);
    let request = asking(RequestType::Create, "Watch", &source());
    assert!(
        id(&request).starts_with("watched-replication/source/er"),
        "{}",
        id(&request)
    );
    let mut provisioned = request.clone();
    provisioned.resource_type = "Custom::EncryptedReplication".into();
    let other_bucket = asking(
        RequestType::Create,
        "Watch",
        &json!({"SourceBucket": "other"}),
    );
    let other_name = asking(RequestType::Create, "Other", &source());
    for other in [&provisioned, &other_bucket, &other_name] {
        assert_ne!(id(other), id(&request));
    }
    assert!(resource.is_own_id(&id(&request)));
    // An Update whose properties name no bucket keeps its id, and fails.
    let mut broken = update(&source(), &source());
    broken.resource_properties = json!({"SourceBuckt": "source"})
        .as_object()
        .unwrap()
        .clone();
    assert_eq!(id(&broken), id(&request));
}

#[expect(clippy::too_many_lines, reason = "a rule for each reason")]
#[tokio::test(start_paused = true)]
async fn what_cannot_be_watched_is_named_rule_by_rule_and_the_rest_is_watched() {
    let setting = Setting::new();
    let world = &setting.stack.world;
    let alias = {
        let mut state = world.state();
        let alias = "alias/copies".to_owned();
        state
            .aliases
            .insert((WEST.to_owned(), alias.clone()), setting.key.clone());
        format!("arn:aws:kms:{WEST}:{ACCOUNT}:{alias}")
    };
    world.state().strangers.insert("hidden".into());
    let with = |id: &str, change: &dyn Fn(&mut ReplicationRule)| {
        let mut rule = setting.rule(id, 10);
        change(&mut rule);
        rule
    };
    let rules = vec![
        with("plain", &|rule| rule.sse_kms_encrypted_objects = None),
        with("keyless", &|rule| {
            rule.destination.replica_kms_key_id = None;
        }),
        with("related", &|rule| {
            rule.destination.replica_kms_key_id = None;
            rule.destination.use_source_multi_region_key = Some(Status::Enabled);
        }),
        with("foreign", &|rule| {
            rule.destination.bucket = "arn:aws:s3:::theirs".into();
            rule.destination.account = Some(OTHER.into());
        }),
        with("hidden", &|rule| {
            rule.destination.bucket = "arn:aws:s3:::hidden".into();
        }),
        with("nowhere", &|rule| {
            rule.destination.bucket = "arn:aws:s3:::nowhere".into();
        }),
        with("strange-alias", &|rule| {
            rule.destination.replica_kms_key_id =
                Some(format!("arn:aws:kms:{WEST}:{OTHER}:alias/theirs"));
        }),
        with("lost-alias", &|rule| {
            rule.destination.replica_kms_key_id = Some("alias/lost".into());
        }),
        with("alias-arn", &|rule| {
            rule.destination.replica_kms_key_id = Some(alias.clone());
        }),
        with("alias", &|rule| {
            rule.destination.replica_kms_key_id = Some("alias/copies".into());
        }),
        with("off", &|rule| rule.status = Status::Disabled),
        with("tagged", &|rule| {
            rule.filter.as_mut().unwrap().tags = vec![tag("a", "b")];
        }),
        with("but", &|rule| {
            rule.filter.as_mut().unwrap().not = Exclusions {
                prefixes: vec!["but/not/".into()],
                tags: Vec::new(),
            };
        }),
    ];
    setting.rules(rules);
    let created = setting.create(&source()).await.unwrap();
    assert_eq!(created.data["RuleIds"], "alias-arn,alias,off,tagged,but");
    let unwatched = created.data["Unwatched"].as_str().unwrap();
    for (id, why) in [
        ("plain", "takes no objects that are encrypted with KMS"),
        ("keyless", "names no key for replicas (`ReplicaKmsKeyID`)"),
        ("related", "replicates under the related multi-Region key"),
    ] {
        assert!(
            unwatched.contains(&format!("rule `{id}` {why}")),
            "{id}: {unwatched}"
        );
    }
    // The attribute has room for so much; a question has room for all.
    let plan = json!({"Action": "Plan", "ResourceType": TYPE, "ResourceProperties": source()});
    let plan = setting.stack.ask(plan).await.unwrap();
    let told = plan["Unwatched"].as_array().unwrap();
    let told: Vec<_> = told.iter().map(|one| one.as_str().unwrap()).collect();
    assert_eq!(told.len(), 8, "{told:#?}");
    for (number, (id, why)) in [
        ("foreign", "leads to bucket `theirs` of account 444455556666, and `Destinations` names no `AssumeRoleArn`"),
        ("hidden", "leads to bucket `hidden`, which cannot be looked at (HeadBucket on bucket `hidden`"),
        ("nowhere", "leads to bucket `nowhere`, which does not exist"),
        ("strange-alias", "names key `arn:aws:kms:us-west-2:444455556666:alias/theirs` of account 444455556666, where it"),
        ("lost-alias", "names key `alias/lost`, which is not there in us-west-2"),
    ]
    .into_iter()
    .enumerate()
    {
        let line = told[number + 3];
        assert!(line.starts_with(&format!("rule `{id}` {why}")), "{line}");
    }
    let keys = || setting.key.clone();
    let line = |prefix: &str| (prefix.to_owned(), keys(), true, false, false);
    assert_eq!(
        setting.said("copies"),
        [
            line("alias-arn/"),
            line("alias/"),
            line("tagged/"),
            line("but/"),
            ("off/".to_owned(), keys(), false, false, true),
        ]
    );
    // What a filter asks for besides the prefix leaves room for the next rule.
    let name = owner("Watch", "source").parameter_name("copies", 0);
    let text = world.state().parameters[&(WEST.to_owned(), name)].clone();
    let document = Document::read(&text).unwrap();
    let conditional: Vec<_> = document.rules.iter().map(|line| line.conditional).collect();
    assert_eq!(conditional, [false, false, true, true, false]);
}

#[tokio::test(start_paused = true)]
async fn a_destination_of_another_account_is_watched_by_the_role_that_is_named() {
    let setting = Setting::new();
    let world = setting.stack.world.of_account(OTHER);
    let key = bucket_with_key(&world, "theirs", WEST);
    OTHER.clone_into(&mut world.state().buckets.get_mut("theirs").unwrap().account);
    setting.stack.world.state().assumable.insert(ASSUMED.into());
    let mut rule = terraforms("theirs", 3, "theirs", &key);
    rule.destination.account = Some(OTHER.into());
    setting.rules(vec![rule]);
    let properties = json!({"SourceBucket": "source", "Destinations": [
        {"Bucket": "theirs", "AssumeRoleArn": ASSUMED}]});
    let before = setting.stack.world.snapshot();
    let created = setting.create(&properties).await.unwrap();
    assert_eq!(
        (created.data["RuleIds"].as_str(), created.reason.as_deref()),
        (Some("theirs"), None)
    );
    let after = setting.stack.world.snapshot();
    assert_eq!(of_others(after.clone()), before);
    let name = owner("Watch", "source").parameter_name("theirs", 0);
    assert!(after.foreign_parameters[OTHER].contains_key(&(WEST.to_owned(), name)));
    assert!(after.buckets["theirs"].notifications.event_bridge);
    setting.delete(&properties).await.unwrap();
    assert!(setting.stack.world.snapshot().foreign_parameters.is_empty());
    // A role that cannot be assumed is told to whoever names it, and its Delete succeeds.
    setting.stack.world.state().assumable.clear();
    let refused = setting.create(&properties).await.unwrap_err();
    assert!(refused.contains("AssumeRole"), "{refused}");
    setting.delete(&properties).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_changes_is_drift_and_never_followed_until_an_update_takes_it() {
    let setting = Setting::new();
    setting.create(&source()).await.unwrap();
    assert_eq!(setting.drift().await["Result"], "IN_SYNC");
    let old = setting.key.clone();
    let new = {
        let mut state = setting.stack.world.state();
        state.add_key(WEST, "CUSTOMER")
    };
    setting.change(|rules| rules[0].destination.replica_kms_key_id = Some(new.clone()));
    let said = setting.said("copies");
    let drift = setting.drift().await;
    assert_eq!(drift["Result"], "DRIFTED");
    let change = format!("rule `tax` has key for replicas `{new}`, and had `{old}`");
    assert_eq!(drift["Changes"], json!([change]));
    assert!(
        drift["Remedy"].as_str().unwrap().contains("`Revision`"),
        "{drift}"
    );
    assert_eq!(setting.said("copies"), said);
    let diagnosis =
        json!({"Action": "Diagnose", "PhysicalResourceId": drift["PhysicalResourceId"]});
    let diagnosis = setting.stack.ask(diagnosis).await.unwrap();
    let checks = diagnosis["Checks"].as_array().unwrap();
    let changed = checks
        .iter()
        .find(|check| check["Check"] == "Configuration")
        .unwrap();
    assert_eq!(changed["Result"], "FAIL");
    assert!(
        changed["Finding"].as_str().unwrap().contains(&change),
        "{changed}"
    );
    let again = json!({"SourceBucket": "source", "Revision": "2"});
    tokio::time::sleep(Duration::from_mins(5)).await;
    setting.update(&source(), &again).await.unwrap();
    let line = |prefix: &str, key: &String, since, until| {
        (prefix.to_owned(), key.clone(), true, since, until)
    };
    assert_eq!(
        setting.said("copies"),
        [
            line("tax/", &new, true, false),
            line("pay/", &old, false, false),
            line("tax/", &old, false, true),
        ]
    );
    assert_eq!(setting.drift().await["Result"], "IN_SYNC");
    // It counts from when the rules were looked at before: nobody knows when it was changed.
    let name = owner("Watch", "source").parameter_name("copies", 0);
    let text = setting.stack.world.state().parameters[&(WEST.to_owned(), name)].clone();
    let since = Document::read(&text).unwrap().rules[0].since.unwrap();
    let state = setting.stack.world.state();
    assert_eq!(since, state.time_of(state.began));
}

#[tokio::test(start_paused = true)]
async fn each_thing_of_ours_that_goes_and_each_rule_that_comes_or_goes_is_drift() {
    type Kind<'a> = (&'a str, &'a dyn Fn(&Setting));
    let kinds: [Kind<'_>; 6] = [
        ("put parameter", &|setting| {
            setting
                .stack
                .world
                .state()
                .parameters
                .retain(|(_, name), _| name.contains("/_resources/"));
        }),
        ("send replication failures", &|setting| {
            let mut state = setting.stack.world.state();
            let source = state.buckets.get_mut("source").unwrap();
            source.notifications.queues.retain(|one| one.id == "theirs");
        }),
        ("to EventBridge", &|setting| {
            let mut state = setting.stack.world.state();
            state
                .buckets
                .get_mut("copies")
                .unwrap()
                .notifications
                .event_bridge = false;
        }),
        ("rule `tax` is gone", &|setting| {
            setting.change(|rules| drop(rules.remove(0)));
        }),
        (
            "rule `new` to bucket `copies` is there, and was not",
            &|setting| {
                let rule = setting.rule("new", 5);
                setting.change(|rules| rules.push(rule));
            },
        ),
        (
            "rule `pay` has status Disabled, and had Enabled",
            &|setting| {
                setting.change(|rules| rules[1].status = Status::Disabled);
            },
        ),
    ];
    for (told, change) in kinds {
        let setting = Setting::new();
        setting.create(&source()).await.unwrap();
        change(&setting);
        let drift = setting.drift().await;
        assert_eq!(drift["Result"], "DRIFTED", "{told}");
        let changes = drift["Changes"].as_array().unwrap();
        assert_eq!(changes.len(), 1, "{changes:?}");
        assert!(changes[0].as_str().unwrap().contains(told), "{changes:?}");
    }
    // With `RuleIds`, others are nobody's business.
    let setting = Setting::new();
    let chosen = json!({"SourceBucket": "source", "RuleIds": ["tax"]});
    setting.create(&chosen).await.unwrap();
    setting.change(|rules| drop(rules.remove(1)));
    assert_eq!(setting.drift().await["Result"], "IN_SYNC");
}

#[tokio::test(start_paused = true)]
async fn an_update_and_its_roll_back_get_through_whatever_became_of_the_rules() {
    let setting = Setting::new();
    let chosen = json!({"SourceBucket": "source", "RuleIds": ["tax"]});
    setting.create(&chosen).await.unwrap();
    setting.change(|rules| drop(rules.remove(0)));
    let again = json!({"SourceBucket": "source", "RuleIds": ["tax"], "Revision": "2"});
    let updated = setting.update(&chosen, &again).await.unwrap();
    assert_eq!(updated.data["RuleIds"], "");
    let reason = updated.reason.unwrap();
    assert!(
        reason.contains("bucket `source` has no rule `tax` any more"),
        "{reason}"
    );
    // The key that was right then stays known, and so does where it is said.
    let former = [("tax/".to_owned(), setting.key.clone(), true, false, true)];
    assert_eq!(setting.said("copies"), former);
    let mistyped = json!({"SourceBucket": "source", "RuleIds": ["tax", "pya"]});
    let refused = setting.update(&again, &mistyped).await.unwrap_err();
    assert!(
        refused.contains("bucket `source` has no rule `pya`; did you mean `pay`?"),
        "{refused}"
    );
    setting.update(&mistyped, &again).await.unwrap();
    setting.delete(&again).await.unwrap();
    assert_eq!(setting.said("copies"), []);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_refused_and_its_delete_succeeds() {
    let setting = Setting::new();
    plain_bucket(&setting.stack.world, "plain", EAST);
    for (properties, told) in [
        (
            json!({"SourceBucket": "plain"}),
            "bucket `plain` has no replication rules",
        ),
        (json!({"SourceBucket": "nowhere"}), "NoSuchBucket"),
        (json!({"SourceBucket": "copies"}), "set `SourceRegion`"),
        (
            json!({"SourceBucket": "arn:aws:s3:::source"}),
            "write the name alone, source",
        ),
        (
            json!({"SourceBucket": "source", "RuleIds": ["txa"]}),
            "did you mean `tax`?",
        ),
        (
            json!({"SourceBucket": "source", "Rules": []}),
            "`Rules`: is not a property here",
        ),
        (
            json!({"SourceBucket": "source", "SourceRegion": "us-west-2"}),
            "set `SourceRegion`",
        ),
    ] {
        let before = setting.stack.world.snapshot();
        let refused = setting.create(&properties).await.unwrap_err();
        assert!(refused.contains(told), "{refused}");
        setting.delete(&properties).await.unwrap();
        assert_eq!(setting.stack.world.snapshot(), before);
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_that_stops_half_way_goes_on_or_goes_away() {
    for operation in ["put_notifications", "put_parameter"] {
        let setting = Setting::new();
        let before = setting.stack.world.snapshot();
        setting.stack.aws.fail(
            Which::Every(operation),
            ErrorKind::AccessDenied,
            When::Before,
        );
        setting.create(&source()).await.unwrap_err();
        setting.stack.aws.reset();
        setting.delete(&source()).await.unwrap();
        assert_eq!(of_others(setting.stack.world.snapshot()), before);
        assert_eq!(setting.said("copies"), []);
        setting.create(&source()).await.unwrap();
        assert_eq!(setting.drift().await["Result"], "IN_SYNC");
    }
}

/// A resource of the other type on the same source.
fn provisioned() -> Value {
    json!({"SourceBucket": "source", "Verification": "None", "Rules": [{"Id": "ours", "Filter": {"Prefix": "ours/"},
        "Destination": {"Bucket": "arn:aws:s3:::copies", "Region": WEST}}]})
}

#[tokio::test(start_paused = true)]
async fn rules_of_the_other_type_are_left_to_it_and_the_notification_is_shared() {
    let setting = Setting::new();
    let provisioned = provisioned();
    // The role is the bucket's: that of Terraform stays.
    let mut provisioned = provisioned;
    provisioned["Role"] = json!(ROLE);
    setting
        .stack
        .world
        .state()
        .add_role("replication", "/terraform/", &[]);
    setting
        .stack
        .create("Replication", &provisioned)
        .await
        .unwrap();
    let created = setting.create(&source()).await.unwrap();
    assert_eq!(created.data["RuleIds"], "tax,pay");
    let failures = || {
        let found = setting.stack.world.snapshot().buckets["source"].clone();
        let queues = found.notifications.queues.into_iter();
        let ours: Vec<_> = queues
            .filter(|one| one.target_arn == QUEUE)
            .map(|one| one.id)
            .collect();
        ours
    };
    let theirs = owner("Replication", "source").notification_id();
    let own = owner("Watch", "source").notification_id();
    assert_eq!(failures(), std::slice::from_ref(&theirs));
    // Whoever goes first leaves it to the other.
    setting
        .stack
        .delete("Replication", &provisioned)
        .await
        .unwrap();
    assert_eq!(failures(), std::slice::from_ref(&own));
    assert_eq!(setting.drift().await["Result"], "IN_SYNC");
    setting
        .stack
        .create("Replication", &provisioned)
        .await
        .unwrap();
    assert_eq!(failures(), [own]);
    setting.delete(&source()).await.unwrap();
    assert_eq!(failures(), [theirs]);
    let ids = json!({"SourceBucket": "source", "RuleIds": [format!("{}-ours", owner("Replication", "source"))]});
    let refused = setting.create(&ids).await.unwrap_err();
    assert!(
        refused.contains("Custom::EncryptedReplication"),
        "{refused}"
    );
}

#[tokio::test(start_paused = true)]
async fn whoever_watches_inherits_the_notification_of_one_whose_first_heir_is_gone() {
    let setting = Setting::new();
    let stack = &setting.stack;
    let mut first = provisioned();
    first["Role"] = json!(ROLE);
    let mut second = first.clone();
    second["Rules"][0]["Filter"]["Prefix"] = json!("second/");
    stack
        .world
        .state()
        .add_role("replication", "/terraform/", &[]);
    stack.create("First", &first).await.unwrap();
    stack.create("Second", &second).await.unwrap();
    setting.create(&source()).await.unwrap();
    stack.aws.reset();
    // The first read is what the plan goes by.
    stack.aws.just_before("notifications", 1, |world| {
        change_rules(world, "source", |rules| {
            rules.retain(|rule| ["tax", "pay"].contains(&rule.id.as_str()));
        });
    });
    stack.delete("First", &first).await.unwrap();
    let found = stack.world.snapshot().buckets["source"].clone();
    let queues = found.notifications.queues.into_iter();
    let failures: Vec<_> = queues.filter(|one| one.target_arn == QUEUE).collect();
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].id, owner("Watch", "source").notification_id());
}

#[tokio::test(start_paused = true)]
async fn two_that_watch_one_bucket_share_and_inherit_the_notification() {
    let setting = Setting::new();
    setting.create(&source()).await.unwrap();
    let second = asking(RequestType::Create, "Second", &source());
    setting.stack.deliver(&second).await.unwrap();
    setting.delete(&source()).await.unwrap();
    let found = setting.stack.world.snapshot();
    let queues = &found.buckets["source"].notifications.queues;
    let ours: Vec<_> = queues
        .iter()
        .filter(|one| one.target_arn == QUEUE)
        .collect();
    assert_eq!(ours[0].id, owner("Second", "source").notification_id());
    let second = asking(RequestType::Delete, "Second", &source());
    setting.stack.deliver(&second).await.unwrap();
    let found = setting.stack.world.snapshot();
    assert_eq!(found.buckets["source"].notifications.queues.len(), 1);
    assert_eq!((found.parameters.len(), found.records.len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn where_failures_cannot_be_heard_of_that_is_told() {
    let setting = Setting::new();
    let mut quiet = setting.rule("quiet", 3);
    quiet.destination.metrics = None;
    setting.rules(vec![quiet]);
    {
        let mut state = setting.stack.world.state();
        let source_bucket = state.buckets.get_mut("source").unwrap();
        let taken = somebodys_notification("on-call", "s3:Replication:*");
        source_bucket.notifications.queues.push(taken);
    }
    let created = setting.create(&source()).await.unwrap();
    let warnings = created.data["Warnings"].as_str().unwrap();
    assert!(
        warnings.contains("rule `quiet` has no metrics"),
        "{warnings}"
    );
    assert!(warnings.contains("by notification `on-call`"), "{warnings}");
}

#[tokio::test(start_paused = true)]
async fn a_replacement_that_fails_is_taken_back_by_its_roll_back() {
    let setting = Setting::new();
    bucket_with_key(&setting.stack.world, "second", EAST);
    setting.create(&source()).await.unwrap();
    let before = setting.stack.world.snapshot();
    let second = json!({"SourceBucket": "second"});
    somebodys_rules(
        &setting.stack.world,
        "second",
        ROLE,
        vec![setting.rule("tax", 1)],
    );
    setting.stack.aws.fail(
        Which::Every("put_notifications"),
        ErrorKind::AccessDenied,
        When::Before,
    );
    setting.update(&source(), &second).await.unwrap_err();
    setting.stack.aws.reset();
    let mut back = update(&second, &source());
    back.physical_resource_id =
        asking(RequestType::Delete, "Watch", &source()).physical_resource_id;
    setting.stack.deliver(&back).await.unwrap();
    let after = setting.stack.world.snapshot();
    assert_eq!(after.parameters, before.parameters);
}

#[tokio::test(start_paused = true)]
async fn no_probe_is_written_to_buckets_of_others() {
    let setting = Setting::new();
    setting.create(&source()).await.unwrap();
    let before = setting.stack.world.snapshot();
    setting.stack.aws.reset();
    let proved = setting.stack.ask(json!({"Action": "Prove"})).await.unwrap();
    assert_eq!(proved["Resources"], json!([]));
    assert_eq!(setting.stack.aws.writes(), 0);
    assert_eq!(setting.stack.world.snapshot(), before);
    let id = asking(RequestType::Delete, "Watch", &source()).physical_resource_id;
    let asked = json!({"Action": "Prove", "PhysicalResourceId": id});
    let refused = setting.stack.ask(asked).await.unwrap_err();
    assert!(refused.contains("watches rules of others"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_plan_says_what_a_create_would_do_and_does_nothing() {
    let setting = Setting::new();
    let before = setting.stack.world.snapshot();
    let plan = json!({"Action": "Plan", "ResourceType": TYPE, "ResourceProperties": source()});
    let plan = setting.stack.ask(plan).await.unwrap();
    assert_eq!(setting.stack.world.snapshot(), before);
    let steps: Vec<_> = plan["Phases"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|phase| phase.as_array().unwrap())
        .collect();
    let summaries: Vec<_> = steps
        .iter()
        .map(|step| step["Step"].as_str().unwrap())
        .collect();
    assert_eq!(
        summaries,
        ["EnableEventBridge", "PutParameter", "AddFailureEvents"]
    );
    assert_eq!(
        (&plan["Faults"], &plan["Warnings"], &plan["Unwatched"]),
        (&json!([]), &json!([]), &json!([]))
    );
    // The record tells the type, and the properties.
    setting.create(&source()).await.unwrap();
    let by_stack = setting
        .stack
        .ask(json!({"Action": "Plan", "StackName": "tax"}))
        .await
        .unwrap();
    assert_eq!(by_stack["Phases"], json!([]));
    assert!(
        by_stack["PhysicalResourceId"]
            .as_str()
            .unwrap()
            .starts_with("watched-replication/")
    );
    let diagnosis = setting
        .stack
        .ask(json!({"Action": "Diagnose", "StackName": "tax"}))
        .await
        .unwrap();
    let checks = diagnosis["Checks"].as_array().unwrap();
    for name in [
        "FailureEvents",
        "ArrivalEvents",
        "Expectation",
        "Configuration",
    ] {
        let check = checks.iter().find(|check| check["Check"] == name).unwrap();
        assert_eq!(check["Result"], "PASS", "{check}");
    }
    // Terraform's role is not there in this world.
    assert!(
        checks
            .iter()
            .any(|check| check["Check"] == "RoleExists" && check["Result"] == "FAIL"),
        "{checks:#?}"
    );
}
