use super::*;

fn tag(key: &str) -> Tag {
    Tag {
        key: key.into(),
        value: "1".into(),
    }
}

#[test]
fn a_filter_wants_the_prefix_and_every_tag() {
    let filter = Filter {
        prefix: "Tax/".into(),
        tags: vec![tag("a"), tag("b")],
        ..Filter::default()
    };
    assert!(filter.matches("Tax/x", &[tag("b"), tag("a"), tag("c")]));
    assert!(!filter.matches("Tax/x", &[tag("a")]));
    assert!(!filter.matches("tax/x", &[tag("a"), tag("b")]));
    assert!(Filter::default().matches("anything", &[]));
}
#[test]
fn what_is_excluded_does_not_pass_whatever_else_it_has() {
    let filter = Filter {
        prefix: "Tax/".into(),
        not: Exclusions {
            prefixes: vec!["Tax/drafts/".into(), "Tax/tmp/".into()],
            tags: vec![tag("secret")],
        },
        ..Filter::default()
    };
    assert!(filter.matches("Tax/x", &[tag("a")]));
    assert!(!filter.matches("Tax/tmp/x", &[]));
    assert!(!filter.matches("Tax/x", &[tag("a"), tag("secret")]));
}

#[test]
fn what_means_the_same_is_equal_and_what_is_not_understood_is_not() {
    let rule = |change: fn(&mut ReplicationRule)| {
        let mut rule = ReplicationRule::example("a", "");
        rule.filter.as_mut().unwrap().tags = vec![tag("a"), tag("b")];
        change(&mut rule);
        rule
    };
    let plain = rule(|_| ());
    let same: [fn(&mut ReplicationRule); 6] = [
        |rule| rule.replica_modifications = Some(Status::Disabled),
        |rule| rule.delete_marker_replication = Some(Status::Disabled),
        |rule| rule.filter.as_mut().unwrap().tags.reverse(),
        |rule| rule.destination.use_source_multi_region_key = Some(Status::Disabled),
        |rule| {
            rule.destination.metrics = Some(Timed {
                status: Status::Disabled,
                minutes: None,
            });
        },
        |rule| rule.as_read.xml = Some("<Rule/>".into()),
    ];
    for change in same {
        assert_eq!(rule(change), plain);
    }
    let other: [fn(&mut ReplicationRule); 5] = [
        |rule| rule.replica_modifications = Some(Status::Enabled),
        |rule| rule.filter.as_mut().unwrap().not.prefixes = vec!["x".into()],
        |rule| rule.destination.use_source_multi_region_key = Some(Status::Enabled),
        |rule| rule.as_read.unknown = vec!["<New/>".into()],
        |rule| rule.filter = None,
    ];
    for change in other {
        assert_ne!(rule(change), plain);
    }
}
