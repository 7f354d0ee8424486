//! The local cloud, and whoever may only look at it.

use std::process::{Command, Output};

use anyhow::{Context as _, Result};
use aws_config::SdkConfig;
use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration,
    ReplicationConfiguration, ReplicationRule, ServerSideEncryption, ServerSideEncryptionByDefault,
    ServerSideEncryptionConfiguration, ServerSideEncryptionRule, VersioningConfiguration,
};
use sandbox::{Sandbox, Tools};
use serde_json::Value;

use crate::watched::Watched;

pub(crate) const EAST: &str = "us-east-1";
pub(crate) const WEST: &str = "us-west-2";
pub(crate) const ACCOUNT: &str = "000000000000";
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

pub(crate) struct Cloud {
    pub(crate) sandbox: Sandbox,
    pub(crate) watched: Watched,
    reader: (String, String),
}

/// Where something is made: in whose name, in which Region.
pub(crate) struct Place<'a> {
    cloud: &'a Cloud,
    account: &'a str,
    region: &'a str,
}

impl Cloud {
    pub(crate) async fn open() -> Result<Self> {
        let tools = Tools::install(|_| {}).await?;
        let sandbox = Sandbox::start(&tools, 0).await?;
        let iam = aws_sdk_iam::Client::new(&sandbox.config(EAST));
        iam.create_user().user_name("reader").send().await?;
        iam.put_user_policy()
            .user_name("reader")
            .policy_name("read-only")
            .policy_document(read_only()?)
            .send()
            .await?;
        let made = iam.create_access_key().user_name("reader").send().await?;
        let key = made.access_key.context("no access key")?;
        Ok(Self {
            watched: Watched::way_to(sandbox.endpoint())?,
            sandbox,
            reader: (key.access_key_id, key.secret_access_key),
        })
    }

    /// One's own account, in this Region.
    pub(crate) fn at<'a>(&'a self, region: &'a str) -> Place<'a> {
        self.of("test", region)
    }

    /// Another account, in this Region.
    pub(crate) fn of<'a>(&'a self, account: &'a str, region: &'a str) -> Place<'a> {
        Place {
            cloud: self,
            account,
            region,
        }
    }

    /// The command, as the reader.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_encrypted-replication"));
        command
            .args(arguments)
            .env_clear()
            .env("HOME", "/nonexistent");
        command
            .env("AWS_ENDPOINT_URL", &self.watched.endpoint)
            .env("AWS_REGION", EAST);
        command
            .env("AWS_ACCESS_KEY_ID", &self.reader.0)
            .env("AWS_SECRET_ACCESS_KEY", &self.reader.1);
        command.output().unwrap()
    }

    /// Its exit status, and what it says in JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> (Option<i32>, Value) {
        let output = self.run(&[arguments, &["--output", "json"]].concat());
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        let json = serde_json::from_slice(&output.stdout);
        (
            output.status.code(),
            json.unwrap_or_else(|error| panic!("{arguments:?}: {error}: {told}")),
        )
    }
}

/// The policy that people give themselves.
pub(crate) fn read_only() -> Result<String> {
    Ok(std::fs::read_to_string("../docs/read-only-policy.json")?)
}

impl Place<'_> {
    pub(crate) fn config(&self) -> SdkConfig {
        self.cloud.sandbox.config_of(self.account, self.region)
    }

    pub(crate) fn s3(&self) -> aws_sdk_s3::Client {
        aws_sdk_s3::Client::new(&self.config())
    }

    pub(crate) fn kms(&self) -> aws_sdk_kms::Client {
        aws_sdk_kms::Client::new(&self.config())
    }

    pub(crate) fn iam(&self) -> aws_sdk_iam::Client {
        aws_sdk_iam::Client::new(&self.config())
    }

    /// A new key's ARN.
    pub(crate) async fn key(&self) -> Result<String> {
        let made = self.kms().create_key().send().await?.key_metadata;
        made.context("no key")?.arn.context("a key without an ARN")
    }

    /// A versioned bucket with this key as its default.
    pub(crate) async fn bucket(&self, name: &str, key: &str) -> Result<()> {
        let s3 = self.s3();
        let place = CreateBucketConfiguration::builder()
            .location_constraint(BucketLocationConstraint::from(self.region))
            .build();
        let call = s3.create_bucket().bucket(name);
        call.set_create_bucket_configuration((self.region != EAST).then_some(place))
            .send()
            .await?;
        let versioned = VersioningConfiguration::builder()
            .status(BucketVersioningStatus::Enabled)
            .build();
        s3.put_bucket_versioning()
            .bucket(name)
            .versioning_configuration(versioned)
            .send()
            .await?;
        let by_default = ServerSideEncryptionByDefault::builder()
            .sse_algorithm(ServerSideEncryption::AwsKms)
            .kms_master_key_id(key)
            .build()?;
        let rule = ServerSideEncryptionRule::builder()
            .apply_server_side_encryption_by_default(by_default)
            .bucket_key_enabled(true)
            .build();
        let encryption = ServerSideEncryptionConfiguration::builder()
            .rules(rule)
            .build()?;
        s3.put_bucket_encryption()
            .bucket(name)
            .server_side_encryption_configuration(encryption)
            .send()
            .await?;
        Ok(())
    }

    /// A role that S3 assumes, with this policy; its ARN.
    pub(crate) async fn role(&self, name: &str, policy: &Value) -> Result<String> {
        let iam = self.iam();
        let made = iam
            .create_role()
            .role_name(name)
            .assume_role_policy_document(TRUST)
            .send()
            .await?;
        iam.put_role_policy()
            .role_name(name)
            .policy_name("replicate")
            .policy_document(policy.to_string())
            .send()
            .await?;
        Ok(made.role.context("no role")?.arn)
    }

    /// Sets a bucket's replication.
    pub(crate) async fn replicate(
        &self,
        bucket: &str,
        role: &str,
        rules: Vec<ReplicationRule>,
    ) -> Result<()> {
        let configuration = ReplicationConfiguration::builder()
            .role(role)
            .set_rules(Some(rules))
            .build()?;
        self.s3()
            .put_bucket_replication()
            .bucket(bucket)
            .replication_configuration(configuration)
            .send()
            .await?;
        Ok(())
    }
}
