//! The reads: of buckets and keys, each for itself, as much as possible at once.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{join, join_all, join5};

use crate::case::Case;
use crate::configuration::{
    DefaultEncryption, NotificationConfiguration, ObjectLock, Status, Versioning,
};
use crate::error::ErrorKind;
use crate::observed::KeyName;
use crate::ports::{Aws, BucketRef, KeyDescription, Outcome};
use crate::replication::Replication;
use crate::spec::Rule;
use aws_names::Arn;

/// A bucket's settings, each as far as it could be read.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) versioning: Outcome<Versioning>,
    pub(super) encryption: Outcome<Option<DefaultEncryption>>,
    pub(super) notifications: Outcome<NotificationConfiguration>,
    pub(super) object_lock: Outcome<ObjectLock>,
    pub(super) requester_pays: Outcome<bool>,
}

/// Whether a bucket is there.
#[derive(Debug)]
pub(super) enum Sight {
    /// It is.
    There(Box<Settings>),
    /// There is none.
    Missing,
    /// AWS does not say.
    Hidden(crate::error::AwsError),
    /// It is in another account, and there is no way to look there.
    Elsewhere,
}

/// A bucket.
#[derive(Debug)]
pub(super) struct SeenBucket {
    /// Where it is, as far as anything says so.
    pub(super) region: Option<String>,
    pub(super) sight: Sight,
}

impl SeenBucket {
    pub(super) fn settings(&self) -> Option<&Settings> {
        match &self.sight {
            Sight::There(settings) => Some(settings),
            _ => None,
        }
    }

    fn encryption(&self) -> Option<&DefaultEncryption> {
        self.settings()?.encryption.as_ref().ok()?.as_ref()
    }

    /// Whether objects that are uploaded as usual are encrypted in the bucket's own context; `None` where
    /// nothing is known. See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html>.
    pub(super) fn uses_bucket_key(&self) -> Option<bool> {
        let encryption = self.settings()?.encryption.as_ref().ok()?;
        let encryption = encryption.as_ref().filter(|found| found.is_kms());
        Some(encryption.is_some_and(|found| found.bucket_key_enabled))
    }

    /// The key of uploads that name none; `None` where that is none of KMS, or not known.
    pub(super) fn default_key(&self) -> Option<&str> {
        let encryption = self.encryption().filter(|found| found.is_kms())?;
        Some(encryption.kms_key.as_deref().unwrap_or("alias/aws/s3"))
    }
}

/// What a look at a key showed; `None` where it is in another account, with no way to look there.
pub(super) type Sighting = Option<Outcome<Option<KeyDescription>>>;

/// All of it.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) source: SeenBucket,
    pub(super) destinations: BTreeMap<String, SeenBucket>,
    pub(super) keys: BTreeMap<KeyName, Sighting>,
}

impl Seen {
    pub(super) fn source_is_locked(&self) -> bool {
        let settings = self.source.settings();
        settings
            .is_some_and(|found| matches!(found.object_lock, Ok(lock) if lock != ObjectLock::Off))
    }

    /// The ARN of the key that `name` stands for.
    fn resolved(&self, name: &KeyName) -> Option<String> {
        match self.keys.get(name) {
            Some(Some(Ok(Some(key)))) => Some(key.arn.clone()),
            _ => Arn::parse(&name.name)
                .is_some_and(|arn| arn.is_kms_key())
                .then(|| name.name.clone()),
        }
    }

    pub(super) fn source_keys(&self, replication: &Replication) -> BTreeSet<String> {
        let names = source_keys(replication, &self.source);
        names
            .iter()
            .filter_map(|name| self.resolved(name))
            .collect()
    }

    pub(super) fn replica_key(&self, replication: &Replication, rule: &Rule) -> Option<String> {
        self.resolved(&replica_key(replication, rule, &self.destinations)?)
    }
}

