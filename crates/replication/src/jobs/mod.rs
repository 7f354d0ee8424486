//! Jobs of S3 Batch Operations that replicate what is there already: which versions they take, and what is
//! remembered of them until their outcome was told.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-batch-replication-batch.html>.

pub mod note;
pub mod selection;
mod start;
mod started;

pub use note::Note;
pub use selection::{ObjectStatus, Scope, Selection};
pub(crate) use start::{Order, start};
pub(crate) use started::{Started, digest_of, tag_value, token};
