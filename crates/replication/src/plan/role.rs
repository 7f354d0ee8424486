//! The role of ours and our policy on it.

use serde_json::Value;

use super::comparison::Comparison;
use crate::desired::Desired;
use crate::fault::{About, Fault, FaultKind, Faults};
use crate::merge;
use crate::observed::Observed;
use crate::owner::{ROLE_PATH, role_arn};
use crate::policy::{Reach, S3, role_policy, trust_policy};
use crate::ports::RoleDescription;
use crate::replication::Replication;
use crate::step::Step;

/// The longest inline policies of a role, all together and without white space, in characters. See
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-entity-length>.
const LARGEST_INLINE_POLICIES: usize = 10_240;

impl Comparison<'_> {
    /// What must be there before the settings, and what belongs to them.
    pub(super) fn role(&self) -> Result<(Vec<Step>, Vec<Step>), Faults> {
        let (mut foundations, mut settings) = (Vec::new(), Vec::new());
        if self.replication.spec.role.is_some() {
            return Ok((foundations, settings));
        }
        let role = self.replication.role_name();
        let bucket = &self.replication.spec.source_bucket;
        let boundary = &self.replication.spec.permissions_boundary;
        let mut faults = Faults::default();
        match &self.observed.role {
            None => foundations.push(Step::CreateRole {
                role: role.clone(),
                description: format!(
                    "Assumed by Amazon S3 to replicate objects of bucket {bucket}"
                ),
                trust_policy: trust_policy(S3).to_string(),
                permissions_boundary: boundary.clone(),
            }),
            Some(found) => {
                faults.extend(self.not_ours(found));
                faults.extend(self.boundary_of_others(found));
                // The role is ours, and whoever else it trusts could act in its name.
                let trust = trust_policy(S3);
                if !merge::is_same_policy(Some(&found.trust_policy), &trust) {
                    let (role, trust_policy) = (role.clone(), trust.to_string());
                    settings.push(Step::PutTrustPolicy { role, trust_policy });
                }
                if let Some(boundary) = boundary
                    && found.permissions_boundary.as_ref() != Some(boundary)
                    && !self.keeps_boundary(found)
                {
                    let (role, policy_arn) = (role.clone(), boundary.clone());
                    // Before the policy, which we may be allowed to put on a bounded role alone.
                    foundations.push(Step::PutPermissionsBoundary { role, policy_arn });
                }
            }
        }
        match self.standing_policy() {
            Ok(document) if !merge::is_same_policy(self.present_policy(), &document) => {
                settings.push(self.put_policy(&document));
            }
            Ok(_) => {}
            Err(fault) => faults.add(fault),
        }
        faults.or((foundations, settings))
    }

    fn present_policy(&self) -> Option<&str> {
        let name = self.replication.owner.policy_name();
        let present = self.observed.role_policies.get(&name);
        present.map(String::as_str)
    }

    /// The policy while a change is under way, by this request or by an earlier one that could not prove it.
    fn standing_policy(&self) -> Result<Value, Fault> {
        let standing = fitting_policy(self.replication, &self.standing, self.observed)?;
        if merge::is_same_policy(self.present_policy(), &standing) {
            return Ok(standing);
        }
        let unproved = fitting_policy(self.replication, &self.unproved, self.observed);
        let unproved = unproved.ok();
        Ok(unproved
            .filter(|unproved| merge::is_same_policy(self.present_policy(), unproved))
            .unwrap_or(standing))
    }

    fn put_policy(&self, document: &Value) -> Step {
        Step::PutRolePolicy {
            role: self.replication.role_name(),
            policy: self.replication.owner.policy_name(),
            document: document.to_string(),
        }
    }

    /// The policy without what the rules no longer need.
    pub(super) fn narrowed_role(&self) -> Vec<Step> {
        if self.replication.spec.role.is_some() {
            return self.former_role_policy();
        }
        let wanted = fitting_policy(self.replication, self.desired, self.observed);
        match (self.standing_policy(), wanted) {
            (Ok(standing), Ok(wanted)) if standing != wanted => vec![self.put_policy(&wanted)],
            _ => Vec::new(),
        }
    }

    /// The policy that an earlier version of the resource needed and this one does not.
    fn former_role_policy(&self) -> Vec<Step> {
        let policy = self.replication.owner.policy_name();
        if !self.observed.role_policies.contains_key(&policy) {
            return Vec::new();
        }
        let role = self.replication.role_name();
        vec![Step::DeleteRolePolicy { role, policy }]
    }

    /// The role of ours is named after the bucket, and names of roles are the account's whatever their path.
    fn not_ours(&self, found: &RoleDescription) -> Option<Fault> {
        let role = self.replication.role_name();
        let ours = role_arn(&self.replication.home, &role);
        (found.arn != ours).then(|| {
            let words = format!(
                "there is a role `{}` outside the path {ROLE_PATH}, and the role of ours would have the same name; give \
                 a role as `Role`, or rename that one",
                found.arn
            );
            Fault::new(About::Role(role), FaultKind::Occupied, words)
        })
    }

    /// The role is shared, and so is its boundary: another one would be put on for resources that do not
    /// ask for it.
    fn boundary_of_others(&self, found: &RoleDescription) -> Option<Fault> {
        let wanted = self.replication.spec.permissions_boundary.as_ref()?;
        let present = found.permissions_boundary.as_ref()?;
        if wanted == present || !self.is_shared() || self.keeps_boundary(found) {
            return None;
        }
        let role = self.replication.role_name();
        let words = format!(
            "role `{role}` has the permissions boundary `{present}`, and other resources on the bucket use the role: \
             `PermissionsBoundary` `{wanted}` would be theirs too; give all of them the same, or put it on the role by \
             hand (iam:PutRolePermissionsBoundary) before"
        );
        Some(Fault::new(About::Role(role), FaultKind::Occupied, words))
    }

    /// Whether the boundary stays as it is: nothing new is asked of a role that others share.
    pub(super) fn keeps_boundary(&self, found: &RoleDescription) -> bool {
        let wanted = &self.replication.spec.permissions_boundary;
        let asked_before = self.observed.asked_before.as_ref();
        let unchanged = asked_before.is_some_and(|before| before.permissions_boundary == *wanted);
        self.is_shared() && found.permissions_boundary.is_some() && unchanged
    }

    fn is_shared(&self) -> bool {
        let mut names = self.observed.role_policies.keys();
        names.any(|name| !self.replication.owner.owns(name))
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
    let role = replication.role_name();
    let words = format!(
        "the policy of role `{role}` would have {least} characters even without prefixes, beside {others} of other \
         resources on the bucket; IAM takes at most {LARGEST_INLINE_POLICIES} in a role's inline policies: use fewer \
         destinations and keys, or give a role with managed policies as `Role`"
    );
    Err(Fault::new(About::Role(role), FaultKind::Limit, words))
}

/// IAM does not count white space.
fn counted(document: &str) -> usize {
    document.chars().filter(|c| !c.is_whitespace()).count()
}
