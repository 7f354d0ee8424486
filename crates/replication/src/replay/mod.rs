//! Replay: what failed is replicated again, and followed to its outcome.
//!
//! ```json
//! {"Action": "Replay", "StackName": "…"}
//! {"Action": "Job", "JobId": "…"}
//! ```
//!
//! `FAILED` is final: S3 replicates such a version only if a job of S3 Batch Operations has it do so, see
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-status.html>. Each job is remembered beside
//! the resource's record until its outcome was told: by whoever asks how it goes, or by the schedule.

mod csv;
mod follow;
mod follower;
mod progress;
mod question;
mod read;
mod report;
mod start;
mod tell;

pub(crate) use follower::Follow;
pub(crate) use question::{Job, Replay};
pub use report::Reading;
pub(crate) use start::replay;
pub use tell::{DETAIL_TYPE, RESOLVED_DETAIL_TYPE, SCHEMA};
