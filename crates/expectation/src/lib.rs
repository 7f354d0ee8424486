//! What the provisioner writes and the checker reads: which key a replica is to arrive under.
//!
//! One [`Document`] is the value of one SSM parameter, `/encrypted-replication/BUCKET/OWNER`, in the
//! account and Region of the destination bucket. What does not fit into one goes on in others
//! ([`documents`]), which are taken whole or not at all ([`whole`]).
//!
//! ```json
//! {"schema": "encrypted-replication/expectation/1", "source": "arn:aws:s3:::source", "rules": [
//!   {"id": "tax", "prefix": "Tax/", "kmsKeyArn": "arn:aws:kms:…", "priority": 2},
//!   {"id": "tax", "prefix": "Tax/", "kmsKeyArn": "arn:aws:kms:…", "until": "2026-11-27T18:00:00Z"},
//!   {"id": "old", "prefix": "Old/", "kmsKeyArn": "arn:aws:kms:…", "enabled": false, "until": "…"}
//! ]}
//! ```
//!
//! A document with `"left"` is what an owner leaves behind in a bucket of which others speak still: when it
//! left. All of its rules have an `until`. It names nothing that has to be kept, and whoever leaves the bucket
//! last takes it away.
//!
//! # What the members of a rule mean
//! - `prefix`: of the decoded keys it speaks of; left out: all.
//! - `kmsKeyArn`: a key's ARN. An alias or bare id is looked for in the account that owns the bucket.
//! - `priority`: as in the replication rule. Rules of one source, whoever owns them, are weighed by it:
//!   the highest that covers an object decides. Among rules without, the longest prefix decides. Rules
//!   of different sources do not compete: each source's word counts.
//! - `conditional`: whether the rule's filter asks for more than the prefix (tags, exclusions), which a
//!   replica's key does not tell. Such a rule leaves room for the next one: both their keys are right. The
//!   writer says the same of a rule that is still to be written to the source bucket.
//! - `enabled`: `false` for a disabled rule. It speaks only where no enabled one of any owner does, and
//!   only of objects from before its `until`; the writer gives one.
//! - `since`, `until`: when the key was right. A rule with an `until` names a key that was replaced: what
//!   was there by then under it is as it should be, nothing else is expected of it, and nothing is ever
//!   re-encrypted with it. When a key changes, the old one stays with its `until` beside the new one.
//! - `algorithm`: what the replica must show, where one kind of KMS encryption is demanded; left out:
//!   either.
//!
//! Members are left out where they say nothing, so that documents written before a member was there
//! stay as they were; members that are not known are passed over.

mod document;
mod parameter;
mod probe;
mod set;
mod time;

pub use self::document::{Algorithm, Document, ReadError, Rule, SCHEMA};
pub use self::parameter::{PARAMETERS, bucket_of};
pub use self::probe::{PROBE, is_probe};
pub use self::set::{Incomplete, documents, whole};
pub use self::time::Time;
