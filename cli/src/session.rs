//! The way to AWS, as every AWS tool takes it: profiles, SSO, a process, the environment, a container or an
//! instance, by the SDK's own chain; see
//! <https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region};
use aws_names::{Arn, Home};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use replication::aws::{SdkAws, failure, in_role};
use replication::error::AwsError;

use crate::failure::{Caller, Failure, Refused};

/// S3 asks for patience where many ask at once.
const TRIES: u32 = 6;
const TO_CONNECT: Duration = Duration::from_secs(10);

/// Credentials, a Region, and whose they are.
#[derive(Clone, Debug)]
pub struct Session {
    config: SdkConfig,
    home: Home,
    caller: Caller,
}

impl Session {
    /// With `profile` and `region`, or what the environment and the configuration files say.
    ///
    /// # Errors
    /// Where there are no credentials, no Region, or AWS does not take them.
    pub async fn open(profile: Option<&str>, region: Option<&str>) -> Result<Self, Failure> {
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .retry_config(RetryConfig::standard().with_max_attempts(TRIES))
            .timeout_config(TimeoutConfig::builder().connect_timeout(TO_CONNECT).build());
        if let Some(profile) = profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = region {
            loader = loader.region(Region::new(region.to_owned()));
        }
        let config = Box::pin(loader.load()).await;
        let profile = profile
            .map(str::to_owned)
            .or_else(|| std::env::var("AWS_PROFILE").ok())
            .filter(|name| !name.is_empty());
        let Some(region) = config.region().cloned() else {
            return Err(Failure::NoWay(format!(
                "no Region: give --region, set AWS_REGION, or write `region` into {}",
                of_profile(profile.as_deref())
            )));
        };
        let answer = aws_sdk_sts::Client::new(&config)
            .get_caller_identity()
            .send()
            .await
            .map_err(
                |error| match failure("GetCallerIdentity", "", region.as_ref(), &error) {
                    // Nothing was asked, mostly for want of credentials.
                    unsent if unsent.code.is_empty() => {
                        no_identity(profile.as_deref(), &region, &chain(&error))
                    }
                    AwsError { code, message, .. } => {
                        no_identity(profile.as_deref(), &region, &format!("{code}: {message}"))
                    }
                },
            )?;
        let arn = answer.arn.unwrap_or_default();
        let partition = Arn::parse(&arn).map_or_else(|| "aws".to_owned(), |arn| arn.partition);
        let account = answer.account.unwrap_or_default();
        let home = Home {
            partition,
            region: region.to_string(),
            account: account.clone(),
        };
        Ok(Self {
            config,
            home,
            caller: Caller {
                profile,
                account,
                arn,
            },
        })
    }

    /// Partition, Region and account.
    #[must_use]
    pub const fn home(&self) -> &Home {
        &self.home
    }

    /// Who is calling.
    #[must_use]
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The SDK's configuration for a Region.
    #[must_use]
    pub fn config(&self, region: &str) -> SdkConfig {
        let region = Region::new(region.to_owned());
        self.config.to_builder().region(region).build()
    }

    /// S3 in a Region.
    #[must_use]
    pub fn s3(&self, region: &str) -> aws_sdk_s3::Client {
        let by_path = sdk_environment::s3_by_path(&self.config);
        let config = aws_sdk_s3::config::Builder::from(&self.config(region));
        aws_sdk_s3::Client::from_conf(config.force_path_style(by_path).build())
    }

    /// AWS as the crates see it.
    #[must_use]
    pub fn aws(&self) -> SdkAws {
        SdkAws::new(self.config.clone(), &self.home)
    }

    /// The same in the name of a role, in the role's account.
    ///
    /// # Errors
    /// Where it cannot be assumed.
    pub async fn in_role(&self, role_arn: &str) -> Result<Self, Failure> {
        let (config, home) = in_role(&self.config, &self.home, role_arn)
            .await
            .map_err(|error| self.failed(error))?;
        Ok(Self {
            config,
            caller: Caller {
                account: home.account.clone(),
                arn: role_arn.to_owned(),
                ..self.caller.clone()
            },
            home,
        })
    }

    /// What the crates tell in words, with who called.
    #[must_use]
    pub fn failed_with(&self, why: &str) -> Failure {
        Failure::NoWay(format!("{why}{}", self.caller))
    }

    /// A call that failed, with who made it.
    #[must_use]
    pub fn failed(&self, error: AwsError) -> Failure {
        let caller = self.caller.clone();
        Failure::Aws(Box::new(Refused { error, caller }))
    }
}

/// An error and what it comes from, each in its own words and once.
fn chain(error: &dyn std::error::Error) -> String {
    let mut told = vec![error.to_string()];
    let mut source = error.source();
    while let Some(cause) = source {
        let words = cause.to_string();
        if !told.contains(&words) {
            told.push(words);
        }
        source = cause.source();
    }
    told.join(": ")
}

fn of_profile(profile: Option<&str>) -> String {
    match profile {
        Some(name) => format!("profile `{name}`"),
        None => "the default profile".to_owned(),
    }
}

/// AWS was not asked, for want of credentials, or did not take them.
fn no_identity(profile: Option<&str>, region: &Region, why: &str) -> Failure {
    let profile_told = of_profile(profile);
    let log_in = profile.map_or_else(String::new, |name| format!(" --profile {name}"));
    Failure::NoWay(format!(
        "AWS does not know who you are (GetCallerIdentity in {region}, {profile_told}): {why}\n  to do:   log in \
         (`aws sso login{log_in}`), name a profile by --profile or AWS_PROFILE, or set AWS_ACCESS_KEY_ID and \
         AWS_SECRET_ACCESS_KEY"
    ))
}
