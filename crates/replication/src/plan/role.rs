//! The role of ours and our policy on it.

use serde_json::Value;

use super::create::Comparison;
use crate::desired::Desired;
use crate::fault::{About, Fault, FaultKind};
use crate::merge;
use crate::observed::Observed;
use crate::policy::{Reach, S3, role_policy, trust_policy};
use crate::replication::Replication;
use crate::step::Step;

/// The longest inline policies of a role, all together and without white space, in characters. See
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-entity-length>.
const LARGEST_INLINE_POLICIES: usize = 10_240;

impl Comparison<'_> {
    /// What must be there before the settings, and what belongs to them.
    pub(super) fn role(&self) -> Result<(Vec<Step>, Vec<Step>), Fault> {
        let (mut foundations, mut settings) = (Vec::new(), Vec::new());
        if self.replication.spec.role.is_some() {
            return Ok((foundations, settings));
        }
        let role = &self.replication.spec.source_bucket;
        let boundary = &self.replication.spec.permissions_boundary;
        match &self.observed.role {
            None => foundations.push(Step::CreateRole {
                role: role.clone(),
                description: format!("Assumed by Amazon S3 to replicate objects of bucket {role}"),
                trust_policy: trust_policy(S3).to_string(),
                permissions_boundary: boundary.clone(),
            }),
            Some(found) => {
                // The role is ours, and whoever else it trusts could act in its name.
                let trust = trust_policy(S3);
                if !merge::says(Some(&found.trust_policy), &trust) {
                    let (role, trust_policy) = (role.clone(), trust.to_string());
                    settings.push(Step::PutTrustPolicy { role, trust_policy });
                }
                if let Some(boundary) = boundary
                    && found.permissions_boundary.as_ref() != Some(boundary)
                {
                    let (role, policy_arn) = (role.clone(), boundary.clone());
                    // Before the policy, which we may be allowed to put on a bounded role alone.
                    foundations.push(Step::PutPermissionsBoundary { role, policy_arn });
                }
            }
        }
        let name = self.replication.owner.policy_name();
        let document = fitting_policy(self.replication, self.desired, self.observed)?;
        let present = self.observed.role_policies.get(&name);
        if !merge::says(present.map(String::as_str), &document) {
            settings.push(Step::PutRolePolicy {
                role: role.clone(),
                policy: name,
                document: document.to_string(),
            });
        }
        Ok((foundations, settings))
    }

    /// The policy that an earlier version of the resource needed and this one does not.
    pub(super) fn former_role_policy(&self) -> Vec<Step> {
        let policy = self.replication.owner.policy_name();
        if self.replication.spec.role.is_none()
            || !self.observed.role_policies.contains_key(&policy)
        {
            return Vec::new();
        }
        let role = self.replication.spec.source_bucket.clone();
        vec![Step::DeleteRolePolicy { role, policy }]
    }
}

/// The policy by prefix where that fits beside the other policies of the role, else by bucket.
///
/// # Errors
/// Where neither fits.
pub(crate) fn fitting_policy(
    replication: &Replication,
    desired: &Desired,
    observed: &Observed,
) -> Result<Value, Fault> {
    let name = replication.owner.policy_name();
    let policies = observed.role_policies.iter();
    let others: usize = policies
        .filter(|(other, _)| **other != name)
        .map(|(_, document)| counted(document))
        .sum();
    let mut least = 0;
    for reach in [Reach::Prefixes, Reach::Buckets] {
        let document = role_policy(replication, desired, reach);
        least = counted(&document.to_string());
        if least + others <= LARGEST_INLINE_POLICIES {
            return Ok(document);
        }
    }
    let role = &replication.spec.source_bucket;
    let words = format!(
        "the policy of role `{role}` would have {least} characters even without prefixes, beside {others} of other \
         resources on the bucket; IAM takes at most {LARGEST_INLINE_POLICIES} in a role's inline policies: use fewer \
         destinations and keys, or give a role with managed policies as `Role`"
    );
    Err(Fault::new(
        About::Role(role.clone()),
        FaultKind::Limit,
        words,
    ))
}

/// IAM does not count white space.
fn counted(document: &str) -> usize {
    document.chars().filter(|c| !c.is_whitespace()).count()
}
