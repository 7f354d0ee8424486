//! S3's own configuration shapes, as values: what is read from a bucket and written back to it.
//!
//! S3 gains members faster than we learn of them. So whatever was read keeps the XML it came as
//! ([`AsRead`]), and that goes back for what is not ours, to the byte. Two values are equal where they
//! mean the same, and where the same is not understood of them.

mod common;
mod rules;
mod settings;

pub use common::{AsRead, Status, Tag};
pub use rules::{
    Destination, Exclusions, Filter, ReplicationConfiguration, ReplicationRule, Timed,
};
pub use settings::{
    DefaultEncryption, Notification, NotificationConfiguration, ObjectLock, Versioning,
};
