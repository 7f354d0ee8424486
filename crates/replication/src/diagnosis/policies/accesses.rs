//! What replication does to a bucket or with a key, which their policies have to let it do.

use std::collections::{BTreeMap, BTreeSet};

use super::super::access::USUAL_SOURCE_OBJECTS;
use super::super::statements::{Context, Extent};
use crate::actions::{
    LOCKED_REPLICA_OBJECTS, LOCKED_SOURCE_OBJECTS, REPLICA_KEY, REPLICA_OBJECTS, REPLICA_OWNER,
    SOURCE_BUCKET, SOURCE_KEY, SOURCE_OBJECTS,
};
use crate::configuration::Status;
use crate::plan::Desired;
use crate::replication::Replication;
use aws_names::Arn;

/// The role that asks, and whether it has a permissions boundary, where that is known.
#[derive(Clone, Copy, Debug)]
pub(in crate::diagnosis) struct Asking<'a> {
    pub(in crate::diagnosis) role: &'a Arn,
    pub(in crate::diagnosis) bounded: Option<bool>,
    pub(in crate::diagnosis) wanted: Wanted,
}

/// What is asked for in the role's name.
#[derive(Clone, Copy, Debug)]
pub(in crate::diagnosis) enum Wanted {
    /// All that a role of ours is allowed.
    All,
    /// What uploads as usual take; whether their keys are S3 Bucket Keys.
    Usual { bucket_key: bool },
}

/// What replication does to one thing.
#[derive(Debug)]
pub(super) struct Access {
    pub(super) actions: Vec<&'static str>,
    pub(super) resource: Extent,
    pub(super) context: Context,
    /// The same for people.
    pub(super) on: String,
}

/// What is done to a bucket and its objects, as source or destination.
pub(super) fn of_bucket(
    replication: &Replication,
    desired: &Desired,
    asking: Asking<'_>,
    name: &str,
) -> Vec<Access> {
    let Replication { spec, home, .. } = replication;
    let bucket = home.bucket_arn(name);
    let context = Context::of_bucket(asking.role, replication.account_of(name));
    let objects = |prefix: &str, actions: Vec<&'static str>| Access {
        actions,
        resource: Extent::Under(format!("{bucket}/{prefix}")),
        context: context.clone(),
        on: format!("`{bucket}/{prefix}*`"),
    };
    let locks = |actions: &'static [&'static str]| {
        if desired.object_lock { actions } else { &[] }
    };
    let mut accesses = Vec::new();
    if name == spec.source_bucket {
        accesses.push(Access {
            actions: SOURCE_BUCKET.to_vec(),
            resource: Extent::One(bucket.clone()),
            context: context.clone(),
            on: format!("`{bucket}`"),
        });
        let of_objects = match asking.wanted {
            Wanted::All => SOURCE_OBJECTS,
            Wanted::Usual { .. } => USUAL_SOURCE_OBJECTS,
        };
        let actions = [of_objects, locks(LOCKED_SOURCE_OBJECTS)].concat();
        let prefixes = prefixes(desired).into_iter();
        accesses.extend(prefixes.map(|prefix| objects(prefix, actions.clone())));
        return accesses;
    }
    // By prefix, whether replicas are to belong to the destination's owner, and deletions go along.
    let mut prefixes: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
    for rule in &desired.rules {
        if rule.destination.bucket_name() == name {
            let (owned, deleted) = prefixes.entry(rule.filter_prefix()).or_default();
            *owned |= rule.destination.owner_override.is_some();
            *deleted |= rule.delete_marker_replication == Some(Status::Enabled);
        }
    }
    accesses.extend(prefixes.into_iter().map(|(prefix, (owned, deleted))| {
        let mut actions = match asking.wanted {
            Wanted::All => REPLICA_OBJECTS.to_vec(),
            Wanted::Usual { .. } if deleted => vec!["s3:ReplicateObject", "s3:ReplicateDelete"],
            Wanted::Usual { .. } => vec!["s3:ReplicateObject"],
        };
        actions.extend(locks(LOCKED_REPLICA_OBJECTS));
        if owned {
            actions.push(REPLICA_OWNER);
        }
        objects(prefix, actions)
    }));
    accesses
}

/// What is done with a key, which may be source objects' and replicas' at once: in the encryption context
/// of the bucket, where an S3 Bucket Key is used, and of each object.
pub(super) fn of_key(
    replication: &Replication,
    desired: &Desired,
    asking: Asking<'_>,
    key: &Arn,
) -> Vec<Access> {
    let Replication { spec, home, .. } = replication;
    let arn = key.to_string();
    let mut uses: BTreeSet<(&str, &str, &str, bool)> = BTreeSet::new();
    for route in desired.routes() {
        if desired.source_keys.contains(&arn) {
            uses.insert((&spec.source_bucket, &spec.source_region, route.prefix, true));
        }
        if route.replica_key == arn {
            uses.insert((
                route.destination_bucket,
                route.destination_region,
                route.prefix,
                false,
            ));
        }
    }
    let mut accesses = Vec::new();
    let mut whole = BTreeSet::new();
    for (name, region, prefix, source) in uses {
        let bucket = home.bucket_arn(name);
        let (of_bucket, of_objects) = match asking.wanted {
            Wanted::All => (true, true),
            Wanted::Usual { bucket_key } => (bucket_key, !bucket_key),
        };
        let actions = match asking.wanted {
            _ if source => SOURCE_KEY,
            Wanted::Usual { bucket_key: false } => &["kms:Encrypt"],
            _ => REPLICA_KEY,
        };
        let hosts = home.s3_via_services(region);
        let mut push = |encrypted: Extent, shown: String| {
            let context = Context::of_key(asking.role, &key.account, &hosts, encrypted);
            accesses.push(Access {
                actions: actions.to_vec(),
                resource: Extent::One(arn.clone()),
                context,
                on: format!("encryption context `{shown}`"),
            });
        };
        if of_objects {
            push(
                Extent::Under(format!("{bucket}/{prefix}")),
                format!("{bucket}/{prefix}*"),
            );
        }
        if of_bucket && whole.insert((name, source)) {
            push(Extent::One(bucket.clone()), bucket);
        }
    }
    accesses
}

fn prefixes(desired: &Desired) -> BTreeSet<&str> {
    let routes = desired.routes().into_iter();
    routes.map(|route| route.prefix).collect()
}
