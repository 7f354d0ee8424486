//! What went wrong with AWS, told for the person who reads the stack event.

use std::fmt;

use thiserror::Error;

use crate::fault::Faults;
use crate::step::Step;

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

impl AwsError {
    /// Whether waiting cannot mend it: a quota, a request that AWS never takes, or somebody else's fault.
    #[must_use]
    pub fn is_final(&self) -> bool {
        const CODES: [&str; 17] = [
            "AccountProblem",
            "BucketAlreadyExists",
            "EntityTooLarge",
            "InvalidBucketName",
            "InvalidLocationConstraint",
            "InvalidTag",
            "KeyTooLongError",
            "LimitExceeded",
            "LimitExceededException",
            "MalformedXML",
            "ParameterLimitExceeded",
            "ParameterMaxVersionLimitExceeded",
            "PolicyTooLarge",
            "ServiceQuotaExceededException",
            "TagException",
            "TooManyBuckets",
            "ValidationException",
        ];
        // Of codes that are given for many things.
        const MESSAGES: [&str; 2] = [UNREACHABLE_TARGET, LOCKOUT];
        CODES.contains(&self.code.as_str())
            || MESSAGES.iter().any(|part| self.message.contains(part))
    }

    /// Whether the call's Region does not exist, or is switched off for the account: no host has its name,
    /// or one that does not know the account's credentials, with which others have just answered. See
    /// <https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html>.
    #[must_use]
    pub fn is_of_no_region(&self) -> bool {
        const UNKNOWN_THERE: [&str; 6] = [
            "AuthFailure",
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "InvalidToken",
            "OptInRequired",
            "UnrecognizedClientException",
        ];
        // As the resolvers of Linux and macOS say that there is no such name; what may pass they call
        // temporary.
        const NO_SUCH_HOST: [&str; 4] = [
            "Name or service not known",
            "No address associated with hostname",
            "nodename nor servname provided",
            "No such host",
        ];
        let answered = !self.code.is_empty();
        !self.region.is_empty()
            && if answered {
                UNKNOWN_THERE.contains(&self.code.as_str())
            } else {
                NO_SUCH_HOST.iter().any(|text| self.message.contains(text))
            }
    }

    /// Whether nobody can tell by this answer what is there: it is denied, the name is one that AWS takes
    /// for nothing, or there is no such Region.
    #[must_use]
    pub(crate) fn hides_what_is_there(&self) -> bool {
        matches!(self.kind, ErrorKind::AccessDenied | ErrorKind::Invalid) || self.is_of_no_region()
    }
}

/// S3 of a notification whose target it may not send to.
const UNREACHABLE_TARGET: &str = "validate the following destination configurations";
/// KMS of a policy that would leave the caller out.
const LOCKOUT: &str = "update the key policy in the future";

impl AwsError {
    /// What was called on what, and what AWS answered: without the advice, which is for whoever installs the
    /// provisioner.
    #[must_use]
    pub fn answer(&self) -> impl fmt::Display {
        fmt::from_fn(|f| self.write_answer(f))
    }

    fn write_answer(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            operation,
            resource,
            region,
            kind: _,
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
        Ok(())
    }
}

impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_answer(f)?;
        f.write_str(&self.remedy())
    }
}

