//! What is called.

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
