//! Jobs of S3 Batch Operations.

use super::SdkAws;
use super::call::{named, of, unread, wanting};
use super::job_documents;
use crate::error::ErrorKind;
use crate::ports::{BucketRef, JobDescription, Jobs, Outcome, Part, ReplicationJob};

/// Bytes of a report read at once.
const PART: u64 = 1 << 20;

impl Jobs for SdkAws {
    async fn start_replication_job(&self, job: ReplicationJob<'_>) -> Outcome<String> {
        const OPERATION: &str = "CreateJob";
        let (resource, region) = (named(job.source), job.source.region);
        let control = self.s3_control(region);
        let call = control.create_job(job_documents::request(&self.home, &job));
        let answer = of(OPERATION, resource.clone(), region, call).await?;
        let read = job_documents::id(&answer);
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
        let read = job_documents::description(&answer);
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
        let body = found.body.collect().await.map_err(|error| {
            let message = format!("the answer broke off: {error}");
            wanting(OPERATION, resource, bucket.region, message)
        })?;
        let bytes = body.to_vec();
        let of = of.unwrap_or(from + bytes.len() as u64);
        Ok(Some(Part { bytes, of }))
    }
}
