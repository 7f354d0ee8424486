//! Any buckets and any rules, against an oracle of plain maps that shares no code with what it judges.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use encrypted_replication::compare::state::State;
use encrypted_replication::listing::{EntryKind, Prefixes};
use expectation::Time;
use proptest::collection::vec;
use proptest::prelude::*;
use replication::configuration::{ReplicationRule, Status, Tag};

use crate::told::{BEGAN, comparison, rule, run};
use crate::world::{Bucket, Stored};

const DAY: i64 = 86_400;
const SIDES: usize = 2;

/// A rule as the oracle sees it.
#[derive(Clone, Debug)]
struct Plan {
    side: usize,
    prefix: &'static str,
    tag: Option<&'static str>,
    enabled: bool,
    kms: bool,
    markers: bool,
}

/// A version, and how it stands at each side.
#[derive(Clone, Debug)]
struct Life {
    key: String,
    written: i64,
    marker: bool,
    tag: Option<&'static str>,
    kms: bool,
    status: Option<&'static str>,
    vanished: bool,
    /// At each side: in the listing, come since.
    at: [Place; SIDES],
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    There,
    Away,
    ComesMeanwhile,
}

fn plans() -> impl Strategy<Value = Vec<Plan>> {
    let one = (
        0..SIDES,
        prop::sample::select(vec!["", "a", "a/", "b", "\u{ff}", "\u{1f600}"]),
        prop::option::weighted(0.3, prop::sample::select(vec!["x", "y"])),
        prop::bool::weighted(0.8),
        prop::bool::weighted(0.8),
        any::<bool>(),
    );
    let one = one.prop_map(|(side, prefix, tag, enabled, kms, markers)| Plan {
        side,
        prefix,
        tag,
        enabled,
        kms,
        markers: markers && tag.is_none(),
    });
    vec(one, 1..6)
}

fn lives() -> impl Strategy<Value = Vec<Life>> {
    let place = prop::sample::select(vec![
        Place::There,
        Place::There,
        Place::Away,
        Place::Away,
        Place::ComesMeanwhile,
    ]);
    let one = (
        // Beyond U+FFFF the order of UTF-8 is another than that of UTF-16.
        "[ab/\u{e9}\u{ff}\u{ffff}\u{1f600}]{1,2}",
        prop_oneof![0..60 * DAY, 0..900i64],
        prop::bool::weighted(0.15),
        prop::option::of(prop::sample::select(vec!["x", "y"])),
        any::<bool>(),
        prop::option::of(prop::sample::select(vec!["PENDING", "FAILED", "COMPLETED"])),
        prop::bool::weighted(0.05),
        [place.clone(), place],
    );
    let one = one.prop_map(|(key, ago, marker, tag, kms, status, vanished, at)| Life {
        key,
        written: BEGAN - ago,
        marker,
        tag,
        kms,
        status,
        vanished,
        at,
    });
    vec(one, 0..40)
}

/// Versions at a destination alone: side, key, ago, marker.
fn strangers() -> impl Strategy<Value = Vec<(usize, String, i64, bool)>> {
    vec((0..SIDES, "[ab/\u{ff}]{1,2}", -5..DAY, any::<bool>()), 0..6)
}

fn covers(plan: &Plan, key: &str, tag: Option<&str>) -> bool {
    key.starts_with(plan.prefix) && plan.tag.is_none_or(|wanted| tag == Some(wanted))
}

/// The plan that decides at a side: the plans' order is that of their priorities, the first the highest.
fn deciding(plans: &[Plan], side: usize, key: &str, tag: Option<&str>) -> Option<usize> {
    plans
        .iter()
        .position(|plan| plan.side == side && plan.enabled && covers(plan, key, tag))
}

/// The sides that rules lead to.
fn sides_of(plans: &[Plan]) -> BTreeSet<usize> {
    plans.iter().map(|plan| plan.side).collect()
}

