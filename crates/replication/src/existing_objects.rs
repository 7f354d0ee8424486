//! Existing objects: an S3 Batch Replication job for what the rules cover, started when they are proven, and
//! one more for rules that come later.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-batch-replication-batch.html>.

use std::collections::BTreeSet;

use aws_names::digest;
use custom_resource::Deadline;
use expectation::Time;
use serde_json::{Value, json};

use crate::apply::Writes;
use crate::case::Case;
use crate::configuration::{ReplicationRule, Status};
use crate::error::{ErrorKind, ReplicationError};
use crate::fault::Faults;
use crate::jobs::{Scope, Selection, Started, digest_of, token};
use crate::merge;
use crate::owner::{JOB_TAG, Owner, role_arn};
use crate::plan::Desired;
use crate::policy::{BATCH_OPERATIONS, trust_policy};
use crate::ports::{Aws, BucketRef, Buckets, Clock, Outcome, RoleDescription, Roles};
use crate::replication::Replication;
use crate::rounds::Rounds;
use crate::spec::{ExistingObjects, Spec};
use crate::step::{Plan, Step};

/// What there is of the job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObservedJob {
    /// The job's role.
    pub role: Option<RoleDescription>,
    /// Our policy on it.
    pub policy: Option<String>,
    /// All rules on the source bucket.
    pub rules: Vec<ReplicationRule>,
    /// When it was looked at.
    pub now: Time,
}

impl ObservedJob {
    fn started(&self) -> Option<Started<'_>> {
        self.tag(JOB_TAG).map(Started::read)
    }

    /// Value of a tag of the role.
    pub(crate) fn tag(&self, key: &str) -> Option<&str> {
        let mut tags = self.role.iter().flat_map(|role| &role.tags);
        let tag = tags.find(|tag| tag.key == key)?;
        Some(tag.value.as_str())
    }

    /// Ids of the jobs that were started last, joined by commas.
    #[must_use]
    pub fn id(&self) -> Option<String> {
        self.started().map(|started| started.ids.replace('/', ","))
    }
}

/// Reads what there is of the job.
///
/// # Errors
/// The first read that failed.
pub async fn observe_job<A: Roles + Buckets + Clock>(
    aws: &A,
    owner: &Owner,
    source: BucketRef<'_>,
) -> Outcome<ObservedJob> {
    let name = owner.batch_role();
    let rules = async {
        match aws.replication(source).await {
            // A plan is asked for before there is a bucket.
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            other => other,
        }
    };
    let (role, policy, rules) =
        futures_util::future::try_join3(aws.role(&name), aws.role_policy(&name, &name), rules)
            .await?;
    let rules = rules.map_or_else(Vec::new, |found| found.rules);
    Ok(ObservedJob {
        role,
        policy,
        rules,
        now: aws.now(),
    })
}

/// What a rule takes and where to: what tells it from others, where existing objects are concerned.
fn way(rule: &ReplicationRule) -> String {
    let mut way = vec![
        rule.destination.bucket.clone(),
        rule.covered_prefix().to_owned(),
    ];
    let tags = rule.filter.iter().flat_map(|filter| &filter.tags);
    let mut tags: Vec<_> = tags
        .map(|tag| format!("{}={}", tag.key, tag.value))
        .collect();
    tags.sort();
    way.append(&mut tags);
    digest::hex(way.iter().map(String::as_str))
}

fn ways<'a>(rules: impl IntoIterator<Item = &'a ReplicationRule>) -> BTreeSet<String> {
    let enabled = rules
        .into_iter()
        .filter(|rule| rule.status == Status::Enabled);
    enabled.map(way).collect()
}

