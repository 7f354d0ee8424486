//! What there is: the part of an account that one resource looks at.

use std::collections::{BTreeMap, BTreeSet};

use expectation::Time;

use crate::claims::Others;
use crate::configuration::{
    DefaultEncryption, NotificationConfiguration, ObjectLock, ReplicationConfiguration, Tag,
    Versioning,
};
use crate::error::AwsError;
use crate::former::Former;
use crate::owner::{OWNER_TAG, Owner};
use crate::parameters::speaks;
use crate::ports::{KeyDescription, RoleDescription};
use crate::spec::{Site, Spec, Taking};
use aws_names::Arn;

/// What was read before a Create or Update.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// The source bucket, where it exists.
    pub source: Option<ObservedBucket>,
    /// Its replication configuration.
    pub replication: Option<ReplicationConfiguration>,
    /// The destination buckets that the spec names.
    pub destinations: BTreeMap<String, ObservedDestination>,
    /// Destinations of ours that the spec no longer names.
    pub abandoned: BTreeMap<String, RemainingDestination>,
    /// Every key by what it was asked for: as given, the default encryption's, or the ARN of the
    /// alias that a key of ours has.
    pub keys: KeysByName,
    /// Policies of the keys in other accounts, by key ARN.
    pub key_policies: BTreeMap<String, String>,
    /// Destinations that the record alone knows of and that cannot be looked at.
    pub unreachable: BTreeSet<String>,
    /// Keys in other accounts that our present rules use and the spec does not name, and whose
    /// policies have statements of ours: by key ARN, the destination bucket.
    pub former_keys: BTreeMap<String, String>,
    /// The role of ours for the source bucket.
    pub role: Option<RoleDescription>,
    /// The one that `Role` names, where the bucket's rules go by another one.
    pub given_role: GivenRole,
    /// Its inline policies, ours and those of other resources on the bucket, by name.
    pub role_policies: BTreeMap<String, String>,
    /// Whether others have rules on the source bucket or policies on the role of ours: whoever
    /// writes rules puts its policy before them and takes it away after them.
    pub shared: bool,
    /// Whoever of others the policy of the source bucket lets write to it, where its default encryption is
    /// to be changed.
    pub outside_writers: BTreeSet<String>,
    /// Whoever else of others that policy lets read from the source bucket or write to it, as far as it
    /// was read.
    pub outside_users: BTreeSet<String>,
    /// What was in force when the request began.
    pub former: Former,
    /// What was asked for before, where a request changes it.
    pub asked_before: Option<Spec>,
    /// The time of the look.
    pub now: Time,
}

/// A role that is somebody's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum GivenRole {
    /// None is given, or rules go by it already, or it cannot be looked at.
    #[default]
    Unseen,
    /// There is none of that ARN, and perhaps one of that name: its ARN.
    Absent(Option<String>),
    /// It is there.
    There,
}

/// Keys by what they were asked for; `None` where there is no such key.
pub type KeysByName = BTreeMap<KeyName, Option<KeyDescription>>;

impl KeyName {
    /// `name` as asked for in an account and Region; an ARN says its account itself.
    #[must_use]
    pub fn new(account: &str, region: &str, name: &str) -> Self {
        let own = Arn::parse(name).map(|arn| arn.account);
        Self {
            account: own.unwrap_or_else(|| account.to_owned()),
            region: region.to_owned(),
            name: name.to_owned(),
        }
    }
}

/// What a key was asked for by, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyName {
    /// The account that was asked.
    pub account: String,
    /// The Region that was asked.
    pub region: String,
    /// ARN, id or alias.
    pub name: String,
}

