//! Which rule decides for which objects: the one question that plan, probe, diagnosis and drift ask of a
//! bucket's rules. Pure.
//!
//! Among the enabled rules for one destination that cover an object, the one with the highest priority
//! decides; to several destinations an object goes by one rule each. See
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ReplicationRule.html>.

use std::collections::BTreeMap;

use crate::configuration::{Exclusions, ReplicationRule, Status, Tag};

/// The rules that S3 goes by for an object with `key` and `tags`, by the ARN of the destination bucket.
#[must_use]
pub fn deciding<'a>(
    rules: impl IntoIterator<Item = &'a ReplicationRule>,
    key: &str,
    tags: &[Tag],
) -> BTreeMap<&'a str, &'a ReplicationRule> {
    let mut deciding = BTreeMap::new();
    let covering = rules
        .into_iter()
        .filter(|rule| rule.status == Status::Enabled && rule.covers(key, tags));
    for rule in covering {
        let highest = deciding
            .entry(rule.destination.bucket.as_str())
            .or_insert(rule);
        if rule.priority > highest.priority {
            *highest = rule;
        }
    }
    deciding
}

/// The rule by which `rule` never decides for any object; `None` where it does for some, or is disabled.
///
/// One rule is looked for. Prefixes and tags leave no rule out that no other one alone does; several rules
/// with exclusions may, which is not seen.
#[must_use]
pub fn outranked<'a>(
    rule: &ReplicationRule,
    rules: impl IntoIterator<Item = &'a ReplicationRule>,
) -> Option<&'a ReplicationRule> {
    let above = rules
        .into_iter()
        .filter(|other| other.id != rule.id && is_above(other, rule) && covers_all_of(other, rule));
    above.max_by_key(|other| other.priority)
}

/// The rules for whose objects, or some of them, `rule` decides in their place.
pub fn outranks<'a>(
    rule: &'a ReplicationRule,
    rules: impl IntoIterator<Item = &'a ReplicationRule>,
) -> impl Iterator<Item = &'a ReplicationRule> {
    let below = rules.into_iter();
    below.filter(move |other| {
        other.id != rule.id && is_above(rule, other) && share_objects(rule, other)
    })
}

/// Whether `one` comes before `other` wherever both cover an object.
fn is_above(one: &ReplicationRule, other: &ReplicationRule) -> bool {
    let enabled = |rule: &ReplicationRule| rule.status == Status::Enabled;
    enabled(one)
        && enabled(other)
        && one.destination.bucket == other.destination.bucket
        && one.priority > other.priority
}

/// Whether there may be an object that both cover.
#[must_use]
pub fn share_objects(one: &ReplicationRule, other: &ReplicationRule) -> bool {
    let (first, second) = (prefix(one), prefix(other));
    let within = first.starts_with(second) || second.starts_with(first);
    // An object has one value for each tag.
    let contradicts = |tag: &Tag| {
        tags(other)
            .iter()
            .any(|theirs| theirs.key == tag.key && theirs.value != tag.value)
    };
    within && !tags(one).iter().any(contradicts) && !excludes(one, other) && !excludes(other, one)
}

/// Whether `one` leaves out every object that both could cover.
fn excludes(one: &ReplicationRule, other: &ReplicationRule) -> bool {
    let Some(not) = exclusions(one) else {
        return false;
    };
    let (first, second) = (prefix(one), prefix(other));
    let longer = if first.len() < second.len() {
        second
    } else {
        first
    };
    not.match_any(longer, tags(other))
}

/// Whether `wide` covers every object that `narrow` covers.
#[must_use]
pub fn covers_all_of(wide: &ReplicationRule, narrow: &ReplicationRule) -> bool {
    prefix(narrow).starts_with(prefix(wide))
        && tags(wide).iter().all(|tag| tags(narrow).contains(tag))
        && leaves_out_nothing_of(wide, narrow)
        // What is not understood may leave anything out.
        && wide.as_read.is_understood()
}

/// Whether no object that `narrow` covers is excluded from `wide`.
fn leaves_out_nothing_of(wide: &ReplicationRule, narrow: &ReplicationRule) -> bool {
    let Some(not) = exclusions(wide) else {
        return true;
    };
    let theirs = exclusions(narrow);
    let left_out_too = |start: &str| {
        theirs.is_some_and(|theirs| theirs.prefixes.iter().any(|own| start.starts_with(own)))
    };
    let apart =
        |start: &str| !start.starts_with(prefix(narrow)) && !prefix(narrow).starts_with(start);
    let other_value = |tag: &Tag| {
        let mut own = tags(narrow).iter();
        own.any(|own| own.key == tag.key && own.value != tag.value)
    };
    let tagged_too = |tag: &Tag| theirs.is_some_and(|theirs| theirs.tags.contains(tag));
    not.prefixes
        .iter()
        .all(|start| left_out_too(start) || apart(start))
        && not
            .tags
            .iter()
            .all(|tag| tagged_too(tag) || other_value(tag))
}

fn exclusions(rule: &ReplicationRule) -> Option<&Exclusions> {
    rule.filter.as_ref().map(|filter| &filter.not)
}

fn prefix(rule: &ReplicationRule) -> &str {
    match &rule.filter {
        Some(filter) => &filter.prefix,
        None => rule.prefix.as_deref().unwrap_or_default(),
    }
}

