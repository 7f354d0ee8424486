//! How long AWS takes until what was just written is known everywhere. Nothing takes any time unless a test
//! says so.
//!
//! AWS names few of these times; those of [`Weather::real`] are what
//! <https://github.com/hashicorp/terraform-provider-aws> waits for (`kms/wait.go`, `bucketPropagationTimeout`,
//! `propagationTimeout`), rounded to what is seen on a bad day.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// Times until a write is known.
#[derive(Clone, Debug, Default)]
pub struct Weather {
    /// Rules: until then objects go by those of before. See "can take a while to propagate" in
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketReplication.html>.
    pub rules: Duration,
    /// A role's policies, where S3 assumes it. See
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency>.
    pub permissions: Duration,
    /// A role as the principal of another policy: until then it is an invalid one. From the same page.
    pub principals: Duration,
    /// A key: until then it is not there.
    pub keys: Duration,
    /// An alias: until then it leads nowhere.
    pub aliases: Duration,
    /// A key's tags, where they decide who may use it. "It might take up to five minutes":
    /// <https://docs.aws.amazon.com/kms/latest/developerguide/abac.html>.
    pub key_tags: Duration,
    /// A bucket, for everything but `CreateBucket`.
    pub buckets: Duration,
    /// That a bucket keeps versions, for `PutBucketReplication`. "We recommend that you wait for 15 minutes":
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/manage-versioning-examples.html>.
    pub versioning: Duration,
    /// Between two writes to one bucket's configuration: the second is `OperationAborted` before. See
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList>.
    pub between_writes: Duration,
    /// A bucket's switch to EventBridge: "around five minutes", see
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-event-notifications-eventbridge.html>.
    pub event_bridge: Duration,
    pub since: BTreeMap<String, Instant>,
}

/// Something that is known only after a while.
#[derive(Clone, Copy, Debug)]
pub enum New<'a> {
    /// By ARN.
    Key(&'a str),
    /// By Region and alias.
    Alias(&'a str, &'a str),
    /// By ARN.
    Role(&'a str),
    Bucket(&'a str),
    Versioning(&'a str),
    Configuration(&'a str),
    /// By bucket.
    EventBridge(&'a str),
}

impl New<'_> {
    pub(super) fn name(self) -> String {
        match self {
            Self::Key(arn) | Self::Role(arn) => arn.to_owned(),
            Self::Alias(region, alias) => format!("{region} {alias}"),
            Self::Bucket(bucket) => format!("bucket {bucket}"),
            Self::Versioning(bucket) => format!("versioning of {bucket}"),
            Self::Configuration(bucket) => format!("configuration of {bucket}"),
            Self::EventBridge(bucket) => format!("events of {bucket}"),
        }
    }
}

impl Weather {
    /// A bad day.
    pub fn real() -> Self {
        Self {
            rules: Duration::from_secs(20),
            permissions: Duration::from_secs(40),
            principals: Duration::from_secs(30),
            keys: Duration::from_secs(10),
            aliases: Duration::from_secs(10),
            key_tags: Duration::from_mins(1),
            buckets: Duration::from_secs(15),
            versioning: Duration::from_secs(40),
            between_writes: Duration::from_millis(200),
            event_bridge: Duration::from_mins(5),
            since: BTreeMap::new(),
        }
    }

    pub(super) fn age(&self, new: New<'_>, now: Instant) -> Option<Duration> {
        let since = self.since.get(&new.name())?;
        Some(now.saturating_duration_since(*since))
    }
}
