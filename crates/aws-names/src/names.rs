//! Accounts, Regions, partitions, bucket names: what they look like. Whether they exist AWS alone knows.

/// Whether `text` is an account id: twelve digits.
#[must_use]
pub fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether `text` has 1 to `longest` letters, digits, dots, hyphens and underscores: nothing that means
/// something in a path, a URL or an ARN.
#[must_use]
pub fn is_plain(text: &str, longest: usize) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    (1..=longest).contains(&text.len()) && text.bytes().all(plain)
}

/// Whether a bucket of this name can be made.
///
/// See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>.
#[must_use]
pub fn is_bucket_name(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (3..=63).contains(&name.len())
        && name
            .bytes()
            .all(|byte| inner(byte) || byte == b'.' || byte == b'-')
        && name.bytes().next().is_some_and(inner)
        && name.bytes().last().is_some_and(inner)
        && !name.contains("..")
}

/// Whether a bucket of this name may exist: those of us-east-1 from before March 2018 have capitals,
/// underscores and up to 255 characters too. None ever had what means something in a path, a URL or an
/// ARN.
///
/// See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>.
#[must_use]
pub fn is_old_bucket_name(name: &str) -> bool {
    name.len() >= 3 && is_plain(name, 255)
}

/// Whether `text` looks like a Region, `us-east-1`: words of small letters and a number, with hyphens
/// between. An Availability Zone, `us-east-1a`, does not.
#[must_use]
pub fn is_region(text: &str) -> bool {
    let mut words: Vec<_> = text.split('-').collect();
    let number = words.pop().unwrap_or_default();
    let lower = |word: &&str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
    words.len() >= 2
        && words.iter().all(lower)
        && (1..=2).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// The partition of a Region, by its first words.
///
/// See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html> and botocore's
/// `partitions.json`.
#[must_use]
pub fn partition_of(region: &str) -> &'static str {
    const OTHERS: [(&str, &str); 7] = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-iso-", "aws-iso"),
        ("us-isob-", "aws-iso-b"),
        ("eu-isoe-", "aws-iso-e"),
        ("us-isof-", "aws-iso-f"),
        ("eusc-", "aws-eusc"),
    ];
    let other = OTHERS.iter().find(|(words, _)| region.starts_with(words));
    other.map_or("aws", |(_, partition)| partition)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_twelve_digits() {
        assert!(is_account_id("111122223333"));
        for text in [
            "",
            "11112222333",
            "1111222233334",
            "11112222333x",
            "１11122223333",
        ] {
            assert!(!is_account_id(text), "{text}");
        }
    }

    #[test]
    fn old_buckets_have_names_that_new_ones_cannot() {
        let table = [
            ("tax-documents", true, true),
            ("a.b-c", true, true),
            ("abc", true, true),
            ("ABCD_Central_1", false, true),
            ("old_bucket", false, true),
            ("a..b", false, true),
            ("-abc", false, true),
            ("ab", false, false),
            ("", false, false),
            ("a/b", false, false),
            ("arn:aws:s3:::tax-documents", false, false),
            ("bücket", false, false),
        ];
        for (name, new, old) in table {
            assert_eq!(is_bucket_name(name), new, "{name}");
            assert_eq!(is_old_bucket_name(name), old, "{name}");
        }
        assert!(is_bucket_name(&"a".repeat(63)) && !is_bucket_name(&"a".repeat(64)));
        assert!(is_old_bucket_name(&"a".repeat(255)) && !is_old_bucket_name(&"a".repeat(256)));
    }

    #[test]
    fn a_region_is_words_and_a_number() {
        for region in [
            "us-east-1",
            "ap-southeast-10",
            "us-gov-west-1",
            "eusc-de-east-1",
        ] {
            assert!(is_region(region), "{region}");
        }
        for text in [
            "",
            "us",
            "us-east",
            "us-west-2a",
            "us-1",
            "US-EAST-1",
            "us--1",
            "us-east-1 ",
            "us-east-*",
        ] {
            assert!(!is_region(text), "{text}");
        }
    }

    #[test]
    fn the_partition_follows_from_the_region() {
        let table = [
            ("eu-central-1", "aws"),
            ("cn-north-1", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eusc-de-east-1", "aws-eusc"),
        ];
        for (region, partition) in table {
            assert_eq!(partition_of(region), partition, "{region}");
        }
    }
}
