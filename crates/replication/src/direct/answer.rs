//! The answers: a plan with its policies in full, or the list of checks.

use futures_util::future::try_join;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::question::{Action, Question, resource_with_rules_on};
use super::subject::recorded;
use super::table::formatted;
use crate::case::{Case, Planned, Resolved};
use crate::configuration::ReplicationConfiguration;
use crate::diagnosis::Check;
use crate::error::{AwsError, ErrorKind};
use crate::existing_objects::{ObservedJob, observe_job, plan_job};
use crate::fault::Faults;
use crate::grants::grants;
use crate::naming::{self, Names};
use crate::observe::located_by;
use crate::observed::Observed;
use crate::owner::{Kind, PhysicalId};
use crate::plan::{Desired, fitting_policy};
use crate::policy::{S3, trust_policy};
use crate::ports::{Aws, BucketRef};
use crate::properties::{self, Sound, scalar};
use crate::record::{self, Record};
use crate::replication::{Allowed, Installation, Replication};
use crate::spec::ExistingObjects;
use crate::step::{Plan, Step};
use crate::watched::Watching;

/// Answers a direct invocation.
///
/// # Errors
/// Where it is not clear whose resource is meant, or AWS could not be read. Faults in the properties are
/// part of the answer.
pub(crate) async fn answer<A: Aws>(
    aws: &A,
    installation: &Installation,
    question: Question,
) -> Result<Value, String> {
    let told = |error: AwsError| error.to_string();
    let named = question.named()?;
    let region = &installation.home.region;
    let (named, properties) = if let Some(properties) = &question.resource_properties {
        (named, properties.clone())
    } else {
        let (id, properties) = recorded(aws, region, &question, named).await?;
        (Some(id), properties)
    };
    if question.kind(named.as_ref())? == Kind::Watched {
        let bucket = properties.get("SourceBucket").and_then(scalar);
        let bucket = bucket.unwrap_or_default();
        let id = named.unwrap_or_else(|| {
            PhysicalId::new("", "still to be made", &bucket).of_kind(Kind::Watched)
        });
        let answered = watched(aws, installation, &question, (&id, &properties));
        return Ok(formatted(Box::pin(answered).await?, question.format));
    }
    let mut sound = Sound::read(&properties, installation);
    if question.action == Action::Plan {
        // What it was last provisioned with is not refused.
        let none = Map::new();
        let before = match &question.resource_properties {
            Some(_) => &none,
            None => &properties,
        };
        sound = sound.and_then(|sound| sound.within_allowed(before));
    }
    let id = if let Some(id) = named {
        id
    } else {
        let configuration = match &sound {
            Ok(sound) => rules_of(aws, sound.source()).await.map_err(told)?,
            Err(_) => None,
        };
        resource_with_rules_on(&question.source_bucket(), configuration.as_ref())?
    };
    let head = json!({"Action": question.action, "PhysicalResourceId": id.to_string()});
    let anywhere = Allowed::default();
    let case = match sound {
        Ok(sound) => Ok(Case::open(aws, sound.of(id.owner), None)
            .await
            .map_err(told)?
            .within(match question.action {
                Action::Plan => &installation.allowed,
                Action::Diagnose => &anywhere,
            })),
        Err(faults) => Err(faults),
    };
    let body = match (question.action, &case) {
        (Action::Plan, Err(faults)) => json_of(&Answer::faulty(faults)),
        (Action::Plan, Ok(case)) => match planned(case).await {
            Ok(answer) => json_of(&answer),
            // A property is wrong, and that is what a plan is asked for.
            Err(error) if error.kind == ErrorKind::WrongRegion => json_of(&Answer {
                faults: vec![error.to_string()],
                ..Answer::default()
            }),
            Err(error) => return Err(told(error)),
        },
        (Action::Diagnose, Err(faults)) => diagnosed(&checks_of(faults)),
        (Action::Diagnose, Ok(case)) => {
            let mut checks = Box::pin(case.checks()).await;
            let texts = checks.iter().map(|check| check.finding.as_str());
            let owners = Names::in_texts(aws, region, &case.replication.owner, texts).await;
            for check in &mut checks {
                check.finding = owners.explain(std::mem::take(&mut check.finding));
            }
            diagnosed(&checks)
        }
    };
    Ok(formatted(merged(head, body), question.format))
}

