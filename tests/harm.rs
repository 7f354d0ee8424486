//! Nothing that anybody still names is taken away, in real stacks.

use anyhow::{Context, Result, ensure};
use end_to_end::{REPLICA_REGION, SOURCE_REGION, World, run};

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

#[test]
fn a_bucket_of_two_stacks_is_written_to_and_replicated_when_the_first_is_gone() {
    run(async |world: &World| {
        let (source, one, two) = ("harm-shared", "harm-shared-one", "harm-shared-two");
        deploy(world, "harm-first", source, one).await?;
        world.deploy("harm-second", SECOND, (source, two)).await?;
        world.delete("harm-first").await?;
        arrives(world, source, two, "Second/after").await?;
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
