//! IAM roles over the SDK.

use aws_sdk_iam::types::Tag as IamTag;

use super::SdkAws;
use super::failure::failure;
use crate::configuration::Tag;
use crate::error::{AwsError, ErrorKind};
use crate::ports::{NewRole, Outcome, RoleDescription, Roles};

/// IAM has no Regions.
const GLOBAL: &str = "";

fn named(role: &str) -> String {
    format!("role `{role}`")
}

/// Whether IAM takes it as a role's name at all; where it does not, it refuses to look for one too. See
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html>.
fn may_be_role(name: &str) -> bool {
    const LONGEST: usize = 64;
    let fits = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    (1..=LONGEST).contains(&name.len()) && name.chars().all(fits)
}

/// Our permissions end at a path, which the name of a role does not tell: for a role that is not
/// there IAM knows no path, and denies. So denied is as good as absent here; a role that is there
/// under another path shows when ours is to be made.
fn or_none<T>(outcome: Outcome<T>) -> Outcome<Option<T>> {
    match outcome {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::AccessDenied) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// IAM answers with documents percent-encoded, see
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRolePolicy.html>.
fn decoded(document: &str) -> String {
    percent_encoding::percent_decode_str(document)
        .decode_utf8_lossy()
        .into_owned()
}

/// A value of ours that the SDK's types do not take.
fn unfit(operation: &'static str, role: &str, error: &impl std::error::Error) -> AwsError {
    AwsError {
        operation,
        resource: named(role),
        region: GLOBAL.into(),
        kind: ErrorKind::Invalid,
        code: "ValidationError".into(),
        message: error.to_string(),
        request_id: None,
    }
}

impl Roles for SdkAws {
    async fn role(&self, name: &str) -> Outcome<Option<RoleDescription>> {
        if !may_be_role(name) {
            return Ok(None);
        }
        let answer = self.iam.get_role().role_name(name).send().await;
        let found =
            or_none(answer.map_err(|error| failure("GetRole", named(name), GLOBAL, &error)))?;
        Ok(found
            .and_then(|found| found.role)
            .map(|role| RoleDescription {
                arn: role.arn,
                permissions_boundary: role
                    .permissions_boundary
                    .and_then(|boundary| boundary.permissions_boundary_arn),
                tags: role
                    .tags
                    .unwrap_or_default()
                    .into_iter()
                    .map(|tag| Tag {
                        key: tag.key,
                        value: tag.value,
                    })
                    .collect(),
                trust_policy: decoded(
                    role.assume_role_policy_document
                        .as_deref()
                        .unwrap_or_default(),
                ),
            }))
    }

    async fn create_role(&self, role: NewRole<'_>) -> Outcome<()> {
        let tags: Result<Vec<_>, _> = role
            .tags
            .iter()
            .map(|tag| IamTag::builder().key(&tag.key).value(&tag.value).build())
            .collect();
        let tags = tags.map_err(|error| unfit("CreateRole", role.name, &error))?;
        let call = self.iam.create_role().role_name(role.name).path(role.path);
        let call = call
            .assume_role_policy_document(role.trust_policy)
            .set_permissions_boundary(role.permissions_boundary.map(str::to_owned))
            .description(role.description)
            .set_tags(Some(tags));
        match call.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(failure("CreateRole", named(role.name), GLOBAL, &error)),
        }
    }

    async fn put_trust_policy(&self, role: &str, document: &str) -> Outcome<()> {
        let call = self.iam.update_assume_role_policy().role_name(role);
        match call.policy_document(document).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(failure(
                "UpdateAssumeRolePolicy",
                named(role),
                GLOBAL,
                &error,
            )),
        }
    }

    async fn put_permissions_boundary(&self, role: &str, policy_arn: &str) -> Outcome<()> {
        let call = self.iam.put_role_permissions_boundary().role_name(role);
        match call.permissions_boundary(policy_arn).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(failure(
                "PutRolePermissionsBoundary",
                named(role),
                GLOBAL,
                &error,
            )),
        }
    }

    async fn tag_role(&self, role: &str, tag: &Tag) -> Outcome<()> {
        let sdk = IamTag::builder().key(&tag.key).value(&tag.value).build();
        let sdk = sdk.map_err(|error| unfit("TagRole", role, &error))?;
        match self.iam.tag_role().role_name(role).tags(sdk).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(failure("TagRole", named(role), GLOBAL, &error)),
        }
    }

    async fn delete_role(&self, name: &str) -> Outcome<()> {
        match self.iam.delete_role().role_name(name).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(failure("DeleteRole", named(name), GLOBAL, &error)),
        }
    }

    async fn role_policies(&self, role: &str) -> Outcome<Vec<String>> {
        if !may_be_role(role) {
            return Ok(Vec::new());
        }
        // One page holds them all: the inline policies of a role have at most 10,240 characters.
        let answer = self.iam.list_role_policies().role_name(role).send().await;
        let found = or_none(
            answer.map_err(|error| failure("ListRolePolicies", named(role), GLOBAL, &error)),
        )?;
        Ok(found.map(|found| found.policy_names).unwrap_or_default())
    }

    async fn role_policy(&self, role: &str, policy: &str) -> Outcome<Option<String>> {
        if !may_be_role(role) {
            return Ok(None);
        }
        let answer = self
            .iam
            .get_role_policy()
            .role_name(role)
            .policy_name(policy)
            .send()
            .await;
        let found =
            or_none(answer.map_err(|error| failure("GetRolePolicy", named(role), GLOBAL, &error)))?;
        Ok(found.map(|found| decoded(&found.policy_document)))
    }

    async fn put_role_policy(&self, role: &str, policy: &str, document: &str) -> Outcome<()> {
        let call = self
            .iam
            .put_role_policy()
            .role_name(role)
            .policy_name(policy);
        match call.policy_document(document).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(failure("PutRolePolicy", named(role), GLOBAL, &error)),
        }
    }

    async fn delete_role_policy(&self, role: &str, policy: &str) -> Outcome<()> {
        match self
            .iam
            .delete_role_policy()
            .role_name(role)
            .policy_name(policy)
            .send()
            .await
        {
            Ok(_) => Ok(()),
            Err(error) => Err(failure("DeleteRolePolicy", named(role), GLOBAL, &error)),
        }
    }
}