/// The same of a resource that watches rules of others.
async fn watched<A: Aws>(
    aws: &A,
    installation: &Installation,
    question: &Question,
    (id, properties): (&PhysicalId, &Map<String, Value>),
) -> Result<Value, String> {
    let head = json!({"Action": question.action, "PhysicalResourceId": id.to_string()});
    let region = &installation.home.region;
    let known = naming::record_of(aws, region, &id.owner).await?;
    let past = known.and_then(|(record, _)| record.word);
    let watching =
        Watching::of(aws, installation, &id.owner, properties).map(|watching| watching.since(past));
    let body = match (question.action, watching) {
        (Action::Plan, Err(faults)) => json_of(&Answer::faulty(&faults)),
        (Action::Diagnose, Err(faults)) => diagnosed(&checks_of(&faults)),
        (Action::Diagnose, Ok(watching)) => diagnosed(&Box::pin(watching.checks()).await),
        (Action::Plan, Ok(watching)) => {
            let foreseen = match Box::pin(watching.foreseen()).await {
                Ok(foreseen) => foreseen,
                // A property is wrong, and that is what a plan is asked for.
                Err(error) if error.kind == ErrorKind::WrongRegion => {
                    let faults = vec![error.to_string()];
                    let answer = Answer {
                        faults,
                        ..Answer::default()
                    };
                    return Ok(merged(head, json_of(&answer)));
                }
                Err(error) => return Err(error.to_string()),
            };
            let (phases, faults) = match foreseen.plan {
                Ok(Plan(phases)) => (phases, Vec::new()),
                Err(faults) => (Vec::new(), faults.told()),
            };
            let as_data = |phase: &Vec<Step>| phase.iter().map(step).collect();
            let unwatched = json!({"Unwatched": foreseen.unwatched});
            let answer = Answer {
                faults,
                warnings: foreseen.warnings,
                phases: phases.iter().map(as_data).collect(),
                policies: Map::new(),
            };
            merged(json_of(&answer), unwatched)
        }
    };
    Ok(merged(head, body))
}

async fn rules_of<A: Aws>(
    aws: &A,
    source: BucketRef<'_>,
) -> Result<Option<ReplicationConfiguration>, AwsError> {
    match aws.replication(source).await {
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(located_by(aws, source.name, error).await),
        other => other,
    }
}

/// What a request with these properties would do.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    /// What keeps it from being done.
    faults: Vec<String>,
    /// What a person should know of.
    warnings: Vec<String>,
    /// Phase by phase; the steps of one phase are taken at once.
    phases: Vec<Vec<Value>>,
    /// The policies as they would stand, also where nothing of them changes.
    policies: Map<String, Value>,
}

impl Answer {
    fn faulty(faults: &Faults) -> Self {
        Self {
            faults: faults.told(),
            ..Self::default()
        }
    }
}

async fn planned<A: Aws>(case: &Case<'_, A>) -> Result<Answer, AwsError> {
    let replication = &case.replication;
    let Planned { observed, resolved } = case.planned().await?;
    let Resolved {
        desired,
        plan,
        narrowing,
        warnings,
        ..
    } = match resolved {
        Ok(resolved) => resolved,
        Err(faults) => return Ok(Answer::faulty(&faults)),
    };
    let policies = documents(replication, &desired, &observed);
    let (job, asked_before) = if replication.spec.existing_objects == ExistingObjects::Replicate {
        let (aws, owner) = (case.accounts.home(), &replication.owner);
        let job = observe_job(aws, owner, replication.source());
        let parts = record::of(aws, &replication.home.region, owner);
        let (job, parts) = try_join(job, parts).await?;
        let record = Record::read(owner, &parts).ok();
        let before = record.and_then(|(record, _)| {
            properties::read(&record.properties, &replication.home, owner).ok()
        });
        (job, before)
    } else {
        (ObservedJob::default(), None)
    };
    let planned = plan.and_then(|Plan(mut phases)| {
        phases.extend(narrowing.0);
        phases.extend(plan_job(replication, &desired, &job, asked_before.as_ref())?.0);
        Ok(phases)
    });
    let (phases, faults) = match planned {
        Ok(phases) => (phases, Vec::new()),
        Err(faults) => (Vec::new(), faults.told()),
    };
    let as_data = |phase: &Vec<Step>| phase.iter().map(step).collect();
    Ok(Answer {
        faults,
        warnings: warnings.iter().map(ToString::to_string).collect(),
        phases: phases.iter().map(as_data).collect(),
        policies,
    })
}

/// A step as its data, with a sentence in front and the documents in it as JSON.
fn step(step: &Step) -> Value {
    let mut data = json_of(step);
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
    replication: &Replication,
    desired: &Desired,
    observed: &Observed,
) -> Map<String, Value> {
    // One that does not fit is a fault of the plan.
    let policy = fitting_policy(replication, desired, observed).unwrap_or_default();
    let grants = grants(replication, desired);
    let keys = grants.keys.into_iter();
    let keys: Map<_, _> = keys
        .map(|(key, grant)| (key, Value::Array(grant.statements)))
        .collect();
    let mut documents = Map::new();
    documents.insert("RoleArn".into(), desired.role_arn.clone().into());
    documents.insert("RoleTrustPolicy".into(), trust_policy(S3));
    documents.insert("RolePolicy".into(), policy);
    documents.insert("BucketPolicyStatements".into(), json_of(&grants.buckets));
    documents.insert("KeyPolicyStatements".into(), Value::Object(keys));
    documents
}

fn diagnosed(checks: &[Check]) -> Value {
    let healthy = !checks.iter().any(Check::fails);
    json!({"Healthy": healthy, "Checks": checks})
}

fn checks_of(faults: &Faults) -> Vec<Check> {
    faults.0.iter().map(Check::of_fault).collect()
}

/// Our own types always serialise.
fn json_of(value: &impl Serialize) -> Value {
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
