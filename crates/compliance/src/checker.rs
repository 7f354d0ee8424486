//! From one subject to one verdict: one HEAD, and the rest from caches.

use std::sync::Arc;
use std::time::Duration;

use aws_names::{Home, KeyArn, KeyName};
use expectation::{Algorithm, Time};
use tokio::time::Instant;

use crate::cache::Cache;
use crate::ports::{
    AskError, DefaultEncryption, DescribeKey, FindExpectation, InspectObject, Inspection,
    KeyAnswer, Observed, Repair, RepairObject,
};
use crate::registry::Registry;
use crate::repair;
use crate::subject::{ObjectVersion, ReplicationEvent, Subject};
use crate::verdict;
use crate::verdict::{
    Allowed, Authority, Evidence, Expected, ExpectedKey, Judgement, KeyState, ObservedKey, Verdict,
    judge_object, judge_replication,
};

/// AWS's name for the key that S3 uses where default encryption is KMS without a key.
const AWS_MANAGED_ALIAS: &str = "alias/aws/s3";

/// Judges subjects.
///
/// # Guarantees
/// - A replica costs one `HeadObject`; what is expected and the keys' states come from caches that
///   ask AWS once per bucket and key and time to live, misses included, and once a batch at most.
/// - A verdict is given only on what AWS said. Where AWS could not be asked, [`AskError`] comes back.
/// - Nobody's settings are a word about a replica: without a word there is no finding.
#[derive(Debug)]
pub struct Checker<A> {
    aws: A,
    allowed: Vec<KeyName>,
    registries: Cache<String, Arc<Registry>, AskError>,
    defaults: Cache<String, Option<BucketDefault>, AskError>,
    keys: Cache<String, KeyAnswer, AskError>,
    repairs: bool,
    trusts_default: bool,
}

/// What a bucket's default encryption says, where it counts.
#[derive(Clone, Debug)]
struct BucketDefault {
    key: KeyName,
    algorithm: Option<Algorithm>,
}

/// One trip of many subjects through the checker.
#[derive(Clone, Copy, Debug)]
pub struct Trip<'a> {
    /// Where the function runs; `None` where its ARN could not be read.
    pub home: Option<&'a Home>,
    /// When it began: what was asked since then is not asked again.
    pub began: Instant,
    /// Whether only to look, although the checker repairs.
    pub only_looks: bool,
}

impl<'a> Trip<'a> {
    /// A trip that begins now, and repairs where the checker does.
    #[must_use]
    pub fn from(home: Option<&'a Home>) -> Self {
        Self {
            home,
            began: Instant::now(),
            only_looks: false,
        }
    }
}

impl<A> Checker<A> {
    /// Re-encrypts replicas under a wrong key, where `repairs`.
    #[must_use]
    pub fn repairing(mut self, repairs: bool) -> Self {
        self.repairs = repairs;
        self
    }

    /// Takes a bucket's default encryption for a word about its replicas, where nobody else says one and
    /// `trusts` is set. S3 does not use it for replicas of KMS-encrypted objects; see
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-config-for-kms-objects.html>.
    #[must_use]
    pub fn trusting_bucket_default(mut self, trusts: bool) -> Self {
        self.trusts_default = trusts;
        self
    }

    /// What AWS is asked through.
    pub fn aws(&self) -> &A {
        &self.aws
    }
}

impl<A: InspectObject + FindExpectation + DescribeKey + RepairObject> Checker<A> {
    /// A checker with empty caches. Where `allowed` (`EXPECTED_KMS_KEY_ARNS`) is not empty it alone
    /// says which keys are right, for every bucket.
    #[must_use]
    pub fn new(aws: A, allowed: Vec<KeyName>, time_to_live: Duration) -> Self {
        Self {
            aws,
            allowed,
            registries: Cache::new(time_to_live),
            defaults: Cache::new(time_to_live),
            keys: Cache::new(time_to_live),
            repairs: false,
            trusts_default: false,
        }
    }

