//! Over a cloud of which any call may fail.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::*;
use crate::queries::{Query, UNHEARD};

/// Its buckets, each with one verdict that all of its seven replicas have; one of them cannot be asked about.
struct Made {
    buckets: &'static [(&'static str, &'static str)],
    known: &'static [&'static str],
    /// The replicas without verdict of each bucket.
    unheard: usize,
    unanswered: &'static str,
    told: Mutex<Vec<(String, Compliance)>>,
    kept: Mutex<Vec<(String, Vec<u8>)>>,
}

fn failed() -> AskError {
    AskError {
        operation: "athena:StartQueryExecution",
        resource: "query posture".to_owned(),
        answer: "no".to_owned(),
    }
}

impl Cloud for Made {
    async fn expected(&self) -> Result<BTreeSet<String>, AskError> {
        Ok(self
            .buckets
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect())
    }

    async fn newest_inventory(&self, bucket: &str) -> Result<Option<String>, AskError> {
        Ok((self.unheard > 0 && bucket != "without").then(|| "2026-11-27-01-00".to_owned()))
    }

    async fn ask(
        &self,
        query: Query,
        parameters: &[&str],
    ) -> Result<Vec<BTreeMap<String, String>>, AskError> {
        let bucket = parameters[parameters.len() - 3];
        if bucket == self.unanswered {
            return Err(failed());
        }
        let fields = |row: [(&str, &str); 2]| {
            row.map(|(name, text)| (name.to_owned(), text.to_owned()))
                .into()
        };
        if query == UNHEARD {
            let names = (0..self.unheard).map(|number| format!("{number}"));
            return Ok(names
                .map(|name| fields([("key", &name), ("versionid", "1")]))
                .collect());
        }
        let mut rows = self.buckets.iter().filter(|(name, _)| *name == bucket);
        let verdict = rows.next().unwrap().1;
        Ok(vec![fields([("verdict", verdict), ("versions", "7")])])
    }

    /// What has a five in its name cannot be looked at.
    async fn look(
        &self,
        bucket: &str,
        versions: &[Version],
    ) -> Result<Vec<Option<String>>, AskError> {
        assert!(!versions.is_empty() && versions.len() <= 100);
        let verdict = self
            .buckets
            .iter()
            .find(|(name, _)| *name == bucket)
            .unwrap()
            .1;
        let said = versions.iter().map(|version| {
            let looks = !version.key.contains('5');
            looks.then(|| verdict.to_owned())
        });
        Ok(said.collect())
    }

    async fn last_sweep(&self, before: Time) -> Result<Option<Sweep>, AskError> {
        assert_eq!(before, request().at);
        let kept = self.kept.lock().unwrap();
        Ok(kept
            .last()
            .map(|(_, record)| serde_json::from_slice(record).unwrap()))
    }

    async fn keep(&self, key: &str, record: Vec<u8>) -> Result<(), AskError> {
        self.kept.lock().unwrap().push((key.to_owned(), record));
        Ok(())
    }

    async fn evaluated(&self, _: &str) -> Result<BTreeSet<String>, AskError> {
        Ok(self.known.iter().map(|&name| name.to_owned()).collect())
    }

    async fn put(&self, _: &Request, evaluations: &[Evaluation]) -> Result<(), AskError> {
        let told = evaluations
            .iter()
            .map(|one| (one.bucket.clone(), one.compliance));
        self.told.lock().unwrap().extend(told);
        Ok(())
    }
}

fn request() -> Request {
    Request {
        rule: "rule".to_owned(),
        account: "111122223333".to_owned(),
        token: "token".to_owned(),
        at: Time::from_secs(1_795_816_200),
    }
}

#[tokio::test]
async fn one_bucket_that_cannot_be_asked_about_keeps_no_other_from_its_evaluation() {
    let cloud = Made {
        buckets: &[("a", "Compliant"), ("b", "WrongKey"), ("c", "Compliant")],
        known: &["a", "b", "left"],
        unheard: 0,
        unanswered: "b",
        told: Mutex::default(),
        kept: Mutex::default(),
    };
    let asker = Asker::new(cloud, 400);
    let came = asker.evaluate(&request()).await.unwrap();
    assert_eq!(came.failed.len(), 1, "{came:?}");
    assert!(
        came.failed[0].starts_with("b: athena:StartQueryExecution"),
        "{came:?}"
    );
    let told = asker.cloud.told.lock().unwrap().clone();
    let expected = [
        ("a", Compliance::Compliant),
        ("c", Compliance::Compliant),
        // It is expected of b still: what AWS Config knows stays.
        ("left", Compliance::NotApplicable),
    ];
    assert_eq!(
        told,
        expected.map(|(name, compliance)| (name.to_owned(), compliance))
    );
}

