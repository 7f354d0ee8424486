//! Nothing that anybody still names is taken away, in real stacks.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_sdk_s3::types::{
    BucketVersioningStatus, EventBridgeConfiguration, NotificationConfiguration,
    ServerSideEncryption, VersioningConfiguration,
};
use end_to_end::{REPLICA_REGION, SOURCE_REGION, World, run};
use sandbox::Weather;
use sandbox::wait::until;

const WALKTHROUGH: &str = "examples/walkthrough.yaml";
const SECOND: &str = "tests/stacks/second.yaml";

/// The walkthrough's stack, which is to take everything with it.
async fn deploy(world: &World, name: &str, source: &str, destination: &str) -> Result<()> {
    let parameters = [
        ("SourceBucket", source),
        ("DestinationBucket", destination),
        ("BucketsOnDelete", "DeleteWhenEmpty"),
        ("KeysOnDelete", "ScheduleDeletion"),
    ];
    world.deploy_with(name, WALKTHROUGH, &parameters).await
}

/// An ordinary upload, which names no key.
async fn upload(world: &World, region: &str, bucket: &str, key: &str) -> Result<()> {
    let put = world.s3(region).put_object().bucket(bucket).key(key).send();
    put.await
        .with_context(|| format!("`{key}` was not taken by bucket `{bucket}`"))?;
    Ok(())
}

async fn arrives(world: &World, source: &str, destination: &str, key: &str) -> Result<()> {
    upload(world, SOURCE_REGION, source, key).await?;
    let verdict = world.verdict(REPLICA_REGION, destination, key).await?;
    ensure!(verdict.verdict == "Compliant", "{verdict:?}");
    Ok(())
}

/// Each copy of a probe goes again, also where another stack's rule sent it: versions and markers.
async fn no_probe_is_left_in(world: &World, bucket: &str) -> Result<()> {
    let found = world
        .s3(REPLICA_REGION)
        .list_object_versions()
        .bucket(bucket)
        .send()
        .await?;
    let versions = found.versions().iter().filter_map(|one| one.key());
    let markers = found.delete_markers().iter().filter_map(|one| one.key());
    let left: Vec<_> = versions
        .chain(markers)
        .filter(|key| key.contains(".encrypted-replication-probe"))
        .collect();
    ensure!(left.is_empty(), "left in `{bucket}`: {left:?}");
    Ok(())
}

async fn set_versioning(world: &World, bucket: &str, status: BucketVersioningStatus) -> Result<()> {
    let versioning = VersioningConfiguration::builder().status(status).build();
    world
        .s3(REPLICA_REGION)
        .put_bucket_versioning()
        .bucket(bucket)
        .versioning_configuration(versioning)
        .send()
        .await?;
    Ok(())
}

/// A key of the source's Region that no stack knows.
async fn another_key(world: &World) -> Result<String> {
    let kms = aws_sdk_kms::Client::new(&world.sandbox.config(SOURCE_REGION));
    let made = kms.create_key().send().await?;
    let arn = made.key_metadata.and_then(|key| key.arn);
    arn.context("KMS gave no ARN")
}

/// Ordinary uploads have the bucket's own key: a stack that leaves it out is refused, and makes nothing.
async fn a_key_that_uploads_do_not_have_is_refused(
    world: &World,
    source: &str,
    key: &str,
) -> Result<()> {
    let destination = "harm-shared-three";
    let parameters = [
        ("SourceBucket", source),
        ("DestinationBucket", destination),
        ("SourceKmsKeyArns", key),
    ];
    let deployed = world.deploy_with("harm-third", SECOND, &parameters).await;
    let error = deployed
        .err()
        .context("a stack whose key no ordinary upload has was created")?;
    // SAM CLI breaks the events' lines to fit its table.
    let told: String = format!("{error:#}").split_whitespace().collect();
    ensure!(
        told.contains("`SourceKmsKeyArns`doesnothave"),
        "not the reason: {error:#}"
    );
    let head = world.s3(REPLICA_REGION).head_bucket().bucket(destination);
    ensure!(
        head.send().await.is_err(),
        "a bucket was made for a stack that is refused"
    );
    Ok(())
}

