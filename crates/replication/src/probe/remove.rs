//! What we put into people's buckets goes again, on both sides.

use std::time::Duration;

use super::choose::Probe;
use crate::accounts::Accounts;
use crate::error::AwsError;
use crate::plan::Desired;
use crate::ports::{Aws, BucketRef};

/// Looks at what is left of a probe, where removing it fails.
const CLEAN_UP_ATTEMPTS: u32 = 3;

pub(super) async fn remove<A: Aws>(
    accounts: &Accounts<'_, A>,
    source: BucketRef<'_>,
    desired: &Desired,
    probe: &Probe,
    key: &str,
) -> Result<(), AwsError> {
    let replicas = probe.replicas.keys().filter_map(|bucket| {
        Some(BucketRef {
            name: bucket,
            region: desired.regions.get(bucket)?,
        })
    });
    let mut trouble = None;
    for bucket in std::iter::once(source).chain(replicas) {
        let Some(aws) = accounts.at(bucket.name) else {
            continue;
        };
        if let Err(error) = remove_from(aws, bucket, key).await {
            trouble = Some(error);
        }
    }
    trouble.map_or(Ok(()), Err)
}

async fn remove_from<A: Aws>(aws: &A, bucket: BucketRef<'_>, key: &str) -> Result<(), AwsError> {
    let mut attempt = 1;
    loop {
        let once = async {
            for version in aws.object_versions(bucket, key).await? {
                aws.delete_object_version(bucket, key, &version).await?;
            }
            Ok(())
        };
        match once.await {
            Err(error) if attempt < CLEAN_UP_ATTEMPTS => {
                tracing::info!(key, bucket = bucket.name, %error, "removing the probe object again");
                tokio::time::sleep(Duration::from_millis(500)).await;
                attempt += 1;
            }
            outcome => return outcome,
        }
    }
}