/// The ways that no job was started for; `asked_before` is what the resource was asked for last.
fn unserved(
    spec: &Spec,
    wanted: &BTreeSet<String>,
    started: Option<Started<'_>>,
    asked_before: Option<&Spec>,
) -> BTreeSet<String> {
    let Some(started) = started else {
        return wanted.clone();
    };
    if spec.existing_objects == ExistingObjects::Ignore || started.of == Some(&digest_of(wanted)) {
        return BTreeSet::new();
    }
    match asked_before {
        Some(before) if before.existing_objects == ExistingObjects::Replicate => {
            let served = ways(before.rules.iter().map(|rule| &rule.rule));
            wanted.difference(&served).cloned().collect()
        }
        Some(_) => wanted.clone(),
        // A job was started, and nobody knows for which rules.
        None => BTreeSet::new(),
    }
}

/// Bucket for the job's report: the first destination of this account.
///
/// # Errors
/// Where all are other accounts'.
pub(crate) fn report_bucket<'a>(
    replication: &Replication,
    mut destinations: impl Iterator<Item = &'a String>,
) -> Result<&'a str, Faults> {
    let own = |bucket: &&String| !replication.is_foreign(bucket);
    let Some(bucket) = destinations.find(own) else {
        let mut faults = Faults::default();
        faults.push(
            "ExistingObjects",
            "Replicate needs a destination bucket of this account for the job's report; start the job by hand, with a \
             report in a bucket of yours",
        );
        return Err(faults);
    };
    Ok(bucket)
}

/// The steps to the job.
///
/// # Errors
/// Where no destination can take its report, or it would take too many jobs.
pub fn plan_job(
    replication: &Replication,
    desired: &Desired,
    observed: &ObservedJob,
    asked_before: Option<&Spec>,
) -> Result<Plan, Faults> {
    let Replication {
        spec, home, owner, ..
    } = replication;
    let wanted = ways(&desired.rules);
    let started = observed.started();
    let unserved = unserved(spec, &wanted, started, asked_before);
    if spec.existing_objects == ExistingObjects::Ignore || unserved.is_empty() {
        return Ok(Plan::default());
    }
    let report_bucket = report_bucket(replication, desired.regions.keys())?;
    let others = observed.rules.iter().filter(|rule| !owner.owns(&rule.id));
    let scope = Scope::of(desired.rules.iter().chain(others), |rule| {
        owner.owns(&rule.id) && unserved.contains(&way(rule))
    });
    let prefixes = scope.prefixes(None).map_err(|unfit| {
        let mut faults = Faults::default();
        let words = format!(
            "Replicate cannot take exactly what the rules cover: {unfit}; see REPLAY in OPERATIONS"
        );
        faults.push("ExistingObjects", words);
        faults
    })?;
    let name = owner.batch_role();
    let covers = digest_of(&wanted);
    let before = started.map_or("", |started| started.ids);
    let token = token(owner, before, &covers, observed.now);
    let job = Step::StartReplicationJob {
        bucket: spec.source_bucket.clone(),
        region: spec.source_region.clone(),
        role: name.clone(),
        role_arn: role_arn(home, &name),
        selections: prefixes.into_iter().map(Selection::unreplicated).collect(),
        report_bucket: report_bucket.to_owned(),
        token,
        covers,
        noted_in: home.region.clone(),
    };
    let role = plan_job_role(replication, observed, report_bucket);
    Ok(Plan::of(role.0.into_iter().chain([vec![job]])))
}

