//! What the verdicts leave for an auditor: how the lake is laid out, its table and saved queries, and the
//! chain of signed digests that shows whether it is whole. Pure, but for `aws` behind the feature of that name:
//! no SDK client, no I/O.
//!
//! # Layout
//!
//! One bucket, which `evidence.yaml` makes:
//!
//! | keys | hold |
//! |---|---|
//! | `verdicts/account=A/region=R/bucket=B/day=YYYY-MM-DD/….parquet` | verdict lines, by the bucket that they are about and the day (UTC) of their `time`: [`Partition`] |
//! | `digests/YYYY/MM/DD.json` | what was written on that day, signed: [`digest_key`] |
//! | `errors/…` | what Data Firehose could not deliver as a verdict |
//! | `sweeps/YYYY/MM/DD/….json` | which replicas had no verdict, and what came of looking at them: [`asking::Sweep`] |
//!
//! # Digests
//!
//! The digest of a day lists every object version below `verdicts/` that S3 dates to that day (UTC,
//! `LastModified`), whatever partition it is in: verdicts that are told or delivered late stand in the
//! digest of the day that they were written on. A multipart upload bears the time when it began; one that
//! ended after its day was sealed stands in the next day's digest. The first digest of a lake lists all that
//! was there before as well. A day on which nothing was written has a digest with no object.
//!
//! A digest's file holds the [`Digest`] and its signature, so that both are there or neither is:
//!
//! ```json
//! {"schema":"encrypted-replication/signed-digest/1","digest":{…},"signature":{"algorithm":"ECDSA_SHA_256","value":"BASE64"}}
//! ```
//!
//! What is signed is the member `digest`, byte for byte as it stands in the file. `value` is what KMS answers:
//! ECDSA on P-256 over SHA-256, in DER, in Base64; which key, the digest says itself. So the public key alone is enough:
//!
//! ```console
//! $ jq -cj .digest 27.json > digest
//! $ jq -j .signature.value 27.json | base64 --decode > signature
//! $ openssl dgst -sha256 -verify public.pem -signature signature digest
//! Verified OK
//! ```
//!
//! Each digest names the file of the one before it by key and SHA-256 ([`Previous`]): over all bytes of that
//! file, signature included. [`Chain`] holds that against what is there and names what is flipped, missing,
//! extra or out of order ([`Fault`]).

pub mod asking;
#[cfg(feature = "aws")]
pub mod aws;
mod chain;
mod column;
mod day;
mod digest;
mod fault;
mod file;
mod hash;
mod inventory;
mod layout;
pub mod posture;
pub mod queries;
pub mod seal;
mod statement;
#[cfg(test)]
mod template;

pub use self::chain::{Chain, Found, Outcome};
pub use self::column::{COLUMNS, Column, LOOKS, MEMBERS, Member, PARTITIONS, TABLE};
pub use self::day::{Day, NoDay};
pub(crate) use self::digest::mark;
pub use self::digest::{Digest, Lake, Object, Previous, SCHEMA};
pub use self::fault::Fault;
pub use self::file::{ALGORITHM, FILE_SCHEMA, NotRead, Signature, SignedDigest};
pub use self::hash::{Hash, Hasher, NoHash};
pub use self::inventory::Inventories;
pub use self::layout::{
    DIGESTS, ERRORS, Partition, SWEEPS, VERDICTS, day_of_digest, digest_key, sweep_key,
};
pub use self::statement::{SIGNED_STATEMENT_SCHEMA, STATEMENT_SCHEMA, SignedStatement, Statement};
