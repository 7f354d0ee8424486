//! Which key is meant, and whether S3 could use it. S3 itself does not look: it answers 200 to a
//! replication configuration whose key can never be used. See
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-config-for-kms-objects.html>.

use crate::fault::{About, Fault, FaultKind};
use crate::observed::{KeyName, KeysByName};
use crate::ports::KeyDescription;
use aws_names::Arn;

/// Where a bucket is, and so its keys.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub account: &'a str,
    pub region: &'a str,
}

/// Whether AWS manages the key that `name` stands for. See
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-config-for-kms-objects.html#replication-kms-cross-acct-scenario>.
pub(super) fn is_aws_managed(keys: &KeysByName, place: &Place<'_>, name: &str) -> bool {
    let asked = KeyName::new(place.account, place.region, name);
    let found = keys.get(&asked).and_then(Option::as_ref);
    found.is_some_and(|key| key.manager == "AWS")
}

/// The ARN of the key that `name` stands for in `place`.
///
/// # Errors
/// What keeps S3 from using it.
pub(super) fn usable(
    keys: &KeysByName,
    place: &Place<'_>,
    name: &str,
    what: &str,
) -> Result<String, Vec<Fault>> {
    let Place { account, region } = *place;
    let asked = KeyName::new(account, region, name);
    let Some(Some(key)) = keys.get(&asked) else {
        let words = format!(
            "{what} `{name}` does not exist in {region}; give an existing key, or leave it out to have one made"
        );
        return Err(vec![Fault::new(
            About::key(name),
            FaultKind::Missing,
            words,
        )]);
    };
    let arn = &key.arn;
    let unusable = |wrong| {
        let words = format!("{what} `{arn}` {wrong}");
        Fault::new(About::key(arn), FaultKind::Unusable, words)
    };
    let faults: Vec<_> = wrongs(key, region).into_iter().map(unusable).collect();
    if faults.is_empty() {
        Ok(arn.clone())
    } else {
        Err(faults)
    }
}

/// The ARN of the key that `name` stands for in `place`, whether S3 could use it or not.
pub(super) fn meant(keys: &KeysByName, place: &Place<'_>, name: &str) -> Option<String> {
    let asked = KeyName::new(place.account, place.region, name);
    let found = keys.get(&asked).and_then(Option::as_ref);
    let itself = || Arn::parse(name).is_some_and(|arn| arn.is_kms_key());
    found
        .map(|key| key.arn.clone())
        .or_else(|| itself().then(|| name.to_owned()))
}

/// What keeps S3 from using `key` in `region`, said of it.
pub(crate) fn wrongs(key: &KeyDescription, region: &str) -> Vec<String> {
    let KeyDescription {
        arn,
        state,
        usage,
        spec,
        manager: _,
    } = key;
    let mut wrongs = Vec::new();
    let remedy = match state.as_str() {
        "Enabled" => None,
        "Disabled" => Some("enable it (kms:EnableKey)"),
        "PendingDeletion" => Some("cancel its deletion (kms:CancelKeyDeletion) and enable it"),
        _ => Some("it must be Enabled"),
    };
    if let Some(remedy) = remedy {
        wrongs.push(format!("is in state {state}: {remedy}"));
    }
    if usage != "ENCRYPT_DECRYPT" || spec != "SYMMETRIC_DEFAULT" {
        wrongs.push(format!(
            "is a {spec} key for {usage}; S3 uses symmetric encryption keys only"
        ));
    }
    if let Some(found) = Arn::parse(arn).filter(|found| found.region != region) {
        wrongs.push(format!(
            "is in {}, its bucket in {region}; S3 uses keys of the bucket's Region only",
            found.region
        ));
    }
    wrongs
}
