//! Many subjects at once: each version looked at once, a bounded number in flight, done in time.

use std::collections::HashMap;

use futures_util::StreamExt;
use futures_util::stream;
use tokio::time::{Instant, timeout_at};

use crate::checker::Checker;
use crate::key_arn::Home;
use crate::ports::{AskError, DescribeKey, FindExpectation, InspectObject, RepairObject};
use crate::subject::{ObjectVersion, Subject};
use crate::verdict::Verdict;

/// What became of one subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A verdict: its place in [`Judged::verdicts`].
    Judged(usize),
    /// AWS could not be asked, or not be told.
    Failed(AskError),
    /// Time ran out first.
    OutOfTime,
}

/// What became of a batch.
#[derive(Clone, Debug, Default)]
pub struct Judged {
    /// One verdict for each distinct finding's subject, in the order in which they came.
    pub verdicts: Vec<Verdict>,
    /// One outcome for each subject, in the subjects' order.
    pub outcomes: Vec<Outcome>,
}

/// Judges all subjects until `stop`, with at most `max_concurrency` at a time.
///
/// The same version twice is looked at once, and both subjects share the verdict. What is not done
/// at `stop` is dropped, requests in flight included, and marked [`Outcome::OutOfTime`].
pub async fn judge<A>(
    checker: &Checker<A>,
    subjects: &[&Subject],
    home: Option<&Home>,
    max_concurrency: usize,
    stop: Instant,
) -> Judged
where
    A: InspectObject + FindExpectation + DescribeKey + RepairObject,
{
    let (places, distinct) = distinct(subjects);
    let mut results: Vec<Option<Result<Verdict, AskError>>> = Vec::new();
    results.resize_with(distinct.len(), || None);
    {
        let checks = stream::iter(distinct.into_iter().enumerate())
            .map(|(place, subject)| async move { (place, checker.check(subject, home).await) })
            .buffer_unordered(max_concurrency);
        let mut checks = std::pin::pin!(checks);
        while let Ok(Some((place, result))) = timeout_at(stop, checks.next()).await {
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
    let outcomes: Vec<Outcome> = results
        .into_iter()
        .map(|result| match result {
            Some(Ok(verdict)) => {
                verdicts.push(verdict);
                Outcome::Judged(verdicts.len() - 1)
            }
            Some(Err(error)) => Outcome::Failed(error),
            None => Outcome::OutOfTime,
        })
        .collect();
    let outcome = |place: &usize| outcomes.get(*place).cloned().unwrap_or(Outcome::OutOfTime);
    Judged {
        verdicts,
        outcomes: places.iter().map(outcome).collect(),
    }
}
