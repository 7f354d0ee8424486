//! The stacks of `examples/`, deployed as they are: an object under each rule arrives as the example says.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::operation::head_object::{HeadObjectError, HeadObjectOutput};
use aws_sdk_s3::types::{
    CreateBucketConfiguration, DeleteMarkerReplication, DeleteMarkerReplicationStatus, Destination,
    EncryptionConfiguration, ReplicationConfiguration, ReplicationRule, ReplicationRuleFilter,
    ReplicationRuleStatus, ReplicationStatus, ServerSideEncryption, ServerSideEncryptionByDefault,
    ServerSideEncryptionConfiguration, ServerSideEncryptionRule, SourceSelectionCriteria,
    SseKmsEncryptedObjects, SseKmsEncryptedObjectsStatus, StorageClass,
};
use end_to_end::{REPLICA_REGION, SOURCE_REGION, World, run};
use sandbox::greeting;
use sandbox::sam::{self, ARCHITECTURE, SANDBOX_PARAMETERS, Stack};
use sandbox::tools::target_directory;
use sandbox::wait::until;
use serde_json::{Value, json};

const ARCHIVE_REGION: &str = "eu-west-1";
const SOON: Duration = Duration::from_secs(30);

/// `crates/custom-resource/examples/greeting.rs`, in a stack of its own.
#[test]
fn greeting() {
    run(async |world: &World| {
        let program = target_directory().join("debug/examples/greeting");
        // `cargo build --workspace --examples` compiles it.
        greeting::greets(&world.sandbox, &program).await
    });
}

/// With the provisioner of the package of a release, which is deployed without building anything.
#[test]
fn walkthrough() {
    run(async |world: &World| {
        let package = target_directory().join(format!("package/template-{ARCHITECTURE}.yaml"));
        let package = Stack {
            name: "packaged",
            region: SOURCE_REGION,
            template: Some(&package.to_string_lossy()),
            account: None,
            parameters: SANDBOX_PARAMETERS,
        };
        sam::deploy(&world.sandbox, &package, |_| {})
            .await
            .context("`cargo xtask package` comes first")?;
        let (source, replica) = ("walk-source", "walk-replica");
        let parameters = [
            ("ReplicationStack", package.name),
            ("SourceBucket", source),
            ("DestinationBucket", replica),
        ];
        world
            .deploy_with("walk", "examples/walkthrough.yaml", &parameters)
            .await?;
        let key = world
            .output_of("walk", SOURCE_REGION, "ReplicaKmsKeyArns")
            .await?;
        let there = Place {
            region: REPLICA_REGION,
            bucket: replica,
            kms_key: &key,
        };

        put(world, SOURCE_REGION, source, "Tax/2026.pdf", None).await?;
        arrives(world, &there, "Tax/2026.pdf").await?;
        compliant(world, &there, "Tax/2026.pdf").await?;

        delete(world, "walk", source, replica).await?;
        world.delete(package.name).await
    });
}

#[test]
fn existing_buckets() {
    run(async |world: &World| {
        let (source, replica) = ("have-source", "have-replica");
        let [source_key, replica_key] = [
            create_bucket_and_key(world, SOURCE_REGION, source).await?,
            create_bucket_and_key(world, REPLICA_REGION, replica).await?,
        ];
        put(world, SOURCE_REGION, source, "there before", None).await?;
        let parameters = [
            ("SourceBucket", source),
            ("SourceKmsKeyArn", source_key.as_str()),
            ("DestinationBucket", replica),
            ("ReplicaKmsKeyArn", replica_key.as_str()),
        ];
        world
            .deploy_with("have", "examples/existing-buckets.yaml", &parameters)
            .await?;
        let proof = world
            .output_of("have", SOURCE_REGION, "Verification")
            .await?;
        ensure!(proof == "COMPLETED", "Verification is {proof}");
        let there = Place {
            region: REPLICA_REGION,
            bucket: replica,
            kms_key: &replica_key,
        };

        put(world, SOURCE_REGION, source, "anything", None).await?;
        arrives(world, &there, "anything").await?;
        compliant(world, &there, "anything").await?;
        is_absent(world, &there, "there before").await?;

        delete(world, "have", source, replica).await?;
        watched(world, source, &there).await?;
        world.delete("watch").await
    });
}

