//! Many subjects at once: each version looked at once, a bounded number in flight, done in time.

use std::collections::HashMap;
use std::pin::pin;

use futures_util::StreamExt;
use futures_util::future::{Either, select};
use futures_util::stream;
use tokio::time::{Instant, sleep_until};

use crate::checker::{Checker, Trip};
use crate::ports::{AskError, CheckerPorts};
use crate::subject::{ObjectVersion, Subject};
use crate::verdict::{Kind, Verdict};

/// What became of one subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// A verdict: its place in [`Judged::verdicts`].
    Judged(usize),
    /// AWS could not be asked, or not be told; or what it answered may pass.
    Failed(AskError),
    /// Time ran out first.
    OutOfTime,
}

/// What became of a batch.
#[derive(Clone, Debug, Default)]
pub struct Judged {
    /// One verdict for each distinct finding's subject, in the order in which they came.
    pub verdicts: Vec<Verdict>,
    /// One fate for each subject, in the subjects' order.
    pub fates: Vec<Fate>,
}

impl Judged {
    /// Gives back each subject that is `patient` and whose verdict may pass by itself: what S3 refuses or KMS
    /// does not know now may be otherwise when the message comes back. What no subject stands for any more is not to be told.
    pub fn give_back(&mut self, patient: impl Iterator<Item = bool>) {
        if !self.verdicts.iter().any(may_pass) {
            return;
        }
        for (fate, patient) in self.fates.iter_mut().zip(patient) {
            if let Fate::Judged(place) = fate
                && patient
                && let Some(verdict) = self.verdicts.get(*place).filter(|one| may_pass(one))
            {
                *fate = Fate::Failed(AskError {
                    operation: verdict.judgement.detail.operation(),
                    resource: format!(
                        "bucket {} key {}",
                        verdict.version.bucket, verdict.version.key
                    ),
                    answer: verdict.judgement.reason.clone().into_owned(),
                    remedy: verdict
                        .judgement
                        .remedy
                        .clone()
                        .unwrap_or_default()
                        .into_owned(),
                });
            }
        }
    }

    /// The verdicts that at least one subject stands for, with their places.
    pub fn told(&self) -> impl Iterator<Item = (usize, &Verdict)> {
        let mut stands = vec![false; self.verdicts.len()];
        for fate in &self.fates {
            if let Fate::Judged(place) = fate
                && let Some(slot) = stands.get_mut(*place)
            {
                *slot = true;
            }
        }
        let verdicts = self.verdicts.iter().enumerate().zip(stands);
        verdicts.filter_map(|(verdict, stands)| stands.then_some(verdict))
    }
}

fn may_pass(verdict: &Verdict) -> bool {
    // A probe is gone when its message comes back, and then nobody would ever be told.
    let waits = !(verdict.is_on_probe() && verdict.judgement.kind == Kind::Uninspectable);
    waits && verdict.judgement.detail.may_pass()
}

/// How many at once, and until when.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// HEADs in flight.
    pub max_concurrency: usize,
    /// When to stop.
    pub stop: Instant,
}

/// Judges all subjects until `stop`, with at most `max_concurrency` at a time.
///
/// The same version twice is looked at once, and both subjects share the verdict. What is not done
/// at `stop` is dropped, requests in flight included, and marked [`Fate::OutOfTime`].
pub async fn judge<A: CheckerPorts>(
    checker: &Checker<A>,
    subjects: &[&Subject],
    trip: Trip<'_>,
    limits: Limits,
) -> Judged {
    let (places, distinct) = distinct(subjects);
    let mut results: Vec<Option<Result<Verdict, AskError>>> = Vec::new();
    results.resize_with(distinct.len(), || None);
    {
        let checks = stream::iter(distinct.into_iter().enumerate())
            .map(|(place, subject)| async move { (place, checker.check(subject, trip).await) })
            .buffer_unordered(limits.max_concurrency);
        let mut checks = pin!(checks);
        // One timer for all of them.
        let mut stop = pin!(sleep_until(limits.stop));
        while let Either::Left((Some((place, result)), _)) =
            select(checks.next(), stop.as_mut()).await
        {
            if let Some(slot) = results.get_mut(place) {
                *slot = Some(result);
            }
        }
    }
    collect(&places, results)
}

/// Which of the distinct subjects each subject is, and the distinct ones.
fn distinct<'a>(subjects: &[&'a Subject]) -> (Vec<usize>, Vec<&'a Subject>) {
    let mut known: HashMap<(&str, &str, Option<&str>), usize> =
        HashMap::with_capacity(subjects.len());
    let mut distinct = Vec::with_capacity(subjects.len());
    let mut add = |subject: &'a Subject| {
        distinct.push(subject);
        distinct.len() - 1
    };
    let places = subjects
        .iter()
        .map(|&subject| match subject {
            Subject::Arrival(version) => *known
                .entry(ObjectVersion::identity(version))
                .or_insert_with(|| add(subject)),
            // No request to save: each event is told by itself, and its id tells it again.
            Subject::Replication(_) => add(subject),
        })
        .collect();
    (places, distinct)
}

fn collect(places: &[usize], results: Vec<Option<Result<Verdict, AskError>>>) -> Judged {
    let mut verdicts = Vec::with_capacity(results.len());
    let fates: Vec<Fate> = results
        .into_iter()
        .map(|result| match result {
            Some(Ok(verdict)) => {
                verdicts.push(verdict);
                Fate::Judged(verdicts.len() - 1)
            }
            Some(Err(error)) => Fate::Failed(error),
            None => Fate::OutOfTime,
        })
        .collect();
    let fate = |place: &usize| fates.get(*place).cloned().unwrap_or(Fate::OutOfTime);
    Judged {
        verdicts,
        fates: places.iter().map(fate).collect(),
    }
}
