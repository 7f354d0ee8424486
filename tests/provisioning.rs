//! The custom resource in real stacks: created, updated, rolled back, deleted.

use anyhow::{Context, Result, ensure};
use aws_sdk_kms::types::KeyState;
use end_to_end::{REPLICA_REGION, SOURCE_REGION, World, run_installed_by_sam as run};
use serde_json::json;

const WALKTHROUGH: &str = "examples/walkthrough.yaml";

#[test]
fn a_stack_is_created_updated_and_deleted_and_leaves_data_and_no_grant() {
    run(async |world: &World| {
        let (source, destination) = ("life-source", "life-destination");
        world
            .deploy("life", WALKTHROUGH, (source, destination))
            .await?;
        let made = world.grants(source, destination).await?;
        ensure!(
            made.len() == 4,
            "role, rules, notifications and expectation: {made:?}"
        );
        let before = rules(world, source).await?;

        world
            .deploy("life", "tests/stacks/wider.yaml", (source, destination))
            .await?;
        let after = rules(world, source).await?;
        ensure!(
            before == ["Tax"],
            "the walkthrough's prefix, not {before:?}"
        );
        ensure!(
            after == ["Tax", "Invoices/"],
            "both prefixes, not {after:?}"
        );

        let s3 = world.s3(SOURCE_REGION);
        for key in ["Invoices/drafts/1", "Invoices/1"] {
            s3.put_object().bucket(source).key(key).send().await?;
        }
        let verdict = world
            .verdict(REPLICA_REGION, destination, "Invoices/1")
            .await?;
        ensure!(verdict.verdict == "Compliant", "{verdict:?}");
        let draft = s3.head_object().bucket(source).key("Invoices/drafts/1");
        let status = draft.send().await?.replication_status;
        ensure!(status.is_none(), "what is left out is {status:?}");

        world.delete("life").await?;
        let left = world.grants(source, destination).await?;
        ensure!(left.is_empty(), "left behind: {left:?}");
        for (region, bucket) in [(SOURCE_REGION, source), (REPLICA_REGION, destination)] {
            let head = world
                .s3(region)
                .head_object()
                .bucket(bucket)
                .key("Invoices/1")
                .send();
            head.await
                .with_context(|| format!("the object of `{bucket}` is gone"))?;
        }
        Ok(())
    });
}

#[test]
fn a_stack_that_may_take_everything_with_it_does() {
    run(async |world: &World| {
        let (source, destination) = ("gone-source", "gone-destination");
        let parameters = [
            ("SourceBucket", source),
            ("DestinationBucket", destination),
            ("BucketsOnDelete", "DeleteWhenEmpty"),
            ("KeysOnDelete", "ScheduleDeletion"),
        ];
        world.deploy_with("gone", WALKTHROUGH, &parameters).await?;
        let mut keys = Vec::new();
        for (region, output) in [
            (SOURCE_REGION, "SourceKmsKeyArns"),
            (REPLICA_REGION, "ReplicaKmsKeyArns"),
        ] {
            let arn = world.output_of("gone", SOURCE_REGION, output).await?;
            keys.push((region, arn));
        }
        world.delete("gone").await?;
        for (region, bucket) in [(SOURCE_REGION, source), (REPLICA_REGION, destination)] {
            let head = world.s3(region).head_bucket().bucket(bucket).send().await;
            ensure!(head.is_err(), "bucket `{bucket}` is still there");
        }
        for (region, arn) in keys {
            let kms = aws_sdk_kms::Client::new(&world.sandbox.config(region));
            let key = kms.describe_key().key_id(&arn).send().await?.key_metadata;
            let state = key.and_then(|key| key.key_state);
            ensure!(
                state == Some(KeyState::PendingDeletion),
                "key `{arn}` is {state:?}"
            );
        }
        Ok(())
    });
}

