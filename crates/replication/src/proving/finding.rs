//! What was seen of one resource: as part of the answer, and as an event.

use event_bus::Event;
use serde::Serialize;
use serde_json::{Value, json};

use crate::cut::cut;
use crate::diagnosis::{self, CHANGE_A_PROPERTY, Check};
use crate::owner::{Owner, PhysicalId};
use crate::probe::{Doubt, ProbeReport};
use crate::record::Record;
use aws_names::Home;
use aws_names::digest;

/// The events' `detail-type`.
pub const DETAIL_TYPE: &str = "Replication Proof";
/// The schema of the events' `detail`.
pub const SCHEMA: &str = "encrypted-replication/proof/1";

/// An event holds at most this many rules and findings, those that failed first; the answer holds all.
const MOST_RULES: usize = 20;
const MOST_FINDINGS: usize = 10;
/// And this much of each text, in bytes, so that ten events fit into one request of 256 KB.
const LONGEST_REASON: usize = 2_500;
const LONGEST_TEXT: usize = 400;

/// What a proof shows, of a resource or of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum ProofStatus {
    /// A probe did not arrive, or not as it should: what people upload does not either.
    Failed,
    /// It was still under way when the time was up.
    Pending,
    /// It could not be tried.
    Unknown,
    /// There was nothing to prove, or it cannot be proved.
    Skipped,
    /// Every probe arrived under the right key.
    Completed,
}

impl ProofStatus {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "FAILED",
            Self::Pending => "PENDING",
            Self::Unknown => "UNKNOWN",
            Self::Skipped => "SKIPPED",
            Self::Completed => "COMPLETED",
        }
    }
}

/// What was seen of one rule.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RuleFinding {
    pub(super) id: String,
    pub(super) result: ProofStatus,
    /// How long its slowest probe was under way.
    seconds: Option<f64>,
    reason: Option<String>,
}

impl RuleFinding {
    /// What the probes showed of the rule with this `Id`.
    pub(super) fn of(id: &str, shown: &ProbeReport) -> Self {
        let doubt = shown.unproved.get(id);
        let result = match doubt {
            None => ProofStatus::Completed,
            Some(Doubt::KeyUnusable(_)) => ProofStatus::Failed,
            Some(Doubt::Missing(_)) if shown.failed.contains(id) => ProofStatus::Failed,
            Some(Doubt::Missing(_)) => ProofStatus::Pending,
            Some(Doubt::Unwritten(_)) => ProofStatus::Unknown,
            Some(Doubt::Idle(_) | Doubt::Unprovable(_)) => ProofStatus::Skipped,
        };
        Self {
            id: id.to_owned(),
            result,
            seconds: shown.arrived.get(id).map(|took| seconds(*took)),
            reason: doubt.map(|doubt| doubt.why().to_owned()),
        }
    }
}

/// To the tenth: a probe is looked at every few seconds.
fn seconds(took: std::time::Duration) -> f64 {
    (took.as_secs_f64() * 10.0).round() / 10.0
}

/// What was seen of one resource. Where its record cannot be read, not even its name is known.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Finding {
    pub(super) physical_resource_id: Option<String>,
    stack_id: Option<String>,
    logical_resource_id: Option<String>,
    pub(super) source_bucket: Option<String>,
    pub(super) result: ProofStatus,
    /// How long the slowest probe was under way.
    pub(super) seconds: Option<f64>,
    rules: Vec<RuleFinding>,
    /// What Diagnose finds, where not all was proved: what is not as it must be.
    findings: Vec<Check>,
    reason: Option<String>,
    remedy: Option<String>,
    #[serde(skip)]
    owner: Owner,
}

impl Finding {
    fn new(record: &Record, id: &PhysicalId) -> Self {
        Self {
            physical_resource_id: Some(record.physical_resource_id.clone()),
            stack_id: Some(record.stack_id.clone()),
            logical_resource_id: Some(record.logical_resource_id.clone()),
            source_bucket: Some(id.source_bucket.clone()),
            ..Self::unnamed(&id.owner)
        }
    }

    fn unnamed(owner: &Owner) -> Self {
        Self {
            physical_resource_id: None,
            stack_id: None,
            logical_resource_id: None,
            source_bucket: None,
            result: ProofStatus::Unknown,
            seconds: None,
            rules: Vec::new(),
            findings: Vec::new(),
            reason: None,
            remedy: None,
            owner: owner.clone(),
        }
    }

    fn because(mut self, reason: impl Into<String>, remedy: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self.remedy = Some(remedy.into());
        self
    }

