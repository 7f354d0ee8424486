//! `diagnose BUCKET`: every check, from the bucket's rules as they stand, whoever made them.

use std::collections::BTreeMap;

use aws_names::Arn;
use replication::diagnosis::CheckResult;
use replication::diagnosis::standing::Looking;
use replication::ports::{BucketRef, Buckets as _};

use crate::checks::{CheckRow, weight};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::{Context, Outcome};

/// What `diagnose` takes.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "Examples:
  encrypted-replication diagnose tax-documents
  encrypted-replication diagnose tax-documents --profile audit --output json
  encrypted-replication diagnose tax-documents --assume-role arn:aws:iam::444455556666:role/Audit
                            looks at destinations in account 444455556666 in that role's name

Exit status: 0 nothing is broken, 1 something is, 2 could not look.")]
pub struct Arguments {
    /// The source bucket, or its ARN
    pub bucket: String,
    /// A role to assume for the destinations in its account; may be given for several accounts
    #[arg(long, value_name = "ARN")]
    pub assume_role: Vec<String>,
    /// Show what is as it must be, too
    #[arg(long)]
    pub all: bool,
}

/// The name of a bucket that is given as such or by its ARN.
#[must_use]
pub fn bucket_name(given: &str) -> &str {
    let name = given.strip_prefix("s3://").unwrap_or(given);
    let name = match name.rsplit_once(":::") {
        Some((_, name)) => name,
        None => name,
    };
    name.trim_end_matches('/')
}

/// The roles, by the account that each is in.
///
/// # Errors
/// Where one is no role's ARN.
pub fn by_account(roles: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let roles = roles.iter().map(|role| match Arn::parse(role) {
        Some(arn) if arn.role_name().is_some() => Ok((arn.account, role.clone())),
        _ => Err(Failure::Asked(format!(
            "--assume-role takes the ARN of a role, such as arn:aws:iam::444455556666:role/Audit, and not `{role}`"
        ))),
    });
    roles.collect()
}

/// Looks at one bucket's replication.
///
/// # Errors
/// Where the bucket is not there, or its rules cannot be read.
pub async fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, Failure> {
    let roles = by_account(&arguments.assume_role)?;
    let name = bucket_name(&arguments.bucket);
    let session = context.session().await?;
    let aws = session.aws();
    let progress = Progress::new("checks", None);
    progress.at(name);
    let region = aws
        .bucket_region(name)
        .await
        .map_err(|error| session.failed(error))?;
    let Some(region) = region else {
        return Err(Failure::Asked(format!(
            "there is no bucket `{name}` (HeadBucket in {}, account {})",
            session.home().region,
            session.caller().account
        )));
    };
    let bucket = BucketRef {
        name,
        region: &region,
    };
    let looking = Looking {
        aws: &aws,
        home: session.home(),
        roles: &roles,
    };
    let found = Box::pin(looking.at(bucket)).await;
    let mut found = found.map_err(|error| session.failed(error))?;
    drop(progress);
    let outcome = Outcome::of(found.is_broken());
    found.checks.sort_by_key(|check| weight(check.result));
    let (mut passed, mut fixes) = (0, Vec::new());
    let mut rows = context.output.rows();
    for check in found.checks {
        let row = CheckRow::of(name, check);
        if row.result == CheckResult::Pass {
            passed += 1;
            if context.output.is_for_people() && !arguments.all {
                continue;
            }
        }
        if let Some(write) = &row.write {
            fixes.push(format!("For {} of {}:\n{write}", row.check, row.resource));
        }
        rows.push(row)?;
    }
    rows.finish()?;
    let output = &context.output;
    if !fixes.is_empty() {
        output.remark(format_args!("\nWhat to write\n\n{}", fixes.join("\n\n")))?;
    }
    output.remark(format_args!(
        "\n{}: {} rules in {region}; {passed} checks passed{}.",
        name,
        found.rules.len(),
        if arguments.all {
            ""
        } else {
            " (--all shows them)"
        }
    ))?;
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_may_be_given_by_name_arn_or_address() {
        for given in ["tax", "arn:aws:s3:::tax", "s3://tax", "s3://tax/"] {
            assert_eq!(bucket_name(given), "tax");
        }
    }

    #[test]
    fn a_role_is_for_its_account() {
        let role = "arn:aws:iam::444455556666:role/path/Audit".to_owned();
        let roles = by_account(std::slice::from_ref(&role)).unwrap();
        assert_eq!(roles["444455556666"], role);
        assert!(by_account(&["Audit".to_owned()]).is_err());
    }
}
