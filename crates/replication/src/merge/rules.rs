//! Our rules among other people's.

use std::collections::BTreeSet;

use super::MergeError;
use crate::configuration::{ReplicationConfiguration, ReplicationRule};
use crate::owner::Owner;
use crate::ranking::share_objects;
use aws_names::Arn;

/// `existing` with exactly `ours` as this owner's rules, under `role`. `None` where no rule is left:
/// the configuration is then to be deleted.
///
/// A rule of ours without a priority keeps the one it has in the bucket, or gets its position
/// where that is free, or else the next free one; where that would put an earlier one in the list above a
/// later one that covers the same objects, all of them get new ones in the list's order.
///
/// # Errors
/// Where the rules cannot stand together; see [`MergeError`]. Removing rules never fails.
pub fn replication(
    existing: Option<&ReplicationConfiguration>,
    owner: &Owner,
    role: &str,
    ours: &[ReplicationRule],
) -> Result<Option<ReplicationConfiguration>, MergeError> {
    let present: &[ReplicationRule] = existing.map_or(&[], |existing| &existing.rules);
    let foreign: Vec<_> = present
        .iter()
        .filter(|rule| !owner.owns(&rule.id))
        .collect();
    if ours.is_empty() {
        let rules: Vec<_> = foreign.into_iter().cloned().collect();
        let role = existing
            .map(|existing| existing.role.clone())
            .unwrap_or_default();
        let others = existing.map_or_else(Vec::new, |existing| existing.others.clone());
        return Ok((!rules.is_empty()).then_some(ReplicationConfiguration {
            role,
            rules,
            others,
        }));
    }
    if let Some(existing) = existing.filter(|existing| existing.role != role && !foreign.is_empty())
    {
        return Err(MergeError::ForeignRole {
            role: existing.role.clone(),
            foreign: foreign.len(),
        });
    }
    if let Some(rule) = foreign.iter().find(|rule| rule.is_v1()) {
        return Err(MergeError::V1Rule {
            id: rule.id.clone(),
        });
    }
    let prioritised = with_priorities(present, &foreign, ours)?;
    let total = foreign.len() + prioritised.len();
    if total > 1000 {
        return Err(MergeError::TooMany { rules: total });
    }
    let home = Arn::parse(role).map(|arn| arn.account);
    // Ours stay where they are in the list; new ones go to its end.
    let mut waiting = prioritised;
    let mut rules = Vec::with_capacity(total);
    for rule in present {
        if !owner.owns(&rule.id) {
            rules.push(rule.clone());
        } else if let Some(at) = waiting.iter().position(|ours| ours.id == rule.id) {
            let ours = waiting.remove(at);
            // One that means the same stays in the words that it is in.
            let same = at_home(&ours, home.as_ref()) == at_home(rule, home.as_ref());
            rules.push(if same { rule.clone() } else { ours });
        }
    }
    rules.append(&mut waiting);
    Ok(Some(ReplicationConfiguration {
        role: role.to_owned(),
        rules,
        others: existing.map_or_else(Vec::new, |existing| existing.others.clone()),
    }))
}

/// The rule without the account of its destination where that is the source's, `home`, which a role is always
/// of, and nothing else needs it. See
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Destination.html>.
fn at_home(rule: &ReplicationRule, home: Option<&String>) -> ReplicationRule {
    let mut rule = rule.clone();
    if rule.destination.owner_override.is_none() && rule.destination.account.as_ref() == home {
        rule.destination.account = None;
    }
    rule
}

fn with_priorities(
    present: &[ReplicationRule],
    foreign: &[&ReplicationRule],
    ours: &[ReplicationRule],
) -> Result<Vec<ReplicationRule>, MergeError> {
    let holder = |priority| foreign.iter().find(|rule| rule.priority == Some(priority));
    let mut taken: BTreeSet<i32> = foreign.iter().filter_map(|rule| rule.priority).collect();
    for rule in ours {
        let Some(priority) = rule.priority else {
            continue;
        };
        if let Some(theirs) = holder(priority) {
            let (ours, theirs) = (rule.id.clone(), theirs.id.clone());
            return Err(MergeError::PriorityTaken {
                priority,
                ours,
                theirs,
            });
        }
        taken.insert(priority);
    }
    // Rules keep the priority they have, unless the template now gives that one to another.
    let mut chosen: Vec<ReplicationRule> = ours.to_vec();
    for rule in chosen.iter_mut().filter(|rule| rule.priority.is_none()) {
        let had = present
            .iter()
            .find(|there| there.id == rule.id)
            .and_then(|there| there.priority);
        rule.priority = had.filter(|priority| taken.insert(*priority));
    }
    for (position, rule) in (1_i32..).zip(chosen.iter_mut()) {
        if rule.priority.is_none() {
            rule.priority = (position..=i32::MAX).find(|priority| taken.insert(*priority));
        }
    }
    if !in_order(ours, &chosen) {
        reorder(ours, &mut chosen, foreign);
    }
    Ok(chosen)
}