    /// There is nothing to prove.
    pub(super) fn skipped(record: &Record, id: &PhysicalId, why: &str) -> Self {
        Self::new(record, id).skipping(why)
    }

    /// AWS did not let us try.
    pub(super) fn unknown(record: &Record, id: &PhysicalId, why: &str) -> Self {
        Self::new(record, id).because(
            format!("it cannot be proved: {why}"),
            "see that the provisioner can make that call, then prove again",
        )
    }

    /// The recorded properties have faults, which an earlier version did not see.
    pub(super) fn of_properties(record: &Record, id: &PhysicalId, faults: &str) -> Self {
        Self::new(record, id).because(
            format!(
                "this version does not take the properties that it was provisioned with: {faults}"
            ),
            "correct them in the template and update the stack",
        )
    }

    /// The record cannot be read.
    pub(super) fn of_broken_record(owner: &Owner, why: &str) -> Self {
        let path = owner.record_path();
        Self::unnamed(owner).because(
            format!("its record in the parameters below `{path}` cannot be read: {why}"),
            format!(
                "{CHANGE_A_PROPERTY}, which writes the record anew; where there is no such resource any more, delete \
                 the parameters"
            ),
        )
    }

    /// The same with what was seen of its rules.
    pub(super) fn about(self, rules: Vec<RuleFinding>) -> Self {
        Self { rules, ..self }
    }

    /// There is nothing to prove of it.
    pub(super) fn skipping(self, why: &str) -> Self {
        Self {
            result: ProofStatus::Skipped,
            reason: Some(why.to_owned()),
            remedy: None,
            ..self
        }
    }

    /// All that can be proved was.
    pub(super) fn completing(self, shown: &ProbeReport) -> Self {
        Self {
            result: ProofStatus::Completed,
            seconds: shown.arrived.values().max().map(|took| seconds(*took)),
            reason: None,
            remedy: None,
            ..self
        }
    }

    /// Not all was proved, and this is what Diagnose finds.
    pub(super) fn concluding(
        mut self,
        result: ProofStatus,
        (reason, remedy): (String, String),
        checks: &[Check],
    ) -> Self {
        let bad = |check: &&Check| {
            matches!(
                check.result,
                diagnosis::CheckResult::Fail | diagnosis::CheckResult::Warn
            )
        };
        self.findings = checks.iter().filter(bad).cloned().collect();
        self.findings
            .sort_by_key(|check| check.result != diagnosis::CheckResult::Fail);
        self.result = result;
        self.because(reason, remedy)
    }

    /// The same for the same result on the same resource, whenever it is seen: by which rules it is, and by
    /// which findings.
    fn id(&self) -> String {
        let parts = [SCHEMA, self.result.as_str(), self.owner.as_str()];
        let rules = self.rules.iter();
        let rules = rules.flat_map(|rule| [rule.id.as_str(), rule.result.as_str()]);
        let findings = self.findings.iter();
        let findings = findings.flat_map(|found| [found.check, found.resource.as_str()]);
        digest::hex(parts.into_iter().chain(rules).chain(findings))
    }

    /// What tells it, on the event bus and in the log.
    pub(super) fn detail(&self) -> Value {
        let mut rules: Vec<_> = self.rules.iter().collect();
        rules.sort_by_key(|rule| rule.result);
        let rules: Vec<Value> = rules
            .into_iter()
            .take(MOST_RULES)
            .map(|rule| {
                json!({
                    "id": rule.id,
                    "result": rule.result,
                    "seconds": rule.seconds,
                    "reason": rule.reason.as_deref().map(|text| cut(text, LONGEST_TEXT)),
                })
            })
            .collect();
        let findings = self.findings.iter().take(MOST_FINDINGS).map(|found| {
            json!({
                "check": found.check,
                "result": found.result,
                "resource": cut(&found.resource, LONGEST_TEXT),
                "finding": cut(&found.finding, LONGEST_TEXT),
                "remedy": found.remedy.as_deref().map(|text| cut(text, LONGEST_TEXT)),
            })
        });
        json!({
            "schema": SCHEMA,
            "id": self.id(),
            "result": self.result,
            "physicalResourceId": self.physical_resource_id,
            "stackId": self.stack_id,
            "logicalResourceId": self.logical_resource_id,
            "sourceBucket": self.source_bucket,
            "seconds": self.seconds,
            "rules": rules,
            "moreRules": self.rules.len().saturating_sub(MOST_RULES),
            "findings": findings.collect::<Vec<_>>(),
            "reason": self.reason.as_deref().map(|text| cut(text, LONGEST_REASON)),
            "remedy": self.remedy.as_deref().map(|text| cut(text, LONGEST_REASON)),
        })
    }

