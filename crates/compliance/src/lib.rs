//! What a replica must look like, and whether it does.
//!
//! The way of the data: payload ([`ingest`]) -> subjects ([`subject`]) -> expectation (cached) and
//! one HEAD ([`checker`] and, many at once, [`judging`], through [`ports`]) -> verdict ([`verdict`], pure) -> verdict line and
//! metrics ([`report`], [`metrics`]) -> findings as events ([`findings`]) -> an answer for each message
//! ([`handler`]). [`aws`] stands behind the ports; nothing else knows the SDK's clients.

#[cfg(feature = "aws")]
pub mod aws;
pub mod cache;
pub mod checker;
pub mod config;
mod expectations;
pub mod failure_reason;
pub mod findings;
pub mod handler;
pub mod ingest;
pub mod judging;
mod keys;
pub mod metrics;
pub mod ports;
pub mod registry;
mod repair;
pub mod report;
pub mod subject;
mod trip;
pub mod verdict;
