//! Why a command could not look, for whoever typed it: what was attempted, on what, in whose name, what AWS
//! answered, what to do.

use std::fmt;
use std::io;

use replication::error::{AwsError, ErrorKind};

use crate::calls::{permissions_of, policy_of};

/// Why a command could not look.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// What was typed, or a file that it names, asks for something that cannot be.
    #[error("{0}")]
    Asked(String),
    /// There is no way to AWS: no credentials, or no Region.
    #[error("{0}")]
    NoWay(String),
    /// A call to AWS failed.
    #[error("{0}")]
    Aws(Box<Refused>),
    /// It could look at a part only.
    #[error("{0}")]
    Incomplete(String),
    /// What was found could not be written.
    #[error("cannot write what was found: {0}")]
    Output(#[from] io::Error),
}

impl Failure {
    /// Whether nobody reads any more.
    #[must_use]
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// In whose name a call was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// The profile, where one was named.
    pub profile: Option<String>,
    /// The account; empty where AWS did not say.
    pub account: String,
    /// The caller's ARN; empty where AWS did not say.
    pub arn: String,
}

/// A line for each thing that is known.
impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            profile,
            account,
            arn,
        } = self;
        if let Some(profile) = profile {
            write!(f, "\n  profile: {profile}")?;
        }
        if !account.is_empty() {
            write!(f, "\n  account: {account}")?;
        }
        if !arn.is_empty() {
            write!(f, "\n  as:      {arn}")?;
        }
        Ok(())
    }
}

/// A call that failed, and who made it.
#[derive(Debug)]
pub struct Refused {
    /// The call.
    pub error: AwsError,
    /// Who made it.
    pub caller: Caller,
}

impl Refused {
    /// What to do about it, where that follows from AWS's answer.
    fn remedy(&self) -> Option<String> {
        let error = &self.error;
        match error.kind {
            ErrorKind::AccessDenied => {
                let permissions = permissions_of(error.operation).join(" and ");
                (!permissions.is_empty()).then(|| {
                    format!(
                        "{permissions} on {} is missing; docs/{} has all that this command needs",
                        error.resource,
                        policy_of(error.operation)
                    )
                })
            }
            _ if error.is_of_no_region() => Some(
                "see whether the Region is spelt right, and switched on for the account".to_owned(),
            ),
            ErrorKind::WrongRegion => Some("name the Region by --region".to_owned()),
            ErrorKind::Transient => Some("repeat the command".to_owned()),
            _ => None,
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.error.answer(), self.caller)?;
        if let Some(remedy) = self.remedy() {
            write!(f, "\n  to do:   {remedy}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denied() -> AwsError {
        AwsError {
            operation: "GetBucketReplication",
            resource: "bucket `tax-documents`".into(),
            region: "eu-west-1".into(),
            kind: ErrorKind::AccessDenied,
            code: "AccessDenied".into(),
            message: "Access Denied".into(),
            request_id: None,
        }
    }

    #[test]
    fn a_refusal_names_profile_account_region_call_and_permission() {
        let caller = Caller {
            profile: Some("audit".into()),
            account: "111122223333".into(),
            arn: "arn:aws:sts::111122223333:assumed-role/Audit/me".into(),
        };
        let error = denied();
        let told = Failure::Aws(Box::new(Refused { error, caller })).to_string();
        let parts = [
            "audit",
            "111122223333",
            "eu-west-1",
            "GetBucketReplication",
            "tax-documents",
            "s3:GetReplicationConfiguration",
        ];
        for part in parts {
            assert!(told.contains(part), "{part}: {told}");
        }
    }

    #[test]
    fn a_closed_pipe_is_told_from_a_full_disk() {
        let of = |kind| Failure::Output(io::Error::from(kind)).is_closed_pipe();
        assert!(of(io::ErrorKind::BrokenPipe));
        assert!(!of(io::ErrorKind::StorageFull));
    }
}
