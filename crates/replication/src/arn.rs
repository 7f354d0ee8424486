//! Amazon Resource Names, split once and compared by part.
//!
//! See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>.

use std::fmt;

/// An ARN, split into its six parts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().map(str::to_owned);
        let (prefix, partition, service) = (next()?, next()?, next()?);
        let (region, account, resource) = (next()?, next()?, next()?);
        let whole =
            prefix == "arn" && !partition.is_empty() && !service.is_empty() && !resource.is_empty();
        whole.then_some(Self {
            partition,
            service,
            region,
            account,
            resource,
        })
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

/// Where the function itself runs, read from its own ARN: no partition, account or Region is ever
/// written down as a literal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// The function's partition.
    pub partition: String,
    /// The function's Region.
    pub region: String,
    /// The function's account.
    pub account: String,
}

impl Home {
    /// Where the unit tests are.
    #[cfg(test)]
    pub(crate) fn example() -> Self {
        Self {
            partition: "aws".into(),
            region: "us-east-1".into(),
            account: "111122223333".into(),
        }
    }

    /// Reads the ARN that Lambda gives each invocation; `None` where it is no function's ARN.
    #[must_use]
    pub fn of_function(invoked_function_arn: &str) -> Option<Self> {
        let arn = Arn::parse(invoked_function_arn)?;
        (arn.service == "lambda" && !arn.region.is_empty() && !arn.account.is_empty()).then_some(
            Self {
                partition: arn.partition,
                region: arn.region,
                account: arn.account,
            },
        )
    }

    /// The ARN of a bucket in this partition.
    #[must_use]
    pub fn bucket_arn(&self, bucket: &str) -> String {
        format!("arn:{}:s3:::{bucket}", self.partition)
    }

    /// The ARN of a key or alias of KMS's in this partition.
    #[must_use]
    pub fn kms_arn(&self, account: &str, region: &str, resource: &str) -> String {
        format!("arn:{}:kms:{region}:{account}:{resource}", self.partition)
    }

    /// The host that S3 answers at in `region`, as `kms:ViaService` carries it.
    ///
    /// See <https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service>.
    #[must_use]
    pub fn s3_via_service(&self, region: &str) -> String {
        format!("s3.{region}.amazonaws.com")
    }

    /// The hosts that a policy has to allow: in China AWS does not say whether KMS sees the host with
    /// the partition's own suffix or the one of everywhere else, so there it is both.
    #[must_use]
    pub fn s3_via_services(&self, region: &str) -> Vec<String> {
        let mut hosts = vec![self.s3_via_service(region)];
        if self.partition == "aws-cn" {
            hosts.push(format!("s3.{region}.amazonaws.com.cn"));
        }
        hosts
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
    fn home_comes_from_the_function_arn_alone() {
        let home = Home::of_function("arn:aws-us-gov:lambda:us-gov-west-1:111122223333:function:p");
        let home = home.unwrap();
        assert_eq!(home.bucket_arn("b"), "arn:aws-us-gov:s3:::b");
        assert_eq!(home.region, "us-gov-west-1");
        assert_eq!(
            home.s3_via_services("us-gov-west-1"),
            ["s3.us-gov-west-1.amazonaws.com"]
        );
        let home = Home {
            partition: "aws-cn".into(),
            ..home
        };
        assert_eq!(
            home.s3_via_services("cn-north-1"),
            [
                "s3.cn-north-1.amazonaws.com",
                "s3.cn-north-1.amazonaws.com.cn"
            ]
        );
        assert_eq!(Home::of_function("arn:aws:s3:::b"), None);
    }
}
