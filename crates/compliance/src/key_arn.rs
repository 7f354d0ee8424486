//! How a KMS key is named, and when two names mean one key.
//!
//! A key may be written as a key ARN, an alias ARN, a bare key id or an alias name. S3 answers with
//! the key's ARN. Names are compared by part, never as strings: a multi-Region key has the same id
//! in every Region, and is still another key in each as far as S3 is concerned.
//!
//! See <https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#key-id> and
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-config-for-kms-objects.html>.

use std::fmt;

/// A key's ARN in its parts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyArn {
    /// `aws`, `aws-cn`, `aws-us-gov`, …
    pub partition: String,
    /// The Region the key lives in.
    pub region: String,
    /// The account that owns it.
    pub account: String,
    /// The key id; starts with `mrk-` for a multi-Region key.
    pub id: String,
}

impl KeyArn {
    /// Whether the key is one of a set of multi-Region keys.
    #[must_use]
    pub fn is_multi_region(&self) -> bool {
        self.id.starts_with("mrk-")
    }
}

impl fmt::Display for KeyArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            partition,
            region,
            account,
            id,
        } = self;
        write!(f, "arn:{partition}:kms:{region}:{account}:key/{id}")
    }
}

/// A key's name as somebody wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeyName {
    /// `arn:…:key/…`: says all by itself.
    Arn(KeyArn),
    /// `1234abcd-…` or `mrk-…`: a key of the caller's account and Region.
    Id(String),
    /// `alias/…` or `arn:…:alias/…`: only KMS knows the key.
    Alias(String),
}

/// A text that names no KMS key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the ARN of a KMS key or alias, a key id or an alias name")]
pub struct KeyNameError;

impl KeyName {
    /// Reads a name.
    ///
    /// # Errors
    /// Where the text is none of the four forms.
    pub fn parse(text: &str) -> Result<Self, KeyNameError> {
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(KeyNameError);
        }
        if let Some(rest) = text.strip_prefix("arn:") {
            return Self::parse_arn(text, rest);
        }
        match text.strip_prefix("alias/") {
            Some("") => Err(KeyNameError),
            Some(_) => Ok(Self::Alias(text.to_owned())),
            None if is_key_id(text) => Ok(Self::Id(text.to_owned())),
            None => Err(KeyNameError),
        }
    }

    fn parse_arn(text: &str, rest: &str) -> Result<Self, KeyNameError> {
        let mut parts = rest.splitn(5, ':');
        let mut part = || {
            parts
                .next()
                .filter(|part| !part.is_empty())
                .ok_or(KeyNameError)
        };
        let (partition, service, region) = (part()?, part()?, part()?);
        let (account, resource) = (part()?, part()?);
        if service != "kms" {
            return Err(KeyNameError);
        }
        match resource.split_once('/') {
            Some(("key", id)) if is_key_id(id) => Ok(Self::Arn(KeyArn {
                partition: partition.to_owned(),
                region: region.to_owned(),
                account: account.to_owned(),
                id: id.to_owned(),
            })),
            Some(("alias", name)) if !name.is_empty() => Ok(Self::Alias(text.to_owned())),
            _ => Err(KeyNameError),
        }
    }

    /// Whether KMS has to be asked which key this is.
    #[must_use]
    pub fn is_alias(&self) -> bool {
        matches!(self, Self::Alias(_))
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arn(arn) => arn.fmt(f),
            Self::Id(text) | Self::Alias(text) => f.write_str(text),
        }
    }
}

/// Letters, digits and dashes: KMS ids are UUIDs, with `mrk-` in front or without dashes.
fn is_key_id(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Where the checker runs: the account and Region that a bare key id is looked for in.
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
    /// Reads the ARN that Lambda gives with each invocation; `None` where it is no function's.
    #[must_use]
    pub fn of_function(invoked_function_arn: &str) -> Option<Self> {
        let mut parts = invoked_function_arn.splitn(6, ':');
        let mut part = || parts.next().filter(|part| !part.is_empty());
        let (arn, partition, service) = (part()?, part()?, part()?);
        let (region, account, resource) = (part()?, part()?, part()?);
        (arn == "arn" && service == "lambda" && resource.starts_with("function:")).then(|| Self {
            partition: partition.to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
        })
    }

    /// The ARN of the key with this id here.
    #[must_use]
    pub fn key(&self, id: &str) -> KeyArn {
        KeyArn {
            partition: self.partition.clone(),
            region: self.region.clone(),
            account: self.account.clone(),
            id: id.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str =
        "arn:aws-cn:kms:cn-north-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    #[test]
    fn a_key_arn_splits_into_its_parts_and_prints_as_it_was() {
        let Ok(KeyName::Arn(arn)) = KeyName::parse(ARN) else {
            panic!("no key ARN")
        };
        assert_eq!(arn.partition, "aws-cn");
        assert_eq!(arn.region, "cn-north-1");
        assert_eq!(arn.account, "111122223333");
        assert_eq!(arn.id, "1234abcd-12ab-34cd-56ef-1234567890ab");
        assert!(!arn.is_multi_region());
        assert_eq!(arn.to_string(), ARN);
    }

    #[test]
    fn the_four_forms_are_told_apart() {
        let alias = "arn:aws:kms:us-west-2:111122223333:alias/replica/tax";
        assert_eq!(KeyName::parse(alias), Ok(KeyName::Alias(alias.to_owned())));
        assert_eq!(
            KeyName::parse("alias/aws/s3"),
            Ok(KeyName::Alias("alias/aws/s3".to_owned()))
        );
        assert_eq!(
            KeyName::parse("mrk-1234abcd"),
            Ok(KeyName::Id("mrk-1234abcd".to_owned()))
        );
        let multi = KeyName::parse("arn:aws:kms:us-west-2:111122223333:key/mrk-1234abcd").unwrap();
        assert!(matches!(multi, KeyName::Arn(arn) if arn.is_multi_region()));
    }

    #[test]
    fn what_names_no_key_is_refused() {
        for text in [
            "",
            "alias/",
            "key/1234abcd",
            "two words",
            "arn:aws:kms:us-west-2:111122223333:key/",
            "arn:aws:kms:us-west-2::key/1234abcd",
            "arn:aws:kms:us-west-2:111122223333:alias/",
            "arn:aws:kms:us-west-2:111122223333:key/a*",
            "arn:aws:s3:::bucket",
            "arn:aws:iam:us-west-2:111122223333:key/1234abcd",
        ] {
            assert_eq!(KeyName::parse(text), Err(KeyNameError), "{text}");
        }
    }

    #[test]
    fn home_is_read_from_the_functions_arn_with_or_without_qualifier() {
        let home =
            Home::of_function("arn:aws-us-gov:lambda:us-gov-west-1:111122223333:function:c:live");
        let home = home.unwrap();
        assert_eq!(
            (home.region.as_str(), home.account.as_str()),
            ("us-gov-west-1", "111122223333")
        );
        assert_eq!(
            home.key("1234abcd").to_string(),
            "arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/1234abcd",
        );
        for text in [
            "",
            "arn:aws:lambda:us-west-2:111122223333",
            "arn:aws:s3:::bucket:a:b",
        ] {
            assert_eq!(Home::of_function(text), None, "{text}");
        }
    }
}
