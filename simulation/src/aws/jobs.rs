//! S3 Batch Replication: at once, over all that is there.

use replication::configuration::ReplicationConfiguration;
use replication::error::ErrorKind;
use replication::ports::{Jobs, Outcome, ReplicationJob};

use super::evaluate::{Access, allowed};
use super::names::role_of;
use super::replicate::applies;
use super::state::State;
use super::{Refusal, World, refuse};

/// See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-batch-replication-policies.html>.
fn check_role(state: &State, job: &ReplicationJob<'_>) -> Result<(), Refusal> {
    let name = role_of(job.role_arn).unwrap_or_default();
    let role = state.roles.get(name).filter(|role| {
        role.arn == job.role_arn
            && role
                .trust_policy
                .contains("batchoperations.s3.amazonaws.com")
    });
    let Some(role) = role else {
        return refuse(
            ErrorKind::Invalid,
            "InvalidRequest",
            "The role cannot be assumed",
        );
    };
    let policies: Vec<_> = role.policies.written().values().cloned().collect();
    let source = format!("arn:aws:s3:::{}", job.source.name);
    let object = format!("{source}/any");
    let report = format!(
        "arn:aws:s3:::{}/{}/job-1/report.json",
        job.report_bucket, job.report_prefix
    );
    for (action, resource) in [
        ("s3:InitiateReplication", &object),
        ("s3:GetReplicationConfiguration", &source),
        ("s3:PutInventoryConfiguration", &source),
        ("s3:PutObject", &report),
    ] {
        if !allowed(&policies, &Access::s3(action, resource)) {
            let message = format!("the job's role lacks {action}");
            return refuse(ErrorKind::AccessDenied, "AccessDenied", message);
        }
    }
    Ok(())
}

impl Jobs for World {
    async fn start_replication_job(&self, job: ReplicationJob<'_>) -> Outcome<String> {
        let resource = format!("bucket `{}`", job.source.name);
        self.call("CreateJob", resource, job.source.region, |state| {
            if let Some(id) = state.jobs.get(job.token) {
                return Ok(id.clone());
            }
            if job.token.len() > 64 || job.token.is_empty() {
                return refuse(ErrorKind::Invalid, "InvalidRequest", "ClientRequestToken");
            }
            check_role(state, &job)?;
            let id = format!("job-{}", state.draw());
            state.jobs.insert(job.token.to_owned(), id.clone());
            let now = state.now;
            let bucket = state.bucket(job.source)?;
            let configuration: Option<ReplicationConfiguration> =
                bucket.replication.written().clone();
            let rules = configuration.map_or_else(Vec::new, |found| found.rules);
            for version in &mut bucket.versions {
                let waits = matches!(version.replication_status, None | Some("FAILED"));
                let meant = job.prefixes.is_empty()
                    || job
                        .prefixes
                        .iter()
                        .any(|prefix| version.key.starts_with(prefix));
                if waits
                    && meant
                    && rules.iter().any(|rule| {
                        applies(rule, &version.key, &version.tags, version.kms_key.is_some())
                    })
                {
                    version.replication_status = Some("PENDING");
                    version.written = now;
                }
            }
            Ok(id)
        })
    }
}
