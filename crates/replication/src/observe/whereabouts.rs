//! Where a bucket is, once S3 has said that it is not where the template says.

use crate::accounts::Accounts;
use crate::error::{AwsError, ErrorKind};
use crate::ports::{Aws, Buckets};

/// The same error with the bucket's Region and the property that has to say it, where S3 only said that it
/// is another one. What a look in vain shows is the error as it was.
pub(crate) async fn located<A: Aws>(
    accounts: &Accounts<'_, A>,
    source_bucket: &str,
    error: AwsError,
) -> AwsError {
    let bucket = bucket_of(&error).map(str::to_owned);
    match bucket {
        Some(bucket) => match accounts.at(&bucket) {
            Some(aws) => located_by(aws, source_bucket, error).await,
            None => error,
        },
        None => error,
    }
}

/// The same in the name of one account.
pub(crate) async fn located_by<A: Buckets>(
    aws: &A,
    source_bucket: &str,
    mut error: AwsError,
) -> AwsError {
    let Some(bucket) = bucket_of(&error) else {
        return error;
    };
    let property = if bucket == source_bucket {
        "SourceRegion"
    } else {
        "Destination.Region"
    };
    if let Ok(Some(region)) = aws.bucket_region(bucket).await
        && region != error.region
    {
        error.message =
            format!("the bucket is in {region}; set `{property}` to that, or take another bucket");
    }
    error
}

/// The bucket that was asked for in a wrong Region.
fn bucket_of(error: &AwsError) -> Option<&str> {
    let wrong = error.kind == ErrorKind::WrongRegion;
    let named = error.resource.strip_prefix("bucket `")?.strip_suffix('`')?;
    wrong.then_some(named)
}
