//! The sweep: every version in a bucket, page by page, until the time is nearly up.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::error::HandlerError;
use super::invocation::Invocation;
use super::surroundings::Surroundings;
use super::telling::{Request, Telling};
use crate::findings::Publish;
use crate::ingest::{PUBLISH_COMPLIANT, REPAIR, SweepRequest};
use crate::judging::Fate;
use crate::ports::{AllPorts, ListedVersion, Listing, Marker};
use crate::subject::Subject;

const OUT_OF_TIME: &str = "the function's time is nearly up";

/// How far a sweep came.
#[derive(Debug, Default)]
struct Progress {
    /// Where the next page starts.
    at: Marker,
    pages: usize,
    checked: usize,
    verdicts: BTreeMap<&'static str, u64>,
    repaired: u64,
    /// Why it did not come to its end.
    stopped: Option<String>,
}

/// Sweeps for somebody who waits for the answer: how many verdicts of each kind were given and, where it
/// did not come to the end, in `Next` what to send in another request and in `Stopped` why.
///
/// # Errors
/// Where not even the first page was done: the same request again would stop at the same place.
pub(super) async fn answer<A: AllPorts, S: Surroundings>(
    telling: &Telling<A, S>,
    request: &SweepRequest,
    invocation: &Invocation,
) -> Result<Value, HandlerError> {
    let progress = run(telling, request, invocation).await?;
    let mut answer = json!({
        "Action": "Sweep", "Bucket": request.bucket, "Prefix": request.prefix,
        "Complete": progress.stopped.is_none(), "Checked": progress.checked, "Verdicts": progress.verdicts,
        "Repaired": progress.repaired,
    });
    let Some(why) = progress.stopped else {
        return Ok(answer);
    };
    if progress.pages == 0 {
        return Err(HandlerError::Sweep(why));
    }
    if let Some(answer) = answer.as_object_mut() {
        answer.insert("Stopped".to_owned(), why.into());
        answer.insert("Next".to_owned(), next(request, &progress.at));
    }
    Ok(answer)
}

/// The request that goes on from there.
fn next(request: &SweepRequest, at: &Marker) -> Value {
    let mut next = json!({
        "Action": "Sweep", "Bucket": request.bucket, "Prefix": request.prefix,
        "KeyMarker": at.key, "VersionIdMarker": at.version_id,
    });
    if let Some(next) = next.as_object_mut() {
        if let Some(since) = request.since {
            next.insert("Since".to_owned(), since.to_string().into());
        }
        if request.publish == Publish::FindingsAndCompliant {
            next.insert(PUBLISH_COMPLIANT.to_owned(), "true".into());
        }
        if request.only_looks {
            next.insert(REPAIR.to_owned(), "false".into());
        }
    }
    next
}

/// Sweeps for a message: to the end, or it has to come back; then why.
pub(super) async fn whole<A: AllPorts, S: Surroundings>(
    telling: &Telling<A, S>,
    request: &SweepRequest,
    invocation: &Invocation,
) -> Result<Result<(), String>, HandlerError> {
    let progress = run(telling, request, invocation).await?;
    Ok(match progress.stopped {
        None => Ok(()),
        Some(why) => Err(format!(
            "{} versions of bucket {} were looked at, then {why}; where it stays so, send the function the sweep",
            progress.checked, request.bucket,
        )),
    })
}

/// Pages through the bucket's versions until the end or the time is up. A page counts once all of it is
/// judged: one that was not is begun again.
async fn run<A: AllPorts, S: Surroundings>(
    telling: &Telling<A, S>,
    request: &SweepRequest,
    invocation: &Invocation,
) -> Result<Progress, HandlerError> {
    let mut progress = Progress {
        at: Marker {
            key: request.key_marker.clone(),
            version_id: request.version_id_marker.clone(),
        },
        ..Progress::default()
    };
    loop {
        match page(telling, request, invocation, &mut progress).await? {
            Ok(Some(next)) => progress.at = next,
            Ok(None) => return Ok(progress),
            Err(why) => {
                progress.stopped = Some(why);
                return Ok(progress);
            }
        }
    }
}

/// One page, judged and told, and where the next one starts; or why it is to be begun again.
async fn page<A: AllPorts, S: Surroundings>(
    telling: &Telling<A, S>,
    request: &SweepRequest,
    invocation: &Invocation,
    progress: &mut Progress,
) -> Result<Result<Option<Marker>, String>, HandlerError> {
    let stop = invocation.stop();
    if Instant::now() >= stop {
        return Ok(Err(OUT_OF_TIME.to_owned()));
    }
    let owner = invocation.home.as_ref().map(|home| home.account.as_str());
    let aws = telling.checker.aws();
    let list = aws.list(Listing {
        bucket: &request.bucket,
        prefix: &request.prefix,
        after: &progress.at,
        owner,
    });
    let page = match timeout_at(stop, list).await {
        Ok(Ok(page)) => page,
        Ok(Err(error)) => return Ok(Err(error.to_string())),
        Err(_) => return Ok(Err(OUT_OF_TIME.to_owned())),
    };
    let wanted = |listed: &ListedVersion| match (request.since, listed.last_modified) {
        (Some(since), Some(written)) => written >= since,
        _ => true,
    };
    let versions = page.versions.into_iter().filter(wanted);
    let subjects: Vec<_> = versions
        .map(|listed| Subject::Arrival(listed.version))
        .collect();
    let told = telling.judge(
        Request {
            subjects: subjects.iter().collect(),
            publish: request.publish,
            only_looks: request.only_looks,
            ..Request::default()
        },
        invocation,
    );
    let judged = told.await?.judged;
    for fate in &judged.fates {
        match fate {
            Fate::Judged(_) => {}
            Fate::Failed(error) => return Ok(Err(error.to_string())),
            Fate::OutOfTime => return Ok(Err(OUT_OF_TIME.to_owned())),
        }
    }
    progress.pages += 1;
    progress.checked += subjects.len();
    for verdict in &judged.verdicts {
        let kind = verdict.judgement.kind.as_str();
        *progress.verdicts.entry(kind).or_default() += 1;
        progress.repaired += u64::from(verdict.repaired);
    }
    Ok(Ok(page.next))
}
