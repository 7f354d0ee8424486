//! What there is: the part of an account that one resource looks at.

use std::collections::BTreeMap;

use crate::configuration::{
    DefaultEncryption, NotificationConfiguration, ReplicationConfiguration, Tag, Versioning,
};
use crate::owner::{OWNER_TAG, Owner};
use crate::ports::{KeyDescription, RoleDescription};

/// What was read before a Create or Update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// The source bucket, where it exists.
    pub source: Option<ObservedBucket>,
    /// Its replication configuration.
    pub replication: Option<ReplicationConfiguration>,
    /// The destination buckets that the spec names.
    pub destinations: BTreeMap<String, ObservedDestination>,
    /// Destinations of ours that the spec no longer names, with the Regions of their parameters.
    pub abandoned: BTreeMap<String, String>,
    /// Every key, by Region and what it was asked for: as given, the default encryption's, or the
    /// ARN of the alias that a key of ours has.
    pub keys: KeysByName,
    /// The role of ours for the source bucket.
    pub role: Option<RoleDescription>,
    /// Our inline policy on it.
    pub role_policy: Option<String>,
    /// Whether others have rules on the source bucket or policies on the role of ours: whoever
    /// writes rules puts its policy before them and takes it away after them.
    pub shared: bool,
}

/// Keys by Region and name (ARN, id or alias); `None` where there is no such key.
pub type KeysByName = BTreeMap<(String, String), Option<KeyDescription>>;

/// A destination bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedDestination {
    /// The Region it is in or is to be in; `None` where nothing says it.
    pub region: Option<String>,
    /// The bucket, where it exists.
    pub bucket: Option<ObservedBucket>,
    /// Our expectation parameter for it.
    pub parameter: Option<String>,
}

/// A bucket that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedBucket {
    /// Whether it keeps versions.
    pub versioning: Versioning,
    /// Its default encryption.
    pub encryption: Option<DefaultEncryption>,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// Its notifications.
    pub notifications: NotificationConfiguration,
}

impl ObservedBucket {
    /// The KMS key of the default encryption; the AWS managed key where none is named.
    #[must_use]
    pub fn default_key(&self) -> Option<&str> {
        let encryption = self
            .encryption
            .as_ref()
            .filter(|encryption| encryption.is_kms())?;
        Some(encryption.kms_key.as_deref().unwrap_or("alias/aws/s3"))
    }

    /// Whether `owner` made this bucket.
    #[must_use]
    pub fn is_of(&self, owner: &Owner) -> bool {
        self.tags
            .iter()
            .any(|tag| tag.key == OWNER_TAG && tag.value == owner.as_str())
    }
}

/// What was read before a Delete: all that bears the owner's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remains {
    /// The source bucket's name.
    pub source_bucket: String,
    /// Its Region; where it does not exist, the one that the properties say.
    pub source_region: Option<String>,
    /// The source bucket, where it exists.
    pub source: Option<ObservedBucket>,
    /// Its replication configuration.
    pub replication: Option<ReplicationConfiguration>,
    /// Destinations, by name: those of the properties and those of our rules.
    pub destinations: BTreeMap<String, RemainingDestination>,
    /// ARN of the key that we made for the source bucket.
    pub source_key: Option<String>,
    /// Our inline policy on the role of ours.
    pub role_policy: Option<String>,
}

/// A destination at Delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemainingDestination {
    /// Its Region.
    pub region: String,
    /// Whether our expectation parameter is there.
    pub has_parameter: bool,
    /// Whether we made the bucket.
    pub made_by_us: bool,
    /// ARN of the key that we made for it.
    pub key: Option<String>,
}
