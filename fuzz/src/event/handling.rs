//! The whole invocation, with an AWS that answers by the object's key: every message, task and record is
//! told or comes back, and nothing of it is both or neither.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_names::Home;
use compliance::checker::Checker;
use compliance::handler::{Handler, Invocation, Surroundings};
use compliance::ingest::{Content, IngestError, Payload, QueueMessage};
use compliance::subject::Subject;
use serde_json::Value;
use tokio::time::Instant;

use super::aws::{Aws, answers};

/// Handles the payload, which ingest has `read`.
///
/// # Panics
/// Where a message is neither told nor returned, or is returned though all of it was told; where a task
/// has no result; where a line is no verdict and no metric.
pub(super) fn handled(payload: &Value, read: &Result<Payload, IngestError>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let paper = Paper::default();
    let checker = Checker::new(Aws, Vec::new(), Duration::from_mins(5));
    let handler = Handler::new(checker, paper.clone(), 8).publishing(Some("default".to_owned()));
    let answer = runtime.block_on(async { handler.handle(payload, &invocation()).await });
    let told = paper.told();
    match (read, answer) {
        (Ok(Payload::Queue(messages)), Ok(answer)) => queue(messages, &answer, &told),
        (Ok(Payload::BatchOperations(job)), Ok(answer)) => {
            let results = answer.get("results").and_then(Value::as_array);
            let ids = results
                .into_iter()
                .flatten()
                .map(|result| result.get("taskId"));
            let ids: Vec<_> = ids.map(|id| id.and_then(Value::as_str)).collect();
            let given: Vec<_> = job
                .tasks
                .iter()
                .map(|task| Some(task.id.as_str()))
                .collect();
            assert_eq!(ids, given, "{answer}");
        }
        (Ok(Payload::Direct(read)), Ok(_)) => {
            assert!(read.faults.is_empty());
            assert!(read.subjects.iter().all(|subject| is_told(subject, &told)));
        }
        (Ok(Payload::Direct(read)), Err(_)) => {
            let mut subjects = read.subjects.iter();
            assert!(!read.faults.is_empty() || subjects.any(|subject| !answers(subject.version())));
        }
        (Ok(Payload::Sweep(_)), _) => {}
        (Err(_), answer) => assert!(answer.is_err() && told.is_empty(), "{answer:?}"),
        (Ok(read), Err(error)) => panic!("{error}: {read:?}"),
    }
}

fn queue(messages: &[QueueMessage], answer: &Value, told: &BTreeSet<Identity>) {
    let failures = answer.get("batchItemFailures").and_then(Value::as_array);
    let returned: BTreeSet<&str> = failures
        .expect("a list")
        .iter()
        .map(|failure| failure.get("itemIdentifier").and_then(Value::as_str))
        .map(|id| id.expect("an id"))
        .collect();
    // The same id twice can only be returned as one.
    for message in messages {
        let is_done = match &message.content {
            Content::Event(read) => {
                read.faults.is_empty() && read.subjects.iter().all(|subject| is_told(subject, told))
            }
            // Of a bucket without versions, which is come to its end at once.
            Content::Sweep(_) => true,
        };
        let twins = messages.iter().filter(|other| is_twin(message, other));
        let is_returned = returned.contains(message.id.as_str());
        assert!(is_done || is_returned, "lost: {message:?} in {answer}");
        if is_done && twins.count() == 1 {
            assert!(!is_returned, "told and returned: {message:?} in {answer}");
        }
    }
}

/// Whether what is said of one may be of the other: by the same id, or by a version that both are about. One
/// of them may be at its last try, and the version told there.
fn is_twin(message: &QueueMessage, other: &QueueMessage) -> bool {
    let subjects = |message: &QueueMessage| match &message.content {
        Content::Event(read) => read.subjects.iter().map(identity).collect(),
        Content::Sweep(_) => BTreeSet::new(),
    };
    other.id == message.id || !subjects(message).is_disjoint(&subjects(other))
}

/// Bucket, key and version id, as a verdict line has them, and whether it is S3's own word.
type Identity = (String, String, Option<String>, bool);

fn is_told(subject: &Subject, told: &BTreeSet<Identity>) -> bool {
    told.contains(&identity(subject))
}

fn identity(subject: &Subject) -> Identity {
    let (bucket, key, version_id) = subject.version().identity();
    (
        bucket.to_owned(),
        key.to_owned(),
        version_id.map(str::to_owned),
        matches!(subject, Subject::Replication(_)),
    )
}

fn invocation() -> Invocation {
    let home = Home::of_function("arn:aws:lambda:us-west-2:111122223333:function:check-replica");
    Invocation {
        deadline: Instant::now() + Duration::from_mins(1),
        home,
    }
}

/// What was written.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<String>>);

impl Paper {
    /// The versions that have a verdict line.
    fn told(&self) -> BTreeSet<Identity> {
        let text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(text.is_empty() || text.ends_with('\n'), "{text}");
        let lines = text.lines().map(|line| {
            serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"))
        });
        let verdicts = lines.filter(|line| line.get("_aws").is_none());
        let told = verdicts.map(|line| {
            let text = |name: &str| line.get(name).and_then(Value::as_str).map(str::to_owned);
            for name in ["schema", "id", "verdict", "reason"] {
                assert!(text(name).is_some_and(|text| !text.is_empty()), "{line}");
            }
            let named = (text("bucket"), text("key"));
            let (bucket, key) = (named.0.expect("a bucket"), named.1.expect("a key"));
            (
                bucket,
                key,
                text("versionId"),
                line.get("replication").is_some(),
            )
        });
        told.collect()
    }
}

impl Surroundings for Paper {
    fn write_lines(&self, lines: &str) -> io::Result<()> {
        let mut text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        text.push_str(lines);
        Ok(())
    }

    fn now_ms(&self) -> i64 {
        1_772_442_900_250
    }
}