    /// Judges one subject.
    ///
    /// # Errors
    /// Where AWS could not be asked: the subject is to be tried again.
    pub async fn check(&self, subject: &Subject, trip: Trip<'_>) -> Result<Verdict, AskError> {
        match subject {
            Subject::Arrival(version) => self.check_version(version, trip).await,
            Subject::Replication(event) => Ok(verdict_on_event(event)),
        }
    }

    async fn check_version(
        &self,
        version: &ObjectVersion,
        trip: Trip<'_>,
    ) -> Result<Verdict, AskError> {
        // At once: a cold cache costs no more time than the HEAD does.
        let expected = async {
            let expected = self.expected(version, trip, Freshness::Cached).await;
            if let Ok(Some(expected)) = &expected {
                self.warm(expected, trip).await;
            }
            expected
        };
        let inspect = self.aws.inspect(version, owner_of(version, trip.home));
        let (inspection, expected) = futures_util::future::join(inspect, expected).await;
        let verdict = self.look(version, inspection?, expected, trip).await?;
        if self.repairs && !trip.only_looks {
            Box::pin(self.repair(verdict, trip)).await
        } else {
            Ok(verdict)
        }
    }

    /// The verdict on what S3 answered.
    async fn look(
        &self,
        version: &ObjectVersion,
        inspection: Inspection,
        expected: Result<Option<Expected>, AskError>,
        trip: Trip<'_>,
    ) -> Result<Verdict, AskError> {
        let judgement = match inspection {
            Inspection::Object(observed) => {
                return self.judge(version, observed, expected, trip).await;
            }
            Inspection::NotFound => verdict::gone(false),
            Inspection::DeleteMarker => verdict::gone(true),
            Inspection::AccessDenied => {
                verdict::access_denied(version, owner_of(version, trip.home))
            }
            Inspection::CustomerKey => verdict::customer_key(),
            Inspection::OtherRegion(region) => verdict::other_region(&version.bucket, &region),
        };
        Ok(unseen(version, judgement))
    }

    async fn judge(
        &self,
        version: &ObjectVersion,
        observed: Observed,
        expected: Result<Option<Expected>, AskError>,
        trip: Trip<'_>,
    ) -> Result<Verdict, AskError> {
        let status = observed.replication_status.as_deref();
        // What is no replica needs no expectation, not even one that can be read.
        let expected = if verdict::may_be_replica(status) {
            expected?
        } else {
            None
        };
        let (key, answer) = match &observed.kms_key {
            Some(name) if expected.is_some() => {
                let (key, answer) = self.observed_key(name, version, trip).await?;
                (Some(key), answer)
            }
            _ => (None, KeyKnowledge::default()),
        };
        let judgement = judge_object(Evidence {
            observed: &observed,
            arrived: arrived(version),
            key: key.as_ref(),
            key_state: &answer.state,
            aws_managed: answer.aws_managed,
            expected: expected.as_ref(),
            region: version
                .region
                .as_deref()
                .or(trip.home.map(|home| home.region.as_str())),
        });
        Ok(Verdict {
            version: version.clone(),
            judgement,
            observed: Some(observed),
            expected,
            replication: None,
            repaired: false,
        })
    }

    /// What is expected of a version: the environment's word, else the registry's, else, where it counts,
    /// that of the bucket's default encryption.
    async fn expected(
        &self,
        version: &ObjectVersion,
        trip: Trip<'_>,
        freshness: Freshness,
    ) -> Result<Option<Expected>, AskError> {
        // What is said without an account is meant where it was said: the environment's names in the
        // checker's own, what is said about a bucket in its owner's.
        if !self.allowed.is_empty() {
            let mut keys = Vec::with_capacity(self.allowed.len());
            for name in &self.allowed {
                let key = self.resolve(name, trip.home, trip).await?;
                keys.push(Allowed::current(key));
            }
            return Ok(Some(Expected {
                from: Authority::Environment,
                keys,
                several_owners: false,
            }));
        }
        let registry = self.registry(&version.bucket, trip, freshness).await?;
        let word = registry.word_on(&version.key);
        if !word.keys.is_empty() {
            let mut keys = Vec::with_capacity(word.keys.len());
            for said in &word.keys {
                keys.push(Allowed {
                    key: self.resolve_for(said.key, version, trip).await?,
                    algorithm: said.algorithm,
                    standing: said.standing,
                    since: said.since,
                    until: said.until,
                });
            }
            return Ok(Some(Expected {
                from: Authority::Registry,
                keys,
                several_owners: word.several_owners,
            }));
        }
        if !self.trusts_default {
            return Ok(None);
        }
        self.by_default(version, trip).await
    }

