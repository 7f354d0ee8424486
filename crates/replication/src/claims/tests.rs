//! Who names what, case by case.

use serde_json::json;

use super::*;
use crate::configuration::Filter;

const KEY: &str = "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const ALIAS: &str =
    "arn:aws:kms:us-west-2:111122223333:alias/encrypted-replication/er0/destination";
const ROLE: &str = "arn:aws:iam::111122223333:role/encrypted-replication/source";

fn us() -> Owner {
    Owner::new("stack", "Ours", "source")
}

fn them() -> Owner {
    Owner::new("stack", "Theirs", "source")
}

const fn role(arn: &str) -> SourceRole<'_> {
    let bucket = "source";
    SourceRole { arn, bucket }
}

const fn key() -> NamedKey<'static> {
    NamedKey {
        arn: KEY,
        alias_arn: ALIAS,
    }
}

fn rule(id: &str, to: &str) -> ReplicationRule {
    let mut rule = ReplicationRule::example(id, "");
    rule.destination.bucket = format!("arn:aws:s3:::{to}");
    rule
}

fn with_rules(rules: Vec<ReplicationRule>) -> Others {
    let configuration = ReplicationConfiguration {
        role: ROLE.to_owned(),
        rules,
        others: Vec::new(),
    };
    Others {
        replication: BTreeMap::from([("source".to_owned(), configuration)]),
        ..Others::default()
    }
}

fn theirs(id: &str) -> Vec<Claim> {
    vec![Claim::Rule {
        bucket: "source".into(),
        id: id.into(),
    }]
}

#[test]
fn what_is_ours_claims_nothing() {
    let own = us().rule_id(None, 0);
    let others = with_rules(vec![rule(&own, "destination")]);
    assert_eq!(others.of_bucket("destination", &us()), []);
    assert_eq!(others.of_bucket("source", &us()), []);
    assert_eq!(others.of_key(key(), "source", &us()), []);
    assert_eq!(others.of_role(role(ROLE), &us()), []);
    assert_eq!(others.of_default_encryption("source", &us()), []);
}

#[test]
fn a_rule_of_anybodys_claims_both_its_buckets_its_role_and_its_keys() {
    for id in [them().rule_id(None, 0), "by-hand".to_owned()] {
        let mut others = with_rules(vec![rule(&id, "destination")]);
        assert_eq!(others.of_bucket("destination", &us()), theirs(&id));
        assert_eq!(others.of_bucket("source", &us()), theirs(&id));
        assert_eq!(others.of_bucket("another", &us()), []);
        assert_eq!(others.of_role(role(ROLE), &us()), theirs(&id));
        assert_eq!(others.of_role(role("another"), &us()), []);
        // The source's key decrypts what it replicates; the destination's is another's.
        assert_eq!(others.of_key(key(), "source", &us()), theirs(&id));
        assert_eq!(others.of_key(key(), "destination", &us()), []);
        let configuration = others.replication.get_mut("source").unwrap();
        configuration.rules[0].destination.replica_kms_key_id = Some(KEY.into());
        assert_eq!(others.of_key(key(), "destination", &us()), theirs(&id));
    }
}

#[test]
fn only_who_replicates_kms_objects_needs_the_default_encryption() {
    let mut by_hand = rule("by-hand", "destination");
    by_hand.sse_kms_encrypted_objects = None;
    let others = with_rules(vec![by_hand]);
    assert_eq!(others.of_default_encryption("source", &us()), []);
    assert_eq!(others.of_key(key(), "source", &us()), []);
    let others = with_rules(vec![rule("by-hand", "destination")]);
    assert_eq!(
        others.of_default_encryption("source", &us()),
        theirs("by-hand")
    );
}

#[test]
fn a_rule_by_hand_needs_our_policy_where_no_other_speaks_of_its_buckets() {
    let allowing = |buckets: &[&str]| {
        let resources = buckets
            .iter()
            .map(|bucket| format!("arn:aws:s3:::{bucket}/*"));
        json!({"Statement": [{"Resource": resources.collect::<Vec<_>>()}]}).to_string()
    };
    let mut others = with_rules(vec![rule("by-hand", "destination")]);
    let needs = |others: &Others, ours: &str| others.of_role_policy(role(ROLE), ours, &us());
    let ours = allowing(&["source", "destination"]);
    assert_eq!(needs(&others, &ours), theirs("by-hand"));
    // It never worked by ours.
    assert_eq!(needs(&others, &allowing(&["source", "destination2"])), []);
    for (policy, needed) in [
        (vec!["source", "other"], true),
        (vec!["source", "destination"], false),
        // They go on reading by ours.
        (vec!["destination"], true),
    ] {
        others.role_policies = BTreeMap::from([("theirs".to_owned(), allowing(&policy))]);
        let found = needs(&others, &ours);
        let expected = if needed {
            theirs("by-hand")
        } else {
            Vec::new()
        };
        assert_eq!(found, expected, "{policy:?}");
    }
    // Another resource has a policy of its own.
    let others = with_rules(vec![rule(&them().rule_id(None, 0), "destination")]);
    assert_eq!(needs(&others, &ours), []);
    let mut under_another_role = with_rules(vec![rule("by-hand", "destination")]);
    under_another_role
        .replication
        .get_mut("source")
        .unwrap()
        .role = "another".into();
    assert_eq!(needs(&under_another_role, &ours), []);
}

