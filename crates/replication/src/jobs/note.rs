//! What is remembered of a job until its outcome was told: a parameter beside the resource's record, which goes
//! with the resource.

use std::collections::BTreeMap;

use expectation::Time;
use serde::{Deserialize, Serialize};

use super::selection::Selection;
use crate::error::ErrorKind;
use crate::owner::Owner;
use crate::parameters::written;
use crate::ports::{Outcome, Parameters};
use crate::replay::Reading;

/// The note's schema.
pub const SCHEMA: &str = "encrypted-replication/job/1";

const DESCRIPTION: &str = "A job of S3 Batch Operations whose outcome is still to be told";

/// What is remembered of one job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    schema: String,
    /// The job's id.
    pub job_id: String,
    /// The Region that it is in: its source bucket's.
    pub region: String,
    /// The bucket whose versions it takes.
    pub source_bucket: String,
    /// The versions that it takes.
    pub selection: Selection,
    /// When it was started.
    pub started: Time,
    /// How far its report was read, where there was no time for all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<Reading>,
}

impl Note {
    /// Of a job that was just started.
    #[must_use]
    pub fn of(job_id: String, region: &str, source_bucket: &str, selection: Selection) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            job_id,
            region: region.to_owned(),
            source_bucket: source_bucket.to_owned(),
            selection,
            started: Time::default(),
            reading: None,
        }
    }

    /// The same, started then.
    #[must_use]
    pub(crate) fn at(mut self, started: Time) -> Self {
        self.started = started;
        self
    }

    /// The same, with how far its report was read.
    #[must_use]
    pub(crate) fn read_to(&self, reading: Reading) -> Self {
        Self {
            reading: Some(reading),
            ..self.clone()
        }
    }

    /// Whether S3 may not know the job everywhere yet, see
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshooting-batch-operations.html>.
    #[must_use]
    pub(crate) fn is_young(&self, now: Time) -> bool {
        const KNOWN_WITHIN_SECS: i64 = 60 * 60;
        now.secs() - self.started.secs() < KNOWN_WITHIN_SECS
    }

    /// Reads a parameter's text.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn read(text: &str) -> Result<Self, String> {
        let note: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if note.schema == SCHEMA {
            Ok(note)
        } else {
            Err(format!("it has schema `{}`, not `{SCHEMA}`", note.schema))
        }
    }

    /// As a parameter's text.
    #[must_use]
    pub fn text(&self) -> String {
        // Our own types always serialise.
        written(&serde_json::to_value(self).unwrap_or_default())
    }

    /// Keeps it.
    ///
    /// # Errors
    /// What AWS refused.
    pub(crate) async fn keep<A: Parameters>(
        &self,
        aws: &A,
        region: &str,
        owner: &Owner,
    ) -> Outcome<()> {
        let name = owner.job_name(&self.job_id);
        aws.put_parameter(region, &name, &self.text(), DESCRIPTION)
            .await
    }

    /// Its outcome was told.
    ///
    /// # Errors
    /// What AWS refused.
    pub(crate) async fn forget<A: Parameters>(
        &self,
        aws: &A,
        region: &str,
        owner: &Owner,
    ) -> Outcome<()> {
        let name = owner.job_name(&self.job_id);
        match aws.delete_parameter(region, &name).await {
            Err(error) if error.kind != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// The notes among parameters, with their owners. One that cannot be read is told in the log: its job goes on
/// without us.
#[must_use]
pub fn among(parameters: &BTreeMap<String, String>) -> Vec<(Owner, Note)> {
    let mut found = Vec::new();
    for (name, text) in parameters {
        let Some((owner, id)) = Owner::of_job(name) else {
            continue;
        };
        match Note::read(text) {
            Ok(note) if note.job_id == id => found.push((owner, note)),
            Ok(note) => tracing::warn!(name, job = note.job_id, "the note is about another job"),
            Err(why) => tracing::warn!(name, why, "the note of a job cannot be read"),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_found_again_and_a_broken_one_is_left_out() {
        let owner = Owner::new("stack", "Replication", "source");
        let note = |id: &str| {
            let selection = Selection::unreplicated(Some("{{Tax}}/".into()));
            Note::of(id.into(), "eu-west-1", "source", selection).at(Time::from_secs(1_795_802_400))
        };
        let parameters = BTreeMap::from([
            (owner.record_name(0), "{}".to_owned()),
            (owner.job_name("a"), note("a").text()),
            (owner.job_name("b"), note("c").text()),
            (owner.job_name("d"), "{".to_owned()),
        ]);
        assert!(!note("a").text().contains("{{"), "{}", note("a").text());
        assert_eq!(among(&parameters), [(owner, note("a"))]);
    }
}
