//! A probe's way from its upload to its replicas. Each destination is judged by what arrived there: the
//! status at the source speaks of all together, other people's among them.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::Trial;
use super::choose::{Probe, Replica};
use super::patience::patiently;
use crate::error::{AwsError, ErrorKind};
use crate::ports::{Aws, BucketRef, ObjectHead};

/// An object that no rule has picked up after this long was not eligible when it was written, which
/// proves nothing: a rule may take a while to be in force. See
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketReplication.html>.
const UNNOTICED_AFTER: Duration = Duration::from_secs(15);
/// How long a destination of ours may take after S3 reported that some destination failed.
const AFTER_FAILED: Duration = Duration::from_secs(20);
/// So often in a row or not, a look that is refused stays so.
const MOST_REFUSALS: u32 = 3;
const FIRST_LOOK: Duration = Duration::from_millis(200);
const LONGEST_BETWEEN_LOOKS: Duration = Duration::from_secs(5);
/// Between an object that came to nothing and the next, for each that did.
const BETWEEN_ATTEMPTS: Duration = Duration::from_secs(5);
const LONGEST_BETWEEN_ATTEMPTS: Duration = Duration::from_secs(20);

/// What came of a probe.
#[derive(Debug)]
pub(super) enum End {
    /// It was written, and looked for.
    Followed(Trail),
    /// It may not be written.
    Unwritten(AwsError),
}

/// What was seen of a probe.
#[derive(Debug, Default)]
pub(super) struct Trail {
    /// Why nothing was shown, by the destination where it was not; empty: it arrived everywhere.
    pub(super) missing: BTreeMap<String, String>,
    /// Whether the last object came to nothing.
    pub(super) lost: bool,
    /// From the write of an object to its replica, by destination.
    pub(super) arrived: BTreeMap<String, Duration>,
}

/// How one object of a probe went.
enum Fate {
    /// It arrived wherever it was still to arrive.
    Arrived,
    /// It will not any more.
    Lost,
    /// It was removed, as another delivery of the same request does when it has seen enough.
    Gone,
    /// There was no time to see.
    Late,
}

/// One probe under way.
pub(super) struct Way<'a, 'b, A> {
    pub(super) trial: &'a Trial<'b, A>,
    pub(super) probe: &'a Probe,
    pub(super) key: &'a str,
    /// Destinations where no replica under the right key has been seen, and what was seen instead.
    missing: BTreeMap<&'a str, (&'a Replica, String)>,
    arrived: BTreeMap<&'a str, Duration>,
}

impl<'a, 'b, A: Aws> Way<'a, 'b, A> {
    pub(super) fn new(trial: &'a Trial<'b, A>, probe: &'a Probe, key: &'a str) -> Self {
        let source = trial.source().name;
        let late = format!(
            "probe object `{key}` in bucket `{source}` had not been replicated when the time was up"
        );
        let replicas = probe.replicas.iter();
        Self {
            trial,
            probe,
            key,
            missing: replicas
                .map(|(bucket, replica)| (bucket.as_str(), (replica, late.clone())))
                .collect(),
            arrived: BTreeMap::new(),
        }
    }

    /// Writes objects until one has shown everything, or the time is over. What went wrong with one may go
    /// right with the next: a role, a key or a rule that is minutes old may not be known everywhere yet,
    /// and S3 does not repeat what failed.
    pub(super) async fn follow(mut self) -> End {
        let mut attempts = 0;
        let mut lost = false;
        while !self.is_over() || attempts == 0 {
            attempts += 1;
            lost = false;
            let version = match self.put().await {
                Ok(version) => version,
                Err(error) if error.kind == ErrorKind::Transient => {
                    self.all_missing(&error.to_string());
                    break;
                }
                Err(error) => return End::Unwritten(error),
            };
            match self.watch(&version).await {
                Fate::Arrived | Fate::Late => break,
                Fate::Gone => self.pause(BETWEEN_ATTEMPTS).await,
                Fate::Lost => {
                    tracing::info!(
                        key = self.key,
                        attempts,
                        seen = ?self.missing.values().map(|(_, seen)| seen).collect::<Vec<_>>(),
                        "the probe came to nothing; trying a new one"
                    );
                    self.trial.troubled.store(true, Ordering::Relaxed);
                    lost = true;
                    if attempts >= self.trial.most_attempts {
                        break;
                    }
                    let pause = BETWEEN_ATTEMPTS.saturating_mul(attempts);
                    self.pause(pause.min(LONGEST_BETWEEN_ATTEMPTS)).await;
                }
            }
        }
        let missing = self.missing.into_iter();
        let arrived = self.arrived.into_iter();
        End::Followed(Trail {
            missing: missing
                .map(|(bucket, (_, seen))| (bucket.to_owned(), seen))
                .collect(),
            lost,
            arrived: arrived
                .map(|(bucket, took)| (bucket.to_owned(), took))
                .collect(),
        })
    }

    fn is_over(&self) -> bool {
        self.trial.patience.has_passed() || self.trial.given_up.load(Ordering::Relaxed)
    }

    async fn pause(&self, pause: Duration) {
        tokio::time::sleep(pause.min(self.trial.patience.remaining())).await;
    }

    fn all_missing(&mut self, seen: &str) {
        for (_, was) in self.missing.values_mut() {
            seen.clone_into(was);
        }
    }

