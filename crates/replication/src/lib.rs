//! Replication of KMS-encrypted S3 objects: what it should be, what it is, the steps between.
//!
//! The way of a request: properties ([`properties::read`]) become a [`spec::Spec`]; [`observe`]
//! reads what is there; [`plan`] compares the two and gives ordered [`step::Step`]s; [`apply`]
//! carries them out; [`converge`] repeats that until nothing is left to do; [`probe`] proves that
//! an object arrives under the right key. [`resource::EncryptedReplication`] puts this behind
//! CloudFormation's protocol.
//!
//! Spec, policies, merging and plan are pure: they call nothing and know no SDK. AWS is reached
//! through the traits in [`ports`], which [`aws`] implements over the SDK.

pub mod accounts;
pub(crate) mod actions;
pub mod apply;
pub mod attributes;
#[cfg(feature = "aws")]
pub mod aws;

pub mod case;
pub mod claims;
pub mod configuration;
pub mod converge;
pub(crate) mod cut;
pub mod desired;
pub mod diagnosis;
pub mod direct;
pub mod drift;
pub mod error;
pub mod existing_objects;
pub mod fault;
pub(crate) mod format;
pub mod former;
pub mod grants;
pub(crate) mod in_force;
pub(crate) mod in_time;
pub mod jobs;
pub mod made;
pub mod merge;
pub(crate) mod naming;
pub mod observe;
pub mod observed;
pub mod owner;
pub(crate) mod parameters;
pub(crate) mod patience;
pub mod plan;
pub mod policy;
pub mod ports;
pub mod probe;
pub mod properties;
pub mod proving;
pub mod ranking;
pub(crate) mod reads_back;
pub mod record;
pub mod replay;
pub(crate) mod replication;
pub mod resource;
pub(crate) mod resources;
pub(crate) mod rounds;
pub mod spec;
pub mod step;
pub(crate) mod teller;
pub mod unfinished;
pub(crate) mod upsert;
pub(crate) mod verify;
pub mod watched;
pub(crate) mod writers;

pub use replication::{Allowed, Installation, Replication};
