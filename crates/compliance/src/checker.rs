//! From one subject to one verdict: one HEAD, and the rest from caches.

use std::sync::Arc;
use std::time::Duration;

use crate::cache::Cache;
use crate::expectation::{Authority, Registry};
use crate::key_arn::{Home, KeyName};
use crate::ports::{
    AskError, DefaultEncryption, DescribeKey, FindExpectation, InspectObject, Inspection,
    KeyAnswer, Observed, RepairObject,
};
use crate::subject::{ObjectVersion, ReplicationEvent, Subject};
use crate::verdict;
use crate::verdict::{
    Evidence, Expected, ExpectedKey, Judgement, KeyState, ObservedKey, Verdict, judge_object,
    judge_replication,
};

/// AWS's name for the key that S3 uses where default encryption is KMS without a key.
const AWS_MANAGED_ALIAS: &str = "alias/aws/s3";

/// Judges subjects.
///
/// # Guarantees
/// - A replica costs one `HeadObject`; what is expected and the keys' states come from caches that
///   ask AWS once per bucket and key and time to live, misses included.
/// - A verdict is given only on what AWS said. Where AWS could not be asked, [`AskError`] comes back.
#[derive(Debug)]
pub struct Checker<A> {
    aws: A,
    allowed: Vec<KeyName>,
    registries: Cache<String, Arc<Registry>, AskError>,
    defaults: Cache<String, Option<KeyName>, AskError>,
    keys: Cache<String, KeyAnswer, AskError>,
    repairs: bool,
}

