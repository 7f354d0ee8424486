//! What S3's control plane and we say to each other of a job, in XML.

use aws_calls::S3_CONTROL_NAMESPACE;
use aws_names::{Arn, Home};
use expectation::Time;

use super::xml::{self, Element};
use crate::jobs::ObjectStatus;
use crate::ports::{JobDescription, ReplicationJob};

/// Among the account's jobs; 0 is the lowest.
const PRIORITY: &str = "10";

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
pub(super) fn request(home: &Home, job: &ReplicationJob<'_>) -> String {
    xml::document_in(S3_CONTROL_NAMESPACE, "CreateJobRequest", |out| {
        xml::text(out, "ConfirmationRequired", "false");
        xml::element(out, "Operation", |out| {
            xml::element(out, "S3ReplicateObject", |_| {});
        });
        xml::element(out, "Report", |out| {
            xml::text(out, "Bucket", &home.bucket_arn(job.report_bucket));
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
                xml::text(out, "ExpectedBucketOwner", &home.account);
                xml::text(out, "SourceBucket", &home.bucket_arn(job.source.name));
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

/// The id of the job that was started.
pub(super) fn id(answer: &str) -> Result<String, String> {
    let read = xml::read(answer, "CreateJobResult", |mut result| result.text("JobId"));
    read.and_then(|id| id.ok_or_else(|| "it names no job".to_owned()))
}

/// What S3 says of a job.
pub(super) fn description(answer: &str) -> Result<Option<JobDescription>, String> {
    xml::read(answer, "DescribeJobResult", |mut result| {
        result.member("Job", described)
    })
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