/// What the oracle says: state by side, key and version.
fn oracle(plans: &[Plan], lives: &[Life]) -> BTreeMap<(usize, String, usize), State> {
    let mut said = BTreeMap::new();
    // Since when each plan took anything up: what arrived, or has S3's word.
    let mut since: HashMap<usize, i64> = HashMap::new();
    let mut note = |plan: usize, written: i64| {
        let known = since.entry(plan).or_insert(written);
        *known = (*known).min(written);
    };
    for life in lives.iter().filter(|life| !life.marker) {
        for side in sides_of(plans) {
            if life.at[side] == Place::There {
                // What arrived is not asked for its tags: the first rule that may have brought it.
                let first = plans.iter().position(|plan| {
                    plan.side == side && plan.enabled && life.key.starts_with(plan.prefix)
                });
                if let Some(plan) = first {
                    note(plan, life.written);
                }
            } else if !life.vanished
                && let Some(plan) = deciding(plans, side, &life.key, life.tag)
                && life.status.is_some()
            {
                note(plan, life.written);
            }
        }
    }
    for (number, life) in lives.iter().enumerate() {
        for side in sides_of(plans) {
            // Where no rule leads, disabled or not, nobody looks.
            let looked = plans
                .iter()
                .any(|plan| plan.side == side && life.key.starts_with(plan.prefix));
            let state = if life.at[side] == Place::There && looked {
                State::Arrived
            } else if life.marker {
                let plan = deciding(plans, side, &life.key, None).map(|plan| &plans[plan]);
                match plan {
                    Some(plan) if plan.markers => {
                        if BEGAN - life.written <= 900 {
                            State::Pending
                        } else {
                            State::DeleteMarkerMissing
                        }
                    }
                    _ => State::NotCovered,
                }
            } else {
                absent(plans, &since, life, side)
            };
            said.insert((side, life.key.clone(), number), state);
        }
    }
    said
}

fn absent(plans: &[Plan], since: &HashMap<usize, i64>, life: &Life, side: usize) -> State {
    let may = plans
        .iter()
        .any(|plan| plan.side == side && plan.enabled && life.key.starts_with(plan.prefix));
    if !may {
        return State::NotCovered;
    }
    if life.vanished {
        return State::Gone;
    }
    let Some(plan) = deciding(plans, side, &life.key, life.tag) else {
        return State::NotCovered;
    };
    let old = BEGAN - life.written > 900;
    if life.status == Some("PENDING") && !old {
        return State::Pending;
    }
    if life.at[side] == Place::ComesMeanwhile {
        return State::Arrived;
    }
    match life.status {
        Some("PENDING") => State::Overdue,
        Some("FAILED") => State::Failed,
        Some("COMPLETED") => State::ClaimedCompleted,
        _ if life.kms && !plans[plan].kms => State::Missing,
        _ => match since.get(&plan) {
            Some(since) if life.written < *since => State::OlderThanRule,
            _ => State::Missing,
        },
    }
}

