//! What S3 does in the replication role's name, as questions to IAM. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::actions::{
    LOCKED_REPLICA_OBJECTS, LOCKED_SOURCE_OBJECTS, REPLICA_KEY, REPLICA_OBJECTS, REPLICA_OWNER,
    SOURCE_BUCKET, SOURCE_KEY, SOURCE_OBJECTS,
};
use crate::arn::Home;
use crate::plan::Desired;
use crate::policy::Route;
use crate::ports::Access;
use crate::replication::Replication;

/// The condition key that S3's use of a key bears, see
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html#encryption-context>.
pub(super) const ENCRYPTION_CONTEXT: &str = "kms:EncryptionContext:aws:s3:arn";

/// Each is a call to IAM; beyond these the answers only repeat.
pub(super) const MOST_QUESTIONS: usize = 48;

/// All that replication of `desired` takes: one object for each way that objects take.
pub(super) fn accesses(replication: &Replication, desired: &Desired) -> Vec<Access> {
    let Replication {
        spec, home, owner, ..
    } = replication;
    let source = replication.source_arn();
    let routes = distinct(desired.routes());
    let mut accesses = vec![plain(SOURCE_BUCKET, source.clone())];
    let object = |bucket: &str, prefix: &str| format!("{bucket}/{}", owner.probe_key(prefix));
    let prefixes: BTreeSet<&str> = routes.iter().map(|route| route.prefix).collect();
    let locked = |actions: &[&'static str], locked: &[&'static str]| {
        let locked = if desired.object_lock { locked } else { &[] };
        [actions, locked].concat()
    };
    for prefix in &prefixes {
        let actions = locked(SOURCE_OBJECTS, LOCKED_SOURCE_OBJECTS);
        accesses.push(plain(&actions, object(&source, prefix)));
    }
    // With a Bucket Key the context is the bucket, without one the object.
    let first = object(&source, prefixes.first().copied().unwrap_or_default());
    for key in &desired.source_keys {
        for context in [&source, &first] {
            accesses.push(keyed(SOURCE_KEY, key, home, &spec.source_region, context));
        }
    }
    for route in &routes {
        let bucket = home.bucket_arn(route.destination_bucket);
        let replica = object(&bucket, route.prefix);
        let mut actions = locked(REPLICA_OBJECTS, LOCKED_REPLICA_OBJECTS);
        if route.owner_override {
            actions.push(REPLICA_OWNER);
        }
        accesses.push(plain(&actions, replica.clone()));
        for context in [&bucket, &replica] {
            let region = route.destination_region;
            accesses.push(keyed(REPLICA_KEY, route.replica_key, home, region, context));
        }
    }
    accesses
}

/// One route for each destination and key: prefixes are granted alike.
fn distinct(routes: Vec<Route<'_>>) -> Vec<Route<'_>> {
    let mut seen = BTreeSet::new();
    let mut distinct = routes;
    distinct.retain(|route| {
        seen.insert((
            route.destination_bucket.to_owned(),
            route.replica_key.to_owned(),
        ))
    });
    distinct
}

fn plain(actions: &[&'static str], resource: String) -> Access {
    Access {
        actions: actions.to_vec(),
        resource,
        context: BTreeMap::new(),
    }
}

fn keyed(actions: &[&'static str], key: &str, home: &Home, region: &str, context: &str) -> Access {
    Access {
        actions: actions.to_vec(),
        resource: key.to_owned(),
        context: BTreeMap::from([
            ("kms:ViaService", home.s3_via_service(region)),
            (ENCRYPTION_CONTEXT, context.to_owned()),
        ]),
    }
}
