//! How long AWS takes until what was just written is known everywhere. Nothing takes any time unless a test
//! says so.
//!
//! AWS names few of these times; those of [`Weather::real`] are what
//! <https://github.com/hashicorp/terraform-provider-aws> waits for (`kms/wait.go`, `bucketPropagationTimeout`,
//! `propagationTimeout`), rounded to what is seen on a bad day.

use std::collections::BTreeMap;
use std::time::Duration;

use replication::error::ErrorKind;
use tokio::time::Instant;

use super::state::State;
use super::{Refusal, refuse};

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
    fn name(self) -> String {
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

    fn age(&self, new: New<'_>, now: Instant) -> Option<Duration> {
        let since = self.since.get(&new.name())?;
        Some(now.saturating_duration_since(*since))
    }
}

impl State {
    /// Notes that something was made or written at this moment.
    pub fn is_new(&mut self, new: New<'_>) {
        let now = self.now;
        self.weather.since.insert(new.name(), now);
    }

    /// Whether AWS knows it by now.
    pub fn knows(&self, new: New<'_>) -> bool {
        let takes = match new {
            New::Key(_) => self.weather.keys,
            New::Alias(..) => self.weather.aliases,
            New::Role(_) => self.weather.principals,
            New::Bucket(_) => self.weather.buckets,
            New::Versioning(_) => self.weather.versioning,
            New::Configuration(_) => self.weather.between_writes,
            New::EventBridge(_) => self.weather.event_bridge,
        };
        self.weather
            .age(new, self.now)
            .is_none_or(|age| age >= takes)
    }

    /// Whether the tags of a key decide by now.
    pub fn goes_by_tags_of(&self, key: &str) -> bool {
        let age = self.weather.age(New::Key(key), self.now);
        age.is_none_or(|age| age >= self.weather.key_tags)
    }

    /// Refuses a write to the bucket's configuration right after another one.
    pub fn one_at_a_time(&mut self, bucket: &str) -> Result<(), Refusal> {
        if !self.knows(New::Configuration(bucket)) {
            return refuse(
                ErrorKind::Conflict,
                "OperationAborted",
                "A conflicting conditional operation is currently in progress against this resource. Try again.",
            );
        }
        self.is_new(New::Configuration(bucket));
        Ok(())
    }
}
