//! A small AWS behind the ports, that counts what it is asked and fails when told to.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_names::{Home, KeyName};
use compliance::checker::Checker;
use compliance::handler::{Handler, Invocation, Surroundings};
use compliance::ports::{
    AskError, DefaultEncryption, DescribeKey, FindExpectation, InspectObject, Inspection,
    KeyAnswer, KeyDescription, ListVersions, Listing, Marker, Observed, PublishFindings,
    RegistryParameter, Repair, RepairObject, Target, VersionPage,
};
use compliance::subject::ObjectVersion;
use event_bus::{Event, Refusal};
use serde_json::{Value, json};
use tokio::time::Instant;

pub(crate) const KEY: &str = "arn:aws:kms:us-west-2:111122223333:key/22222222";
pub(crate) const OTHER: &str = "arn:aws:kms:us-west-2:111122223333:key/99999999";
/// 2026-03-02T09:15:00Z, the time of the sample events.
pub(crate) const EVENT_MS: i64 = 1_772_442_900_000;

pub(crate) fn ask_error() -> AskError {
    AskError {
        operation: "s3:HeadObject",
        resource: "bucket destination".to_owned(),
        answer: "status 503, SlowDown".to_owned(),
        remedy: String::new(),
    }
}

pub(crate) fn replica(key: &str) -> Observed {
    Observed {
        algorithm: Some("aws:kms".to_owned()),
        kms_key: Some(key.to_owned()),
        bucket_key_enabled: true,
        replication_status: Some("REPLICA".to_owned()),
        version_id: None,
        last_modified: None,
    }
}

type Describe = dyn Fn(&str) -> Option<Result<KeyAnswer, AskError>> + Send + Sync;
type Puts = dyn Fn(usize, &Event) -> Result<(), Refusal> + Send + Sync;
type Heads = dyn Fn(usize, &ObjectVersion) -> Result<Inspection, AskError> + Send + Sync;

/// Version id, key, Bucket Key and owner.
pub(crate) type Repaired = (Option<String>, String, bool, Option<String>);

pub(crate) struct Fake {
    /// The answer to the nth HEAD, from 0.
    pub(crate) head: Box<Heads>,
    pub(crate) head_takes: Duration,
    pub(crate) registry: Result<Vec<RegistryParameter>, AskError>,
    /// From the second time on that it is asked for; `None`: as the first time.
    pub(crate) registry_later: Option<Vec<RegistryParameter>>,
    pub(crate) default: Result<DefaultEncryption, AskError>,
    pub(crate) keys: HashMap<String, Result<KeyAnswer, AskError>>,
    /// What KMS says instead, where it is something.
    pub(crate) describe: Option<Box<Describe>>,
    pub(crate) pages: Vec<Result<VersionPage, AskError>>,
    pub(crate) repair: Box<dyn Fn() -> Result<Repair, AskError> + Send + Sync>,
    /// What was to be repaired.
    pub(crate) repairs: Mutex<Vec<Repaired>>,
    /// What becomes of the nth event, from 0, of all that are put.
    pub(crate) put: Box<Puts>,
    /// Whether the nth request, from 0, fails as a whole.
    pub(crate) put_request: Box<dyn Fn(usize) -> Result<(), AskError> + Send + Sync>,
    pub(crate) put_takes: Duration,
    /// The size of each request.
    pub(crate) puts: Mutex<Vec<usize>>,
    pub(crate) events_put: AtomicUsize,
    /// The events that were taken, with their bus.
    pub(crate) published: Mutex<Vec<(String, Event)>>,
    pub(crate) heads: AtomicUsize,
    pub(crate) in_flight: AtomicUsize,
    pub(crate) most_in_flight: AtomicUsize,
    pub(crate) registry_calls: AtomicUsize,
    pub(crate) default_calls: AtomicUsize,
    pub(crate) describe_calls: AtomicUsize,
    pub(crate) owners: Mutex<Vec<Option<String>>>,
    pub(crate) markers: Mutex<Vec<Marker>>,
}

