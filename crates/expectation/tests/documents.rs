//! Documents as they are written and read: shapes of today and of before, and that what the one half
//! writes the other reads.

use expectation::{Algorithm, Document, ReadError, Rule, SCHEMA, Time, documents, whole};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};

const K1: &str = "arn:aws:kms:us-west-2:111122223333:key/11111111";
const SOURCE: &str = "arn:aws:s3:::source";

#[test]
fn a_rule_that_says_nothing_new_is_written_as_before() {
    let rule = Rule {
        id: "tax".into(),
        prefix: "Tax/".into(),
        kms_key_arn: K1.into(),
        ..Rule::default()
    };
    assert_eq!(
        Document::new(SOURCE, vec![rule]).written(),
        format!(
            r#"{{"rules":[{{"id":"tax","kmsKeyArn":"{K1}","prefix":"Tax/"}}],"schema":"{SCHEMA}","source":"{SOURCE}"}}"#
        ),
    );
}

#[test]
fn what_a_rule_says_is_written_under_the_contracts_names() {
    let rule = Rule {
        id: "tax".into(),
        prefix: "Tax/".into(),
        kms_key_arn: K1.into(),
        priority: Some(7),
        conditional: true,
        disabled: true,
        since: Time::parse("2026-01-01T00:00:00Z"),
        until: Time::parse("2026-02-01T01:00:00+01:00"),
        algorithm: Some(Algorithm::Dsse),
    };
    let written: Value =
        serde_json::from_str(&Document::new(SOURCE, vec![rule]).written()).unwrap();
    assert_eq!(
        written,
        json!({"schema": SCHEMA, "source": SOURCE, "rules": [{
            "id": "tax", "prefix": "Tax/", "kmsKeyArn": K1, "priority": 7, "conditional": true, "enabled": false,
            "since": "2026-01-01T00:00:00Z", "until": "2026-02-01T00:00:00Z", "algorithm": "aws:kms:dsse",
        }]})
    );
}

#[test]
fn documents_of_before_and_members_of_tomorrow_are_read() {
    let text = format!(
        r#"{{"schema":"{SCHEMA}","later":1,"rules":[{{"kmsKeyArn":"{K1}","later":{{}},"enabled":true}}]}}"#
    );
    let document = Document::read(&text).unwrap();
    let [rule] = document.rules.as_slice() else {
        panic!("{document:?}")
    };
    assert!(!rule.disabled && rule.covers("Ümläut") && !rule.conditional);
    assert_eq!((rule.priority, rule.since, rule.until), (None, None, None));
    assert_eq!(rule.kms_key_arn, K1);
    assert_eq!(document.source, "");
    assert_eq!(whole([&document]), Ok(()));
}

#[test]
fn a_rule_covers_the_keys_under_its_prefix() {
    let rule = Rule {
        prefix: "Tax/".into(),
        ..Rule::default()
    };
    let covered = ["Tax/", "Tax/2026", "Tax", "tax/2026", "a/Tax/2026"].map(|key| rule.covers(key));
    assert_eq!(covered, [true, true, false, false, false]);
}

#[test]
fn an_algorithm_is_called_as_s3_spells_it() {
    let spelled = [Algorithm::Kms, Algorithm::Dsse].map(|algorithm| algorithm.to_string());
    assert_eq!(spelled, ["aws:kms", "aws:kms:dsse"]);
}

