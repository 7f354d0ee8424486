//! S3 Batch Operations, in the XML of S3's control plane.

use aws_calls::S3_CONTROL_NAMESPACE;
use aws_names::Arn;
use expectation::Time;

use super::SdkAws;
use super::call::{named, of, unread};
use super::xml::{self, Element};
use crate::error::{AwsError, ErrorKind};
use crate::jobs::ObjectStatus;
use crate::ports::{BucketRef, JobDescription, Jobs, Outcome, Part, ReplicationJob};

/// Among the account's jobs; 0 is the lowest.
const PRIORITY: &str = "10";
/// Bytes of a report read at once.
const PART: u64 = 1 << 20;

const fn word(status: ObjectStatus) -> &'static str {
    match status {
        ObjectStatus::None => "NONE",
        ObjectStatus::Failed => "FAILED",
        ObjectStatus::Completed => "COMPLETED",
        ObjectStatus::Replica => "REPLICA",
    }
}

/// `CreateJobRequest`, its members in the order of
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_CreateJob.html>.
fn request(aws: &SdkAws, job: &ReplicationJob<'_>) -> String {
    let account = &aws.home.account;
    xml::document_in(S3_CONTROL_NAMESPACE, "CreateJobRequest", |out| {
        xml::text(out, "ConfirmationRequired", "false");
        xml::element(out, "Operation", |out| {
            xml::element(out, "S3ReplicateObject", |_| {});
        });
        xml::element(out, "Report", |out| {
            xml::text(out, "Bucket", &aws.home.bucket_arn(job.report_bucket));
            xml::text(out, "Format", "Report_CSV_20180820");
            xml::text(out, "Enabled", "true");
            xml::text(out, "Prefix", job.report_prefix);
            xml::text(out, "ReportScope", "AllTasks");
        });
        xml::text(out, "ClientRequestToken", job.token);
        xml::text(out, "Description", job.description);
        xml::text(out, "Priority", PRIORITY);
        xml::text(out, "RoleArn", job.role_arn);
        xml::element(out, "ManifestGenerator", |out| {
            xml::element(out, "S3JobManifestGenerator", |out| {
                xml::text(out, "ExpectedBucketOwner", account);
                xml::text(out, "SourceBucket", &aws.home.bucket_arn(job.source.name));
                xml::element(out, "Filter", |out| filter(out, job));
                xml::text(out, "EnableManifestOutput", "false");
            });
        });
    })
}

/// Which objects the job is for.
fn filter(out: &mut String, job: &ReplicationJob<'_>) {
    let selection = job.selection;
    let time = |out: &mut String, name, time: Option<Time>| {
        xml::optional(out, name, time.map(|time| time.to_string()).as_deref());
    };
    xml::text(out, "EligibleForReplication", "true");
    time(out, "CreatedAfter", selection.created_after);
    time(out, "CreatedBefore", selection.created_before);
    xml::element(out, "ObjectReplicationStatuses", |out| {
        for status in &selection.statuses {
            xml::text(out, "member", word(*status));
        }
    });
    // More than one prefix S3 does not take, see
    // https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_KeyNameConstraint.html.
    if let Some(prefix) = &selection.prefix {
        xml::element(out, "KeyNameConstraint", |out| {
            xml::element(out, "MatchAnyPrefix", |out| {
                xml::text(out, "member", prefix);
            });
        });
    }
}

/// A `JobDescriptor`, as far as it matters here.
fn described(job: &mut Element<'_, '_>) -> JobDescription {
    let (tasks, succeeded, failed) = job
        .member("ProgressSummary", |progress| {
            let mut count = |name| progress.value(name, |text| text.parse().ok());
            (
                count("TotalNumberOfTasks").unwrap_or_default(),
                count("NumberOfTasksSucceeded").unwrap_or_default(),
                count("NumberOfTasksFailed").unwrap_or_default(),
            )
        })
        .unwrap_or_default();
    let failures = job.member("FailureReasons", |reasons| {
        let reasons = reasons.all("member").into_iter();
        let told = reasons.map(|mut reason| {
            let mut text = |name| reason.text(name).unwrap_or_default();
            (text("FailureCode"), text("FailureReason"))
        });
        told.collect()
    });
    let (bucket, report_prefix) = job
        .member("Report", |report| {
            (report.text("Bucket"), report.text("Prefix"))
        })
        .unwrap_or_default();
    let bucket = bucket.as_deref().and_then(Arn::parse);
    let reason = job.text("StatusUpdateReason");
    JobDescription {
        id: job.text("JobId").unwrap_or_default(),
        status: job.text("Status").unwrap_or_default(),
        role_arn: job.text("RoleArn").unwrap_or_default(),
        tasks,
        succeeded,
        failed,
        failures: failures.unwrap_or_default(),
        reason: reason.or_else(|| job.text("SuspendedCause")),
        report_bucket: bucket.and_then(|arn| arn.bucket_name().map(str::to_owned)),
        report_prefix,
    }
}

impl Jobs for SdkAws {
    async fn start_replication_job(&self, job: ReplicationJob<'_>) -> Outcome<String> {
        const OPERATION: &str = "CreateJob";
        let (resource, region) = (named(job.source), job.source.region);
        let control = self.s3_control(region);
        let call = control.create_job(request(self, &job));
        let answer = of(OPERATION, resource.clone(), region, call).await?;
        let read = xml::read(&answer, "CreateJobResult", |mut result| {
            result.text("JobId")
        });
        let read = read.and_then(|id| id.ok_or_else(|| "it names no job".to_owned()));
        read.map_err(|why| unread(OPERATION, resource, region, &why))
    }

    async fn job(&self, region: &str, id: &str) -> Outcome<Option<JobDescription>> {
        const OPERATION: &str = "DescribeJob";
        let resource = format!("job `{id}`");
        let control = self.s3_control(region);
        let call = control.describe_job(id);
        let answer = match of(OPERATION, resource.clone(), region, call).await {
            Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let read = xml::read(&answer, "DescribeJobResult", |mut result| {
            result.member("Job", described)
        });
        read.map_err(|why| unread(OPERATION, resource, region, &why))
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
