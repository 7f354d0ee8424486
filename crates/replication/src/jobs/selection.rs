//! Which versions a job takes: pure, from the rules of a bucket and what is asked.

use std::collections::BTreeSet;
use std::fmt;

use expectation::Time;
use serde::{Deserialize, Serialize};

use crate::configuration::{ReplicationRule, Status};
use crate::owner::Owner;

/// Jobs started at once: each takes one prefix.
pub const MOST_JOBS: usize = 6;

/// A version's status, as S3's filter names them. What is `PENDING` S3 still works on, and the filter cannot
/// name. See <https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_JobManifestGeneratorFilter.html>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ObjectStatus {
    /// It was never replicated.
    None,
    /// Replication failed, and S3 does not try again.
    Failed,
    /// It was replicated.
    Completed,
    /// It is a replica itself.
    Replica,
}

impl ObjectStatus {
    /// As S3 spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Failed => "FAILED",
            Self::Completed => "COMPLETED",
            Self::Replica => "REPLICA",
        }
    }
}

/// The versions that one job takes, of those that the bucket's rules cover.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Selection {
    /// Start of their keys; `None`: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Their statuses.
    pub statuses: BTreeSet<ObjectStatus>,
    /// They are younger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_after: Option<Time>,
    /// They are older.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_before: Option<Time>,
}

impl Selection {
    /// What a resource's first job takes: all that was not replicated.
    #[must_use]
    pub fn unreplicated(prefix: Option<String>) -> Self {
        Self {
            prefix,
            statuses: [ObjectStatus::None, ObjectStatus::Failed].into(),
            created_after: None,
            created_before: None,
        }
    }

    /// Whether it takes failed versions and no others.
    #[must_use]
    pub fn is_of_failed(&self) -> bool {
        self.statuses == [ObjectStatus::Failed].into()
    }
}

/// Why no job can take exactly what is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// No rule is in force.
    NoRules,
    /// No rule covers anything there; the starts of keys that rules cover.
    Outside {
        /// What was asked for.
        prefix: String,
        /// What rules cover.
        ours: Vec<String>,
    },
    /// It takes more jobs than are started at once; the starts of keys of each.
    Scattered(Vec<String>),
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed = |prefixes: &[String]| {
            let mut told: Vec<_> = prefixes.iter().map(|one| format!("`{one}`")).collect();
            if told.len() > MOST_JOBS {
                let more = told.split_off(MOST_JOBS).len();
                told.push(format!("{more} more"));
            }
            told.join(", ")
        };
        match self {
            Self::NoRules => f.write_str("it has no rule in force on the bucket"),
            Self::Outside { prefix, ours } => write!(
                f,
                "no rule of it covers anything under `{prefix}`: its rules are for {}, and others' objects are left \
                 alone",
                listed(ours)
            ),
            Self::Scattered(prefixes) => write!(
                f,
                "S3 takes one prefix a job, other resources have rules between these, and so it would take {} jobs, \
                 more than {MOST_JOBS} at once; say which by `Prefix`: {}",
                prefixes.len(),
                listed(prefixes)
            ),
        }
    }
}

/// What rules in force cover: those that a job is for, and all others on the bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    ours: BTreeSet<String>,
    others: BTreeSet<String>,
}

impl Scope {
    /// Of the rules that `is_meant` is true for, among all of a bucket.
    pub fn of<'a>(
        rules: impl IntoIterator<Item = &'a ReplicationRule>,
        is_meant: impl Fn(&ReplicationRule) -> bool,
    ) -> Self {
        let mut scope = Self::default();
        for rule in rules {
            if rule.status == Status::Enabled {
                let prefix = rule.covered_prefix().to_owned();
                let side = if is_meant(rule) {
                    &mut scope.ours
                } else {
                    &mut scope.others
                };
                side.insert(prefix);
            }
        }
        scope
    }

    /// Of an owner's rules among all of a bucket.
    pub fn of_owner<'a>(
        rules: impl IntoIterator<Item = &'a ReplicationRule>,
        owner: &Owner,
    ) -> Self {
        Self::of(rules, |rule| owner.owns(&rule.id))
    }

    /// The starts of keys for as few jobs as can be, which together take what the rules cover under
    /// `within`, and nothing else.
    ///
    /// S3 takes one prefix a job
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_KeyNameConstraint.html>). Whatever a job
    /// takes, some rule of the bucket covers, so that one wider prefix says the same where no other rule
    /// reaches into it.
    ///
    /// # Errors
    /// Where the rules cover nothing there, or it takes too many jobs.
    pub fn prefixes(&self, within: Option<&str>) -> Result<Vec<Option<String>>, Unfit> {
        let within = within.unwrap_or_default();
        if self.ours.is_empty() {
            return Err(Unfit::NoRules);
        }
        let met = self.ours.iter().filter_map(|own| narrower(own, within));
        let met: BTreeSet<&str> = met.collect();
        let wanted = widest(met);
        let constraint = |prefix: &str| (!prefix.is_empty()).then(|| prefix.to_owned());
        match wanted.as_slice() {
            [] => Err(Unfit::Outside {
                prefix: within.to_owned(),
                ours: self.ours.iter().cloned().collect(),
            }),
            [one] => Ok(vec![constraint(one)]),
            several => {
                let all = common(several);
                let mut others = self.others.iter();
                if !others.any(|other| narrower(other, all).is_some()) {
                    return Ok(vec![constraint(all)]);
                }
                if several.len() > MOST_JOBS {
                    let several = several.iter().map(|one| (*one).to_owned());
                    return Err(Unfit::Scattered(several.collect()));
                }
                Ok(several.iter().map(|one| constraint(one)).collect())
            }
        }
    }
}

