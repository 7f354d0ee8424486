//! What the soak's stacks, buckets and function are called.

pub(super) const SOURCE_BUCKET: &str = "soak-source";
pub(super) const DESTINATION_BUCKET: &str = "soak-destination";
pub(super) const LATE_BUCKET: &str = "soak-late";
pub(super) const STACK: &str = "encrypted-replication";
pub(super) const FUNCTION: &str = "encrypted-replication-check-replica";
pub(super) const FINDINGS: &str = "soak-findings";
