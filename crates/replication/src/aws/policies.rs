//! Policies of buckets and keys, and IAM's simulator, over the SDK.

use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum};

use super::SdkAws;
use super::call::{absent, done, on};
use super::failure::failure;
use crate::error::ErrorKind;
use crate::ports::{Access, BucketRef, Decision, Outcome, Policies};

/// The one name that a key's policy has.
const KEY_POLICY: &str = "default";

impl Policies for SdkAws {
    async fn bucket_policy(&self, bucket: BucketRef<'_>) -> Outcome<Option<String>> {
        let call = self.s3(bucket.region).get_bucket_policy();
        let call = call.bucket(bucket.name);
        let answer = on("GetBucketPolicy", bucket, call.send()).await;
        let found = absent(answer, "NoSuchBucketPolicy")?;
        Ok(found.and_then(|found| found.policy))
    }

    async fn put_bucket_policy(&self, bucket: BucketRef<'_>, policy: &str) -> Outcome<()> {
        let call = self.s3(bucket.region).put_bucket_policy();
        let call = call.bucket(bucket.name).policy(policy);
        done("PutBucketPolicy", bucket, call.send()).await
    }

    async fn delete_bucket_policy(&self, bucket: BucketRef<'_>) -> Outcome<()> {
        let call = self.s3(bucket.region).delete_bucket_policy();
        let call = call.bucket(bucket.name);
        done("DeleteBucketPolicy", bucket, call.send()).await
    }

    async fn key_policy(&self, region: &str, key_arn: &str) -> Outcome<Option<String>> {
        let call = self.kms(region).get_key_policy().key_id(key_arn);
        match call.policy_name(KEY_POLICY).send().await {
            Ok(found) => Ok(found.policy),
            Err(error) => {
                let error = failure("GetKeyPolicy", format!("key `{key_arn}`"), region, &error);
                if error.kind == ErrorKind::NotFound {
                    return Ok(None);
                }
                Err(error)
            }
        }
    }

    async fn put_key_policy(&self, region: &str, key_arn: &str, policy: &str) -> Outcome<()> {
        let call = self.kms(region).put_key_policy().key_id(key_arn);
        let call = call.policy_name(KEY_POLICY).policy(policy);
        match call.send().await {
            Ok(_) => Ok(()),
            Err(error) => {
                let resource = format!("key `{key_arn}`");
                Err(failure("PutKeyPolicy", resource, region, &error))
            }
        }
    }

    async fn simulate(&self, role_arn: &str, access: &Access) -> Outcome<Vec<Decision>> {
        let context = access.context.iter().map(|(key, value)| {
            ContextEntry::builder()
                .context_key_name(*key)
                .context_key_type(ContextKeyTypeEnum::String)
                .context_key_values(value)
                .build()
        });
        let call = self
            .iam
            .simulate_principal_policy()
            .policy_source_arn(role_arn)
            .set_action_names(Some(
                access.actions.iter().map(|one| (*one).into()).collect(),
            ))
            .resource_arns(&access.resource)
            .set_context_entries(Some(context.collect()));
        let answer = call.send().await.map_err(|error| {
            failure(
                "SimulatePrincipalPolicy",
                format!("role `{role_arn}`"),
                "",
                &error,
            )
        })?;
        // One page holds them all: there are fewer actions than the 100 that a page has.
        let results = answer.evaluation_results.unwrap_or_default();
        Ok(results
            .into_iter()
            .map(|result| Decision {
                action: result.eval_action_name,
                decision: result.eval_decision.as_str().to_owned(),
            })
            .collect())
    }
}
