//! Which keys are expected in one destination, and which were: the lines of an expectation.
//!
//! A key that is replaced stays, with an `until`, beside the one that replaces it. While a change is under
//! way that is a moment to come, as S3 may go by the old rule for a while; once the new rule is proved it
//! is the moment of the proof. A replica that is looked at years later is so still known to have been right.
//! Pure.

use std::cmp::Reverse;

use expectation::{Rule, Time};

use crate::configuration::{ReplicationRule, Status};

/// How long a replaced key stays right where nothing proves the new rule, in seconds. S3 may take hours
/// over an object, see
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-time-control.html>.
const UNPROVED_FOR: i64 = 24 * 60 * 60;

/// Former keys of one destination, the latest first; never fewer than its rules, so that a change of all
/// of them at once is remembered whole. A line has some 240 bytes, so that the parameter of an ordinary
/// resource stays within the 4 KB that SSM keeps for nothing, with years of keys that are replaced yearly.
const MOST_FORMER: usize = 16;

/// How far a change is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// S3 may go by the old rules or by the new ones.
    UnderWay,
    /// The new rules were seen to work.
    Proved,
}

/// The lines for one destination: `rules` are ours that lead there, with their priorities; `present` what
/// is said of it now.
pub(super) fn expected(
    rules: &[&ReplicationRule],
    present: &[Rule],
    now: Time,
    change: Change,
) -> Vec<Rule> {
    let latest = match change {
        Change::UnderWay => Time::from_secs(now.secs().saturating_add(UNPROVED_FOR)),
        Change::Proved => now,
    };
    let mut lines: Vec<Rule> = Vec::new();
    for rule in rules.iter().filter(|rule| rule.status == Status::Enabled) {
        let Some(line) = line(rule) else { continue };
        let since = since(&line, present, now);
        let line = Rule { since, ..line };
        if !lines.iter().any(|said| {
            Rule {
                id: line.id.clone(),
                ..said.clone()
            } == line
        }) {
            lines.push(line);
        }
    }
    let mut former: Vec<Rule> = Vec::new();
    for was in present.iter().filter(|was| !was.disabled) {
        if holds(was, now) && lines.iter().any(|line| is_same(line, was)) {
            continue;
        }
        let was = Rule {
            priority: None,
            conditional: false,
            until: Some(was.until.unwrap_or(latest).min(latest)),
            ..was.clone()
        };
        if !former.contains(&was) {
            former.push(was);
        }
    }
    former.sort_by_key(|was| Reverse(was.until));
    former.truncate(MOST_FORMER.max(lines.len()));
    let disabled = rules.iter().filter(|rule| rule.status == Status::Disabled);
    let disabled = disabled.filter_map(|rule| disabled_line(rule, present, now, latest));
    lines.extend(disabled.collect::<Vec<_>>());
    lines.extend(former);
    lines
}

/// What a rule says by itself; nothing where it names no key.
fn line(rule: &ReplicationRule) -> Option<Rule> {
    Some(Rule {
        id: rule.id.clone(),
        prefix: rule.filter_prefix().to_owned(),
        kms_key_arn: rule.destination.replica_kms_key_id.clone()?,
        priority: rule.priority,
        conditional: rule.is_conditional(),
        ..Rule::default()
    })
}

/// A disabled rule speaks only of what was on its way when it was disabled.
fn disabled_line(
    rule: &ReplicationRule,
    present: &[Rule],
    now: Time,
    latest: Time,
) -> Option<Rule> {
    let line = line(rule)?;
    let said = |disabled: bool| {
        let mut said = present.iter().filter(|was| was.disabled == disabled);
        said.find(|was| is_same(was, &line) && (disabled || holds(was, now)))
    };
    let until = match (said(true), said(false)) {
        (Some(was), _) => was.until.unwrap_or(now).min(latest),
        (None, Some(_)) => latest,
        (None, None) => now,
    };
    Some(Rule {
        disabled: true,
        until: Some(until),
        ..line
    })
}

/// From when on the key is right: left out where nothing else was said of these objects before.
fn since(line: &Rule, present: &[Rule], now: Time) -> Option<Time> {
    let same = present
        .iter()
        .find(|was| !was.disabled && is_same(was, line) && holds(was, now));
    if let Some(was) = same {
        return was.since;
    }
    let meets =
        |was: &Rule| was.prefix.starts_with(&line.prefix) || line.prefix.starts_with(&was.prefix);
    present.iter().any(meets).then_some(now)
}

