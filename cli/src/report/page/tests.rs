use std::path::Path;
use std::{env, fs};

use evidence::Hash;
use evidence::asking::{SWEEP_SCHEMA, SweptBucket};
use expectation::Time;

use super::super::model::{Change, Coverage, End, Expected, Head, SCHEMA, Told};
use super::*;

fn fields(all: &[(&str, &str)]) -> Fields {
    let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    all.iter().map(owned).collect()
}

fn change(at: i64, until: Option<i64>, by: &str, key: &str) -> Change {
    Change {
        parameter: "/encrypted-replication/tax-replica/er1".to_owned(),
        version: 1,
        at: Time::from_secs(at),
        until: until.map(Time::from_secs),
        by: format!("arn:aws:iam::111122223333:user/{by}"),
        rules: vec![Expected {
            id: "tax".to_owned(),
            prefix: "Tax/".to_owned(),
            kms_key_arn: format!("arn:aws:kms:eu-west-1:111122223333:key/{key}"),
            enabled: key != "old",
        }],
    }
}

fn report() -> Report {
    let counts = |verdict: &str, compliant: &[(&str, &str)], versions: &str| {
        fields(&[&[("verdict", verdict), ("versions", versions)], compliant].concat())
    };
    let tax = Bucket {
        bucket: "tax-replica".to_owned(),
        sources: vec!["tax".to_owned()],
        history: vec![
            change(1_790_000_000, Some(1_791_000_000), "ann", "old"),
            change(1_791_000_000, None, "eve", "new"),
        ],
        coverage: Some(Coverage {
            replicas: 1_204_331,
            judged: 1_204_319,
            late: Some(7),
        }),
        inventory: Some("2026-10-01-01-00".to_owned()),
        not_counted: None,
        counts: vec![
            counts("Compliant", &[("compliant", "true")], "1204316"),
            counts("Gone", &[], "2"),
            counts("WrongKey", &[("compliant", "false")], "3"),
        ],
        findings: vec![
            fields(&[
                ("key", "Tax/<script>alert(1)</script>\u{1}.pdf"),
                ("versionid", "v1"),
                ("verdict", "WrongKey"),
                ("first_seen", "2026-07-01 09:15:01.240 UTC"),
                ("state", "mended"),
                ("ended", "2026-07-01 10:15:01.240 UTC"),
                ("open_minutes", "60"),
                ("repaired", "true"),
                ("reason", "under another key"),
            ]),
            fields(&[("key", "Tax/b"), ("verdict", "WrongKey"), ("state", "open")]),
        ],
        failures: vec![fields(&[
            ("key", "Tax/c"),
            ("rule", "tax"),
            ("failure_reason", "DstKmsKeyInvalidState"),
            ("state", "replicated since"),
        ])],
    };
    let empty = Bucket {
        bucket: "ledger-replica".to_owned(),
        not_counted: Some("nobody asked for it (--no-population)".to_owned()),
        ..Bucket::default()
    };
    let asked = |name: &str, bucket: &str| Asked {
        name: name.to_owned(),
        text: format!("SELECT '{name}' FROM verdicts WHERE bucket = ? AND day < ?\n"),
        parameters: vec![format!("'{bucket}'"), "'2026-10-01'".to_owned()],
        execution_id: format!("{name}-{bucket}"),
    };
    Report {
        schema: SCHEMA,
        from: "2026-07-01".parse().unwrap(),
        to: "2026-09-30".parse().unwrap(),
        made: Time::from_secs(1_791_100_000),
        account: "111122223333".to_owned(),
        region: "eu-west-1".to_owned(),
        work_group: "encrypted-replication-evidence".to_owned(),
        database: "encrypted_replication".to_owned(),
        head: Some(Head {
            bucket: "evidence-111122223333".to_owned(),
            end: End::Found {
                digest: "digests/2026/10/01.json".to_owned(),
                sha256: Hash::of(b"the last digest"),
            },
        }),
        sweeps: vec![sweep()],
        left_out: Some(vec!["tax-replica-of-2025".to_owned()]),
        not_in_table: Some(Vec::new()),
        buckets: vec![tax, empty],
        sources: vec![
            Source {
                bucket: "ledger".to_owned(),
                timeline: Vec::new(),
            },
            Source {
                bucket: "tax".to_owned(),
                timeline: timeline(),
            },
        ],
        queries: vec![
            asked("counts", "tax-replica"),
            asked("counts", "ledger-replica"),
            asked("findings", "tax-replica"),
        ],
    }
}

