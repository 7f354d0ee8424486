//! Regions that do not exist, and Regions that are switched off.
//!
//! A Region that there is not has no host: the call gets no answer. One that an account has not opted in
//! to has a host that does not know the account's credentials, see
//! <https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html>.

use replication::error::ErrorKind;

use super::Refusal;
use super::state::State;

/// As the SDK tells it, where the name of the host leads nowhere.
const NO_HOST: &str = "dispatch failure: io error: client error (Connect): dns error: failed to lookup address \
                       information: Name or service not known";
const NO_TOKEN: &str = "The security token included in the request is invalid.";

impl State {
    /// Refuses a call to a Region that cannot be reached.
    pub fn reach(&self, operation: &str, region: &str) -> Result<(), Refusal> {
        if self.no_such_regions.contains(region) {
            return Err(Refusal {
                kind: ErrorKind::Transient,
                code: "",
                message: NO_HOST.into(),
            });
        }
        if !self.regions_off.contains(region) {
            return Ok(());
        }
        // KMS and SSM, whose protocol answers 400, and S3, which knows no such access key.
        let (kind, code) = match operation {
            "DescribeKey" | "CreateKey" | "GetParametersByPath" | "PutParameter" => {
                (ErrorKind::Invalid, "UnrecognizedClientException")
            }
            _ => (ErrorKind::AccessDenied, "InvalidAccessKeyId"),
        };
        Err(Refusal {
            kind,
            code,
            message: NO_TOKEN.into(),
        })
    }
}
