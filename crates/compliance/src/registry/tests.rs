use std::collections::BTreeMap;

use expectation::SCHEMA;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const K1: &str = "arn:aws:kms:us-west-2:111122223333:key/11111111";
const K2: &str = "arn:aws:kms:us-west-2:111122223333:key/22222222";
const K3: &str = "arn:aws:kms:us-west-2:111122223333:key/33333333";

fn parameter(owner: &str, rules: &Value) -> RegistryParameter {
    let value = json!({
        "schema": SCHEMA, "source": "arn:aws:s3:::source", "rules": rules, "later": {"x": 1},
    });
    let name = format!("/encrypted-replication/destination/{owner}");
    RegistryParameter {
        name,
        value: value.to_string(),
    }
}

fn keys(registry: &Registry, object: &str) -> Vec<String> {
    said(registry, object, Standing::Current)
}

fn said(registry: &Registry, object: &str, standing: Standing) -> Vec<String> {
    let object = Key::from_plain(object).unwrap();
    let word = registry.word_on(&object);
    let keys = word.keys.iter().filter(|said| said.standing == standing);
    keys.map(|said| said.key.to_string()).collect()
}

#[test]
fn the_longest_prefix_wins_across_owners_and_equal_ones_allow_any_key() {
    let registry = Registry::read(&[
        parameter(
            "a",
            &json!([
                {"id": "all", "prefix": "", "kmsKeyArn": K1},
                {"id": "tax", "prefix": "Tax/", "kmsKeyArn": K2},
            ]),
        ),
        parameter(
            "b",
            &json!([
                {"id": "tax", "prefix": "Tax/", "kmsKeyArn": K3},
                {"id": "again", "prefix": "Tax/", "kmsKeyArn": K2},
            ]),
        ),
    ])
    .unwrap();
    assert_eq!(keys(&registry, "Tax/document1"), [K2, K3]);
    assert_eq!(keys(&registry, "Tax"), [K1]);
    assert_eq!(keys(&registry, "tax/document1"), [K1]);
}

#[test]
fn no_rule_that_fits_allows_no_key() {
    let registry = Registry::read(&[parameter(
        "a",
        &json!([{"prefix": "Tax/", "kmsKeyArn": K1}]),
    )])
    .unwrap();
    assert_eq!(keys(&registry, "Other/document1"), Vec::<String>::new());
    assert_eq!(
        keys(&Registry::default(), "Tax/document1"),
        Vec::<String>::new()
    );
}

#[test]
fn a_rule_without_prefix_speaks_of_every_object() {
    let registry = Registry::read(&[parameter("a", &json!([{"kmsKeyArn": K1}]))]).unwrap();
    assert_eq!(keys(&registry, "Ümläut"), [K1]);
}

