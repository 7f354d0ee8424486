//! One thing at a time: what is asked, what goes wrong, how long it takes.

use std::sync::atomic::Ordering;
use std::time::Duration;

use encrypted_replication::compare::state::State;
use encrypted_replication::listing::{EntryKind, Prefixes};
use encrypted_replication::pace::FaultKind;
use expectation::Time;
use replication::configuration::{Status, Tag};

use crate::told::{BEGAN, comparison, rule, run};
use crate::world::{Bucket, Stored};

const OLD: i64 = BEGAN - 86_400;

fn many(count: usize) -> Vec<Stored> {
    (OLD..)
        .zip(0..count)
        .map(|(written, n)| {
            Stored::new(&format!("k{n:06}"), &format!("v{n}"), written).status("COMPLETED")
        })
        .collect()
}

#[test]
fn what_is_there_costs_no_question() {
    let comparison = comparison(
        vec![rule("all", 1, "", "to")],
        Bucket::of(many(5_000), 1_000),
        vec![Bucket::of(many(5_000), 1_000)],
    );
    let (compared, all, _) = run(&comparison);
    assert_eq!(all.told, []);
    assert_eq!(compared.tally.of_state(State::Arrived), 5_000);
    assert_eq!(compared.tally.listed, 5_000);
    assert_eq!(comparison.source.heads.load(Ordering::Relaxed), 0);
    let side = comparison.sides[0].as_ref().unwrap();
    assert_eq!(side.heads.load(Ordering::Relaxed), 0);
    assert_eq!(side.pages.load(Ordering::Relaxed), 5);
    let counts = compared.tally.counts(0, Some(0)).unwrap();
    assert_eq!(counts.complete_up_to(comparison.began), comparison.began);
}

#[test]
fn what_is_missing_costs_one_question_at_each_side() {
    let mut source = many(10);
    source[3].status = Some("FAILED");
    source[7].status = Some("PENDING");
    source[7].written = BEGAN - 10;
    let mut there = many(10);
    there.retain(|stored| stored.key != "k000003" && stored.key != "k000007");
    let comparison = comparison(
        vec![rule("all", 1, "", "to")],
        Bucket::of(source, 3),
        vec![Bucket::of(there, 4)],
    );
    let (compared, all, _) = run(&comparison);
    assert_eq!(
        all.states(),
        [("k000003", State::Failed), ("k000007", State::Pending)]
    );
    assert_eq!(all.replays, [("k000003".to_owned(), "v3".to_owned())]);
    assert_eq!(comparison.source.heads.load(Ordering::Relaxed), 2);
    let side = comparison.sides[0].as_ref().unwrap();
    // What S3 is about to replicate is not looked for.
    assert_eq!(side.heads.load(Ordering::Relaxed), 1);
    let counts = compared.tally.counts(0, Some(0)).unwrap();
    assert_eq!(
        counts.complete_up_to(comparison.began),
        Time::from_secs(OLD + 2)
    );
}

#[test]
fn tags_are_asked_for_only_where_they_decide_what_is_missing() {
    let mut tagged = rule("tagged", 2, "", "to");
    tagged.filter.as_mut().unwrap().tags = vec![Tag {
        key: "replicate".into(),
        value: "yes".into(),
    }];
    let source = vec![
        Stored {
            tags: vec![Tag {
                key: "replicate".into(),
                value: "yes".into(),
            }],
            ..Stored::new("a", "1", OLD)
        }
        .status("FAILED"),
        Stored::new("b", "1", OLD),
        Stored::new("c", "1", OLD).status("COMPLETED"),
    ];
    let there = vec![Stored::new("c", "1", OLD)];
    let comparison = comparison(
        vec![tagged],
        Bucket::of(source, 9),
        vec![Bucket::of(there, 9)],
    );
    let (_, all, _) = run(&comparison);
    assert_eq!(
        all.states(),
        [("a", State::Failed), ("b", State::NotCovered)]
    );
    assert_eq!(comparison.source.tag_reads.load(Ordering::Relaxed), 2);
}

