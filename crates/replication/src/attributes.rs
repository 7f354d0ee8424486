//! What `Fn::GetAtt` gives.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::cut::cut;
use crate::fault::Fault;
use crate::grants::grants;
use crate::plan::Desired;
use crate::record::Proved;
use crate::replication::Replication;
use crate::verify::{Proof, Verified, in_words};

/// All attributes together, as JSON: an answer to CloudFormation has at most 4,096 bytes, and the ids in
/// it take up to 700. See
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/crpg-ref-responses.html>.
const MOST_BYTES: usize = 3300;

/// Every attribute with what it means.
pub const ATTRIBUTES: [(&str, &str); 13] = [
    ("RoleArn", "ARN of the role that S3 assumes"),
    ("SourceBucketArn", "ARN of the source bucket"),
    ("SourceKmsKeyArns", "ARNs of the keys of source objects"),
    ("DestinationBucketArns", "ARNs of the destination buckets"),
    ("ReplicaKmsKeyArns", "ARNs of the keys of replicas"),
    ("RuleIds", "`ID`s of the rules in the bucket"),
    (
        "Verification",
        "`COMPLETED`: every probe arrived under the right key; `PENDING`: not yet; `SKIPPED`: none was \
         written, because nothing changed, `Verification` is None, every rule is disabled, no probe can be \
         looked at or removed, or none may be written",
    ),
    (
        "Unproved",
        "`ID`s of the enabled rules that no probe proved, in this request or before; empty: all were",
    ),
    (
        "VerificationSeconds",
        "seconds from the first probe to the last look",
    ),
    (
        STATEMENTS,
        "JSON: what the owners of other accounts have to add to the policies of their buckets and keys, where no \
         `AssumeRoleArn` lets us do it; empty otherwise",
    ),
    (
        "BatchJobId",
        "id of the S3 Batch Replication job that was started last, several joined with commas; empty where none was",
    ),
    (
        WARNINGS,
        "what a person should know of, numbered; empty where there is nothing",
    ),
    ("Changes", "how many writes the request made"),
];

/// Attributes that grow with the rules.
const LISTS: [&str; 5] = [
    "Unproved",
    "RuleIds",
    "ReplicaKmsKeyArns",
    "DestinationBucketArns",
    "SourceKmsKeyArns",
];
/// Begins what is said of the rest of a list.
const MORE: &str = ",… (";
const STATEMENTS: &str = "DestinationStatements";
const WARNINGS: &str = "Warnings";
/// Of all warnings together, in bytes.
const LONGEST_WARNINGS: usize = 1000;

/// What came of a request.
#[derive(Debug)]
pub(crate) struct Came<'a> {
    pub(crate) desired: &'a Desired,
    pub(crate) answered: &'a Answered,
    /// Id of the job for existing objects.
    pub(crate) job: Option<String>,
    pub(crate) warnings: &'a [Fault],
}

/// What a request answers of its work, as attributes are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answered {
    verification: String,
    seconds: String,
    unproved: BTreeMap<String, String>,
    /// What the request changed, of what a person should know.
    warnings: Vec<String>,
    /// Of the unproved, in words.
    pub(crate) reason: Option<String>,
    pub(crate) changes: String,
}

impl Answered {
    pub(crate) fn of(proof: &Proof, writes: u32, warnings: Vec<String>) -> Self {
        Self {
            verification: proof.verification.name().to_owned(),
            seconds: match proof.verification {
                Verified::Completed { took } => format!("{:.1}", took.as_secs_f64()),
                Verified::Pending | Verified::Skipped => String::new(),
            },
            reason: proof.reason(),
            unproved: proof.unproved.clone(),
            warnings,
            changes: writes.to_string(),
        }
    }

    /// The answer of an earlier delivery of the same request.
    pub(crate) fn again(proved: &Proved) -> Self {
        Self {
            verification: proved.verification.clone(),
            seconds: proved.seconds.clone(),
            unproved: proved.unproved.clone(),
            warnings: proved.warnings.clone(),
            reason: in_words(&proved.unproved),
            changes: proved.changes.clone(),
        }
    }

    /// The same for the record.
    pub(crate) fn proved(&self, of: String, request: String) -> Proved {
        Proved {
            of,
            request,
            verification: self.verification.clone(),
            seconds: self.seconds.clone(),
            changes: self.changes.clone(),
            unproved: self.unproved.clone(),
            warnings: self.warnings.clone(),
        }
    }
}

