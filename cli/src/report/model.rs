//! What a report holds.

use std::collections::BTreeMap;

use evidence::asking::Sweep;
use evidence::{Day, Hash};
use expectation::Time;
use serde::Serialize;

/// The schema of a report.
pub const SCHEMA: &str = "encrypted-replication/report/1";

/// A report.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The first day (UTC).
    pub from: Day,
    /// The last.
    pub to: Day,
    /// When it was made.
    pub made: Time,
    /// The account whose evidence it is.
    pub account: String,
    /// The Region of the evidence.
    pub region: String,
    /// The Athena workgroup that was asked.
    pub work_group: String,
    /// The database that was asked.
    pub database: String,
    /// Where the chain of digests ends; absent where nobody said which bucket it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<Head>,
    /// What was looked at since it had no verdict, in these days.
    pub sweeps: Vec<Sweep>,
    /// Buckets that the evidence has lines on in these days and that no part of this report is about; absent where
    /// nobody asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_out: Option<Vec<String>>,
    /// What the evidence has lines on in these days and the table does not look at, so that it is in no figure; absent
    /// where nobody asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_in_table: Option<Vec<Told>>,
    /// By destination bucket.
    pub buckets: Vec<Bucket>,
    /// By source bucket: drift and proofs.
    pub sources: Vec<Source>,
    /// Every query that was run.
    pub queries: Vec<Asked>,
}

/// A bucket that something was told of, with the account and Region that the lines name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    /// The account.
    pub account: String,
    /// The Region.
    pub region: String,
    /// The bucket.
    pub bucket: String,
}

/// Where the chain of digests ends in the evidence's bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    /// The evidence's bucket.
    pub bucket: String,
    /// What was seen there.
    #[serde(flatten)]
    pub end: End,
}

/// What was seen of the last digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "camelCase")]
pub enum End {
    /// It is there.
    Found {
        /// Its key.
        digest: String,
        /// SHA-256 of its file: `verify --head`.
        sha256: Hash,
    },
    /// The newest one that is listed cannot be read: a delete marker hides it, or its versions are gone.
    Hidden {
        /// Its key.
        digest: String,
    },
    /// There is none.
    NoDigest,
}

impl Head {
    /// In words.
    pub(super) fn told(&self) -> String {
        let words = match &self.end {
            End::Found { digest, sha256 } => format!(
                "ended with {digest}, whose file has SHA-256 {sha256}: verify, given that as its head, shows that no \
                 day was changed or taken away since."
            ),
            End::Hidden { digest } => format!(
                "has lost its end: {digest} is listed and cannot be read, as a delete marker hides it, or its versions \
                 are gone. Somebody deleted it; the other digests vouch for no day since theirs."
            ),
            End::NoDigest => "does not begin: there is no digest. Either no day was sealed as yet, or it is not the \
                              evidence's bucket."
                .to_owned(),
        };
        format!(
            "The chain of signed digests in bucket {} {words}",
            self.bucket
        )
    }
}

/// What there is of a destination bucket.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bucket {
    /// Its name.
    pub bucket: String,
    /// The source buckets that expectations name.
    pub sources: Vec<String>,
    /// Which key was expected from when to when, oldest first.
    pub history: Vec<Change>,
    /// How many of its replicas have a verdict; absent where it could not be counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Coverage>,
    /// `dt` of the S3 Inventory that the replicas were counted by; absent where they were listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inventory: Option<String>,
    /// Why there is no coverage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_counted: Option<String>,
    /// Verdicts by kind.
    pub counts: Vec<Fields>,
    /// Every finding.
    pub findings: Vec<Fields>,
    /// Every replication that failed, by what the source bucket's events said.
    pub failures: Vec<Fields>,
}

/// How the replication of a source bucket itself stood.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// Its name.
    pub bucket: String,
    /// What looks for drift and proofs showed, from when to when.
    pub timeline: Vec<Fields>,
}

/// A row of an answer, by its columns' names; what is null is left out.
pub type Fields = BTreeMap<String, String>;