fn sweep() -> Sweep {
    Sweep {
        schema: SWEEP_SCHEMA.to_owned(),
        at: Time::from_secs(1_790_900_000),
        buckets: vec![SweptBucket {
            bucket: "tax-replica".to_owned(),
            inventory: Some("2026-09-30-01-00".to_owned()),
            without_verdict: 12,
            verdicts: [("Compliant".to_owned(), 10), ("WrongKey".to_owned(), 1)].into(),
            not_looked_at: 1,
            not_begun: false,
            failed: None,
        }],
    }
}

fn timeline() -> Vec<Fields> {
    let row = |kind: &str, result: &str, state: &str, looks: &str, more: &[(&str, &str)]| {
        let common = [
            ("kind", kind),
            ("logicalresourceid", "Replication"),
            ("result", result),
            ("state", state),
            ("looks", looks),
            ("first_seen", "2026-07-01 06:00:00.000 UTC"),
        ];
        fields(&[&common, more].concat())
    };
    let drift = (
        "reason",
        "an update would put 1 replication rule(s) on bucket `tax`",
    );
    vec![
        row(
            "drift",
            "IN_SYNC",
            "good",
            "34",
            &[("ended", "2026-08-04 06:00:00.000 UTC")],
        ),
        row("drift", "DRIFTED", "open", "2", &[drift]),
        row(
            "proof",
            "COMPLETED",
            "good",
            "2208",
            &[("slowest_seconds", "34.2")],
        ),
    ]
}

#[test]
fn drift_and_proofs_are_told_with_how_often_was_looked() {
    let made = page(&report());
    for part in [
        "<td>IN_SYNC</td>",
        "<td>2208</td>",
        "<td>34.2</td>",
        "Nobody looked for drift",
    ] {
        assert!(made.contains(part), "{part}");
    }
    let report = report();
    assert_eq!(
        report.sources[1].told(),
        "36 looks for drift and 2208 proofs of its resources, 1 open"
    );
    assert_eq!(report.open(), 2);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["sources"][1]["timeline"][1]["result"], "DRIFTED");
}

/// `UPDATE_REFERENCE=1` writes it anew: look at it in a browser then.
#[test]
fn the_page_of_fixed_rows_is_as_it_was() {
    let made = page(&report());
    let golden = Path::new("src/report/page/golden.html");
    if env::var_os("UPDATE_REFERENCE").is_some() {
        fs::write(golden, &made).unwrap();
    }
    let found = fs::read_to_string(golden).unwrap_or_default();
    assert!(found == made, "src/report/page/golden.html is stale");
}

/// Nothing comes from elsewhere, nothing runs, and nothing that a key is called becomes a part of the page.
#[test]
fn the_page_is_whole_and_harmless() {
    let made = page(&report());
    for part in [
        "<script",
        "http-equiv",
        " src=",
        "href=",
        "url(",
        "@import",
        "\u{1}",
    ] {
        assert!(!made.contains(part), "{part}");
    }
    let mut addresses = made.split("http").skip(1);
    assert!(addresses.all(|after| after.starts_with("://www.w3.org/")));
}

/// By counting what opens and closes: elements end in the order in which they began.
#[test]
fn every_element_ends() {
    let made = page(&report());
    let mut open: Vec<&str> = Vec::new();
    let mut elements = 0;
    for part in made.split('<').skip(2) {
        let (tag, _) = part.split_once('>').unwrap();
        let name = tag.split_whitespace().next().unwrap();
        if let Some(name) = name.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') {
            open.push(name);
            elements += 1;
        }
    }
    assert!(open.is_empty() && elements > 100, "{open:?} {elements}");
}

