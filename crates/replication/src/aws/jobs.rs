//! S3 Batch Operations over the SDK.

use aws_names::Arn;
use aws_sdk_s3control::primitives::DateTime;
use aws_sdk_s3control::types::{
    JobDescriptor, JobManifestGenerator, JobManifestGeneratorFilter, JobOperation, JobReport,
    JobReportFormat, JobReportScope, KeyNameConstraint, ReplicationStatus, S3JobManifestGenerator,
    S3ReplicateObjectOperation,
};
use expectation::Time;

use super::SdkAws;
use super::call::{named, of, unfit};
use crate::error::{AwsError, ErrorKind};
use crate::jobs::ObjectStatus;
use crate::ports::{BucketRef, JobDescription, Jobs, Outcome, Part, ReplicationJob};

const OPERATION: &str = "CreateJob";
/// Among the account's jobs; 0 is the lowest.
const PRIORITY: i32 = 10;
/// Bytes of a report read at once.
const PART: u64 = 1 << 20;

fn status(of: ObjectStatus) -> ReplicationStatus {
    match of {
        ObjectStatus::None => ReplicationStatus::None,
        ObjectStatus::Failed => ReplicationStatus::Failed,
        ObjectStatus::Completed => ReplicationStatus::Completed,
        ObjectStatus::Replica => ReplicationStatus::Replica,
    }
}

fn described(found: JobDescriptor) -> JobDescription {
    let count = |number: Option<i64>| u64::try_from(number.unwrap_or_default()).unwrap_or_default();
    let progress = found.progress_summary.as_ref();
    let failures = found.failure_reasons.into_iter().flatten().map(|reason| {
        let (code, words) = (reason.failure_code, reason.failure_reason);
        (code.unwrap_or_default(), words.unwrap_or_default())
    });
    let failures = failures.collect();
    let report = found.report;
    let bucket = report.as_ref().and_then(|report| report.bucket.as_deref());
    let bucket = bucket.and_then(Arn::parse);
    JobDescription {
        id: found.job_id.unwrap_or_default(),
        status: found
            .status
            .map(|status| status.as_str().to_owned())
            .unwrap_or_default(),
        role_arn: found.role_arn.unwrap_or_default(),
        tasks: count(progress.and_then(|progress| progress.total_number_of_tasks)),
        succeeded: count(progress.and_then(|progress| progress.number_of_tasks_succeeded)),
        failed: count(progress.and_then(|progress| progress.number_of_tasks_failed)),
        failures,
        reason: found.status_update_reason.or(found.suspended_cause),
        report_bucket: bucket.and_then(|arn| arn.bucket_name().map(str::to_owned)),
        report_prefix: report.and_then(|report| report.prefix),
    }
}

impl Jobs for SdkAws {
    async fn start_replication_job(&self, job: ReplicationJob<'_>) -> Outcome<String> {
        let resource = named(job.source);
        let operation = JobOperation::builder()
            .s3_replicate_object(S3ReplicateObjectOperation::builder().build())
            .build();
        let report = JobReport::builder()
            .enabled(true)
            .bucket(self.home.bucket_arn(job.report_bucket))
            .prefix(job.report_prefix)
            .format(JobReportFormat::ReportCsv20180820)
            .report_scope(JobReportScope::AllTasks)
            .build();
        let selection = job.selection;
        // More than one prefix S3 does not take, see
        // https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_KeyNameConstraint.html.
        let named = selection.prefix.as_ref().map(|prefix| {
            KeyNameConstraint::builder()
                .match_any_prefix(prefix)
                .build()
        });
        let time = |time: Option<Time>| time.map(|time| DateTime::from_secs(time.secs()));
        let statuses = selection.statuses.iter().copied().map(status);
        let eligible = JobManifestGeneratorFilter::builder()
            .eligible_for_replication(true)
            .set_object_replication_statuses(Some(statuses.collect()))
            .set_created_after(time(selection.created_after))
            .set_created_before(time(selection.created_before))
            .set_key_name_constraint(named)
            .build();
        let generator = S3JobManifestGenerator::builder()
            .expected_bucket_owner(&self.home.account)
            .source_bucket(self.home.bucket_arn(job.source.name))
            .enable_manifest_output(false)
            .filter(eligible)
            .build()
            .map_err(|error| unfit(OPERATION, resource.clone(), job.source.region, &error))?;
        let call = self
            .s3_control(job.source.region)
            .create_job()
            .account_id(&self.home.account)
            .confirmation_required(false)
            .operation(operation)
            .report(report)
            .manifest_generator(JobManifestGenerator::S3JobManifestGenerator(generator))
            .description(job.description)
            .client_request_token(job.token)
            .priority(PRIORITY)
            .role_arn(job.role_arn);
        let started = of(OPERATION, resource, job.source.region, call.send()).await?;
        Ok(started.job_id.unwrap_or_default())
    }

    async fn job(&self, region: &str, id: &str) -> Outcome<Option<JobDescription>> {
        let call = self.s3_control(region).describe_job();
        let call = call.account_id(&self.home.account).job_id(id);
        let answer = of("DescribeJob", format!("job `{id}`"), region, call.send()).await;
        match answer {
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            other => Ok(other?.job.map(described)),
        }
    }

    async fn report_part(
        &self,
        bucket: BucketRef<'_>,
        key: &str,
        from: u64,
    ) -> Outcome<Option<Part>> {
        const OPERATION: &str = "GetObject";
        let resource = format!("object `{key}` of bucket `{}`", bucket.name);
        let call = self.s3(bucket.region).get_object();
        let call = call
            .bucket(bucket.name)
            .key(key)
            .range(format!("bytes={from}-{}", from + PART - 1));
        let answer = of(OPERATION, resource.clone(), bucket.region, call.send()).await;
        let found = match answer {
            Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
            // There is no byte there: it is empty, or ends before.
            Err(error) if error.code == "InvalidRange" => return Ok(Some(Part::default())),
            other => other?,
        };
        // `bytes 0-99/100`
        let range = found.content_range.as_deref();
        let of = range.and_then(|range| range.rsplit('/').next()?.parse().ok());
        let body = found.body.collect().await.map_err(|error| AwsError {
            operation: OPERATION,
            resource,
            region: bucket.region.to_owned(),
            kind: ErrorKind::Transient,
            code: String::new(),
            message: format!("the answer broke off: {error}"),
            request_id: None,
        })?;
        let bytes = body.to_vec();
        let of = of.unwrap_or(from + bytes.len() as u64);
        Ok(Some(Part { bytes, of }))
    }
}
