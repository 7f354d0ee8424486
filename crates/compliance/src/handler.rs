//! One invocation: payload in, verdict lines and metrics out, answer back.

mod answer;
mod publish;
mod surroundings;
mod sweep;

use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tokio::time::Instant;

pub use self::surroundings::{StandardOutput, Surroundings};

use crate::batch::{self, Judged};
use crate::checker::Checker;
use crate::findings::Publish;
use crate::ingest::{self, IngestError, Payload, QueueMessage};
use crate::key_arn::Home;
use crate::metrics::Metrics;
use crate::ports::{
    AskError, DescribeKey, FindExpectation, InspectObject, ListVersions, PublishFindings,
    RepairObject,
};
use crate::report;
use crate::subject::Subject;
use crate::verdict::Verdict;

/// Time kept for writing lines and the answer.
const RESERVE: Duration = Duration::from_secs(1);

/// What Lambda says of an invocation.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// When Lambda ends the function.
    pub deadline: Instant,
    /// Where the function runs; `None` where its ARN could not be read.
    pub home: Option<Home>,
}

impl Invocation {
    /// An invocation that Lambda ends at `deadline_ms` milliseconds after 1970, of the function with
    /// this ARN.
    #[must_use]
    pub fn new(deadline_ms: u64, invoked_function_arn: &str) -> Self {
        let deadline = UNIX_EPOCH + Duration::from_millis(deadline_ms);
        let left = deadline
            .duration_since(SystemTime::now())
            .unwrap_or_default();
        let home = Home::of_function(invoked_function_arn);
        Self {
            deadline: Instant::now() + left,
            home,
        }
    }

    /// When to stop asking AWS: a second before the deadline, or a fifth of the time left where
    /// that is less.
    fn stop(&self) -> Instant {
        let left = self.deadline.saturating_duration_since(Instant::now());
        self.deadline
            .checked_sub(RESERVE.min(left / 5))
            .unwrap_or(self.deadline)
    }
}

/// Why an invocation as a whole failed: Lambda tries it again, then sends it to its failure
/// destination.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    /// The payload cannot be read.
    #[error("the invocation cannot be read: {0}")]
    Ingest(#[from] IngestError),
    /// An event sent straight to the function could not be judged whole, or its findings not sent.
    #[error("{failed} of {all} records are not done, the first because {first}")]
    NotDone {
        /// How many.
        failed: usize,
        /// Out of how many.
        all: usize,
        /// Why the first of them.
        first: String,
    },
    /// A sweep got nowhere.
    #[error("the sweep stopped at its first page: {0}")]
    Sweep(String),
    /// Standard output or the answer cannot be written.
    #[error("the verdicts cannot be written: {0}")]
    Write(#[from] io::Error),
    /// A verdict or an answer is no JSON.
    #[error("the verdicts cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl HandlerError {
    /// The error's kind, as Lambda reports it in `errorType`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Ingest(_) => "UnreadablePayload",
            Self::NotDone { .. } => "RecordsNotDone",
            Self::Sweep(_) => "SweepStopped",
            Self::Write(_) | Self::Json(_) => "VerdictsNotWritten",
        }
    }
}

/// Handles invocations.
///
/// # Guarantees
/// - Every record is judged and told, its finding sent where findings are published, or it is
///   returned for another try with a logged error; a record nobody can read fails its own message
///   only.
/// - All lines of an invocation are written before its answer is returned, so what the answer calls
///   done has been told.
/// - A record delivered twice gets the same verdict id twice.
#[derive(Debug)]
pub struct Handler<A, S> {
    checker: Checker<A>,
    surroundings: S,
    max_concurrency: usize,
    findings_event_bus: Option<String>,
}

impl<A, S> Handler<A, S>
where
    A: InspectObject
        + FindExpectation
        + DescribeKey
        + ListVersions
        + PublishFindings
        + RepairObject,
    S: Surroundings,
{
    /// A handler with at most `max_concurrency` HEADs in flight.
    pub fn new(checker: Checker<A>, surroundings: S, max_concurrency: usize) -> Self {
        Self {
            checker,
            surroundings,
            max_concurrency,
            findings_event_bus: None,
        }
    }

    /// Publishes findings on this bus, where there is one.
    #[must_use]
    pub fn publishing(mut self, findings_event_bus: Option<String>) -> Self {
        self.findings_event_bus = findings_event_bus;
        self
    }

    /// Handles one payload, and answers in the form that its sender expects.
    ///
    /// # Errors
    /// See [`HandlerError`]. For a queue only where not even the messages' ids can be read, or the
    /// lines cannot be written.
    pub async fn handle(
        &self,
        payload: &Value,
        invocation: &Invocation,
    ) -> Result<Value, HandlerError> {
        match ingest::read(payload)? {
            Payload::Queue(messages) => self.queue(&messages, invocation).await,
            Payload::Direct(subjects) => self.direct(&subjects, invocation).await,
            Payload::BatchOperations(job) => {
                let subjects: Vec<_> = job
                    .tasks
                    .iter()
                    .map(|task| task.version.clone().map(Subject::Arrival))
                    .collect();
                let judged = self
                    .judge(subjects.iter().flatten(), invocation, job.publish)
                    .await?;
                answer::batch_operations(&job, &judged)
            }
            Payload::Sweep(request) => self.sweep(&request, invocation).await,
        }
    }

    async fn queue(
        &self,
        messages: &[QueueMessage],
        invocation: &Invocation,
    ) -> Result<Value, HandlerError> {
        let subjects = messages
            .iter()
            .filter_map(|message| message.subjects.as_ref().ok());
        let judged = self
            .judge(subjects.flatten(), invocation, Publish::Findings)
            .await?;
        answer::queue(messages, &judged)
    }

    async fn direct(
        &self,
        subjects: &[Subject],
        invocation: &Invocation,
    ) -> Result<Value, HandlerError> {
        let judged = self.judge(subjects, invocation, Publish::Findings).await?;
        answer::direct(&judged)
    }

    /// Judges the subjects, writes what there is to tell, and publishes what is to be published.
    async fn judge(
        &self,
        subjects: impl IntoIterator<Item = &Subject>,
        invocation: &Invocation,
        publish: Publish,
    ) -> Result<Judged, HandlerError> {
        let subjects: Vec<&Subject> = subjects.into_iter().collect();
        let mut judged = batch::judge(
            &self.checker,
            &subjects,
            invocation.home.as_ref(),
            self.max_concurrency,
            self.stop_judging(invocation),
        )
        .await;
        self.tell(&judged.verdicts)?;
        self.publish(&mut judged, publish, invocation).await?;
        Ok(judged)
    }

    fn tell(&self, verdicts: &[Verdict]) -> Result<(), HandlerError> {
        if verdicts.is_empty() {
            return Ok(());
        }
        let now = self.surroundings.now_ms();
        let mut metrics = Metrics::default();
        let mut lines = String::new();
        for verdict in verdicts {
            metrics.count(verdict, now);
            lines.push_str(&report::line(verdict)?);
            lines.push('\n');
        }
        for line in metrics.lines(now) {
            lines.push_str(&line);
            lines.push('\n');
        }
        Ok(self.surroundings.write_lines(&lines)?)
    }
}

/// Logs why something goes back for another try.
fn log_retry(what: &str, id: &str, error: &AskError) {
    tracing::warn!(
        operation = error.operation,
        resource = error.resource,
        answer = error.answer,
        "{what} {id} goes back for another try: {error}",
    );
}