#[test]
fn what_is_no_document_says_why() {
    let error = |text: &str| Document::read(text).unwrap_err();
    assert_eq!(
        error(r#"{"schema":"encrypted-replication/expectation/2"}"#),
        ReadError::Schema("encrypted-replication/expectation/2".into())
    );
    assert_eq!(error("[]"), ReadError::Schema(String::new()));
    assert!(matches!(error("{"), ReadError::Document(_)));
    let rule =
        |rule: &str| error(&format!(r#"{{"schema":"{SCHEMA}","rules":[{rule}]}}"#)).to_string();
    assert!(rule("{}").contains("missing field `kmsKeyArn`"));
    assert!(rule(r#"{"kmsKeyArn":"k","until":"soon"}"#).contains("`soon` is no point in time"));
    assert!(rule(r#"{"kmsKeyArn":"k","algorithm":"AES256"}"#).contains("AES256"));
}

fn part(revision: &str, part: usize, of: usize) -> Document {
    Document::new(SOURCE, Vec::new()).as_part(part, of, revision)
}

#[test]
fn a_set_lacks_a_part_while_it_is_written_anew() {
    let alone = Document::new(SOURCE, Vec::new());
    assert_eq!(whole([&part("a", 1, 2), &alone, &part("a", 2, 2)]), Ok(()));
    // The first part is of the new set already, the second still of the old one.
    let between = whole([&part("b", 1, 2), &part("a", 2, 2)]).unwrap_err();
    assert_eq!((between.found, between.of), (1, 2));
    for torn in [
        vec![part("a", 1, 2)],
        vec![part("a", 1, 2), part("a", 1, 2)],
        vec![part("a", 1, 2), part("a", 3, 2)],
        vec![part("a", 1, 2), part("a", 2, 3)],
    ] {
        assert!(whole(&torn).is_err(), "{torn:?}");
    }
}

fn time() -> impl Strategy<Value = Option<Time>> {
    // Four digits of the year, as RFC 3339 has it.
    option::of((0_i64..250_000_000_000).prop_map(Time::from_secs))
}

fn rule() -> impl Strategy<Value = Rule> {
    let texts = ("[ -~]{0,20}", r"\PC{0,40}|\{{0,300}", "[ -~]{0,80}");
    let weight = (option::of(any::<i32>()), any::<bool>());
    let algorithm = option::of(prop_oneof![Just(Algorithm::Kms), Just(Algorithm::Dsse)]);
    (texts, weight, any::<bool>(), time(), time(), algorithm).prop_map(
        |(
            (id, prefix, kms_key_arn),
            (priority, conditional),
            disabled,
            since,
            until,
            algorithm,
        )| {
            Rule {
                id,
                prefix,
                kms_key_arn,
                priority,
                conditional,
                disabled,
                since,
                until,
                algorithm,
            }
        },
    )
}

proptest! {
    /// What is written is read as it was meant, fits, has no parameter's name in it, and is whole; without
    /// any one part it is not. No part begins with a rule that the one before had room for.
    #[test]
    fn what_one_half_writes_the_other_reads(
        rules in prop::collection::vec(rule(), 0..40), largest in 3_000_usize..9_000, gone in any::<prop::sample::Index>(),
    ) {
        let written: Vec<String> = documents(SOURCE, rules.clone(), largest, "r1").iter().map(Document::written).collect();
        for text in &written {
            prop_assert!(text.len() <= largest, "{} bytes", text.len());
            prop_assert!(!text.contains("{{"));
        }
        let read: Vec<Document> = written.iter().map(|text| Document::read(text).unwrap()).collect();
        prop_assert_eq!(whole(&read), Ok(()));
        prop_assert!(read.iter().all(|document| document.source == SOURCE));
        let said: Vec<Rule> = read.iter().flat_map(|document| document.rules.clone()).collect();
        prop_assert_eq!(&said, &rules);
        for pair in read.windows(2) {
            let mut fuller = pair[0].rules.clone();
            fuller.push(pair[1].rules[0].clone());
            let fuller = Document::new(SOURCE, fuller).as_part(rules.len(), rules.len(), "r1");
            // And the comma that the first rule has none of.
            prop_assert!(fuller.written().len() + 1 > largest, "{:?}", pair);
        }
        if read.len() == 1 {
            prop_assert_eq!((read[0].part, read[0].of), (None, None));
        } else {
            let mut torn = read;
            torn.remove(gone.index(torn.len()));
            prop_assert!(whole(&torn).is_err());
        }
    }
}
