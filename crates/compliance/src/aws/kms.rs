//! KMS: one `DescribeKey`.

use aws_sdk_kms::error::ProvideErrorMetadata;
use aws_sdk_kms::types::KeyManagerType;

use super::Aws;
use super::error::{answer, ask, status};
use crate::ports::{AskError, DescribeKey, KeyAnswer, KeyDescription};

impl DescribeKey for Aws {
    /// See <https://docs.aws.amazon.com/kms/latest/APIReference/API_DescribeKey.html>.
    async fn describe(&self, key: &str) -> Result<KeyAnswer, AskError> {
        let described = match self.kms.describe_key().key_id(key).send().await {
            Ok(described) => described.key_metadata,
            Err(error) if error.code() == Some("NotFoundException") => {
                return Ok(KeyAnswer::NotFound);
            }
            // KMS answers 400 to nearly all that it refuses, throttling included.
            Err(error) if refused(error.code(), status(&error)) => {
                return Ok(KeyAnswer::Refused(format!(
                    "kms:DescribeKey: {}",
                    answer(&error)
                )));
            }
            Err(error) => return Err(ask("kms:DescribeKey", format!("key {key}"), &error)),
        };
        let Some((metadata, arn)) = described.and_then(|key| key.arn.clone().map(|arn| (key, arn)))
        else {
            return Ok(KeyAnswer::Refused(
                "kms:DescribeKey: an answer without an ARN".to_owned(),
            ));
        };
        let state = metadata
            .key_state
            .as_ref()
            .map_or("", |state| state.as_str())
            .to_owned();
        let aws_managed = metadata.key_manager == Some(KeyManagerType::Aws);
        Ok(KeyAnswer::Found(KeyDescription {
            arn,
            state,
            aws_managed,
        }))
    }
}

/// Whether KMS will give the same answer again.
fn refused(code: Option<&str>, status: Option<u16>) -> bool {
    matches!(
        code,
        Some(
            "AccessDeniedException"
                | "AccessDenied"
                | "InvalidArnException"
                | "ValidationException"
        )
    ) || status == Some(403)
}
