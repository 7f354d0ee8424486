//! Where the installation lets replicas go, as far as the properties say where they do.

use super::given::Given;
use crate::fault::Faults;
use crate::replication::Allowed;
use aws_names::Home;

/// Checks the accounts and Regions that are named. What was named `before` is not refused.
pub(super) fn check_allowed(
    (given, before): (&Given, Option<&Given>),
    allowed: &Allowed,
    home: &Home,
    faults: &mut Faults,
) {
    let rules = || before.into_iter().flat_map(|before| &before.rules);
    let known_region = |region: &str| {
        let of_source = before.is_some_and(|before| before.region(home) == region);
        let mut rules = rules();
        of_source || rules.any(|rule| rule.destination.known_region().as_deref() == Some(region))
    };
    let known_account = |account: &str| {
        let mut rules = rules();
        rules.any(|rule| rule.destination.known_account().as_deref() == Some(account))
    };
    let refused = |region: &str| !allowed.takes_region(region) && !known_region(region);
    let source = given.region(home);
    if refused(&source) {
        faults.push("SourceRegion", allowed.why_no_region(&source));
    }
    for (position, rule) in given.rules.iter().enumerate() {
        let destination = &rule.destination;
        let at = |name: &str| format!("Rules[{position}].Destination.{name}");
        let account = destination.known_account();
        let account = account.filter(|account| *account != home.account);
        if let Some(account) = account
            && !allowed.takes_account(&account)
            && !known_account(&account)
        {
            let name = match &destination.account {
                Some(_) => "Account",
                None => "AssumeRoleArn",
            };
            faults.push(at(name), allowed.why_no_account(&account));
        }
        if let Some(region) = destination.known_region().filter(|region| refused(region)) {
            let name = match &destination.region {
                Some(_) => "Region",
                None => "EncryptionConfiguration.ReplicaKmsKeyID",
            };
            faults.push(at(name), allowed.why_no_region(&region));
        }
    }
}