/// What was written into an expectation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// The parameter.
    pub parameter: String,
    /// Its version, the first that said this.
    pub version: i64,
    /// When that was written.
    pub at: Time,
    /// Until when it stood; absent for the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// Who wrote it, by its ARN.
    pub by: String,
    /// Of each rule: id, prefix, and key.
    pub rules: Vec<Expected>,
}

/// What a rule expects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Expected {
    /// The rule's id.
    pub id: String,
    /// The keys that it speaks of.
    pub prefix: String,
    /// The KMS key.
    pub kms_key_arn: String,
    /// Whether the rule is in force.
    pub enabled: bool,
}

/// How many replicas have a verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Coverage {
    /// Versions there are that were written in the time, but for those that no replication made.
    pub replicas: u64,
    /// Of these, those that were judged right or wrong.
    pub judged: u64,
    /// Of these, those that were judged more than an hour after their source version was written: replicated late, or
    /// swept. Known by S3 Inventory alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late: Option<u64>,
}

/// A query as it was run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// Its name.
    pub name: String,
    /// The text.
    pub text: String,
    /// What stood in the places of its question marks.
    pub parameters: Vec<String>,
    /// Athena's id of the run.
    pub execution_id: String,
}

/// How many are of this state.
fn of_state(rows: &[Fields], state: &str) -> usize {
    let is = |row: &&Fields| row.get("state").is_some_and(|is| is == state);
    rows.iter().filter(is).count()
}

impl Report {
    /// What is in no figure, as the table does not look there, where there is any.
    pub(super) fn told_not_in_table(&self) -> Option<String> {
        let all = self.not_in_table.as_ref().filter(|all| !all.is_empty())?;
        let names = all
            .iter()
            .map(|told| format!("{} in {} ({})", told.account, told.region, told.bucket));
        Some(format!(
            "The evidence has lines of these days from accounts or Regions that its table does not look at, and that are \
             in no figure: {}. Add them to the parameters Accounts and Regions of evidence.yaml, and make the report \
             again.",
            names.collect::<Vec<_>>().join(", ")
        ))
    }

    /// Which buckets are left out, where any are.
    pub(super) fn told_left_out(&self) -> Option<String> {
        let names = self.left_out.as_ref().filter(|names| !names.is_empty())?;
        Some(format!(
            "The evidence has lines of these days on buckets that this report has no part about: {}. One that nothing \
             is expected of here, or no more, has a part where --bucket names it.",
            names.join(", ")
        ))
    }

    /// That the days were not over, where they were not.
    pub(super) fn unfinished(&self) -> Option<&'static str> {
        let over = Time::from_secs(self.to.next().begins());
        (self.made < over).then_some(
            "These days were not over when this was made: what was told since is in none of its figures.",
        )
    }

    /// How much is open of everything.
    pub(super) fn open(&self) -> usize {
        let buckets = self.buckets.iter().map(Bucket::open);
        buckets.chain(self.sources.iter().map(Source::open)).sum()
    }
}

impl Bucket {
    /// How many replications failed, where anybody knows of whom to ask that.
    pub(super) fn failed(&self) -> Option<usize> {
        (!self.sources.is_empty()).then_some(self.failures.len())
    }

    /// How many findings and failures are open.
    #[must_use]
    pub fn open(&self) -> usize {
        let open = |rows| of_state(rows, "open");
        open(&self.findings) + of_state(&self.findings, "another finding") + open(&self.failures)
    }
}

impl Source {
    /// In a few words.
    pub(super) fn told(&self) -> String {
        let looks = |kind: &str| {
            let of = self
                .timeline
                .iter()
                .filter(|row| row.get("kind").is_some_and(|is| is == kind));
            let looks = of.filter_map(|row| row.get("looks")?.parse::<u64>().ok());
            looks.sum::<u64>()
        };
        format!(
            "{} looks for drift and {} proofs of its resources, {} open",
            looks("drift"),
            looks("proof"),
            self.open()
        )
    }

    /// How many resources stood so at last that somebody has to look: drifted, not proved, or not known.
    pub(super) fn open(&self) -> usize {
        of_state(&self.timeline, "open")
    }
}
