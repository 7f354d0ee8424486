//! A job's report is read: what failed, and, where all had failed before, what did not.

use super::csv::Rows;
use super::follower::Follow;
use super::report::{Columns, File, Manifest, Reading, Row, Tally};
use super::tell;
use crate::configuration::ReplicationRule;
use crate::jobs::Note;
use crate::owner::Owner;
use crate::ports::{Aws, BucketRef, JobDescription};

/// Where a job's report is.
pub(super) struct Place {
    bucket: String,
    region: String,
    /// Start of the keys of its files.
    folder: String,
}

impl Place {
    fn bucket(&self) -> BucketRef<'_> {
        BucketRef {
            name: &self.bucket,
            region: &self.region,
        }
    }
}

/// What a report says.
#[derive(Default)]
pub(super) struct Report {
    pub(super) tally: Tally,
    /// Where it is; `None` where there is none.
    pub(super) location: Option<String>,
    /// How far it was read, where there was no time for all of it.
    pub(super) unread: Option<Reading>,
}

impl<A: Aws> Follow<'_, A> {
    /// Where the report is; `None` where its bucket is gone, or S3 says of none.
    pub(super) async fn place(
        &self,
        job: &JobDescription,
        owner: &Owner,
    ) -> Result<Option<Place>, String> {
        let (Some(bucket), Some(prefix)) = (&job.report_bucket, &job.report_prefix) else {
            return Ok(None);
        };
        let prefix = prefix.trim_end_matches('/');
        if prefix != owner.report_prefix() {
            return Err(format!(
                "the report of job `{}` is under `{prefix}` of bucket `{bucket}`, which is not where ours are",
                job.id
            ));
        }
        let region = self.teller.aws.bucket_region(bucket).await;
        let region = region.map_err(|error| error.to_string())?;
        Ok(region.map(|region| Place {
            bucket: bucket.clone(),
            region,
            folder: format!("{prefix}/job-{}/", job.id),
        }))
    }

    /// What the report says of what failed. Tells of each version that did not, where all had failed before.
    pub(super) async fn report(
        &self,
        job: &JobDescription,
        place: &Place,
        telling: Option<&Note>,
    ) -> Result<Report, String> {
        let key = format!("{}manifest.json", place.folder);
        let location = format!("s3://{}/{key}", place.bucket);
        let Some(bytes) = self.whole(place, &key).await? else {
            return Ok(Report::default());
        };
        let manifest = Manifest::read(&bytes, &place.bucket, &place.folder)
            .map_err(|why| format!("the report of job `{}` ({location}): {why}", job.id))?;
        let columns = manifest.columns();
        let mut tally = Tally::default();
        for file in manifest.files("failed") {
            let mut rows = Rows::from(0);
            while let Some(part) = self.part(place, file, &mut rows, &columns).await? {
                for row in &part {
                    tally.add(row);
                }
            }
        }
        let mut unread = None;
        if let (Some(note), Some(_)) = (telling, self.teller.bus)
            && note.selection.is_of_failed()
        {
            let files: Vec<_> = manifest.files("succeeded").collect();
            unread = self.resolve(note, place, &files, &columns).await?;
        }
        Ok(Report {
            tally,
            location: Some(location),
            unread,
        })
    }

    /// Tells that versions were replicated that had failed; how far, where there is no time for all.
    async fn resolve(
        &self,
        note: &Note,
        place: &Place,
        files: &[&File],
        columns: &Columns,
    ) -> Result<Option<Reading>, String> {
        let mut reading = note.reading.unwrap_or_default();
        if files.len() <= reading.files {
            return Ok(None);
        }
        let rules = self.rules(note).await?;
        let home = &self.teller.installation.home;
        for file in files.iter().skip(reading.files) {
            let mut rows = Rows::from(reading.bytes);
            while let Some(part) = self.part(place, file, &mut rows, columns).await? {
                let events: Vec<_> = part
                    .iter()
                    .flat_map(|row| tell::resolved(home, &rules, &note.job_id, row))
                    .collect();
                self.send(&events).await?;
                reading.resolved += part.len() as u64;
                reading.bytes = rows.whole();
                if self.is_late() {
                    return Ok(Some(reading));
                }
            }
            reading.files += 1;
            reading.bytes = 0;
        }
        tracing::info!(
            job = note.job_id,
            resolved = reading.resolved,
            "failures are over"
        );
        Ok(None)
    }

    /// The rules that the job went by, as they are now.
    async fn rules(&self, note: &Note) -> Result<Vec<ReplicationRule>, String> {
        let source = BucketRef {
            name: &note.source_bucket,
            region: &note.region,
        };
        let found = self.teller.aws.replication(source).await;
        let found = found.map_err(|error| error.to_string())?;
        Ok(found.map_or_else(Vec::new, |found| found.rules))
    }

    async fn whole(&self, place: &Place, key: &str) -> Result<Option<Vec<u8>>, String> {
        let mut all = Vec::new();
        loop {
            let part = self
                .teller
                .aws
                .report_part(place.bucket(), key, all.len() as u64)
                .await;
            let Some(part) = part.map_err(|error| error.to_string())? else {
                return Ok(None);
            };
            all.extend_from_slice(&part.bytes);
            if part.bytes.is_empty() || all.len() as u64 >= part.of {
                return Ok(Some(all));
            }
        }
    }

    /// The rows of a file's next part; `None` after its end.
    async fn part(
        &self,
        place: &Place,
        file: &File,
        rows: &mut Rows,
        columns: &Columns,
    ) -> Result<Option<Vec<Row>>, String> {
        let part = self
            .teller
            .aws
            .report_part(place.bucket(), &file.key, rows.at())
            .await;
        let part = part.map_err(|error| error.to_string())?;
        let part = part.ok_or_else(|| {
            format!(
                "the report names `{}` in bucket `{}`, which is not there",
                file.key, file.bucket
            )
        })?;
        if part.bytes.is_empty() {
            return Ok(None);
        }
        let mut found = Vec::new();
        let taken = rows.take(&part.bytes, |row| found.push(columns.row(row)));
        taken.map_err(|why| format!("`{}` in bucket `{}`: {why}", file.key, file.bucket))?;
        if rows.at() >= part.of {
            rows.end(|row| found.push(columns.row(row)));
        }
        Ok(Some(found))
    }
}
