//! Audits: verdicts as the checker gives them, how fast, and where they go on.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use aws_names::{Home, KeyName};
use compliance::checker::Checker;
use compliance::ports::{
    AskError, DefaultEncryption, DescribeKey, FindExpectation, KeyAnswer, KeyDescription,
    RegistryParameter,
};
use compliance::report::{Stamp, line};
use compliance::verdict::{Kind, Verdict};
use encrypted_replication::audit::looking::{Audit, Audited, Report};
use encrypted_replication::listing::{EntryKind, Prefixes};
use encrypted_replication::looking::Judging;
use encrypted_replication::pace::FaultKind;

use crate::told::BEGAN;
use crate::world::{Bucket, Stored, on_a_paused_clock};

const RIGHT: &str = "arn:aws:kms:us-west-2:111122223333:key/11111111";
const WRONG: &str = "arn:aws:kms:us-west-2:111122223333:key/22222222";

/// What is expected, and keys that all work.
#[derive(Debug, Default)]
struct Words {
    registry: Vec<RegistryParameter>,
    refused: bool,
}

impl FindExpectation for Words {
    async fn registry(&self, bucket: &str) -> Result<Vec<RegistryParameter>, AskError> {
        if self.refused {
            return Err(AskError {
                operation: "ssm:GetParametersByPath",
                resource: bucket.to_owned(),
                answer: "status 400, AccessDeniedException".to_owned(),
                remedy: "allow it".to_owned(),
            });
        }
        Ok(self.registry.clone())
    }

    async fn default_encryption(
        &self,
        _: &str,
        _: Option<&str>,
    ) -> Result<DefaultEncryption, AskError> {
        Ok(DefaultEncryption::Other)
    }
}

impl DescribeKey for Words {
    async fn describe(&self, key: &str) -> Result<KeyAnswer, AskError> {
        Ok(KeyAnswer::Found(KeyDescription {
            arn: key.to_owned(),
            state: "Enabled".to_owned(),
            aws_managed: false,
        }))
    }
}

#[derive(Debug, Default)]
struct All {
    verdicts: Vec<(String, Kind)>,
    lines: Vec<String>,
    reached: Option<String>,
}

impl Report for All {
    fn verdict(&mut self, verdict: &Verdict) -> io::Result<()> {
        self.verdicts.push((
            verdict.version.key.as_str().to_owned(),
            verdict.judgement.kind,
        ));
        if self.lines.len() < 10 {
            self.lines.push(line(verdict, &Stamp::new(0, None))?);
        }
        Ok(())
    }

    fn reached(&mut self, key: &str) {
        self.reached = Some(key.to_owned());
    }
}

fn home() -> Home {
    Home {
        partition: "aws".to_owned(),
        region: "us-west-2".to_owned(),
        account: "111122223333".to_owned(),
    }
}

fn replica(key: &str, kms_key: &'static str) -> Stored {
    Stored {
        kms_key: Some(kms_key),
        ..Stored::new(key, "v1", BEGAN).status("REPLICA")
    }
}

type Auditing = Audit<Bucket, Judging<Bucket, Words>>;

fn audit(bucket: Bucket, scope: &[&str], words: Words, expected: &[&str]) -> Auditing {
    let (port, scope) = (Arc::new(bucket), Prefixes::of(scope.iter().copied()));
    let judging = Judging::new(Arc::clone(&port), &scope, 512, words);
    let allowed = expected
        .iter()
        .map(|key| KeyName::parse(key).unwrap())
        .collect();
    Audit {
        bucket: "replicas".to_owned(),
        home: home(),
        port,
        checker: Checker::new(judging, allowed, Duration::from_mins(5)),
        scope,
        after: None,
        sample: None,
    }
}

fn run(audit: &Auditing) -> (Audited, All, Duration) {
    let mut all = All::default();
    let (audited, time) = on_a_paused_clock(audit.run(&mut all));
    (audited.unwrap(), all, time)
}

fn many(prefix: &str, count: usize) -> Vec<Stored> {
    (0..count)
        .map(|n| replica(&format!("{prefix}{n:07}"), RIGHT))
        .collect()
}

