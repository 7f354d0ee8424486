//! What the built provisioner lets nobody do: its roles reach no further than their rules, are bounded
//! where an installation demands it, and it answers to nobody but Amazon.
//!
//! What the roles of `template.yaml` may do is in `sandbox/tests/test_who_may_what.py`.

use anyhow::{Context, Result, ensure};
use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum};
use end_to_end::{REPLICA_REGION, SOURCE_REGION, STACK, World, run};
use serde_json::json;

const PREFIX: &str = "*?${aws:username}/";

/// One thing that S3 would do in a role's name.
struct Asked {
    may: bool,
    action: &'static str,
    resource: String,
    context: Vec<(&'static str, String)>,
}

const READ: &str = "s3:GetObjectVersionForReplication";
const WRITE: &str = "s3:ReplicateObject";

#[test]
fn the_role_of_a_rule_reaches_the_objects_under_its_prefix_and_nothing_beside_them() {
    run(async |world: &World| {
        let (source, destination) = ("wild-source", "wild-destination");
        let template = "tests/stacks/wildcards.yaml";
        // It is proved, so an object under the prefix itself is replicated.
        world
            .deploy("wild", template, (source, destination))
            .await?;
        let output = |key| world.output_of("wild", SOURCE_REGION, key);
        let role = output("RoleArn").await?;
        let keys = [
            output("SourceKmsKeyArns").await?,
            output("ReplicaKmsKeyArns").await?,
        ];
        let under = format!("{PREFIX}a");
        let mut table = reach(&[source, destination], &keys, &under, true);
        for beside in [
            "a",
            "ab/a",
            "x?y/a",
            "*?somebody/a",
            "*x${aws:username}/a",
            "*?$/a",
        ] {
            table.extend(reach(&[source, destination], &keys, beside, false));
        }
        table.extend(beyond(source, destination, &keys, &under));
        for asked in table {
            let told = decision(world, &role, &asked).await?;
            ensure!(
                (told == "allowed") == asked.may,
                "{} on {} in {:?} is {told}",
                asked.action,
                asked.resource,
                asked.context
            );
        }
        world.delete("wild").await
    });
}

fn at(bucket: &str, key: &str) -> String {
    format!("arn:aws:s3:::{bucket}/{key}")
}

fn s3(may: bool, action: &'static str, bucket: &str, key: &str) -> Asked {
    Asked {
        may,
        action,
        resource: at(bucket, key),
        context: Vec::new(),
    }
}

fn kms(may: bool, action: &'static str, key: &str, region: &str, object: String) -> Asked {
    Asked {
        may,
        action,
        resource: key.to_owned(),
        context: vec![
            ("kms:ViaService", format!("s3.{region}.amazonaws.com")),
            ("kms:EncryptionContext:aws:s3:arn", object),
        ],
    }
}

/// What replication of an object takes.
fn reach(
    [source, destination]: &[&str; 2],
    keys: &[String; 2],
    key: &str,
    may: bool,
) -> Vec<Asked> {
    let [source_key, replica_key] = keys;
    let (from, to) = (at(source, key), at(destination, key));
    vec![
        s3(may, READ, source, key),
        s3(may, WRITE, destination, key),
        kms(may, "kms:Decrypt", source_key, SOURCE_REGION, from),
        kms(may, "kms:Encrypt", replica_key, REPLICA_REGION, to),
    ]
}

/// What it does not take, of an object under the prefix.
fn beyond(source: &str, destination: &str, keys: &[String; 2], key: &str) -> Vec<Asked> {
    let [source_key, replica_key] = keys;
    let to = || at(destination, key);
    let (elsewhere, another_key) = (at("another-bucket", key), format!("{replica_key}0"));
    vec![
        s3(false, READ, destination, key),
        s3(false, WRITE, source, key),
        s3(false, WRITE, "another-bucket", key),
        s3(false, "s3:GetObject", source, key),
        s3(false, "s3:PutObject", destination, key),
        s3(false, "s3:DeleteObjectVersion", destination, key),
        kms(
            false,
            "kms:Encrypt",
            source_key,
            SOURCE_REGION,
            at(source, key),
        ),
        kms(false, "kms:Encrypt", replica_key, SOURCE_REGION, to()),
        kms(false, "kms:Encrypt", replica_key, REPLICA_REGION, elsewhere),
        kms(false, "kms:Encrypt", &another_key, REPLICA_REGION, to()),
        kms(false, "kms:CreateGrant", replica_key, REPLICA_REGION, to()),
    ]
}

/// IAM's simulator's word.
async fn decision(world: &World, role: &str, asked: &Asked) -> Result<String> {
    let entries = asked.context.iter().map(|(name, value)| {
        ContextEntry::builder()
            .context_key_name(*name)
            .context_key_type(ContextKeyTypeEnum::String)
            .context_key_values(value)
            .build()
    });
    let answer = aws_sdk_iam::Client::new(&world.sandbox.config(SOURCE_REGION))
        .simulate_principal_policy()
        .policy_source_arn(role)
        .action_names(asked.action)
        .resource_arns(&asked.resource)
        .set_context_entries(Some(entries.collect()))
        .send()
        .await?;
    let result = answer.evaluation_results().first().context("no decision")?;
    Ok(result.eval_decision().as_str().to_owned())
}

#[test]
fn every_role_that_is_made_is_bounded_and_another_boundary_is_refused() {
    run(async |world: &World| {
        let (source, destination) = ("bounded-source", "bounded-destination");
        let iam = aws_sdk_iam::Client::new(&world.sandbox.config(SOURCE_REGION));
        let boundary = &world
            .output(SOURCE_REGION, "PermissionsBoundaryArn")
            .await?;
        let token = world.output(SOURCE_REGION, "ServiceToken").await?;
        let parameters = [
            ("ServiceToken", token.as_str()),
            ("SourceBucket", source),
            ("DestinationBucket", destination),
        ];
        world
            .deploy_with("within", "tests/stacks/bounded.yaml", &parameters)
            .await?;
        let role = iam.get_role().role_name(source).send().await?;
        let found = role
            .role()
            .and_then(|role| role.permissions_boundary())
            .and_then(|boundary| boundary.permissions_boundary_arn());
        ensure!(
            found == Some(boundary.as_str()),
            "the role's boundary is {found:?}"
        );

        let properties = json!({"SourceBucket": source,
            "PermissionsBoundary": "arn:aws:iam::aws:policy/AdministratorAccess",
            "Rules": [{"Filter": {"Prefix": "Tax/"},
                "Destination": {"Bucket": format!("arn:aws:s3:::{destination}"), "Region": REPLICA_REGION}}]});
        let plan = json!({"Action": "Plan", "ResourceProperties": properties});
        let answer = world.ask(&plan).await?;
        ensure!(
            answer["Faults"].to_string().contains(boundary.as_str()),
            "another boundary was taken: {answer:#}"
        );
        world.delete("within").await?;
        let left = world.grants(source, destination).await?;
        ensure!(left.is_empty(), "left behind: {left:?}");
        Ok(())
    });
}

#[test]
fn an_installation_takes_a_boundary_of_ones_own_in_place_of_its_own() {
    run(async |world: &World| {
        let (name, own) = ("bounded", "arn:aws:iam::aws:policy/PowerUserAccess");
        world
            .install(name, SOURCE_REGION, &[("PermissionsBoundaryArn", own)])
            .await?;
        let demanded = world
            .output_of(name, SOURCE_REGION, "PermissionsBoundaryArn")
            .await?;
        ensure!(demanded == own, "it demands {demanded}");
        let properties = json!({"SourceBucket": "own-source", "PermissionsBoundary": own,
            "Rules": [{"Destination": {"Bucket": "arn:aws:s3:::own-destination", "Region": REPLICA_REGION}}]});
        let plan = json!({"Action": "Plan", "ResourceProperties": properties});
        let answer = world.ask_of(name, &plan).await?;
        ensure!(answer["Faults"] == json!([]), "{answer:#}");
        ensure!(answer.to_string().contains(own), "{answer:#}");
        world.delete(name).await
    });
}

#[test]
fn no_request_is_carried_out_that_is_to_be_answered_to_a_stranger() {
    run(async |world: &World| {
        let source = "stranger-source";
        for address in [
            "https://s3.amazonaws.com@evil.example/",
            "https://s3.amazonaws.com.evil.example/",
            "https://s3.amazonaws.com./",
            "https://169.254.169.254/",
            "http://s3.amazonaws.com/",
        ] {
            let request = include_str!("../events/cloudformation-create.json");
            let mut request: serde_json::Value = serde_json::from_str(request)?;
            request["ResponseURL"] = json!(format!("{address}?X-Amz-Signature=5ec3e7"));
            request["ResourceProperties"]["SourceBucket"] = json!(source);
            let stack = (STACK, SOURCE_REGION);
            let told = match world.payload("ProvisionReplication", stack, &request).await {
                Ok(answer) => answer,
                Err(error) => format!("{error:#}"),
            };
            ensure!(
                told.contains("was not carried out, for it cannot be answered")
                    && told.contains("CustomResource.ResponseUrlRefused")
                    && !told.contains("5ec3e7"),
                "{address}: {told}"
            );
        }
        let head = world.s3(SOURCE_REGION).head_bucket().bucket(source).send();
        ensure!(head.await.is_err(), "a stranger's request made a bucket");
        Ok(())
    });
}