    async fn registry(
        &self,
        bucket: &str,
        trip: Trip<'_>,
        freshness: Freshness,
    ) -> Result<Arc<Registry>, AskError> {
        let fetch = || async {
            let parameters = self.aws.registry(bucket).await?;
            let registry = Registry::read(&parameters).map_err(|error| AskError {
                operation: "ssm:GetParametersByPath",
                resource: format!("/encrypted-replication/{bucket}/"),
                answer: error.to_string(),
                remedy: "where it stays so, correct or delete the parameter".to_owned(),
            })?;
            Ok(Arc::new(registry))
        };
        match freshness {
            Freshness::Cached => {
                self.registries
                    .get_or_fetch(bucket, trip.began, fetch)
                    .await
            }
            Freshness::Anew => {
                self.registries
                    .get_anew(bucket, Instant::now(), fetch)
                    .await
            }
        }
    }

    async fn by_default(
        &self,
        version: &ObjectVersion,
        trip: Trip<'_>,
    ) -> Result<Option<Expected>, AskError> {
        let bucket = version.bucket.as_str();
        let owner = owner_of(version, trip.home);
        let fetch = || self.fetch_default(bucket, owner);
        let default = self
            .defaults
            .get_or_fetch(bucket, trip.began, fetch)
            .await?;
        let Some(BucketDefault { key, algorithm }) = default else {
            return Ok(None);
        };
        let key = self.resolve_for(&key, version, trip).await?;
        Ok(Some(Expected {
            from: Authority::BucketDefault,
            keys: vec![Allowed {
                algorithm,
                ..Allowed::current(key)
            }],
            several_owners: false,
        }))
    }

    async fn fetch_default(
        &self,
        bucket: &str,
        owner: Option<&str>,
    ) -> Result<Option<BucketDefault>, AskError> {
        let (key, algorithm) = match self.aws.default_encryption(bucket, owner).await? {
            DefaultEncryption::Kms(key) => (key, None),
            DefaultEncryption::Dsse(key) => (key, Some(Algorithm::Dsse)),
            DefaultEncryption::Other => return Ok(None),
        };
        let key = key.as_deref().unwrap_or(AWS_MANAGED_ALIAS);
        match KeyName::parse(key) {
            Ok(key) => Ok(Some(BucketDefault { key, algorithm })),
            Err(problem) => Err(AskError {
                operation: "s3:GetBucketEncryption",
                resource: format!("bucket {bucket}"),
                answer: format!("its KMS key `{key}` is {problem}"),
                remedy: "correct the bucket's default encryption".to_owned(),
            }),
        }
    }

    /// The key that a name means which is said about a version's bucket.
    async fn resolve_for(
        &self,
        name: &KeyName,
        version: &ObjectVersion,
        trip: Trip<'_>,
    ) -> Result<ExpectedKey, AskError> {
        match name {
            KeyName::Arn(arn) => Ok(ExpectedKey::Known(arn.clone())),
            _ => {
                let home = home_of(version, trip.home);
                self.resolve(name, home.as_ref(), trip).await
            }
        }
    }

    /// The key that a name means in the account of `owner`.
    async fn resolve(
        &self,
        name: &KeyName,
        owner: Option<&Home>,
        trip: Trip<'_>,
    ) -> Result<ExpectedKey, AskError> {
        if let Some(key) = ExpectedKey::without_asking(name, owner) {
            return Ok(key);
        }
        let unresolved = |refusal: Option<String>| ExpectedKey::Unresolved {
            alias: name.to_string(),
            refusal,
        };
        let asked = match (name, owner) {
            // KMS looks a bare alias up in the caller's account.
            (KeyName::Alias(alias), Some(owner)) if Some(owner) == trip.home => alias.clone(),
            (KeyName::Alias(_), Some(owner)) => name.in_home(owner).to_string(),
            (KeyName::Alias(_), None) => {
                let why =
                    "nothing says whose alias it is, as the checker does not know its account";
                return Ok(unresolved(Some(why.to_owned())));
            }
            _ => name.to_string(),
        };
        Ok(match self.describe(&asked, trip).await? {
            KeyAnswer::Found(key) => match KeyArn::parse(&key.arn) {
                Some(arn) => ExpectedKey::Known(arn),
                None => unresolved(Some(format!("KMS named it {}", key.arn))),
            },
            KeyAnswer::NotFound => unresolved(None),
            KeyAnswer::Refused(why) => unresolved(Some(why)),
        })
    }

