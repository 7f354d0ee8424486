//! What happened to objects: for those who listen, and for those who judge from outside.

use tokio::time::Instant;

use super::things::Version;

/// Something that a replication depends on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    Bucket(String),
    Versioning(String),
    DefaultEncryption(String),
    BucketPolicy(String),
    /// Of the source bucket.
    Rules(String),
    Role(String),
    Trust(String),
    RolePolicies(String),
    /// Its state, by ARN.
    Key(String),
    KeyPolicy(String),
}

/// Why an object was not replicated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    pub what: Thing,
    /// What it refused, or what is the matter with it.
    pub why: String,
}

impl Stop {
    pub fn at(what: Thing, why: &str) -> Self {
        Self {
            what,
            why: why.to_owned(),
        }
    }
}

/// How a replica came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// The source bucket.
    pub source: String,
    /// The rule's id.
    pub rule: String,
}

/// Something that happened to an object.
#[derive(Clone, Debug)]
pub enum News {
    /// It is there.
    Object {
        bucket: String,
        region: String,
        account: String,
        version: Version,
        /// For a replica.
        carried: Option<Carried>,
        /// Whether EventBridge hears of it.
        heard: bool,
        at: Instant,
    },
    /// It did not reach one of its destinations.
    Failure {
        source: String,
        region: String,
        version: Version,
        rule: String,
        /// ARN of the bucket.
        destination: String,
        stop: Stop,
        /// ARNs of the queues that S3 tells.
        queues: Vec<String>,
        at: Instant,
    },
}