impl AwsError {
    /// What to do, as the end of a sentence; empty where AWS's own message says it.
    fn remedy(&self) -> String {
        const ALLOW: &str = "allow it to the provisioner's role, and look for a Deny in the resource's own policy, a \
             permissions boundary or an organisation's policy";
        match self.kind {
            _ if self.message.contains(UNREACHABLE_TARGET) => {
                "; S3 sees to every target of the bucket's notifications, other people's too: let S3 send to the one \
                 that is named, or remove its notification"
                    .to_owned()
            }
            _ if self.message.contains(LOCKOUT) => {
                "; the key's policy must let the account's IAM policies, or the role that acts here, put another policy"
                    .to_owned()
            }
            // Names of buckets are shared by all accounts, and S3 says no more of a stranger's than this.
            ErrorKind::AccessDenied if self.resource.starts_with("bucket `") => format!(
                "; the bucket may be another account's, as each name is there once for all: then take another name. If \
                 it is yours, {ALLOW}"
            ),
            ErrorKind::AccessDenied => format!("; {ALLOW}"),
            ErrorKind::Transient if self.has_no_host() => format!(
                "; there is no such host: is Region `{}` spelt right, and is there the service in it?",
                self.region
            ),
            ErrorKind::Transient => "; AWS may be busy: repeat the stack operation".to_owned(),
            ErrorKind::Invalid if self.is_unknown_there() => format!(
                "; where the same call works in other Regions, {} is switched off in the account: an administrator \
                 can enable it (account:EnableRegion)",
                self.region
            ),
            ErrorKind::NotFound
            | ErrorKind::AlreadyExists
            | ErrorKind::WrongRegion
            | ErrorKind::Conflict
            | ErrorKind::Invalid => String::new(),
        }
    }

    /// Whether the Region's own host could not be found. IAM has none.
    fn has_no_host(&self) -> bool {
        let message = self.message.to_lowercase();
        let unknown = [
            "dns error",
            "failed to lookup address",
            "name or service not known",
        ];
        self.code.is_empty()
            && !self.region.is_empty()
            && unknown.iter().any(|words| message.contains(words))
    }

    /// Whether AWS does not know our credentials there, as in a Region that is not enabled. See
    /// <https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html>.
    fn is_unknown_there(&self) -> bool {
        let codes = [
            "InvalidClientTokenId",
            "UnrecognizedClientException",
            "InvalidAccessKeyId",
            "AuthFailure",
        ];
        !self.region.is_empty() && codes.contains(&self.code.as_str())
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
        step: Option<Box<Step>>,
        /// The call.
        #[source]
        source: AwsError,
    },
    /// Something reads back otherwise than it was written, however often that was.
    #[error(
        "the replication of bucket `{bucket}` is not as it was written, however often that was; not done yet: {}. Repeat \
         the stack operation; if that does not help, see in CloudTrail who else writes it", .undone.join("; ")
    )]
    Unfinished {
        /// The source bucket.
        bucket: String,
        /// Each step that is not done, with what reads back.
        undone: Vec<String>,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn error(resource: &str, kind: ErrorKind, code: &str, message: &str) -> String {
        AwsError {
            operation: "HeadBucket",
            resource: resource.into(),
            region: "us-north-9".into(),
            kind,
            code: code.into(),
            message: message.into(),
            request_id: None,
        }
        .to_string()
    }

    #[test]
    fn the_likeliest_reason_comes_first() {
        let denied = error("bucket `tax`", ErrorKind::AccessDenied, "HTTP 403", "");
        let (stranger, ours) = denied.split_once("If it is yours, ").unwrap();
        assert!(stranger.ends_with("; the bucket may be another account's, as each name is there once for all: then take another name. "));
        assert!(ours.starts_with("allow it to the provisioner's role"));
        let denied = error(
            "key `k`",
            ErrorKind::AccessDenied,
            "AccessDeniedException",
            "no",
        );
        assert!(
            denied.contains("no; allow it to the provisioner's role"),
            "{denied}"
        );
        let lost = error(
            "bucket `tax`",
            ErrorKind::Transient,
            "",
            "dispatch failure: dns error: failed to lookup address",
        );
        assert!(lost.ends_with("; there is no such host: is Region `us-north-9` spelt right, and is there the service in it?"), "{lost}");
        let busy = error("bucket `tax`", ErrorKind::Transient, "SlowDown", "");
        assert!(
            busy.ends_with("; AWS may be busy: repeat the stack operation"),
            "{busy}"
        );
        let cut = error("bucket `tax`", ErrorKind::Transient, "", "connection reset");
        assert!(
            cut.ends_with("; AWS may be busy: repeat the stack operation"),
            "{cut}"
        );
        let off = error(
            "key `k`",
            ErrorKind::Invalid,
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        );
        assert!(
            off.contains("us-north-9 is switched off in the account"),
            "{off}"
        );
    }
}
