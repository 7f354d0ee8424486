//! S3 Batch Replication: over what is there when it begins, with a report when all of it is through.

use replication::configuration::ReplicationConfiguration;
use replication::error::ErrorKind;
use replication::jobs::{ObjectStatus, Selection};
use replication::ports::{BucketRef, JobDescription, Jobs, Outcome, Part, ReplicationJob};
use serde_json::json;

use super::evaluate::{Access, allowed};
use super::names::role_of;
use super::news::{News, Thing};
use super::replicate::applies;
use super::state::State;
use super::things::{JobRun, Version};
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

/// What S3 refuses of a request by itself.
fn check_request(state: &State, job: &ReplicationJob<'_>) -> Result<(), Refusal> {
    let invalid = |what: &str| refuse(ErrorKind::Invalid, "InvalidRequest", what);
    if job.token.len() > 64 || job.token.is_empty() {
        return invalid("ClientRequestToken");
    }
    if job.description.is_empty() || job.description.len() > 256 {
        return invalid("Description");
    }
    let Selection {
        prefix,
        statuses,
        created_after,
        created_before,
    } = job.selection;
    if prefix
        .as_ref()
        .is_some_and(|prefix| prefix.is_empty() || prefix.len() > 1_024)
    {
        return invalid("MatchAnyPrefix");
    }
    if statuses.is_empty() {
        return invalid("ObjectReplicationStatuses");
    }
    if let (Some(after), Some(before)) = (created_after, created_before)
        && after >= before
    {
        return invalid("CreatedBefore");
    }
    if !state.buckets.contains_key(job.report_bucket) {
        return invalid("the report's bucket does not exist");
    }
    Ok(())
}

fn status_of(version: &Version) -> Option<ObjectStatus> {
    match version.replication_status {
        None => Some(ObjectStatus::None),
        Some("FAILED") => Some(ObjectStatus::Failed),
        Some("COMPLETED") => Some(ObjectStatus::Completed),
        Some("REPLICA") => Some(ObjectStatus::Replica),
        Some(_) => None,
    }
}

/// S3's reason, as its failure events name it.
fn reason(state: &State, key: &str, id: &str) -> String {
    let about = state.news.iter().rev().find_map(|news| match news {
        News::Failure { version, stop, .. } if version.key == key && version.id == id => Some(stop),
        _ => None,
    });
    let reason = match about.map(|stop| &stop.what) {
        Some(Thing::Key(_)) => "DstKmsKeyInvalidState",
        Some(Thing::Bucket(_)) => "DstBucketNotFound",
        Some(Thing::Role(_) | Thing::Trust(_)) => "AssumeRoleNotPermitted",
        _ => "DstPutObjectNotPermitted",
    };
    reason.to_owned()
}

impl State {
    /// What came of a job, once nothing of it is under way.
    fn end_job(&mut self, id: &str) {
        let Some(run) = self.job_runs.get(id).filter(|run| run.outcome.is_none()) else {
            return;
        };
        let versions = self.buckets.get(&run.source);
        let versions = versions.map_or(&[][..], |bucket| &bucket.versions);
        let mut outcome = Vec::new();
        for (key, version_id) in &run.taken {
            let found = versions
                .iter()
                .find(|found| (&found.key, &found.id) == (key, version_id));
            let failure = match found.and_then(|found| found.replication_status) {
                Some("PENDING") => return,
                Some("COMPLETED") => None,
                Some(_) => Some(reason(self, key, version_id)),
                None => Some("SrcObjectNotFound".to_owned()),
            };
            outcome.push((key.clone(), version_id.clone(), failure));
        }
        if let Some(run) = self.job_runs.get_mut(id) {
            run.outcome = Some(outcome);
        }
    }

    /// The files of a job's report by their keys; none before its end.
    fn report(&self, id: &str) -> Vec<(String, String)> {
        let run = &self.job_runs[id];
        let Some(outcome) = run.outcome.as_ref().filter(|outcome| !outcome.is_empty()) else {
            return Vec::new();
        };
        let folder = format!("{}/job-{id}", run.report_prefix);
        let mut results = Vec::new();
        let mut files = Vec::new();
        for (status, failed) in [("succeeded", false), ("failed", true)] {
            let mut rows = String::new();
            for (key, version, failure) in outcome {
                if failure.is_some() == failed {
                    let code = failure.as_deref().unwrap_or_default();
                    let http = if failed { "400" } else { "200" };
                    let fields = [run.source.as_str(), key, version, status, code, http, "\n"];
                    rows.push_str(&fields.join(","));
                }
            }
            if !rows.is_empty() {
                let key = format!("{folder}/results/{status}.csv");
                results.push(
                    json!({"TaskExecutionStatus": status, "Bucket": run.report_bucket,
                                    "MD5Checksum": "0", "Key": key}),
                );
                files.push((key, rows));
            }
        }
        let manifest = json!({"Format": "Report_CSV_20180820", "ReportCreationDate": "2026-11-27T18:00:00Z",
            "Results": results,
            "ReportSchema": "Bucket, Key, VersionId, TaskStatus, ErrorCode, HTTPStatusCode, ResultMessage"});
        files.push((format!("{folder}/manifest.json"), manifest.to_string()));
        files
    }
}

