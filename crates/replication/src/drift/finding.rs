//! What was seen of one resource: as part of the answer, and as an event.

use event_bus::Event;
use serde::Serialize;
use serde_json::{Value, json};

use crate::cut::cut;
use crate::diagnosis::CHANGE_A_PROPERTY;
use crate::error::AwsError;
use crate::fault::{Fault, Faults};
use crate::owner::{Owner, PhysicalId};
use crate::record::Record;
use crate::step::Plan;
use crate::watched::take_the_word;
use aws_names::Home;
use aws_names::digest;

/// The events' `detail-type`.
pub const DETAIL_TYPE: &str = "Replication Drift";
/// The schema of the events' `detail`.
pub const SCHEMA: &str = "encrypted-replication/drift/1";

/// An event holds at most this many changes; the answer holds all.
const MOST_CHANGES: usize = 50;
/// And this much of the reason, in bytes, so that ten events fit into one request of 256 KB.
const LONGEST_REASON: usize = 4_000;

/// What a look shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum DriftStatus {
    /// An Update would find nothing to do.
    InSync,
    /// An Update would have something to do, or would be refused.
    Drifted,
    /// It could not be looked at.
    Unknown,
}

impl DriftStatus {
    const fn as_str(self) -> &'static str {
        match self {
            Self::InSync => "IN_SYNC",
            Self::Drifted => "DRIFTED",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// What was seen of one resource. Where its record cannot be read, not even its name is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Finding {
    pub(super) physical_resource_id: Option<String>,
    stack_id: Option<String>,
    logical_resource_id: Option<String>,
    source_bucket: Option<String>,
    pub(super) result: DriftStatus,
    /// The steps that an Update would take.
    changes: Vec<String>,
    reason: Option<String>,
    remedy: Option<String>,
    /// What tells this finding from others on the resource besides its changes: what stays the same
    /// from look to look.
    #[serde(skip)]
    cause: String,
    #[serde(skip)]
    owner: Owner,
}

impl Finding {
    fn new(record: &Record, id: &PhysicalId, result: DriftStatus) -> Self {
        Self {
            physical_resource_id: Some(record.physical_resource_id.clone()),
            stack_id: Some(record.stack_id.clone()),
            logical_resource_id: Some(record.logical_resource_id.clone()),
            source_bucket: Some(id.source_bucket.clone()),
            result,
            changes: Vec::new(),
            reason: None,
            remedy: None,
            cause: String::new(),
            owner: id.owner.clone(),
        }
    }

    fn because(mut self, reason: impl Into<String>, remedy: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self.remedy = Some(remedy.into());
        self
    }

    /// Drifted where the plan has a step.
    pub(super) fn of_plan(record: &Record, id: &PhysicalId, plan: &Plan) -> Self {
        if plan.is_empty() {
            return Self::new(record, id, DriftStatus::InSync);
        }
        let changes: Vec<_> = plan.steps().map(ToString::to_string).collect();
        let reason = format!(
            "it is not as it was provisioned, an update would {}",
            changes.join(", ")
        );
        let remedy =
            format!("undo what was changed, or {CHANGE_A_PROPERTY}, which takes these steps");
        Self {
            changes,
            ..Self::new(record, id, DriftStatus::Drifted).because(reason, remedy)
        }
    }

    /// Drifted where rules of others are not as they were seen, which no update takes back, or where the plan
    /// has a step.
    pub(super) fn of_watch(
        record: &Record,
        id: &PhysicalId,
        rules: &[String],
        plan: &Plan,
    ) -> Self {
        let mut finding = Self::of_plan(record, id, plan);
        if rules.is_empty() {
            return finding;
        }
        let words = format!(
            "the rules that it watches are not as they were seen: {}",
            rules.join("; ")
        );
        finding.result = DriftStatus::Drifted;
        finding.changes.splice(0..0, rules.iter().cloned());
        finding.reason = Some(match finding.reason {
            Some(reason) => format!("{words}; and {reason}"),
            None => words,
        });
        finding.remedy = Some(take_the_word());
        finding
    }