    async fn observed_key(
        &self,
        name: &str,
        version: &ObjectVersion,
        trip: Trip<'_>,
    ) -> Result<(ObservedKey, KeyKnowledge), AskError> {
        let parsed = KeyName::parse(name);
        let known = match &parsed {
            Ok(KeyName::Arn(arn)) => Some(ExpectedKey::Known(arn.clone())),
            Ok(parsed) => ExpectedKey::without_asking(parsed, home_of(version, trip.home).as_ref()),
            Err(_) => None,
        };
        let key = match known {
            Some(ExpectedKey::Known(arn)) => ObservedKey::Known(arn),
            _ => ObservedKey::Named(name.to_owned()),
        };
        // KMS answers for its own Region only: elsewhere every key would seem to be missing.
        if let (ObservedKey::Known(arn), Some(home)) = (&key, trip.home)
            && arn.region != home.region
        {
            let why = format!(
                "the key is in {}, the checker in {}",
                arn.region, home.region
            );
            let answer = KeyKnowledge {
                state: KeyState::Unknown(why),
                aws_managed: None,
            };
            return Ok((key, answer));
        }
        let answer = self.describe(name, trip).await?;
        let key = match (&answer, key) {
            (KeyAnswer::Found(found), ObservedKey::Named(name)) => {
                KeyArn::parse(&found.arn).map_or(ObservedKey::Named(name), ObservedKey::Known)
            }
            (_, key) => key,
        };
        Ok((key, KeyKnowledge::from(answer)))
    }

    /// Fetches the state of the key that the replica most likely has, while the HEAD is under way.
    async fn warm(&self, expected: &Expected, trip: Trip<'_>) {
        if let [only] = expected.keys.as_slice()
            && let ExpectedKey::Known(arn) = &only.key
            && trip.home.is_none_or(|home| home.region == arn.region)
        {
            // Its failure is the business of whoever needs the state.
            let _ = self.describe(&arn.to_string(), trip).await;
        }
    }

    async fn describe(&self, key: &str, trip: Trip<'_>) -> Result<KeyAnswer, AskError> {
        let fetch = || self.aws.describe(key);
        self.keys.get_or_fetch(key, trip.began, fetch).await
    }

    /// Repairs what the verdict finds wrong, where S3 can do it.
    ///
    /// # Guarantees
    /// - Only what is plainly a replica is changed, and only where one owner alone, or the environment,
    ///   says one key alone: read again right before, in case that it was changed meanwhile.
    /// - The verdict that comes back is on what S3 shows after the repair. One that could not be done
    ///   keeps its finding, and says why.
    ///
    /// # Errors
    /// Where AWS could not be asked, or not after the repair: tried again, S3 shows what became of it.
    async fn repair(&self, verdict: Verdict, trip: Trip<'_>) -> Result<Verdict, AskError> {
        if !repair::is_wrong(&verdict) {
            return Ok(verdict);
        }
        if let Err(why) = repair::target(&verdict) {
            return Ok(verdict::not_repaired(verdict, why));
        }
        let Some(observed) = verdict.observed.clone() else {
            return Ok(verdict);
        };
        let expected = self.expected(&verdict.version, trip, Freshness::Anew).await;
        let before = self
            .judge(&verdict.version, observed, expected, trip)
            .await?;
        if !repair::is_wrong(&before) {
            return Ok(before);
        }
        let target = match repair::target(&before) {
            Ok(target) => target,
            Err(why) => return Ok(verdict::not_repaired(before, why)),
        };
        // The version that was looked at: another one may be the current one by now.
        let version = &ObjectVersion {
            version_id: before.version_id().map(str::to_owned),
            ..before.version.clone()
        };
        let owner = owner_of(version, trip.home);
        let answer = self
            .aws
            .repair(version, &target.key, target.bucket_key, owner);
        if let Repair::Refused(answer) = answer.await? {
            let why = format!("S3 refused UpdateObjectEncryption: {answer}");
            return Ok(verdict::not_repaired(before, &why));
        }
        // Said at once: should the second look fail, the next one finds nothing to repair.
        tracing::info!(
            bucket = version.bucket,
            key = version.key.as_str(),
            version_id = version.version_id,
            kms_key_arn = target.key,
            "re-encrypted a replica whose verdict was {}",
            before.judgement.kind.as_str(),
        );
        let inspection = self.aws.inspect(version, owner).await?;
        let expected = Ok(before.expected.clone());
        let after = self.look(version, inspection, expected, trip).await?;
        if repair::is_wrong(&after) {
            return Ok(verdict::not_repaired(
                after,
                "S3 accepted UpdateObjectEncryption, and shows the wrong encryption all the same",
            ));
        }
        Ok(verdict::repaired(after, &before))
    }
}

