//! The function's environment variables, read strictly: a value that does not parse stops the
//! function at start, and never becomes a default.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::ops::RangeInclusive;
use std::time::Duration;

use aws_names::KeyName;
use event_bus::{FINDINGS_EVENT_BUS, is_bus};

/// Comma list of allowed keys, for every bucket.
pub const EXPECTED_KMS_KEY_ARNS: &str = "EXPECTED_KMS_KEY_ARNS";
/// How long expectations and key states are kept, in seconds.
pub const EXPECTATION_TTL_SECONDS: &str = "EXPECTATION_TTL_SECONDS";
/// Whether replicas are re-encrypted with the expected key.
pub const REPAIR: &str = "REPAIR";
/// Whether a bucket's default encryption counts as an expectation.
pub const TRUST_BUCKET_DEFAULT: &str = "TRUST_BUCKET_DEFAULT";
/// The queue's `maxReceiveCount`.
pub const MAX_RECEIVE_COUNT: &str = "MAX_RECEIVE_COUNT";
/// How many HEADs are in flight at most.
pub const MAX_CONCURRENCY: &str = "MAX_CONCURRENCY";

const DEFAULT_TTL_SECONDS: u64 = 300;
const LONGEST_TTL_SECONDS: u64 = 86_400;
const DEFAULT_CONCURRENCY: u64 = 128;
const DEFAULT_RECEIVES: u64 = 3;
/// See <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html>.
const MOST_RECEIVES: u64 = 1000;
/// Lambda allows a function 1,024 file descriptors, and each HEAD in flight may hold one; see
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>.
const MOST_CONCURRENCY: u64 = 900;

/// The checker's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `EXPECTED_KMS_KEY_ARNS`: any of these keys is right for every bucket. Empty where expectations
    /// are looked up: the variable is absent, or empty, as a template without a value sets it.
    pub expected_keys: Vec<KeyName>,
    /// `EXPECTATION_TTL_SECONDS`: 0 to 86,400; 300 where absent.
    pub expectation_ttl: Duration,
    /// `MAX_CONCURRENCY`: 1 to 900; 128 where absent.
    pub max_concurrency: usize,
    /// `FINDINGS_EVENT_BUS`: where findings go; `None`, where absent: to the log only.
    pub findings_event_bus: Option<String>,
    /// `REPAIR`: whether a replica under a wrong key is re-encrypted; not, where absent.
    pub repair: bool,
    /// `TRUST_BUCKET_DEFAULT`: whether a bucket's default encryption says which key its replicas should
    /// have, where nobody else does; not, where absent.
    pub trust_bucket_default: bool,
    /// `MAX_RECEIVE_COUNT`: how often the queue lets a message be received, 1 to 1,000; 3 where absent.
    pub most_receives: u32,
}

/// A variable that does not parse.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Not a number, or out of range.
    #[error(
        "environment variable {name} is `{value}`: expected a whole number from {from} to {to}"
    )]
    Number {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
        /// The smallest value.
        from: u64,
        /// The largest value.
        to: u64,
    },
    /// An element of the list names no KMS key.
    #[error(
        "environment variable {EXPECTED_KMS_KEY_ARNS}: element {position} is `{value}`: expected the \
         ARN of a KMS key or alias, a key id or an alias name"
    )]
    Key {
        /// The element's position, from 1.
        position: usize,
        /// The element.
        value: String,
    },
    /// Neither `true` nor `false`.
    #[error("environment variable {name} is `{value}`: expected `true` or `false`")]
    Switch {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
    },
    /// Neither a name nor an ARN of an event bus.
    #[error(
        "environment variable {FINDINGS_EVENT_BUS} is `{value}`: expected the name of an event bus, \
         such as `default`, or its ARN"
    )]
    EventBus {
        /// The variable's value.
        value: String,
    },
}

impl Config {
    /// Reads the configuration out of `variables`, the whole environment.
    ///
    /// # Errors
    /// The first variable that does not parse.
    pub fn read<S: BuildHasher>(
        variables: &HashMap<String, String, S>,
    ) -> Result<Self, ConfigError> {
        let number = |name, default, range| number(variables.get(name), name, default, range);
        let ttl = number(
            EXPECTATION_TTL_SECONDS,
            DEFAULT_TTL_SECONDS,
            0..=LONGEST_TTL_SECONDS,
        )?;
        let concurrency = number(MAX_CONCURRENCY, DEFAULT_CONCURRENCY, 1..=MOST_CONCURRENCY)?;
        let receives = number(MAX_RECEIVE_COUNT, DEFAULT_RECEIVES, 1..=MOST_RECEIVES)?;
        Ok(Self {
            expected_keys: keys(variables.get(EXPECTED_KMS_KEY_ARNS))?,
            expectation_ttl: Duration::from_secs(ttl),
            max_concurrency: usize::try_from(concurrency).unwrap_or(1),
            findings_event_bus: bus(variables.get(FINDINGS_EVENT_BUS))?,
            repair: switch(variables.get(REPAIR), REPAIR)?,
            trust_bucket_default: switch(
                variables.get(TRUST_BUCKET_DEFAULT),
                TRUST_BUCKET_DEFAULT,
            )?,
            most_receives: u32::try_from(receives).unwrap_or(u32::MAX),
        })
    }
}

fn number(
    value: Option<&String>,
    name: &'static str,
    default: u64,
    range: RangeInclusive<u64>,
) -> Result<u64, ConfigError> {
    let Some(value) = value else {
        return Ok(default);
    };
    match value.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(ConfigError::Number {
            name,
            value: value.clone(),
            from: *range.start(),
            to: *range.end(),
        }),
    }
}

