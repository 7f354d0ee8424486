//! IAM roles.

use std::collections::BTreeMap;

use replication::configuration::Tag;
use replication::error::ErrorKind;
use replication::ports::{NewRole, Outcome, RoleDescription, Roles};
use serde_json::Value;

use super::state::State;
use super::things::{Lagging, Role};
use super::weather::New;
use super::{ACCOUNT, Refusal, World, refuse};

/// All inline policies of a role together, white space not counted. See
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-entity-length>.
const LARGEST_INLINE: usize = 10_240;

fn named(role: &str) -> String {
    format!("role `{role}`")
}

fn known<'a>(state: &'a mut State, name: &str) -> Result<&'a mut Role, Refusal> {
    match state.roles.get_mut(name) {
        Some(role) => Ok(role),
        None => refuse(
            ErrorKind::NotFound,
            "NoSuchEntity",
            format!("The role with name {name} cannot be found."),
        ),
    }
}

/// As the template's conditional Deny, whose condition is on `iam:PermissionsBoundary`. See
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html#access_policies_boundaries-delegate>.
fn bounded(state: &State, boundary: Option<&str>) -> Result<(), Refusal> {
    if state.required_boundary.is_some() && state.required_boundary.as_deref() != boundary {
        return refuse(
            ErrorKind::AccessDenied,
            "AccessDenied",
            "not authorized, with an explicit deny in an identity-based policy",
        );
    }
    Ok(())
}

/// IAM looks at the name before anything else. See
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html>.
fn takes(name: &str) -> Result<(), Refusal> {
    let valid = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if (1..=64).contains(&name.len()) && name.chars().all(valid) {
        return Ok(());
    }
    refuse(
        ErrorKind::Invalid,
        "ValidationError",
        "The specified value for roleName is invalid.",
    )
}

fn is_policy(document: &str) -> bool {
    serde_json::from_str::<Value>(document).is_ok_and(|policy| policy["Statement"].is_array())
}

/// The same with its lists turned round: IAM keeps them as sets.
fn turned(document: &str) -> String {
    let mut policy: Value = serde_json::from_str(document).unwrap_or_default();
    let statements = policy["Statement"].as_array_mut();
    for statement in statements.into_iter().flatten() {
        for list in ["Action", "Resource"] {
            if let Some(list) = statement.get_mut(list).and_then(Value::as_array_mut) {
                list.reverse();
            }
        }
    }
    policy.to_string()
}

impl Roles for World {
    async fn role(&self, name: &str) -> Outcome<Option<RoleDescription>> {
        self.call("GetRole", named(name), "", |state| {
            takes(name)?;
            Ok(state.roles.get(name).map(|role| RoleDescription {
                arn: role.arn.clone(),
                permissions_boundary: role.permissions_boundary.clone(),
                trust_policy: role.trust_policy.clone(),
                tags: role.tags.clone(),
            }))
        })
    }

    async fn create_role(&self, role: NewRole<'_>) -> Outcome<()> {
        self.call("CreateRole", named(role.name), "", |state| {
            bounded(state, role.permissions_boundary)?;
            takes(role.name)?;
            if state.roles.contains_key(role.name) {
                return refuse(
                    ErrorKind::AlreadyExists,
                    "EntityAlreadyExists",
                    format!("Role with name {} already exists.", role.name),
                );
            }
            if !is_policy(role.trust_policy) {
                return refuse(
                    ErrorKind::Invalid,
                    "MalformedPolicyDocument",
                    "This policy contains invalid Json",
                );
            }
            let now = state.now;
            let made = Role {
                arn: format!("arn:aws:iam::{ACCOUNT}:role{}{}", role.path, role.name),
                trust_policy: role.trust_policy.to_owned(),
                permissions_boundary: role.permissions_boundary.map(str::to_owned),
                tags: role.tags.to_vec(),
                policies: Lagging::new(BTreeMap::new(), now),
            };
            state.is_new(New::Role(&made.arn));
            state.roles.insert(role.name.to_owned(), made);
            Ok(())
        })
    }