    /// Drifted as well where others put something beside what is ours that stands in its way. No update
    /// takes it away.
    pub(super) fn beside(mut self, denials: &[String]) -> Self {
        if denials.is_empty() {
            return self;
        }
        let words = denials.join("; ");
        self.cause.push_str(&words);
        self.result = DriftStatus::Drifted;
        self.reason = Some(match self.reason {
            Some(reason) => format!("{reason}; {words}"),
            None => words,
        });
        let take_out = "take those statements out; no update does";
        self.remedy = Some(match self.remedy {
            Some(remedy) => format!("{remedy}; {take_out}"),
            None => take_out.to_owned(),
        });
        self
    }

    /// Drifted as well where something is there and does not work any more.
    pub(super) fn broken(mut self, faults: &[Fault]) -> Self {
        if faults.is_empty() {
            return self;
        }
        let words: Vec<_> = faults.iter().map(ToString::to_string).collect();
        let words = format!("what is there does not work any more: {}", words.join("; "));
        self.cause.push_str(&words);
        self.result = DriftStatus::Drifted;
        self.reason = Some(match self.reason {
            Some(reason) => format!("{reason}; and {words}"),
            None => words,
        });
        self.remedy.get_or_insert_with(|| {
            "do what the reason says; no update can repair it before".to_owned()
        });
        self
    }

    /// What is there no longer lets the properties be: an Update would be refused.
    pub(super) fn of_faults(record: &Record, id: &PhysicalId, faults: &Faults) -> Self {
        let cause = faults.told().join("; ");
        let reason =
            format!("what is there does not fit any more, an update would be refused: {cause}");
        let remedy = "do what the reason says; no update can repair it before";
        Self {
            cause,
            ..Self::new(record, id, DriftStatus::Drifted).because(reason, remedy)
        }
    }

    /// AWS did not let us look.
    pub(super) fn unreadable(record: &Record, id: &PhysicalId, error: &AwsError) -> Self {
        let AwsError {
            operation,
            resource,
            region,
            code,
            ..
        } = error;
        Self {
            // The message may differ from time to time, and the request's id does.
            cause: [operation, resource.as_str(), region, code].join("\n"),
            ..Self::new(record, id, DriftStatus::Unknown).because(
                format!("it cannot be looked at: {error}"),
                "see that the provisioner can make that call, then look again",
            )
        }
    }

    /// The recorded properties have faults, which an earlier version did not see.
    pub(super) fn of_properties(record: &Record, id: &PhysicalId, faults: &str) -> Self {
        Self {
            cause: faults.to_owned(),
            ..Self::new(record, id, DriftStatus::Unknown).because(
                format!("this version does not take the properties that it was provisioned with: {faults}"),
                "correct them in the template and update the stack",
            )
        }
    }

    /// The record cannot be read.
    pub(super) fn of_broken_record(owner: &Owner, why: &str) -> Self {
        let path = owner.record_path();
        let reason = format!("its record in the parameters below `{path}` cannot be read: {why}");
        let remedy = format!(
            "{CHANGE_A_PROPERTY}, which writes the record anew; where there is no such resource any more, delete \
             the parameters"
        );
        Self {
            physical_resource_id: None,
            stack_id: None,
            logical_resource_id: None,
            source_bucket: None,
            result: DriftStatus::Unknown,
            changes: Vec::new(),
            reason: Some(reason),
            remedy: Some(remedy),
            cause: why.to_owned(),
            owner: owner.clone(),
        }
    }

    pub(super) fn is_in_sync(&self) -> bool {
        self.result == DriftStatus::InSync
    }

    /// The same for the same changes on the same resource, whenever they are seen.
    fn id(&self) -> String {
        let cause = self.cause.as_str();
        let parts = [SCHEMA, self.result.as_str(), self.owner.as_str(), cause];
        let changes = self.changes.iter().map(String::as_str);
        digest::hex(parts.into_iter().chain(changes))
    }

