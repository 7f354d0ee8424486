//! Several stacks, and things of others, on one source bucket: nobody takes what is another's unasked, and
//! what a request does not change is not refused.

use std::time::Duration;

use custom_resource::RequestType;
use serde_json::{Value, json};

use crate::aws::Version;
use crate::aws::faults::Delays;
use crate::harness::{
    EAST, Stack, WEST, bucket_with_key, our_role, owner, plain_bucket, probes_left, request,
    somebodys_rule, somebodys_rules,
};

fn setting() -> Stack {
    let stack = Stack::new();
    bucket_with_key(&stack.world, "source", EAST);
    for name in ["one", "two"] {
        bucket_with_key(&stack.world, name, WEST);
    }
    stack
}

fn rule(prefix: &str, bucket: &str) -> Value {
    json!({"Filter": {"Prefix": prefix}, "Destination": {"Bucket": format!("arn:aws:s3:::{bucket}")}})
}

fn with(rules: &[Value]) -> Value {
    json!({"SourceBucket": "source", "Verification": "Required", "Rules": rules})
}

fn ranked(mut rule: Value, priority: u32) -> Value {
    rule["Priority"] = json!(priority);
    rule
}

async fn plan(stack: &Stack, name: &str, properties: &Value) -> Value {
    let id = format!("encrypted-replication/source/{}", owner(name, "source"));
    let question =
        json!({"Action": "Plan", "ResourceProperties": properties, "PhysicalResourceId": id});
    stack.ask(question).await.unwrap()
}

async fn drift(stack: &Stack, name: &str) -> Value {
    let id = format!("encrypted-replication/source/{}", owner(name, "source"));
    let question = json!({"Action": "DetectDrift", "PhysicalResourceId": id, "Report": false});
    let answer = stack.ask(question).await.unwrap();
    answer["Resources"][0].clone()
}

#[tokio::test(start_paused = true)]
async fn a_rule_takes_over_another_stacks_objects_only_where_it_is_told_to() {
    for (first, second) in [("Tax/", ""), ("", "Tax/"), ("", ""), ("Tax/", "Tax/2026/")] {
        let stack = setting();
        stack
            .create("A", &with(&[rule(first, "one")]))
            .await
            .unwrap();
        stack.aws.reset();
        let second = rule(second, "one");
        let reason = stack
            .create("B", &with(std::slice::from_ref(&second)))
            .await
            .unwrap_err();
        assert!(reason.contains("give ours a `Priority`"), "{reason}");
        assert_eq!(stack.aws.writes(), 0);
        let planned = plan(&stack, "B", &with(std::slice::from_ref(&second))).await;
        let told = planned["Faults"][0].as_str().unwrap();
        assert!(reason.starts_with(told), "{told}");
        // To another destination, or to be told where it stands, it is free.
        let mut elsewhere = second.clone();
        elsewhere["Destination"]["Bucket"] = json!("arn:aws:s3:::two");
        stack.create("C", &with(&[elsewhere])).await.unwrap();
        stack
            .create("B", &with(&[ranked(second, 9)]))
            .await
            .unwrap();
    }
}

