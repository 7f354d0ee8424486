//! One bucket of S3's, whoever owns it, wherever it is: what is listed there and what its versions show.

mod credentials;
mod fault;
mod read;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use aws_config::Region;
use aws_config::sts::AssumeRoleProvider;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_names::Home;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_types::SdkConfig;
use compliance::aws::{Aws, DirectHeads};
use replication::error::{AwsError, ErrorKind};
use sdk_environment::Http;

use self::credentials::Remembered;
use crate::failure::Failure;
use crate::session::Session;

/// How long what is said of expectations and keys is remembered.
pub const TIME_TO_LIVE: Duration = Duration::from_mins(5);

/// As what other accounts see us.
const ROLE_SESSION: &str = "encrypted-replication";

/// A bucket, and the way to it.
#[derive(Clone, Debug)]
pub struct Bucket {
    name: String,
    home: Home,
    /// The account that must own it, where that is known.
    owner: Option<String>,
    s3: aws_sdk_s3::Client,
    aws: Aws,
}

/// In whose name a bucket is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Way<'a> {
    /// Whose credentials.
    pub session: &'a Session,
    /// A role to assume in the accounts that are not the session's.
    pub role_name: Option<&'a str>,
}

impl Bucket {
    /// The bucket of this name; of this account, where that is known.
    ///
    /// # Errors
    /// Where it is not there, or may not be looked at.
    pub async fn find(way: Way<'_>, name: &str, account: Option<&str>) -> Result<Self, Failure> {
        let Way { session, role_name } = way;
        let here = session.home();
        let elsewhere = account.filter(|account| *account != here.account);
        let config = session.config(&here.region);
        let config = match (elsewhere, role_name) {
            (Some(account), Some(role)) => {
                Box::pin(assuming(&config, &here.partition, account, role)).await
            }
            _ => config,
        };
        let (region, is_ours) = whereabouts(session, &config, name).await?;
        let owner = match elsewhere {
            Some(account) => Some(account.to_owned()),
            None => is_ours.then(|| here.account.clone()),
        };
        let home = Home {
            region,
            account: owner.clone().unwrap_or_else(|| here.account.clone()),
            ..here.clone()
        };
        Ok(Self::at(config, name.to_owned(), home, owner))
    }

    fn at(config: SdkConfig, name: String, home: Home, owner: Option<String>) -> Self {
        // Thousands of HEADs a second ask for them.
        let remembered = |provider| SharedCredentialsProvider::new(Remembered::new(provider));
        let provider = config.credentials_provider().map(remembered);
        let mut config = config.into_builder();
        config.set_credentials_provider(provider);
        let config = config
            .region(Region::new(home.region.clone()))
            .retry_config(Aws::retries())
            .timeout_config(Aws::timeouts())
            .build();
        let heads = DirectHeads::new(&config, &Http::new());
        let s3 = aws_sdk_s3::config::Builder::from(&config)
            .force_path_style(sdk_environment::s3_by_path(&config))
            // A page of a thousand versions takes longer than a HEAD.
            .timeout_config(read::timeouts())
            .build();
        Self {
            name,
            home,
            owner,
            s3: aws_sdk_s3::Client::from_conf(s3),
            aws: Aws::of(&config).with_direct_heads(heads),
        }
    }

    /// Its Region, and its account as far as it is known.
    #[must_use]
    pub const fn home(&self) -> &Home {
        &self.home
    }

    /// What is asked for expectations and keys.
    #[must_use]
    pub fn words(&self) -> Aws {
        self.aws.clone()
    }

    /// For who lists and looks.
    #[must_use]
    pub fn shared(self) -> Arc<Self> {
        Arc::new(self)
    }
}

/// The same in the name of a role, whose credentials are renewed for as long as it takes.
async fn assuming(config: &SdkConfig, partition: &str, account: &str, role: &str) -> SdkConfig {
    let arn = format!("arn:{partition}:iam::{account}:role/{role}");
    let provider = AssumeRoleProvider::builder(arn)
        .configure(config)
        .session_name(ROLE_SESSION)
        .build();
    let provider = SharedCredentialsProvider::new(Box::pin(provider).await);
    config.to_builder().credentials_provider(provider).build()
}

/// What a HEAD of a bucket said.
struct Said {
    /// None where there was no answer.
    status: Option<u16>,
    region: Option<String>,
    problem: String,
}

async fn head(config: &SdkConfig, name: &str, owner: Option<&str>) -> Said {
    const HEADER: &str = "x-amz-bucket-region";
    let s3 = aws_sdk_s3::config::Builder::from(config)
        .force_path_style(sdk_environment::s3_by_path(config))
        .build();
    let call = aws_sdk_s3::Client::from_conf(s3)
        .head_bucket()
        .bucket(name)
        .set_expected_bucket_owner(owner.map(str::to_owned));
    match call.send().await {
        Ok(found) => Said {
            status: Some(200),
            region: found.bucket_region,
            problem: String::new(),
        },
        Err(error) => {
            let response = error.raw_response();
            let region = response.and_then(|response| response.headers().get(HEADER));
            Said {
                status: response.map(|response| response.status().as_u16()),
                region: region.map(str::to_owned),
                problem: match response {
                    Some(_) => String::new(),
                    None => DisplayErrorContext(&error).to_string(),
                },
            }
        }
    }
}

/// The Region of a bucket, and whether it is the session's account's.
async fn whereabouts(
    session: &Session,
    config: &SdkConfig,
    name: &str,
) -> Result<(String, bool), Failure> {
    let here = session.home();
    let ours = Some(here.account.as_str());
    let or_here = |region: Option<String>| region.unwrap_or_else(|| here.region.clone());
    let first = head(config, name, ours).await;
    match (first.status, first.region) {
        (Some(200), region) => return Ok((or_here(region), true)),
        // Asked again where it is: here nobody says whose it is.
        (Some(301 | 307 | 400), Some(region)) => {
            let there = Region::new(region.clone());
            let there = config.to_builder().region(there).build();
            let is_ours = head(&there, name, ours).await.status == Some(200);
            return Ok((region, is_ours));
        }
        // Another account's, perhaps, which lets us in all the same. Who may not ask this may be allowed to
        // list, and the Region is told.
        (Some(403), _) => {
            let theirs = head(config, name, None).await;
            if theirs.status == Some(200) || theirs.region.is_some() {
                return Ok((or_here(theirs.region), false));
            }
        }
        _ => {}
    }
    let (kind, code) = match first.status {
        Some(404) => (ErrorKind::NotFound, "NoSuchBucket".to_owned()),
        Some(403) => (ErrorKind::AccessDenied, "AccessDenied".to_owned()),
        Some(status) => (ErrorKind::Transient, format!("HTTP {status}")),
        None => (ErrorKind::Transient, String::new()),
    };
    Err(session.failed(AwsError {
        operation: "HeadBucket",
        resource: format!("bucket `{name}`"),
        region: here.region.clone(),
        kind,
        code,
        message: first.problem,
        request_id: None,
    }))
}
