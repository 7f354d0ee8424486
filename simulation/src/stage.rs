//! What is there before anybody comes, and what people do to it who know nothing of us.

use std::collections::BTreeMap;

use replication::configuration::{
    AsRead, DefaultEncryption, Destination, Filter, Notification, ReplicationConfiguration,
    ReplicationRule, Status, Tag, Versioning,
};
use serde_json::{Value, json};

use crate::story::{ABROAD, EAST, Errand, Prop, ROLE_ABROAD, WEST, account_of, key_arn, region_of};
use aws_in_memory::names::role_of;
use aws_in_memory::weather::New;
use aws_in_memory::{ACCOUNT, Bucket, State, World};

/// Makes the props.
pub fn set(world: &World, props: &[Prop]) {
    let mut state = world.state();
    state.no_such_regions.insert("us-west-22".to_owned());
    state.regions_off.insert("ap-east-1".to_owned());
    for region in [EAST, EAST, WEST, WEST] {
        state.add_key(region, "CUSTOMER");
    }
    ABROAD.clone_into(&mut state.acting);
    state.add_key(WEST, "CUSTOMER");
    ACCOUNT.clone_into(&mut state.acting);
    state.assumable.insert(ROLE_ABROAD.to_owned());
    state.add_role("carrier", "/", &[("all", &everything())]);
    state.add_role("tax-carrier", "/", &[("tax", &below_tax())]);
    for prop in props {
        match prop {
            Prop::Plain(name) => make(&mut state, name),
            Prop::Keyed(name, key) => {
                make(&mut state, name);
                if let Some(bucket) = state.buckets.get_mut(*name) {
                    bucket.versioning = Versioning::Enabled;
                    bucket.encryption = Some(by_key(key));
                }
            }
            Prop::Busy(name) => {
                make(&mut state, name);
                if let Some(bucket) = state.buckets.get_mut(*name) {
                    bucket.versioning = Versioning::Enabled;
                    bucket.notifications.event_bridge = true;
                }
            }
            Prop::Namesake(name) => {
                state.add_role(name, "/", &[]);
            }
            Prop::Logs(name) => add_statement(
                &mut state,
                name,
                json!({
                    "Sid": "Logs", "Effect": "Allow", "Action": "s3:PutObject",
                    "Principal": {"Service": "logging.s3.amazonaws.com"},
                    "Resource": format!("arn:aws:s3:::{name}/*"),
                }),
            ),
        }
    }
}

fn make(state: &mut State, name: &str) {
    let mut bucket = Bucket::new(region_of(name), state.now);
    account_of(name).clone_into(&mut bucket.account);
    state.buckets.entry(name.to_owned()).or_insert(bucket);
}

fn by_key(key: &str) -> DefaultEncryption {
    DefaultEncryption {
        algorithm: "aws:kms".into(),
        kms_key: Some(key_arn(key)),
        bucket_key_enabled: true,
        blocked: Vec::new(),
        as_read: AsRead::default(),
    }
}