fn is_same(one: &Rule, other: &Rule) -> bool {
    (&one.prefix, &one.kms_key_arn) == (&other.prefix, &other.kms_key_arn)
}

/// Whether its key is right today.
fn holds(line: &Rule, now: Time) -> bool {
    line.until.is_none_or(|until| until > now)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::configuration::Tag;

    fn rule(id: &str, priority: i32, prefix: &str, key: &str) -> ReplicationRule {
        let mut rule = ReplicationRule::example(id, prefix);
        rule.priority = Some(priority);
        rule.destination.replica_kms_key_id = Some(key.into());
        rule
    }

    fn at(secs: i64) -> Time {
        Time::from_secs(secs)
    }

    fn said(rules: &[ReplicationRule], present: &[Rule], now: i64, change: Change) -> Vec<Rule> {
        expected(&rules.iter().collect::<Vec<_>>(), present, at(now), change)
    }

    /// Prefix, key, since, until.
    fn shown(lines: &[Rule]) -> Vec<(&str, &str, Option<i64>, Option<i64>)> {
        let secs = |time: Option<Time>| time.map(Time::secs);
        let shown = lines.iter().map(|line| {
            (
                line.prefix.as_str(),
                line.kms_key_arn.as_str(),
                secs(line.since),
                secs(line.until),
            )
        });
        shown.collect()
    }

    #[test]
    fn what_was_first_said_has_no_times_and_says_what_decides() {
        let mut tagged = rule("tagged", 3, "Tax/", "k1");
        tagged.filter.as_mut().unwrap().tags = vec![Tag {
            key: "k".into(),
            value: "v".into(),
        }];
        let rules = [tagged, rule("all", 1, "", "k2")];
        let lines = said(&rules, &[], 100, Change::UnderWay);
        assert_eq!(
            shown(&lines),
            [("Tax/", "k1", None, None), ("", "k2", None, None)]
        );
        let decides = lines.iter().map(|line| (line.priority, line.conditional));
        assert_eq!(
            decides.collect::<Vec<_>>(),
            [(Some(3), true), (Some(1), false)]
        );
        assert_eq!(said(&rules, &lines, 200, Change::Proved), lines);
    }

    #[test]
    fn a_replaced_key_is_right_beside_the_new_one_until_that_is_proved() {
        let (old, new) = ([rule("a", 1, "", "k1")], [rule("a", 1, "", "k2")]);
        let first = said(&old, &[], 100, Change::UnderWay);
        let both = said(&new, &first, 200, Change::UnderWay);
        let later = 200 + UNPROVED_FOR;
        assert_eq!(
            shown(&both),
            [("", "k2", Some(200), None), ("", "k1", None, Some(later))]
        );
        // Looked at again, it is what it was.
        assert_eq!(said(&new, &both, 250, Change::UnderWay), both);
        let proved = said(&new, &both, 300, Change::Proved);
        assert_eq!(
            shown(&proved),
            [("", "k2", Some(200), None), ("", "k1", None, Some(300))]
        );
        assert_eq!(said(&new, &proved, 900, Change::UnderWay), proved);
        // Back before it was proved: it never ceased to be right. Back after it: a second time.
        let back = said(&old, &both, 300, Change::Proved);
        assert_eq!(
            shown(&back),
            [("", "k1", None, None), ("", "k2", Some(200), Some(300))]
        );
        let again = said(&old, &proved, 400, Change::UnderWay);
        let third = ("", "k2", Some(200), Some(400 + UNPROVED_FOR));
        assert_eq!(
            shown(&again),
            [
                ("", "k1", Some(400), None),
                third,
                ("", "k1", None, Some(300))
            ]
        );
    }

    #[test]
    fn what_changes_nothing_of_prefix_and_key_leaves_the_times_alone() {
        let old = [rule("a", 1, "", "k1"), rule("b", 2, "b/", "k2")];
        let first = said(&old, &[], 100, Change::UnderWay);
        let mut new = old.clone();
        new[0].id = "renamed".into();
        new[1].destination.storage_class = Some("GLACIER_IR".into());
        let lines = said(&new, &first, 200, Change::UnderWay);
        assert_eq!(shown(&lines), shown(&first));
        assert_eq!(lines[0].id, "renamed");
    }

    #[test]
    fn a_disabled_rule_speaks_of_what_was_on_its_way_and_then_no_more() {
        let mut rules = [rule("a", 1, "a/", "k1")];
        let on = said(&rules, &[], 100, Change::UnderWay);
        rules[0].status = Status::Disabled;
        let off = said(&rules, &on, 200, Change::UnderWay);
        let later = 200 + UNPROVED_FOR;
        // The key was right while the rule was in force, which a longer prefix elsewhere does not undo.
        let once = ("a/", "k1", None, Some(later));
        assert_eq!(shown(&off), [once, once]);
        let disabled = off.iter().map(|line| line.disabled);
        assert_eq!(disabled.collect::<Vec<_>>(), [true, false]);
        assert_eq!(said(&rules, &off, 300, Change::UnderWay), off);
        // One that never was in force says nothing of what is to come.
        let never = said(&rules, &[], 200, Change::UnderWay);
        assert_eq!(shown(&never), [("a/", "k1", None, Some(200))]);
    }

    #[test]
    fn the_oldest_keys_are_forgotten_and_a_change_of_all_at_once_is_not() {
        let mut lines = Vec::new();
        for n in 0..40_i64 {
            let rules = [rule("a", 1, "", &format!("k{n}"))];
            lines = said(&rules, &lines, 1000 * n, Change::UnderWay);
            lines = said(&rules, &lines, 1000 * n + 1, Change::Proved);
        }
        assert_eq!(lines.len(), 1 + MOST_FORMER);
        assert_eq!(lines[1].kms_key_arn, "k38");
        let all = |key: &str| -> Vec<_> {
            let rules = (0..100).map(|n| rule(&n.to_string(), n, &format!("{n}/"), key));
            rules.collect()
        };
        let old = said(&all("k1"), &[], 100, Change::UnderWay);
        let new = said(&all("k2"), &old, 200, Change::UnderWay);
        assert_eq!(new.len(), 200);
    }

    #[test]
    fn a_time_that_nobody_of_ours_wrote_is_cut() {
        let strange = Rule {
            kms_key_arn: "k9".into(),
            until: Some(at(i64::MAX)),
            ..Rule::default()
        };
        let lines = said(&[], &[strange], 100, Change::UnderWay);
        assert_eq!(shown(&lines), [("", "k9", None, Some(100 + UNPROVED_FOR))]);
    }

    proptest! {
        /// Whatever is changed and however far each change got: the key by which S3 went at a moment, be it
        /// the old rules' until the change is proved or the new ones', is one that was right then.
        #[test]
        fn every_key_that_s3_went_by_was_right_at_that_time(
            changes in prop::collection::vec((prop::collection::vec(0..3_usize, 1..3), any::<bool>()), 1..6),
        ) {
            let (mut lines, mut now, mut before): (Vec<Rule>, i64, Vec<ReplicationRule>) = (Vec::new(), 0, Vec::new());
            let mut history = Vec::new();
            for (keys, proved) in &changes {
                let rules: Vec<_> = keys.iter().enumerate().map(|(n, key)| {
                    rule(&n.to_string(), i32::try_from(n).unwrap(), ["", "b/"][n], &format!("k{key}"))
                }).collect();
                now += 100;
                lines = said(&rules, &lines, now, Change::UnderWay);
                // S3 goes by either for a while.
                for rule in before.iter().chain(&rules) {
                    history.push((now + 5, rule.clone()));
                }
                now += 10;
                if *proved {
                    lines = said(&rules, &lines, now, Change::Proved);
                }
                for rule in &rules {
                    history.push((now + 5, rule.clone()));
                }
                before = rules;
            }
            for (when, rule) in history {
                let right = lines.iter().any(|line| {
                    line.prefix == rule.filter_prefix()
                        && Some(&line.kms_key_arn) == rule.destination.replica_kms_key_id.as_ref()
                        && line.since.is_none_or(|since| since.secs() <= when)
                        && line.until.is_none_or(|until| until.secs() >= when)
                });
                prop_assert!(right, "{when} {} {:?}\n{lines:#?}", rule.filter_prefix(), rule.destination.replica_kms_key_id);
            }
        }
    }
}
