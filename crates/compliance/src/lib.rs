//! What a replica must look like, and whether it does.
//!
//! The way of the data: payload ([`ingest`]) -> subjects ([`subject`]) -> expectation (cached) and
//! one HEAD ([`checker`], through [`ports`]) -> verdict ([`verdict`], pure) -> verdict line and
//! metrics ([`report`], [`metrics`]) -> findings as events ([`findings`]) -> an answer for each message
//! ([`handler`]). [`aws`] stands behind the ports; nothing else knows the SDK's clients.

#[cfg(feature = "aws")]
pub mod aws;
pub mod batch;
pub mod cache;
pub mod checker;
pub mod config;
pub mod expectation;
pub mod failure_reason;
pub mod findings;
pub mod handler;
pub mod ingest;
pub mod key_arn;
pub mod metrics;
mod names;
pub mod ports;
mod repair;
pub mod report;
pub mod subject;
pub mod verdict;
