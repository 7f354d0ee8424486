//! What is called.

use crate::endpoint::{Kind, url};

/// A service, by what AWS's model of it says: `serviceId`, `endpointPrefix` (which is the name to sign with as well),
/// and `targetPrefix`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    /// In the names of variables such as `AWS_ENDPOINT_URL_CLOUDWATCH_LOGS`.
    pub id: &'static str,
    /// In its host's name.
    pub prefix: &'static str,
    /// Before the operation's name, in `X-Amz-Target`.
    pub target: &'static str,
}

/// What a service wants of its requests.
#[derive(Clone, Debug)]
pub(crate) struct Manner {
    /// The name that is signed with.
    pub(crate) signed_as: &'static str,
    /// Whether it is signed as S3 has it: a header has the body's digest, and the path is escaped once.
    pub(crate) as_s3: bool,
    /// In front of the host.
    pub(crate) host_prefix: Option<String>,
    /// Where the service is in a Region.
    pub(crate) url: fn(Service, &str, Kind) -> String,
}

impl Manner {
    pub(crate) const fn of_most(service: Service) -> Self {
        Self {
            signed_as: service.prefix,
            as_s3: false,
            host_prefix: None,
            url,
        }
    }
}
