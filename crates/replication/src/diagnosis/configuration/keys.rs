//! The keys: whether S3 can use them.

use super::super::fix::Fix;
use super::super::{Check, names};
use super::CHANGE_A_PROPERTY;
use crate::fault::{About, FaultKind};
use crate::observed::{KeyName, Observed, ObservedBucket};
use crate::plan;
use crate::ports::KeyDescription;
use crate::replication::Replication;
use crate::spec::WhenMissing;
use aws_names::Arn;

/// The keys: there, enabled, symmetric, in their bucket's Region.
pub(in crate::diagnosis) fn keys(replication: &Replication, observed: &Observed) -> Vec<Check> {
    let checks = observed
        .keys
        .iter()
        .map(|(KeyName { region, name, .. }, found)| {
            let Some(key) = found else {
                return vec![absent_key(replication, observed, region, name)];
            };
            unusable(key, region)
        });
    checks.flatten().collect()
}

/// Whether S3 can use a key for a bucket in `region`.
pub(in crate::diagnosis) fn unusable(key: &KeyDescription, region: &str) -> Vec<Check> {
    const NAME: &str = names::KEY_USABLE;
    let resource = format!("key `{}`", key.arn);
    let wrongs = plan::usable_keys::wrongs(key, region);
    if wrongs.is_empty() {
        let finding = "is enabled, symmetric and in its bucket's Region";
        return vec![Check::pass(NAME, resource, finding)];
    }
    let of_key = Arn::parse(&key.arn)
        .map(|arn| arn.region)
        .unwrap_or_default();
    let enable = format!("aws kms enable-key --key-id {} --region {of_key}", key.arn);
    let command = match key.state.as_str() {
        "Disabled" => Some(enable),
        "PendingDeletion" => Some(format!(
            "aws kms cancel-key-deletion --key-id {} --region {of_key} && {enable}",
            key.arn
        )),
        _ => None,
    };
    let checks = wrongs.into_iter().map(|wrong| {
        let of_state = wrong.starts_with("is in state");
        let check =
            Check::fail(NAME, &resource, wrong).tells(About::key(&key.arn), FaultKind::Unusable);
        match &command {
            Some(command) if of_state => check.fix(Fix::Command(command.clone())),
            _ => check.remedy(format!("name a symmetric key of {region}, enabled")),
        }
    });
    checks.collect()
}

/// A key that the properties name, one that they leave to us, or that of the source's default encryption.
fn absent_key(replication: &Replication, observed: &Observed, region: &str, name: &str) -> Check {
    let check = |finding: String| {
        Check::fail(names::KEY_USABLE, format!("key `{name}`"), finding)
            .tells(About::key(name), FaultKind::Missing)
    };
    let ours = format!("alias/encrypted-replication/{}/", replication.owner);
    if name.contains(&ours) {
        let creates = replication.spec.when_missing == WhenMissing::Create;
        let finding = format!("is to be made in {region}, as no key is given, and is not there");
        return check(finding).remedy(if creates {
            format!("{CHANGE_A_PROPERTY}, which makes it")
        } else {
            "set `WhenMissing` to Create, or give a key".to_owned()
        });
    }
    let source = observed.source.as_ref();
    if replication.spec.source_kms_keys.is_empty()
        && source.and_then(ObservedBucket::default_key) == Some(name)
    {
        let finding = format!(
            "is that of the source bucket's default encryption, and does not exist in {region}"
        );
        return check(finding)
            .remedy("set a key that is there as the bucket's default encryption (s3:PutEncryptionConfiguration)");
    }
    check(format!("does not exist in {region}"))
        .remedy("give an existing key of that Region, or leave it out to have one made")
}