#[test]
fn tags_that_cannot_be_read_leave_it_open() {
    let mut tagged = rule("tagged", 2, "", "to");
    tagged.filter.as_mut().unwrap().tags = vec![Tag {
        key: "k".into(),
        value: "v".into(),
    }];
    let source =
        Bucket::of(vec![Stored::new("a", "1", OLD)], 9).failing("tags", 99, FaultKind::Refused);
    let comparison = comparison(vec![tagged], source, vec![Bucket::of(vec![], 9)]);
    let (compared, all, _) = run(&comparison);
    assert_eq!(all.states(), [("a", State::Undetermined)]);
    assert!(
        all.reasons[0].starts_with("its tags decide which rule covers it, and "),
        "{}",
        all.reasons[0]
    );
    assert_eq!(compared.tally.findings(), 0);
}

#[test]
fn kms_objects_of_a_rule_that_leaves_them_out_are_missing_whenever_they_were_written() {
    let mut silent = rule("all", 1, "", "to");
    silent.sse_kms_encrypted_objects = None;
    let plain = |key: &str, at| Stored {
        algorithm: "AES256",
        ..Stored::new(key, "1", at)
    };
    let source = vec![
        Stored::new("kms", "1", OLD),
        plain("older", OLD - 9),
        plain("plain", OLD).status("COMPLETED"),
    ];
    let there = vec![plain("plain", OLD)];
    let comparison = comparison(
        vec![silent],
        Bucket::of(source, 9),
        vec![Bucket::of(there, 9)],
    );
    let (_, all, _) = run(&comparison);
    assert_eq!(
        all.states(),
        [("kms", State::Missing), ("older", State::OlderThanRule)]
    );
    assert_eq!(
        all.reasons[0],
        "it is encrypted with KMS, and the rule does not replicate what is"
    );
}

#[test]
fn somebodys_word_on_the_rules_age_counts_before_what_is_seen() {
    let source = vec![Stored::new("a", "1", OLD), Stored::new("b", "1", OLD + 100)];
    let with = |since| {
        let mut comparison = comparison(
            vec![rule("all", 1, "", "to")],
            Bucket::of(source.clone(), 9),
            vec![Bucket::of(vec![], 9)],
        );
        comparison.since = since;
        comparison.replays_older = since.is_some();
        comparison
    };
    // Nothing ever came: nobody knows since when the rule holds, and nothing works.
    let (_, all, _) = run(&with(None));
    assert_eq!(all.states(), [("a", State::Missing), ("b", State::Missing)]);
    let (_, all, _) = run(&with(Some(Time::from_secs(OLD + 50))));
    assert_eq!(
        all.states(),
        [("a", State::OlderThanRule), ("b", State::Missing)]
    );
    assert_eq!(all.replays, [("b".to_owned(), "1".to_owned())]);
}

#[test]
fn a_bucket_is_listed_where_rules_lead_and_nowhere_else() {
    let source = many(30);
    let mut comparison = comparison(
        vec![
            rule("one", 1, "k00000", "to"),
            rule("two", 2, "k000020", "to"),
            rule("three", 3, "k000005", "to"),
        ],
        Bucket::of(source, 1_000),
        vec![Bucket::of(many(30), 1)],
    );
    comparison.scope = Prefixes::of(["k00000", "k00002"]);
    let (compared, _, _) = run(&comparison);
    let side = comparison.sides[0].as_ref().unwrap();
    // `k000005` lies in `k00000`; ten pages there, one at `k000020`.
    assert_eq!(side.pages.load(Ordering::Relaxed), 11);
    assert_eq!(compared.tally.of_state(State::Arrived), 11);
    assert_eq!(compared.tally.of_state(State::NotCovered), 9);
    assert_eq!(compared.tally.listed, 20);
}

