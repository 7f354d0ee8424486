//! What S3 says of an object's replication, and what follows. The one table for `explain` and the documents.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-status.html>.

/// One status.
#[derive(Clone, Copy, Debug)]
pub(super) struct Status {
    /// As S3 writes it.
    pub(super) word: &'static str,
    /// What it means.
    pub(super) means: &'static str,
    /// What to do about it.
    pub(super) remedy: Option<&'static str>,
}

/// Every status there is. S3's model has both spellings of the second.
pub(super) const STATUSES: &[Status] = &[
    Status {
        word: "PENDING",
        means: "a source object that is not yet at every destination: under way, or S3 meets something that may pass",
        remedy: Some(
            "wait; where it stays so for more than a day, look at the rule with `diagnose`",
        ),
    },
    Status {
        word: "COMPLETED",
        means: "a source object that is at every destination of its rules; S3 does not look again, so a replica that is \
                deleted since is not told",
        remedy: None,
    },
    Status {
        word: "COMPLETE",
        means: "the same as `COMPLETED`",
        remedy: None,
    },
    Status {
        word: "FAILED",
        means: "a source object that S3 gave up on, for good: it is not tried again",
        remedy: Some(
            "mend the cause (`diagnose`), then upload the object again or replicate it with S3 Batch Replication",
        ),
    },
    Status {
        word: "REPLICA",
        means: "a replica, made by S3",
        remedy: None,
    },
];

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::documented;

    #[test]
    fn the_document_has_the_table() {
        let mut table = String::from("| status | means | to do |\n|---|---|---|\n");
        for status in STATUSES {
            let remedy = status.remedy.unwrap_or_default();
            let row = format!("| `{}` | {} | {remedy} |", status.word, status.means);
            let _ = writeln!(table, "{}", row.replace("  |", " |"));
        }
        documented::holds("COMMAND.md", &table);
    }
}
