//! SSM parameters over the SDK.

use std::collections::BTreeMap;

use aws_sdk_ssm::types::{ParameterTier, ParameterType};

use super::SdkAws;
use super::call::of;
use super::failure::failure;
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
        let call = self.ssm(region).get_parameters_by_path().path(path);
        let call = call.set_recursive((below == Below::All).then_some(true));
        let mut pages = call.into_paginator().send();
        let mut found = BTreeMap::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| {
                let resource = format!("parameters below `{path}`");
                failure("GetParametersByPath", resource, region, &error)
            })?;
            let named = page.parameters.unwrap_or_default().into_iter();
            found.extend(named.filter_map(|one| Some((one.name?, one.value?))));
        }
        Ok(found)
    }

    async fn put_parameter(
        &self,
        region: &str,
        name: &str,
        value: &str,
        description: &str,
    ) -> Outcome<()> {
        let call = self.ssm(region).put_parameter().name(name).value(value);
        let call = call
            .r#type(ParameterType::String)
            // Above 4,096 bytes SSM needs its advanced tier, which costs; below it does not.
            .tier(ParameterTier::IntelligentTiering)
            .description(description)
            .overwrite(true);
        let done = of("PutParameter", named(name), region, call.send()).await;
        done.map(drop)
    }

    async fn delete_parameter(&self, region: &str, name: &str) -> Outcome<()> {
        let call = self.ssm(region).delete_parameter().name(name);
        let done = of("DeleteParameter", named(name), region, call.send()).await;
        done.map(drop)
    }
}