/// Whether, of rules without a priority of the template's, the later one in the list has the higher
/// wherever both cover an object.
fn in_order(ours: &[ReplicationRule], chosen: &[ReplicationRule]) -> bool {
    let open: Vec<_> = ours
        .iter()
        .zip(chosen)
        .filter(|(asked, _)| asked.priority.is_none())
        .map(|(_, rule)| rule)
        .collect();
    open.iter().enumerate().all(|(position, later)| {
        let mut earlier = open.iter().take(position);
        earlier.all(|earlier| {
            earlier.priority < later.priority
                || earlier.destination.bucket != later.destination.bucket
                || !share_objects(earlier, later)
        })
    })
}

/// Gives all rules without a priority of the template's new ones, in the template's order.
fn reorder(ours: &[ReplicationRule], chosen: &mut [ReplicationRule], foreign: &[&ReplicationRule]) {
    let given = ours.iter().chain(foreign.iter().copied());
    let taken: BTreeSet<i32> = given.filter_map(|rule| rule.priority).collect();
    let mut next = 1;
    for (position, (asked, rule)) in (1_i32..).zip(ours.iter().zip(chosen)) {
        if asked.priority.is_some() {
            continue;
        }
        next = next.max(position);
        rule.priority = (next..=i32::MAX).find(|priority| !taken.contains(priority));
        next = rule
            .priority
            .map_or(next, |priority| priority.saturating_add(1));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ROLE: &str = "arn:aws:iam::111122223333:role/r";

    fn owner(name: &str) -> Owner {
        Owner::new("stack", name, "source")
    }

    fn rule(id: &str, priority: Option<i32>) -> ReplicationRule {
        let mut rule = ReplicationRule::example(id, "");
        rule.priority = priority;
        rule
    }

    fn there(rules: Vec<ReplicationRule>) -> ReplicationConfiguration {
        ReplicationConfiguration {
            role: ROLE.into(),
            rules,
            others: Vec::new(),
        }
    }

    fn priorities(of: &ReplicationConfiguration) -> Vec<(&str, Option<i32>)> {
        of.rules
            .iter()
            .map(|rule| (rule.id.as_str(), rule.priority))
            .collect()
    }

    #[test]
    fn rules_keep_their_priority_or_get_their_position_or_the_next_free_one() {
        let us = owner("A");
        let (a, b, c) = (
            us.rule_id(Some("a"), 0),
            us.rule_id(Some("b"), 1),
            us.rule_id(Some("c"), 2),
        );
        let present = there(vec![
            rule("x", Some(1)),
            rule(&b, Some(9)),
            rule("y", Some(3)),
        ]);
        let mut ours = [rule(&a, None), rule(&b, None), rule(&c, None)];
        for (rule, prefix) in ours.iter_mut().zip(["a/", "b/", "c/"]) {
            rule.filter.as_mut().unwrap().prefix = prefix.into();
        }
        let merged = replication(Some(&present), &us, ROLE, &ours)
            .unwrap()
            .unwrap();
        assert_eq!(
            priorities(&merged),
            [
                ("x", Some(1)),
                (b.as_str(), Some(9)),
                ("y", Some(3)),
                (a.as_str(), Some(2)),
                (c.as_str(), Some(4)),
            ]
        );
    }

    #[test]
    fn where_rules_cover_the_same_objects_the_later_one_in_the_list_gets_the_higher_priority() {
        let us = owner("A");
        let (wide, narrow) = (us.rule_id(Some("wide"), 0), us.rule_id(Some("narrow"), 1));
        let of = |id: &str, prefix: &str| {
            let mut rule = rule(id, None);
            rule.filter.as_mut().unwrap().prefix = prefix.into();
            rule
        };
        // The narrow one was there first.
        let mut there_already = of(&narrow, "Tax/");
        there_already.priority = Some(1);
        let present = there(vec![there_already, rule("x", Some(2))]);
        let ours = [of(&wide, ""), of(&narrow, "Tax/")];
        let merged = replication(Some(&present), &us, ROLE, &ours)
            .unwrap()
            .unwrap();
        assert_eq!(
            priorities(&merged),
            [
                (narrow.as_str(), Some(3)),
                ("x", Some(2)),
                (wide.as_str(), Some(1)),
            ]
        );
        let again = replication(Some(&merged), &us, ROLE, &ours).unwrap();
        assert_eq!(again, Some(merged));
    }

    #[test]
    fn a_rule_gives_up_its_priority_where_the_template_gives_it_to_another() {
        let us = owner("A");
        let (a, b) = (us.rule_id(Some("a"), 0), us.rule_id(Some("b"), 1));
        let present = there(vec![rule(&a, Some(1)), rule(&b, Some(2))]);
        let ours = [rule(&a, None), rule(&b, Some(1))];
        let merged = replication(Some(&present), &us, ROLE, &ours)
            .unwrap()
            .unwrap();
        assert_eq!(
            priorities(&merged),
            [(a.as_str(), Some(2)), (b.as_str(), Some(1))]
        );
    }

    #[test]
    fn another_role_is_taken_over_only_where_all_rules_are_ours() {
        let us = owner("A");
        let a = us.rule_id(None, 0);
        let mut present = there(vec![rule(&a, Some(1))]);
        present.role = "arn:aws:iam::111122223333:role/old".into();
        let ours = [rule(&a, None)];
        let merged = replication(Some(&present), &us, ROLE, &ours)
            .unwrap()
            .unwrap();
        assert_eq!(merged.role, ROLE);
        present.rules.push(rule("x", Some(2)));
        assert_eq!(
            replication(Some(&present), &us, ROLE, &ours),
            Err(MergeError::ForeignRole {
                role: present.role.clone(),
                foreign: 1
            })
        );
        // Taking ours out never fails, and leaves the role.
        let left = replication(Some(&present), &us, ROLE, &[])
            .unwrap()
            .unwrap();
        assert_eq!((left.role, left.rules.len()), (present.role, 1));
    }

    #[test]
    fn the_account_of_the_source_may_be_named_or_not() {
        let us = owner("A");
        let mut there_already = rule(&us.rule_id(None, 0), Some(1));
        let ours = [there_already.clone()];
        for (account, owner_override, same) in [
            ("111122223333", None, true),
            ("111122223333", Some("Destination"), false),
            ("444455556666", None, false),
        ] {
            there_already.destination.account = Some(account.into());
            there_already.destination.owner_override = owner_override.map(str::to_owned);
            let present = there(vec![there_already.clone()]);
            let merged = replication(Some(&present), &us, ROLE, &ours).unwrap();
            assert_eq!(merged.as_ref() == Some(&present), same, "{account}");
        }
    }

    #[test]
    fn a_thousand_rules_fit_and_no_more() {
        let us = owner("A");
        let theirs: Vec<_> = (0..999).map(|n| rule(&format!("x{n}"), Some(n))).collect();
        let ours = [
            rule(&us.rule_id(None, 0), None),
            rule(&us.rule_id(None, 1), None),
        ];
        let present = there(theirs);
        let merged = replication(Some(&present), &us, ROLE, &ours[..1]).unwrap();
        assert_eq!(merged.unwrap().rules.len(), 1000);
        assert_eq!(
            replication(Some(&present), &us, ROLE, &ours),
            Err(MergeError::TooMany { rules: 1001 })
        );
    }

    #[test]
    fn the_last_rule_gone_the_configuration_is_gone() {
        let us = owner("A");
        let present = there(vec![rule(&us.rule_id(None, 0), Some(1))]);
        assert_eq!(replication(Some(&present), &us, ROLE, &[]), Ok(None));
        assert_eq!(replication(None, &us, ROLE, &[]), Ok(None));
    }

    proptest! {
        #[test]
        fn merging_again_changes_nothing_and_foreign_rules_stay_as_they_are(
            foreign in prop::collection::btree_set(0..20_i32, 0..5),
            ours in prop::collection::vec(prop::option::of(20..40_i32), 0..5),
        ) {
            let us = owner("A");
            let theirs: Vec<_> = foreign.iter().map(|n| rule(&format!("x{n}"), Some(*n))).collect();
            let present = (!theirs.is_empty()).then(|| there(theirs.clone()));
            let mut taken = BTreeSet::new();
            let ours: Vec<_> = (0..).zip(ours)
                .map(|(n, priority)| rule(&us.rule_id(None, n), priority.filter(|p| taken.insert(*p))))
                .collect();
            let merged = replication(present.as_ref(), &us, ROLE, &ours).unwrap();
            let again = replication(merged.as_ref(), &us, ROLE, &ours).unwrap();
            prop_assert_eq!(&again, &merged);
            let rules = merged.map_or_else(Vec::new, |merged| merged.rules);
            let kept: Vec<_> = rules.iter().filter(|rule| !us.owns(&rule.id)).cloned().collect();
            prop_assert_eq!(kept, theirs);
            let distinct: BTreeSet<_> = rules.iter().map(|rule| rule.priority).collect();
            prop_assert!(distinct.len() == rules.len() && !distinct.contains(&None));
            prop_assert_eq!(rules.len(), foreign.len() + ours.len());
        }
    }
}
