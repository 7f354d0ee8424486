//! Parameter Store's parameters.

use std::collections::BTreeMap;

use super::SdkAws;
use super::call::of;
use crate::ports::{Below, Outcome, Parameters};

fn named(parameter: &str) -> String {
    format!("parameter `{parameter}`")
}

impl Parameters for SdkAws {
    async fn parameters(
        &self,
        region: &str,
        path: &str,
        below: Below,
    ) -> Outcome<BTreeMap<String, String>> {
        let store = self.parameter_store(region);
        let call = store.by_path(path, below == Below::All);
        let resource = format!("parameters below `{path}`");
        let found = of("GetParametersByPath", resource, region, call).await?;
        let found = found.into_iter().map(|one| (one.name, one.value));
        Ok(found.collect())
    }

    async fn put_parameter(
        &self,
        region: &str,
        name: &str,
        value: &str,
        description: &str,
    ) -> Outcome<()> {
        let store = self.parameter_store(region);
        let call = store.put(name, value, description);
        of("PutParameter", named(name), region, call).await
    }

    async fn delete_parameter(&self, region: &str, name: &str) -> Outcome<()> {
        let store = self.parameter_store(region);
        of("DeleteParameter", named(name), region, store.delete(name)).await
    }
}