impl<A> Checker<A> {
    /// Re-encrypts replicas under a wrong key, where `repairs`.
    #[must_use]
    pub fn repairing(mut self, repairs: bool) -> Self {
        self.repairs = repairs;
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
        }
    }

    /// Judges one subject.
    ///
    /// # Errors
    /// Where AWS could not be asked: the subject is to be tried again.
    pub async fn check(&self, subject: &Subject, home: Option<&Home>) -> Result<Verdict, AskError> {
        match subject {
            Subject::Arrival(version) => self.check_version(version, home).await,
            Subject::Replication(event) => Ok(verdict_on_event(event)),
        }
    }

    async fn check_version(
        &self,
        version: &ObjectVersion,
        home: Option<&Home>,
    ) -> Result<Verdict, AskError> {
        let owner = owner_of(version, home);
        // At once: a cold cache costs no more time than the HEAD does.
        let expected = async {
            let expected = self.expected(version, owner, home).await;
            if let Ok(Some(expected)) = &expected {
                self.warm(expected, home).await;
            }
            expected
        };
        let (inspection, expected) =
            futures_util::future::join(self.aws.inspect(version, owner), expected).await;
        let verdict = self.look(version, inspection?, expected, home).await?;
        if self.repairs {
            Box::pin(self.repair(verdict, owner, home)).await
        } else {
            Ok(verdict)
        }
    }

    /// The verdict on what S3 answered.
    pub(crate) async fn look(
        &self,
        version: &ObjectVersion,
        inspection: Inspection,
        expected: Result<Option<Expected>, AskError>,
        home: Option<&Home>,
    ) -> Result<Verdict, AskError> {
        let observed = match inspection {
            Inspection::Object(observed) => observed,
            Inspection::NotFound => return Ok(unseen(version, verdict::gone(false))),
            Inspection::DeleteMarker => return Ok(unseen(version, verdict::gone(true))),
            Inspection::AccessDenied => {
                let owner = owner_of(version, home);
                return Ok(unseen(version, verdict::access_denied(version, owner)));
            }
            Inspection::CustomerKey => return Ok(unseen(version, verdict::customer_key())),
            Inspection::OtherRegion(region) => {
                return Ok(unseen(
                    version,
                    verdict::other_region(&version.bucket, &region),
                ));
            }
        };
        self.judge(version, observed, expected, home).await
    }

    async fn judge(
        &self,
        version: &ObjectVersion,
        observed: Observed,
        expected: Result<Option<Expected>, AskError>,
        home: Option<&Home>,
    ) -> Result<Verdict, AskError> {
        let is_replica = verdict::is_replica(observed.replication_status.as_deref());
        // What is no replica needs no expectation, not even one that can be read.
        let expected = if is_replica { expected? } else { None };
        let (key, answer) = match &observed.kms_key {
            Some(name) if expected.is_some() => {
                let (key, answer) = self.observed_key(name, home).await?;
                (Some(key), answer)
            }
            _ => (None, KeyKnowledge::default()),
        };
        let judgement = judge_object(Evidence {
            observed: &observed,
            key: key.as_ref(),
            key_state: &answer.state,
            aws_managed: answer.aws_managed,
            expected: expected.as_ref(),
            region: version
                .region
                .as_deref()
                .or(home.map(|home| home.region.as_str())),
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

    /// What is expected of a version: the environment's word, else the registry's, else the
    /// bucket's default encryption.
    async fn expected(
        &self,
        version: &ObjectVersion,
        owner: Option<&str>,
        home: Option<&Home>,
    ) -> Result<Option<Expected>, AskError> {
        if !self.allowed.is_empty() {
            return self
                .resolve(Authority::Environment, self.allowed.iter(), home)
                .await
                .map(Some);
        }
        let registry = self.registry(&version.bucket).await?;
        let names = registry.keys_for(&version.key);
        if !names.is_empty() {
            return self
                .resolve(Authority::Registry, names, home)
                .await
                .map(Some);
        }
        let default = self
            .defaults
            .get_or_fetch(version.bucket.as_str(), || {
                self.fetch_default(&version.bucket, owner)
            })
            .await?;
        match default {
            Some(name) => self
                .resolve(Authority::BucketDefault, [&name], home)
                .await
                .map(Some),
            None => Ok(None),
        }
    }

    async fn registry(&self, bucket: &str) -> Result<Arc<Registry>, AskError> {
        self.registries
            .get_or_fetch(bucket, || async {
                let parameters = self.aws.registry(bucket).await?;
                let registry = Registry::read(&parameters).map_err(|error| AskError {
                    operation: "ssm:GetParametersByPath",
                    resource: format!("/encrypted-replication/{bucket}/"),
                    answer: error.to_string(),
                    remedy: "correct or delete the parameter; the message is tried again"
                        .to_owned(),
                })?;
                Ok(Arc::new(registry))
            })
            .await
    }

    async fn fetch_default(
        &self,
        bucket: &str,
        owner: Option<&str>,
    ) -> Result<Option<KeyName>, AskError> {
        let DefaultEncryption::Kms(key) = self.aws.default_encryption(bucket, owner).await? else {
            return Ok(None);
        };
        let key = key.as_deref().unwrap_or(AWS_MANAGED_ALIAS);
        KeyName::parse(key).map(Some).map_err(|problem| AskError {
            operation: "s3:GetBucketEncryption",
            resource: format!("bucket {bucket}"),
            answer: format!("its KMS key `{key}` is {problem}"),
            remedy: "correct the bucket's default encryption; the message is tried again"
                .to_owned(),
        })
    }

    async fn resolve(
        &self,
        from: Authority,
        names: impl IntoIterator<Item = &KeyName>,
        home: Option<&Home>,
    ) -> Result<Expected, AskError> {
        let mut keys = Vec::new();
        for name in names {
            let key = match ExpectedKey::without_asking(name, home) {
                Some(key) => key,
                None => self.resolve_alias(&name.to_string()).await?,
            };
            keys.push(key);
        }
        Ok(Expected { from, keys })
    }

    async fn resolve_alias(&self, alias: &str) -> Result<ExpectedKey, AskError> {
        let unresolved = |refusal| ExpectedKey::Unresolved {
            alias: alias.to_owned(),
            refusal,
        };
        Ok(match self.describe(alias).await? {
            KeyAnswer::Found(key) => match KeyName::parse(&key.arn) {
                Ok(KeyName::Arn(arn)) => ExpectedKey::Known(arn),
                _ => unresolved(Some(format!("KMS named it {}", key.arn))),
            },
            KeyAnswer::NotFound => unresolved(None),
            KeyAnswer::Refused(why) => unresolved(Some(why)),
        })
    }

    async fn observed_key(
        &self,
        name: &str,
        home: Option<&Home>,
    ) -> Result<(ObservedKey, KeyKnowledge), AskError> {
        let parsed = KeyName::parse(name);
        let known = match &parsed {
            Ok(parsed) => ExpectedKey::without_asking(parsed, home),
            Err(_) => None,
        };
        let key = match known {
            Some(ExpectedKey::Known(arn)) => ObservedKey::Known(arn),
            _ => ObservedKey::Named(name.to_owned()),
        };
        // KMS answers for its own Region only: elsewhere every key would seem to be missing.
        if let (ObservedKey::Known(arn), Some(home)) = (&key, home)
            && arn.region != home.region
        {
            let why = format!(
                "the key is in {}, the checker in {}",
                arn.region, home.region
            );
            return Ok((
                key,
                KeyKnowledge {
                    state: KeyState::Unknown(why),
                    aws_managed: None,
                },
            ));
        }
        let answer = self.describe(name).await?;
        let key = match (&answer, key) {
            (KeyAnswer::Found(found), ObservedKey::Named(name)) => match KeyName::parse(&found.arn)
            {
                Ok(KeyName::Arn(arn)) => ObservedKey::Known(arn),
                _ => ObservedKey::Named(name),
            },
            (_, key) => key,
        };
        Ok((key, KeyKnowledge::from(answer)))
    }

    /// Fetches the state of the key that the replica most likely has, while the HEAD is under way.
    async fn warm(&self, expected: &Expected, home: Option<&Home>) {
        if let [ExpectedKey::Known(arn)] = expected.keys.as_slice()
            && home.is_none_or(|home| home.region == arn.region)
        {
            // Its failure is the business of whoever needs the state.
            let _ = self.describe(&arn.to_string()).await;
        }
    }

    async fn describe(&self, key: &str) -> Result<KeyAnswer, AskError> {
        self.keys.get_or_fetch(key, || self.aws.describe(key)).await
    }
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