/// A rule that somebody else made between the same buckets is watched: its replicas have their verdicts, and
/// it stays as it is.
async fn watched(world: &World, source: &str, there: &Place<'_>) -> Result<()> {
    const NAME: &str = "terraforms";
    let iam = aws_sdk_iam::Client::new(&world.sandbox.config(SOURCE_REGION));
    let document =
        |statement: Value| json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    let trust = document(
        json!({"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sts:AssumeRole"}),
    );
    let made = iam
        .create_role()
        .role_name(NAME)
        .assume_role_policy_document(trust);
    let made = made.send().await?.role.context("no role")?;
    let policy = document(json!({"Effect": "Allow", "Action": ["s3:*", "kms:*"], "Resource": "*"}));
    let policy = iam
        .put_role_policy()
        .role_name(NAME)
        .policy_name(NAME)
        .policy_document(policy);
    policy.send().await?;
    let enabled = SseKmsEncryptedObjects::builder()
        .status(SseKmsEncryptedObjectsStatus::Enabled)
        .build()?;
    let key = EncryptionConfiguration::builder().replica_kms_key_id(there.kms_key);
    let destination = Destination::builder()
        .bucket(format!("arn:aws:s3:::{}", there.bucket))
        .encryption_configuration(key.build())
        .build()?;
    let rule = ReplicationRule::builder()
        .id(NAME)
        .priority(1)
        .status(ReplicationRuleStatus::Enabled)
        .filter(ReplicationRuleFilter::builder().prefix("").build())
        .delete_marker_replication(
            DeleteMarkerReplication::builder()
                .status(DeleteMarkerReplicationStatus::Disabled)
                .build(),
        )
        .source_selection_criteria(
            SourceSelectionCriteria::builder()
                .sse_kms_encrypted_objects(enabled)
                .build(),
        )
        .destination(destination)
        .build()?;
    let rules = ReplicationConfiguration::builder()
        .role(made.arn)
        .rules(rule)
        .build()?;
    let s3 = world.s3(SOURCE_REGION);
    let put_rules = s3.put_bucket_replication().bucket(source);
    put_rules.replication_configuration(rules).send().await?;
    let as_put = s3.get_bucket_replication().bucket(source).send().await?;
    let parameters = [("SourceBucket", source)];
    world
        .deploy_with("watch", "examples/watch-terraform.yaml", &parameters)
        .await?;
    for (output, expected) in [("RuleIds", NAME), ("ReplicaKmsKeyArns", there.kms_key)] {
        let told = world.output_of("watch", SOURCE_REGION, output).await?;
        ensure!(told == expected, "{output} is `{told}`");
    }
    let found = s3.get_bucket_replication().bucket(source).send().await?;
    let (is, was) = (
        found.replication_configuration,
        as_put.replication_configuration,
    );
    ensure!(is == was, "the rules are {is:?}, and were {was:?}");
    put(world, SOURCE_REGION, source, "watched", None).await?;
    arrives(world, there, "watched").await?;
    compliant(world, there, "watched").await
}

#[test]
fn many_rules() {
    run(async |world: &World| {
        let (source, standby, archive) = ("many-source", "many-standby", "many-archive");
        let parameters = [
            ("SourceBucket", source),
            ("StandbyBucket", standby),
            ("ArchiveBucket", archive),
        ];
        world
            .deploy_with("many", "examples/many-rules.yaml", &parameters)
            .await?;
        let keys = world
            .output_of("many", SOURCE_REGION, "ReplicaKmsKeyArns")
            .await?;
        let standby = Place {
            region: REPLICA_REGION,
            bucket: standby,
            kms_key: in_region(&keys, REPLICA_REGION)?,
        };
        let archive = Place {
            region: ARCHIVE_REGION,
            bucket: archive,
            kms_key: in_region(&keys, ARCHIVE_REGION)?,
        };

        let approved = Some("state=approved&confidential=no");
        put(world, SOURCE_REGION, source, "Orders/1", None).await?;
        put(world, SOURCE_REGION, source, "Invoices/1", approved).await?;
        put(world, SOURCE_REGION, source, "Invoices/2", None).await?;
        put(world, SOURCE_REGION, source, "draft", Some("state=draft")).await?;
        for key in ["Orders/1", "Invoices/1", "Invoices/2", "draft"] {
            let head = arrives(world, &archive, key).await?;
            let class = head.storage_class.as_ref().map(StorageClass::as_str);
            ensure!(class == Some("GLACIER_IR"), "`{key}` is in {class:?}");
        }
        for key in ["Orders/1", "Invoices/1"] {
            arrives(world, &standby, key).await?;
            compliant(world, &standby, key).await?;
        }
        // Without the tags of the rule, and under a rule that is disabled.
        for key in ["Invoices/2", "draft"] {
            is_absent(world, &standby, key).await?;
        }

        delete(world, "many", source, standby.bucket).await
    });
}

#[test]
fn bidirectional() {
    run(async |world: &World| {
        let parameters = [("BucketHere", "both-here"), ("BucketThere", "both-there")];
        world
            .deploy_with("both", "examples/bidirectional.yaml", &parameters)
            .await?;
        let near_key = world.output_of("both", SOURCE_REGION, "KeyHere").await?;
        let far_key = world.output_of("both", SOURCE_REGION, "KeyThere").await?;
        let here = Place {
            region: SOURCE_REGION,
            bucket: "both-here",
            kms_key: &near_key,
        };
        let there = Place {
            region: REPLICA_REGION,
            bucket: "both-there",
            kms_key: &far_key,
        };

        for (from, to, key) in [(&here, &there, "outward"), (&there, &here, "back")] {
            put(world, from.region, from.bucket, key, None).await?;
            arrives(world, to, key).await?;
            compliant(world, to, key).await?;
        }

        delete(world, "both", here.bucket, there.bucket).await?;
        let left = world
            .grants_between((there.region, there.bucket), (here.region, here.bucket))
            .await?;
        ensure!(left.is_empty(), "left behind: {left:?}");
        Ok(())
    });
}