/// How fresh an expectation has to be.
#[derive(Clone, Copy, Debug)]
enum Freshness {
    /// As its time to live allows.
    Cached,
    /// Read now.
    Anew,
}

/// What is known of the observed key.
struct KeyKnowledge {
    state: KeyState,
    aws_managed: Option<bool>,
}

impl Default for KeyKnowledge {
    fn default() -> Self {
        Self {
            state: KeyState::Unknown("no key was named".to_owned()),
            aws_managed: None,
        }
    }
}

impl From<KeyAnswer> for KeyKnowledge {
    fn from(answer: KeyAnswer) -> Self {
        match answer {
            KeyAnswer::Found(key) => Self {
                state: key_state(key.state),
                aws_managed: Some(key.aws_managed),
            },
            KeyAnswer::NotFound => Self {
                state: KeyState::Missing,
                aws_managed: None,
            },
            KeyAnswer::Refused(why) => Self {
                state: KeyState::Unknown(why),
                aws_managed: None,
            },
        }
    }
}

/// See <https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html>: in `Updating` a key
/// encrypts and decrypts as ever.
fn key_state(state: String) -> KeyState {
    match state.as_str() {
        "Enabled" | "Updating" => KeyState::Usable,
        "Creating"
        | "Disabled"
        | "PendingDeletion"
        | "PendingImport"
        | "PendingReplicaDeletion"
        | "Unavailable" => KeyState::Unusable(state),
        _ => KeyState::Unknown(format!(
            "its state is `{state}`, which this checker does not know"
        )),
    }
}

fn verdict_on_event(event: &ReplicationEvent) -> Verdict {
    Verdict {
        version: event.version.clone(),
        judgement: judge_replication(event),
        observed: None,
        expected: None,
        replication: Some(event.clone()),
        repaired: false,
    }
}

/// The account that should own the bucket: the event's word, else the function's own.
fn owner_of<'a>(version: &'a ObjectVersion, home: Option<&'a Home>) -> Option<&'a str> {
    version
        .bucket_owner
        .as_deref()
        .or(home.map(|home| home.account.as_str()))
}

/// The account of the bucket's owner, in the checker's Region.
fn home_of(version: &ObjectVersion, home: Option<&Home>) -> Option<Home> {
    let home = home?;
    Some(match version.bucket_owner.as_deref() {
        Some(owner) if owner != home.account => home.of_account(owner),
        _ => home.clone(),
    })
}

/// When a version arrived, where an event says it.
fn arrived(version: &ObjectVersion) -> Option<Time> {
    version
        .event_time_ms
        .map(|ms| Time::from_secs(ms.div_euclid(1000)))
}

fn unseen(version: &ObjectVersion, judgement: Judgement) -> Verdict {
    Verdict {
        version: version.clone(),
        judgement,
        observed: None,
        expected: None,
        replication: None,
        repaired: false,
    }
}