    /// Writes the object. A refusal is waited out where it is about something that was just made, as tags
    /// and grants of a new key, and a new bucket, take up to minutes.
    async fn put(&self) -> Result<String, AwsError> {
        let source = self.trial.source();
        let aws = self.trial.accounts.home();
        let source_key = self.probe.source_key.as_deref();
        let young = self.trial.made.is_about(source.name, source_key);
        let mut pause = Duration::from_secs(1);
        loop {
            let put = || aws.put_object(source, self.key, &self.probe.filter.tags, source_key);
            match patiently(self.trial.patience, put).await {
                Err(error) if young && may_spread(&error) && !self.is_over() => {
                    tracing::info!(key = self.key, %error, "what was just made may not be known yet; writing the probe again");
                    self.pause(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(15));
                }
                outcome => return outcome,
            }
        }
    }

    async fn watch(&mut self, version: &str) -> Fate {
        let source = self.trial.source();
        let aws = self.trial.accounts.home();
        let written = Instant::now();
        let mut failed: Option<Instant> = None;
        let mut wait = FIRST_LOOK;
        let mut refusals = 0;
        loop {
            let look = || aws.head_object(source, self.key, version);
            let head = match patiently(self.trial.patience, look).await {
                Ok(Some(head)) => head,
                Ok(None) => return Fate::Gone,
                Err(error) => {
                    self.all_missing(&error.to_string());
                    refusals += 1;
                    if refusals == MOST_REFUSALS || self.is_over() {
                        return Fate::Late;
                    }
                    self.pause(wait).await;
                    continue;
                }
            };
            let status = head.replication_status.as_deref();
            // One destination is spoken of by the status at the source; of several, each speaks for itself.
            let several = self.probe.replicas.len() + self.probe.strays.len() > 1;
            let settled = matches!(status, Some("COMPLETED" | "COMPLETE" | "FAILED"));
            if settled || several && status.is_some() {
                let completed = settled && status != Some("FAILED");
                if settled && !completed {
                    self.told_failed();
                }
                self.look_at_replicas(version, completed, written).await;
                if self.missing.is_empty() {
                    return Fate::Arrived;
                }
            }
            match status {
                Some("COMPLETED" | "COMPLETE") => return Fate::Lost,
                Some("FAILED") => {
                    let since = *failed.get_or_insert_with(Instant::now);
                    // It may be somebody else's destination that failed, and ours still under way.
                    if !several || since.elapsed() >= AFTER_FAILED {
                        return Fate::Lost;
                    }
                }
                None if written.elapsed() >= UNNOTICED_AFTER => {
                    self.all_missing(&format!(
                        "S3 did not pick up probe object `{}` in bucket `{}`: no replication rule applies to it yet",
                        self.key, source.name
                    ));
                    return Fate::Lost;
                }
                _ => {}
            }
            if self.is_over() {
                return Fate::Late;
            }
            self.pause(wait).await;
            wait = (wait * 3 / 2).min(LONGEST_BETWEEN_LOOKS);
        }
    }

    fn told_failed(&mut self) {
        let under = match &self.probe.source_key {
            Some(key) => format!("under key `{key}`"),
            None => "uploaded without naming a key".to_owned(),
        };
        let failed = format!(
            "S3 reports FAILED for probe object `{}` in bucket `{}`, {under}",
            self.key,
            self.trial.source().name
        );
        let several = self.probe.replicas.len() + self.probe.strays.len() > 1;
        for (bucket, (_, seen)) in &mut self.missing {
            *seen = if several {
                format!("{failed}, and it did not arrive in bucket `{bucket}`")
            } else {
                failed.clone()
            };
        }
    }

    /// Strikes out the destinations where a replica under the right key is. Where S3 says that the object is
    /// everywhere (`completed`), what is not there is told.
    async fn look_at_replicas(&mut self, version: &str, completed: bool, written: Instant) {
        let mut shown = Vec::new();
        for (bucket, (replica, seen)) in &mut self.missing {
            let regions = &self.trial.desired.regions;
            let (Some(region), Some(aws)) = (regions.get(*bucket), self.trial.accounts.at(bucket))
            else {
                continue;
            };
            let at = BucketRef {
                name: bucket,
                region,
            };
            let key = self.key;
            let look = || aws.head_object(at, key, version);
            match patiently(self.trial.patience, look).await {
                Ok(Some(head)) => match wrong(&head, replica) {
                    None => shown.push(*bucket),
                    Some(what) => {
                        *seen = format!(
                            "the replica of probe object `{key}` in bucket `{bucket}` is {what}"
                        );
                    }
                },
                Ok(None) if completed => {
                    *seen = format!(
                        "S3 reports probe object `{key}` as replicated, but bucket `{bucket}` has no version `{version}` \
                         of it"
                    );
                }
                Ok(None) => {}
                Err(error) => *seen = error.to_string(),
            }
        }
        self.missing.retain(|bucket, _| !shown.contains(bucket));
        let arrived = shown.into_iter().map(|bucket| (bucket, written.elapsed()));
        self.arrived.extend(arrived);
    }
}

/// What is wrong with a replica's encryption. The rule of before decides until the new one is in force.
fn wrong(head: &ObjectHead, expected: &Replica) -> Option<String> {
    let algorithm = head.algorithm.as_deref().unwrap_or_default();
    let kms_key = head.kms_key.as_deref().unwrap_or_default();
    let right = algorithm.starts_with("aws:kms") && kms_key == expected.key;
    (!right).then(|| {
        format!(
            "encrypted with {algorithm} under `{kms_key}` instead of `{}`",
            expected.key
        )
    })
}

/// Whether a refusal may only mean that something is not known everywhere yet.
fn may_spread(error: &AwsError) -> bool {
    matches!(error.kind, ErrorKind::AccessDenied | ErrorKind::NotFound)
        || error.code.starts_with("KMS.NotFound")
}
