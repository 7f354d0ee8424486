//! What is expected of a replica: whose word counts, and where it is remembered.

use std::sync::Arc;
use std::time::Duration;

use aws_names::KeyName;
use expectation::Algorithm;

use crate::cache::Cache;
use crate::keys::Asking;
use crate::ports::{AskError, DefaultEncryption, DescribeKey, FindExpectation};
use crate::registry::Registry;
use crate::subject::ObjectVersion;
use crate::verdict::{Allowed, Authority, Expected};

/// AWS's name for the key that S3 uses where default encryption is KMS without a key.
const AWS_MANAGED_ALIAS: &str = "alias/aws/s3";

/// Whose word counts, and what was said.
#[derive(Debug)]
pub(crate) struct Expectations {
    allowed: Vec<KeyName>,
    registries: Cache<String, Arc<Registry>, AskError>,
    defaults: Cache<String, Option<BucketDefault>, AskError>,
    pub(crate) trusts_default: bool,
    /// Whose word the registry's is.
    pub(crate) registry_is: Authority,
}

/// What a bucket's default encryption says, where it counts.
#[derive(Clone, Debug)]
struct BucketDefault {
    key: KeyName,
    algorithm: Option<Algorithm>,
}

impl Expectations {
    pub(crate) fn new(allowed: Vec<KeyName>, time_to_live: Duration) -> Self {
        Self {
            allowed,
            registries: Cache::new(time_to_live),
            defaults: Cache::new(time_to_live),
            trusts_default: false,
            registry_is: Authority::Registry,
        }
    }

    /// What is expected of a version: the environment's word, else the registry's, else, where it counts,
    /// that of the bucket's default encryption.
    ///
    /// # Errors
    /// Where AWS could not be asked, or what it said cannot be understood.
    pub(crate) async fn on<A: FindExpectation + DescribeKey>(
        &self,
        version: &ObjectVersion,
        asking: &Asking<'_, A>,
    ) -> Result<Option<Expected>, AskError> {
        // What is said without an account is meant where it was said: the environment's names in the
        // checker's own, what is said about a bucket in its owner's.
        if !self.allowed.is_empty() {
            let mut keys = Vec::with_capacity(self.allowed.len());
            for name in &self.allowed {
                let key = asking.resolve(name, asking.trip.home).await?;
                keys.push(Allowed::current(key));
            }
            return Ok(Some(Expected {
                from: Authority::Environment,
                keys,
                several_owners: None,
            }));
        }
        let registry = self.registry(&version.bucket, asking).await?;
        let word = registry.word_on(&version.key);
        if !word.keys.is_empty() {
            let mut keys = Vec::with_capacity(word.keys.len());
            for said in &word.keys {
                keys.push(Allowed {
                    key: asking.resolve_for(said.key, version).await?,
                    algorithm: said.algorithm,
                    standing: said.standing,
                    since: said.since,
                    until: said.until,
                    conditional: said.conditional,
                });
            }
            return Ok(Some(Expected {
                from: self.registry_is,
                keys,
                several_owners: word.several_owners,
            }));
        }
        if !self.trusts_default {
            return Ok(None);
        }
        self.by_default(version, asking).await
    }

    async fn registry<A: FindExpectation>(
        &self,
        bucket: &str,
        asking: &Asking<'_, A>,
    ) -> Result<Arc<Registry>, AskError> {
        let fetch = || async {
            let parameters = asking.aws.registry(bucket).await?;
            let registry = Registry::read(&parameters).map_err(|error| AskError {
                operation: "ssm:GetParametersByPath",
                resource: format!("/encrypted-replication/{bucket}/"),
                answer: error.to_string(),
                remedy: "where it stays so, correct or delete the parameter".to_owned(),
            })?;
            Ok(Arc::new(registry))
        };
        asking
            .freshness
            .of((&self.registries, bucket), asking.trip.began, fetch)
            .await
    }

    async fn by_default<A: FindExpectation + DescribeKey>(
        &self,
        version: &ObjectVersion,
        asking: &Asking<'_, A>,
    ) -> Result<Option<Expected>, AskError> {
        let bucket = version.bucket.as_str();
        let owner = asking.trip.owner_of(version);
        let fetch = || fetch_default(asking.aws, bucket, owner);
        let default = asking
            .freshness
            .of((&self.defaults, bucket), asking.trip.began, fetch)
            .await?;
        let Some(BucketDefault { key, algorithm }) = default else {
            return Ok(None);
        };
        let key = asking.resolve_for(&key, version).await?;
        Ok(Some(Expected {
            from: Authority::BucketDefault,
            keys: vec![Allowed {
                algorithm,
                ..Allowed::current(key)
            }],
            several_owners: None,
        }))
    }
}

async fn fetch_default<A: FindExpectation>(
    aws: &A,
    bucket: &str,
    owner: Option<&str>,
) -> Result<Option<BucketDefault>, AskError> {
    let (key, algorithm) = match aws.default_encryption(bucket, owner).await? {
        DefaultEncryption::Kms(key) => (key, None),
        DefaultEncryption::Dsse(key) => (key, Some(Algorithm::Dsse)),
        DefaultEncryption::Other => return Ok(None),
    };
    let key = key.as_deref().unwrap_or(AWS_MANAGED_ALIAS);
    match KeyName::parse(key) {
        Ok(key) => Ok(Some(BucketDefault { key, algorithm })),
        Err(problem) => Err(AskError {
            operation: "s3:GetBucketEncryption",
            resource: format!("bucket {bucket}"),
            answer: format!("its KMS key `{key}` is {problem}"),
            remedy: "correct the bucket's default encryption".to_owned(),
        }),
    }
}
