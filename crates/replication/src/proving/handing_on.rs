//! A round goes on in another invocation: how far it has come stands in a parameter, and an event has the function
//! invoked once more.
//!
//! The event says nothing. Whoever may send events to the bus could write it, and what it said would become a payload of
//! the function, which can do more than prove.

use event_bus::Event;
use serde_json::json;

use super::turns::Round;
use super::{Answer, Proving};
use crate::owner::ROUNDS;
use crate::ports::{Aws, Below, Outcome};

/// The `detail-type` of the event; the template's rule goes by it.
pub const DETAIL_TYPE: &str = "Replication Proof Continues";
/// The schema of its `detail`.
const SCHEMA: &str = "encrypted-replication/proof-continues/1";
const DESCRIPTION: &str = "How far a round of proofs has come";

impl<A: Aws> Proving<'_, A> {
    /// The round that was handed on to this invocation.
    pub(super) async fn taken_up(&self) -> Outcome<Option<Round>> {
        let region = &self.teller.installation.home.region;
        let kept = self
            .teller
            .aws
            .parameters(region, ROUNDS, Below::All)
            .await?;
        let kept = kept.get(&self.name());
        Ok(kept.and_then(|text| Round::read(text)))
    }

    /// Keeps where the round goes on, for those that there was no time for; or tells that nobody will.
    pub(super) async fn hand_on(&self, answer: &mut Answer) {
        if answer.rest.is_empty() {
            return;
        }
        let region = &self.teller.installation.home.region;
        let (name, text) = (self.name(), answer.round.text());
        let aws = self.teller.aws;
        match aws.put_parameter(region, &name, &text, DESCRIPTION).await {
            Ok(()) => answer.continued = Some(answer.rest.len()),
            Err(error) => {
                tracing::warn!(%error, "nobody can go on with the proofs");
                answer.round.undetermined += answer.rest.len();
                answer.not_reached.append(&mut answer.rest);
                answer.not_reached.sort();
            }
        }
    }

    /// The round is over.
    pub(super) async fn forget(&self) {
        let region = &self.teller.installation.home.region;
        let gone = self.teller.aws.delete_parameter(region, &self.name()).await;
        if let Err(error) = gone {
            // Nobody reads it before another round has written it.
            tracing::warn!(%error, "what was kept of the round is still there");
        }
    }

    /// The event that has this function go on, and no other of the Region, which has resources of its own.
    pub(super) fn event(&self) -> Event {
        Event {
            detail_type: DETAIL_TYPE,
            detail: json!({"schema": SCHEMA}).to_string(),
            resources: vec![self.function().join(":")],
        }
    }

    /// Name of the parameter: each function's own.
    fn name(&self) -> String {
        format!(
            "{ROUNDS}/{}",
            self.function().last().copied().unwrap_or_default()
        )
    }

    /// arn:PARTITION:lambda:REGION:ACCOUNT:function:NAME, without the version that may be behind it.
    fn function(&self) -> Vec<&str> {
        self.teller.function_arn.split(':').take(7).collect()
    }
}
