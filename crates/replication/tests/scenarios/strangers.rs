//! What others have beside ours, and what of it nobody here understands.

use replication::configuration::{AsRead, Exclusions};
use serde_json::{Value, json};

use crate::harness::{
    EAST, Stack, WEST, bucket_with_key, owner, somebodys_notification, somebodys_rule,
    somebodys_rules,
};

const ROLE: &str = "arn:aws:iam::111122223333:role/encrypted-replication/source";

fn properties(prefix: &str) -> Value {
    json!({"SourceBucket": "source", "Verification": "None", "Rules": [
        {"Filter": {"Prefix": prefix}, "Destination": {"Bucket": "arn:aws:s3:::destination", "Region": WEST}}]})
}

fn setting() -> Stack {
    let stack = Stack::new();
    bucket_with_key(&stack.world, "source", EAST);
    bucket_with_key(&stack.world, "destination", WEST);
    stack
}

#[tokio::test(start_paused = true)]
async fn rules_that_nobody_here_understands_survive_create_update_and_delete() {
    let stack = setting();
    let mut tomorrow = somebodys_rule("tomorrow", 1, "destination");
    tomorrow.as_read = AsRead {
        xml: Some("<Rule><ID>tomorrow</ID><Schedule>nightly</Schedule></Rule>".into()),
        unknown: vec!["<Schedule>nightly</Schedule>".into()],
    };
    let mut excluding = somebodys_rule("excluding", 2, "destination");
    excluding.filter.as_mut().unwrap().not = Exclusions {
        prefixes: vec!["excluding/drafts/".into()],
        tags: Vec::new(),
    };
    let theirs = [tomorrow, excluding];
    somebodys_rules(&stack.world, "source", ROLE, theirs.to_vec());
    let kept = || {
        let now = stack.world.snapshot();
        let rules = now.buckets["source"].replication.clone().unwrap().rules;
        let kept: Vec<_> = rules.into_iter().take(2).collect();
        let xml: Vec<_> = kept.iter().map(|rule| rule.as_read.xml.clone()).collect();
        assert_eq!(xml, theirs.clone().map(|rule| rule.as_read.xml));
        kept
    };
    stack
        .create("Replication", &properties("Tax/"))
        .await
        .unwrap();
    assert_eq!(kept(), theirs);
    stack
        .update("Replication", &properties("Tax/"), &properties("Other/"))
        .await
        .unwrap();
    assert_eq!(kept(), theirs);
    stack
        .delete("Replication", &properties("Other/"))
        .await
        .unwrap();
    assert_eq!(kept(), theirs);
}

#[tokio::test(start_paused = true)]
async fn a_member_that_somebody_gave_to_ours_is_taken_away_by_the_next_update() {
    let stack = setting();
    stack
        .create("Replication", &properties("Tax/"))
        .await
        .unwrap();
    {
        let mut state = stack.world.state();
        let now = state.now;
        let source = state.buckets.get_mut("source").unwrap();
        let mut found = source.replication.written().clone().unwrap();
        found.rules[0].as_read.unknown = vec!["<Schedule>nightly</Schedule>".into()];
        source.replication.write(Some(found), now);
        source.notifications.queues[0].as_read.unknown = vec!["<Delay/>".into()];
    }
    let answer = stack
        .update("Replication", &properties("Tax/"), &properties("Tax/"))
        .await
        .unwrap();
    assert_eq!(answer["Changes"], "2");
    let now = stack.world.snapshot();
    let source = &now.buckets["source"];
    let rules = &source.replication.as_ref().unwrap().rules;
    assert!(rules[0].as_read.is_understood());
    assert!(source.notifications.queues[0].as_read.is_understood());
}

#[tokio::test(start_paused = true)]
async fn a_target_of_somebodys_that_is_gone_stops_only_what_adds_ours_and_at_once() {
    let stack = setting();
    let stale = somebodys_notification("stale", "s3:ObjectCreated:*");
    {
        let mut world = stack.world.state();
        for (name, region) in [("source", EAST), ("destination", WEST)] {
            let mut stale = stale.clone();
            stale.target_arn = stale.target_arn.replace(EAST, region);
            world.gone_targets.insert(stale.target_arn.clone());
            let bucket = world.buckets.get_mut(name).unwrap();
            bucket.notifications.queues.push(stale);
        }
    }
    let started = tokio::time::Instant::now();
    let reason = stack
        .create("Replication", &properties("Tax/"))
        .await
        .unwrap_err();
    assert!(
        reason.contains("validate the following destination configurations")
            && reason.contains(&stale.target_arn)
            && reason.contains("other people's too"),
        "{reason}"
    );
    assert_eq!(started.elapsed(), std::time::Duration::ZERO);
    // The switch of the destination needs nobody's queue, and neither does what takes ours away.
    let events = |name: &str| stack.world.snapshot().buckets[name].notifications.clone();
    assert!(events("destination").event_bridge);
    stack.world.state().gone_targets.clear();
    stack
        .create("Replication", &properties("Tax/"))
        .await
        .unwrap();
    let ours = owner("Replication", "source").notification_id();
    assert!(events("source").queues.iter().any(|one| one.id == ours));
    stack
        .world
        .state()
        .gone_targets
        .insert(stale.target_arn.clone());
    stack
        .delete("Replication", &properties("Tax/"))
        .await
        .unwrap();
    assert_eq!(events("source").queues, [stale]);
}