impl Default for Fake {
    fn default() -> Self {
        let usable = KeyDescription {
            arn: KEY.to_owned(),
            state: "Enabled".to_owned(),
            aws_managed: false,
        };
        Self {
            head: Box::new(|_, _| Ok(Inspection::Object(replica(KEY)))),
            head_takes: Duration::from_millis(20),
            registry: Ok(vec![parameter("owner", "", KEY)]),
            registry_later: None,
            default: Ok(DefaultEncryption::Other),
            keys: HashMap::from([(KEY.to_owned(), Ok(KeyAnswer::Found(usable)))]),
            describe: None,
            pages: Vec::new(),
            repair: Box::new(|| Ok(Repair::Done)),
            repairs: Mutex::default(),
            put: Box::new(|_, _| Ok(())),
            put_request: Box::new(|_| Ok(())),
            put_takes: Duration::from_millis(10),
            puts: Mutex::default(),
            events_put: AtomicUsize::default(),
            published: Mutex::default(),
            heads: AtomicUsize::default(),
            in_flight: AtomicUsize::default(),
            most_in_flight: AtomicUsize::default(),
            registry_calls: AtomicUsize::default(),
            default_calls: AtomicUsize::default(),
            describe_calls: AtomicUsize::default(),
            owners: Mutex::default(),
            markers: Mutex::default(),
        }
    }
}

pub(crate) fn parameter(owner: &str, prefix: &str, key: &str) -> RegistryParameter {
    RegistryParameter {
        name: format!("/encrypted-replication/destination/{owner}"),
        value: json!({
            "schema": "encrypted-replication/expectation/1", "source": "arn:aws:s3:::source",
            "rules": [{"id": "r", "prefix": prefix, "kmsKeyArn": key}],
        })
        .to_string(),
    }
}

impl InspectObject for &'static Fake {
    async fn inspect(
        &self,
        version: &ObjectVersion,
        owner: Option<&str>,
    ) -> Result<Inspection, AskError> {
        let n = self.heads.fetch_add(1, Ordering::SeqCst);
        self.owners.lock().unwrap().push(owner.map(str::to_owned));
        let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_in_flight.fetch_max(now, Ordering::SeqCst);
        tokio::time::sleep(self.head_takes).await;
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
        (self.head)(n, version)
    }
}

impl FindExpectation for &'static Fake {
    async fn registry(&self, _: &str) -> Result<Vec<RegistryParameter>, AskError> {
        let n = self.registry_calls.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(5)).await;
        match &self.registry_later {
            Some(later) if n > 0 => Ok(later.clone()),
            _ => self.registry.clone(),
        }
    }

    async fn default_encryption(
        &self,
        _: &str,
        _: Option<&str>,
    ) -> Result<DefaultEncryption, AskError> {
        self.default_calls.fetch_add(1, Ordering::SeqCst);
        self.default.clone()
    }
}

impl DescribeKey for &'static Fake {
    async fn describe(&self, key: &str) -> Result<KeyAnswer, AskError> {
        self.describe_calls.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(5)).await;
        if let Some(answer) = self.describe.as_ref().and_then(|answer| answer(key)) {
            return answer;
        }
        self.keys
            .get(key)
            .cloned()
            .unwrap_or(Ok(KeyAnswer::NotFound))
    }
}

impl ListVersions for &'static Fake {
    async fn list(&self, listing: Listing<'_>) -> Result<VersionPage, AskError> {
        let mut markers = self.markers.lock().unwrap();
        markers.push(listing.after.clone());
        let page = self.pages.get(markers.len() - 1).cloned();
        page.unwrap_or_else(|| Ok(VersionPage::default()))
    }
}

impl RepairObject for &'static Fake {
    async fn repair(
        &self,
        version: &ObjectVersion,
        target: &Target,
        owner: Option<&str>,
    ) -> Result<Repair, AskError> {
        self.repairs.lock().unwrap().push((
            version.version_id.clone(),
            target.key.clone(),
            target.bucket_key,
            owner.map(str::to_owned),
        ));
        (self.repair)()
    }
}

impl PublishFindings for &'static Fake {
    async fn put(
        &self,
        bus: &str,
        events: &[&Event],
    ) -> Result<Vec<Result<(), Refusal>>, AskError> {
        let n = {
            let mut puts = self.puts.lock().unwrap();
            puts.push(events.len());
            puts.len() - 1
        };
        tokio::time::sleep(self.put_takes).await;
        (self.put_request)(n)?;
        let answer = |event: &&Event| {
            let n = self.events_put.fetch_add(1, Ordering::SeqCst);
            (self.put)(n, event)?;
            let taken = (bus.to_owned(), (*event).clone());
            self.published.lock().unwrap().push(taken);
            Ok(())
        };
        Ok(events.iter().map(answer).collect())
    }
}

#[derive(Default)]
pub(crate) struct Paper(pub(crate) std::sync::Arc<Mutex<String>>);

impl Surroundings for Paper {
    fn write_lines(&self, lines: &str) -> std::io::Result<()> {
        self.0.lock().unwrap().push_str(lines);
        Ok(())
    }

    fn now_ms(&self) -> i64 {
        EVENT_MS + 250
    }
}

