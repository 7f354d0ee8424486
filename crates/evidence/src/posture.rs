//! How a bucket's replicas stand, in the words of AWS Config.
//!
//! Only a verdict makes a finding. What has none is not shown to be right, which is no compliance either, and the
//! annotation says which of the two it is.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use crate::Day;

/// Characters that AWS Config takes in an annotation.
///
/// See <https://docs.aws.amazon.com/config/latest/APIReference/API_Evaluation.html>.
pub const LONGEST_ANNOTATION: usize = 256;

/// What AWS Config is told of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Compliance {
    /// Each replica of which anything is expected is under a key that it should be under.
    Compliant,
    /// One is not, or nobody knows.
    NonCompliant,
    /// There is none, or nothing is expected any more.
    NotApplicable,
}

/// What is known of the number of replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known<'a> {
    /// All that there are, by the inventory of this `dt`.
    ByInventory(&'a str),
    /// Those that anybody told of since this day.
    ByVerdicts(Day),
}

/// Replicas by the verdict that stands for each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Posture {
    findings: BTreeMap<String, u64>,
    good: u64,
    without: u64,
    unexpected: u64,
}

/// What a verdict says of a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    Good,
    Bad,
    Unexpected,
    Unknown,
    NoReplica,
}

fn says(verdict: &str) -> Says {
    match verdict {
        "Compliant" | "FormerKey" => Says::Good,
        "NoExpectation" => Says::Unexpected,
        "Uninspectable" | "no verdict" => Says::Unknown,
        "Gone" | "NotReplica" => Says::NoReplica,
        // Also one that is newer than this: better to be looked at than passed over.
        _ => Says::Bad,
    }
}

/// A row that tells of no number of versions under a verdict.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a row without verdict or number of versions: {0:?}")]
pub struct NoCount(BTreeMap<String, String>);

impl Posture {
    /// What the rows of the queries `posture` and `population` come to.
    ///
    /// # Errors
    /// [`NoCount`].
    pub fn of(
        rows: impl IntoIterator<Item = BTreeMap<String, String>>,
        known: Known<'_>,
    ) -> Result<Self, NoCount> {
        let mut posture = Self::default();
        for row in rows {
            let versions = row.get("versions").and_then(|text| text.parse().ok());
            match (row.get("verdict"), versions) {
                (Some(verdict), Some(versions)) => posture.add(verdict, versions, known),
                _ => return Err(NoCount(row)),
            }
        }
        Ok(posture)
    }

    /// Counts `versions` for which `verdict` stands. Where S3's inventory has it as a replica, no verdict says that it
    /// is none.
    fn add(&mut self, verdict: &str, versions: u64, known: Known<'_>) {
        match (says(verdict), known) {
            (Says::Good, _) => self.good += versions,
            (Says::Bad, _) => *self.findings.entry(verdict.to_owned()).or_default() += versions,
            (Says::Unexpected, _) => self.unexpected += versions,
            (Says::Unknown, _) | (Says::NoReplica, Known::ByInventory(_)) => {
                self.without += versions;
            }
            (Says::NoReplica, Known::ByVerdicts(_)) => {}
        }
    }

    /// Replicas of which anything is expected.
    #[must_use]
    pub fn population(&self) -> u64 {
        self.good + self.without + self.findings.values().sum::<u64>()
    }

    /// Those of them that nobody could judge.
    #[must_use]
    pub const fn without_verdict(&self) -> u64 {
        self.without
    }

    /// Those beside them that nothing is expected of.
    #[must_use]
    pub const fn unexpected(&self) -> u64 {
        self.unexpected
    }

    /// In one word.
    #[must_use]
    pub fn compliance(&self) -> Compliance {
        match (
            self.population(),
            self.findings.is_empty() && self.without == 0,
        ) {
            (0, _) => Compliance::NotApplicable,
            (_, true) => Compliance::Compliant,
            (_, false) => Compliance::NonCompliant,
        }
    }

    /// In one sentence, such as `3 of 1,204,331 under another key; 12 without verdict`.
    #[must_use]
    pub fn annotation(&self, known: Known<'_>) -> String {
        let all = grouped(self.population());
        let mut text = match self.findings.iter().next() {
            None if self.population() == 0 => "no replica".to_owned(),
            None if self.without > 0 => format!("none of {all} known to be wrong"),
            None => format!("all of {all} as expected"),
            Some(_) => {
                let parts = self.findings.iter().map(|(verdict, count)| {
                    format!("{} of {all} {}", grouped(*count), words(verdict))
                });
                parts.collect::<Vec<_>>().join(", ")
            }
        };
        if self.without > 0 {
            let _ = write!(text, "; {} without verdict", grouped(self.without));
        }
        if self.unexpected > 0 {
            let _ = write!(
                text,
                "; {} that nothing is expected of",
                grouped(self.unexpected)
            );
        }
        let _ = match known {
            Known::ByInventory(dt) => write!(text, " (S3 Inventory {dt})"),
            Known::ByVerdicts(day) => write!(text, " (of those looked at since {day})"),
        };
        text.chars().take(LONGEST_ANNOTATION).collect()
    }
}

