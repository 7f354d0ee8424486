//! What the demo uploads, what it breaks in between, and the verdict each object should get.

use anyhow::Result;
use xtask::progress::step;

use super::case::{Case, Names, Should};
use super::cloud::Cloud;
use super::judge::{self, Row};

/// Uploads and breaks, waits for every verdict, and puts everything back as the stack made it.
pub(crate) async fn play(cloud: &Cloud) -> Result<Vec<Row>> {
    let second = cloud.create_second_source_key().await?;
    let wrong = cloud.create_wrong_replica_key().await?;
    let names = Names::of_keys(vec![
        (cloud.source_key.clone(), "source key"),
        (cloud.replica_key.clone(), "replica key"),
        (second.clone(), "second source key"),
        (wrong.clone(), "wrong key"),
    ]);

    let mut rows = step("Upload, and wait for the verdicts", async |_| {
        judge::judge(cloud, &names, &as_it_should_be(cloud, &second).await?).await
    })
    .await?;
    rows.extend(
        step(
            "Point the rule at a wrong key behind the stack's back",
            async |_| {
                cloud.point_rule_at(&wrong).await?;
                cloud.changes_in_force().await;
                let object = cloud
                    .put("Tax/after the rule changed.txt", Some(&cloud.source_key))
                    .await?;
                let cases = [Case {
                    object,
                    should: Should::Arrive("WrongKey"),
                }];
                judge::judge(cloud, &names, &cases).await
            },
        )
        .await?,
    );
    rows.extend(
        step(
            "Put the rule back, and disable the replica key",
            async |_| {
                cloud.point_rule_at(&cloud.replica_key).await?;
                cloud.disable_replica_key().await?;
                cloud.changes_in_force().await;
                let object = cloud.put(
                    "Tax/after the key was disabled.txt",
                    Some(&cloud.source_key),
                );
                let cases = [Case {
                    object: object.await?,
                    should: Should::Fail("ReplicationFailed"),
                }];
                let rows = judge::judge(cloud, &names, &cases).await;
                cloud.enable_replica_key().await?;
                rows
            },
        )
        .await?,
    );
    judge::check_those_that_stay(cloud, &mut rows).await?;
    Ok(rows)
}

async fn as_it_should_be(cloud: &Cloud, second_key: &str) -> Result<Vec<Case>> {
    let key = Some(cloud.source_key.as_str());
    let compliant = Should::Arrive("Compliant");
    let mut cases = Vec::new();
    for (name, kms_key, should) in [
        ("Tax/2026/return.pdf", key, compliant),
        ("Tax/Übersicht 100 % + Anhang, 税.pdf", key, compliant),
        ("Receipts/hotel.pdf", key, Should::Stay),
        // A rule keeps the source's type of encryption:
        // https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-encryption.html#bucket-encryption-replication
        (
            "Tax/with SSE-S3.txt",
            None,
            Should::Arrive("WrongAlgorithm"),
        ),
        (
            "Tax/under a second key.txt",
            Some(second_key),
            Should::Fail("ReplicationFailed"),
        ),
    ] {
        cases.push(Case {
            object: cloud.put(name, kms_key).await?,
            should,
        });
    }
    let object = cloud
        .put_in_parts("Tax/in two parts.bin", &cloud.source_key)
        .await?;
    cases.push(Case {
        object,
        should: compliant,
    });
    Ok(cases)
}