/// The steps to the role that jobs act by, and to its policy.
pub(crate) fn plan_job_role(
    replication: &Replication,
    observed: &ObservedJob,
    report_bucket: &str,
) -> Plan {
    let Replication { spec, owner, .. } = replication;
    let name = owner.batch_role();
    let document = job_policy(replication, report_bucket);
    let boundary = &spec.permissions_boundary;
    let role = match (&observed.role, boundary) {
        (None, _) => Some(Step::CreateRole {
            role: name.clone(),
            description: format!(
                "Assumed by S3 Batch Operations to replicate existing objects of bucket {}",
                spec.source_bucket
            ),
            trust_policy: trust_policy(BATCH_OPERATIONS).to_string(),
            permissions_boundary: boundary.clone(),
        }),
        // An earlier request made it, and did not come to the job.
        (Some(found), Some(boundary)) if found.permissions_boundary.as_ref() != Some(boundary) => {
            let (role, policy_arn) = (name.clone(), boundary.clone());
            Some(Step::PutPermissionsBoundary { role, policy_arn })
        }
        (Some(_), _) => None,
    };
    let trust = observed.role.as_ref().and_then(|found| {
        let trust = trust_policy(BATCH_OPERATIONS);
        let as_made = merge::is_same_policy(Some(&found.trust_policy), &trust);
        (!as_made).then(|| Step::PutTrustPolicy {
            role: name.clone(),
            trust_policy: trust.to_string(),
        })
    });
    let policy = (!merge::is_same_policy(observed.policy.as_deref(), &document)).then(|| {
        Step::PutRolePolicy {
            role: name.clone(),
            policy: name.clone(),
            document: document.to_string(),
        }
    });
    let role = role.into_iter().chain(trust).collect();
    Plan::of([role, Vec::from_iter(policy)])
}

/// What the job may do. See
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-batch-replication-policies.html>.
fn job_policy(replication: &Replication, report_bucket: &str) -> Value {
    let Replication { home, owner, .. } = replication;
    let source = replication.source_arn();
    let report = home.bucket_arn(report_bucket);
    // It has no key: reports are encrypted with SSE-S3, see
    // <https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-examples-reports.html>.
    let statements = [
        json!({
            "Sid": owner.sid("ExistingObjects"),
            "Effect": "Allow",
            "Action": "s3:InitiateReplication",
            "Resource": format!("{source}/*"),
        }),
        json!({
            "Sid": owner.sid("Manifest"),
            "Effect": "Allow",
            "Action": ["s3:GetReplicationConfiguration", "s3:PutInventoryConfiguration"],
            "Resource": source,
        }),
        json!({
            "Sid": owner.sid("Report"),
            "Effect": "Allow",
            "Action": "s3:PutObject",
            "Resource": format!("{report}/{}/*", owner.report_prefix()),
        }),
    ];
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// What a job for existing objects is started by.
#[derive(Debug)]
pub struct Existing<'a, A> {
    /// The replication that covers them.
    pub case: &'a Case<'a, A>,
    /// What its rules are to be.
    pub desired: &'a Desired,
    /// What the resource was asked for last.
    pub asked_before: Option<&'a Spec>,
}

impl<A: Aws> Existing<'_, A> {
    /// Starts the job where it is asked for and was not started; returns its id.
    ///
    /// # Errors
    /// What AWS refused.
    pub async fn replicate(
        &self,
        deadline: Deadline,
        writes: &mut Writes,
    ) -> Result<Option<String>, ReplicationError> {
        let Replication { spec, owner, .. } = &self.case.replication;
        if spec.existing_objects == ExistingObjects::Ignore {
            return Ok(None);
        }
        let mut rounds = Rounds::new(
            owner,
            deadline,
            &spec.source_bucket,
            "start the job for existing objects of",
        );
        loop {
            rounds.begin().await?;
            let outcome = self.round(writes);
            if let Some(id) = rounds.end(Box::pin(outcome).await)? {
                return Ok(id);
            }
        }
    }

    /// Looks, and writes what is missing; the job's id where nothing is.
    async fn round(&self, writes: &mut Writes) -> Result<Option<Option<String>>, ReplicationError> {
        let Replication { owner, .. } = &self.case.replication;
        let source = self.case.replication.source();
        let observed = observe_job(self.case.accounts.home(), owner, source).await?;
        let plan = plan_job(
            &self.case.replication,
            self.desired,
            &observed,
            self.asked_before,
        )
        .map_err(ReplicationError::Refused)?;
        if plan.is_empty() {
            return Ok(Some(observed.id()));
        }
        self.case.apply(&plan, writes).await?;
        Ok(None)
    }
}
