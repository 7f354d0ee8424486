//! KMS keys over the SDK.

use aws_sdk_kms::types::Tag as KmsTag;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::SdkAws;
use super::call::{of, unfit};
use crate::configuration::Tag;
use crate::error::{AwsError, ErrorKind};
use crate::ports::{KeyDescription, Keys, Outcome};

const NEW_KEY: &str = "a new key";

/// The answer to `operation` on a key.
fn on_key<T, E>(
    operation: &'static str,
    region: &str,
    key: &str,
    call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
) -> impl Future<Output = Outcome<T>>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    of(operation, format!("key `{key}`"), region, call)
}

impl Keys for SdkAws {
    async fn describe_key(&self, region: &str, key: &str) -> Outcome<Option<KeyDescription>> {
        let call = self.kms(region).describe_key().key_id(key);
        match on_key("DescribeKey", region, key, call.send()).await {
            Ok(found) => Ok(found.key_metadata.map(|key| KeyDescription {
                arn: key.arn.unwrap_or(key.key_id),
                state: key
                    .key_state
                    .map_or_else(String::new, |state| state.as_str().to_owned()),
                usage: key
                    .key_usage
                    .map_or_else(String::new, |usage| usage.as_str().to_owned()),
                spec: key
                    .key_spec
                    .map_or_else(String::new, |spec| spec.as_str().to_owned()),
                manager: key
                    .key_manager
                    .map_or_else(String::new, |manager| manager.as_str().to_owned()),
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
        let tags = tags.map_err(|error| AwsError {
            code: "ValidationException".into(),
            ..unfit("CreateKey", NEW_KEY.to_owned(), region, &error)
        })?;
        let call = self.kms(region).create_key().description(description);
        let call = call.set_tags(Some(tags)).send();
        let made = of("CreateKey", NEW_KEY.to_owned(), region, call).await?;
        let key = made.key_metadata.map(|key| key.arn.unwrap_or(key.key_id));
        Ok(key.unwrap_or_default())
    }

    async fn create_alias(&self, region: &str, alias: &str, key_arn: &str) -> Outcome<()> {
        let call = self.kms(region).create_alias().alias_name(alias);
        let call = call.target_key_id(key_arn).send();
        of("CreateAlias", format!("`{alias}`"), region, call)
            .await
            .map(drop)
    }

    async fn enable_key_rotation(&self, region: &str, key_arn: &str) -> Outcome<()> {
        let call = self.kms(region).enable_key_rotation().key_id(key_arn);
        let done = on_key("EnableKeyRotation", region, key_arn, call.send()).await;
        done.map(drop)
    }

    async fn schedule_key_deletion(&self, region: &str, key_arn: &str, days: i32) -> Outcome<()> {
        let call = self.kms(region).schedule_key_deletion().key_id(key_arn);
        let call = call.pending_window_in_days(days).send();
        let done = on_key("ScheduleKeyDeletion", region, key_arn, call).await;
        done.map(drop)
    }

    async fn cancel_key_deletion(&self, region: &str, key_arn: &str) -> Outcome<()> {
        let call = self.kms(region).cancel_key_deletion().key_id(key_arn);
        let done = on_key("CancelKeyDeletion", region, key_arn, call.send()).await;
        done.map(drop)
    }

    async fn enable_key(&self, region: &str, key_arn: &str) -> Outcome<()> {
        let call = self.kms(region).enable_key().key_id(key_arn);
        let done = on_key("EnableKey", region, key_arn, call.send()).await;
        done.map(drop)
    }

    async fn key_tags(&self, region: &str, key_arn: &str) -> Outcome<Vec<Tag>> {
        // A key has at most 50 tags, see
        // https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html.
        let call = self.kms(region).list_resource_tags().key_id(key_arn);
        let call = call.limit(50).send();
        let found = on_key("ListResourceTags", region, key_arn, call).await?;
        let tags = found.tags.unwrap_or_default().into_iter().map(|tag| Tag {
            key: tag.tag_key,
            value: tag.tag_value,
        });
        Ok(tags.collect())
    }
}
