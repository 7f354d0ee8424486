//! A job for exactly what is asked for.

use custom_resource::Deadline;
use serde_json::{Value, json};

use super::progress::Stage;
use super::question::{Job, Replay};
use crate::apply::Writes;
use crate::case::Case;
use crate::configuration::{ReplicationRule, Tag};
use crate::diagnosis::Check;
use crate::direct::{Question, recorded};
use crate::error::ReplicationError;
use crate::existing_objects::{observe_job, plan_job_role, report_bucket};
use crate::fault::numbered;
use crate::jobs::{Order, Scope, Selection, Started, digest_of, note, start, tag_value, token};
use crate::naming::Names;
use crate::observe::located_by;
use crate::owner::{Kind, PhysicalId, role_arn};
use crate::ports::{Aws, Outcome};
use crate::properties::Sound;
use crate::record;
use crate::replication::{Installation, Replication};
use crate::rounds::Rounds;

/// Key of the tag of a job role that says which jobs were started last to replay, and by which question.
pub(super) const REPLAY_TAG: &str = "encrypted-replication:replay";

/// Failed checks told in a refusal.
const MOST_CHECKS: usize = 10;

/// Jobs that there are for a question.
struct Begun {
    ids: Vec<String>,
    /// Whether they were under way before.
    before: bool,
}

/// Starts a job for what is asked for, and says how to follow it.
///
/// # Errors
/// Why none was started.
pub(crate) async fn replay<A: Aws>(
    aws: &A,
    installation: &Installation,
    asked: &Replay,
    deadline: Deadline,
) -> Result<Value, String> {
    let region = &installation.home.region;
    let question = Question::about(
        asked.physical_resource_id.clone(),
        asked.stack_name.clone(),
        asked.logical_resource_id.clone(),
    );
    let named = question.named()?;
    let (id, properties) = recorded(aws, region, &question, named).await?;
    if id.kind == Kind::Watched {
        return Err(format!(
            "`{id}` watches rules that others own, and has none of its own to replay by: whoever owns them starts a \
             job of S3 Batch Operations"
        ));
    }
    let sound = Sound::read(&properties, installation).map_err(|faults| {
        format!("the properties of `{id}`, as recorded, have a fault: {faults}")
    })?;
    let case = Case::open(aws, sound.of(id.owner.clone()), None)
        .await
        .map_err(|error| error.to_string())?;
    let rules = standing(&case).await?;
    let prefixes = Scope::of_owner(&rules, &id.owner).prefixes(asked.within());
    let prefixes = prefixes.map_err(|unfit| format!("nothing is replayed for `{id}`: {unfit}"))?;
    let selections: Vec<_> = prefixes
        .into_iter()
        .map(|prefix| asked.selection(prefix))
        .collect();
    if !asked.force {
        healthy(&case, &id).await?;
    }
    let begun = Box::pin(begin(&case, &rules, &selections, deadline));
    let begun = begun.await.map_err(|error| error.to_string())?;
    Ok(answer(&case.replication, &id, &selections, &begun))
}

/// The rules on the bucket, whoever made them: S3 goes by these.
async fn standing<A: Aws>(case: &Case<'_, A>) -> Result<Vec<ReplicationRule>, String> {
    let source = case.replication.source();
    match case.accounts.home().replication(source).await {
        Ok(found) => Ok(found.map_or_else(Vec::new, |found| found.rules)),
        Err(error) => Err(located_by(case.accounts.home(), source.name, error)
            .await
            .to_string()),
    }
}

/// What fails now fails again, version by version, and each is paid for.
async fn healthy<A: Aws>(case: &Case<'_, A>, id: &PhysicalId) -> Result<(), String> {
    let mut checks = Box::pin(case.checks()).await;
    checks.retain(Check::fails);
    if checks.is_empty() {
        return Ok(());
    }
    let mut told: Vec<_> = checks
        .iter()
        .take(MOST_CHECKS)
        .map(|check| format!("{}: {check}", check.check))
        .collect();
    let more = checks.len() - told.len();
    if more > 0 {
        told.push(format!("{more} more, which Diagnose tells"));
    }
    let texts = checks.iter().map(|check: &Check| check.finding.as_str());
    let replication = &case.replication;
    let home = &replication.home;
    let names = Names::in_texts(
        case.accounts.home(),
        &home.region,
        &replication.owner,
        texts,
    )
    .await;
    Err(names.explain(format!(
        "nothing is replayed for `{id}`, as it would fail again: Diagnose fails. Mend this first, or ask with \"Force\": \
         true. {}",
        numbered(&told)
    )))
}

