//! The world in memory: AWS, the people in it, and what must always hold.
//!
//! [`aws_in_memory`] is the ground floor: accounts, Regions, S3, KMS, IAM, SSM and EventBridge behind the ports of
//! both halves. It borrows nothing from the crates under test but the ports and the plain data that
//! they demand. A [`story`] is drawn from a seed by the [`author`], [`life`] lives it, and the [`oracle`] says
//! which promise of SEMANTICS was broken; [`shrink`] makes the story short. See `docs/SIMULATION.md`.

#![expect(
    clippy::indexing_slicing,
    reason = "an absent member of JSON is null, and stories have the lists that they are drawn with"
)]

pub mod author;
pub mod checkers;
#[expect(missing_docs, reason = "the words are those of CloudFormation")]
pub mod cloudformation;
pub mod life;
pub mod names;
#[expect(missing_docs, reason = "the words are those of stories")]
pub mod oracle;
pub mod shrink;
pub mod stacks;
pub mod stage;
#[expect(missing_docs, reason = "the words are those of stories")]
pub mod story;