/// What `Fn::GetAtt` gives.
pub(crate) fn attributes(replication: &Replication, came: &Came<'_>) -> Map<String, Value> {
    let desired = came.desired;
    let joined = |items: Vec<String>| Value::String(items.join(","));
    let mut replica_keys: Vec<String> = desired
        .rules
        .iter()
        .filter_map(|rule| rule.destination.replica_kms_key_id.clone())
        .collect();
    replica_keys.sort();
    replica_keys.dedup();
    let mut data = Map::new();
    let mut put = |name: &str, value: Value| drop(data.insert(name.to_owned(), value));
    put("RoleArn", Value::String(desired.role_arn.clone()));
    put("SourceBucketArn", Value::String(replication.source_arn()));
    put(
        "SourceKmsKeyArns",
        joined(desired.source_keys.iter().cloned().collect()),
    );
    put(
        "DestinationBucketArns",
        joined(
            desired
                .regions
                .keys()
                .map(|bucket| replication.home.bucket_arn(bucket))
                .collect(),
        ),
    );
    put("ReplicaKmsKeyArns", joined(replica_keys));
    put(
        "RuleIds",
        joined(desired.rules.iter().map(|rule| rule.id.clone()).collect()),
    );
    put(
        "Verification",
        Value::String(came.answered.verification.clone()),
    );
    put(
        "Unproved",
        joined(came.answered.unproved.keys().cloned().collect()),
    );
    put(
        "VerificationSeconds",
        Value::String(came.answered.seconds.clone()),
    );
    put(
        STATEMENTS,
        Value::String(destination_statements(replication, desired)),
    );
    put(
        "BatchJobId",
        Value::String(came.job.clone().unwrap_or_default()),
    );
    let last = came.warnings.iter().map(Fault::to_string);
    let warnings: Vec<_> = came.answered.warnings.iter().cloned().chain(last).collect();
    put(WARNINGS, Value::String(told(&warnings)));
    put("Changes", Value::String(came.answered.changes.clone()));
    fitted(data)
}

/// Warnings in one text, cut where it is too long for an answer.
pub(crate) fn told(warnings: &[String]) -> String {
    let numbered = warnings.iter().zip(1..);
    let lines: Vec<_> = numbered
        .map(|(warning, number)| format!("({number}) {warning}"))
        .collect();
    cut(&lines.join("; "), LONGEST_WARNINGS)
}

/// What the owners of other accounts have to add to the policies of their buckets and keys, where we
/// do not do it; empty where there is none. What does not fit into an answer is in the plan.
fn destination_statements(replication: &Replication, desired: &Desired) -> String {
    // Where a role does it and cannot be assumed just now, it does it again later.
    let unseen = |bucket: &String| {
        desired.unseen.contains(bucket) && replication.spec.assumed_for(bucket).is_none()
    };
    if !desired.unseen.iter().any(unseen) {
        return String::new();
    }
    let grants = grants(replication, desired);
    let buckets: Map<String, Value> = grants
        .buckets
        .into_iter()
        .filter(|(bucket, _)| unseen(bucket))
        .map(|(bucket, statements)| (bucket, Value::Array(statements)))
        .collect();
    let keys: Map<String, Value> = grants
        .keys
        .into_iter()
        .filter(|(_, grant)| unseen(&grant.bucket))
        .map(|(key, grant)| (key, Value::Array(grant.statements)))
        .collect();
    json!({"BucketPolicies": buckets, "KeyPolicies": keys}).to_string()
}

/// `data` made to fit: of statements too long only where they are to be had, of lists too long as much
/// as fits, with how much is left out.
pub(crate) fn fitted(mut data: Map<String, Value>) -> Map<String, Value> {
    let too_long = |data: &Map<String, Value>| {
        serde_json::to_string(data).is_ok_and(|text| text.len() > MOST_BYTES)
    };
    if too_long(&data)
        && let Some(Value::String(statements)) = data.get_mut(STATEMENTS)
        && !statements.is_empty()
    {
        *statements = format!(
            "{} bytes, too many for an attribute: invoke the provisioner with {{\"Action\": \"Plan\"}}",
            statements.len()
        );
    }
    let mut left_out = BTreeMap::new();
    while too_long(&data) {
        let lists = LISTS
            .iter()
            .filter_map(|name| Some((data.get(*name)?.as_str()?.len(), *name)));
        let Some((_, longest)) = lists.max() else {
            break;
        };
        let Some(Value::String(list)) = data.get_mut(longest) else {
            break;
        };
        let kept = list
            .split_once(MORE)
            .map_or(list.as_str(), |(kept, _)| kept);
        let Some((kept, _)) = kept.rsplit_once(',') else {
            break;
        };
        let left_out = left_out.entry(longest).or_insert(0);
        *left_out += 1;
        *list = format!("{kept}{MORE}{left_out} more)");
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(rules: usize, keys: usize, statements: usize) -> Map<String, Value> {
        let list = |what: &str, many: usize| {
            let items: Vec<_> = (0..many).map(|number| format!("{what}-{number}")).collect();
            Value::String(items.join(","))
        };
        let arn = "arn:aws:kms:us-west-2:111122223333:key/00000000-0000-4000-8000-000000000000";
        Map::from_iter([
            ("RuleIds".to_owned(), list("er0123456789", rules)),
            ("ReplicaKmsKeyArns".to_owned(), list(arn, keys)),
            (STATEMENTS.to_owned(), Value::String("s".repeat(statements))),
        ])
    }

    #[test]
    fn what_fits_stays_as_it_is() {
        assert_eq!(fitted(data(20, 2, 1000)), data(20, 2, 1000));
    }

    #[test]
    fn what_does_not_fit_is_cut_behind_an_entry_and_says_how_much_is_missing() {
        let cut = fitted(data(1000, 100, 9000));
        assert!(serde_json::to_string(&cut).unwrap().len() <= MOST_BYTES);
        let statements = cut[STATEMENTS].as_str().unwrap();
        assert!(
            statements.starts_with("9000 bytes, too many"),
            "{statements}"
        );
        let ids = cut["RuleIds"].as_str().unwrap();
        let (kept, more) = ids.split_once(MORE).unwrap();
        let kept = kept.split(',').count();
        assert_eq!(more, format!("{} more)", 1000 - kept));
        assert!(kept > 20, "{kept}");
    }
}
