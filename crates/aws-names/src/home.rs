//! Where a function runs.

use crate::arn::Arn;

/// Partition, Region and account, read from a function's own ARN: none of them is ever written down
/// as a literal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Home {
    /// The function's partition.
    pub partition: String,
    /// The function's Region.
    pub region: String,
    /// The function's account.
    pub account: String,
}

impl Home {
    /// Reads the ARN that Lambda gives with each invocation, with or without qualifier; `None` where
    /// it is no function's.
    #[must_use]
    pub fn of_function(invoked_function_arn: &str) -> Option<Self> {
        let arn = Arn::parse(invoked_function_arn)?;
        let whole = arn.service == "lambda"
            && arn.resource.starts_with("function:")
            && !arn.region.is_empty()
            && !arn.account.is_empty();
        whole.then_some(Self {
            partition: arn.partition,
            region: arn.region,
            account: arn.account,
        })
    }

    /// The same Region of another account.
    #[must_use]
    pub fn of_account(&self, account: &str) -> Self {
        Self {
            account: account.to_owned(),
            ..self.clone()
        }
    }

    /// The ARN of a bucket in this partition.
    #[must_use]
    pub fn bucket_arn(&self, bucket: &str) -> String {
        format!("arn:{}:s3:::{bucket}", self.partition)
    }

    /// The ARN of what KMS has under this name (`key/…`, `alias/…`) in an account and Region of this
    /// partition.
    #[must_use]
    pub fn kms_arn(&self, account: &str, region: &str, name: &str) -> String {
        format!("arn:{}:kms:{region}:{account}:{name}", self.partition)
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
    fn home_comes_from_the_functions_arn_alone_with_or_without_qualifier() {
        for qualifier in ["", ":live"] {
            let arn =
                format!("arn:aws-us-gov:lambda:us-gov-west-1:111122223333:function:p{qualifier}");
            let home = Home::of_function(&arn).unwrap();
            assert_eq!(home.bucket_arn("b"), "arn:aws-us-gov:s3:::b");
            assert_eq!(
                home.key("1234abcd").to_string(),
                "arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/1234abcd"
            );
            assert_eq!(
                home.of_account("444455556666")
                    .alias("alias/a/b")
                    .to_string(),
                "arn:aws-us-gov:kms:us-gov-west-1:444455556666:alias/a/b"
            );
        }
        for text in [
            "",
            "arn:aws:lambda:us-west-2:111122223333",
            "arn:aws:lambda:us-west-2:111122223333:layer:l",
            "arn:aws:lambda::111122223333:function:f",
            "arn:aws:s3:::bucket:a:b",
        ] {
            assert_eq!(Home::of_function(text), None, "{text}");
        }
    }

    #[test]
    fn in_china_both_hosts_are_allowed() {
        let home = |partition: &str| Home {
            partition: partition.into(),
            region: "r".into(),
            account: "111122223333".into(),
        };
        assert_eq!(
            home("aws").s3_via_services("us-west-1"),
            ["s3.us-west-1.amazonaws.com"]
        );
        assert_eq!(
            home("aws-cn").s3_via_services("cn-north-1"),
            [
                "s3.cn-north-1.amazonaws.com",
                "s3.cn-north-1.amazonaws.com.cn"
            ]
        );
    }
}