#[test]
fn a_query_is_shown_once_and_each_run_of_it_told() {
    let made = page(&report());
    let times = |part: &str| made.matches(part).count();
    assert_eq!(times("SELECT 'counts'"), 1);
    assert_eq!(
        times("counts-tax-replica") + times("counts-ledger-replica"),
        2
    );
    assert_eq!(report().buckets[0].open(), 1);
}

/// Whether nobody asked, nothing is there, or somebody took it away.
#[test]
fn a_chain_without_end_is_told_from_one_that_nobody_asked_about() {
    let told = |head: Option<Head>| {
        let report = Report { head, ..report() };
        (page(&report), serde_json::to_value(&report).unwrap())
    };
    let of = |end| {
        Some(Head {
            bucket: "evidence-111122223333".to_owned(),
            end,
        })
    };
    let digest = "digests/2026/10/01.json".to_owned();
    let (page, json) = told(of(End::Hidden { digest }));
    assert!(page.contains("digests/2026/10/01.json is listed and cannot be read"));
    assert!(!page.contains("Nobody asked"));
    let expected = serde_json::json!({"bucket": "evidence-111122223333", "state": "hidden",
        "digest": "digests/2026/10/01.json"});
    assert_eq!(json["head"], expected);

    let (page, json) = told(of(End::NoDigest));
    assert!(page.contains("there is no digest") && !page.contains("Nobody asked"));
    let expected = serde_json::json!({"bucket": "evidence-111122223333", "state": "noDigest"});
    assert_eq!(json["head"], expected);

    let (page, json) = told(None);
    assert!(page.contains("Nobody asked"));
    assert_eq!(json.get("head"), None);
    let (_, json) = told(report().head);
    assert_eq!(json["head"]["state"], "found");
}

#[test]
fn days_that_were_not_over_are_said_to_have_been_so() {
    let over = report().to.next().begins();
    let made = |secs| {
        page(&Report {
            made: Time::from_secs(secs),
            ..report()
        })
    };
    assert!(made(over - 1).contains("These days were not over"));
    assert!(!made(over).contains("These days were not over"));
}

/// A bucket that nothing is expected of any more: its failures are in the partition of a source that nobody knows.
#[test]
fn failures_that_nobody_could_be_asked_about_are_not_said_to_be_none() {
    let made = page(&report());
    let [tax, ledger] = ["Destination tax-replica", "Destination ledger-replica"]
        .map(|begin| made.split(begin).nth(1).unwrap());
    let failures = |of: &str| {
        let of = of.split("<h3>Failed replications</h3>").nth(1).unwrap();
        of.split("</section>").next().unwrap().to_owned()
    };
    assert!(!failures(tax).contains("Nobody was asked"));
    assert!(failures(ledger).contains("Nobody was asked"));
    assert!(!failures(ledger).contains("There is none"));
    assert!(made.contains("<td>not asked</td>"));
}

#[test]
fn what_is_left_out_is_named() {
    let told = |left_out| {
        page(&Report {
            left_out,
            ..report()
        })
    };
    assert!(told(report().left_out).contains("no part about: tax-replica-of-2025."));
    for nothing in [None, Some(Vec::new())] {
        assert!(!told(nothing).contains("no part about"));
    }
    let elsewhere = Told {
        account: "444455556666".to_owned(),
        region: "eu-central-1".to_owned(),
        bucket: "tax-replica".to_owned(),
    };
    let made = page(&Report {
        not_in_table: Some(vec![elsewhere]),
        ..report()
    });
    assert!(made.contains("444455556666 in eu-central-1 (tax-replica). Add them"));
    assert!(!page(&report()).contains("Add them"));
}

#[test]
fn an_inventory_that_was_begun_before_the_days_were_over_is_said_to_leave_some_out() {
    let told = |to: &str| {
        page(&Report {
            to: to.parse().unwrap(),
            ..report()
        })
    };
    assert!(!told("2026-09-30").contains("later ones are not counted"));
    assert!(told("2026-10-01").contains("later ones are not counted"));
}
