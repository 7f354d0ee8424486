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
        let mut pages = self
            .ssm
            .get_parameters_by_path()
            .path(&path)
            .recursive(true)
            .into_paginator()
            .send();
        let mut parameters = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page
                .map_err(|error| ask("ssm:GetParametersByPath", format!("path {path}"), &error))?;
            parameters.extend(
                page.parameters
                    .unwrap_or_default()
                    .into_iter()
                    .map(|parameter| RegistryParameter {
                        name: parameter.name.unwrap_or_default(),
                        value: parameter.value.unwrap_or_default(),
                    }),
            );
        }
        Ok(parameters)
    }

    async fn default_encryption(
        &self,
        bucket: &str,
        owner: Option<&str>,
    ) -> Result<DefaultEncryption, AskError> {
        self.bucket_default(bucket, owner).await
    }
}