/// A handler over `fake`, what it writes, and an invocation of 30 seconds.
pub(crate) struct Bench {
    pub(crate) handler: Handler<&'static Fake, Paper>,
    pub(crate) fake: &'static Fake,
    paper: std::sync::Arc<Mutex<String>>,
}

impl Bench {
    pub(crate) fn new(fake: Fake, allowed: &[&str], max_concurrency: usize) -> Self {
        Self::with(fake, allowed, max_concurrency, false)
    }

    /// With repair switched on.
    pub(crate) fn repairing(fake: Fake, allowed: &[&str]) -> Self {
        Self::with(fake, allowed, 8, true)
    }

    fn with(fake: Fake, allowed: &[&str], max_concurrency: usize, repairs: bool) -> Self {
        let fake: &'static Fake = Box::leak(Box::new(fake));
        let allowed = allowed
            .iter()
            .map(|key| KeyName::parse(key).unwrap())
            .collect();
        let checker = Checker::new(fake, allowed, Duration::from_mins(5)).repairing(repairs);
        Self::of(checker, fake, max_concurrency)
    }

    fn of(checker: Checker<&'static Fake>, fake: &'static Fake, max_concurrency: usize) -> Self {
        let paper = Paper::default();
        let written = paper.0.clone();
        Self {
            handler: Handler::new(checker, paper, max_concurrency),
            fake,
            paper: written,
        }
    }

    /// With a bucket's default encryption as an expectation.
    pub(crate) fn trusting(fake: Fake) -> Self {
        let fake: &'static Fake = Box::leak(Box::new(fake));
        let checker = Checker::new(fake, Vec::new(), Duration::from_mins(5))
            .trusting_bucket_default(true)
            .repairing(true);
        Self::of(checker, fake, 8)
    }

    /// With expectations that are remembered for this long.
    pub(crate) fn remembering(fake: Fake, time_to_live: Duration) -> Self {
        let fake: &'static Fake = Box::leak(Box::new(fake));
        Self::of(Checker::new(fake, Vec::new(), time_to_live), fake, 8)
    }

    /// Of a queue that lets a message be received this many times.
    pub(crate) fn patient(mut self, most_receives: u32) -> Self {
        self.handler = self.handler.patient(most_receives);
        self
    }

    /// With findings published on the default bus.
    pub(crate) fn publishing(mut self) -> Self {
        self.handler = self.handler.publishing(Some("default".to_owned()));
        self
    }

    /// The ids of the verdicts that were published so far, with their detail types.
    pub(crate) fn published(&self) -> Vec<(&'static str, String)> {
        let published = self.fake.published.lock().unwrap();
        let told = published.iter().map(|(_, event)| {
            let detail: Value = serde_json::from_str(&event.detail).unwrap();
            (event.detail_type, detail["id"].as_str().unwrap().to_owned())
        });
        told.collect()
    }

    pub(crate) async fn send(
        &self,
        payload: &Value,
    ) -> Result<Value, compliance::handler::HandlerError> {
        self.handler.handle(payload, &invocation(30)).await
    }

    /// The lines written so far: verdict lines and metric lines; then forgets them.
    pub(crate) fn lines(&self) -> (Vec<Value>, Vec<Value>) {
        let text = std::mem::take(&mut *self.paper.lock().unwrap());
        assert!(text.is_empty() || text.ends_with('\n'));
        text.lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .partition(|line| line.get("_aws").is_none())
    }
}

pub(crate) fn invocation(seconds: u64) -> Invocation {
    let home =
        Home::of_function("arn:aws:lambda:us-west-2:111122223333:function:check-replica").unwrap();
    Invocation {
        deadline: Instant::now() + Duration::from_secs(seconds),
        home: Some(home),
    }
}

pub(crate) fn sample(name: &str) -> Value {
    let path = format!("../../events/{name}.json");
    serde_json::from_str(&std::fs::read_to_string(&path).expect(&path)).unwrap()
}

/// A batch of `count` messages, each about a version of its own.
pub(crate) fn queue_batch(count: usize) -> Value {
    let records: Vec<_> = (0..count)
        .map(|n| {
            let mut event = sample("eventbridge-object-created");
            event["detail"]["object"]["key"] = json!(format!("Tax/document{n}"));
            json!({"messageId": format!("m{n}"), "eventSource": "aws:sqs", "body": event.to_string()})
        })
        .collect();
    json!({"Records": records})
}

pub(crate) fn failed_ids(answer: &Value) -> Vec<String> {
    let failures = answer["batchItemFailures"].as_array().unwrap();
    failures
        .iter()
        .map(|failure| failure["itemIdentifier"].as_str().unwrap().to_owned())
        .collect()
}