#[test]
fn a_stack_with_faulty_properties_fails_and_names_every_fault() {
    run(async |world: &World| {
        let buckets = ("faulty-source", "faulty-destination");
        let deployed = world
            .deploy("faulty", "tests/stacks/faulty.yaml", buckets)
            .await;
        let error = deployed
            .err()
            .context("a stack with faulty properties was created")?;
        // SAM CLI breaks the events' lines to fit its table.
        let told: String = format!("{error:#}").split_whitespace().collect();
        for fault in [
            "OnDelet",
            "OnDelete",
            "Rules[0].Priority",
            "Rules[0].Destination.Bucket",
        ] {
            ensure!(told.contains(fault), "`{fault}` is not named in: {error:#}");
        }
        let s3 = world.s3(SOURCE_REGION);
        let head = s3.head_bucket().bucket(buckets.0).send().await;
        ensure!(head.is_err(), "a bucket was made for faulty properties");
        Ok(())
    });
}

#[test]
fn a_stack_that_fails_at_its_end_rolls_back_to_nothing_that_grants() {
    run(async |world: &World| {
        let (source, destination) = ("late-source", "late-destination");
        let template = "tests/stacks/late-failure.yaml";
        let deployed = world.deploy("late", template, (source, destination)).await;
        ensure!(
            deployed.is_err(),
            "the stack's last resource cannot succeed"
        );
        world
            .s3(SOURCE_REGION)
            .head_bucket()
            .bucket(source)
            .send()
            .await
            .context(
                "the first resource was never created, so this shows nothing about rolling back",
            )?;
        let left = world.grants(source, destination).await?;
        ensure!(left.is_empty(), "left behind: {left:?}");
        Ok(())
    });
}

#[test]
fn a_plan_changes_nothing_and_a_diagnosis_finds_what_was_broken() {
    run(async |world: &World| {
        let (source, destination) = ("asked-source", "asked-destination");
        let properties = json!({"SourceBucket": source, "Rules": [{"Filter": {"Prefix": "Tax"},
            "Destination": {"Bucket": format!("arn:aws:s3:::{destination}"), "Region": REPLICA_REGION}}]});
        let plan = json!({"Action": "Plan", "ResourceProperties": properties});
        let answer = world.ask(&plan).await?;
        let phases = answer["Phases"].as_array().context("no phases")?;
        ensure!(!phases.is_empty(), "nothing to do: {answer:#}");
        let head = world.s3(SOURCE_REGION).head_bucket().bucket(source).send();
        ensure!(head.await.is_err(), "a plan made a bucket");

        world
            .deploy("asked", WALKTHROUGH, (source, destination))
            .await?;
        let answer = world.ask(&plan).await?;
        ensure!(
            answer["Phases"] == json!([]) && answer["Faults"] == json!([]),
            "something is left to do: {answer:#}"
        );
        let diagnose = json!({"Action": "Diagnose", "ResourceProperties": properties});
        let answer = world.ask(&diagnose).await?;
        ensure!(answer["Healthy"] == true, "{answer:#}");
        for check in answer["Checks"].as_array().context("no checks")? {
            ensure!(check["Result"] == "PASS", "{check:#}");
        }

        let config = world.sandbox.config(SOURCE_REGION);
        let iam = aws_sdk_iam::Client::new(&config);
        let policies = iam.list_role_policies().role_name(source).send().await?;
        let policy = policies.policy_names.first().context("no policy")?;
        let nothing = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"kms:*","Resource":"*"}]}"#;
        iam.put_role_policy()
            .role_name(source)
            .policy_name(policy)
            .policy_document(nothing)
            .send()
            .await?;
        let answer = world.ask(&diagnose).await?;
        ensure!(answer["Healthy"] == false, "{answer:#}");
        let told = answer.to_string();
        ensure!(
            told.contains("may not use kms:Decrypt") && told.contains("a statement denies it"),
            "{answer:#}"
        );
        world.delete("asked").await
    });
}

/// The prefixes of the bucket's rules, in S3's order.
async fn rules(world: &World, bucket: &str) -> Result<Vec<String>> {
    let answer = world
        .s3(SOURCE_REGION)
        .get_bucket_replication()
        .bucket(bucket)
        .send()
        .await?;
    let configuration = answer
        .replication_configuration
        .context("no replication configuration")?;
    let filters = configuration
        .rules
        .iter()
        .filter_map(|rule| rule.filter.as_ref());
    let prefixes = filters.filter_map(|filter| {
        let both = filter.and.as_ref().and_then(|and| and.prefix.clone());
        filter.prefix.clone().or(both)
    });
    Ok(prefixes.collect())
}
