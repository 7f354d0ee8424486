//! Existing objects: an S3 Batch Replication job, started once, when the rules are proven.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-batch-replication-batch.html>.

use std::collections::BTreeSet;

use custom_resource::Deadline;
use serde_json::{Value, json};

use crate::apply::Writes;
use crate::case::Case;
use crate::configuration::{ReplicationRule, Status};
use crate::error::ReplicationError;
use crate::fault::Faults;
use crate::merge;
use crate::owner::{JOB_TAG, Owner, role_arn};
use crate::plan::Desired;
use crate::policy::{BATCH_OPERATIONS, trust_policy};
use crate::ports::{Aws, Outcome, RoleDescription, Roles};
use crate::replication::Replication;
use crate::rounds::Rounds;
use crate::spec::ExistingObjects;
use crate::step::{Plan, Step};

/// What there is of the job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObservedJob {
    /// The job's role.
    pub role: Option<RoleDescription>,
    /// Our policy on it.
    pub policy: Option<String>,
}

impl ObservedJob {
    /// Id of the job that was started.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        let mut tags = self.role.iter().flat_map(|role| &role.tags);
        tags.find(|tag| tag.key == JOB_TAG)
            .map(|tag| tag.value.as_str())
    }
}

/// Reads what there is of the job.
///
/// # Errors
/// The first read that failed.
pub async fn observe_job<A: Roles>(aws: &A, owner: &Owner) -> Outcome<ObservedJob> {
    let name = owner.batch_role();
    let (role, policy) =
        futures_util::future::try_join(aws.role(&name), aws.role_policy(&name, &name)).await?;
    Ok(ObservedJob { role, policy })
}

/// The steps to the job.
///
/// # Errors
/// Where no destination can take its report.
pub fn plan_job(
    replication: &Replication,
    desired: &Desired,
    observed: &ObservedJob,
) -> Result<Plan, Faults> {
    let Replication {
        spec, home, owner, ..
    } = replication;
    if spec.existing_objects == ExistingObjects::Ignore || observed.id().is_some() {
        return Ok(Plan::default());
    }
    let own = |bucket: &&String| !replication.is_foreign(bucket);
    let Some(report_bucket) = desired.regions.keys().find(own) else {
        let mut faults = Faults::default();
        faults.push(
            "ExistingObjects",
            "Replicate needs a destination bucket of this account for the job's report; start the job by hand, with a \
             report in a bucket of yours",
        );
        return Err(faults);
    };
    let name = owner.batch_role();
    let role_arn = role_arn(home, &name);
    let document = job_policy(replication, report_bucket);
    let boundary = &spec.permissions_boundary;
    let role = match (&observed.role, boundary) {
        (None, _) => Some(Step::CreateRole {
            role: name.clone(),
            description: format!(
                "Assumed by S3 Batch Operations to replicate existing objects of bucket {}",
                spec.source_bucket
            ),
            trust_policy: trust_policy(BATCH_OPERATIONS).to_string(),
            permissions_boundary: boundary.clone(),
        }),
        // An earlier request made it, and did not come to the job.
        (Some(found), Some(boundary)) if found.permissions_boundary.as_ref() != Some(boundary) => {
            let (role, policy_arn) = (name.clone(), boundary.clone());
            Some(Step::PutPermissionsBoundary { role, policy_arn })
        }
        (Some(_), _) => None,
    };
    let policy = (!merge::is_same_policy(observed.policy.as_deref(), &document)).then(|| {
        Step::PutRolePolicy {
            role: name.clone(),
            policy: name.clone(),
            document: document.to_string(),
        }
    });
    let job = Step::StartReplicationJob {
        bucket: spec.source_bucket.clone(),
        region: spec.source_region.clone(),
        role: name.clone(),
        role_arn,
        prefixes: prefixes(desired),
        report_bucket: report_bucket.clone(),
        token: name,
    };
    let phases = [Vec::from_iter(role), Vec::from_iter(policy), vec![job]];
    Ok(Plan::of(phases))
}

/// Starts of the keys of what our enabled rules cover, without those that another one covers; none where one
/// covers all. Others on the bucket may have said `Ignore`.
fn prefixes(desired: &Desired) -> Vec<String> {
    let enabled = desired
        .rules
        .iter()
        .filter(|rule| rule.status == Status::Enabled);
    let all: BTreeSet<&str> = enabled.map(ReplicationRule::filter_prefix).collect();
    if all.contains("") {
        return Vec::new();
    }
    let mut widest: Vec<String> = Vec::new();
    for prefix in all {
        // In byte order a prefix comes before all that it starts.
        if !widest
            .last()
            .is_some_and(|wider| prefix.starts_with(wider.as_str()))
        {
            widest.push(prefix.to_owned());
        }
    }
    widest
}

/// What the job may do. See
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-batch-replication-policies.html>.
fn job_policy(replication: &Replication, report_bucket: &str) -> Value {
    let Replication { home, owner, .. } = replication;
    let source = replication.source_arn();
    let report = home.bucket_arn(report_bucket);
    // It has no key: reports are encrypted with SSE-S3, see
    // <https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-examples-reports.html>.
    let statements = [
        json!({
            "Sid": owner.sid("ExistingObjects"),
            "Effect": "Allow",
            "Action": "s3:InitiateReplication",
            "Resource": format!("{source}/*"),
        }),
        json!({
            "Sid": owner.sid("Manifest"),
            "Effect": "Allow",
            "Action": ["s3:GetReplicationConfiguration", "s3:PutInventoryConfiguration"],
            "Resource": source,
        }),
        json!({
            "Sid": owner.sid("Report"),
            "Effect": "Allow",
            "Action": "s3:PutObject",
            "Resource": format!("{report}/{}/*", owner.report_prefix()),
        }),
    ];
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// Starts the job where it is asked for and was not started; returns its id.
///
/// # Errors
/// What AWS refused.
pub async fn replicate_existing<A: Aws>(
    case: &Case<'_, A>,
    desired: &Desired,
    deadline: Deadline,
    writes: &mut Writes,
) -> Result<Option<String>, ReplicationError> {
    let Replication { spec, owner, .. } = &case.replication;
    if spec.existing_objects == ExistingObjects::Ignore {
        return Ok(None);
    }
    let mut rounds = Rounds::new(
        owner,
        deadline,
        &spec.source_bucket,
        "start the job for existing objects of",
    );
    loop {
        rounds.begin().await?;
        let outcome = async {
            let observed = observe_job(case.accounts.home(), owner).await?;
            if let Some(id) = observed.id() {
                return Ok(Some(id.to_owned()));
            }
            let plan = plan_job(&case.replication, desired, &observed)
                .map_err(ReplicationError::Refused)?;
            case.apply(&plan, writes).await?;
            Ok(None)
        };
        if let Some(id) = rounds.end(Box::pin(outcome).await)? {
            return Ok(Some(id));
        }
    }
}
