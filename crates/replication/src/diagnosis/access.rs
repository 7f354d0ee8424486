//! What S3 does in the replication role's name, as questions to IAM. Pure.

use std::collections::{BTreeMap, BTreeSet};

use aws_names::{Arn, Home};

use crate::actions::{
    LOCKED_REPLICA_OBJECTS, LOCKED_SOURCE_OBJECTS, REPLICA_KEY, REPLICA_OBJECTS, REPLICA_OWNER,
    SOURCE_BUCKET, SOURCE_KEY, SOURCE_OBJECTS,
};
use crate::desired::Desired;
use crate::ports::Access;
use crate::replication::Replication;

/// The condition key that S3's use of a key bears, see
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html#encryption-context>.
pub(super) const ENCRYPTION_CONTEXT: &str = "kms:EncryptionContext:aws:s3:arn";

/// What every source object takes; its tags may be left behind.
pub(super) const USUAL_SOURCE_OBJECTS: &[&str] = &[
    "s3:GetObjectVersionForReplication",
    "s3:GetObjectVersionAcl",
];

/// The condition key that names the service by which a key is used.
pub(super) const VIA_SERVICE: &str = "kms:ViaService";

/// A question to IAM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) access: Access,
    /// What follows for some objects where it is denied; `None`: replication as a whole fails.
    pub(super) otherwise: Option<&'static str>,
}

impl Question {
    pub(super) const fn needed(access: Access) -> Self {
        Self {
            access,
            otherwise: None,
        }
    }

    pub(super) const fn for_some(otherwise: &'static str, access: Access) -> Self {
        Self {
            access,
            otherwise: Some(otherwise),
        }
    }
}

/// Each is a call to IAM, which throttles its simulator early.
pub(super) const MOST_QUESTIONS: usize = 100;

/// All that replication of `desired` takes: one object for each way that objects take. First one for each
/// destination and key, then the other prefixes: where there are too many to ask, the rest is most alike.
pub(super) fn questions(replication: &Replication, desired: &Desired) -> Vec<Question> {
    let Replication { spec, owner, .. } = replication;
    let asked = Asked {
        replication,
        desired,
    };
    let (mut first, mut more) = (
        vec![plain(SOURCE_BUCKET, replication.source_arn())],
        Vec::new(),
    );
    let routes = desired.routes();
    let (mut prefixes, mut destinations, mut ways) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let source = replication.source();
    for route in &routes {
        let (bucket, prefix) = (route.destination_bucket, route.prefix);
        let is_first = prefixes.is_empty();
        if prefixes.insert(prefix) {
            let of_source = if is_first { &mut first } else { &mut more };
            of_source.push(asked.objects(
                SOURCE_OBJECTS,
                LOCKED_SOURCE_OBJECTS,
                source.name,
                prefix,
            ));
            for key in &desired.source_keys {
                let object = owner.probe_key(prefix);
                if is_first {
                    of_source.push(asked.key(
                        SOURCE_KEY,
                        key,
                        &spec.source_region,
                        (source.name, None),
                    ));
                }
                of_source.push(asked.key(
                    SOURCE_KEY,
                    key,
                    &spec.source_region,
                    (source.name, Some(&object)),
                ));
            }
        }
        if !ways.insert((bucket, route.replica_key, prefix, route.owner_override)) {
            continue;
        }
        let is_first = destinations.insert((bucket, route.replica_key));
        let of_route = if is_first { &mut first } else { &mut more };
        let mut replicas = asked.objects(REPLICA_OBJECTS, LOCKED_REPLICA_OBJECTS, bucket, prefix);
        if route.owner_override {
            replicas.actions.push(REPLICA_OWNER);
        }
        of_route.push(replicas);
        let (key, region, object) = (
            route.replica_key,
            route.destination_region,
            owner.probe_key(prefix),
        );
        if is_first {
            of_route.push(asked.key(REPLICA_KEY, key, region, (bucket, None)));
        }
        of_route.push(asked.key(REPLICA_KEY, key, region, (bucket, Some(&object))));
    }
    first.append(&mut more);
    // Of a key that is still to be made nothing is allowed yet.
    first.retain(|access| {
        let key = Arn::parse(&access.resource).is_some_and(|arn| arn.is_kms_alias());
        !key
    });
    first.into_iter().map(Question::needed).collect()
}

/// What the questions are about.
struct Asked<'a> {
    replication: &'a Replication,
    desired: &'a Desired,
}

impl Asked<'_> {
    fn objects(
        &self,
        actions: &[&'static str],
        locked: &[&'static str],
        bucket: &str,
        prefix: &str,
    ) -> Access {
        let Replication { home, owner, .. } = self.replication;
        let locked = if self.desired.object_lock {
            locked
        } else {
            &[]
        };
        let object = format!("{}/{}", home.bucket_arn(bucket), owner.probe_key(prefix));
        plain(&[actions, locked].concat(), object)
    }

    fn key(
        &self,
        actions: &[&'static str],
        key: &str,
        region: &str,
        of: (&str, Option<&str>),
    ) -> Access {
        key_access(&self.replication.home, actions, (key, region), of)
    }
}

/// Use of a key in `region`. With a Bucket Key the context is the bucket, without one the object.
pub(super) fn key_access(
    home: &Home,
    actions: &[&'static str],
    (key, region): (&str, &str),
    (bucket, object): (&str, Option<&str>),
) -> Access {
    let bucket = home.bucket_arn(bucket);
    let context = object.map_or_else(|| bucket.clone(), |object| format!("{bucket}/{object}"));
    Access {
        actions: actions.to_vec(),
        resource: key.to_owned(),
        context: BTreeMap::from([
            (VIA_SERVICE, home.s3_via_service(region)),
            (ENCRYPTION_CONTEXT, context),
        ]),
    }
}

pub(super) fn plain(actions: &[&'static str], resource: String) -> Access {
    Access {
        actions: actions.to_vec(),
        resource,
        context: BTreeMap::new(),
    }
}
