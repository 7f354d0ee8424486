//! Credentials of a role.

use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use aws_types::SdkConfig;

use super::call::wanting;
use super::failure;
use crate::ports::Outcome;
use aws_names::{Arn, Home};

/// What the trail of the other account shows us as.
const SESSION: &str = "encrypted-replication";

/// `config` with credentials of a role for an hour, and `home` in the role's account.
///
/// See <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>.
///
/// # Errors
/// Where the role cannot be assumed.
pub async fn in_role(
    config: &SdkConfig,
    home: &Home,
    role_arn: &str,
) -> Outcome<(SdkConfig, Home)> {
    const OPERATION: &str = "AssumeRole";
    let resource = format!("role `{role_arn}`");
    let call = aws_sdk_sts::Client::new(config)
        .assume_role()
        .role_arn(role_arn)
        .role_session_name(SESSION);
    let answer = call.send().await;
    let answer = answer.map_err(|error| failure(OPERATION, &resource, &home.region, &error))?;
    let Some(given) = answer.credentials else {
        let message = "the answer had no credentials".to_owned();
        return Err(wanting(OPERATION, resource, &home.region, message));
    };
    let credentials = Credentials::new(
        given.access_key_id,
        given.secret_access_key,
        Some(given.session_token),
        None,
        OPERATION,
    );
    let config = config
        .to_builder()
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build();
    let account = Arn::parse(role_arn)
        .map(|arn| arn.account)
        .unwrap_or_default();
    Ok((config, home.of_account(&account)))
}
