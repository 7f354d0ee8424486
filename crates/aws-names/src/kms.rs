//! How a KMS key is named, and when two names mean one key.
//!
//! A key may be written as a key ARN, an alias ARN, a bare key id or an alias name. S3 answers with
//! the key's ARN. Names are compared by part, never as strings: a multi-Region key has the same id
//! in every Region, and is still another key in each as far as S3 is concerned.
//!
//! See <https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#key-id> and
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-config-for-kms-objects.html>.

use std::fmt;

use crate::arn::Arn;
use crate::home::Home;

/// A key's ARN in its parts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    /// Reads a key's ARN; `None` for an alias, an id, and what is no ARN.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match KeyName::parse(text) {
            Ok(KeyName::Arn(arn)) => Some(arn),
            _ => None,
        }
    }

    /// The ARN: each replica's line has it, so it is put together in one piece.
    #[must_use]
    pub fn text(&self) -> String {
        let Self {
            partition,
            region,
            account,
            id,
        } = self;
        [
            "arn:", partition, ":kms:", region, ":", account, ":key/", id,
        ]
        .concat()
    }

    /// Whether the key is one of a set of multi-Region keys.
    #[must_use]
    pub fn is_multi_region(&self) -> bool {
        self.id.starts_with("mrk-")
    }

    /// Whether both are of one set of multi-Region keys. See
    /// <https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-keys-overview.html>.
    #[must_use]
    pub fn is_related_to(&self, other: &Self) -> bool {
        let set = |key: &Self| (key.partition.clone(), key.account.clone(), key.id.clone());
        self.is_multi_region() && set(self) == set(other)
    }
}

impl fmt::Display for KeyArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

/// An alias's ARN in its parts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AliasArn {
    /// `aws`, `aws-cn`, `aws-us-gov`, …
    pub partition: String,
    /// The Region the alias is in.
    pub region: String,
    /// The account that owns it.
    pub account: String,
    /// The name with its `alias/`.
    pub alias: String,
}

impl fmt::Display for AliasArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            partition,
            region,
            account,
            alias,
        } = self;
        write!(f, "arn:{partition}:kms:{region}:{account}:{alias}")
    }
}

impl Home {
    /// The ARN of the KMS key with this id here.
    #[must_use]
    pub fn key(&self, id: &str) -> KeyArn {
        KeyArn {
            partition: self.partition.clone(),
            region: self.region.clone(),
            account: self.account.clone(),
            id: id.to_owned(),
        }
    }

    /// The ARN of the KMS alias `alias/…` here.
    #[must_use]
    pub fn alias(&self, alias: &str) -> AliasArn {
        AliasArn {
            partition: self.partition.clone(),
            region: self.region.clone(),
            account: self.account.clone(),
            alias: alias.to_owned(),
        }
    }
}