/// `CloudFormation` makes a stack's resources at once.
#[tokio::test(start_paused = true)]
async fn of_two_that_are_made_at_once_one_takes_nothing_from_the_other_either() {
    for (first, second) in [("Tax/", ""), ("", "Tax/"), ("", "")] {
        for seed in 0..8 {
            let stack = setting();
            let slow = Delays::Drawn(seed, Duration::from_millis(300));
            stack.aws.delay(slow);
            let (one, other) = (with(&[rule(first, "one")]), with(&[rule(second, "one")]));
            let (one, other) = tokio::join!(stack.create("A", &one), stack.create("B", &other));
            let refused = [&one, &other].map(|answer| answer.as_ref().err());
            let (stands, reason) = match refused {
                [None, Some(reason)] => ("A", reason),
                [Some(reason), None] => ("B", reason),
                _ => panic!("{first} {second} {seed}: {one:?} {other:?}"),
            };
            assert!(reason.contains("`Priority`"), "{reason}");
            let state = stack.world.state();
            let rules = state.buckets["source"].replication.written();
            let rules = &rules.as_ref().unwrap().rules;
            assert_eq!(rules.len(), 1, "{first} {second} {seed}: {rules:?}");
            assert!(owner(stands, "source").owns(&rules[0].id));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_foreign_rules_objects_are_not_taken_either() {
    let stack = setting();
    plain_bucket(&stack.world, "archive", WEST);
    let name = "theirs";
    somebodys_rules(
        &stack.world,
        "source",
        &our_role("source"),
        vec![somebodys_rule(name, 1, "one")],
    );
    let reason = stack
        .create("A", &with(&[rule("", "one")]))
        .await
        .unwrap_err();
    assert!(
        reason.contains("from rule `theirs`, which is not ours and has priority 1"),
        "{reason}"
    );
    // Below it, the rest is ours.
    stack
        .create("A", &with(&[ranked(rule("", "one"), 0)]))
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn to_be_outranked_later_is_drift_and_keeps_nothing_else_from_being_changed() {
    let stack = setting();
    let first = with(&[rule("", "one")]);
    stack.create("A", &first).await.unwrap();
    assert_eq!(drift(&stack, "A").await["Result"], "IN_SYNC");
    stack
        .create("B", &with(&[ranked(rule("", "one"), 9)]))
        .await
        .unwrap();
    let found = drift(&stack, "A").await;
    assert_eq!(found["Result"], "DRIFTED");
    let reason = found["Reason"].as_str().unwrap();
    let other = format!("fall to rule `{}-1`", owner("B", "source"));
    assert!(reason.contains(&other), "{reason}");
    assert_eq!(drift(&stack, "B").await["Result"], "IN_SYNC");
    // A further rule is another matter. What its probe leaves where B's rule takes it goes, too.
    let more = with(&[rule("", "one"), rule("", "two")]);
    let answer = stack.update("A", &first, &more).await.unwrap();
    assert_eq!(probes_left(&stack.world), []);
    assert!(
        answer["Warnings"].as_str().unwrap().contains(&other),
        "{answer:?}"
    );
    stack.update("A", &more, &first).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_loses_a_part_of_its_objects_to_another_stack_says_so() {
    let stack = setting();
    let first = with(&[rule("", "one")]);
    stack.create("A", &first).await.unwrap();
    let none = plan(&stack, "A", &first).await;
    assert_eq!(none["Warnings"], json!([]));
    stack
        .create("B", &with(&[ranked(rule("Tax/", "one"), 9)]))
        .await
        .unwrap();
    let found = plan(&stack, "A", &first).await;
    let told = found["Warnings"][0].as_str().unwrap();
    let other = format!(
        "that rule `{}-1` covers too, under `Tax/`, fall to that one",
        owner("B", "source")
    );
    assert!(told.contains(&other), "{told}");
    // That other stack was told to.
    assert_eq!(found["Faults"], json!([]));
    assert_eq!(drift(&stack, "A").await["Result"], "IN_SYNC");
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_can_never_decide_is_refused_and_the_other_order_is_not() {
    let stack = setting();
    let wrong = with(&[rule("Tax/", "one"), rule("", "one")]);
    let reason = stack.create("A", &wrong).await.unwrap_err();
    assert!(
        reason.contains("can never decide") && reason.contains("the later one in"),
        "{reason}"
    );
    assert_eq!(stack.aws.writes(), 0);
    let right = with(&[rule("", "one"), rule("Tax/", "one")]);
    stack.create("A", &right).await.unwrap();
    // So it is where one is put in front of what is there.
    let (wide, narrow) = (rule("", "two"), rule("Tax/", "two"));
    let named = |mut rule: Value, id: &str| {
        rule["Id"] = json!(id);
        rule
    };
    let (wide, narrow) = (named(wide, "wide"), named(narrow, "narrow"));
    let old = with(std::slice::from_ref(&narrow));
    stack.create("B", &old).await.unwrap();
    stack
        .update("B", &old, &with(&[wide, narrow]))
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_prefix_that_looks_like_a_pattern_is_told_and_taken() {
    for prefix in ["*", "/", "/Tax/", "Tax/*"] {
        let stack = setting();
        let given = with(&[rule(prefix, "one")]);
        let planned = plan(&stack, "A", &given).await;
        assert_eq!(planned["Faults"], json!([]));
        assert!(
            planned["Warnings"][0]
                .as_str()
                .unwrap()
                .contains("literally"),
            "{planned:#}"
        );
        let answer = stack.create("A", &given).await.unwrap();
        assert!(answer["Warnings"].as_str().unwrap().contains("literally"));
        let question = json!({"Action": "Diagnose", "ResourceProperties": given});
        let checks = stack.ask(question).await.unwrap();
        let mut checks = checks["Checks"].as_array().unwrap().iter();
        assert!(checks.any(|check| check["Check"] == "Warning" && check["Result"] == "WARN"));
    }
}

#[tokio::test(start_paused = true)]
async fn one_stacks_job_leaves_the_existing_objects_of_another() {
    let stack = setting();
    let key = {
        let state = stack.world.state();
        let source = &state.buckets["source"];
        source.encryption.clone().unwrap().kms_key
    };
    {
        let mut state = stack.world.state();
        let written = state.now;
        let versions = ["Tax/old", "Receipts/old"].map(|name| Version {
            key: name.into(),
            id: format!("version-of-{name}"),
            tags: Vec::new(),
            algorithm: "aws:kms".into(),
            kms_key: key.clone(),
            bucket_key: true,
            replication_status: None,
            written,
        });
        let source = state.buckets.get_mut("source").unwrap();
        source.versions.extend(versions);
    }
    stack
        .create("A", &with(&[rule("Receipts/", "one")]))
        .await
        .unwrap();
    let mut second = with(&[rule("Tax/", "one")]);
    second["ExistingObjects"] = json!("Replicate");
    stack.create("B", &second).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_mins(1)).await;
    let state = stack.world.state();
    let arrived = state.arrivals.iter().map(|(_, key)| key.as_str());
    let arrived: Vec<_> = arrived.filter(|key| !key.contains("probe")).collect();
    assert_eq!(arrived, ["Tax/old"]);
}

#[tokio::test(start_paused = true)]
async fn two_stacks_on_one_role_have_one_permissions_boundary() {
    let stack = setting();
    let bounded = |bucket: &str, boundary: &str| {
        let mut properties = with(&[rule("", bucket)]);
        properties["PermissionsBoundary"] =
            json!(format!("arn:aws:iam::111122223333:policy/{boundary}"));
        properties
    };
    stack.create("A", &bounded("one", "x")).await.unwrap();
    stack.aws.reset();
    let reason = stack.create("B", &bounded("two", "y")).await.unwrap_err();
    assert!(
        reason.contains("other resources on the bucket use the role"),
        "{reason}"
    );
    assert_eq!(stack.aws.writes(), 0);
    stack.create("B", &bounded("two", "x")).await.unwrap();
    // Somebody put another one on: what asks for no other than before is not refused.
    let other = "arn:aws:iam::111122223333:policy/z";
    stack
        .world
        .state()
        .roles
        .get_mut("source")
        .unwrap()
        .permissions_boundary = Some(other.into());
    let (old, mut new) = (bounded("two", "x"), bounded("two", "x"));
    new["Rules"][0]["Filter"]["Prefix"] = json!("b/");
    let answer = stack.update("B", &old, &new).await.unwrap();
    assert!(
        answer["Warnings"]
            .as_str()
            .unwrap()
            .contains("keeps the permissions boundary")
    );
    assert_eq!(
        stack.world.snapshot().roles["source"].2.as_deref(),
        Some(other)
    );
}

#[tokio::test(start_paused = true)]
async fn a_role_of_that_name_elsewhere_is_refused_before_anything_is_made_and_never_touched() {
    let stack = Stack::new();
    stack.world.state().add_role("source", "/", &[]);
    let given = json!({"SourceBucket": "source", "Rules": [
        {"Destination": {"Bucket": "arn:aws:s3:::one", "Region": WEST}}]});
    let before = stack.world.snapshot();
    let reason = stack.create("A", &given).await.unwrap_err();
    assert!(
        reason.contains("outside the path /encrypted-replication/"),
        "{reason}"
    );
    assert_eq!(stack.world.snapshot(), before);
    let planned = plan(&stack, "A", &given).await;
    assert!(reason.starts_with(planned["Faults"][0].as_str().unwrap()));
    stack.delete("A", &given).await.unwrap();
    assert_eq!(stack.world.snapshot(), before);
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_takes_logs_keeps_its_default_encryption() {
    for service in ["logging.s3.amazonaws.com", "delivery.logs.amazonaws.com"] {
        let stack = Stack::new();
        plain_bucket(&stack.world, "source", EAST);
        bucket_with_key(&stack.world, "one", WEST);
        let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
            "Principal": {"Service": service}, "Action": "s3:PutObject", "Resource": "arn:aws:s3:::source/logs/*"}]});
        stack
            .world
            .state()
            .buckets
            .get_mut("source")
            .unwrap()
            .policy = Some(policy.to_string());
        let mut given = with(&[rule("Tax/", "one")]);
        let before = stack.world.snapshot();
        let reason = stack.create("A", &given).await.unwrap_err();
        assert!(
            reason.contains(service) && reason.contains("`SourceKmsKeyArns`"),
            "{reason}"
        );
        assert_eq!(stack.world.snapshot(), before);
        let key = stack.world.state().add_key(EAST, "CUSTOMER");
        given["SourceKmsKeyArns"] = json!([key]);
        stack.create("A", &given).await.unwrap();
        let now = stack.world.snapshot();
        assert_eq!(
            now.buckets["source"].encryption,
            before.buckets["source"].encryption
        );
    }
    // A bucket of one's own alone: the change is told, before it is made and when it was made.
    for verification in ["None", "Required"] {
        let stack = Stack::new();
        plain_bucket(&stack.world, "source", EAST);
        bucket_with_key(&stack.world, "one", WEST);
        let mut given = with(&[rule("Tax/", "one")]);
        given["Verification"] = json!(verification);
        let planned = plan(&stack, "A", &given).await;
        let told = planned["Warnings"][0].as_str().unwrap();
        assert!(
            told.contains("whoever writes to it needs kms:GenerateDataKey"),
            "{told}"
        );
        let create = request(RequestType::Create, "A", &given);
        let done = stack.deliver(&create).await.unwrap();
        assert_eq!(done.data["Warnings"], format!("(1) {told}"));
        if verification == "Required" {
            let again = stack.deliver(&create).await.unwrap();
            assert_eq!(again.data, done.data);
        }
        // It is no news to whoever changes something else.
        let updated = stack.update("A", &given, &given).await.unwrap();
        assert_eq!(updated["Warnings"], "");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_else_uses_the_bucket_is_named_before_its_default_encryption_changes() {
    for (principal, condition, named) in [
        (
            json!({"Service": "cloudfront.amazonaws.com"}),
            json!({}),
            Some("`cloudfront.amazonaws.com`"),
        ),
        (json!("*"), json!({}), Some("`*`")),
        (
            json!({"AWS": "*"}),
            json!({"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}),
            Some("`*`"),
        ),
        (
            json!("*"),
            json!({"StringEquals": {"aws:PrincipalAccount": "111122223333"}}),
            None,
        ),
    ] {
        let stack = Stack::new();
        plain_bucket(&stack.world, "source", EAST);
        bucket_with_key(&stack.world, "one", WEST);
        let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": principal,
            "Action": "s3:GetObject", "Resource": "arn:aws:s3:::source/*", "Condition": condition}]});
        {
            let mut state = stack.world.state();
            state.buckets.get_mut("source").unwrap().policy = Some(policy.to_string());
        }
        let planned = plan(&stack, "A", &with(&[rule("Tax/", "one")])).await;
        assert_eq!(planned["Faults"], json!([]));
        let told = planned["Warnings"][0].as_str().unwrap();
        match named {
            Some(named) => assert!(
                told.contains(&format!(
                    "its policy lets {named} read from it or write to it"
                )),
                "{told}"
            ),
            None => assert!(!told.contains("its policy"), "{told}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_cannot_be_used_blocks_what_needs_it_and_nothing_else() {
    for state in ["Disabled", "PendingDeletion"] {
        let stack = setting();
        let old = with(&[rule("a/", "one")]);
        let answer = stack.create("A", &old).await.unwrap();
        let key = answer["ReplicaKmsKeyArns"].as_str().unwrap().to_owned();
        stack.world.state().keys.get_mut(&key).unwrap().state = state.into();
        // Another rule to another bucket, and back.
        let more = with(&[rule("a/", "one"), rule("b/", "two")]);
        let answer = stack.update("A", &old, &more).await.unwrap();
        assert!(
            answer["Warnings"].as_str().unwrap().contains(&key),
            "{answer:?}"
        );
        stack.update("A", &more, &old).await.unwrap();
        assert_eq!(drift(&stack, "A").await["Result"], "DRIFTED");
        // What would bring it in is refused.
        let given = with(&[
            json!({"Filter": {"Prefix": "c/"}, "Destination": {"Bucket": "arn:aws:s3:::two",
            "EncryptionConfiguration": {"ReplicaKmsKeyID": key}}}),
        ]);
        let reason = stack.update("A", &old, &given).await.unwrap_err();
        assert!(reason.contains(&format!("in state {state}")), "{reason}");
        stack.update("A", &given, &old).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_pattern_in_an_exclusion_or_a_tag_is_told_too() {
    let stack = setting();
    let mut odd = rule("", "one");
    odd["Filter"] = json!({"And": {"TagFilters": [{"Key": "kind", "Value": "tax*"}],
                                   "Not": {"Prefix": "*.tmp"}}});
    let planned = plan(&stack, "A", &with(&[odd])).await;
    assert_eq!(planned["Faults"], json!([]));
    let told = planned["Warnings"].to_string();
    for words in [
        "`Rules[0].Filter.Not`: the prefix `*.tmp` is taken literally",
        "`Rules[0].Filter`: the value `tax*` of tag `kind` is taken literally",
    ] {
        assert!(told.contains(words), "{told}");
    }
}