/// A destination bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObservedDestination {
    /// The Region it is in or is to be in; `None` where nothing says it.
    pub region: Option<String>,
    /// The bucket, where it exists.
    pub bucket: Option<ObservedBucket>,
    /// Whether requesters pay for what they do to it.
    pub requester_pays: bool,
    /// Our expectation parameters for it, by name.
    pub parameters: BTreeMap<String, String>,
    /// Whether it can be looked at: not in another account without a role to assume there.
    pub seen: bool,
    /// Its bucket policy, where it is in another account.
    pub policy: Option<String>,
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
    /// Whether versions in it can be kept from being deleted.
    pub object_lock: ObjectLock,
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
        bear(&self.tags, owner)
    }
}

/// Whether a bucket with these tags was made by `owner`.
#[must_use]
pub fn bear(tags: &[Tag], owner: &Owner) -> bool {
    tags.iter()
        .any(|tag| tag.key == OWNER_TAG && tag.value == owner.as_str())
}

/// The stack that manages a bucket with these tags, as CloudFormation tags what it makes or imports. See
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html>.
#[must_use]
pub fn stack_of(tags: &[Tag]) -> Option<String> {
    let stack = tags
        .iter()
        .find(|tag| tag.key == "aws:cloudformation:stack-name");
    stack.map(|tag| tag.value.clone())
}

/// What was read before a Delete: all that bears the owner's name, and who else names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remains {
    /// The source bucket's name.
    pub source_bucket: String,
    /// Its Region; where it does not exist, the one that the properties say.
    pub source_region: Option<String>,
    /// Whether it cannot be looked at.
    pub source_hidden: bool,
    /// The source bucket, where it exists.
    pub source: Option<ObservedBucket>,
    /// Its replication configuration.
    pub replication: Option<ReplicationConfiguration>,
    /// Destinations, by name: those of the properties and those of our rules.
    pub destinations: BTreeMap<String, RemainingDestination>,
    /// The key that we made for the source bucket.
    pub source_key: Option<KeyDescription>,
    /// ARN of the alias that this key has.
    pub source_alias_arn: String,
    /// ARN of the role of ours for the source bucket.
    pub role_arn: String,
    /// Our inline policy on the role of ours.
    pub role_policy: Option<String>,
    /// The role of ours, where there is one at our path.
    pub role: Option<RoleDescription>,
    /// The role for replicating existing objects.
    pub batch_role: Option<RoleDescription>,
    /// Region and names of the parameters that hold the record of what the resource was asked for.
    pub record: (String, BTreeSet<String>),
    /// Names of the parameters that note, in the same Region, that the resource never succeeded.
    pub unfinished: BTreeSet<String>,
    /// Where else the record says that something of ours may be.
    pub left: Vec<Site>,
    /// What is to be taken away besides what grants.
    pub taking: Taking,
    /// Who else names it.
    pub others: Others,
    /// The time of the look.
    pub now: Time,
}

/// Whether a bucket is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It exists.
    There,
    /// There is none.
    Missing,
    /// It cannot be looked at.
    Hidden,
}

/// A destination at Delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemainingDestination {
    /// Its Region.
    pub region: String,
    /// What is known of the bucket.
    pub presence: Presence,
    /// Our expectation parameters, by name.
    pub parameters: BTreeMap<String, String>,
    /// Expectations that are not ours.
    pub expectations: BTreeMap<String, String>,
    /// Whether we made the bucket.
    pub made_by_us: bool,
    /// The stack that manages it.
    pub stack: Option<String>,
    /// The key that we made for it.
    pub key: Option<KeyDescription>,
    /// ARN of the alias that this key has.
    pub alias_arn: String,
    /// Whether its bucket policy has statements of ours.
    pub has_policy: bool,
    /// ARNs of the keys whose policies have statements of ours.
    pub granted_keys: BTreeSet<String>,
    /// These policies: by the bucket's name and the keys' ARNs.
    pub policies: BTreeMap<String, String>,
    /// Why the policy of a key could not be read, where one was denied.
    pub unread: Option<AwsError>,
}

impl RemainingDestination {
    /// Whether the checker goes by a word of ours there, and not only by what we left behind.
    #[must_use]
    pub fn has_word(&self) -> bool {
        self.parameters.values().any(|text| speaks(text))
    }
}
