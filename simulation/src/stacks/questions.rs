//! What a stack's author asks about it, and whether the answers are true.

use std::sync::PoisonError;
use std::time::Duration;

use custom_resource::{Context, CustomResource as _, Deadline};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Stack, owner_of};
use crate::cloudformation::{Answer, FUNCTION_SECONDS, resource};
use crate::story::{Handling, Question, Template};

impl Stack {
    /// Whether nobody but its author has ever done anything, AWS is well, and a Plan finds no fault.
    pub(super) async fn is_foreseen(&mut self, template: &Template, owner: &str) -> bool {
        let now = Instant::now();
        let alone = self.court.oracle().is_undisturbed(self.number);
        // What a role of somebody's may do is not planned.
        if !alone
            || template.role.is_some()
            || self.sky.faults > 0
            || self.past.killed
            || self.was_out(now)
        {
            return false;
        }
        let id = format!("encrypted-replication/{}/{owner}", template.source);
        let event = json!({
            "Action": "Plan", "ResourceProperties": template.properties(), "PhysicalResourceId": id,
        });
        let answer = self.asked(event).await;
        answer.is_some_and(|answer| answer["Faults"].as_array().is_some_and(Vec::is_empty))
    }

    /// What was planned, and nobody came between, is done.
    pub(super) fn is_as_planned(&self, planned: bool, handling: Handling, answer: &Answer) {
        let killed = matches!(handling, Handling::Killed(_));
        let out = *self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let mut oracle = self.court.oracle();
        // An outage that was, or one that is.
        let alone = oracle.is_undisturbed(self.number) && out <= self.began;
        if planned && alone && !killed {
            oracle.counts.one("plan-true");
            if !answer.ok() {
                let seen = format!(
                    "a Plan for stack {} has no fault, and then: {}",
                    self.number,
                    answer.reason()
                );
                oracle.breaks("plan-true", seen);
            }
        }
    }

    /// Asks the function itself.
    pub async fn asked(&mut self, event: Value) -> Option<Value> {
        let aws = self.aws();
        let deadline = Deadline::after(Duration::from_secs(FUNCTION_SECONDS));
        let asked = resource(aws);
        let asked = Box::pin(asked.invoke(event, Context::default(), deadline));
        asked.await.ok()
    }

    /// Asks about it.
    pub async fn asks(&mut self, question: Question) {
        let Some((id, template)) = self.stands.clone() else {
            return;
        };
        let owner = owner_of(&id).to_owned();
        let event = match question {
            Question::Plan => json!({
                "Action": "Plan", "ResourceProperties": template.properties(), "PhysicalResourceId": id,
            }),
            Question::Diagnose => json!({"Action": "Diagnose", "PhysicalResourceId": id}),
            Question::Drift => {
                json!({"Action": "DetectDrift", "PhysicalResourceId": id, "Report": false})
            }
        };
        let from = Instant::now();
        let Some(answer) = self.asked(event).await else {
            return;
        };
        if std::env::var_os("SIMULATE_TELL").is_some() {
            println!("    {question:?} of stack {}: {answer}", self.number);
        }
        self.weighs(question, (&owner, &template), (from, &answer))
            .await;
    }

    async fn weighs(
        &self,
        question: Question,
        (owner, template): (&str, &Template),
        (from, answer): (Instant, &Value),
    ) {
        let resource = self.resource(owner, template);
        match question {
            Question::Diagnose => {
                let skipped = answer["Checks"]
                    .as_array()
                    .is_some_and(|checks| checks.iter().any(|check| check["Result"] != "PASS"));
                if answer["Healthy"] == true && !skipped {
                    self.court.tries("healthy-true", resource, &[], from).await;
                }
            }
            Question::Drift => self.weighs_drift(answer, from),
            Question::Plan => {
                if let Some(before) = &self.in_order {
                    self.court
                        .weighs_look("plan", resource, before, (from, answer));
                }
            }
        }
    }

    /// What a look for drift says of it.
    pub fn weighs_drift(&self, answer: &Value, from: Instant) {
        if let (Some((id, template)), Some(before)) = (&self.stands, &self.in_order) {
            let resource = self.resource(owner_of(id), template);
            self.court
                .weighs_look("drift", resource, before, (from, answer));
        }
    }
}