/// A key's name as somebody wrote it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyName {
    /// `arn:…:key/…`: says all by itself.
    Arn(KeyArn),
    /// `1234abcd-…` or `mrk-…`: a key of some account and Region, which it does not say.
    Id(String),
    /// `alias/…`: an alias of some account and Region, which it does not say.
    Alias(String),
    /// `arn:…:alias/…`: says where; only KMS knows the key.
    AliasArn(AliasArn),
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
        let is_no_name = |c: char| c.is_whitespace() || c.is_control();
        // Every replica's key is asked, and nearly all are plain.
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) && text.chars().any(is_no_name) {
            return Err(KeyNameError);
        }
        if text.starts_with("arn:") {
            return Self::parse_arn(text);
        }
        match text.strip_prefix("alias/") {
            Some("") => Err(KeyNameError),
            Some(_) => Ok(Self::Alias(text.to_owned())),
            None if is_key_id(text) => Ok(Self::Id(text.to_owned())),
            None => Err(KeyNameError),
        }
    }

    fn parse_arn(text: &str) -> Result<Self, KeyNameError> {
        let [partition, service, region, account, resource] =
            Arn::split(text).ok_or(KeyNameError)?;
        if service != "kms" || region.is_empty() || account.is_empty() {
            return Err(KeyNameError);
        }
        match resource.split_once('/') {
            Some(("key", id)) if is_key_id(id) => Ok(Self::Arn(KeyArn {
                id: id.to_owned(),
                partition: partition.to_owned(),
                region: region.to_owned(),
                account: account.to_owned(),
            })),
            Some(("alias", name)) if !name.is_empty() => Ok(Self::AliasArn(AliasArn {
                partition: partition.to_owned(),
                region: region.to_owned(),
                account: account.to_owned(),
                alias: resource.to_owned(),
            })),
            _ => Err(KeyNameError),
        }
    }

    /// Whether KMS has to be asked which key this is.
    #[must_use]
    pub fn is_alias(&self) -> bool {
        matches!(self, Self::Alias(_) | Self::AliasArn(_))
    }

    /// The account that the name says it is of; `None` for a bare id or alias.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        match self {
            Self::Arn(arn) => Some(&arn.account),
            Self::AliasArn(arn) => Some(&arn.account),
            Self::Id(_) | Self::Alias(_) => None,
        }
    }

    /// The name as it is meant in `home`: a bare id or alias becomes an ARN there, an ARN stays.
    #[must_use]
    pub fn in_home(&self, home: &Home) -> Self {
        match self {
            Self::Id(id) => Self::Arn(home.key(id)),
            Self::Alias(alias) => Self::AliasArn(home.alias(alias)),
            Self::Arn(_) | Self::AliasArn(_) => self.clone(),
        }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arn(arn) => arn.fmt(f),
            Self::AliasArn(arn) => arn.fmt(f),
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

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str =
        "arn:aws-cn:kms:cn-north-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    const ALIAS: &str = "arn:aws:kms:us-west-2:111122223333:alias/replica/tax";

    #[test]
    fn a_key_arn_splits_into_its_parts_and_prints_as_it_was() {
        let arn = KeyArn::parse(ARN).unwrap();
        assert_eq!(arn.partition, "aws-cn");
        assert_eq!(arn.region, "cn-north-1");
        assert_eq!(arn.account, "111122223333");
        assert_eq!(arn.id, "1234abcd-12ab-34cd-56ef-1234567890ab");
        assert!(!arn.is_multi_region());
        assert_eq!(arn.to_string(), ARN);
        assert_eq!(KeyArn::parse(ALIAS), None);
        assert_eq!(KeyArn::parse("1234abcd"), None);
    }

    #[test]
    fn the_four_forms_are_told_apart_and_print_as_they_were() {
        let parse = |text| KeyName::parse(text).unwrap();
        assert!(matches!(parse(ALIAS), KeyName::AliasArn(arn) if arn.alias == "alias/replica/tax"));
        assert_eq!(
            parse("alias/aws/s3"),
            KeyName::Alias("alias/aws/s3".to_owned())
        );
        assert_eq!(
            parse("mrk-1234abcd"),
            KeyName::Id("mrk-1234abcd".to_owned())
        );
        let multi = parse("arn:aws:kms:us-west-2:111122223333:key/mrk-1234abcd");
        assert!(matches!(&multi, KeyName::Arn(arn) if arn.is_multi_region()));
        let key = |text: &str| KeyArn::parse(text).unwrap();
        let of = |place: &str, id: &str| key(&format!("arn:aws:kms:{place}:key/{id}"));
        let one = of("us-west-2:111122223333", "mrk-1");
        for (other, related) in [
            (of("eu-west-1:111122223333", "mrk-1"), true),
            (of("us-west-2:111122223333", "mrk-1"), true),
            (of("eu-west-1:111122223333", "mrk-2"), false),
            (of("eu-west-1:444455556666", "mrk-1"), false),
        ] {
            assert_eq!(one.is_related_to(&other), related, "{other}");
        }
        assert!(!key(ARN).is_related_to(&key(ARN)));
        for (text, alias, account) in [
            (ARN, false, Some("111122223333")),
            (ALIAS, true, Some("111122223333")),
            ("alias/aws/s3", true, None),
            ("mrk-1234abcd", false, None),
        ] {
            let name = parse(text);
            assert_eq!(name.to_string(), text);
            assert_eq!(
                (name.is_alias(), name.account()),
                (alias, account),
                "{text}"
            );
        }
    }

    #[test]
    fn a_bare_name_is_meant_where_its_owner_is() {
        let home = Home {
            partition: "aws".into(),
            region: "us-west-2".into(),
            account: "444455556666".into(),
        };
        for (text, meant) in [
            (
                "1234abcd",
                "arn:aws:kms:us-west-2:444455556666:key/1234abcd",
            ),
            ("alias/a", "arn:aws:kms:us-west-2:444455556666:alias/a"),
            (ARN, ARN),
            (ALIAS, ALIAS),
        ] {
            let name = KeyName::parse(text).unwrap().in_home(&home);
            assert_eq!(name.to_string(), meant);
        }
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
            "arn:aws:kms::111122223333:key/1234abcd",
            "arn:aws:kms:us-west-2:111122223333:alias/",
            "arn:aws:kms:us-west-2:111122223333:key/a*",
            "arn:aws:s3:::bucket",
            "arn:aws:iam:us-west-2:111122223333:key/1234abcd",
        ] {
            assert_eq!(KeyName::parse(text), Err(KeyNameError), "{text}");
        }
    }
}
