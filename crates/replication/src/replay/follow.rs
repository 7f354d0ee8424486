//! A job is followed to its outcome, which its report tells and which is told once.

use aws_names::Arn;
use serde_json::{Map, Value, json};

use super::follower::Follow;
use super::progress::{Stage, words};
use super::question::Job;
use super::read::Report;
use super::report::Tally;
use super::tell;
use crate::jobs::{Note, note};
use crate::owner::{Kind, Owner, PhysicalId, RECORDS};
use crate::ports::{Aws, Below, JobDescription};

impl<A: Aws> Follow<'_, A> {
    /// Says how a job goes; with its outcome, once, by events too.
    ///
    /// # Errors
    /// Where there is no such job of ours, it cannot be looked at, or its outcome cannot be told.
    pub(crate) async fn run(&self, asked: &Job) -> Result<Value, String> {
        let region = &self.teller.installation.home.region;
        let kept = self
            .teller
            .aws
            .parameters(region, RECORDS, Below::All)
            .await;
        let kept = kept.map_err(|error| error.to_string())?;
        let notes = note::among(&kept);
        let Some(id) = &asked.id else {
            return self.all(asked, notes).await;
        };
        let note = notes.into_iter().find(|(_, note)| note.job_id == *id);
        let mut seen = Box::pin(self.one(asked, id, note)).await?;
        seen.insert("Action".into(), json!(Job::ACTION));
        Ok(Value::Object(seen))
    }

    /// Every job whose outcome was not told yet: one that cannot be followed keeps none of the others.
    async fn all(&self, asked: &Job, notes: Vec<(Owner, Note)>) -> Result<Value, String> {
        let mut jobs = Vec::new();
        let mut troubles = Vec::new();
        for (owner, note) in notes {
            let id = note.job_id.clone();
            if self.is_late() {
                troubles.push(format!("there was no time for job {id}"));
                continue;
            }
            match Box::pin(self.one(asked, &id, Some((owner, note)))).await {
                Ok(seen) => jobs.push(seen),
                Err(trouble) => troubles.push(format!("job {id}: {trouble}")),
            }
        }
        tracing::info!(
            jobs = jobs.len(),
            troubles = troubles.len(),
            "followed jobs"
        );
        if troubles.is_empty() {
            return Ok(json!({"Action": Job::ACTION, "Jobs": jobs}));
        }
        Err(format!(
            "{} jobs were followed, {} were not: {}",
            jobs.len(),
            troubles.len(),
            troubles.join("; ")
        ))
    }

    async fn one(
        &self,
        asked: &Job,
        id: &str,
        noted: Option<(Owner, Note)>,
    ) -> Result<Map<String, Value>, String> {
        let home = &self.teller.installation.home;
        let given = asked.region.as_ref().unwrap_or(&home.region);
        let region = noted.as_ref().map_or(given, |(_, note)| &note.region);
        let found = self.teller.aws.job(region, id).await;
        let Some(job) = found.map_err(|error| error.to_string())? else {
            // S3 forgets jobs ninety days after they ended, and with them what there is to tell.
            if let Some((owner, note)) = &noted {
                if note.is_young(self.teller.aws.now()) {
                    return Err(format!(
                        "S3 does not know job `{id}` in {region} yet, which was started at {}: ask again",
                        note.started
                    ));
                }
                self.forget(owner, note).await?;
            }
            return Err(format!(
                "there is no job `{id}` in {region}: its id is another, it is another Region's (say which by \"Region\"), or \
                 it ended more than 90 days ago"
            ));
        };
        let Some(owner) = whose(&job) else {
            return Err(format!(
                "job `{id}` is none that this provisioner started: it acts by role `{}`; see `aws s3control describe-job`",
                job.role_arn
            ));
        };
        let stage = Stage::of(&job);
        let (reason, next) = words(&job, region);
        let mut seen = Map::new();
        let mut say = |name: &str, value: Value| drop(seen.insert(name.to_owned(), value));
        say("JobId", json!(job.id));
        say("Owner", json!(owner.as_str()));
        if let Some((_, note)) = &noted {
            let id = PhysicalId {
                kind: Kind::Provisioned,
                source_bucket: note.source_bucket.clone(),
                owner: owner.clone(),
            };
            say("PhysicalResourceId", json!(id.to_string()));
        }
        say("Region", json!(region));
        say("Status", json!(job.status));
        say("Over", json!(stage.is_over()));
        say("Tasks", json!(job.tasks));
        say("Succeeded", json!(job.succeeded));
        say("Failed", json!(job.failed));
        say("Reason", json!(reason));
        say("Next", json!(next));
        if !stage.is_over() {
            return Ok(seen);
        }
        let telling = noted.filter(|_| asked.report);
        let told = telling.as_ref().map(|(_, note)| note);
        let report = match self.place(&job, &owner).await? {
            Some(place) => self.report(&job, &place, told).await?,
            None => Report::default(),
        };
        seen.insert("Failures".into(), failures(&report.tally));
        match report.location {
            Some(location) => drop(seen.insert("ReportLocation".into(), json!(location))),
            // Where S3 came to no version it writes none.
            None if job.succeeded + job.failed > 0 => {
                let words = "its report is not there any more, so that the reasons are not known";
                seen.insert("Reason".into(), json!(format!("{reason}; {words}")));
            }
            None => {}
        }
        if let Some((owner, note)) = &telling {
            if let Some(reading) = report.unread {
                let later = note.read_to(reading);
                let kept = later.keep(self.teller.aws, &home.region, owner).await;
                kept.map_err(|error| error.to_string())?;
                let words = "its report is long; the rest is read, and the outcome told, when it is asked for again";
                seen.insert("Next".into(), json!(words));
            } else {
                let event = tell::outcome(home, owner, note, &seen);
                self.send(&[event]).await?;
                // Last: what was not told to the end is told again.
                self.forget(owner, note).await?;
            }
        }
        Ok(seen)
    }

    async fn forget(&self, owner: &Owner, note: &Note) -> Result<(), String> {
        let region = &self.teller.installation.home.region;
        let gone = note.forget(self.teller.aws, region, owner).await;
        gone.map_err(|error| error.to_string())
    }
}

/// Whose job it is, by its role.
fn whose(job: &JobDescription) -> Option<Owner> {
    let role = Arn::parse(&job.role_arn)?.role_name()?.to_owned();
    let owner = Owner::at_start_of(&role)?;
    (owner.batch_role() == role).then_some(owner)
}

/// What failed, most of it first.
fn failures(tally: &Tally) -> Value {
    let mut all: Vec<_> = tally.0.iter().collect();
    all.sort_by_key(|(_, failures)| std::cmp::Reverse(failures.count));
    let told = all.into_iter().map(|(reason, failures)| {
        json!({"Reason": reason, "Count": failures.count, "Words": failures.words, "Examples": failures.examples})
    });
    told.collect()
}