/// Reads everything.
pub(super) async fn look<A: Aws>(case: &Case<'_, A>) -> Seen {
    let (replication, accounts) = (&case.replication, &case.accounts);
    let names: BTreeSet<&str> = replication
        .spec
        .rules
        .iter()
        .filter(|rule| rule.rule.status == Status::Enabled)
        .map(|rule| rule.destination_bucket.as_str())
        .collect();
    let destinations = names
        .into_iter()
        .map(|name| async move { (name.to_owned(), destination(case, name).await) });
    let source = async {
        let place = replication.source();
        SeenBucket {
            region: Some(place.region.to_owned()),
            sight: settings(accounts.home(), place).await,
        }
    };
    let (source, destinations) = join(source, join_all(destinations)).await;
    let destinations: BTreeMap<_, _> = destinations.into_iter().collect();
    let enabled = replication
        .spec
        .rules
        .iter()
        .filter(|rule| rule.rule.status == Status::Enabled);
    let mut wanted: BTreeMap<KeyName, &str> = enabled
        .filter_map(|rule| {
            let name = replica_key(replication, rule, &destinations)?;
            Some((name, rule.destination_bucket.as_str()))
        })
        .collect();
    let of_source = source_keys(replication, &source).into_iter();
    wanted.extend(of_source.map(|name| (name, replication.source().name)));
    let calls = wanted.into_iter().map(|(name, bucket)| async move {
        let aws = if name.account == replication.home.account {
            Some(accounts.home())
        } else {
            let theirs = accounts.account_of(bucket) == Some(&name.account);
            accounts.at(bucket).filter(|_| theirs)
        };
        // An ARN says its Region itself, which need not be the bucket's.
        let region = Arn::parse(&name.name).map_or_else(|| name.region.clone(), |arn| arn.region);
        let found = match aws {
            Some(aws) => Some(aws.describe_key(&region, &name.name).await),
            None => None,
        };
        (name, found)
    });
    let keys = join_all(calls).await.into_iter().collect();
    Seen {
        source,
        destinations,
        keys,
    }
}

async fn destination<A: Aws>(case: &Case<'_, A>, name: &str) -> SeenBucket {
    let mut said = case
        .replication
        .spec
        .rules
        .iter()
        .filter(|rule| rule.destination_bucket == name);
    let said = said.find_map(|rule| {
        let key = rule.rule.destination.replica_kms_key_id.as_deref();
        let of_key = key.and_then(Arn::parse).map(|arn| arn.region);
        rule.destination_region.clone().or(of_key)
    });
    let Some(aws) = case.accounts.at(name) else {
        return SeenBucket {
            region: said,
            sight: Sight::Elsewhere,
        };
    };
    match aws.bucket_region(name).await {
        Ok(None) => SeenBucket {
            region: said,
            sight: Sight::Missing,
        },
        Err(error) => SeenBucket {
            region: said,
            sight: Sight::Hidden(error),
        },
        Ok(Some(region)) => SeenBucket {
            sight: settings(
                aws,
                BucketRef {
                    name,
                    region: &region,
                },
            )
            .await,
            region: Some(region),
        },
    }
}

async fn settings<A: Aws>(aws: &A, place: BucketRef<'_>) -> Sight {
    let (versioning, encryption, notifications, object_lock, requester_pays) = join5(
        aws.versioning(place),
        aws.default_encryption(place),
        aws.notifications(place),
        aws.object_lock(place),
        aws.requester_pays(place),
    )
    .await;
    if matches!(&versioning, Err(error) if error.kind == ErrorKind::NotFound) {
        return Sight::Missing;
    }
    Sight::There(Box::new(Settings {
        versioning,
        encryption,
        notifications,
        object_lock,
        requester_pays,
    }))
}

/// The keys of source objects, as far as anything says which: those given, or that of the default
/// encryption.
fn source_keys(replication: &Replication, source: &SeenBucket) -> Vec<KeyName> {
    let spec = &replication.spec;
    let named = |name: &str| KeyName::new(&replication.home.account, &spec.source_region, name);
    if spec.source_kms_keys.is_empty() {
        source.default_key().map(named).into_iter().collect()
    } else {
        spec.source_kms_keys
            .iter()
            .map(|name| named(name))
            .collect()
    }
}

/// The key of a rule's replicas; where the properties leave it to us, the alias of ours.
pub(super) fn replica_key(
    replication: &Replication,
    rule: &Rule,
    destinations: &BTreeMap<String, SeenBucket>,
) -> Option<KeyName> {
    let bucket = &rule.destination_bucket;
    let region = destinations.get(bucket)?.region.as_deref()?;
    let given = rule.rule.destination.replica_kms_key_id.clone();
    let ours = !replication.is_nobodys();
    let name = given.or_else(|| ours.then(|| replication.alias_arn(region, bucket)))?;
    Some(KeyName::new(replication.account_of(bucket), region, &name))
}
