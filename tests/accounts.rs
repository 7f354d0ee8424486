//! Replication to another account, by the two stacks of `examples/two-accounts`, with IAM enforced on
//! both sides: the role of the destination's stack is all that the provisioner has there.

mod organisation;

use anyhow::{Context, Result, ensure};
use aws_calls::ParameterStore;
use end_to_end::{REPLICA_REGION, SOURCE_REGION, World, run};
use sandbox::cloudformation;
use sandbox::sam::Stack;
use serde_json::json;

const OTHER: &str = "444455556666";
const SOURCE: &str = "abroad-source";
const DESTINATION: &str = "abroad-destination";

#[test]
fn a_bucket_of_another_account_is_made_proven_and_left_without_a_grant() {
    run(async |world: &World| {
        let provisioner = provisioner_role(world).await?;
        cloudformation::deploy(
            &world.sandbox,
            &Stack {
                name: "abroad-destination",
                region: REPLICA_REGION,
                template: Some("examples/two-accounts/destination.yaml"),
                account: Some(OTHER),
                parameters: &[
                    ("ProvisionerRoleArn", &provisioner),
                    ("DestinationBucket", DESTINATION),
                ],
            },
        )
        .await?;
        let role = role(world, OTHER, "DestinationRole").await?;
        cloudformation::deploy(
            &world.sandbox,
            &Stack {
                name: "abroad-source",
                region: SOURCE_REGION,
                template: Some("examples/two-accounts/source.yaml"),
                account: None,
                parameters: &[
                    ("SourceBucket", SOURCE),
                    ("DestinationBucket", DESTINATION),
                    ("DestinationRoleArn", &role),
                ],
            },
        )
        .await?;

        let there = world.sandbox.config_of(OTHER, REPLICA_REGION);
        let s3 = aws_sdk_s3::Client::new(&there);
        let policy = s3.get_bucket_policy().bucket(DESTINATION).send().await?;
        ensure!(
            policy
                .policy()
                .is_some_and(|policy| policy.contains(SOURCE)),
            "the bucket's policy does not name the replication role: {policy:?}"
        );
        let put = world.s3(SOURCE_REGION).put_object();
        put.bucket(SOURCE).key("letter").send().await?;
        let replica = sandbox::wait::until(
            "the replica",
            std::time::Duration::from_mins(1),
            async || {
                let head = s3.head_object().bucket(DESTINATION).key("letter");
                Ok(head.send().await.ok())
            },
        )
        .await?;
        let key = replica.ssekms_key_id().context("the replica has no key")?;
        ensure!(
            key.starts_with(&format!("arn:aws:kms:{REPLICA_REGION}:{OTHER}:key/")),
            "the replica is under {key}"
        );

        an_update_without_the_role_is_rolled_back(world, &role, &provisioner).await?;
        world.delete("abroad-source").await?;
        let policy = s3.get_bucket_policy().bucket(DESTINATION).send().await;
        ensure!(policy.is_err(), "statements stayed: {policy:?}");
        let store = ParameterStore::new(&there);
        let path = format!("/encrypted-replication/{DESTINATION}");
        let left = store.by_path(&path, false).await?;
        ensure!(left.is_empty(), "{left:?}");
        ensure!(
            s3.head_object()
                .bucket(DESTINATION)
                .key("letter")
                .send()
                .await
                .is_ok(),
            "the replica is gone"
        );
        Ok(())
    });
}

/// The owner there takes the role away for a while: an update is refused, and the stack goes back.
async fn an_update_without_the_role_is_rolled_back(
    world: &World,
    role: &str,
    provisioner: &str,
) -> Result<()> {
    let iam = aws_sdk_iam::Client::new(&world.sandbox.config_of(OTHER, SOURCE_REGION));
    let name = role.rsplit('/').next().unwrap_or_default();
    let trust = async |effect: &str| {
        let principal = json!({"AWS": provisioner});
        let statement =
            json!({"Effect": effect, "Principal": principal, "Action": "sts:AssumeRole"});
        let policy = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
        let update = iam.update_assume_role_policy().role_name(name);
        update.policy_document(policy).send().await
    };
    trust("Deny").await?;
    let key =
        format!("arn:aws:kms:{REPLICA_REGION}:{OTHER}:key/00000000-0000-4000-8000-000000000001");
    let parameters = [
        ("SourceBucket", SOURCE),
        ("DestinationBucket", DESTINATION),
        ("DestinationRoleArn", role),
        ("ReplicaKmsKeyArn", &key),
    ];
    let update = Stack {
        name: "abroad-source",
        region: SOURCE_REGION,
        template: Some("examples/two-accounts/source.yaml"),
        account: None,
        parameters: &parameters,
    };
    let made = cloudformation::made(&world.sandbox, &update).await?;
    ensure!(
        made.status == "UPDATE_ROLLBACK_COMPLETE"
            && made.reasons.concat().contains("AssumeRole on role"),
        "{made:?}"
    );
    trust("Allow").await?;
    Ok(())
}

/// The one of the source's Region: the stack is in both.
async fn provisioner_role(world: &World) -> Result<String> {
    let name = world
        .resource(SOURCE_REGION, "ProvisionReplicationRole")
        .await?;
    let iam = aws_sdk_iam::Client::new(&world.sandbox.config(SOURCE_REGION));
    let found = iam.get_role().role_name(name).send().await?;
    Ok(found.role.context("no role")?.arn)
}

/// ARN of the one role of an account whose name has `part` in it.
async fn role(world: &World, account: &str, part: &str) -> Result<String> {
    let iam = aws_sdk_iam::Client::new(&world.sandbox.config_of(account, SOURCE_REGION));
    let roles = iam.list_roles().send().await?;
    let mut named = roles
        .roles()
        .iter()
        .filter(|role| role.role_name().contains(part));
    let role = named.next().with_context(|| format!("no role {part}"))?;
    ensure!(named.next().is_none(), "several roles {part}");
    Ok(role.arn().to_owned())
}
