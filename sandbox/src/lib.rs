//! The local cloud: starts MiniStack with S3's replication behaviour, and hands out clients for it.
