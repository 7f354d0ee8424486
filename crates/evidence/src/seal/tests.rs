use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::*;
use crate::Found as Seen;
use crate::{Chain, Fault, Signature};

const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/1";
const VERDICT: &str = "verdicts/account=111122223333/region=us-east-1/bucket=tax/day=2026-11-01";

fn time(text: &str) -> Time {
    Time::parse(text).unwrap()
}

fn lake() -> Lake {
    Lake {
        account: "111122223333".to_owned(),
        region: "us-east-1".to_owned(),
        bucket: "evidence".to_owned(),
    }
}

/// Key and version id.
type Name = (String, String);

/// A bucket, a key and a clock in one, all of which can fail.
#[derive(Clone, Default)]
struct World(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// By key and version id: when written, and the bytes.
    objects: Mutex<BTreeMap<Name, (Time, Vec<u8>)>>,
    now: AtomicI64,
    /// Seconds that each page takes.
    page_takes: AtomicI64,
    /// The operation that fails, and how often it goes well before.
    fails: Mutex<Option<(&'static str, usize)>>,
    /// Between reading and writing, somebody else seals the day by these bytes.
    race: Mutex<Option<Vec<u8>>>,
    /// Vanishes between its listing and its reading.
    vanishes: Mutex<Option<String>>,
    writes: AtomicUsize,
    /// Pages of the listing of verdicts.
    pages: AtomicUsize,
}

impl World {
    fn at(now: &str) -> Self {
        let world = Self::default();
        world.set(now);
        world
    }

    fn set(&self, now: &str) {
        self.0.now.store(time(now).secs(), Ordering::SeqCst);
    }

    fn put(&self, key: &str, modified: &str, bytes: &[u8]) {
        let name = (key.to_owned(), format!("v{modified}"));
        let written = (time(modified), bytes.to_vec());
        self.0.objects.lock().unwrap().insert(name, written);
    }

    fn file(&self, key: &str) -> Option<Vec<u8>> {
        let objects = self.0.objects.lock().unwrap();
        let found = objects.iter().rfind(|((name, _), _)| name == key);
        found.map(|(_, (_, bytes))| bytes.clone())
    }

    fn digest(&self, key: &str) -> Digest {
        SignedDigest::read(&self.file(key).unwrap()).unwrap().digest
    }

    fn fail(&self, operation: &'static str, after: usize) {
        *self.0.fails.lock().unwrap() = Some((operation, after));
    }

    fn ask(&self, operation: &'static str, resource: &str) -> Result<(), AskError> {
        let mut fails = self.0.fails.lock().unwrap();
        match fails.as_mut() {
            Some((failing, 0)) if *failing == operation => Err(AskError {
                operation,
                resource: resource.to_owned(),
                answer: "status 503, SlowDown".to_owned(),
            }),
            Some((failing, left)) if *failing == operation => {
                *left -= 1;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    async fn run(&self) -> Result<Report, SealError> {
        self.run_until("2100-01-01T00:00:00Z").await
    }

    async fn run_until(&self, deadline: &str) -> Result<Report, SealError> {
        let sealer = Sealer::new(lake(), self.clone(), self.clone(), self.clone());
        sealer.run(time(deadline)).await
    }

    /// What the chain says of everything that is there.
    fn faults(&self, from: &str, until: &str) -> Vec<Fault> {
        let mut chain = Chain::new("evidence", from.parse().unwrap());
        let objects = self.0.objects.lock().unwrap().clone();
        for ((key, _), (_, bytes)) in &objects {
            if day_of_digest(key).is_none() {
                continue;
            }
            let verify = |read: &SignedDigest| {
                let right = read.signature.bytes()? == signed(Hash::of(&read.signed));
                right
                    .then_some(())
                    .ok_or_else(|| "another signature".to_owned())
            };
            for object in chain
                .digest(key, bytes, verify)
                .into_iter()
                .flat_map(|digest| digest.objects)
            {
                let name = (object.key.clone(), object.version_id.clone());
                let found = objects
                    .get(&name)
                    .map_or(Seen::Nothing, |(_, bytes)| Seen::Bytes {
                        size: bytes.len() as u64,
                        sha256: Hash::of(bytes),
                    });
                chain.object(key, &object, found);
            }
        }
        for ((key, version_id), (modified, _)) in &objects {
            if key.starts_with(VERDICTS) {
                chain.listed(key, version_id, Day::of(modified.secs()));
            }
        }
        chain.finish(until.parse().unwrap(), None).faults
    }
}

fn signed(hash: Hash) -> Vec<u8> {
    [b"by the key: ".as_slice(), &hash.0].concat()
}

impl Store for World {
    /// Pages of two.
    async fn list(&self, prefix: &str, after: Option<(String, String)>) -> Result<Page, AskError> {
        self.ask("s3:ListObjectVersions", prefix)?;
        let is_of_verdicts = usize::from(prefix == VERDICTS);
        self.0.pages.fetch_add(is_of_verdicts, Ordering::SeqCst);
        self.0
            .now
            .fetch_add(self.0.page_takes.load(Ordering::SeqCst), Ordering::SeqCst);
        let objects = self.0.objects.lock().unwrap();
        let mut versions: Vec<Listed> = objects
            .iter()
            .filter(|(name, _)| {
                name.0.starts_with(prefix) && after.as_ref().is_none_or(|after| *name > after)
            })
            .map(|((key, version_id), (modified, _))| Listed {
                key: key.clone(),
                version_id: version_id.clone(),
                modified: *modified,
            })
            .collect();
        let next = versions.get(2).and(versions.get(1));
        let next = next.map(|last| (last.key.clone(), last.version_id.clone()));
        versions.truncate(2);
        Ok(Page { versions, next })
    }

    async fn hash(&self, key: &str, version_id: &str) -> Result<Option<(u64, Hash)>, AskError> {
        self.ask("s3:GetObject", key)?;
        if self.0.vanishes.lock().unwrap().as_deref() == Some(key) {
            return Ok(None);
        }
        let objects = self.0.objects.lock().unwrap();
        let found = objects.get(&(key.to_owned(), version_id.to_owned()));
        Ok(found.map(|(_, bytes)| (bytes.len() as u64, Hash::of(bytes))))
    }

    async fn read(&self, key: &str) -> Result<Vec<u8>, AskError> {
        self.ask("s3:GetObject of a digest", key)?;
        Ok(self.file(key).unwrap())
    }

    async fn create(&self, key: &str, bytes: Vec<u8>) -> Result<Created, AskError> {
        self.ask("s3:PutObject", key)?;
        let race = self.0.race.lock().unwrap().take();
        if let Some(other) = race {
            self.put(key, "2026-11-02T02:00:01Z", &other);
        }
        if self.file(key).is_some() {
            return Ok(Created::AlreadyThere);
        }
        self.0.writes.fetch_add(1, Ordering::SeqCst);
        let now = self.now().to_string();
        self.put(key, &now, &bytes);
        Ok(Created::Yes)
    }
}

impl Signer for World {
    fn key_arn(&self) -> &str {
        KEY
    }

    async fn sign(&self, hash: Hash) -> Result<Signature, AskError> {
        self.ask("kms:Sign", KEY)?;
        Ok(Signature::new(&signed(hash)))
    }

    async fn verify(&self, hash: Hash, signature: &Signature) -> Result<bool, AskError> {
        self.ask("kms:Verify", KEY)?;
        Ok(signature.bytes() == Ok(signed(hash)))
    }
}

impl Clock for World {
    fn now(&self) -> Time {
        Time::from_secs(self.0.now.load(Ordering::SeqCst))
    }
}

fn names(digest: &Digest) -> Vec<&str> {
    let keys = digest
        .objects
        .iter()
        .map(|object| object.key.rsplit('/').next());
    keys.map(Option::unwrap).collect()
}

/// Three objects of 2026-11-01, and one of the day after.
fn first_day() -> World {
    let world = World::at("2026-11-02T02:00:00Z");
    for (name, modified, bytes) in [
        ("c", "2026-11-01T00:00:00Z", "ccc"),
        ("a", "2026-11-01T23:59:59Z", "a"),
        ("b", "2026-11-01T12:00:00Z", ""),
        ("d", "2026-11-02T00:00:00Z", "dd"),
    ] {
        world.put(&format!("{VERDICT}/{name}"), modified, bytes.as_bytes());
    }
    world
}

#[tokio::test]
async fn the_day_that_is_over_is_sealed_with_all_that_was_written_on_it() {
    let world = first_day();
    let report = world.run().await.unwrap();
    let sealed = Sealed {
        day: "2026-11-01".parse().unwrap(),
        digest: "digests/2026/11/01.json".to_owned(),
        objects: 3,
        late: 0,
        bytes: 4,
        undelivered: 0,
    };
    assert_eq!(
        (report.sealed, report.left, report.overdue),
        (vec![sealed], None, 0)
    );
    let digest = world.digest("digests/2026/11/01.json");
    assert_eq!(names(&digest), ["a", "b", "c"]);
    assert_eq!(digest.previous, None);
    assert_eq!(digest.made, time("2026-11-02T02:00:00Z"));
    assert_eq!(digest.lake, lake());
    assert_eq!(digest.objects[2].sha256, Hash::of(b"ccc"));
    assert_eq!(world.faults("2026-11-01", "2026-11-01"), []);
}

#[tokio::test]
async fn the_first_digest_has_what_was_there_before_and_later_ones_do_not() {
    let world = first_day();
    world.put(&format!("{VERDICT}/before"), "2026-09-01T00:00:00Z", b"x");
    world.run().await.unwrap();
    assert_eq!(
        names(&world.digest("digests/2026/11/01.json")),
        ["a", "b", "before", "c"]
    );
    world.set("2026-11-03T02:00:00Z");
    world.run().await.unwrap();
    let second = world.digest("digests/2026/11/02.json");
    assert_eq!(names(&second), ["d"]);
    let previous = second.previous.unwrap();
    assert_eq!(previous.key, "digests/2026/11/01.json");
    assert_eq!(
        previous.sha256,
        Hash::of(&world.file("digests/2026/11/01.json").unwrap())
    );
    assert_eq!(world.faults("2026-11-01", "2026-11-02"), []);
}

#[tokio::test]
async fn a_day_is_sealed_once() {
    let world = first_day();
    world.run().await.unwrap();
    let file = world.file("digests/2026/11/01.json");
    world.set("2026-11-02T09:00:00Z");
    assert_eq!(world.run().await.unwrap(), Report::default());
    assert_eq!(world.file("digests/2026/11/01.json"), file);
    assert_eq!(world.0.writes.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn nothing_is_sealed_in_the_hour_after_midnight() {
    let world = first_day();
    world.set("2026-11-02T00:59:59Z");
    let report = world.run().await.unwrap();
    assert_eq!(report.sealed[0].day.to_string(), "2026-10-31");
    assert_eq!(report.sealed[0].objects, 0);
}

#[tokio::test]
async fn a_verdict_delivered_late_stands_in_the_digest_of_the_day_it_was_written_on() {
    let world = first_day();
    world.run().await.unwrap();
    // Of 2026-11-01 by its partition.
    world.put(&format!("{VERDICT}/late"), "2026-11-02T05:00:00Z", b"late");
    world.set("2026-11-03T02:00:00Z");
    world.run().await.unwrap();
    assert_eq!(
        names(&world.digest("digests/2026/11/02.json")),
        ["d", "late"]
    );
    assert_eq!(world.faults("2026-11-01", "2026-11-02"), []);
}

/// S3 dates a multipart upload to when it began.
#[tokio::test]
async fn what_is_dated_to_a_sealed_day_stands_in_the_next_digest_and_is_counted() {
    let world = first_day();
    world.run().await.unwrap();
    world.put(
        &format!("{VERDICT}/multipart"),
        "2026-11-01T23:50:00Z",
        b"late",
    );
    world.set("2026-11-03T02:00:00Z");
    let report = world.run().await.unwrap();
    assert_eq!((report.sealed[0].objects, report.sealed[0].late), (2, 1));
    assert_eq!(
        names(&world.digest("digests/2026/11/02.json")),
        ["d", "multipart"]
    );
    assert_eq!(world.faults("2026-11-01", "2026-11-02"), []);
}

#[tokio::test]
async fn what_appears_two_days_later_is_in_no_digest_and_the_chain_says_so() {
    let world = first_day();
    world.run().await.unwrap();
    world.set("2026-11-03T02:00:00Z");
    world.run().await.unwrap();
    world.put(&format!("{VERDICT}/planted"), "2026-11-01T12:00:00Z", b"x");
    world.set("2026-11-04T02:00:00Z");
    world.run().await.unwrap();
    let faults = world.faults("2026-11-01", "2026-11-03");
    assert_eq!(
        faults.iter().map(Fault::name).collect::<Vec<_>>(),
        ["Extra"]
    );
}

#[tokio::test]
async fn days_without_a_run_are_made_up_for_in_order_and_told() {
    let world = first_day();
    world.run().await.unwrap();
    world.put(&format!("{VERDICT}/e"), "2026-11-04T12:00:00Z", b"e");
    world.set("2026-11-06T02:00:00Z");
    world.0.pages.store(0, Ordering::SeqCst);
    let report = world.run().await.unwrap();
    // Of five objects, two on a page: the lake is listed once, however many days there are.
    assert_eq!(world.0.pages.load(Ordering::SeqCst), 3);
    let days: Vec<_> = report
        .sealed
        .iter()
        .map(|one| (one.day.to_string(), one.objects))
        .collect();
    let expected = [
        ("2026-11-02", 1),
        ("2026-11-03", 0),
        ("2026-11-04", 1),
        ("2026-11-05", 0),
    ];
    assert_eq!(
        days,
        expected.map(|(day, objects)| (day.to_owned(), objects))
    );
    assert_eq!(report.overdue, 3);
    assert_eq!(world.faults("2026-11-01", "2026-11-05"), []);
}

#[tokio::test]
async fn a_day_for_which_time_runs_out_is_left_whole_for_the_next_run() {
    let world = first_day();
    world.run().await.unwrap();
    for number in 0..7 {
        world.put(
            &format!("{VERDICT}/x{number}"),
            "2026-11-02T12:00:00Z",
            b"x",
        );
    }
    world.set("2026-11-03T02:00:00Z");
    world.0.page_takes.store(60, Ordering::SeqCst);
    let report = world.run_until("2026-11-03T02:02:00Z").await.unwrap();
    assert_eq!(report.left.unwrap().to_string(), "2026-11-02");
    assert!(report.sealed.is_empty());
    assert_eq!(world.file("digests/2026/11/02.json"), None);
    let report = world.run().await.unwrap();
    assert_eq!(report.sealed[0].objects, 8);
}

/// Whatever call fails, and whenever: nothing is half done, and the next run does the rest.
#[tokio::test]
async fn any_failing_call_is_told_and_made_up_for() {
    let operations = [
        "s3:ListObjectVersions",
        "s3:GetObject",
        "s3:GetObject of a digest",
        "kms:Sign",
        "kms:Verify",
        "s3:PutObject",
    ];
    for operation in operations {
        let mut failed = 0;
        for after in 0..20 {
            let world = first_day();
            world.run().await.unwrap();
            world.put(&format!("{VERDICT}/e"), "2026-11-03T12:00:00Z", b"e");
            world.set("2026-11-04T02:00:00Z");
            world.fail(operation, after);
            if let Err(error) = world.run().await {
                failed += 1;
                let words = error.to_string();
                assert!(
                    words.starts_with(operation) && words.ends_with("SlowDown"),
                    "{words}"
                );
            }
            *world.0.fails.lock().unwrap() = None;
            world.run().await.unwrap();
            assert_eq!(
                world.faults("2026-11-01", "2026-11-03"),
                [],
                "{operation} after {after}"
            );
        }
        assert!(failed >= 2, "{operation} failed {failed} times");
    }
}

#[tokio::test]
async fn of_two_runs_at_once_one_writes_and_both_go_on() {
    let world = first_day();
    let other = first_day();
    other.set("2026-11-02T02:00:05Z");
    other.run().await.unwrap();
    *world.0.race.lock().unwrap() = other.file("digests/2026/11/01.json");
    let report = world.run().await.unwrap();
    assert!(report.sealed.is_empty());
    world.set("2026-11-03T02:00:00Z");
    world.run().await.unwrap();
    assert_eq!(world.faults("2026-11-01", "2026-11-02"), []);
}

#[tokio::test]
async fn a_last_digest_that_is_not_ours_is_not_followed() {
    let refused = async |change: fn(Vec<u8>) -> Vec<u8>| {
        let world = first_day();
        world.run().await.unwrap();
        let key = "digests/2026/11/01.json";
        let file = change(world.file(key).unwrap());
        world.put(key, "2026-11-02T03:00:00Z", &file);
        world.set("2026-11-03T02:00:00Z");
        let error = world.run().await.unwrap_err().to_string();
        assert!(error.starts_with(key), "{error}");
        assert_eq!(world.file("digests/2026/11/02.json"), None);
        error
    };
    let error = refused(|file| {
        String::from_utf8(file)
            .unwrap()
            .replacen("\"size\":1", "\"size\":2", 1)
            .into_bytes()
    });
    assert!(error.await.contains("its signature is not that of the key"));
    let error = refused(|file| {
        String::from_utf8(file)
            .unwrap()
            .replacen("key/1", "key/2", 1)
            .into_bytes()
    });
    assert!(
        error
            .await
            .contains("it is signed by arn:aws:kms:us-east-1:111122223333:key/2")
    );
    let error = refused(|file| {
        String::from_utf8(file)
            .unwrap()
            .replacen("2026-11-01", "2026-11-03", 1)
            .into_bytes()
    });
    assert!(error.await.contains("it is the digest of 2026-11-03"));
    assert!(refused(|_| b"{}".to_vec()).await.contains("missing field"));
}

#[tokio::test]
async fn a_digest_of_a_day_that_is_not_over_is_nobody_s_last() {
    let world = first_day();
    world.run().await.unwrap();
    world.put(
        "digests/2026/11/09.json",
        "2026-11-02T03:00:00Z",
        b"planted",
    );
    world.put("digests/readme", "2026-11-02T03:00:00Z", b"planted");
    world.set("2026-11-03T02:00:00Z");
    let report = world.run().await.unwrap();
    assert_eq!(report.sealed[0].day.to_string(), "2026-11-02");
}

#[tokio::test]
async fn an_object_that_goes_away_meanwhile_is_told() {
    let world = first_day();
    *world.0.vanishes.lock().unwrap() = Some(format!("{VERDICT}/b"));
    let error = world.run().await.unwrap_err().to_string();
    assert!(
        error.starts_with(VERDICT) && error.contains("went away while 2026-11-01 was being sealed"),
        "{error}"
    );
    assert_eq!(world.file("digests/2026/11/01.json"), None);
}

#[tokio::test]
async fn what_could_not_be_delivered_is_counted() {
    let world = first_day();
    world.put(
        "errors/format-conversion-failed/x",
        "2026-11-01T05:00:00Z",
        b"x",
    );
    world.put("errors/processing-failed/y", "2026-11-01T06:00:00Z", b"y");
    world.put("errors/processing-failed/z", "2026-11-02T06:00:00Z", b"z");
    assert_eq!(world.run().await.unwrap().sealed[0].undelivered, 2);
}

#[tokio::test]
async fn a_report_is_signed_with_the_head_of_the_chain() {
    let world = first_day();
    let sealer = Sealer::new(lake(), world.clone(), world.clone(), world.clone());
    let report = Hash::of(b"report");
    let before = SignedStatement::read(&sealer.state(report).await.unwrap()).unwrap();
    assert_eq!(before.statement.head, None);
    world.run().await.unwrap();
    let file = sealer.state(report).await.unwrap();
    let read = SignedStatement::read(&file).unwrap();
    assert_eq!(
        read.signature.bytes().unwrap(),
        signed(Hash::of(&read.signed))
    );
    let head = read.statement.head.unwrap();
    assert_eq!(head.key, "digests/2026/11/01.json");
    assert_eq!(head.sha256, Hash::of(&world.file(&head.key).unwrap()));
    assert_eq!(
        (read.statement.sha256, read.statement.lake),
        (report, lake())
    );
    assert_eq!(read.statement.at, time("2026-11-02T02:00:00Z"));
}