#[test]
fn one_bad_document_makes_the_whole_registry_unusable() {
    let good = parameter("a", &json!([{"kmsKeyArn": K1}]));
    let with = |value: &str| {
        let bad = RegistryParameter {
            name: "/e/b/bad".to_owned(),
            value: value.to_owned(),
        };
        Registry::read(&[good.clone(), bad])
            .unwrap_err()
            .to_string()
    };
    assert!(with("{").starts_with("SSM parameter /e/b/bad is not an expectation document: "));
    assert_eq!(
        with(r#"{"schema":"encrypted-replication/expectation/2","rules":[]}"#),
        "SSM parameter /e/b/bad has schema `encrypted-replication/expectation/2`, and only \
         `encrypted-replication/expectation/1` is known",
    );
    assert_eq!(
        with(r#"{"rules":[]}"#),
        "SSM parameter /e/b/bad has schema ``, and only `encrypted-replication/expectation/1` \
         is known",
    );
    assert_eq!(
        with(&format!(
            r#"{{"schema":"{SCHEMA}","rules":[{{"kmsKeyArn":"a key"}}]}}"#
        )),
        "SSM parameter /e/b/bad: `a key` is not the ARN of a KMS key or alias, a key id or an \
         alias name",
    );
    assert!(with(&format!(r#"{{"schema":"{SCHEMA}"}}"#)).contains("missing field `rules`"));
}

fn of_source(source: &str, owner: &str, rules: &Value) -> RegistryParameter {
    let document = json!({"schema": SCHEMA, "source": source, "rules": rules});
    RegistryParameter {
        value: document.to_string(),
        ..parameter(owner, &json!([]))
    }
}

#[test]
fn owners_of_one_source_are_weighed_by_priority_and_sources_do_not_compete() {
    let all = json!([{"kmsKeyArn": K1, "priority": 1}]);
    let tax = json!([{"prefix": "Tax/", "kmsKeyArn": K2, "priority": 2}]);
    let read = |sources: [&str; 2], first: &Value, second: &Value| {
        Registry::read(&[
            of_source(sources[0], "a", first),
            of_source(sources[1], "b", second),
        ])
        .unwrap()
    };
    let registry = read(["s", "s"], &all, &tax);
    assert_eq!(keys(&registry, "Tax/1"), [K2]);
    assert_eq!(keys(&registry, "Other"), [K1]);
    // The shorter prefix outranks the longer one, as in S3.
    let wide = json!([{"kmsKeyArn": K1, "priority": 3}]);
    assert_eq!(keys(&read(["s", "s"], &wide, &tax), "Tax/1"), [K1]);
    // Another source's replicas arrive under that source's rule.
    assert_eq!(keys(&read(["s", "t"], &wide, &tax), "Tax/1"), [K1, K2]);
    // One that says nothing of priorities cannot be weighed.
    let plain = json!([{"prefix": "T", "kmsKeyArn": K3}]);
    assert_eq!(keys(&read(["s", "s"], &plain, &tax), "Tax/1"), [K2, K3]);
}

#[test]
fn a_conditional_rule_leaves_room_for_the_next() {
    let registry = Registry::read(&[parameter(
        "a",
        &json!([
            {"kmsKeyArn": K3, "priority": 1},
            {"kmsKeyArn": K2, "priority": 2},
            {"kmsKeyArn": K1, "priority": 3, "conditional": true},
        ]),
    )])
    .unwrap();
    assert_eq!(keys(&registry, "a"), [K1, K2]);
}

#[test]
fn what_was_outranked_later_was_right_until_then() {
    let since = "2026-03-01T00:00:00Z";
    let registry = Registry::read(&[
        parameter("a", &json!([{"kmsKeyArn": K1, "priority": 1}])),
        parameter(
            "b",
            &json!([{"kmsKeyArn": K2, "priority": 2, "since": since}]),
        ),
    ])
    .unwrap();
    assert_eq!(keys(&registry, "a"), [K2]);
    assert_eq!(said(&registry, "a", Standing::Former), [K1]);
    let object = Key::from_plain("a").unwrap();
    let word = registry.word_on(&object);
    assert!(word.several_owners.is_some());
    // And an hour longer, as S3 still goes by the old rule for a while.
    assert_eq!(word.keys[1].until, Time::parse("2026-03-01T01:00:00Z"));
}

#[test]
fn what_one_outranks_it_outranks_however_many_stand_between() {
    let since = "2026-03-01T00:00:00Z";
    let registry = Registry::read(&[parameter(
        "a",
        &json!([
            {"kmsKeyArn": K3, "priority": 12, "since": since},
            {"kmsKeyArn": K1, "priority": 3},
            {"kmsKeyArn": K2, "priority": 3, "conditional": true},
            {"kmsKeyArn": "alias/lowest", "priority": 1},
        ]),
    )])
    .unwrap();
    assert_eq!(keys(&registry, "a"), [K3]);
    assert_eq!(said(&registry, "a", Standing::Former), [K1, K2]);
}

#[test]
fn a_disabled_rule_speaks_only_where_no_enabled_one_of_any_owner_does() {
    let off = |until: Option<&str>| {
        let mut rule = json!({"prefix": "Tax/", "kmsKeyArn": K1, "enabled": false});
        if let Some(until) = until {
            rule["until"] = until.into();
        }
        json!([rule])
    };
    let until = Some("2026-03-01T00:00:00Z");
    let alone = Registry::read(&[parameter("a", &off(until))]).unwrap();
    assert_eq!(said(&alone, "Tax/1", Standing::Disabled), [K1]);
    let on = parameter("b", &json!([{"kmsKeyArn": K2}]));
    let both = Registry::read(&[parameter("a", &off(None)), on.clone()]).unwrap();
    assert_eq!(keys(&both, "Tax/1"), [K2]);
    assert_eq!(said(&both, "Tax/1", Standing::Disabled), [""; 0]);
    assert_eq!(said(&both, "Tax/1", Standing::Former), [""; 0]);
    // What was there before it was disabled was right.
    let both = Registry::read(&[parameter("a", &off(until)), on]).unwrap();
    assert_eq!(keys(&both, "Tax/1"), [K2]);
    assert_eq!(said(&both, "Tax/1", Standing::Former), [K1]);
}

#[test]
fn a_replaced_key_is_no_key_of_today_and_its_rule_silences_no_disabled_one() {
    let registry = Registry::read(&[parameter(
        "a",
        &json!([
            {"kmsKeyArn": K1, "until": "2026-03-01T00:00:00Z"},
            {"kmsKeyArn": K2, "since": "2026-03-01T00:00:00Z"},
        ]),
    )])
    .unwrap();
    assert_eq!(keys(&registry, "a"), [K2]);
    assert_eq!(said(&registry, "a", Standing::Former), [K1]);
    assert!(
        registry
            .word_on(&Key::from_plain("a").unwrap())
            .several_owners
            .is_none()
    );
}

#[test]
fn a_set_over_several_parameters_is_of_one_owner_and_read_whole_or_not_at_all() {
    let part = |name: &str, number: usize| {
        let document = json!({"schema": SCHEMA, "source": "s", "part": number, "of": 2, "revision": "1",
            "rules": [{"kmsKeyArn": if number == 1 { K1 } else { K2 }}]});
        RegistryParameter {
            value: document.to_string(),
            ..parameter(name, &json!([]))
        }
    };
    let (first, second) = (part("er1", 1), part("er1-2", 2));
    let object = Key::from_plain("a").unwrap();
    let registry = Registry::read(&[first.clone(), second]).unwrap();
    assert_eq!(keys(&registry, "a"), [K1, K2]);
    assert_eq!(registry.word_on(&object).several_owners, None);
    let error = Registry::read(std::slice::from_ref(&first)).unwrap_err();
    assert!(
        error.to_string().contains("has 1 of its 2 parts"),
        "{error}"
    );
    // A name that ends in a number goes on with nobody's.
    let others = Registry::read(&[
        parameter("er2-7", &json!([{"kmsKeyArn": K1}])),
        parameter("er3", &json!([{"kmsKeyArn": K1}])),
    ]);
    assert!(others.unwrap().word_on(&object).several_owners.is_some());
}

#[test]
fn who_left_speaks_of_what_was_there_by_then() {
    let (first, last) = ("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z");
    let mut documents = vec![parameter("b", &json!([{"kmsKeyArn": K2}]))];
    let several = |documents: &[RegistryParameter]| {
        let object = Key::from_plain("a").unwrap();
        let registry = Registry::read(documents).unwrap();
        registry.word_on(&object).several_owners
    };
    assert_eq!(several(&documents), None);
    documents.push(parameter("a", &json!([
        {"kmsKeyArn": K1, "until": first}, {"kmsKeyArn": K3, "until": last}, {"prefix": "x", "kmsKeyArn": K3},
    ])));
    assert_eq!(several(&documents), Time::parse(last));
    documents.push(parameter("c", &json!([{"kmsKeyArn": K1, "until": first}])));
    assert_eq!(several(&documents), Time::parse(last));
}

proptest! {
    #[test]
    fn of_all_owners_the_second_that_speaks_longest_is_found(
        said in prop::collection::vec((0_usize..4, 0_i64..6), 0..12),
    ) {
        let mut lasting = Lasting::default();
        let mut longest = BTreeMap::new();
        for (owner, until) in said {
            lasting.hear(owner, Time::from_secs(until));
            let known = longest.entry(owner).or_insert(until);
            *known = until.max(*known);
        }
        let mut ends: Vec<i64> = longest.into_values().collect();
        ends.sort_unstable();
        let second = lasting.second.map(|(_, until)| until.secs());
        prop_assert_eq!(second, ends.iter().rev().nth(1).copied());
    }
}