fn add_statement(state: &mut State, bucket: &str, statement: Value) {
    let Some(found) = state.buckets.get_mut(bucket) else {
        return;
    };
    let policy = found
        .policy
        .as_deref()
        .unwrap_or(r#"{"Version":"2012-10-17","Statement":[]}"#);
    let mut policy: Value = serde_json::from_str(policy).unwrap_or_default();
    if let Some(statements) = policy["Statement"].as_array_mut() {
        statements.retain(|present| present["Sid"] != statement["Sid"]);
        statements.push(statement);
    }
    found.policy = Some(policy.to_string());
}

/// Whether a name begins with an owner's: `er` and 20 hexadecimal digits, as SEMANTICS says.
#[must_use]
pub fn owner_in(name: &str) -> Option<&str> {
    let owner = name.get(..22)?;
    let digits = owner.strip_prefix("er")?;
    let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    digits.chars().all(hex).then_some(owner)
}

/// Does an errand. Whether it changed anything.
#[must_use]
pub fn run(world: &World, errand: &Errand) -> bool {
    let mut state = world.state();
    let now = state.now;
    match errand {
        Errand::Disable(key) | Errand::Enable(key) => {
            let to = if matches!(errand, Errand::Disable(_)) {
                "Disabled"
            } else {
                "Enabled"
            };
            let Some(key) = state.keys.get_mut(&key_arn(key)) else {
                return false;
            };
            let changes = key.state != to && key.state != "PendingDeletion";
            if changes {
                to.clone_into(&mut key.state);
            }
            changes
        }
        Errand::DisableOwn(bucket) => disable_own(&mut state, bucket),
        Errand::Default(bucket, key) => {
            let found = state.buckets.get_mut(*bucket);
            found.is_some_and(|found| {
                let before = found.encryption.replace(by_key(key));
                before != found.encryption
            })
        }
        Errand::Rule {
            source,
            destination,
            prefix,
            key,
            own_role,
        } => add_rule(&mut state, (source, destination, prefix, key), *own_role),
        Errand::RemoveRule(bucket) => keep_rules(&mut state, bucket, |id| id != "theirs"),
        Errand::Unrule(bucket) => keep_rules(&mut state, bucket, |id| owner_in(id).is_none()),
        Errand::Notification(bucket) => {
            let Some(found) = state.buckets.get_mut(*bucket) else {
                return false;
            };
            let id = "theirs".to_owned();
            if found.notifications.queues.iter().any(|one| one.id == id) {
                return false;
            }
            found.notifications.queues.push(Notification {
                id,
                target_arn: format!("arn:aws:sqs:{}:{ACCOUNT}:theirs", found.region),
                events: vec!["s3:ObjectRemoved:*".into()],
                key_filters: Vec::new(),
                as_read: AsRead::default(),
            });
            true
        }
        Errand::Tag(bucket) => {
            let found = state.buckets.get_mut(*bucket);
            found.is_some_and(|found| {
                let tag = Tag {
                    key: "team".into(),
                    value: "ledgers".into(),
                };
                let new = !found.tags.contains(&tag);
                if new {
                    found.tags.push(tag);
                }
                new
            })
        }
        Errand::BucketPolicy(bucket) => {
            add_statement(
                &mut state,
                bucket,
                json!({
                    "Sid": "Readers", "Effect": "Allow", "Action": "s3:GetObject",
                    "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:root")},
                    "Resource": format!("arn:aws:s3:::{bucket}/*"),
                }),
            );
            true
        }
        Errand::Deny(bucket) => {
            add_statement(
                &mut state,
                bucket,
                json!({
                    "Sid": "NoReplicas", "Effect": "Deny", "Action": "s3:ReplicateObject", "Principal": "*",
                    "Resource": format!("arn:aws:s3:::{bucket}/*"),
                }),
            );
            state.buckets.contains_key(*bucket)
        }
        Errand::Admit(bucket) => keep_statements(&mut state, bucket, |sid| sid != "NoReplicas"),
        Errand::StripPolicy(bucket) => {
            keep_statements(&mut state, bucket, |sid| owner_in(sid).is_none())
        }
        Errand::StripRole(source) => {
            let Some(role) = state.roles.get_mut(*source) else {
                return false;
            };
            let had = !role.policies.written().is_empty();
            role.policies.write(BTreeMap::new(), now);
            had
        }
        Errand::Distrust(source) => {
            let Some(role) = state.roles.get_mut(*source) else {
                return false;
            };
            role.trust_policy = json!({"Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"},
                "Action": "sts:AssumeRole"}]})
            .to_string();
            true
        }
        Errand::Deafen(bucket) | Errand::Listen(bucket) => {
            let to = matches!(errand, Errand::Listen(_));
            let Some(found) = state.buckets.get_mut(*bucket) else {
                return false;
            };
            let changes = found.notifications.event_bridge != to;
            found.notifications.event_bridge = to;
            if changes && to {
                state.is_new(New::EventBridge(bucket));
            }
            changes
        }
        Errand::Empty(bucket) => {
            let found = state.buckets.get_mut(*bucket);
            found.is_some_and(|found| !std::mem::take(&mut found.versions).is_empty())
        }
        Errand::CloseToChecker(bucket) => {
            let there = state.buckets.contains_key(*bucket);
            there && state.closed_to_checkers.insert((*bucket).to_owned())
        }
    }
}

fn keep_statements(state: &mut State, bucket: &str, keep: impl Fn(&str) -> bool) -> bool {
    let Some(found) = state.buckets.get_mut(bucket) else {
        return false;
    };
    let policy = found.policy.as_deref().unwrap_or("{}");
    let mut policy: Value = serde_json::from_str(policy).unwrap_or_default();
    let Some(statements) = policy["Statement"].as_array_mut() else {
        return false;
    };
    let before = statements.len();
    statements.retain(|statement| keep(statement["Sid"].as_str().unwrap_or_default()));
    let changes = statements.len() < before;
    found.policy = (!statements.is_empty()).then(|| policy.to_string());
    changes
}

