//! S3 Batch Operations over the SDK.

use aws_sdk_s3control::types::{
    JobManifestGenerator, JobManifestGeneratorFilter, JobOperation, JobReport, JobReportFormat,
    JobReportScope, KeyNameConstraint, ReplicationStatus, S3JobManifestGenerator,
    S3ReplicateObjectOperation,
};

use super::SdkAws;
use super::call::{named, of, unfit};
use crate::ports::{Jobs, Outcome, ReplicationJob};

const OPERATION: &str = "CreateJob";
/// Among the account's jobs; 0 is the lowest.
const PRIORITY: i32 = 10;

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
        let named = (!job.prefixes.is_empty()).then(|| {
            KeyNameConstraint::builder()
                .set_match_any_prefix(Some(job.prefixes.to_vec()))
                .build()
        });
        let eligible = JobManifestGeneratorFilter::builder()
            .eligible_for_replication(true)
            .object_replication_statuses(ReplicationStatus::None)
            .object_replication_statuses(ReplicationStatus::Failed)
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
}
