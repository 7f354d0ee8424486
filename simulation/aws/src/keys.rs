//! KMS keys.

use replication::configuration::Tag;
use replication::error::ErrorKind;
use replication::ports::{KeyDescription, Keys, Outcome};

/// The tag that the template lets the provisioner touch things by.
const OWNER_TAG: &str = "encrypted-replication:owner";

use super::state::State;
use super::things::Key;
use super::weather::New;
use super::{Refusal, World, refuse};

fn known<'a>(state: &'a mut State, region: &str, arn: &str) -> Result<&'a mut Key, Refusal> {
    let own = arn.contains(&format!(":{}:", state.acting)) && state.knows(New::Key(arn));
    match state
        .keys
        .get_mut(arn)
        .filter(|key| own && key.region == region)
    {
        Some(key) => Ok(key),
        None => refuse(
            ErrorKind::NotFound,
            "NotFoundException",
            format!("Key '{arn}' does not exist"),
        ),
    }
}

impl Keys for World {
    async fn describe_key(&self, region: &str, key: &str) -> Outcome<Option<KeyDescription>> {
        self.call("DescribeKey", format!("key `{key}`"), region, |state| {
            let Some(arn) = state.key_arn(region, key) else {
                return Ok(None);
            };
            let found = &state.keys[&arn];
            Ok(Some(KeyDescription {
                state: found.state.clone(),
                usage: found.usage.clone(),
                spec: found.spec.clone(),
                manager: found.manager.clone(),
                arn,
            }))
        })
    }

    async fn create_key(&self, region: &str, _description: &str, tags: &[Tag]) -> Outcome<String> {
        self.call("CreateKey", "a new key".into(), region, |state| {
            let arn = state.add_key(region, "CUSTOMER");
            let key = known(state, region, &arn)?;
            key.tags = tags.to_vec();
            state.is_new(New::Key(&arn));
            Ok(arn)
        })
    }

    async fn create_alias(&self, region: &str, alias: &str, key_arn: &str) -> Outcome<()> {
        self.call("CreateAlias", format!("alias `{alias}`"), region, |state| {
            // https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html
            let valid = |c: char| c.is_ascii_alphanumeric() || "/_-".contains(c);
            if !alias.starts_with("alias/")
                || alias.starts_with("alias/aws/")
                || !alias.chars().all(valid)
                || alias.len() > 256
            {
                return refuse(
                    ErrorKind::Invalid,
                    "InvalidAliasNameException",
                    "Alias must start with the prefix \"alias/\"",
                );
            }
            if known(state, region, key_arn)?.state == "PendingDeletion" {
                return refuse(
                    ErrorKind::Conflict,
                    "KMSInvalidStateException",
                    format!("{key_arn} is pending deletion."),
                );
            }
            let place = (region.to_owned(), alias.to_owned());
            if state.aliases.contains_key(&place) {
                return refuse(
                    ErrorKind::AlreadyExists,
                    "AlreadyExistsException",
                    format!("An alias with the name {alias} already exists"),
                );
            }
            state.aliases.insert(place, key_arn.to_owned());
            state.is_new(New::Alias(region, alias));
            Ok(())
        })
    }

    async fn enable_key_rotation(&self, region: &str, key_arn: &str) -> Outcome<()> {
        let resource = format!("key `{key_arn}`");
        self.call("EnableKeyRotation", resource, region, |state| {
            let key = known(state, region, key_arn)?;
            if key.state != "Enabled" {
                return refuse(
                    ErrorKind::Conflict,
                    "KMSInvalidStateException",
                    format!("{key_arn} is not enabled."),
                );
            }
            key.rotates = true;
            Ok(())
        })
    }

    async fn schedule_key_deletion(&self, region: &str, key_arn: &str, days: i32) -> Outcome<()> {
        let resource = format!("key `{key_arn}`");
        self.call("ScheduleKeyDeletion", resource, region, |state| {
            let key = known(state, region, key_arn)?;
            if !(7..=30).contains(&days) {
                return refuse(
                    ErrorKind::Invalid,
                    "ValidationException",
                    "PendingWindowInDays must be between 7 and 30",
                );
            }
            if key.state == "PendingDeletion" {
                return refuse(
                    ErrorKind::Conflict,
                    "KMSInvalidStateException",
                    format!("{key_arn} is pending deletion."),
                );
            }
            // The provisioner's policy has the condition.
            if !key.tags.iter().any(|tag| tag.key == OWNER_TAG) {
                return refuse(
                    ErrorKind::AccessDenied,
                    "AccessDeniedException",
                    "no identity-based policy allows the kms:ScheduleKeyDeletion action",
                );
            }
            key.state = "PendingDeletion".into();
            key.deletion_days = Some(days);
            Ok(())
        })
    }

    async fn cancel_key_deletion(&self, region: &str, key_arn: &str) -> Outcome<()> {
        let resource = format!("key `{key_arn}`");
        self.call("CancelKeyDeletion", resource, region, |state| {
            let key = known(state, region, key_arn)?;
            if key.state != "PendingDeletion" {
                return refuse(
                    ErrorKind::Conflict,
                    "KMSInvalidStateException",
                    format!("{key_arn} is not pending deletion."),
                );
            }
            // https://docs.aws.amazon.com/kms/latest/APIReference/API_CancelKeyDeletion.html
            key.state = "Disabled".into();
            key.deletion_days = None;
            Ok(())
        })
    }

    async fn enable_key(&self, region: &str, key_arn: &str) -> Outcome<()> {
        let resource = format!("key `{key_arn}`");
        self.call("EnableKey", resource, region, |state| {
            let key = known(state, region, key_arn)?;
            if key.state == "PendingDeletion" {
                return refuse(
                    ErrorKind::Conflict,
                    "KMSInvalidStateException",
                    format!("{key_arn} is pending deletion."),
                );
            }
            key.state = "Enabled".into();
            Ok(())
        })
    }

    async fn key_tags(&self, region: &str, key_arn: &str) -> Outcome<Vec<Tag>> {
        let resource = format!("key `{key_arn}`");
        self.call("ListResourceTags", resource, region, |state| {
            Ok(known(state, region, key_arn)?.tags.clone())
        })
    }
}
