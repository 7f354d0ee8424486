//! Amazon Resource Names, as far as the AWS in memory reads them. Its own: what is under test has another.

/// An ARN in its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name<'a> {
    pub service: &'a str,
    pub account: &'a str,
    pub resource: &'a str,
}

impl<'a> Name<'a> {
    /// `None` where it is no ARN.
    pub fn of(arn: &'a str) -> Option<Self> {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        match parts[..] {
            ["arn", partition, service, _, account, resource]
                if !partition.is_empty() && !service.is_empty() && !resource.is_empty() =>
            {
                Some(Self {
                    service,
                    account,
                    resource,
                })
            }
            _ => None,
        }
    }

    /// A bucket's name.
    pub fn bucket(&self) -> Option<&'a str> {
        let plain = !self.resource.contains(['/', ':', '*']);
        (self.service == "s3" && self.account.is_empty() && plain).then_some(self.resource)
    }

    /// A role's name, without its path.
    pub fn role(&self) -> Option<&'a str> {
        let path = self.resource.strip_prefix("role/")?;
        let name = path.rsplit('/').next().filter(|name| !name.is_empty());
        name.filter(|_| self.service == "iam" && !path.contains(['*', '?', '$']))
    }
}

/// The bucket that an ARN names.
pub fn bucket_of(arn: &str) -> Option<&str> {
    Name::of(arn)?.bucket()
}

/// The role that an ARN names.
pub fn role_of(arn: &str) -> Option<&str> {
    Name::of(arn)?.role()
}
