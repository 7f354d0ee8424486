//! Policies of buckets and keys, and the simulator of those of roles.

use replication::error::ErrorKind;
use replication::ports::{Access, BucketRef, Decision, Outcome, Policies};

use super::evaluate::{self, verdict};
use serde_json::Value;

use super::state::State;
use super::weather::New;
use super::{ACCOUNT, Refusal, World, refuse};

/// A policy names only principals that exist. See
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>.
fn sound(state: &State, policy: &str, largest: usize, code: &'static str) -> Result<(), Refusal> {
    let parsed: Value = serde_json::from_str(policy).unwrap_or_default();
    let statements = parsed["Statement"].as_array().cloned().unwrap_or_default();
    if statements.is_empty() || policy.len() > largest {
        return refuse(
            ErrorKind::Invalid,
            code,
            "the policy is empty, too long or no policy",
        );
    }
    for statement in &statements {
        let principal = &statement["Principal"]["AWS"];
        let named = principal
            .as_array()
            .cloned()
            .unwrap_or_else(|| vec![principal.clone()]);
        for arn in named.iter().filter_map(Value::as_str) {
            let ours = arn.contains(&format!("::{ACCOUNT}:role/"));
            let there = state.roles.values().any(|role| role.arn == arn);
            if ours && !(there && state.knows(New::Role(arn))) {
                return refuse(ErrorKind::Invalid, code, "Invalid principal in policy");
            }
        }
    }
    Ok(())
}

/// Whether the policy leaves the caller, a role of the key's account, able to put another one.
fn may_be_put_again(policy: &str, key_arn: &str) -> bool {
    let account = key_arn.split(':').nth(4).unwrap_or_default();
    let caller = format!("arn:aws:iam::{account}:role/caller");
    // Without service and encryption context, and `"Resource": "*"` is the key itself.
    evaluate::lets_in(
        policy,
        &caller,
        &evaluate::Access::s3("kms:PutKeyPolicy", key_arn),
    )
}

impl Policies for World {
    async fn bucket_policy(&self, at: BucketRef<'_>) -> Outcome<Option<String>> {
        let resource = format!("bucket `{}`", at.name);
        self.call("GetBucketPolicy", resource, at.region, |state| {
            Ok(state.bucket(at)?.policy.clone())
        })
    }

    async fn put_bucket_policy(&self, at: BucketRef<'_>, policy: &str) -> Outcome<()> {
        let resource = format!("bucket `{}`", at.name);
        self.call("PutBucketPolicy", resource, at.region, |state| {
            sound(state, policy, 20 * 1024, "MalformedPolicy")?;
            state.one_at_a_time(at.name)?;
            state.bucket(at)?.policy = Some(policy.to_owned());
            Ok(())
        })
    }

    async fn delete_bucket_policy(&self, at: BucketRef<'_>) -> Outcome<()> {
        let resource = format!("bucket `{}`", at.name);
        self.call("DeleteBucketPolicy", resource, at.region, |state| {
            state.bucket(at)?.policy = None;
            Ok(())
        })
    }

    async fn put_key_policy(&self, region: &str, key_arn: &str, policy: &str) -> Outcome<()> {
        let resource = format!("key `{key_arn}`");
        self.call("PutKeyPolicy", resource, region, |state| {
            sound(state, policy, 32 * 1024, "MalformedPolicyDocumentException")?;
            if !state.of_acting(key_arn) {
                return refuse(ErrorKind::AccessDenied, "AccessDeniedException", "");
            }
            match state.keys.get_mut(key_arn) {
                Some(key) if key.state == "PendingDeletion" => refuse(
                    ErrorKind::Conflict,
                    "KMSInvalidStateException",
                    format!("{key_arn} is pending deletion."),
                ),
                // "The key policy must allow the calling principal to make a subsequent PutKeyPolicy request":
                // https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html
                Some(_) if !may_be_put_again(policy, key_arn) => refuse(
                    ErrorKind::Invalid,
                    "MalformedPolicyDocumentException",
                    "The new key policy will not allow you to update the key policy in the future.",
                ),
                Some(key) => {
                    policy.clone_into(&mut key.policy);
                    Ok(())
                }
                None => refuse(ErrorKind::NotFound, "NotFoundException", ""),
            }
        })
    }

    async fn key_policy(&self, region: &str, key_arn: &str) -> Outcome<Option<String>> {
        let resource = format!("key `{key_arn}`");
        self.call("GetKeyPolicy", resource, region, |state| {
            if !state.of_acting(key_arn) {
                return refuse(ErrorKind::AccessDenied, "AccessDeniedException", "");
            }
            let key = state.keys.get(key_arn).filter(|key| key.region == region);
            Ok(key.map(|key| key.policy.clone()))
        })
    }

    async fn simulate(&self, role_arn: &str, access: &Access) -> Outcome<Vec<Decision>> {
        let resource = format!("role `{role_arn}`");
        self.call("SimulatePrincipalPolicy", resource, "", |state| {
            let Some(role) = state.roles.values().find(|role| role.arn == role_arn) else {
                return refuse(
                    ErrorKind::NotFound,
                    "NoSuchEntity",
                    format!("The role with ARN {role_arn} cannot be found."),
                );
            };
            let policies: Vec<_> = role.policies.written().values().cloned().collect();
            let decisions = access.actions.iter().map(|action| {
                let asked = evaluate::Access::simulated(action, access);
                Decision {
                    action: (*action).to_owned(),
                    decision: verdict(&policies, &asked).to_owned(),
                }
            });
            Ok(decisions.collect())
        })
    }
}