fn words(verdict: &str) -> String {
    match verdict {
        "WrongKey" => "under another key".to_owned(),
        "WrongAlgorithm" => "under another algorithm".to_owned(),
        "KeyUnusable" => "under a key that cannot be used".to_owned(),
        other => other.to_owned(),
    }
}

/// With a comma between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Verdicts, what is known of their number, and what AWS Config is told.
    type Case = (
        &'static [(&'static str, u64)],
        Known<'static>,
        Compliance,
        &'static str,
    );

    const INVENTORY: Known<'_> = Known::ByInventory("2026-11-27-01-00");

    fn row(members: &[(&str, &str)]) -> BTreeMap<String, String> {
        let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        members.iter().map(owned).collect()
    }

    fn posture(verdicts: &[(&str, u64)], known: Known<'_>) -> Posture {
        let rows = verdicts.iter().map(|(verdict, versions)| {
            row(&[("verdict", *verdict), ("versions", &versions.to_string())])
        });
        Posture::of(rows, known).unwrap()
    }

    #[test]
    fn a_row_that_counts_nothing_is_passed_over_by_nobody() {
        for members in [
            &[("versions", "1")][..],
            &[("verdict", "Compliant")],
            &[("verdict", "Compliant"), ("versions", "some")],
        ] {
            let told = Posture::of([row(members)], INVENTORY).unwrap_err();
            assert!(told.to_string().contains(members[0].1), "{told}");
        }
    }

    #[test]
    fn a_bucket_is_told_with_its_counts() {
        let since = Known::ByVerdicts("2026-10-01".parse().unwrap());
        let table: [Case; 8] = [
            (
                &[
                    ("Compliant", 1_204_316),
                    ("WrongKey", 3),
                    ("no verdict", 12),
                ],
                INVENTORY,
                Compliance::NonCompliant,
                "3 of 1,204,331 under another key; 12 without verdict (S3 Inventory 2026-11-27-01-00)",
            ),
            (
                &[("Compliant", 999), ("FormerKey", 1)],
                INVENTORY,
                Compliance::Compliant,
                "all of 1,000 as expected (S3 Inventory 2026-11-27-01-00)",
            ),
            // What nobody looked at is not shown to be right.
            (
                &[("Compliant", 7), ("Uninspectable", 1), ("no verdict", 2)],
                INVENTORY,
                Compliance::NonCompliant,
                "none of 10 known to be wrong; 3 without verdict (S3 Inventory 2026-11-27-01-00)",
            ),
            // Nobody's word, no finding.
            (
                &[("Compliant", 7), ("NoExpectation", 5)],
                INVENTORY,
                Compliance::Compliant,
                "all of 7 as expected; 5 that nothing is expected of (S3 Inventory 2026-11-27-01-00)",
            ),
            (
                &[
                    ("KeyUnusable", 1),
                    ("WrongAlgorithm", 2),
                    ("SomethingNew", 3),
                ],
                since,
                Compliance::NonCompliant,
                "1 of 6 under a key that cannot be used, 3 of 6 SomethingNew, 2 of 6 under another algorithm \
                 (of those looked at since 2026-10-01)",
            ),
            (
                &[("Compliant", 2), ("Gone", 4), ("NotReplica", 9)],
                since,
                Compliance::Compliant,
                "all of 2 as expected (of those looked at since 2026-10-01)",
            ),
            // The inventory says that they are there, and replicas.
            (
                &[("Compliant", 2), ("Gone", 4)],
                INVENTORY,
                Compliance::NonCompliant,
                "none of 6 known to be wrong; 4 without verdict (S3 Inventory 2026-11-27-01-00)",
            ),
            (
                &[],
                since,
                Compliance::NotApplicable,
                "no replica (of those looked at since 2026-10-01)",
            ),
        ];
        for (verdicts, known, compliance, annotation) in table {
            let posture = posture(verdicts, known);
            assert_eq!(posture.compliance(), compliance, "{verdicts:?}");
            assert_eq!(posture.annotation(known), annotation);
        }
    }

    #[test]
    fn an_annotation_is_never_too_long() {
        let names: Vec<_> = (0..40).map(|number| format!("Vérdict{number}")).collect();
        let verdicts: Vec<_> = names
            .iter()
            .map(|name| (name.as_str(), u64::MAX / 64))
            .collect();
        let text = posture(&verdicts, INVENTORY).annotation(INVENTORY);
        assert_eq!(text.chars().count(), LONGEST_ANNOTATION);
    }

    /// The page is made of the verdicts' own type.
    #[test]
    fn each_verdict_says_here_what_it_says_there() {
        let page = include_str!("../../../docs/VERDICTS.md");
        let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
        let rows = rows.filter_map(|row| row.split_once("` | "));
        let rows = rows.filter_map(|(verdict, rest)| Some((verdict, rest.split(" |").next()?)));
        let mut found = 0;
        for (verdict, compliant) in rows {
            let expected: &[Says] = match compliant {
                "true" => &[Says::Good],
                "false" => &[Says::Bad],
                // Of source versions, which the queries leave out.
                "null" if verdict.starts_with("Replication") => continue,
                "null" => &[Says::Unexpected, Says::Unknown, Says::NoReplica],
                _ => continue,
            };
            found += 1;
            assert!(expected.contains(&says(verdict)), "{verdict}");
        }
        assert_eq!(found, 10);
    }
}
