//! Subjects in; verdict lines, metrics and events out.

use std::io;
use std::ops::Range;

use tokio::time::Instant;

use super::error::HandlerError;
use super::invocation::Invocation;
use super::surroundings::Surroundings;
use crate::checker::{Checker, Trip};
use crate::findings::{self, Publish};
use crate::judging::{self, Fate, Judged, Limits};
use crate::metrics::Metrics;
use crate::ports::{AllPorts, AskError};
use crate::report::{self, Stamp};
use crate::subject::Subject;

/// Bytes of a verdict's line, as it mostly is.
const USUAL_LINE: usize = 768;

/// Judges and tells.
#[derive(Debug)]
pub(super) struct Telling<A, S> {
    pub(super) checker: Checker<A>,
    pub(super) surroundings: S,
    pub(super) max_concurrency: usize,
    pub(super) findings_event_bus: Option<String>,
}

/// What is to be judged, and how.
#[derive(Debug, Default)]
pub(super) struct Request<'a> {
    pub(super) subjects: Vec<&'a Subject>,
    /// Of each, whether it can come back where its verdict may pass; none where none can.
    pub(super) patient: Vec<bool>,
    /// Which verdicts become events.
    pub(super) publish: Publish,
    /// Whether only to look, although the checker repairs.
    pub(super) only_looks: bool,
}

/// What was judged, and what was told.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) judged: Judged,
    text: String,
    /// Where in it the line of each verdict stands; nowhere where it was not told.
    lines: Vec<Range<usize>>,
}

impl Told {
    /// Bytes of all lines.
    pub(super) const fn length(&self) -> usize {
        self.text.len()
    }

    /// The verdict line at a place.
    pub(super) fn line(&self, place: usize) -> &str {
        let line = self.lines.get(place).cloned().unwrap_or_default();
        self.text.get(line).unwrap_or_default()
    }
}

impl<A: AllPorts, S: Surroundings> Telling<A, S> {
    /// Judges the subjects, writes what there is to tell, and publishes what is to be published.
    pub(super) async fn judge(
        &self,
        request: Request<'_>,
        invocation: &Invocation,
    ) -> Result<Told, HandlerError> {
        let trip = Trip {
            only_looks: request.only_looks,
            ..Trip::from(invocation.home.as_ref())
        };
        let limits = Limits {
            max_concurrency: self.max_concurrency,
            stop: invocation.stop_judging(self.findings_event_bus.is_some()),
        };
        let judged = judging::judge(&self.checker, &request.subjects, trip, limits);
        let mut judged = judged.await;
        judged.give_back(request.patient.into_iter());
        let mut told = self.tell(judged, invocation)?;
        self.publish(&mut told, request.publish, invocation).await;
        Ok(told)
    }

    fn tell(&self, judged: Judged, invocation: &Invocation) -> Result<Told, HandlerError> {
        let verdicts = judged.verdicts.len();
        let mut lines = Vec::new();
        lines.resize(verdicts, 0..0);
        let now = self.surroundings.now_ms();
        let stamp = Stamp::new(now, invocation.home.as_ref());
        let mut metrics = Metrics::default();
        // One text for all of them, which grows no more than once or twice.
        let mut text = Vec::with_capacity(verdicts * USUAL_LINE);
        for (place, verdict) in judged.told() {
            metrics.count(verdict, now);
            let begin = text.len();
            report::write(verdict, &stamp, &mut text)?;
            if let Some(slot) = lines.get_mut(place) {
                *slot = begin..text.len();
            }
            text.push(b'\n');
        }
        for line in metrics.lines(now) {
            text.extend_from_slice(line.as_bytes());
            text.push(b'\n');
        }
        let text = String::from_utf8(text).map_err(io::Error::other)?;
        if !text.is_empty() {
            self.surroundings.write_lines(&text)?;
        }
        Ok(Told {
            judged,
            text,
            lines,
        })
    }

    /// Publishes what is to be published. A subject whose event could not be sent is marked
    /// [`Fate::Failed`]: what could not be sent is no more done than what could not be judged.
    async fn publish(&self, told: &mut Told, publish: Publish, invocation: &Invocation) {
        let Some(bus) = &self.findings_event_bus else {
            return;
        };
        let (mut places, mut events) = (Vec::new(), Vec::new());
        for (place, verdict) in told.judged.told() {
            if let Some(detail_type) = publish.detail_type(verdict) {
                let line = told.line(place).to_owned();
                places.push(place);
                events.push(findings::event(
                    detail_type,
                    verdict,
                    line,
                    invocation.home.as_ref(),
                ));
            }
        }
        let stop: Instant = invocation.stop();
        let results = findings::publish(self.checker.aws(), bus, &events, stop).await;
        let mut unsent: Vec<Option<AskError>> = vec![None; told.judged.verdicts.len()];
        for (place, result) in places.into_iter().zip(results) {
            if let (Some(slot), Err(error)) = (unsent.get_mut(place), result) {
                *slot = Some(error);
            }
        }
        for fate in &mut told.judged.fates {
            if let Fate::Judged(place) = fate
                && let Some(Some(error)) = unsent.get(*place)
            {
                *fate = Fate::Failed(error.clone());
            }
        }
    }
}