#[test]
fn a_disabled_rule_covers_nothing_and_what_it_brought_is_no_stranger() {
    let mut off = rule("off", 1, "", "to");
    off.status = Status::Disabled;
    let source = vec![Stored::new("a", "1", OLD), Stored::new("b", "1", OLD)];
    let there = vec![Stored::new("b", "1", OLD), Stored::new("c", "1", OLD)];
    let comparison = comparison(vec![off], Bucket::of(source, 9), vec![Bucket::of(there, 9)]);
    let (compared, all, _) = run(&comparison);
    assert_eq!(
        all.states(),
        [("a", State::NotCovered), ("c", State::Extra)]
    );
    assert_eq!(compared.tally.of_state(State::Arrived), 1);
    assert_eq!(all.reasons[0], "the rule that covers it is disabled");
    assert_eq!(comparison.source.heads.load(Ordering::Relaxed), 0);
}

#[test]
fn archived_versions_and_replicas_of_others_are_told_as_such() {
    let mut archived = Stored::new("a", "1", OLD);
    archived.kind = EntryKind::Archived;
    let source = vec![archived, Stored::new("b", "1", OLD).status("REPLICA")];
    let comparison = comparison(
        vec![rule("all", 1, "", "to")],
        Bucket::of(source, 9),
        vec![Bucket::of(vec![], 9)],
    );
    let (_, all, _) = run(&comparison);
    assert_eq!(
        all.states(),
        [("a", State::Missing), ("b", State::NotCovered)]
    );
    assert_eq!(
        all.reasons[0],
        "it is archived, and S3 replicates nothing from there"
    );
}

#[test]
fn pages_and_heads_that_fail_for_a_while_change_nothing() {
    let mut source = many(50);
    source[9].status = Some("FAILED");
    let there: Vec<_> = many(50)
        .into_iter()
        .filter(|stored| stored.key != "k000009")
        .collect();
    for kind in [FaultKind::SlowDown, FaultKind::Busy] {
        let comparison = comparison(
            vec![rule("all", 1, "", "to")],
            Bucket::of(source.clone(), 7)
                .failing("page", 5, kind)
                .failing("head", 4, kind),
            vec![
                Bucket::of(there.clone(), 7)
                    .failing("page", 4, kind)
                    .failing("head", 3, kind),
            ],
        );
        let (compared, all, took) = run(&comparison);
        assert_eq!(all.states(), [("k000009", State::Failed)]);
        assert_eq!(compared.tally.of_state(State::Arrived), 49);
        assert!(
            took > Duration::from_millis(500) && took < Duration::from_mins(2),
            "{took:?}"
        );
    }
}

#[test]
fn a_destination_that_gives_no_more_is_told_and_nothing_is_said_to_be_missing_there() {
    let source = many(100);
    let comparison = comparison(
        vec![rule("one", 1, "", "one"), rule("two", 2, "", "two")],
        Bucket::of(source, 10),
        vec![
            Bucket::of(many(100), 10),
            Bucket::of(many(100), 10).failing("page", u64::MAX, FaultKind::Refused),
        ],
    );
    let (compared, all, _) = run(&comparison);
    assert_eq!(all.told, []);
    let arrived = |side| {
        compared
            .tally
            .counts(side, Some(0))
            .unwrap()
            .of(State::Arrived)
    };
    assert_eq!((arrived(0), arrived(1)), (100, 0));
    assert_eq!(compared.lost.keys().collect::<Vec<_>>(), [&1]);
    assert!(compared.stopped.is_none());
}

#[test]
fn a_source_that_gives_no_more_says_where_to_go_on() {
    // Each page is asked for anew until patience ends: 5 pages come, then none.
    let source = many(100);
    let there = many(100);
    let begin = |after: Option<&str>, fails: bool| {
        let mut source = Bucket::of(source.clone(), 10);
        if fails {
            source = source.failing_after("page", 5);
        }
        let mut comparison = comparison(
            vec![rule("all", 1, "", "to")],
            source,
            vec![Bucket::of(there.clone(), 7)],
        );
        comparison.after = after.map(str::to_owned);
        comparison
    };
    let (compared, all, took) = run(&begin(None, true));
    assert_eq!(all.told, []);
    let (after, why) = compared.stopped.unwrap();
    // More versions of `k000049` may be on the page that did not come.
    assert_eq!(after, "k000048");
    assert!(why.contains("s3:Something"), "{why}");
    assert!(took >= Duration::from_mins(4), "{took:?}");
    let first = compared.tally.of_state(State::Arrived);
    let (compared, all, _) = run(&begin(Some(&after), false));
    assert_eq!(all.told, []);
    assert_eq!(first + compared.tally.of_state(State::Arrived), 101);
}

