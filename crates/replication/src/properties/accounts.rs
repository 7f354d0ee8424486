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
        if let Some(why) = why_not_assumed(given, account, home) {
            faults.push(path, why);
        }
    } else if account.is_some_and(|account| account != home.account) {
        check_unseen(destination, at, faults);
    }
}

/// Why the provisioner cannot act by the role `given` in the `account` of a destination, as far as names show
/// it.
pub(super) fn why_not_assumed(given: &str, account: Option<&str>, home: &Home) -> Option<String> {
    let Some(role) = Arn::parse(given).filter(|arn| arn.role_name().is_some()) else {
        return Some(format!("`{given}` is not the ARN of an IAM role"));
    };
    if role.account == home.account {
        let why = "is a role of this account, where the provisioner's own role acts; leave it out";
        return Some(why.to_owned());
    }
    if let Some(account) = account.filter(|account| *account != role.account) {
        return Some(format!(
            "is in account {}, `Account` says {account}; the role must be the destination's",
            role.account
        ));
    }
    (!role.resource.starts_with(ROLES)).then(|| {
        format!(
            "`{given}` is not under the path {ROLE_PATH}, and the provisioner may assume roles under that path \
             alone; make the role with `Path`: {ROLE_PATH}"
        )
    })
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
