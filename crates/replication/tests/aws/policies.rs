//! Policies of buckets and keys, and the simulator of those of roles.

use replication::error::ErrorKind;
use replication::ports::{Access, BucketRef, Decision, Outcome, Policies};

use super::evaluate::{self, verdict};
use super::{World, refuse};

impl Policies for World {
    async fn bucket_policy(&self, at: BucketRef<'_>) -> Outcome<Option<String>> {
        let resource = format!("bucket `{}`", at.name);
        self.call("GetBucketPolicy", resource, at.region, |state| {
            Ok(state.bucket(at)?.policy.clone())
        })
    }

    async fn key_policy(&self, region: &str, key_arn: &str) -> Outcome<Option<String>> {
        let resource = format!("key `{key_arn}`");
        self.call("GetKeyPolicy", resource, region, |state| {
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
