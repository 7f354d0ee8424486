//! Amazon Resource Names, split once and compared by part.
//!
//! See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>.

use std::fmt;

use crate::names::{is_account_id, is_plain};

/// An ARN, split into its six parts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Arn {
    /// `aws`, `aws-cn`, `aws-us-gov`, …
    pub partition: String,
    /// `s3`, `kms`, `iam`, …
    pub service: String,
    /// Empty for global services.
    pub region: String,
    /// Twelve digits; empty for S3 buckets.
    pub account: String,
    /// All that follows the fifth colon, for example `key/1234abcd-…`.
    pub resource: String,
}

impl Arn {
    /// Splits `text`; `None` where it is no ARN.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let [partition, service, region, account, resource] = Self::split(text)?.map(str::to_owned);
        Some(Self {
            partition,
            service,
            region,
            account,
            resource,
        })
    }

    /// The five parts after `arn:`, in their order.
    pub(crate) fn split(text: &str) -> Option<[&str; 5]> {
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next();
        let (prefix, partition, service) = (next()?, next()?, next()?);
        let (region, account, resource) = (next()?, next()?, next()?);
        let whole =
            prefix == "arn" && !partition.is_empty() && !service.is_empty() && !resource.is_empty();
        whole.then_some([partition, service, region, account, resource])
    }

    /// The twelve digits of the account that owns it; `None` for what bears none, such as a bucket.
    #[must_use]
    pub fn account_id(&self) -> Option<&str> {
        is_account_id(&self.account).then_some(self.account.as_str())
    }

    /// The bucket's name, where this is the ARN of an S3 bucket (not of an object or access point).
    #[must_use]
    pub fn bucket_name(&self) -> Option<&str> {
        let bucket = self.service == "s3"
            && self.region.is_empty()
            && self.account.is_empty()
            && !self.resource.contains(['/', ':', '*']);
        bucket.then_some(self.resource.as_str())
    }

    /// Whether this stands for more than one resource in a policy.
    #[must_use]
    pub fn is_pattern(&self) -> bool {
        self.resource.contains(['*', '?', '$'])
    }

    /// Whether this names a KMS key (`key/…`) rather than an alias.
    #[must_use]
    pub fn is_kms_key(&self) -> bool {
        self.service == "kms" && self.resource.starts_with("key/")
    }

    /// Whether this names a KMS alias (`alias/…`).
    #[must_use]
    pub fn is_kms_alias(&self) -> bool {
        self.service == "kms" && self.resource.starts_with("alias/")
    }

    /// Whether this names a managed policy of IAM's (`policy/…`), which can be a permissions boundary.
    #[must_use]
    pub fn is_iam_policy(&self) -> bool {
        self.service == "iam" && self.resource.starts_with("policy/") && !self.is_pattern()
    }

    /// Whether this names an event bus (`event-bus/…`).
    #[must_use]
    pub fn is_event_bus(&self) -> bool {
        self.service == "events"
            && !self.region.is_empty()
            && self.account_id().is_some()
            && self
                .resource
                .strip_prefix("event-bus/")
                .is_some_and(|name| is_plain(name, 256))
    }

    /// The role's name without its path, where this is the ARN of an IAM role.
    #[must_use]
    pub fn role_name(&self) -> Option<&str> {
        let role = self
            .resource
            .strip_prefix("role/")
            .filter(|_| self.service == "iam" && !self.is_pattern())?;
        role.rsplit('/').next().filter(|name| !name.is_empty())
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            partition,
            service,
            region,
            account,
            resource,
        } = self;
        write!(f, "arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_splits_into_its_parts_and_prints_as_it_was() {
        let text = "arn:aws-cn:kms:cn-north-1:111122223333:key/1234abcd:odd";
        let arn = Arn::parse(text).unwrap();
        assert_eq!(arn.partition, "aws-cn");
        assert_eq!(arn.resource, "key/1234abcd:odd");
        assert!(arn.is_kms_key() && !arn.is_kms_alias());
        assert_eq!(arn.to_string(), text);
    }

    #[test]
    fn what_is_no_arn_is_refused() {
        for text in [
            "",
            "destination",
            "arn:aws:s3",
            "arn:aws:s3:::",
            "urn:aws:s3:::b",
        ] {
            assert_eq!(Arn::parse(text), None, "{text}");
        }
    }

    #[test]
    fn only_a_bucket_has_a_bucket_name() {
        let name = |text| Arn::parse(text).and_then(|arn| arn.bucket_name().map(str::to_owned));
        assert_eq!(
            name("arn:aws:s3:::destination").as_deref(),
            Some("destination")
        );
        assert_eq!(name("arn:aws:s3:::destination/key"), None);
        assert_eq!(
            name("arn:aws:s3:us-east-1:111122223333:accesspoint/a"),
            None
        );
        assert_eq!(name("arn:aws:sqs:::destination"), None);
    }

    #[test]
    fn a_role_is_known_by_the_last_part_of_its_path() {
        let arn = Arn::parse("arn:aws:iam::111122223333:role/service-role/a/replication").unwrap();
        assert_eq!(arn.role_name(), Some("replication"));
    }

    #[test]
    fn an_event_bus_has_region_and_account() {
        let bus = |text| Arn::parse(text).unwrap().is_event_bus();
        assert!(bus(
            "arn:aws-cn:events:cn-north-1:111122223333:event-bus/security.findings_1"
        ));
        assert!(!bus("arn:aws:events:us-west-2:111122223333:rule/r"));
        assert!(!bus("arn:aws:events:us-west-2:1:event-bus/b"));
        assert!(!bus("arn:aws:events::111122223333:event-bus/b"));
    }

    #[test]
    fn only_twelve_digits_are_an_account() {
        let account = |text| Arn::parse(text).unwrap().account_id().map(str::to_owned);
        assert_eq!(
            account("arn:aws:kms:us-west-2:111122223333:key/1").as_deref(),
            Some("111122223333")
        );
        assert_eq!(account("arn:aws:kms:us-west-2::key/1"), None);
        assert_eq!(account("arn:aws:kms:us-west-2:1234:key/1"), None);
    }
}