fn switch(value: Option<&String>, name: &'static str) -> Result<bool, ConfigError> {
    match value.map(String::as_str) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(value) => Err(ConfigError::Switch {
            name,
            value: value.to_owned(),
        }),
    }
}

fn keys(value: Option<&String>) -> Result<Vec<KeyName>, ConfigError> {
    let list = value.map(|list| list.trim()).unwrap_or_default();
    if list.is_empty() {
        return Ok(Vec::new());
    }
    let parse = |(index, element): (usize, &str)| {
        KeyName::parse(element.trim()).map_err(|_| ConfigError::Key {
            position: index + 1,
            value: element.trim().to_owned(),
        })
    };
    list.split(',').enumerate().map(parse).collect()
}

fn bus(value: Option<&String>) -> Result<Option<String>, ConfigError> {
    match value {
        None => Ok(None),
        Some(value) if is_bus(value) => Ok(Some(value.clone())),
        Some(value) => Err(ConfigError::EventBus {
            value: value.clone(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::read(
            &variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect::<HashMap<_, _>>(),
        )
    }

    #[test]
    fn without_variables_the_documented_values_hold() {
        let config = read(&[]).unwrap();
        assert_eq!(config.expected_keys, []);
        assert_eq!(config.expectation_ttl, Duration::from_mins(5));
        assert_eq!(config.max_concurrency, 128);
        assert_eq!(config.findings_event_bus, None);
        assert!(!config.repair && !config.trust_bucket_default);
        assert_eq!(config.most_receives, 3);
    }

    #[test]
    fn values_that_parse_are_taken() {
        let config = read(&[
            (
                EXPECTED_KMS_KEY_ARNS,
                "arn:aws:kms:us-west-2:111122223333:key/1234abcd, alias/tax",
            ),
            (EXPECTATION_TTL_SECONDS, "0"),
            (MAX_CONCURRENCY, "900"),
            (FINDINGS_EVENT_BUS, "default"),
            (REPAIR, "true"),
            (TRUST_BUCKET_DEFAULT, "true"),
            (MAX_RECEIVE_COUNT, "5"),
        ])
        .unwrap();
        let names: Vec<_> = config
            .expected_keys
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            names,
            [
                "arn:aws:kms:us-west-2:111122223333:key/1234abcd",
                "alias/tax"
            ]
        );
        assert_eq!(config.expectation_ttl, Duration::ZERO);
        assert_eq!(config.max_concurrency, 900);
        assert!(config.trust_bucket_default);
        assert_eq!(config.most_receives, 5);
        assert!(config.repair && !read(&[(REPAIR, "false")]).unwrap().repair);
        assert_eq!(config.findings_event_bus.as_deref(), Some("default"));
        let arn = "arn:aws-cn:events:cn-north-1:111122223333:event-bus/security.findings_1";
        assert_eq!(
            read(&[(FINDINGS_EVENT_BUS, arn)])
                .unwrap()
                .findings_event_bus
                .as_deref(),
            Some(arn)
        );
        assert_eq!(
            read(&[(EXPECTED_KMS_KEY_ARNS, " ")]).unwrap().expected_keys,
            []
        );
    }

    #[test]
    fn values_that_do_not_parse_are_refused_by_name() {
        let table = [
            (
                EXPECTATION_TTL_SECONDS,
                "",
                "expected a whole number from 0 to 86400",
            ),
            (
                EXPECTATION_TTL_SECONDS,
                "5m",
                "expected a whole number from 0 to 86400",
            ),
            (
                EXPECTATION_TTL_SECONDS,
                "86401",
                "expected a whole number from 0 to 86400",
            ),
            (
                MAX_CONCURRENCY,
                "0",
                "expected a whole number from 1 to 900",
            ),
            (
                MAX_CONCURRENCY,
                "-1",
                "expected a whole number from 1 to 900",
            ),
            (
                MAX_CONCURRENCY,
                "901",
                "expected a whole number from 1 to 900",
            ),
            (
                MAX_RECEIVE_COUNT,
                "0",
                "expected a whole number from 1 to 1000",
            ),
            (TRUST_BUCKET_DEFAULT, "yes", "expected `true` or `false`"),
            (REPAIR, "", "is ``: expected `true` or `false`"),
            (REPAIR, "True", "expected `true` or `false`"),
            (FINDINGS_EVENT_BUS, "", "is ``: expected the name"),
            (FINDINGS_EVENT_BUS, "my bus", "is `my bus`"),
            (FINDINGS_EVENT_BUS, "aws.partner/x", "is `aws.partner/x`"),
            (
                FINDINGS_EVENT_BUS,
                "arn:aws:events:us-west-2:111122223333:rule/r",
                "or its ARN",
            ),
            (
                FINDINGS_EVENT_BUS,
                "arn:aws:events:us-west-2:1:event-bus/b",
                "or its ARN",
            ),
            (EXPECTED_KMS_KEY_ARNS, "alias/a,,alias/b", "element 2 is ``"),
            (
                EXPECTED_KMS_KEY_ARNS,
                "alias/a,arn:aws:s3:::b",
                "element 2 is `arn:aws:s3:::b`",
            ),
        ];
        for (name, value, part) in table {
            let error = read(&[(name, value)]).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains(part), "{error}");
        }
    }
}