#[test]
fn each_version_gets_the_checkers_verdict_in_the_order_of_keys() {
    let bucket = vec![
        replica("a", RIGHT),
        replica("b/\u{1f600} +%", WRONG),
        Stored {
            algorithm: "AES256",
            ..Stored::new("c", "v1", BEGAN).status("REPLICA")
        },
        Stored::new("d", "v1", BEGAN),
        Stored {
            shown: false,
            ..replica("e", WRONG)
        },
        Stored {
            kind: EntryKind::DeleteMarker,
            ..Stored::new("f", "v1", BEGAN)
        },
    ];
    let audit = audit(Bucket::of(bucket, 2), &[""], Words::default(), &[RIGHT]);
    let (audited, all, _) = run(&audit);
    let verdicts: Vec<_> = all
        .verdicts
        .iter()
        .map(|(key, kind)| (key.as_str(), *kind))
        .collect();
    assert_eq!(
        verdicts,
        [
            ("a", Kind::Compliant),
            ("b/\u{1f600} +%", Kind::WrongKey),
            ("c", Kind::WrongAlgorithm),
            ("d", Kind::NotReplica),
            // It vanished between listing and HEAD.
            ("e", Kind::Gone),
        ]
    );
    assert_eq!(
        (audited.findings(), audited.judged(), audited.decided()),
        (2, 5, 3)
    );
    let line: serde_json::Value = serde_json::from_str(&all.lines[1]).unwrap();
    assert_eq!(line["schema"], "encrypted-replication/verdict/1");
    assert_eq!(line["expected"]["kmsKeyArns"][0], RIGHT);
    assert_eq!(line["observed"]["kmsKeyArn"], WRONG);
}

#[test]
fn the_registrys_word_counts_where_nobody_gives_another() {
    let document = serde_json::json!({
        "schema": "encrypted-replication/expectation/1", "source": "arn:aws:s3:::source",
        "rules": [{"id": "tax", "prefix": "Tax/", "kmsKeyArn": RIGHT}],
    });
    let words = || Words {
        registry: vec![RegistryParameter {
            name: "/encrypted-replication/replicas/er1".to_owned(),
            value: document.to_string(),
        }],
        refused: false,
    };
    let bucket = || {
        Bucket::of(
            vec![
                replica("Tax/1", RIGHT),
                replica("Tax/2", WRONG),
                replica("b", WRONG),
            ],
            9,
        )
    };
    let kinds = |audit| {
        run(&audit)
            .1
            .verdicts
            .into_iter()
            .map(|(_, kind)| kind)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        kinds(audit(bucket(), &[""], words(), &[])),
        [Kind::Compliant, Kind::WrongKey, Kind::NoExpectation]
    );
    assert_eq!(
        kinds(audit(bucket(), &[""], words(), &[WRONG])),
        [Kind::WrongKey, Kind::Compliant, Kind::Compliant]
    );
}

#[test]
fn a_prefix_is_read_at_s3s_limit_and_another_beside_it() {
    // 5,500 HEADs a second and prefix, answered after 30 ms; a page of 1,000 takes 90 ms.
    let bucket = |prefixes: &[&str]| {
        let stored = prefixes
            .iter()
            .flat_map(|prefix| many(prefix, 30_000))
            .collect();
        Bucket::of(stored, 1_000)
            .slow(Duration::from_millis(30))
            .limited(5_500.0)
    };
    let one = audit(bucket(&["a"]), &["a"], Words::default(), &[RIGHT]);
    let (audited, _, alone) = run(&one);
    assert_eq!(audited.of(Kind::Compliant), 30_000);
    let a_second = 30_000.0 / alone.as_secs_f64();
    assert!(a_second > 5_500.0 * 0.9, "{a_second} a second, {alone:?}");
    let slowed = one.port.slowed.load(Ordering::Relaxed);
    assert!(slowed < 4_000, "{slowed} were refused");

    let two = audit(bucket(&["a", "b"]), &["a", "b"], Words::default(), &[RIGHT]);
    let (audited, _, both) = run(&two);
    assert_eq!(audited.of(Kind::Compliant), 60_000);
    assert!(both < alone.mul_f64(1.25), "{both:?} beside {alone:?}");
}

