//! AWS over the SDK: one HTTP client and one set of credentials for every service and Region.

mod buckets;
mod failure;
mod keys;
mod notifications;
mod objects;
mod parameters;
mod replication;
mod roles;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use aws_types::SdkConfig;
use aws_types::region::Region;

use crate::arn::Home;

/// AWS, as the function's role sees it.
#[derive(Debug)]
pub struct SdkAws {
    config: SdkConfig,
    /// Every S3 call names the account that the bucket must belong to, so that a bucket which was
    /// deleted and made again by a stranger is never spoken to. See
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html>.
    account: String,
    home_region: String,
    path_style: bool,
    iam: aws_sdk_iam::Client,
    regional: Mutex<BTreeMap<String, Regional>>,
}

/// The clients of one Region.
#[derive(Clone, Debug)]
struct Regional {
    s3: aws_sdk_s3::Client,
    kms: aws_sdk_kms::Client,
    ssm: aws_sdk_ssm::Client,
}

impl SdkAws {
    /// AWS by way of `config`, for the account of `home`. `s3_endpoint` is where S3 is redirected
    /// to, if it is.
    #[must_use]
    pub fn new(config: SdkConfig, home: &Home, s3_endpoint: Option<&str>) -> Self {
        Self {
            account: home.account.clone(),
            home_region: home.region.clone(),
            path_style: s3_endpoint.is_some_and(is_local),
            iam: aws_sdk_iam::Client::new(&config),
            regional: Mutex::default(),
            config,
        }
    }

    fn regional(&self, region: &str) -> Regional {
        // A poisoned lock only means that another call panicked; the map itself is whole.
        let mut regional = self.regional.lock().unwrap_or_else(PoisonError::into_inner);
        let clients = regional.entry(region.to_owned()).or_insert_with(|| {
            let config = self
                .config
                .to_builder()
                .region(Region::new(region.to_owned()))
                .build();
            let s3 = aws_sdk_s3::config::Builder::from(&config)
                .force_path_style(self.path_style)
                .build();
            Regional {
                s3: aws_sdk_s3::Client::from_conf(s3),
                kms: aws_sdk_kms::Client::new(&config),
                ssm: aws_sdk_ssm::Client::new(&config),
            }
        });
        clients.clone()
    }

    fn s3(&self, region: &str) -> aws_sdk_s3::Client {
        self.regional(region).s3
    }

    fn kms(&self, region: &str) -> aws_sdk_kms::Client {
        self.regional(region).kms
    }

    fn ssm(&self, region: &str) -> aws_sdk_ssm::Client {
        self.regional(region).ssm
    }
}

/// Whether an endpoint is `localhost`, where buckets have no host names of their own. For IP
/// addresses the SDK knows that by itself.
fn is_local(endpoint: &str) -> bool {
    let host = endpoint.split("://").nth(1).unwrap_or(endpoint);
    let host = host.split(['/', ':']).next().unwrap_or_default();
    host == "localhost" || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::is_local;

    #[test]
    fn only_localhost_needs_path_style_to_be_forced() {
        assert!(is_local("http://localhost:4566"));
        assert!(is_local("http://s3.localhost"));
        assert!(!is_local("https://s3.us-east-1.amazonaws.com"));
        assert!(!is_local("http://localhost.example.com:80"));
        assert!(!is_local(""));
    }
}