/// What both cover; `None` where they have nothing in common.
fn narrower<'a>(one: &'a str, other: &'a str) -> Option<&'a str> {
    if one.starts_with(other) {
        Some(one)
    } else {
        other.starts_with(one).then_some(other)
    }
}

/// Without those that another one covers.
fn widest(prefixes: BTreeSet<&str>) -> Vec<&str> {
    let mut widest: Vec<&str> = Vec::new();
    for prefix in prefixes {
        // In byte order a prefix comes before all that it starts.
        if !widest.last().is_some_and(|wider| prefix.starts_with(wider)) {
            widest.push(prefix);
        }
    }
    widest
}

/// What all begin with.
fn common<'a>(prefixes: &[&'a str]) -> &'a str {
    let (Some(first), Some(last)) = (prefixes.first(), prefixes.last()) else {
        return "";
    };
    // They are in byte order, so that what the outermost have in common all have.
    let same = first.bytes().zip(last.bytes()).take_while(|(a, b)| a == b);
    let length = first.floor_char_boundary(same.count());
    first.get(..length).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scope(ours: &[&str], others: &[&str]) -> Scope {
        let all = |side: &[&str]| side.iter().map(|one| (*one).to_owned()).collect();
        Scope {
            ours: all(ours),
            others: all(others),
        }
    }

    #[test]
    fn a_job_takes_what_our_rules_cover_and_was_asked_for() {
        for (ours, others, within, expected) in [
            (&[""][..], &[][..], None, Ok(vec![""])),
            (&["Tax/"], &[], None, Ok(vec!["Tax/"])),
            // Whole buckets of others change nothing for one prefix.
            (&["Tax/"], &[""], None, Ok(vec!["Tax/"])),
            (&["Tax/"], &[], Some("Tax/2026/"), Ok(vec!["Tax/2026/"])),
            (&["Tax/"], &[], Some("T"), Ok(vec!["Tax/"])),
            (&["Tax/"], &[], Some("Receipts/"), Err("under `Receipts/`")),
            (&[], &["Tax/"], None, Err("no rule in force")),
            // One that another covers needs no job of its own.
            (&["Tax/", "Tax/2026/"], &[], None, Ok(vec!["Tax/"])),
            // All that is eligible is ours: one job says the same.
            (&["Tax/", "Receipts/"], &[], None, Ok(vec![""])),
            (&["a/Tax/", "a/Top/"], &["b/"], None, Ok(vec!["a/T"])),
            (
                &["Tax/", "Receipts/"],
                &[""],
                None,
                Ok(vec!["Receipts/", "Tax/"]),
            ),
            (
                &["Tax/", "Receipts/"],
                &["Scans/"],
                None,
                Ok(vec!["Receipts/", "Tax/"]),
            ),
            (
                &["Tax/", "Receipts/"],
                &["Scans/"],
                Some("Tax/a"),
                Ok(vec!["Tax/a"]),
            ),
            (&["税/甲", "税/乙"], &[], None, Ok(vec!["税/"])),
            (
                &["a", "b", "c", "d", "e", "f", "g"],
                &["h"],
                None,
                Err("7 jobs"),
            ),
            (
                &["a", "b", "c", "d", "e", "f", "g"],
                &[],
                None,
                Ok(vec![""]),
            ),
        ] {
            let found = scope(ours, others).prefixes(within);
            match (found, expected) {
                (Ok(found), Ok(expected)) => {
                    let found: Vec<_> = found.into_iter().map(Option::unwrap_or_default).collect();
                    assert_eq!(found, expected, "{ours:?} {others:?} {within:?}");
                }
                (Err(unfit), Err(part)) => assert!(unfit.to_string().contains(part), "{unfit}"),
                (found, expected) => panic!("{ours:?} {within:?}: {found:?}, not {expected:?}"),
            }
        }
    }

    #[test]
    fn only_rules_in_force_count() {
        let mut off = ReplicationRule::example("er0123456789abcdef0123-1", "Off/");
        off.status = Status::Disabled;
        let own = ReplicationRule::example("er0123456789abcdef0123-2", "Tax/");
        let other = ReplicationRule::example("theirs", "Scans/");
        let owner = Owner::at_start_of(&own.id).unwrap();
        let found = Scope::of_owner([&off, &own, &other], &owner);
        assert_eq!(found, scope(&["Tax/"], &["Scans/"]));
    }

    fn prefixes() -> impl Strategy<Value = BTreeSet<String>> {
        prop::collection::btree_set("[ab/é]{0,4}", 0..5)
    }

    proptest! {
        /// By the definition: the bucket's rules make a version eligible, ours and the question ask for it.
        #[test]
        fn exactly_what_is_asked_for_is_taken(
            ours in prefixes(), others in prefixes(), within in "[ab/é]{0,3}", key in "[ab/é]{0,6}",
        ) {
            let starts = |side: &BTreeSet<String>| side.iter().any(|one| key.starts_with(one.as_str()));
            let asked = starts(&ours) && key.starts_with(&within);
            let scope = Scope { ours: ours.clone(), others: others.clone() };
            match scope.prefixes(Some(&within)) {
                Ok(jobs) => {
                    let eligible = starts(&ours) || starts(&others);
                    let taking = jobs.iter().filter(|job| key.starts_with(job.as_deref().unwrap_or("")));
                    let times = if eligible { taking.count() } else { 0 };
                    prop_assert_eq!(times, usize::from(asked), "{:?}", jobs);
                }
                Err(Unfit::Scattered(jobs)) => prop_assert!(jobs.len() > MOST_JOBS),
                Err(_) => prop_assert!(!asked),
            }
        }
    }
}