#[test]
fn it_goes_on_where_another_run_ended() {
    let stored: Vec<_> = ["a", "b", "c"]
        .iter()
        .flat_map(|prefix| many(prefix, 400))
        .collect();
    for pages in [0, 1, 3, 9, 30] {
        let broken = Bucket::of(stored.clone(), 50).failing_after("page", pages);
        let (audited, all, _) = run(&audit(broken, &["a", "b", "c"], Words::default(), &[RIGHT]));
        assert!(audited.stopped.is_some() || pages == 30);
        assert!(all.reached <= audited.reached);
        let mut rest = audit(
            Bucket::of(stored.clone(), 50),
            &["a", "b", "c"],
            Words::default(),
            &[RIGHT],
        );
        rest.after.clone_from(&audited.reached);
        let (_, more, _) = run(&rest);
        // All of them are told by one or the other.
        let mut told: BTreeMap<String, u32> = BTreeMap::new();
        for (key, _) in all.verdicts.iter().chain(&more.verdicts) {
            *told.entry(key.clone()).or_default() += 1;
        }
        assert_eq!(
            told.len(),
            1_200,
            "{pages} pages, up to {:?}",
            audited.reached
        );
        let reached = audited.reached.unwrap_or_default();
        assert!(more.verdicts.iter().all(|(key, _)| *key > reached));
        assert!(
            all.verdicts
                .iter()
                .filter(|(key, _)| *key <= reached)
                .count()
                >= reached.len().min(1)
        );
    }
}

#[test]
fn a_sample_is_drawn_by_its_seed_and_says_of_how_many() {
    let stored: Vec<_> = many("k", 3_000);
    let drawn = |seed, count| {
        let mut audit = audit(
            Bucket::of(stored.clone(), 1_000),
            &[""],
            Words::default(),
            &[RIGHT],
        );
        audit.sample = Some((seed, count));
        let (audited, all, _) = run(&audit);
        assert_eq!(audit.port.heads.load(Ordering::Relaxed), count as u64);
        assert_eq!(
            (audited.population, audited.judged()),
            (Some(3_000), count as u64)
        );
        assert_eq!(audited.reached, None);
        all.verdicts
            .into_iter()
            .map(|(key, _)| key)
            .collect::<Vec<_>>()
    };
    assert_eq!(drawn(1, 50), drawn(1, 50));
    assert_ne!(drawn(1, 50), drawn(2, 50));
    assert!(drawn(3, 50).is_sorted());
}

#[test]
fn what_may_not_be_looked_at_ends_it_soon() {
    let mut denied = Bucket::of(many("k", 5_000), 1_000);
    denied.denies = true;
    let (audited, _, _) = run(&audit(denied, &[""], Words::default(), &[RIGHT]));
    assert_eq!(
        audited.stopped.as_deref(),
        Some("100 versions in a row could not be looked at")
    );
    assert_eq!((audited.findings(), audited.denied), (0, 100));

    let words = Words {
        refused: true,
        ..Words::default()
    };
    let (audited, _, _) = run(&audit(
        Bucket::of(many("k", 5_000), 1_000),
        &[""],
        words,
        &[],
    ));
    assert_eq!(audited.unanswered, 100);
    assert!(
        audited
            .first_unanswered
            .unwrap()
            .contains("ssm:GetParametersByPath")
    );
}

#[test]
fn faults_that_pass_cost_time_and_no_verdict() {
    for kind in [FaultKind::SlowDown, FaultKind::Busy] {
        let bucket = Bucket::of(many("k", 2_000), 100)
            .failing("head", 500, kind)
            .failing("page", 3, kind);
        let (audited, all, _) = run(&audit(bucket, &[""], Words::default(), &[RIGHT]));
        assert_eq!(audited.of(Kind::Compliant), 2_000);
        assert_eq!((audited.unanswered, audited.stopped), (0, None));
        assert!(all.verdicts.is_sorted());
    }
}
