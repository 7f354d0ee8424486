//! Systems Manager Parameter Store: the registry of expectations; and S3's word behind it.

use super::Aws;
use super::error::ask;
use crate::ports::{AskError, DefaultEncryption, FindExpectation, RegistryParameter};

impl FindExpectation for Aws {
    /// All pages of `GetParametersByPath`.
    ///
    /// See <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParametersByPath.html>.
    async fn registry(&self, bucket: &str) -> Result<Vec<RegistryParameter>, AskError> {
        let path = format!("/encrypted-replication/{bucket}/");
        let found = self.parameters.by_path(&path, true).await;
        let found = found
            .map_err(|error| ask("ssm:GetParametersByPath", format!("path {path}"), &error))?;
        let parameters = found.into_iter().map(|parameter| RegistryParameter {
            name: parameter.name,
            value: parameter.value,
        });
        Ok(parameters.collect())
    }

    async fn default_encryption(
        &self,
        bucket: &str,
        owner: Option<&str>,
    ) -> Result<DefaultEncryption, AskError> {
        self.bucket_default(bucket, owner).await
    }
}
