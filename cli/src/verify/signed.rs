//! A report that was signed.

use evidence::{Hash, SignedStatement, Statement};

use super::signature::PublicKey;
use super::walk::Evidence;
use crate::failure::Failure;

/// The report, and what was signed of it.
#[derive(Debug)]
pub(super) struct Signed {
    /// SHA-256 of the report's file.
    pub(super) report: Hash,
    /// The statement's file.
    pub(super) statement: Vec<u8>,
}

impl Signed {
    /// Why the report is not the one that was signed, or the chain not the one that it was signed with.
    ///
    /// # Errors
    /// Where the digest that it names cannot be read.
    pub(super) async fn differs(
        &self,
        evidence: &impl Evidence,
        key: &PublicKey,
        bucket: &str,
    ) -> Result<Option<String>, Failure> {
        let file = match SignedStatement::read(&self.statement) {
            Ok(file) => file,
            Err(error) => return Ok(Some(format!("its statement cannot be read: {error}"))),
        };
        if let Err(why) = key.verify_statement(&file) {
            return Ok(Some(why));
        }
        let Statement {
            sha256, head, lake, ..
        } = file.statement;
        if lake.bucket != bucket {
            return Ok(Some(format!(
                "its statement is of bucket {}, not of this one",
                lake.bucket
            )));
        }
        if sha256 != self.report {
            let found = self.report;
            return Ok(Some(format!(
                "its SHA-256 is {found}, and {sha256} was signed"
            )));
        }
        let Some(head) = head else {
            return Ok(None);
        };
        let there = evidence.file(&head.key).await?;
        let there = there.map(|file| Hash::of(&file));
        Ok((there != Some(head.sha256)).then(|| {
            let found = there.map_or_else(
                || "missing".to_owned(),
                |found| format!("of SHA-256 {found}"),
            );
            let (key, then) = (head.key, head.sha256);
            format!("{key}, with which the chain ended then, is {found}, and was of SHA-256 {then}")
        }))
    }
}
