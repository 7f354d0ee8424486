//! What asking asks of AWS, in its own words.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use expectation::Time;
use serde::Serialize;

use super::{Request, Sweep};
use crate::posture::Compliance;
use crate::queries::Query;
use crate::seal::AskError;

/// What AWS Config is told of one bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evaluation {
    /// Its name, which is the id of an `AWS::S3::Bucket`.
    pub bucket: String,
    /// How it stands.
    pub compliance: Compliance,
    /// The counts, in one sentence.
    pub annotation: String,
}

/// A version of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its key, URL-encoded as S3 Inventory and S3 Batch Operations have keys.
    pub key: String,
    /// Its id; empty in a bucket without versions.
    pub id: String,
}

/// One account in one Region, with the evidence that it has.
pub trait Cloud: Send + Sync {
    /// The destination buckets of which anything is expected today.
    ///
    /// # Errors
    /// [`AskError`].
    fn expected(&self) -> impl Future<Output = Result<BTreeSet<String>, AskError>> + Send;

    /// `dt` of the newest whole inventory of a bucket; `None` where there is none, or nobody said where.
    ///
    /// # Errors
    /// [`AskError`].
    fn newest_inventory(
        &self,
        bucket: &str,
    ) -> impl Future<Output = Result<Option<String>, AskError>> + Send;

    /// The rows of a query's answer, by their columns' names.
    ///
    /// # Errors
    /// [`AskError`].
    fn ask(
        &self,
        query: Query,
        parameters: &[&str],
    ) -> impl Future<Output = Result<Vec<BTreeMap<String, String>>, AskError>> + Send;

    /// Shows the checker these versions of a bucket, and what it says of each, in their order; `None` where it could
    /// not look.
    ///
    /// # Errors
    /// [`AskError`], also where it failed as a whole.
    fn look(
        &self,
        bucket: &str,
        versions: &[Version],
    ) -> impl Future<Output = Result<Vec<Option<String>>, AskError>> + Send;

    /// The record of the last sweep before this time; `None` where there is none of the last weeks.
    ///
    /// # Errors
    /// [`AskError`], also where it is no such record.
    fn last_sweep(
        &self,
        before: Time,
    ) -> impl Future<Output = Result<Option<Sweep>, AskError>> + Send;

    /// Keeps a record with the evidence.
    ///
    /// # Errors
    /// [`AskError`].
    fn keep(&self, key: &str, record: Vec<u8>)
    -> impl Future<Output = Result<(), AskError>> + Send;

    /// The buckets of which AWS Config knows by this rule that they are compliant or not.
    ///
    /// # Errors
    /// [`AskError`].
    fn evaluated(
        &self,
        rule: &str,
    ) -> impl Future<Output = Result<BTreeSet<String>, AskError>> + Send;

    /// Tells AWS Config.
    ///
    /// # Errors
    /// [`AskError`], also where it did not take one of them.
    fn put(
        &self,
        request: &Request,
        evaluations: &[Evaluation],
    ) -> impl Future<Output = Result<(), AskError>> + Send;
}
