//! A destination in another account: what must be said of it, as it cannot be looked up.

use super::given::GivenDestination;
use crate::fault::Faults;
use crate::owner::ROLE_PATH;
use aws_names::{Arn, Home};

/// What begins the resource of a role under our path.
const ROLES: &str = "role/encrypted-replication/";

/// Checks `Account`, `AssumeRoleArn` and what they ask of the other properties.
pub(super) fn check(
    destination: &GivenDestination,
    home: &Home,
    at: &impl Fn(&str) -> String,
    faults: &mut Faults,
) {
    let account = destination.account.as_deref();
    if account.is_some_and(|account| !account.bytes().all(|b| b.is_ascii_digit())) {
        faults.push(at("Destination.Account"), "must be twelve digits");
        return;
    }
    let path = at("Destination.AssumeRoleArn");
    let role = destination.assume_role_arn.as_deref();
    if let Some(given) = role {
        match Arn::parse(given).filter(|arn| arn.role_name().is_some()) {
            None => faults.push(path, format!("`{given}` is not the ARN of an IAM role")),
            Some(role) if role.account == home.account => faults.push(
                path,
                "is a role of this account, where the provisioner's own role acts; leave it out",
            ),
            Some(role) if account.is_some_and(|account| account != role.account) => faults.push(
                path,
                format!(
                    "is in account {}, `Account` says {}; the role must be the destination's",
                    role.account,
                    account.unwrap_or_default()
                ),
            ),
            Some(role) if !role.resource.starts_with(ROLES) => faults.push(
                path,
                format!(
                    "`{given}` is not under the path {ROLE_PATH}, and the provisioner may assume roles under that path \
                     alone; make the role with `Path`: {ROLE_PATH}"
                ),
            ),
            Some(_) => {}
        }
    } else if account.is_some_and(|account| account != home.account) {
        check_unseen(destination, at, faults);
    }
}

/// Without a role to assume, nothing in the other account can be looked up or made.
fn check_unseen(destination: &GivenDestination, at: &impl Fn(&str) -> String, faults: &mut Faults) {
    let key = destination
        .encryption_configuration
        .replica_kms_key_id
        .as_deref();
    let key_arn = key.and_then(Arn::parse).filter(Arn::is_kms_key);
    if key_arn.is_none() {
        faults.push(
            at("Destination.EncryptionConfiguration.ReplicaKmsKeyID"),
            "must be the ARN of a key (`arn:…:key/…`), as the bucket is in another account and no \
             `AssumeRoleArn` says how to look there",
        );
        if destination.region.is_none() {
            faults.push(
                at("Destination.Region"),
                "is required for a bucket in another account without `AssumeRoleArn`",
            );
        }
    }
}
