//! The sweep: every version in a bucket, page by page, until the time is nearly up.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::{Handler, HandlerError, Invocation, Surroundings};
use crate::batch::Outcome;
use crate::findings::Publish;
use crate::ingest::{PUBLISH_COMPLIANT, SweepRequest};
use crate::ports::{
    DescribeKey, FindExpectation, InspectObject, ListVersions, Marker, PublishFindings,
    RepairObject, VersionPage,
};
use crate::subject::Subject;

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
    /// Pages through the bucket's versions. The answer says how many verdicts of each kind were
    /// given and, where it did not come to the end, in `Next` what to send in another request and in
    /// `Stopped` why. A page counts once all of it is judged: one that was not is begun again.
    pub(super) async fn sweep(
        &self,
        request: &SweepRequest,
        invocation: &Invocation,
    ) -> Result<Value, HandlerError> {
        let mut at = Marker {
            key: request.key_marker.clone(),
            version_id: request.version_id_marker.clone(),
        };
        let mut checked = 0_usize;
        let mut verdicts: BTreeMap<&'static str, u64> = BTreeMap::new();
        let mut pages = 0_usize;
        let stopped = loop {
            let page = match self
                .sweep_page(request, &at, invocation, &mut verdicts)
                .await?
            {
                Ok(page) => page,
                Err(why) => break Some(why),
            };
            checked += page.versions.len();
            pages += 1;
            match page.next {
                Some(next) => at = next,
                None => break None,
            }
        };
        match stopped {
            None => Ok(json!({
                "Action": "Sweep", "Bucket": request.bucket, "Prefix": request.prefix,
                "Complete": true, "Checked": checked, "Verdicts": verdicts,
            })),
            // Without a page of progress the same request again would stop at the same place.
            Some(why) if pages == 0 => Err(HandlerError::Sweep(why)),
            Some(why) => {
                let mut next = json!({
                    "Action": "Sweep", "Bucket": request.bucket, "Prefix": request.prefix,
                    "KeyMarker": at.key, "VersionIdMarker": at.version_id,
                });
                if let (Publish::FindingsAndCompliant, Some(next)) =
                    (request.publish, next.as_object_mut())
                {
                    next.insert(PUBLISH_COMPLIANT.to_owned(), "true".into());
                }
                Ok(json!({
                    "Action": "Sweep", "Bucket": request.bucket, "Prefix": request.prefix,
                    "Complete": false, "Checked": checked, "Verdicts": verdicts, "Stopped": why,
                    "Next": next,
                }))
            }
        }
    }

    /// One page, judged and told; or why it is to be begun again.
    async fn sweep_page(
        &self,
        request: &SweepRequest,
        at: &Marker,
        invocation: &Invocation,
        verdicts: &mut BTreeMap<&'static str, u64>,
    ) -> Result<Result<VersionPage, String>, HandlerError> {
        const OUT_OF_TIME: &str = "the function's time is nearly up";
        let stop = invocation.stop();
        if Instant::now() >= stop {
            return Ok(Err(OUT_OF_TIME.to_owned()));
        }
        let owner = invocation.home.as_ref().map(|home| home.account.as_str());
        let list = self
            .checker
            .aws()
            .list(&request.bucket, &request.prefix, at, owner);
        let page = match timeout_at(stop, list).await {
            Ok(Ok(page)) => page,
            Ok(Err(error)) => return Ok(Err(error.to_string())),
            Err(_) => return Ok(Err(OUT_OF_TIME.to_owned())),
        };
        let subjects: Vec<_> = page
            .versions
            .iter()
            .cloned()
            .map(Subject::Arrival)
            .collect();
        let judged = self.judge(&subjects, invocation, request.publish).await?;
        for outcome in &judged.outcomes {
            match outcome {
                Outcome::Judged(_) => {}
                Outcome::Failed(error) => return Ok(Err(error.to_string())),
                Outcome::OutOfTime => return Ok(Err(OUT_OF_TIME.to_owned())),
            }
        }
        for verdict in &judged.verdicts {
            *verdicts.entry(verdict.judgement.kind.as_str()).or_default() += 1;
        }
        Ok(Ok(page))
    }
}