fn tags(rule: &ReplicationRule) -> &[Tag] {
    rule.filter.as_ref().map_or(&[], |filter| &filter.tags)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tag(value: u8) -> Tag {
        Tag {
            key: "k".into(),
            value: value.to_string(),
        }
    }

    fn rule(id: usize, priority: i32, prefix: &str, value: Option<u8>) -> ReplicationRule {
        let mut rule = ReplicationRule::example(&id.to_string(), prefix);
        rule.priority = Some(priority);
        rule.filter.as_mut().unwrap().tags = value.map(tag).into_iter().collect();
        rule
    }

    /// Every object that matters to rules with prefixes of at most two letters.
    fn objects() -> Vec<(String, Vec<Tag>)> {
        let mut keys = vec![String::new()];
        for length in 0..3 {
            let longer: Vec<_> = keys
                .iter()
                .filter(|key| key.len() == length)
                .flat_map(|key| ["a", "b", "z"].map(|letter| format!("{key}{letter}")))
                .collect();
            keys.extend(longer);
        }
        let mut objects = Vec::new();
        for key in keys {
            objects.extend([vec![], vec![tag(0)], vec![tag(1)]].map(|tags| (key.clone(), tags)));
        }
        objects
    }

    #[test]
    fn a_disabled_rule_and_one_to_another_bucket_neither_outrank_nor_are_outranked() {
        let (low, high) = (rule(0, 1, "a", None), rule(1, 2, "", None));
        let is_outranked =
            |low: &ReplicationRule, high: &ReplicationRule| outranked(low, [high]).is_some();
        assert!(is_outranked(&low, &high) && !is_outranked(&high, &low));
        for change in [
            |rule: &mut ReplicationRule| rule.status = Status::Disabled,
            |rule: &mut ReplicationRule| rule.destination.bucket = "arn:aws:s3:::other".into(),
        ] {
            for which in 0..2 {
                let mut pair = [low.clone(), high.clone()];
                change(&mut pair[which]);
                assert!(!is_outranked(&pair[0], &pair[1]));
                assert_eq!(outranks(&pair[1], [&pair[0]]).count(), 0);
            }
        }
    }

    fn excluding(
        mut rule: ReplicationRule,
        start: Option<&str>,
        value: Option<u8>,
    ) -> ReplicationRule {
        let filter = rule.filter.as_mut().unwrap();
        filter.not.prefixes = start.map(str::to_owned).into_iter().collect();
        filter.not.tags = value.map(tag).into_iter().collect();
        rule
    }

    #[test]
    fn exclusions_leave_room_for_other_rules() {
        let (all, a) = (rule(0, 2, "", None), rule(1, 1, "a", None));
        assert!(covers_all_of(&all, &a) && share_objects(&all, &a));
        let but = |start: &str| excluding(all.clone(), Some(start), None);
        // All of `a`, some of it, none of it.
        assert!(!covers_all_of(&but("a"), &a) && !share_objects(&but("a"), &a));
        assert!(!covers_all_of(&but("ab"), &a) && share_objects(&but("ab"), &a));
        assert!(covers_all_of(&but("b"), &a) && share_objects(&but("b"), &a));
        // What both leave out.
        assert!(covers_all_of(
            &but("ab"),
            &excluding(a.clone(), Some("a"), None)
        ));
        let mut strange = all.clone();
        strange.as_read.unknown = vec!["<Schedule/>".into()];
        assert!(!covers_all_of(&strange, &a) && share_objects(&strange, &a));
    }

    proptest! {
        /// Against every object there can be: what is said of two rules with exclusions is true.
        #[test]
        fn what_is_said_of_rules_with_exclusions_is_true(
            drawn in prop::collection::vec((
                "[ab]{0,2}", prop::option::of(0..2_u8), prop::option::of("[ab]{1,2}"), prop::option::of(0..2_u8),
            ), 2),
        ) {
            let rules: Vec<_> = (0..).zip(&drawn)
                .map(|(n, (prefix, value, start, without))| {
                    excluding(rule(n, 1, prefix, *value), start.as_deref(), *without)
                })
                .collect();
            let (wide, narrow) = (&rules[0], &rules[1]);
            let both = objects().into_iter()
                .map(|(key, tags)| (wide.covers(&key, &tags), narrow.covers(&key, &tags)))
                .collect::<Vec<_>>();
            if covers_all_of(wide, narrow) {
                prop_assert!(both.iter().all(|(wide, narrow)| *wide || !narrow), "{:?}", &drawn);
            }
            if both.contains(&(true, true)) {
                prop_assert!(share_objects(wide, narrow), "{:?}", &drawn);
            }
        }

        /// Against every object there can be: a rule is outranked where it decides for none, and outranks
        /// those for whose objects it decides.
        #[test]
        fn who_decides_where_follows_from_the_filters(
            drawn in prop::collection::vec(("[ab]{0,2}", prop::option::of(0..2_u8)), 1..5),
        ) {
            let rules: Vec<_> = (0..).zip(&drawn)
                .map(|(n, (prefix, value))| rule(n, i32::try_from(n).unwrap(), prefix, *value))
                .collect();
            for one in &rules {
                let decides = objects().iter().any(|(key, tags)| {
                    let winner = rules.iter().rev().find(|rule| rule.covers(key, tags));
                    winner.is_some_and(|winner| winner.id == one.id)
                });
                prop_assert_eq!(outranked(one, &rules).is_none(), decides, "{} of {:?}", one.id, &drawn);
                for other in rules.iter().filter(|other| other.priority < one.priority) {
                    let both = objects().iter().any(|(key, tags)| one.covers(key, tags) && other.covers(key, tags));
                    let found = outranks(one, &rules).any(|below| below.id == other.id);
                    prop_assert_eq!(found, both, "{} over {} of {:?}", one.id, other.id, &drawn);
                }
            }
            for (key, tags) in objects() {
                let winner = rules.iter().rev().find(|rule| rule.covers(&key, &tags)).map(|rule| &rule.id);
                let found = deciding(&rules, &key, &tags).into_values().next().map(|rule| &rule.id);
                prop_assert_eq!(found, winner);
            }
        }
    }
}