impl Jobs for World {
    async fn start_replication_job(&self, job: ReplicationJob<'_>) -> Outcome<String> {
        let resource = format!("bucket `{}`", job.source.name);
        self.call("CreateJob", resource, job.source.region, |state| {
            if let Some(id) = state.jobs.get(job.token) {
                return Ok(id.clone());
            }
            check_request(state, &job)?;
            check_role(state, &job)?;
            let id = format!("job-{}", state.draw());
            let now = state.now;
            let began = state.began;
            let time = |version: &Version| {
                let passed = version.written.saturating_duration_since(began).as_secs();
                expectation::Time::from_secs(1_795_801_500 + i64::try_from(passed).unwrap())
            };
            let bucket = state.bucket(job.source)?;
            let configuration: Option<ReplicationConfiguration> =
                bucket.replication.written().clone();
            let Some(configuration) = configuration else {
                let message = "the source bucket has no replication configuration";
                return refuse(ErrorKind::Invalid, "InvalidRequest", message);
            };
            let selection = job.selection;
            let mut taken = Vec::new();
            for version in &mut bucket.versions {
                let meant = status_of(version)
                    .is_some_and(|status| selection.statuses.contains(&status))
                    && version
                        .key
                        .starts_with(selection.prefix.as_deref().unwrap_or_default())
                    && selection
                        .created_after
                        .is_none_or(|after| time(version) > after)
                    && selection
                        .created_before
                        .is_none_or(|before| time(version) < before);
                let eligible = configuration.rules.iter().any(|rule| {
                    applies(rule, &version.key, &version.tags, version.kms_key.is_some())
                });
                if meant && eligible {
                    taken.push((version.key.clone(), version.id.clone()));
                    version.replication_status = Some("PENDING");
                    version.written = now;
                }
            }
            state.jobs.insert(job.token.to_owned(), id.clone());
            let run = JobRun {
                region: job.source.region.to_owned(),
                source: job.source.name.to_owned(),
                role_arn: job.role_arn.to_owned(),
                report_bucket: job.report_bucket.to_owned(),
                report_prefix: job.report_prefix.to_owned(),
                selection: selection.clone(),
                taken,
                outcome: None,
                status: None,
            };
            state.job_runs.insert(id.clone(), run);
            Ok(id)
        })
    }

    async fn job(&self, region: &str, id: &str) -> Outcome<Option<JobDescription>> {
        self.call("DescribeJob", format!("job `{id}`"), region, |state| {
            state.end_job(id);
            let run = state.job_runs.get(id).filter(|run| run.region == region);
            Ok(run.map(|run| {
                let outcome = run.outcome.as_deref().unwrap_or_default();
                let failed = outcome
                    .iter()
                    .filter(|(_, _, failure)| failure.is_some())
                    .count();
                let (status, failures) = match (&run.status, &run.outcome) {
                    (Some((status, why)), _) => {
                        (status.as_str(), vec![("InternalError".into(), why.clone())])
                    }
                    (None, None) => ("Active", Vec::new()),
                    (None, Some(outcome)) if outcome.is_empty() => {
                        let why = "Generated manifest was empty".to_owned();
                        ("Failed", vec![("EmptyManifest".to_owned(), why)])
                    }
                    (None, Some(_)) => ("Complete", Vec::new()),
                };
                JobDescription {
                    id: id.to_owned(),
                    status: status.to_owned(),
                    role_arn: run.role_arn.clone(),
                    tasks: run.taken.len() as u64,
                    succeeded: (outcome.len() - failed) as u64,
                    failed: failed as u64,
                    failures,
                    reason: None,
                    report_bucket: Some(run.report_bucket.clone()),
                    report_prefix: Some(run.report_prefix.clone()),
                }
            }))
        })
    }

    /// A few bytes at once, so that every row is cut somewhere.
    async fn report_part(
        &self,
        bucket: BucketRef<'_>,
        key: &str,
        from: u64,
    ) -> Outcome<Option<Part>> {
        const MOST: usize = 50;
        self.call(
            "GetObject",
            format!("object `{key}`"),
            bucket.region,
            |state| {
                state.bucket(bucket)?;
                let ids: Vec<_> = state.job_runs.keys().cloned().collect();
                let mut files = ids
                    .iter()
                    .filter(|id| state.job_runs[*id].report_bucket == bucket.name)
                    .flat_map(|id| state.report(id));
                let found = files.find(|(name, _)| name == key);
                Ok(found.map(|(_, text)| {
                    let bytes = text.as_bytes();
                    let rest = bytes
                        .get(usize::try_from(from).unwrap()..)
                        .unwrap_or_default();
                    Part {
                        bytes: rest.iter().take(MOST).copied().collect(),
                        of: bytes.len() as u64,
                    }
                }))
            },
        )
    }
}