/// Disables the enabled keys that bear an owner's alias for a bucket.
fn disable_own(state: &mut State, bucket: &str) -> bool {
    let end = format!("/{bucket}");
    let named = state.aliases.iter().filter(|((_, alias), _)| {
        alias.starts_with("alias/encrypted-replication/") && alias.ends_with(&end)
    });
    let named: Vec<String> = named.map(|(_, arn)| arn.clone()).collect();
    let mut changes = false;
    for arn in named {
        let key = state.keys.get_mut(&arn);
        if let Some(key) = key.filter(|key| key.state == "Enabled") {
            "Disabled".clone_into(&mut key.state);
            changes = true;
        }
    }
    changes
}

fn keep_rules(state: &mut State, bucket: &str, keep: impl Fn(&str) -> bool) -> bool {
    let now = state.now;
    let Some(found) = state.buckets.get_mut(bucket) else {
        return false;
    };
    let Some(mut configuration) = found.replication.written().clone() else {
        return false;
    };
    let before = configuration.rules.len();
    configuration.rules.retain(|rule| keep(&rule.id));
    let changed = configuration.rules.len() < before;
    let left = (!configuration.rules.is_empty()).then_some(configuration);
    if changed {
        found.replication.write(left, now);
    }
    changed
}

/// A rule of somebody's, as the console makes it.
fn add_rule(
    state: &mut State,
    (source, destination, prefix, key): (&str, &str, &str, &str),
    own_role: bool,
) -> bool {
    let now = state.now;
    if source == destination {
        return false;
    }
    let ready = [source, destination].iter().all(|name| {
        let found = state.buckets.get(*name);
        found.is_some_and(|found| found.versioning == Versioning::Enabled)
    });
    let Some(found) = state.buckets.get(source).filter(|_| ready) else {
        return false;
    };
    let mut configuration = found.replication.written().clone().unwrap_or_default();
    configuration.rules.retain(|rule| rule.id != "theirs");
    if configuration.rules.is_empty() {
        configuration.role = state.add_role("theirs", "/", &[("all", &everything())]);
    }
    let Some(role) = role_of(&configuration.role).map(str::to_owned) else {
        return false;
    };
    let Some(role) = state.roles.get_mut(&role) else {
        return false;
    };
    if own_role {
        // Whoever adds a rule under a role that is there gives the role what the rule needs.
        let mut policies = role.policies.written().clone();
        policies.insert("theirs".to_owned(), everything());
        role.policies.write(policies, now);
    }
    let used = configuration.rules.iter().filter_map(|rule| rule.priority);
    let priority = used.max().unwrap_or(0) + 1;
    configuration.rules.push(ReplicationRule {
        id: "theirs".into(),
        priority: Some(priority),
        status: Status::Enabled,
        filter: Some(Filter {
            prefix: prefix.to_owned(),
            ..Filter::default()
        }),
        prefix: None,
        delete_marker_replication: Some(Status::Disabled),
        sse_kms_encrypted_objects: Some(Status::Enabled),
        replica_modifications: None,
        existing_object_replication: None,
        destination: Destination {
            bucket: format!("arn:aws:s3:::{destination}"),
            account: None,
            storage_class: None,
            owner_override: None,
            replica_kms_key_id: Some(key_arn(key)),
            use_source_multi_region_key: None,
            metrics: None,
            replication_time: None,
        },
        as_read: AsRead::default(),
    });
    let to = ReplicationConfiguration {
        others: Vec::new(),
        ..configuration
    };
    if let Some(found) = state.buckets.get_mut(source) {
        found.replication.write(Some(to), now);
    }
    true
}

/// What replication needs, for one prefix.
fn below_tax() -> String {
    let buckets = ["ledger", "papers", "vault", "attic", "cellar"];
    let buckets = buckets.map(|name| format!("arn:aws:s3:::{name}"));
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::*/tax/*"},
        {"Effect": "Allow", "Action": "s3:*", "Resource": buckets},
        {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}]})
    .to_string()
}

/// A policy as careless people write it.
fn everything() -> String {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["s3:*", "kms:*"], "Resource": "*"}]})
    .to_string()
}
