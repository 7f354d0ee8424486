//! KMS keys over the SDK.

use aws_sdk_kms::types::Tag as KmsTag;

use super::SdkAws;
use super::failure::failure;
use crate::configuration::Tag;
use crate::error::{AwsError, ErrorKind};
use crate::ports::{KeyDescription, Keys, Outcome};

fn unfit(operation: &'static str, region: &str, error: &impl std::error::Error) -> AwsError {
    AwsError {
        operation,
        resource: "a new key".into(),
        region: region.to_owned(),
        kind: ErrorKind::Invalid,
        code: "ValidationException".into(),
        message: error.to_string(),
        request_id: None,
    }
}

impl Keys for SdkAws {
    async fn describe_key(&self, region: &str, key: &str) -> Outcome<Option<KeyDescription>> {
        let answer = self.kms(region).describe_key().key_id(key).send().await;
        let answer =
            answer.map_err(|error| failure("DescribeKey", format!("key `{key}`"), region, &error));
        match answer {
            Ok(found) => Ok(found.key_metadata.map(|key| KeyDescription {
                arn: key.arn.unwrap_or(key.key_id),
                state: key
                    .key_state
                    .map(|state| state.as_str().to_owned())
                    .unwrap_or_default(),
                usage: key
                    .key_usage
                    .map(|usage| usage.as_str().to_owned())
                    .unwrap_or_default(),
                spec: key
                    .key_spec
                    .map(|spec| spec.as_str().to_owned())
                    .unwrap_or_default(),
                manager: key
                    .key_manager
                    .map(|manager| manager.as_str().to_owned())
                    .unwrap_or_default(),
            })),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn create_key(&self, region: &str, description: &str, tags: &[Tag]) -> Outcome<String> {
        let tags: Result<Vec<_>, _> = tags
            .iter()
            .map(|tag| {
                KmsTag::builder()
                    .tag_key(&tag.key)
                    .tag_value(&tag.value)
                    .build()
            })
            .collect();
        let tags = tags.map_err(|error| unfit("CreateKey", region, &error))?;
        let call = self.kms(region).create_key().description(description);
        let made = call.set_tags(Some(tags)).send().await;
        let made = made.map_err(|error| failure("CreateKey", "a new key", region, &error))?;
        let metadata = made.key_metadata;
        Ok(metadata
            .map(|key| key.arn.unwrap_or(key.key_id))
            .unwrap_or_default())
    }

    async fn create_alias(&self, region: &str, alias: &str, key_arn: &str) -> Outcome<()> {
        let call = self
            .kms(region)
            .create_alias()
            .alias_name(alias)
            .target_key_id(key_arn);
        match call.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(failure("CreateAlias", format!("`{alias}`"), region, &error)),
        }
    }

    async fn enable_key_rotation(&self, region: &str, key_arn: &str) -> Outcome<()> {
        match self
            .kms(region)
            .enable_key_rotation()
            .key_id(key_arn)
            .send()
            .await
        {
            Ok(_) => Ok(()),
            Err(error) => Err(failure(
                "EnableKeyRotation",
                format!("key `{key_arn}`"),
                region,
                &error,
            )),
        }
    }

    async fn schedule_key_deletion(&self, region: &str, key_arn: &str, days: i32) -> Outcome<()> {
        let call = self.kms(region).schedule_key_deletion().key_id(key_arn);
        match call.pending_window_in_days(days).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(failure(
                "ScheduleKeyDeletion",
                format!("key `{key_arn}`"),
                region,
                &error,
            )),
        }
    }

    async fn cancel_key_deletion(&self, region: &str, key_arn: &str) -> Outcome<()> {
        let call = self.kms(region).cancel_key_deletion().key_id(key_arn);
        match call.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(failure(
                "CancelKeyDeletion",
                format!("key `{key_arn}`"),
                region,
                &error,
            )),
        }
    }

    async fn enable_key(&self, region: &str, key_arn: &str) -> Outcome<()> {
        match self.kms(region).enable_key().key_id(key_arn).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(failure(
                "EnableKey",
                format!("key `{key_arn}`"),
                region,
                &error,
            )),
        }
    }

    async fn key_tags(&self, region: &str, key_arn: &str) -> Outcome<Vec<Tag>> {
        // A key has at most 50 tags, see
        // https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html.
        let call = self.kms(region).list_resource_tags().key_id(key_arn);
        let found = call.limit(50).send().await.map_err(|error| {
            failure(
                "ListResourceTags",
                format!("key `{key_arn}`"),
                region,
                &error,
            )
        })?;
        let tags = found.tags.unwrap_or_default().into_iter().map(|tag| Tag {
            key: tag.tag_key,
            value: tag.tag_value,
        });
        Ok(tags.collect())
    }
}