/// A source bucket may send its events to EventBridge, too; what is there is no replica, under whatever key.
async fn what_waits_at_the_source_is_no_finding(
    world: &World,
    source: &str,
    key: &str,
) -> Result<()> {
    let s3 = world.s3(SOURCE_REGION);
    let found = s3
        .get_bucket_notification_configuration()
        .bucket(source)
        .send()
        .await?;
    let configuration = NotificationConfiguration::builder()
        .set_queue_configurations(found.queue_configurations)
        .event_bridge_configuration(EventBridgeConfiguration::builder().build())
        .build();
    s3.put_bucket_notification_configuration()
        .bucket(source)
        .notification_configuration(configuration)
        .send()
        .await?;
    tokio::time::sleep(Weather::of_environment().event_bridge_after()).await;
    let object = "Tax/under another key";
    s3.put_object()
        .bucket(source)
        .key(object)
        .server_side_encryption(ServerSideEncryption::AwsKms)
        .ssekms_key_id(key)
        .send()
        .await?;
    // Of the source object itself, and of its replication, which fails.
    let verdicts = until("both verdicts", Duration::from_mins(1), async || {
        let found = world.verdicts(SOURCE_REGION, source, object).await?;
        Ok((found.len() >= 2).then_some(found))
    })
    .await?;
    let mut kinds: Vec<_> = verdicts.iter().map(|one| one.verdict.as_str()).collect();
    kinds.sort_unstable();
    ensure!(kinds == ["NotReplica", "ReplicationFailed"], "{verdicts:?}");
    Ok(())
}

#[test]
fn a_bucket_of_two_stacks_is_written_to_and_replicated_when_the_first_is_gone() {
    run(async |world: &World| {
        let (source, one, two) = ("harm-shared", "harm-shared-one", "harm-shared-two");
        deploy(world, "harm-first", source, one).await?;
        world.deploy("harm-second", SECOND, (source, two)).await?;
        no_probe_is_left_in(world, one).await?;

        // Its own copy arrives, and that is what counts: the other stack's destination is the other's.
        set_versioning(world, one, BucketVersioningStatus::Suspended).await?;
        let again = [
            ("SourceBucket", source),
            ("DestinationBucket", two),
            ("Revision", "2"),
        ];
        let updated = world.deploy_with("harm-second", SECOND, &again).await;
        updated.context("a destination of the first stack failed the second")?;
        set_versioning(world, one, BucketVersioningStatus::Enabled).await?;
        no_probe_is_left_in(world, two).await?;

        let other = another_key(world).await?;
        a_key_that_uploads_do_not_have_is_refused(world, source, &other).await?;
        what_waits_at_the_source_is_no_finding(world, source, &other).await?;

        world.delete("harm-first").await?;
        arrives(world, source, two, "Tax/second/after").await?;
        world.delete("harm-second").await?;
        upload(world, SOURCE_REGION, source, "at-last").await
    });
}

#[test]
fn a_bucket_that_stays_is_written_to_when_its_stack_is_gone() {
    run(async |world: &World| {
        let (source, destination) = ("harm-stays", "harm-stays-copies");
        let parameters = [
            ("SourceBucket", source),
            ("DestinationBucket", destination),
            ("BucketsOnDelete", "Retain"),
            ("KeysOnDelete", "ScheduleDeletion"),
        ];
        world
            .deploy_with("harm-stays", WALKTHROUGH, &parameters)
            .await?;
        world.delete("harm-stays").await?;
        upload(world, SOURCE_REGION, source, "after").await?;
        upload(world, REPLICA_REGION, destination, "after").await
    });
}

#[test]
fn a_replacement_keeps_the_destination_that_it_was_proved_on() {
    run(async |world: &World| {
        let (old, new, destination) = ("harm-old", "harm-new", "harm-copies");
        deploy(world, "harm-moves", old, destination).await?;
        deploy(world, "harm-moves", new, destination).await?;
        arrives(world, new, destination, "Tax-after").await?;
        let left = world.s3(SOURCE_REGION).head_bucket().bucket(old).send();
        ensure!(
            left.await.is_err(),
            "the replaced bucket was empty, and stays"
        );
        world.delete("harm-moves").await
    });
}

#[test]
fn a_source_bucket_that_is_an_arn_is_rolled_back_and_deleted() {
    run(async |world: &World| {
        let source = "arn:aws:s3:::harm-arn";
        let deployed = deploy(world, "harm-arn", source, "harm-arn-copies").await;
        ensure!(deployed.is_err(), "an ARN was taken for a bucket's name");
        world.delete("harm-arn").await
    });
}
