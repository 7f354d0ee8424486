use proptest::prelude::*;

use super::*;
use crate::configuration::Tag;

/// How long a replaced key stays right, unproved.
const A_DAY: i64 = 86_400;

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
    let before = Before {
        present,
        others: &[],
        looked: None,
    };
    let ours: Vec<_> = rules.iter().collect();
    expected(&ours, rules, before, at(now), change)
}

#[test]
fn where_a_rule_of_somebody_elses_leads_the_key_is_right_from_now_on() {
    let rules = [rule("all", 2, "", "k2"), rule("b", 1, "b/", "k3")];
    let lines = beside(&rules, &[], &[("a/", Some(9))], 100);
    assert_eq!(
        shown(&lines),
        [("", "k2", Some(100), None), ("b/", "k3", None, None)]
    );
    // It stays what it was, whoever comes later.
    let others = [("a/", Some(9)), ("b/", Some(7))];
    assert_eq!(beside(&rules, &lines, &others, 200), lines);
}

/// While a change is under way, beside rules of others.
fn beside(
    rules: &[ReplicationRule],
    present: &[Rule],
    others: &[(&str, Option<i32>)],
    now: i64,
) -> Vec<Rule> {
    let ours: Vec<_> = rules.iter().collect();
    expected(
        &ours,
        rules,
        Before {
            present,
            others,
            looked: None,
        },
        at(now),
        Change::UnderWay,
    )
}

#[test]
fn rules_for_different_tags_under_one_key_stay_as_they_are() {
    let mut tagged = rule("tagged", 2, "", "k1");
    tagged.filter.as_mut().unwrap().tags = vec![Tag {
        key: "k".into(),
        value: "v".into(),
    }];
    let rules = [rule("all", 1, "", "k1"), tagged];
    // Beside somebody else's between the two as well.
    for others in [&[][..], &[("", Some(1))], &[("", Some(2))]] {
        let first = beside(&rules, &[], others, 100);
        assert_eq!(beside(&rules, &first, others, 200), first, "{others:?}");
    }
}

#[test]
fn a_former_key_stands_above_nothing_and_is_under_no_condition() {
    let mut tagged = rule("tagged", 2, "", "k1");
    tagged.filter.as_mut().unwrap().tags = vec![Tag {
        key: "k".into(),
        value: "v".into(),
    }];
    let first = said(&[tagged.clone()], &[], 100, Change::UnderWay);
    tagged.destination.replica_kms_key_id = Some("k2".into());
    let lines = said(&[tagged], &first, 200, Change::UnderWay);
    let shown = lines
        .iter()
        .map(|line| (line.kms_key_arn.as_str(), line.conditional, line.priority));
    assert_eq!(
        shown.collect::<Vec<_>>(),
        [("k2", true, Some(2)), ("k1", false, None)]
    );
}

#[test]
fn a_rule_that_gives_way_to_another_was_right_until_then() {
    let rules = |all, tax| [rule("all", all, "", "k1"), rule("tax", tax, "Tax/", "k2")];
    let first = said(&rules(1, 2), &[], 100, Change::UnderWay);
    let later = Some(200 + A_DAY);
    // It sinks below the other, or the other rises above it.
    for changed in [rules(3, 2), rules(2, 1)] {
        let lines = said(&changed, &first, 200, Change::UnderWay);
        assert_eq!(
            shown(&lines),
            [
                ("", "k1", None, None),
                ("Tax/", "k2", None, None),
                ("Tax/", "k2", None, later),
            ]
        );
        assert_eq!(said(&changed, &lines, 300, Change::UnderWay), lines);
        let proved = said(&changed, &lines, 300, Change::Proved);
        assert_eq!(shown(&proved)[2], ("Tax/", "k2", None, Some(300)));
        assert_eq!(said(&changed, &proved, 400, Change::UnderWay), proved);
    }
    // The order is the same.
    let lines = said(&rules(3, 4), &first, 200, Change::UnderWay);
    assert_eq!(shown(&lines), shown(&first));
    // The same beside somebody else's: below it, and above it.
    let ours = |priority| [rule("tax", priority, "Tax/", "k2")];
    let theirs = [("", Some(5))];
    let above = said(&ours(9), &[], 100, Change::UnderWay);
    let below = beside(&ours(1), &above, &theirs, 200);
    assert_eq!(
        shown(&below),
        [("Tax/", "k2", None, None), ("Tax/", "k2", None, later)]
    );
    assert_eq!(beside(&ours(1), &below, &theirs, 300), below);
    let again = beside(&ours(9), &below, &theirs, 300);
    assert_eq!(shown(&again), [("Tax/", "k2", Some(300), None)]);
    assert_eq!(beside(&ours(9), &again, &theirs, 400), again);
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
fn what_is_announced_stands_above_nobody_until_its_rule_is_written() {
    let announced = |rules: &[ReplicationRule], written: &[ReplicationRule], present: &[Rule]| {
        let rules: Vec<_> = rules.iter().collect();
        let before = Before {
            present,
            others: &[],
            looked: None,
        };
        let lines = expected(&rules, written, before, at(100), Change::Announced);
        let leaves_room = lines.iter().map(|line| line.conditional);
        (leaves_room.collect::<Vec<_>>(), lines)
    };
    let rules = [rule("all", 1, "", "k1"), rule("tax", 2, "Tax/", "k2")];
    let (leaves_room, said_first) = announced(&rules, &[], &[]);
    assert_eq!(leaves_room, [true, true]);
    // Still, where the request that said it never came to write them.
    assert_eq!(
        announced(&rules, &[], &said_first),
        (leaves_room, said_first)
    );
    // Once one is written, and where it was meant so before and somebody took its rule away.
    assert_eq!(announced(&rules, &rules[1..], &[]).0, [true, false]);
    let meant = said(&rules, &[], 100, Change::UnderWay);
    assert_eq!(
        announced(&rules, &[], &meant),
        (vec![false, false], meant.clone())
    );
    // A rule that takes other objects, or stands elsewhere, or is not in force, is another one; by another key
    // it is the same.
    let written = |change: fn(&mut ReplicationRule)| {
        let mut there = rules.clone();
        change(&mut there[0]);
        announced(&rules, &there, &[]).0
    };
    assert_eq!(written(|rule| rule.priority = Some(7)), [true, false]);
    assert_eq!(
        written(|rule| rule.status = Status::Disabled),
        [true, false]
    );
    assert_eq!(
        written(|rule| rule.destination.bucket = "arn:aws:s3:::other".into()),
        [true, false]
    );
    assert_eq!(
        written(|rule| rule.filter.as_mut().unwrap().prefix = "Tax/".into()),
        [true, false]
    );
    assert_eq!(
        written(|rule| rule.destination.replica_kms_key_id = Some("k9".into())),
        [false, false]
    );
    // One that is raised stands where it stood, until it does in the bucket.
    let raised = [rule("all", 9, "", "k1"), rules[1].clone()];
    assert_eq!(announced(&raised, &rules, &meant).0[..2], [true, false]);
}

#[test]
fn a_replaced_key_is_right_beside_the_new_one_until_that_is_proved() {
    let (old, new) = ([rule("a", 1, "", "k1")], [rule("a", 1, "", "k2")]);
    let first = said(&old, &[], 100, Change::UnderWay);
    let both = said(&new, &first, 200, Change::UnderWay);
    let later = 200 + A_DAY;
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
    let third = ("", "k2", Some(200), Some(400 + A_DAY));
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
    let later = 200 + A_DAY;
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
    assert_eq!(shown(&lines), [("", "k9", None, Some(100 + A_DAY))]);
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
