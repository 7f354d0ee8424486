//! Reads that a Create and a Delete have in common: a bucket with its settings, our parameters.

use std::collections::BTreeMap;

use futures_util::future::{try_join, try_join5};

use crate::configuration::ReplicationConfiguration;
use crate::error::ErrorKind;
use crate::observed::ObservedBucket;
use crate::owner::{Owner, parameter_path};
use crate::ports::{Below, BucketRef, Buckets, Outcome, Parameters};

pub(super) async fn observe_source<A: Buckets>(
    aws: &A,
    bucket: BucketRef<'_>,
) -> Outcome<(Option<ObservedBucket>, Option<ReplicationConfiguration>)> {
    try_join(
        observe_bucket(aws, bucket),
        missing_is_none(aws.replication(bucket)),
    )
    .await
    .map(|(bucket, replication)| (bucket, replication.flatten()))
}

pub(super) async fn observe_bucket<A: Buckets>(
    aws: &A,
    bucket: BucketRef<'_>,
) -> Outcome<Option<ObservedBucket>> {
    let read = try_join5(
        aws.versioning(bucket),
        aws.default_encryption(bucket),
        aws.bucket_tags(bucket),
        aws.notifications(bucket),
        aws.object_lock(bucket),
    );
    let found = missing_is_none(read).await?;
    Ok(found.map(
        |(versioning, encryption, tags, notifications, object_lock)| ObservedBucket {
            versioning,
            encryption,
            tags,
            notifications,
            object_lock,
        },
    ))
}

pub(crate) async fn missing_is_none<T>(
    call: impl Future<Output = Outcome<T>>,
) -> Outcome<Option<T>> {
    match call.await {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Everybody's expectation parameters for a bucket, by name.
pub(crate) async fn expectations<A: Parameters>(
    aws: &A,
    region: &str,
    bucket: &str,
) -> Outcome<BTreeMap<String, String>> {
    aws.parameters(region, &parameter_path(bucket), Below::Directly)
        .await
}

/// Our expectation parameters for a bucket, by name.
pub(super) async fn own_parameters<A: Parameters>(
    aws: &A,
    region: &str,
    bucket: &str,
    owner: &Owner,
) -> Outcome<BTreeMap<String, String>> {
    let mut found = expectations(aws, region, bucket).await?;
    found.retain(|name, _| owner.owns_parameter(name));
    Ok(found)
}