    /// The event that tells it.
    pub(super) fn event(&self, home: &Home) -> Event {
        let bucket = self.source_bucket.iter();
        let bucket = bucket.map(|bucket| home.bucket_arn(bucket));
        Event {
            detail_type: DETAIL_TYPE,
            detail: self.detail().to_string(),
            resources: self.stack_id.iter().cloned().chain(bucket).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::fault::{About, Fault, FaultKind};

    fn finding() -> Finding {
        let id = PhysicalId::new("stack", "Replication", "source");
        let text = json!({"schema": "encrypted-replication/resource/1", "stackId": "stack", "properties": {},
                          "logicalResourceId": "Replication", "physicalResourceId": id.to_string()});
        let (record, id) = Record::read(&id.owner, &[(0, text.to_string())].into()).unwrap();
        Finding::new(&record, &id)
    }

    fn shown(unproved: &[(&str, Doubt)], failed: &[&str]) -> ProbeReport {
        ProbeReport {
            unproved: unproved
                .iter()
                .map(|(rule, doubt)| ((*rule).to_owned(), doubt.clone()))
                .collect(),
            failed: failed.iter().map(|rule| (*rule).to_owned()).collect(),
            arrived: [("good".to_owned(), Duration::from_millis(2_340))].into(),
            ..ProbeReport::default()
        }
    }

    #[test]
    fn what_is_still_under_way_has_not_failed() {
        let why = || "why".to_owned();
        for (doubt, failed, expected) in [
            (None, false, ProofStatus::Completed),
            (Some(Doubt::Missing(why())), false, ProofStatus::Pending),
            (Some(Doubt::Missing(why())), true, ProofStatus::Failed),
            (Some(Doubt::KeyUnusable(why())), false, ProofStatus::Failed),
            (Some(Doubt::Unwritten(why())), false, ProofStatus::Unknown),
            (Some(Doubt::Idle(why())), false, ProofStatus::Skipped),
            (Some(Doubt::Unprovable(why())), false, ProofStatus::Skipped),
        ] {
            let doubts: Vec<_> = doubt.iter().map(|doubt| ("rule", doubt.clone())).collect();
            let failed: &[&str] = if failed { &["rule"] } else { &[] };
            let found = RuleFinding::of("rule", &shown(&doubts, failed));
            assert_eq!(found.result, expected, "{doubt:?} {failed:?}");
            assert_eq!(found.reason, doubt.map(|_| why()));
        }
        let found = RuleFinding::of("good", &shown(&[], &[]));
        assert_eq!(found.seconds, Some(2.3));
    }

    #[test]
    fn ten_events_fit_into_a_request_however_much_was_seen() {
        let words = "ä".repeat(50_000);
        let longest = "r".repeat(255);
        let rules: Vec<_> = (0..1_000)
            .map(|number| {
                let doubt = Doubt::Missing(words.clone());
                let id = format!("{longest}{number}");
                RuleFinding::of(&id, &shown(&[(&id, doubt)], &[&id]))
            })
            .collect();
        let fault = Fault::new(About::bucket("source"), FaultKind::Unusable, words.clone());
        let checks = vec![Check::of_fault(&fault); 100];
        let found =
            finding()
                .about(rules)
                .concluding(ProofStatus::Failed, (words.clone(), words), &checks);
        let event = found.event(&crate::replication::example_home());
        assert!(event.detail.len() < 25_000, "{}", event.detail.len());
        let detail: Value = serde_json::from_str(&event.detail).unwrap();
        assert_eq!(detail["moreRules"], 980);
        assert_eq!(detail["result"], "FAILED");
        assert_eq!(found.findings.len(), 100);
    }

    #[test]
    fn the_same_result_has_the_same_id_and_another_has_another() {
        let told = |doubt: Doubt, words: &str| {
            let rules = vec![RuleFinding::of(
                "rule",
                &shown(&[("rule", doubt)], &["rule"]),
            )];
            let words = (words.to_owned(), String::new());
            let found = finding().about(rules);
            found.concluding(ProofStatus::Failed, words, &[]).id()
        };
        let missing = |words: &str| told(Doubt::Missing(words.to_owned()), words);
        assert_eq!(missing("one"), missing("other"));
        let idle = told(Doubt::Idle("one".to_owned()), "one");
        assert_ne!(missing("one"), idle);
        let completed = finding().completing(&shown(&[], &[]));
        assert_eq!(completed.seconds, Some(2.3));
        assert_ne!(completed.id(), finding().id());
    }
}
