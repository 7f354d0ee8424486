//! The world in memory: AWS, the people in it, and what must always hold.
//!
//! [`aws`] is the ground floor: accounts, Regions, S3, KMS, IAM, SSM and EventBridge behind the ports of
//! both halves. It borrows nothing from the crates under test but the ports and the plain data that
//! they demand.

pub mod aws;
pub mod draw;