    async fn tag_role(&self, role: &str, tag: &Tag) -> Outcome<()> {
        self.call("TagRole", named(role), "", |state| {
            let tags = &mut known(state, role)?.tags;
            tags.retain(|present| present.key != tag.key);
            tags.push(tag.clone());
            Ok(())
        })
    }

    async fn put_trust_policy(&self, role: &str, document: &str) -> Outcome<()> {
        self.call("UpdateAssumeRolePolicy", named(role), "", |state| {
            if !is_policy(document) {
                return refuse(
                    ErrorKind::Invalid,
                    "MalformedPolicyDocument",
                    "This policy contains invalid Json",
                );
            }
            document.clone_into(&mut known(state, role)?.trust_policy);
            Ok(())
        })
    }

    async fn put_permissions_boundary(&self, role: &str, policy_arn: &str) -> Outcome<()> {
        self.call("PutRolePermissionsBoundary", named(role), "", |state| {
            bounded(state, Some(policy_arn))?;
            known(state, role)?.permissions_boundary = Some(policy_arn.to_owned());
            Ok(())
        })
    }

    async fn delete_role(&self, name: &str) -> Outcome<()> {
        self.call("DeleteRole", named(name), "", |state| {
            if !known(state, name)?.policies.written().is_empty() {
                return refuse(
                    ErrorKind::Conflict,
                    "DeleteConflict",
                    "Cannot delete entity, must delete policies first.",
                );
            }
            state.roles.remove(name);
            Ok(())
        })
    }

    async fn role_policies(&self, role: &str) -> Outcome<Vec<String>> {
        self.call("ListRolePolicies", named(role), "", |state| {
            takes(role)?;
            let found = state.roles.get(role);
            Ok(found.map_or_else(Vec::new, |role| {
                role.policies.written().keys().cloned().collect()
            }))
        })
    }

    async fn role_policy(&self, role: &str, policy: &str) -> Outcome<Option<String>> {
        self.call("GetRolePolicy", named(role), "", |state| {
            takes(role)?;
            let found = state.roles.get(role);
            let found = found.and_then(|role| role.policies.written().get(policy).cloned());
            let turns = state.turns_lists;
            Ok(found.map(|document| if turns { turned(&document) } else { document }))
        })
    }

    async fn put_role_policy(&self, role: &str, policy: &str, document: &str) -> Outcome<()> {
        self.call("PutRolePolicy", named(role), "", |state| {
            let now = state.now;
            let boundary = known(state, role)?.permissions_boundary.clone();
            bounded(state, boundary.as_deref())?;
            let found = known(state, role)?;
            if !is_policy(document) {
                return refuse(
                    ErrorKind::Invalid,
                    "MalformedPolicyDocument",
                    "Syntax errors in policy.",
                );
            }
            let mut policies = found.policies.written().clone();
            policies.insert(policy.to_owned(), document.to_owned());
            let counted = policies
                .values()
                .flat_map(|document| document.chars().filter(|c| !c.is_whitespace()));
            if counted.count() > LARGEST_INLINE {
                // IAM answers 409, which the adapter takes for a conflict.
                return refuse(
                    ErrorKind::Conflict,
                    "LimitExceeded",
                    format!(
                        "Maximum policy size of {LARGEST_INLINE} bytes exceeded for role {role}"
                    ),
                );
            }
            found.policies.write(policies, now);
            Ok(())
        })
    }

    async fn delete_role_policy(&self, role: &str, policy: &str) -> Outcome<()> {
        self.call("DeleteRolePolicy", named(role), "", |state| {
            let now = state.now;
            let found = known(state, role)?;
            let mut policies = found.policies.written().clone();
            if policies.remove(policy).is_none() {
                return refuse(
                    ErrorKind::NotFound,
                    "NoSuchEntity",
                    format!("The role policy with name {policy} cannot be found."),
                );
            }
            found.policies.write(policies, now);
            Ok(())
        })
    }
}
