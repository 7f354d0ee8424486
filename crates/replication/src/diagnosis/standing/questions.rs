//! What S3 does in the role's name by rules as they stand, as questions to IAM: what it surely needs, and
//! what it needs for some objects only. Pure.

use std::collections::BTreeSet;

use super::look::Seen;
use crate::actions::{
    LOCKED_REPLICA_OBJECTS, LOCKED_SOURCE_OBJECTS, REPLICA_OWNER, SOURCE_ANNOTATIONS,
    SOURCE_BUCKET, SOURCE_KEY,
};
use crate::configuration::{ReplicationRule, Status};
use crate::desired::Desired;
use crate::diagnosis::access::{Question, key_access, plain};
use crate::replication::Replication;

const TAGS: &str = "objects with tags fail";
const ANNOTATIONS: &str = "annotations stay behind";
const BUCKET_KEY: &str = "objects that are uploaded with an S3 Bucket Key fail";
const NO_BUCKET_KEY: &str = "objects that are uploaded without an S3 Bucket Key fail";

/// With a key of a replica: where no S3 Bucket Key is used, and where one is.
const ENCRYPT: &[&str] = &["kms:Encrypt"];
const BUCKET_KEYS: &[&str] = &["kms:Encrypt", "kms:GenerateDataKey", "kms:Decrypt"];

/// An object under a prefix, as an example.
fn example(prefix: &str) -> String {
    format!("{prefix}object")
}

pub(super) fn questions(
    replication: &Replication,
    desired: &Desired,
    seen: &Seen,
) -> Vec<Question> {
    let asking = Asking {
        replication,
        desired,
        seen,
    };
    let source = replication.source_arn();
    let (mut first, mut more) = (
        vec![Question::needed(plain(SOURCE_BUCKET, source))],
        Vec::new(),
    );
    let (mut prefixes, mut keys, mut destinations) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for rule in &desired.rules {
        let prefix = rule.filter_prefix();
        let to = if prefixes.is_empty() {
            &mut first
        } else {
            &mut more
        };
        if prefixes.insert(prefix) {
            to.extend(asking.source_objects(prefix));
        }
        if rule.sse_kms_encrypted_objects == Some(Status::Enabled) && keys.insert(prefix) {
            to.extend(asking.source_keys(prefix));
        }
        let to = if destinations.insert(&rule.destination.bucket) {
            &mut first
        } else {
            &mut more
        };
        to.extend(asking.replicas(rule));
    }
    first.append(&mut more);
    let mut asked = Vec::new();
    for question in first {
        if !asked.contains(&question) {
            asked.push(question);
        }
    }
    asked
}

struct Asking<'a> {
    replication: &'a Replication,
    desired: &'a Desired,
    seen: &'a Seen,
}

impl Asking<'_> {
    fn object(&self, bucket: &str, prefix: &str) -> String {
        format!(
            "{}/{}",
            self.replication.home.bucket_arn(bucket),
            example(prefix)
        )
    }

    fn locks(&self, actions: &'static [&'static str]) -> &'static [&'static str] {
        if self.desired.object_lock {
            actions
        } else {
            &[]
        }
    }

    fn source_objects(&self, prefix: &str) -> Vec<Question> {
        const NEEDED: &[&str] = &[
            "s3:GetObjectVersionForReplication",
            "s3:GetObjectVersionAcl",
        ];
        let object = self.object(self.replication.source().name, prefix);
        let needed = [NEEDED, self.locks(LOCKED_SOURCE_OBJECTS)].concat();
        vec![
            Question::needed(plain(&needed, object.clone())),
            Question::for_some(TAGS, plain(&["s3:GetObjectVersionTagging"], object.clone())),
            Question::for_some(ANNOTATIONS, plain(&[SOURCE_ANNOTATIONS], object)),
        ]
    }

    fn source_keys(&self, prefix: &str) -> Vec<Question> {
        let replication = self.replication;
        let (source, region) = (replication.source(), &replication.spec.source_region);
        let with_bucket_key = self.seen.source.uses_bucket_key().unwrap_or_default();
        let object = example(prefix);
        let keys = self.desired.source_keys.iter();
        let questions = keys.flat_map(|key| {
            let in_context = |object| {
                key_access(
                    &replication.home,
                    SOURCE_KEY,
                    (key, region),
                    (source.name, object),
                )
            };
            [
                usual(with_bucket_key, in_context(None), BUCKET_KEY),
                usual(!with_bucket_key, in_context(Some(&object)), NO_BUCKET_KEY),
            ]
        });
        questions.collect()
    }

    fn replicas(&self, rule: &ReplicationRule) -> Vec<Question> {
        let replication = self.replication;
        let (bucket, prefix) = (rule.destination.bucket_name(), rule.filter_prefix());
        let object = self.object(bucket, prefix);
        let mut needed = vec!["s3:ReplicateObject"];
        if rule.delete_marker_replication == Some(Status::Enabled) {
            needed.push("s3:ReplicateDelete");
        }
        if rule.destination.owner_override.is_some() {
            needed.push(REPLICA_OWNER);
        }
        needed.extend(self.locks(LOCKED_REPLICA_OBJECTS));
        let mut questions = vec![
            Question::needed(plain(&needed, object.clone())),
            Question::for_some(TAGS, plain(&["s3:ReplicateTags"], object)),
        ];
        let region = self.desired.regions.get(bucket);
        let (Some(key), Some(region)) = (&rule.destination.replica_kms_key_id, region) else {
            return questions;
        };
        // The replica keeps the source object's setting, see
        // <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html>.
        let with_bucket_key = self.seen.source.uses_bucket_key().unwrap_or_default();
        let example = example(prefix);
        let asked = |actions, object| {
            key_access(&replication.home, actions, (key, region), (bucket, object))
        };
        questions.extend([
            usual(with_bucket_key, asked(BUCKET_KEYS, None), BUCKET_KEY),
            usual(
                !with_bucket_key,
                asked(ENCRYPT, Some(&example)),
                NO_BUCKET_KEY,
            ),
        ]);
        questions
    }
}

/// Needed by what is uploaded as usual, or else by some objects.
fn usual(is_usual: bool, access: crate::ports::Access, otherwise: &'static str) -> Question {
    if is_usual {
        Question::needed(access)
    } else {
        Question::for_some(otherwise, access)
    }
}
