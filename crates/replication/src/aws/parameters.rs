//! SSM parameters over the SDK.

use aws_sdk_ssm::types::{ParameterTier, ParameterType};

use super::SdkAws;
use super::failure::failure;
use crate::error::ErrorKind;
use crate::ports::{Outcome, Parameters};

impl Parameters for SdkAws {
    async fn parameter(&self, region: &str, name: &str) -> Outcome<Option<String>> {
        let answer = self.ssm(region).get_parameter().name(name).send().await;
        let answer = answer.map_err(|error| {
            failure(
                "GetParameter",
                format!("parameter `{name}`"),
                region,
                &error,
            )
        });
        match answer {
            Ok(found) => Ok(found.parameter.and_then(|parameter| parameter.value)),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn put_parameter(&self, region: &str, name: &str, value: &str) -> Outcome<()> {
        let call = self.ssm(region).put_parameter().name(name).value(value);
        let call = call
            .r#type(ParameterType::String)
            // Above 4,096 bytes SSM needs its advanced tier, which costs; below it does not.
            .tier(ParameterTier::IntelligentTiering)
            .description("What replicas in the bucket are to be encrypted with")
            .overwrite(true);
        match call.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(failure(
                "PutParameter",
                format!("parameter `{name}`"),
                region,
                &error,
            )),
        }
    }

    async fn delete_parameter(&self, region: &str, name: &str) -> Outcome<()> {
        match self.ssm(region).delete_parameter().name(name).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(failure(
                "DeleteParameter",
                format!("parameter `{name}`"),
                region,
                &error,
            )),
        }
    }
}