fn rules(plans: &[Plan]) -> Vec<ReplicationRule> {
    let mut all: Vec<_> = plans
        .iter()
        .enumerate()
        .map(|(number, plan)| {
            let priority = i32::try_from(100 - number).unwrap();
            let to = format!("side-{}", plan.side);
            let mut rule = rule(&format!("rule-{number}"), priority, plan.prefix, &to);
            let on = |yes| {
                if yes {
                    Status::Enabled
                } else {
                    Status::Disabled
                }
            };
            rule.status = on(plan.enabled);
            rule.sse_kms_encrypted_objects = plan.kms.then_some(Status::Enabled);
            rule.delete_marker_replication = Some(on(plan.markers));
            if let (Some(filter), Some(tag)) = (rule.filter.as_mut(), plan.tag) {
                filter.tags.push(Tag {
                    key: "t".to_owned(),
                    value: tag.to_owned(),
                });
            }
            rule
        })
        .collect();
    // S3 gives them in any order.
    all.sort_by_key(|rule| rule.priority.map(|priority| priority % 7));
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn it_says_of_each_version_what_plain_maps_say(
        plans in plans(),
        lives in lives(),
        strangers in strangers(),
        page in 1..7usize,
        mixed in any::<u64>(),
        at_once in any::<bool>(),
    ) {
        let all_rules = rules(&plans);
        // The places of destinations are those in which the rules name them.
        let mut sides: Vec<usize> = Vec::new();
        for rule in &all_rules {
            let side = rule.destination.bucket.rsplit('-').next().unwrap().parse().unwrap();
            if !sides.contains(&side) {
                sides.push(side);
            }
        }
        let tags = |tag: Option<&str>| tag.map(|value| Tag { key: "t".into(), value: value.into() });
        let stored = |number: usize, life: &Life| Stored {
            kind: if life.marker { EntryKind::DeleteMarker } else { EntryKind::Version },
            status: life.status,
            algorithm: if life.kms { "aws:kms" } else { "AES256" },
            tags: tags(life.tag).into_iter().collect(),
            shown: !life.vanished,
            ..Stored::new(&life.key, &format!("v{number}"), life.written)
        };
        let source: Vec<_> = lives.iter().enumerate().map(|(n, life)| stored(n, life)).collect();
        let destination = |side: usize| {
            let mut there: Vec<_> = lives.iter().enumerate()
                .filter(|(_, life)| life.at[side] != Place::Away)
                .map(|(n, life)| Stored {
                    listed: life.at[side] == Place::There,
                    shown: true,
                    status: Some("REPLICA"),
                    ..stored(n, life)
                })
                .collect();
            for (n, (to, key, ago, marker)) in strangers.iter().enumerate() {
                if *to == side {
                    there.push(Stored {
                        kind: if *marker { EntryKind::DeleteMarker } else { EntryKind::Version },
                        ..Stored::new(key, &format!("s{n}"), BEGAN - ago)
                    });
                }
            }
            // Replicas that came late stand in another order.
            let seed = mixed.wrapping_add(side as u64);
            there.sort_by_key(|stored| stored.written.cast_unsigned().wrapping_mul(seed | 1));
            Bucket::of(there, page)
        };
        let mut comparison = comparison(
            all_rules,
            Bucket::of(source, page + 1),
            sides.iter().map(|side| destination(*side)).collect(),
        );
        // All there is, in one sequence or by first letters at the same time.
        if at_once {
            let keys = lives.iter().map(|life| &life.key).chain(strangers.iter().map(|(_, key, _, _)| key));
            comparison.scope = Prefixes::of(keys.map(|key| key.chars().take(1).collect::<String>()));
        }
        let (compared, all, _) = run(&comparison);
        prop_assert!(compared.stopped.is_none() && compared.lost.is_empty());

        let expected = oracle(&plans, &lives);
        let mut told: BTreeMap<(usize, String, usize), State> = BTreeMap::new();
        let mut extra = BTreeSet::new();
        for (place, key, id, state) in &all.told {
            let (kind, number) = id.split_at(1);
            let number: usize = number.parse().unwrap();
            if kind == "v" {
                prop_assert!(told.insert((sides[*place], key.clone(), number), *state).is_none());
            } else {
                extra.insert((sides[*place], number, *state));
            }
        }
        for (version, state) in &expected {
            let said = told.get(version).copied().unwrap_or(State::Arrived);
            prop_assert_eq!(said, *state, "{:?} {:?} of {:?}", version, lives[version.2], plans);
        }
        // Extras: older than the comparison, and under some rule's prefix.
        let ours: BTreeSet<_> = strangers.iter().enumerate()
            .filter(|(_, (side, key, ago, _))| *ago > 0
                && plans.iter().any(|plan| plan.side == *side && key.starts_with(plan.prefix)))
            .map(|(n, (side, _, _, marker))| {
                (*side, n, if *marker { State::ExtraDeleteMarker } else { State::Extra })
            })
            .collect();
        prop_assert_eq!(extra, ours);

        // The counts are of the same.
        let mut counted: BTreeMap<State, u64> = BTreeMap::new();
        for state in expected.values() {
            *counted.entry(*state).or_default() += 1;
        }
        for state in State::ALL {
            if !matches!(state, State::Extra | State::ExtraDeleteMarker) {
                let expected = counted.get(&state).copied().unwrap_or_default();
                prop_assert_eq!(compared.tally.of_state(state), expected, "{:?}", state);
            }
        }

        // Each version that is to be replicated again is in the manifest once.
        let again: BTreeSet<_> = expected.iter()
            .filter(|(_, state)| matches!(state, State::Failed | State::Missing | State::ClaimedCompleted))
            .map(|((_, key, number), _)| (key.clone(), format!("v{number}")))
            .collect();
        let mut replays = all.replays.clone();
        replays.sort();
        prop_assert_eq!(replays, again.into_iter().collect::<Vec<_>>());

        // Complete up to: nothing that is open was written until then, and something right after.
        for (place, side) in sides.iter().enumerate() {
            for (number, plan) in plans.iter().enumerate().filter(|(_, plan)| plan.side == *side) {
                let rule = comparison.rules.side(place).unwrap().rules.iter()
                    .position(|rule| rule.id == format!("rule-{number}")).unwrap();
                let open = expected.iter().filter(|((at, _, version), state)| {
                    let life = &lives[*version];
                    let tag = if life.marker { None } else { life.tag };
                    *at == *side
                        && matches!(state, State::Failed | State::Missing | State::ClaimedCompleted
                            | State::Overdue | State::Pending)
                        && deciding(&plans, *side, &life.key, tag) == Some(number)
                });
                let oldest = open.map(|((_, _, version), _)| lives[*version].written).min();
                let expected = oldest.map_or(BEGAN, |oldest| (oldest - 1).min(BEGAN));
                let counts = compared.tally.counts(place, Some(rule)).unwrap();
                let up_to = counts.complete_up_to(Time::from_secs(BEGAN));
                prop_assert_eq!(up_to.secs(), expected, "rule {} {:?}", number, plan);
            }
        }
    }
}