/// Starts the jobs, once for each question: one that was delivered before is answered with what it started.
async fn begin<A: Aws>(
    case: &Case<'_, A>,
    rules: &[ReplicationRule],
    selections: &[Selection],
    deadline: Deadline,
) -> Result<Begun, ReplicationError> {
    let replication = &case.replication;
    let Replication {
        spec, home, owner, ..
    } = replication;
    let aws = case.accounts.home();
    let ours = rules.iter().filter(|rule| owner.owns(&rule.id));
    let mut destinations: Vec<_> = ours
        .map(|rule| rule.destination.bucket_name().to_owned())
        .collect();
    destinations.sort();
    let report_bucket =
        report_bucket(replication, destinations.iter()).map_err(ReplicationError::Refused)?;
    let question = digest_of([json!(selections).to_string().as_str()]);
    let role = owner.batch_role();
    let mut rounds = Rounds::new(
        owner,
        deadline,
        &spec.source_bucket,
        "start a job to replay",
    );
    let mut writes = Writes::default();
    loop {
        rounds.begin().await?;
        let outcome = async {
            let observed = observe_job(aws, owner, replication.source()).await?;
            let last = observed.tag(REPLAY_TAG).map(Started::read);
            if let Some(last) = last.filter(|last| last.of == Some(&question))
                && under_way(aws, replication, last.ids).await?
            {
                let ids = last.ids.split('/').map(str::to_owned).collect();
                return Ok(Some(Begun { ids, before: true }));
            }
            let plan = plan_job_role(replication, &observed, report_bucket);
            case.apply(&plan, &mut writes).await?;
            let before = last.map_or("", |last| last.ids);
            let token = token(owner, before, &question, observed.now);
            let order = Order {
                source: replication.source(),
                selections,
                report_bucket,
                role_arn: &role_arn(home, &role),
                description: &format!("Replays objects of {}, for {owner}", spec.source_bucket),
                token: &token,
                noted_in: &home.region,
            };
            let ids = start(aws, owner, order).await?;
            let tag = Tag {
                key: REPLAY_TAG.into(),
                value: tag_value(&ids, &question),
            };
            aws.tag_role(&role, &tag).await?;
            Ok(Some(Begun { ids, before: false }))
        };
        if let Some(begun) = rounds.end(Box::pin(outcome).await)? {
            return Ok(begun);
        }
    }
}

/// Whether any of these jobs is not over.
async fn under_way<A: Aws>(aws: &A, replication: &Replication, ids: &str) -> Outcome<bool> {
    let Replication {
        spec, home, owner, ..
    } = replication;
    for id in ids.split('/') {
        match aws.job(&spec.source_region, id).await? {
            Some(job) if !Stage::of(&job).is_over() => return Ok(true),
            Some(_) => {}
            // Not yet, or not any more.
            None => {
                let kept = record::kept_of(aws, &home.region, owner).await?;
                let now = aws.now();
                let mut notes = note::among(&kept).into_iter();
                if notes.any(|(_, note)| note.job_id == id && note.is_young(now)) {
                    return Ok(true);
                }
            }
        }
    }
    Ok(false)
}

fn answer(
    replication: &Replication,
    id: &PhysicalId,
    selections: &[Selection],
    begun: &Begun,
) -> Value {
    let questions: Vec<_> = begun
        .ids
        .iter()
        .map(|id| json!({"Action": Job::ACTION, "JobId": id}).to_string())
        .collect();
    let mut answer = json!({
        "Action": Replay::ACTION,
        "PhysicalResourceId": id.to_string(),
        "SourceBucket": replication.spec.source_bucket,
        "Region": replication.spec.source_region,
        "JobId": begun.ids.first(),
        "AlreadyUnderWay": begun.before,
        "Statuses": selections.first().map(|selection| &selection.statuses),
        "Prefixes": selections.iter().filter_map(|selection| selection.prefix.as_deref()).collect::<Vec<_>>(),
        "Next": format!("S3 takes minutes to hours; ask how it goes: {}", questions.join(", ")),
    });
    if let (true, Some(members)) = (begun.ids.len() > 1, answer.as_object_mut()) {
        members.insert("JobIds".into(), json!(begun.ids));
    }
    answer
}
