//! IAM roles over the SDK.

use aws_sdk_iam::types::Tag as IamTag;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::SdkAws;
use super::call::of;
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
        code: "ValidationError".into(),
        ..super::call::unfit(operation, named(role), GLOBAL, error)
    }
}

/// The answer to `operation` on a role.
fn on_role<T, E>(
    operation: &'static str,
    role: &str,
    call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
) -> impl Future<Output = Outcome<T>>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    of(operation, named(role), GLOBAL, call)
}

impl Roles for SdkAws {
    async fn role(&self, name: &str) -> Outcome<Option<RoleDescription>> {
        if !may_be_role(name) {
            return Ok(None);
        }
        let call = self.iam.get_role().role_name(name);
        let found = or_none(on_role("GetRole", name, call.send()).await)?;
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
        let done = on_role("CreateRole", role.name, call.send()).await;
        done.map(drop)
    }

    async fn put_trust_policy(&self, role: &str, document: &str) -> Outcome<()> {
        let call = self.iam.update_assume_role_policy().role_name(role);
        let call = call.policy_document(document).send();
        let done = on_role("UpdateAssumeRolePolicy", role, call).await;
        done.map(drop)
    }

    async fn put_permissions_boundary(&self, role: &str, policy_arn: &str) -> Outcome<()> {
        let call = self.iam.put_role_permissions_boundary().role_name(role);
        let call = call.permissions_boundary(policy_arn).send();
        let done = on_role("PutRolePermissionsBoundary", role, call).await;
        done.map(drop)
    }

    async fn tag_role(&self, role: &str, tag: &Tag) -> Outcome<()> {
        let sdk = IamTag::builder().key(&tag.key).value(&tag.value).build();
        let sdk = sdk.map_err(|error| unfit("TagRole", role, &error))?;
        let call = self.iam.tag_role().role_name(role).tags(sdk);
        let done = on_role("TagRole", role, call.send()).await;
        done.map(drop)
    }

    async fn delete_role(&self, name: &str) -> Outcome<()> {
        let call = self.iam.delete_role().role_name(name);
        let done = on_role("DeleteRole", name, call.send()).await;
        done.map(drop)
    }

    async fn role_policies(&self, role: &str) -> Outcome<Vec<String>> {
        if !may_be_role(role) {
            return Ok(Vec::new());
        }
        // One page holds them all: the inline policies of a role have at most 10,240 characters.
        let call = self.iam.list_role_policies().role_name(role);
        let found = or_none(on_role("ListRolePolicies", role, call.send()).await)?;
        Ok(found.map(|found| found.policy_names).unwrap_or_default())
    }

    async fn role_policy(&self, role: &str, policy: &str) -> Outcome<Option<String>> {
        if !may_be_role(role) {
            return Ok(None);
        }
        let call = self.iam.get_role_policy().role_name(role);
        let call = call.policy_name(policy).send();
        let found = or_none(on_role("GetRolePolicy", role, call).await)?;
        Ok(found.map(|found| decoded(&found.policy_document)))
    }

    async fn put_role_policy(&self, role: &str, policy: &str, document: &str) -> Outcome<()> {
        let call = self.iam.put_role_policy().role_name(role);
        let call = call.policy_name(policy).policy_document(document);
        let done = on_role("PutRolePolicy", role, call.send()).await;
        done.map(drop)
    }

    async fn delete_role_policy(&self, role: &str, policy: &str) -> Outcome<()> {
        let call = self.iam.delete_role_policy().role_name(role);
        let call = call.policy_name(policy).send();
        let done = on_role("DeleteRolePolicy", role, call).await;
        done.map(drop)
    }
}