#[test]
fn a_rule_by_hand_does_not_need_a_policy_about_other_objects() {
    let mut by_hand = rule("by-hand", "destination");
    by_hand.filter = Some(Filter {
        prefix: "Tax*/".into(),
        ..Filter::default()
    });
    let others = with_rules(vec![by_hand]);
    for (path, needed) in [
        ("*", true),
        ("Tax${*}/*", true),
        ("Tax${*}/2026/*", true),
        // A character that policies cannot have.
        ("Ta?*", true),
        ("Tax/*", false),
        ("Audit/*", false),
    ] {
        let resources =
            ["source", "destination"].map(|bucket| format!("arn:aws:s3:::{bucket}/{path}"));
        let ours = json!({"Statement": [{"Resource": resources}]}).to_string();
        let found = others.of_role_policy(role(ROLE), &ours, &us());
        assert_eq!(!found.is_empty(), needed, "{path}");
    }
}

#[test]
fn a_key_is_known_by_every_name_and_in_every_document() {
    for name in [
        KEY,
        "1234abcd-12ab-34cd-56ef-1234567890ab",
        ALIAS,
        "alias/encrypted-replication/er0/destination",
    ] {
        assert!(key().is(name), "{name}");
        let others = Others {
            default_keys: BTreeMap::from([("elsewhere".into(), name.into())]),
            ..Others::default()
        };
        let bucket = "elsewhere".to_owned();
        assert_eq!(
            others.of_key(key(), "destination", &us()),
            [Claim::DefaultEncryption { bucket }]
        );
        let document = json!({"properties": {"SourceKmsKeyArns": [name]}}).to_string();
        let others = Others {
            records: BTreeMap::from([(them(), document)]),
            ..Others::default()
        };
        assert_eq!(
            others.of_key(key(), "destination", &us()).len(),
            1,
            "{name}"
        );
    }
    for name in [
        "",
        "alias/aws/s3",
        "alias/",
        "1234abcd",
        "alias/destination",
    ] {
        assert!(!key().is(name), "{name}");
    }
}

#[test]
fn expectations_policies_resources_stacks_and_versions_are_told_apart() {
    let name = them().parameter_name("destination", 0);
    let mut others = Others {
        expectations: BTreeMap::from([(
            "destination".to_owned(),
            BTreeMap::from([(name.clone(), json!({"kmsKeyArn": KEY}).to_string())]),
        )]),
        stacks: BTreeMap::from([("destination".to_owned(), "theirs".to_owned())]),
        holding: BTreeSet::from(["destination".to_owned()]),
        ..Others::default()
    };
    others.role_policies.insert("p".into(), KEY.into());
    let record = json!({
        "stackId": "their-stack", "logicalResourceId": "Theirs",
        "physicalResourceId": format!("encrypted-replication/other/{}", them()),
        "properties": {"Rules": [{"Destination": {"Bucket": "arn:aws:s3:::destination"}}]},
    });
    others.records.insert(them(), record.to_string());
    let resource = Claim::Resource {
        stack: "their-stack".into(),
        logical_id: "Theirs".into(),
    };
    let expectation = Claim::Expectation { name };
    assert_eq!(
        others.of_bucket("destination", &us()),
        [
            expectation.clone(),
            resource.clone(),
            Claim::Stack {
                name: "theirs".into()
            }
        ]
    );
    assert_eq!(others.of_bucket("other", &us()), [resource]);
    assert_eq!(others.of_bucket("desti", &us()), []);
    let bucket = "destination".to_owned();
    assert_eq!(
        others.of_key(key(), "destination", &us()),
        [
            expectation,
            Claim::RolePolicy { policy: "p".into() },
            Claim::Versions { bucket }
        ]
    );
}

#[test]
fn a_record_that_cannot_be_read_is_taken_at_its_text() {
    let others = Others {
        records: BTreeMap::from([(them(), r#"{"x": "arn:aws:s3:::destination", "#.to_owned())]),
        ..Others::default()
    };
    assert_eq!(others.of_bucket("destination", &us()).len(), 1);
    assert_eq!(others.of_bucket("destination2", &us()), []);
}

#[test]
fn our_statements_stay_for_whoever_has_none_of_their_own() {
    let mut to_there = rule(&them().rule_id(None, 0), "destination");
    to_there.destination.replica_kms_key_id = Some(KEY.into());
    let id = to_there.id.clone();
    let mut others = with_rules(vec![to_there]);
    let of = |others: &Others, on: &str| others.of_statements(on, "destination", &us());
    assert_eq!(of(&others, "destination"), theirs(&id));
    assert_eq!(of(&others, KEY), theirs(&id));
    assert_eq!(of(&others, &KEY.replace("1234abcd", "another0")), []);
    let policy = json!({"Statement": [{"Sid": them().sid("Replicas"), "Effect": "Allow"}]});
    for on in ["destination", KEY] {
        others.policies.insert(on.to_owned(), policy.to_string());
        assert_eq!(of(&others, on), []);
    }
}

#[test]
fn what_stays_says_who_needs_it_and_how_many_more() {
    let claims: Vec<_> = (0..5)
        .map(|number| Claim::Expectation {
            name: format!("/p/{number}"),
        })
        .collect();
    let kept = Kept::where_claimed("bucket `b`".into(), claims).unwrap();
    assert_eq!(
        kept.to_string(),
        "bucket `b` stays: parameter `/p/0` names it, parameter `/p/1` names it, \
         parameter `/p/2` names it, 2 more"
    );
    assert_eq!(Kept::where_claimed("bucket `b`".into(), Vec::new()), None);
}
