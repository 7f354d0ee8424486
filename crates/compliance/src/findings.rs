//! Findings as events on an EventBridge bus: which verdicts become one, and what it tells.

use aws_names::Home;
use event_bus::{Event, Unsent};
use tokio::time::Instant;

use crate::ports::{AskError, PublishFindings};
use crate::verdict::Verdict;

/// `detail-type` of a version that is not as it should be.
pub const FINDING: &str = "Replica Finding";
/// `detail-type` of a version that is as it should be again.
pub const RESOLVED: &str = "Replica Finding Resolved";

/// Which verdicts of an invocation become events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Publish {
    /// Findings, and what was repaired: an event for each good replica would cost as much as all the rest.
    #[default]
    Findings,
    /// `Compliant` ones too, as the sender asked, so that findings that are mended get resolved.
    FindingsAndCompliant,
}

impl Publish {
    /// The `detail-type` that a verdict is published under; `None` where it is not published.
    #[must_use]
    pub fn detail_type(self, verdict: &Verdict) -> Option<&'static str> {
        match verdict.judgement.kind.compliant() {
            _ if verdict.is_told_by_proof() => None,
            Some(false) => Some(FINDING),
            // What was repaired may have been a finding, where the repair failed at first.
            Some(true) if verdict.repaired || self == Self::FindingsAndCompliant => Some(RESOLVED),
            Some(true) | None => None,
        }
    }
}

/// The event that tells `verdict`, whose line is `detail`, as [`FINDING`] or [`RESOLVED`]; with the ARNs of
/// the object and of its bucket where the partition is known.
#[must_use]
pub fn event(
    detail_type: &'static str,
    verdict: &Verdict,
    detail: String,
    home: Option<&Home>,
) -> Event {
    let resources = home.map_or_else(Vec::new, |home| {
        let bucket = home.bucket_arn(&verdict.version.bucket);
        vec![format!("{bucket}/{}", verdict.version.key), bucket]
    });
    Event {
        detail_type,
        detail,
        resources,
    }
}

/// Sends `events` to `bus` until `stop`: one result for each, in their order. One that arrives twice
/// bears the same `id` in its detail.
pub async fn publish<A: PublishFindings>(
    aws: &A,
    bus: &str,
    events: &[Event],
    stop: Instant,
) -> Vec<Result<(), AskError>> {
    let put = |batch: Vec<_>| async move { aws.put(bus, &batch).await };
    let results = event_bus::send(events, stop, put).await;
    let told = |unsent| match unsent {
        Unsent::Failed(error) => error,
        other => unsent_to(bus, &other.to_string()),
    };
    let results = results.into_iter();
    results.map(|result| result.map_err(told)).collect()
}

fn unsent_to(bus: &str, answer: &str) -> AskError {
    let denied = answer.starts_with("AccessDenied") || answer.starts_with("NotAuthorized");
    AskError {
        operation: "events:PutEvents",
        resource: format!("event bus {bus}"),
        answer: answer.to_owned(),
        remedy: if denied {
            "allow the checker's role events:PutEvents".to_owned()
        } else {
            String::new()
        },
    }
}
