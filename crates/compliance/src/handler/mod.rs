//! One invocation: payload in, verdict lines and metrics out, answer back.

mod answer;
mod error;
mod invocation;
mod surroundings;
mod sweep;
mod telling;

use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

pub use self::error::HandlerError;
pub use self::invocation::Invocation;
pub use self::surroundings::{StandardOutput, Surroundings};
use self::telling::{Request, Telling};
use crate::checker::Checker;
use crate::ingest::{self, BatchJob, Content, IngestError, Payload, QueueMessage, Reading};
use crate::ports::AllPorts;
use crate::subject::Subject;

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
    telling: Telling<A, S>,
    most_receives: u32,
}

impl<A: AllPorts, S: Surroundings> Handler<A, S> {
    /// A handler with at most `max_concurrency` HEADs in flight.
    pub fn new(checker: Checker<A>, surroundings: S, max_concurrency: usize) -> Self {
        Self {
            telling: Telling {
                checker,
                surroundings,
                max_concurrency,
                findings_event_bus: None,
            },
            most_receives: 1,
        }
    }

    /// Publishes findings on this bus, where there is one.
    #[must_use]
    pub fn publishing(mut self, findings_event_bus: Option<String>) -> Self {
        self.telling.findings_event_bus = findings_event_bus;
        self
    }

    /// Gives a message back whose replica S3 refuses to show, until it was received this many times: a
    /// permission that was just given is not known everywhere yet. Then the verdict is told.
    #[must_use]
    pub fn patient(mut self, most_receives: u32) -> Self {
        self.most_receives = most_receives;
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
        let answer = self.answer(ingest::read(payload), invocation).await?;
        Ok(serde_json::from_str(answer.get())?)
    }

    /// Answers what was read of a payload, in the text that Lambda gets.
    ///
    /// # Errors
    /// As [`Handler::handle`].
    pub async fn answer(
        &self,
        payload: Result<Payload, IngestError>,
        invocation: &Invocation,
    ) -> Result<Box<RawValue>, HandlerError> {
        match payload? {
            Payload::Queue(messages) => self.queue(&messages, invocation).await,
            Payload::Direct(reading) => self.direct(&reading, invocation).await,
            Payload::BatchOperations(job) => self.batch_operations(&job, invocation).await,
            Payload::Sweep(request) => {
                let answer = sweep::answer(&self.telling, &request, invocation).await?;
                Ok(to_raw_value(&answer)?)
            }
        }
    }

    async fn queue(
        &self,
        messages: &[QueueMessage],
        invocation: &Invocation,
    ) -> Result<Box<RawValue>, HandlerError> {
        let mut request = Request::default();
        for message in messages {
            if let Content::Event(reading) = &message.content {
                let patient = message
                    .receives
                    .is_some_and(|count| count < self.most_receives);
                request.subjects.extend(&reading.subjects);
                request.patient.resize(request.subjects.len(), patient);
            }
        }
        let told = self.telling.judge(request, invocation).await?;
        let mut sweeps = Vec::new();
        for message in messages {
            if let Content::Sweep(request) = &message.content {
                sweeps.push(sweep::whole(&self.telling, request, invocation).await?);
            }
        }
        answer::queue(messages, &told.judged, sweeps)
    }

    async fn direct(
        &self,
        reading: &Reading,
        invocation: &Invocation,
    ) -> Result<Box<RawValue>, HandlerError> {
        let request = Request {
            subjects: reading.subjects.iter().collect(),
            ..Request::default()
        };
        let told = self.telling.judge(request, invocation).await?;
        answer::direct(&told, &reading.faults)
    }

    async fn batch_operations(
        &self,
        job: &BatchJob,
        invocation: &Invocation,
    ) -> Result<Box<RawValue>, HandlerError> {
        let tasks = job.tasks.iter();
        let subjects: Vec<_> = tasks
            .filter_map(|task| task.version.as_ref().ok().cloned())
            .map(Subject::Arrival)
            .collect();
        let request = Request {
            subjects: subjects.iter().collect(),
            publish: job.publish,
            only_looks: job.only_looks,
            ..Request::default()
        };
        let told = self.telling.judge(request, invocation).await?;
        answer::batch_operations(job, &told)
    }
}
