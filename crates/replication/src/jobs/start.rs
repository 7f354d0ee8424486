//! Jobs are started: each once, however often it is asked for, and noted.

use super::note::Note;
use super::selection::Selection;
use crate::owner::Owner;
use crate::ports::{BucketRef, Clock, Jobs, Outcome, Parameters, ReplicationJob};

/// Jobs that belong together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order<'a> {
    pub(crate) source: BucketRef<'a>,
    /// One for each job.
    pub(crate) selections: &'a [Selection],
    pub(crate) report_bucket: &'a str,
    pub(crate) role_arn: &'a str,
    pub(crate) description: &'a str,
    /// The same order starts nothing a second time.
    pub(crate) token: &'a str,
    /// The Region that the jobs are remembered in: the provisioner's.
    pub(crate) noted_in: &'a str,
}

/// Starts the jobs; their ids. Each is noted when it is there: where that fails, the next request with the same
/// token finds the same job.
///
/// # Errors
/// What AWS refused.
pub(crate) async fn start<A: Jobs + Parameters + Clock>(
    aws: &A,
    owner: &Owner,
    order: Order<'_>,
) -> Outcome<Vec<String>> {
    let mut ids = Vec::new();
    for (number, selection) in order.selections.iter().enumerate() {
        let token = match number {
            0 => order.token.to_owned(),
            number => format!("{}-{number}", order.token),
        };
        let job = ReplicationJob {
            source: order.source,
            selection,
            report_bucket: order.report_bucket,
            report_prefix: &owner.report_prefix(),
            role_arn: order.role_arn,
            description: order.description,
            token: &token,
        };
        let id = aws.start_replication_job(job).await?;
        let BucketRef { name, region } = order.source;
        let note = Note::of(id.clone(), region, name, selection.clone()).at(aws.now());
        note.keep(aws, order.noted_in, owner).await?;
        ids.push(id);
    }
    Ok(ids)
}
