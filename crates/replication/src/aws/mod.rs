//! AWS over the SDK: one HTTP client and one set of credentials for every service and Region.

mod assume;
mod buckets;
mod call;
mod encryption;
mod events;
mod failure;
mod job_documents;
mod jobs;
mod kms;
mod metrics;
mod notifications;
mod objects;
mod parameters;
mod policies;
mod replication;
mod roles;
mod wire;
mod xml;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use aws_calls::{ParameterStore, S3Control};
use aws_names::Home;
use aws_types::SdkConfig;
use aws_types::region::Region;

pub use self::assume::in_role;
pub use self::failure::failure;
use self::wire::ExpectedOwner;
use crate::ports::{Assume, Outcome};

/// AWS, as the function's role sees it.
#[derive(Debug)]
pub struct SdkAws {
    config: SdkConfig,
    /// The account that every bucket spoken to must belong to, and the function's Region.
    home: Home,
    iam: aws_sdk_iam::Client,
    regional: Mutex<BTreeMap<String, Regional>>,
}

/// The clients of one Region.
#[derive(Clone, Debug)]
struct Regional {
    s3: aws_sdk_s3::Client,
    kms: aws_sdk_kms::Client,
    parameters: ParameterStore,
    s3_control: S3Control,
}

impl SdkAws {
    /// AWS by way of `config`, for the account of `home`.
    #[must_use]
    pub fn new(config: SdkConfig, home: &Home) -> Self {
        Self {
            home: home.clone(),
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
                .force_path_style(sdk_environment::s3_by_path(&config))
                .interceptor(ExpectedOwner(self.home.account.clone()))
                .build();
            Regional {
                s3: aws_sdk_s3::Client::from_conf(s3),
                kms: aws_sdk_kms::Client::new(&config),
                parameters: ParameterStore::new(&config),
                s3_control: S3Control::new(&config, &self.home.account),
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

    fn s3_control(&self, region: &str) -> S3Control {
        self.regional(region).s3_control
    }

    fn parameter_store(&self, region: &str) -> ParameterStore {
        self.regional(region).parameters
    }
}

impl Assume for SdkAws {
    /// Credentials for an hour, which outlasts any invocation.
    async fn assuming(&self, role_arn: &str) -> Outcome<Self> {
        let (config, home) = in_role(&self.config, &self.home, role_arn).await?;
        Ok(Self::new(config, &home))
    }
}