#[test]
fn a_listing_out_of_order_ends_what_is_said_of_it() {
    let comparison = comparison(
        vec![rule("all", 1, "", "to")],
        Bucket::of(many(10), 5),
        vec![Bucket::of(many(10), 5).shuffled()],
    );
    let (compared, all, _) = run(&comparison);
    assert_eq!(compared.tally.findings(), 0);
    assert!(
        all.told.iter().all(|(_, _, _, state)| !state.is_finding()),
        "{:?}",
        all.told
    );
    assert!(
        compared.lost[&0].1.contains("not in the order"),
        "{:?}",
        compared.lost
    );
}

#[test]
fn it_takes_as_long_as_the_listings_do() {
    // 200,000 versions at each side, 100 ms a page of 1,000: 20 s where both are read at once.
    let page = Duration::from_millis(100);
    let comparison = comparison(
        vec![rule("all", 1, "", "to")],
        Bucket::of(many(200_000), 1_000).slow(page),
        vec![Bucket::of(many(200_000), 1_000).slow(page)],
    );
    let (compared, _, took) = run(&comparison);
    assert_eq!(compared.tally.of_state(State::Arrived), 200_000);
    assert!(took < Duration::from_millis(20_500), "{took:?}");
}

fn in_folders(folders: usize, each: usize) -> Vec<Stored> {
    let mut all = Vec::new();
    for folder in 0..folders {
        all.extend(many(each).into_iter().map(|stored| Stored {
            key: format!("f{folder}/{}", stored.key),
            ..stored
        }));
    }
    all
}

fn folders(count: usize) -> Prefixes {
    Prefixes::of((0..count).map(|folder| format!("f{folder}/")))
}

#[test]
fn several_prefixes_take_as_long_as_the_longest() {
    // 8 of 20 pages, 100 ms each: 16 s in one sequence, 2 s at the same time.
    let page = Duration::from_millis(100);
    let side = || Bucket::of(in_folders(8, 20_000), 1_000).slow(page);
    let mut comparison = comparison(vec![rule("all", 1, "", "to")], side(), vec![side()]);
    let (compared, _, one_by_one) = run(&comparison);
    assert_eq!(compared.tally.of_state(State::Arrived), 160_000);
    comparison.scope = folders(8);
    let (compared, _, at_once) = run(&comparison);
    assert_eq!(compared.tally.of_state(State::Arrived), 160_000);
    assert!(one_by_one >= Duration::from_secs(16), "{one_by_one:?}");
    assert!(at_once < Duration::from_millis(2_500), "{at_once:?}");
}

#[test]
fn of_several_prefixes_the_first_that_gives_no_more_says_where_to_go_on() {
    let begin = |after: Option<&str>, fails: bool| {
        let mut source = Bucket::of(in_folders(3, 30), 10);
        if fails {
            // All three begin; the first two pages of each come, then one more.
            source = source.failing_after("page", 7);
        }
        let there = Bucket::of(in_folders(3, 30), 10);
        let mut comparison = comparison(vec![rule("all", 1, "", "to")], source, vec![there]);
        comparison.scope = folders(3);
        comparison.after = after.map(str::to_owned);
        comparison
    };
    let (compared, all, _) = run(&begin(None, true));
    assert_eq!(all.told, []);
    let (after, _) = compared.stopped.unwrap();
    let known: Vec<_> = in_folders(3, 30).into_iter().map(|one| one.key).collect();
    let place = known.iter().position(|key| *key == after).unwrap();
    let (compared, all, _) = run(&begin(Some(&after), false));
    assert_eq!(all.told, []);
    let left = known.len() - 1 - place;
    assert_eq!(compared.tally.of_state(State::Arrived), left as u64);
    // What the two looked at is everything: nothing before that key was left out.
    assert!(place > 0 && left > 0, "{after}");
}
