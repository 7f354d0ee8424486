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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::configuration::ReplicationRule;

    const SOURCE_KEY_ARN: &str = "arn:aws:kms:us-east-1:111122223333:key/source";
    const REPLICA_KEY_ARN: &str = "arn:aws:kms:us-west-2:444455556666:key/replica";

    /// Two rules to one destination: of what is under `a/` deletions go along, and replicas are its owner's.
    fn setting() -> (Replication, Desired) {
        let to = json!({"Bucket": "arn:aws:s3:::destination"});
        let properties = json!({"SourceBucket": "source", "Rules": [{"Destination": to}]});
        let rule = |prefix: &str| {
            let mut rule = ReplicationRule::example(prefix, prefix);
            rule.destination.replica_kms_key_id = Some(REPLICA_KEY_ARN.into());
            rule
        };
        let mut first = rule("a/");
        first.delete_marker_replication = Some(Status::Enabled);
        first.destination.owner_override = Some("Destination".into());
        let mut second = rule("b/");
        second.delete_marker_replication = Some(Status::Disabled);
        let desired = Desired {
            rules: vec![first, second],
            regions: BTreeMap::from([("destination".into(), "us-west-2".into())]),
            source_keys: BTreeSet::from([SOURCE_KEY_ARN.into()]),
            ..Desired::default()
        };
        (Replication::example(&properties), desired)
    }

    fn role() -> Arn {
        Arn::parse("arn:aws:iam::111122223333:role/r").unwrap()
    }

    /// On what, and each action without its service.
    fn shown(accesses: &[Access]) -> Vec<String> {
        let shown = accesses.iter().map(|access| {
            let actions = access.actions.iter();
            let actions: Vec<_> = actions.filter_map(|one| one.split(':').nth(1)).collect();
            format!("{} {}", access.on.replace('`', ""), actions.join(" "))
        });
        shown.collect()
    }

    fn of(name: &str, wanted: Wanted, desired: &Desired) -> Vec<String> {
        let (replication, role) = (setting().0, role());
        let asking = Asking {
            role: &role,
            bounded: None,
            wanted,
        };
        shown(&match Arn::parse(name) {
            Some(key) => of_key(&replication, desired, asking, &key),
            None => of_bucket(&replication, desired, asking, name),
        })
    }

    const USUAL: Wanted = Wanted::Usual { bucket_key: false };

    /// See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html>.
    #[test]
    fn buckets_are_read_and_written_as_the_rules_that_lead_there_say() {
        let (_, mut desired) = setting();
        assert_eq!(
            of("source", Wanted::All, &desired),
            [
                "arn:aws:s3:::source GetReplicationConfiguration ListBucket",
                "arn:aws:s3:::source/a/* GetObjectVersionForReplication GetObjectVersionAcl GetObjectVersionTagging",
                "arn:aws:s3:::source/b/* GetObjectVersionForReplication GetObjectVersionAcl GetObjectVersionTagging",
            ]
        );
        assert_eq!(
            of("source", USUAL, &desired)[1..],
            [
                "arn:aws:s3:::source/a/* GetObjectVersionForReplication GetObjectVersionAcl",
                "arn:aws:s3:::source/b/* GetObjectVersionForReplication GetObjectVersionAcl",
            ]
        );
        assert_eq!(
            of("destination", Wanted::All, &desired),
            [
                "arn:aws:s3:::destination/a/* ReplicateObject ReplicateDelete ReplicateTags \
                 ObjectOwnerOverrideToBucketOwner",
                "arn:aws:s3:::destination/b/* ReplicateObject ReplicateDelete ReplicateTags",
            ]
        );
        assert_eq!(
            of("destination", USUAL, &desired),
            [
                "arn:aws:s3:::destination/a/* ReplicateObject ReplicateDelete ObjectOwnerOverrideToBucketOwner",
                "arn:aws:s3:::destination/b/* ReplicateObject",
            ]
        );
        assert!(of("another", Wanted::All, &desired).is_empty());
        desired.object_lock = true;
        assert!(
            of("source", USUAL, &desired)[1].ends_with(" GetObjectRetention GetObjectLegalHold")
        );
        assert_eq!(
            of("destination", USUAL, &desired)[1],
            "arn:aws:s3:::destination/b/* ReplicateObject PutObjectRetention PutObjectLegalHold"
        );
    }

    /// See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-config-for-kms-objects.html>.
    #[test]
    fn keys_are_used_for_each_prefix_and_once_for_the_whole_bucket() {
        let (_, mut desired) = setting();
        let on =
            |what: &str, actions: &str| format!("encryption context arn:aws:s3:::{what} {actions}");
        let all = "Encrypt GenerateDataKey Decrypt";
        assert_eq!(
            of(SOURCE_KEY_ARN, Wanted::All, &desired),
            [
                on("source/a/*", "Decrypt"),
                on("source", "Decrypt"),
                on("source/b/*", "Decrypt"),
            ]
        );
        let of_replicas = [
            on("destination/a/*", all),
            on("destination", all),
            on("destination/b/*", all),
        ];
        assert_eq!(of(REPLICA_KEY_ARN, Wanted::All, &desired), of_replicas);
        assert_eq!(
            of(REPLICA_KEY_ARN, USUAL, &desired),
            [
                on("destination/a/*", "Encrypt"),
                on("destination/b/*", "Encrypt")
            ]
        );
        let with_bucket_key = Wanted::Usual { bucket_key: true };
        assert_eq!(
            of(REPLICA_KEY_ARN, with_bucket_key, &desired),
            [on("destination", all)]
        );
        assert_eq!(
            of(SOURCE_KEY_ARN, USUAL, &desired),
            [on("source/a/*", "Decrypt"), on("source/b/*", "Decrypt")]
        );
        // One key may be both sides'.
        desired.source_keys.insert(REPLICA_KEY_ARN.into());
        let both = of(REPLICA_KEY_ARN, Wanted::All, &desired);
        assert_eq!(both[..3], of_replicas);
        assert_eq!(both[3..], of(SOURCE_KEY_ARN, Wanted::All, &desired));
        let another = "arn:aws:kms:us-west-2:444455556666:key/another";
        assert!(of(another, Wanted::All, &desired).is_empty());
    }
}
