//! What the replication should be, what it is, the steps between; applies and proves them.