    /// What tells it, on the event bus and in the log.
    pub(super) fn detail(&self) -> Value {
        let mut changes: Vec<_> = self.changes.iter().take(MOST_CHANGES).cloned().collect();
        let more = self.changes.len() - changes.len();
        if more > 0 {
            changes.push(format!("… ({more} more)"));
        }
        let reason = cut(self.reason.as_deref().unwrap_or_default(), LONGEST_REASON);
        json!({
            "schema": SCHEMA,
            "id": self.id(),
            "result": self.result,
            "physicalResourceId": self.physical_resource_id,
            "stackId": self.stack_id,
            "logicalResourceId": self.logical_resource_id,
            "sourceBucket": self.source_bucket,
            "changes": changes,
            "reason": reason,
            "remedy": self.remedy,
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
    use super::*;
    use crate::error::ErrorKind;
    use crate::fault::{About, Fault, FaultKind};
    use crate::step::Step;

    fn resource() -> (Record, PhysicalId) {
        let id = PhysicalId::new("stack", "Replication", "source");
        let text = json!({"schema": "encrypted-replication/resource/1", "stackId": "stack", "properties": {},
                          "logicalResourceId": "Replication", "physicalResourceId": id.to_string()});
        Record::read(&id.owner, &[(0, text.to_string())].into()).unwrap()
    }

    fn steps(count: usize) -> Plan {
        let longest = "b".repeat(63);
        let step = |_| Step::MergeKeyPolicy {
            bucket: longest.clone(),
            region: "ap-southeast-1".into(),
            key_arn: format!(
                "arn:aws-us-gov:kms:ap-southeast-1:111122223333:key/mrk-{}",
                "0".repeat(36)
            ),
            statements: Vec::new(),
        };
        Plan::of([(0..count).map(step).collect()])
    }

    fn detail(finding: &Finding) -> Value {
        serde_json::from_str(&finding.event(&crate::replication::example_home()).detail).unwrap()
    }

    #[test]
    fn ten_events_fit_into_a_request_however_much_has_changed() {
        let (record, id) = resource();
        let drifted = Finding::of_plan(&record, &id, &steps(3_000));
        let words = "ä".repeat(100_000);
        let faults = Fault::new(About::bucket("source"), FaultKind::Unusable, words).into();
        let refused = Finding::of_faults(&record, &id, &faults);
        for finding in [drifted, refused] {
            let event = finding.event(&crate::replication::example_home());
            assert!(event.detail.len() < 24_000, "{}", event.detail.len());
        }
        let told = detail(&Finding::of_plan(&record, &id, &steps(51)));
        assert_eq!(told["changes"][50], "… (1 more)");
    }

    #[test]
    fn the_same_finding_has_the_same_id_and_another_has_another() {
        let (record, id) = resource();
        let error = |code: &str, request: &str| AwsError {
            operation: "GetRole",
            resource: "role `source`".into(),
            region: String::new(),
            kind: ErrorKind::AccessDenied,
            code: code.into(),
            message: "no".into(),
            request_id: Some(request.into()),
        };
        let denied = |code, request| Finding::unreadable(&record, &id, &error(code, request)).id();
        assert_eq!(denied("AccessDenied", "1"), denied("AccessDenied", "2"));
        assert_ne!(denied("AccessDenied", "1"), denied("Throttling", "1"));
        let drifted = |count| Finding::of_plan(&record, &id, &steps(count)).id();
        assert_eq!(drifted(1), drifted(1));
        assert_ne!(drifted(1), drifted(2));
        let other = PhysicalId::new("stack", "Other", "source");
        let elsewhere = Finding::of_plan(&record, &other, &steps(1)).id();
        assert_ne!(drifted(1), elsewhere);
        assert_eq!(elsewhere.len(), 64);
    }

    #[test]
    fn what_cannot_be_named_is_told_by_its_record() {
        let (_, id) = resource();
        let finding = Finding::of_broken_record(&id.owner, "EOF while parsing");
        let told = detail(&finding);
        assert_eq!(told["physicalResourceId"], Value::Null);
        let reason = told["reason"].as_str().unwrap();
        assert!(reason.contains(&id.owner.record_path()), "{reason}");
        assert_eq!(
            finding.event(&crate::replication::example_home()).resources,
            Vec::<String>::new()
        );
    }
}