#[tokio::test]
async fn what_nobody_has_judged_is_shown_to_the_checker_and_a_record_is_kept() {
    let cloud = Made {
        buckets: &[
            ("a", "Compliant"),
            ("b", "WrongKey"),
            ("c", "Compliant"),
            ("without", "Compliant"),
        ],
        known: &[],
        unheard: 250,
        unanswered: "c",
        told: Mutex::default(),
        kept: Mutex::default(),
    };
    let asker = Asker::new(cloud, 400);
    let at = request().at;
    let sweep = asker.sweep(at, || true).await.unwrap();
    let came = |bucket: &str, verdict: &str| SweptBucket {
        bucket: bucket.to_owned(),
        inventory: Some("2026-11-27-01-00".to_owned()),
        without_verdict: 250,
        verdicts: [(verdict.to_owned(), 250 - FIVES)].into(),
        not_looked_at: FIVES,
        not_begun: false,
        failed: None,
    };
    let [a, b, c, without] = sweep.buckets.as_slice() else {
        panic!("{sweep:?}")
    };
    assert_eq!((a, b), (&came("a", "Compliant"), &came("b", "WrongKey")));
    assert!(
        c.failed
            .as_ref()
            .unwrap()
            .contains("athena:StartQueryExecution"),
        "{c:?}"
    );
    assert_eq!(
        (without.inventory.as_ref(), without.without_verdict),
        (None, 0)
    );
    let [(key, record)] = asker.cloud.kept.lock().unwrap().clone().try_into().unwrap();
    assert_eq!(key, "sweeps/2026/11/27/1795816200.json");
    assert_eq!(serde_json::from_slice::<Sweep>(&record).unwrap(), sweep);
}

/// Numbers below 250 with a five in them: 19 of each hundred, and 205, 215, 225, 235, 245.
const FIVES: u64 = 43;

#[tokio::test]
async fn a_sweep_ends_with_its_time() {
    let cloud = Made {
        buckets: &[("a", "Compliant")],
        known: &[],
        unheard: 250,
        unanswered: "",
        told: Mutex::default(),
        kept: Mutex::default(),
    };
    let sweep = Asker::new(cloud, 400)
        // For the bucket, and for its first hundred.
        .sweep(request().at, times(2))
        .await
        .unwrap();
    let [a] = sweep.buckets.as_slice() else {
        panic!("{sweep:?}")
    };
    let looked: u64 = a.verdicts.values().sum();
    // A hundred were shown, nineteen of which have a five.
    assert_eq!((looked, a.not_looked_at), (81, 169));
}

/// There is time when it is asked for as often as this.
fn times(mut left: i32) -> impl FnMut() -> bool {
    move || {
        left -= 1;
        left >= 0
    }
}

#[tokio::test]
async fn no_bucket_is_begun_when_the_time_is_up_and_the_next_sweep_begins_with_it() {
    let cloud = Made {
        buckets: &[
            ("a", "Compliant"),
            ("b", "Compliant"),
            ("c", "Compliant"),
            ("d", "Compliant"),
            ("e", "Compliant"),
        ],
        known: &[],
        unheard: 100,
        unanswered: "",
        told: Mutex::default(),
        kept: Mutex::default(),
    };
    let asker = Asker::new(cloud, 400);
    let mut order = Vec::new();
    for _ in 0..3 {
        // For two buckets, each with its one hundred.
        let sweep = asker.sweep(request().at, times(4)).await.unwrap();
        let (begun, left) = sweep.buckets.split_at(2);
        assert!(
            begun
                .iter()
                .all(|one| !one.not_begun && one.without_verdict == 100)
        );
        for one in left {
            assert!(one.not_begun && one.inventory.is_none(), "{one:?}");
            let why = one.failed.as_deref().unwrap();
            assert!(why.contains("no time"), "{why}");
        }
        let names = sweep.buckets.iter().map(|one| one.bucket.as_str());
        order.push(names.collect::<String>());
    }
    assert_eq!(order, ["abcde", "cdeab", "eabcd"]);
    let records = asker.cloud.kept.lock().unwrap();
    let record: serde_json::Value = serde_json::from_slice(&records[0].1).unwrap();
    assert_eq!(record["buckets"][2]["notBegun"], true);
    assert_eq!(record["buckets"][0].get("notBegun"), None);
}