/// The sandbox has no S3 Batch Operations, so the stack is all that can be shown.
#[test]
fn sweep_by_batch_operations() {
    run(async |world: &World| {
        let template = "examples/sweep-batch-operations.yaml";
        let parameters = [("Bucket", "swept")];
        world.deploy_with("sweep", template, &parameters).await?;
        let role = world
            .output_of("sweep", SOURCE_REGION, "SweepRoleArn")
            .await?;
        ensure!(role.contains(":role/"), "the role is {role}");
        world.delete("sweep").await
    });
}

/// Where replicas arrive, and the key that they are to be under.
struct Place<'a> {
    region: &'static str,
    bucket: &'static str,
    kms_key: &'a str,
}

async fn put(
    world: &World,
    region: &str,
    bucket: &str,
    key: &str,
    tags: Option<&str>,
) -> Result<()> {
    let s3 = world.s3(region);
    let request = s3.put_object().bucket(bucket).key(key);
    let sent = request.set_tagging(tags.map(str::to_owned)).send().await;
    sent.with_context(|| format!("cannot upload `{key}`"))?;
    Ok(())
}

/// Waits for a replica, and sees that it is one, under the right key.
async fn arrives(world: &World, place: &Place<'_>, key: &str) -> Result<HeadObjectOutput> {
    let head = until(&format!("the replica of `{key}`"), SOON, async || {
        head(world, place, key).await
    })
    .await?;
    let status = head
        .replication_status
        .as_ref()
        .map(ReplicationStatus::as_str);
    ensure!(status == Some("REPLICA"), "`{key}` has status {status:?}");
    let found = head.ssekms_key_id.as_deref();
    ensure!(
        found == Some(place.kms_key),
        "`{key}` is under {found:?}, not {}",
        place.kms_key
    );
    Ok(head)
}

/// The sandbox replicates while the upload is answered: what has not arrived then never does.
async fn is_absent(world: &World, place: &Place<'_>, key: &str) -> Result<()> {
    let found = head(world, place, key).await?;
    ensure!(found.is_none(), "`{key}` is in `{}`", place.bucket);
    Ok(())
}

async fn compliant(world: &World, place: &Place<'_>, key: &str) -> Result<()> {
    let verdict = world.verdict(place.region, place.bucket, key).await?;
    ensure!(verdict.verdict == "Compliant", "{verdict:?}");
    Ok(())
}

async fn head(world: &World, place: &Place<'_>, key: &str) -> Result<Option<HeadObjectOutput>> {
    let s3 = world.s3(place.region);
    match s3.head_object().bucket(place.bucket).key(key).send().await {
        Ok(head) => Ok(Some(head)),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(HeadObjectError::is_not_found) =>
        {
            Ok(None)
        }
        Err(error) => Err(error).with_context(|| format!("cannot look at `{key}`")),
    }
}

/// A bucket that is encrypted by default under a key of its own, as a user may have one. Gives the key.
async fn create_bucket_and_key(world: &World, region: &str, bucket: &str) -> Result<String> {
    let kms = aws_sdk_kms::Client::new(&world.sandbox.config(region));
    let created = kms.create_key().description(bucket).send().await?;
    let key = created
        .key_metadata
        .and_then(|key| key.arn)
        .context("KMS gave no ARN")?;
    let s3 = world.s3(region);
    let mut request = s3.create_bucket().bucket(bucket);
    if region != "us-east-1" {
        let place = CreateBucketConfiguration::builder()
            .location_constraint(region.into())
            .build();
        request = request.create_bucket_configuration(place);
    }
    request.send().await?;
    let default = ServerSideEncryptionByDefault::builder()
        .sse_algorithm(ServerSideEncryption::AwsKms)
        .kms_master_key_id(&key)
        .build()?;
    let rule = ServerSideEncryptionRule::builder()
        .apply_server_side_encryption_by_default(default)
        .build();
    let configuration = ServerSideEncryptionConfiguration::builder()
        .rules(rule)
        .build()?;
    let put = s3
        .put_bucket_encryption()
        .bucket(bucket)
        .server_side_encryption_configuration(configuration);
    // A bucket that was just made is not known everywhere at once.
    until("the bucket's encryption", SOON, async || {
        match put.clone().send().await {
            Err(error) if error.code() == Some("NoSuchBucket") => Ok(None),
            answer => Ok(Some(answer?)),
        }
    })
    .await?;
    Ok(key)
}

fn in_region<'a>(keys: &'a str, region: &str) -> Result<&'a str> {
    let part = format!(":{region}:");
    keys.split(',')
        .find(|key| key.contains(&part))
        .with_context(|| format!("no key in {region}: {keys}"))
}

/// Deletes the stack; what grants anything is gone then.
async fn delete(world: &World, stack: &str, source: &str, destination: &str) -> Result<()> {
    world.delete(stack).await?;
    let left = world.grants(source, destination).await?;
    ensure!(left.is_empty(), "left behind: {left:?}");
    Ok(())
}
