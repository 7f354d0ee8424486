//! What went wrong with AWS, told for the person who reads the stack event.

use std::fmt;

use thiserror::Error;

use crate::fault::Faults;

/// What an AWS call's failure means to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The thing is not there.
    NotFound,
    /// The thing is already there.
    AlreadyExists,
    /// Not permitted.
    AccessDenied,
    /// The thing is in another Region than the call went to.
    WrongRegion,
    /// Something else holds on to the thing, or another operation on it is under way.
    Conflict,
    /// The request itself is refused; repeating it changes nothing.
    Invalid,
    /// Throttling, a server's fault, a timeout or a cut connection: it may have happened or not.
    Transient,
}

/// A call that failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct AwsError {
    /// The API's name, for example `PutBucketReplication`.
    pub operation: &'static str,
    /// What it was called on, for example ``bucket `source` ``.
    pub resource: String,
    /// The Region it was called in; empty for IAM.
    pub region: String,
    /// What it means.
    pub kind: ErrorKind,
    /// AWS's error code; empty where there was no answer.
    pub code: String,
    /// AWS's message, or why there was no answer.
    pub message: String,
    /// AWS's request id, for support.
    pub request_id: Option<String>,
}

impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            operation,
            resource,
            region,
            kind,
            code,
            message,
            request_id,
        } = self;
        write!(f, "{operation} on {resource}")?;
        if !region.is_empty() {
            write!(f, " in {region}")?;
        }
        match (code.is_empty(), message.is_empty()) {
            (false, false) => write!(f, " failed with {code}: {message}")?,
            (false, true) => write!(f, " failed with {code}")?,
            (true, _) => write!(f, " got no answer: {message}")?,
        }
        if let Some(id) = request_id {
            write!(f, " (request {id})")?;
        }
        let remedy = match kind {
            ErrorKind::AccessDenied => {
                "; allow it to the provisioner's role, and look for a Deny in the resource's own policy, \
                 a permissions boundary or an organisation's policy"
            }
            ErrorKind::Transient => "; AWS may be busy: repeat the stack operation",
            ErrorKind::NotFound
            | ErrorKind::AlreadyExists
            | ErrorKind::WrongRegion
            | ErrorKind::Conflict
            | ErrorKind::Invalid => "",
        };
        f.write_str(remedy)
    }
}

/// A request that could not be carried out.
#[derive(Debug, Error)]
pub enum ReplicationError {
    /// What is asked for cannot be, or not beside what is there.
    #[error(transparent)]
    Refused(#[from] Faults),
    /// An AWS call failed.
    #[error("{}{source}", .step.as_ref().map(|step| format!("while trying to {step}: ")).unwrap_or_default())]
    Aws {
        /// The step that it was part of.
        step: Option<String>,
        /// The call.
        #[source]
        source: AwsError,
    },
    /// Another writer kept replacing the configuration.
    #[error(
        "{what} of bucket `{bucket}` kept being replaced by another writer while we added ours; \
         repeat the stack operation when nothing else changes that bucket"
    )]
    LostWrites {
        /// Which configuration.
        what: &'static str,
        /// The bucket.
        bucket: String,
    },
    /// The probe shows that replication does not work.
    #[error("verification failed: {0}")]
    Unproven(String),
    /// There was not enough time.
    #[error(
        "the time of this invocation ran out while trying to {0}; repeat the stack operation, which goes on from here"
    )]
    OutOfTime(String),
}

impl From<AwsError> for ReplicationError {
    fn from(source: AwsError) -> Self {
        Self::Aws { step: None, source }
    }
}
