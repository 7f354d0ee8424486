//! The answers: a plan with its policies in full, or the list of checks.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::question::{Action, Question, whose};
use crate::accounts::Accounts;
use crate::arn::Home;
use crate::batch::{ObservedJob, observe_job, plan_job};
use crate::diagnosis::{self, Check, diagnose};
use crate::error::AwsError;
use crate::grants::grants;
use crate::observe::observe;
use crate::observed::Observed;
use crate::owner::Owner;
use crate::plan::{Desired, desired, fitting_policy, plan};
use crate::policy::{S3, trust_policy};
use crate::ports::{Aws, BucketRef};
use crate::properties::{self, Fault, Faults};
use crate::spec::{ExistingObjects, Spec};
use crate::step::{Plan, Step};

/// Answers a direct invocation.
///
/// # Errors
/// Where it is not clear whose resource is meant, or AWS could not be read. Faults in the properties are
/// part of the answer.
pub(crate) async fn answer<A: Aws>(
    aws: &A,
    home: &Home,
    queue_arn: Option<&str>,
    required_boundary: Option<&str>,
    question: Question,
) -> Result<Value, String> {
    let told = |error: AwsError| error.to_string();
    let id = if let Some(id) = question.named()? {
        id
    } else {
        let source = question.source_bucket();
        // Faults are found below, with the owner; here only the bucket's place is needed.
        let stand_in = Owner::new("", "", &source);
        let configuration = match properties::read(&question.resource_properties, home, &stand_in) {
            Ok(spec) => rules_of(aws, &spec).await.map_err(told)?,
            Err(_) => None,
        };
        whose(&source, configuration.as_ref())?
    };
    let owner = &id.owner;
    let properties = &question.resource_properties;
    let spec = properties::read_bounded(properties, home, owner, required_boundary);
    let head = json!({"Action": question.action, "PhysicalResourceId": id.to_string()});
    let specs: Vec<&Spec> = spec.iter().collect();
    let accounts = Accounts::of(aws, home, &specs)
        .await
        .all_assumed()
        .map_err(told)?;
    let body = match (question.action, &spec) {
        (Action::Plan, Err(faults)) => shown(&Planned::faulty(faulty(faults))),
        (Action::Plan, Ok(spec)) => shown(
            &planned(&accounts, spec, home, owner, queue_arn)
                .await
                .map_err(told)?,
        ),
        (Action::Diagnose, Err(faults)) => diagnosed(&checks_of(faults)),
        (Action::Diagnose, Ok(spec)) => {
            diagnosed(&Box::pin(diagnose(&accounts, spec, home, owner, queue_arn)).await)
        }
    };
    Ok(merged(head, body))
}

async fn rules_of<A: Aws>(
    aws: &A,
    spec: &Spec,
) -> Result<Option<crate::configuration::ReplicationConfiguration>, AwsError> {
    let source = BucketRef {
        name: &spec.source_bucket,
        region: &spec.source_region,
    };
    match aws.replication(source).await {
        Err(error) if error.kind == crate::error::ErrorKind::NotFound => Ok(None),
        other => other,
    }
}

/// What a request with these properties would do.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Planned {
    /// What keeps it from being done.
    faults: Vec<String>,
    /// Phase by phase; the steps of one phase are taken at once.
    phases: Vec<Vec<Value>>,
    /// The policies as they would stand, also where nothing of them changes.
    policies: Map<String, Value>,
}

impl Planned {
    fn faulty(faults: Vec<String>) -> Self {
        Self {
            faults,
            ..Self::default()
        }
    }
}

async fn planned<A: Aws>(
    accounts: &Accounts<'_, A>,
    spec: &Spec,
    home: &Home,
    owner: &Owner,
    queue_arn: Option<&str>,
) -> Result<Planned, AwsError> {
    let observed = Box::pin(observe(accounts, spec, home, owner)).await?;
    let desired = match desired(spec, &observed, home, owner) {
        Ok(desired) => desired,
        Err(faults) => return Ok(Planned::faulty(faults)),
    };
    let policies = documents(spec, &desired, &observed, home, owner);
    let job = if spec.existing_objects == ExistingObjects::Replicate {
        observe_job(accounts.home(), owner).await?
    } else {
        ObservedJob::default()
    };
    let planned = plan(spec, &desired, &observed, home, owner, queue_arn);
    let planned = planned.and_then(|Plan(mut phases)| {
        phases.extend(plan_job(spec, &desired, &job, home, owner)?.0);
        Ok(phases)
    });
    let (phases, faults) = match planned {
        Ok(phases) => (phases, Vec::new()),
        Err(faults) => (Vec::new(), faults),
    };
    let shown = |phase: &Vec<Step>| phase.iter().map(step).collect();
    Ok(Planned {
        faults,
        phases: phases.iter().map(shown).collect(),
        policies,
    })
}

/// A step as its data, with a sentence in front and the documents in it as JSON.
fn step(step: &Step) -> Value {
    let mut data = shown(step);
    if let Value::Object(members) = &mut data {
        for value in members.values_mut() {
            if let Some(document) = value.as_str().and_then(document) {
                *value = document;
            }
        }
    }
    merged(json!({"Summary": step.to_string()}), data)
}

/// The JSON object that `text` is, if it is one.
fn document(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().filter(Value::is_object)
}

/// What the role needs, be it ours or not: a role given as `Role` is never changed, so that its
/// owner reads here what to allow.
fn documents(
    spec: &Spec,
    desired: &Desired,
    observed: &Observed,
    home: &Home,
    owner: &Owner,
) -> Map<String, Value> {
    // One that does not fit is a fault of the plan.
    let policy = fitting_policy(spec, desired, observed, home, owner).unwrap_or_default();
    let grants = grants(spec, desired, home, owner);
    let keys = grants.keys.into_iter();
    let keys: Map<_, _> = keys
        .map(|(key, grant)| (key, Value::Array(grant.statements)))
        .collect();
    let mut documents = Map::new();
    documents.insert("RoleArn".into(), desired.role_arn.clone().into());
    documents.insert("RoleTrustPolicy".into(), trust_policy(S3));
    documents.insert("RolePolicy".into(), policy);
    documents.insert("BucketPolicyStatements".into(), shown(&grants.buckets));
    documents.insert("KeyPolicyStatements".into(), Value::Object(keys));
    documents
}

fn diagnosed(checks: &[Check]) -> Value {
    let healthy = checks
        .iter()
        .all(|check| check.result != diagnosis::Result::Fail);
    json!({"Healthy": healthy, "Checks": checks})
}

fn faulty(faults: &Faults) -> Vec<String> {
    let told = |Fault { path, message }: &Fault| match path.as_str() {
        "" => message.clone(),
        path => format!("`{path}`: {message}"),
    };
    faults.0.iter().map(told).collect()
}

fn checks_of(faults: &Faults) -> Vec<Check> {
    faulty(faults)
        .iter()
        .map(|fault| Check::of_fault(fault))
        .collect()
}

/// Our own types always serialise.
fn shown(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn merged(head: Value, body: Value) -> Value {
    match (head, body) {
        (Value::Object(mut head), Value::Object(body)) => {
            head.extend(body);
            Value::Object(head)
        }
        (_, body) => body,
    }
}
