//! What the keys show. Pure.

use super::look::Seen;
use super::places::unread;
use crate::diagnosis::configuration::unusable;
use crate::diagnosis::{Check, names};
use crate::replication::Replication;
use aws_names::Arn;

pub(super) fn checks(replication: &Replication, seen: &Seen) -> Vec<Check> {
    let checks = seen.keys.iter().flat_map(|(name, sighting)| {
        let resource = format!("key `{}`", name.name);
        match sighting {
            None => vec![Check::skipped(
                names::KEY_USABLE,
                resource,
                "is in another account, and no role says how to look there",
            )],
            Some(Err(error)) => vec![unread(names::KEY_USABLE, &resource, error)],
            Some(Ok(None)) => {
                let region =
                    Arn::parse(&name.name).map_or_else(|| name.region.clone(), |arn| arn.region);
                let finding = format!("does not exist in {region}");
                vec![
                    Check::fail(names::KEY_USABLE, resource, finding).remedy(format!(
                        "name a key of {}, where its bucket is",
                        name.region
                    )),
                ]
            }
            Some(Ok(Some(key)))
                if key.manager == "AWS" && name.account != replication.home.account =>
            {
                let finding = "is managed by AWS, and so of no use to another account";
                vec![
                    Check::fail(names::KEY_USABLE, resource, finding)
                        .remedy("name a customer managed key"),
                ]
            }
            Some(Ok(Some(key))) => unusable(key, &name.region),
        }
    });
    checks.collect()
}
