//! What a comparison told.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use compliance::ports::AskError;
use compliance::subject::ObjectVersion;
use compliance::verdict::Verdict;
use encrypted_replication::compare::comparison::{Compared, Comparison, Report, Told, Verdicts};
use encrypted_replication::compare::rules::Rules;
use encrypted_replication::compare::state::State;
use encrypted_replication::listing::Prefixes;
use expectation::Time;
use replication::configuration::{
    AsRead, Destination, Filter, ReplicationConfiguration, ReplicationRule, Status,
};

use crate::world::{Bucket, on_a_paused_clock};

/// When the comparisons of these tests begin.
pub(crate) const BEGAN: i64 = 1_800_000_000;

/// Nobody looks at keys.
#[derive(Debug)]
pub(crate) enum NoLook {}

impl Verdicts for NoLook {
    async fn verdict(&self, _: usize, _: &ObjectVersion) -> Result<Verdict, AskError> {
        match *self {}
    }
}

/// Everything that was told.
#[derive(Debug, Default)]
pub(crate) struct All {
    /// Side, key, version id, state.
    pub(crate) told: Vec<(usize, String, String, State)>,
    pub(crate) reasons: Vec<String>,
    pub(crate) replays: Vec<(String, String)>,
    pub(crate) verdicts: Vec<Verdict>,
}

impl Report for All {
    fn told(&mut self, told: Told<'_>) -> io::Result<()> {
        self.told.push((
            told.side,
            told.entry.key.clone(),
            told.entry.version_id.clone(),
            told.judged.state,
        ));
        self.reasons.push(told.judged.reason.clone().into_owned());
        Ok(())
    }

    fn replay(&mut self, key: &str, version_id: &str) -> io::Result<()> {
        self.replays.push((key.to_owned(), version_id.to_owned()));
        Ok(())
    }

    fn verdict(&mut self, verdict: &Verdict) -> io::Result<()> {
        self.verdicts.push(verdict.clone());
        Ok(())
    }
}

impl All {
    pub(crate) fn states(&self) -> Vec<(&str, State)> {
        self.told
            .iter()
            .map(|(_, key, _, state)| (key.as_str(), *state))
            .collect()
    }
}

pub(crate) fn rule(id: &str, priority: i32, prefix: &str, to: &str) -> ReplicationRule {
    ReplicationRule {
        id: id.to_owned(),
        priority: Some(priority),
        status: Status::Enabled,
        filter: Some(Filter {
            prefix: prefix.to_owned(),
            ..Filter::default()
        }),
        prefix: None,
        delete_marker_replication: Some(Status::Disabled),
        sse_kms_encrypted_objects: Some(Status::Enabled),
        replica_modifications: None,
        existing_object_replication: None,
        destination: Destination {
            bucket: format!("arn:aws:s3:::{to}"),
            ..Destination::default()
        },
        as_read: AsRead::default(),
    }
}

pub(crate) fn comparison(
    rules: Vec<ReplicationRule>,
    source: Bucket,
    sides: Vec<Bucket>,
) -> Comparison<Bucket, NoLook> {
    Comparison {
        bucket: "source".to_owned(),
        rules: Rules::of(&ReplicationConfiguration {
            rules,
            ..ReplicationConfiguration::default()
        }),
        source: Arc::new(source),
        sides: sides.into_iter().map(|side| Some(Arc::new(side))).collect(),
        scope: Prefixes::of([""]),
        after: None,
        since: None,
        began: Time::from_secs(BEGAN),
        most: 64,
        verdicts: None,
        replays_older: false,
    }
}

/// Runs it on a clock that nobody waits for, and says how long it took by that.
pub(crate) fn run(comparison: &Comparison<Bucket, NoLook>) -> (Compared, All, Duration) {
    let mut all = All::default();
    let (compared, time) = on_a_paused_clock(comparison.run(&mut all));
    (compared.unwrap(), all, time)
}
