//! Keys of KMS: which one a name means, and whether it can be used.

use std::sync::Arc;
use std::time::Duration;

use aws_names::{Home, KeyArn, KeyName};

use crate::cache::{Cache, Freshness};
use crate::ports::{AskError, DescribeKey, KeyAnswer};
use crate::subject::ObjectVersion;
use crate::trip::Trip;
use crate::verdict::{Expected, ExpectedKey, KeyState, ObservedKey};

/// What KMS said of keys, remembered.
#[derive(Debug)]
pub(crate) struct Keys(Cache<String, Arc<KeyAnswer>, AskError>);

impl Keys {
    pub(crate) fn new(time_to_live: Duration) -> Self {
        Self(Cache::new(time_to_live))
    }

    /// Asks KMS by way of `aws`, on this trip.
    pub(crate) fn ask<'a, A>(
        &'a self,
        aws: &'a A,
        trip: Trip<'a>,
        freshness: Freshness,
    ) -> Asking<'a, A> {
        Asking {
            aws,
            keys: self,
            trip,
            freshness,
        }
    }
}

/// Asks on one trip, what is expected and which keys that means.
#[derive(Debug)]
pub(crate) struct Asking<'a, A> {
    pub(crate) aws: &'a A,
    keys: &'a Keys,
    pub(crate) trip: Trip<'a>,
    pub(crate) freshness: Freshness,
}

impl<A: DescribeKey> Asking<'_, A> {
    async fn describe(&self, key: &str) -> Result<Arc<KeyAnswer>, AskError> {
        let fetch = || async { self.aws.describe(key).await.map(Arc::new) };
        self.freshness
            .of((&self.keys.0, key), self.trip.began, fetch)
            .await
    }

    /// The key that a name means which is said about a version's bucket.
    pub(crate) async fn resolve_for(
        &self,
        name: &KeyName,
        version: &ObjectVersion,
    ) -> Result<ExpectedKey, AskError> {
        if let KeyName::Arn(arn) = name {
            return Ok(ExpectedKey::Known(arn.clone()));
        }
        let home = self.trip.home_of(version);
        self.resolve(name, home.as_ref()).await
    }

    /// The key that a name means in the account of `owner`.
    pub(crate) async fn resolve(
        &self,
        name: &KeyName,
        owner: Option<&Home>,
    ) -> Result<ExpectedKey, AskError> {
        if let Some(key) = ExpectedKey::without_asking(name, owner) {
            return Ok(key);
        }
        let unresolved = |refusal: Option<String>| ExpectedKey::Unresolved {
            alias: name.to_string(),
            refusal,
        };
        // KMS answers for its own Region only: elsewhere every alias would seem to be missing.
        if let (KeyName::AliasArn(alias), Some(home)) = (name, self.trip.home)
            && alias.region != home.region
        {
            let why = format!(
                "the alias is in {}, the checker in {}",
                alias.region, home.region
            );
            return Ok(unresolved(Some(why)));
        }
        let asked = match (name, owner) {
            // KMS looks a bare alias up in the caller's account.
            (KeyName::Alias(alias), Some(owner)) if Some(owner) == self.trip.home => alias.clone(),
            (KeyName::Alias(_), Some(owner)) => name.in_home(owner).to_string(),
            (KeyName::Alias(_), None) => {
                let why =
                    "nothing says whose alias it is, as the checker does not know its account";
                return Ok(unresolved(Some(why.to_owned())));
            }
            _ => name.to_string(),
        };
        Ok(match &*self.describe(&asked).await? {
            KeyAnswer::Found(key) => match KeyArn::parse(&key.arn) {
                Some(arn) => ExpectedKey::Known(arn),
                None => unresolved(Some(format!("KMS named it {}", key.arn))),
            },
            KeyAnswer::NotFound => unresolved(None),
            KeyAnswer::Refused(why) => unresolved(Some(why.clone())),
        })
    }

    /// The key that S3 names, and what KMS says of it.
    pub(crate) async fn observed(
        &self,
        name: &str,
        version: &ObjectVersion,
    ) -> Result<(ObservedKey, KeyKnowledge), AskError> {
        let known = match KeyName::parse(name) {
            Ok(KeyName::Arn(arn)) => Some(ExpectedKey::Known(arn)),
            Ok(parsed) => ExpectedKey::without_asking(&parsed, self.trip.home_of(version).as_ref()),
            Err(_) => None,
        };
        let key = match known {
            Some(ExpectedKey::Known(arn)) => ObservedKey::Known(arn),
            _ => ObservedKey::Named(name.to_owned()),
        };
        // KMS answers for its own Region only: elsewhere every key would seem to be missing.
        if let (ObservedKey::Known(arn), Some(home)) = (&key, self.trip.home)
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
        let answer = self.describe(name).await?;
        let key = match (&*answer, key) {
            (KeyAnswer::Found(found), ObservedKey::Named(name)) => {
                KeyArn::parse(&found.arn).map_or(ObservedKey::Named(name), ObservedKey::Known)
            }
            (_, key) => key,
        };
        Ok((key, KeyKnowledge::from(&*answer)))
    }

    /// Fetches the state of the key that the replica most likely has, while the HEAD is under way.
    pub(crate) async fn warm(&self, expected: &Expected) {
        if let [only] = expected.keys.as_slice()
            && let ExpectedKey::Known(arn) = &only.key
            && self.trip.home.is_none_or(|home| home.region == arn.region)
        {
            // Its failure is the business of whoever needs the state.
            let _ = self.describe(&arn.text()).await;
        }
    }
}

/// What is known of the observed key.
pub(crate) struct KeyKnowledge {
    pub(crate) state: KeyState,
    pub(crate) aws_managed: Option<bool>,
}

impl Default for KeyKnowledge {
    fn default() -> Self {
        Self {
            state: KeyState::Unknown("no key was named".to_owned()),
            aws_managed: None,
        }
    }
}

impl From<&KeyAnswer> for KeyKnowledge {
    fn from(answer: &KeyAnswer) -> Self {
        match answer {
            KeyAnswer::Found(key) => Self {
                state: key_state(&key.state),
                aws_managed: Some(key.aws_managed),
            },
            KeyAnswer::NotFound => Self {
                state: KeyState::Missing,
                aws_managed: None,
            },
            KeyAnswer::Refused(why) => Self {
                state: KeyState::Unknown(why.clone()),
                aws_managed: None,
            },
        }
    }
}

/// See <https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html>: in `Updating` a key
/// encrypts and decrypts as ever.
fn key_state(state: &str) -> KeyState {
    match state {
        "Enabled" | "Updating" => KeyState::Usable,
        "Creating"
        | "Disabled"
        | "PendingDeletion"
        | "PendingImport"
        | "PendingReplicaDeletion"
        | "Unavailable" => KeyState::Unusable(state.to_owned()),
        _ => KeyState::Unknown(format!(
            "its state is `{state}`, which this checker does not know"
        )),
    }
}
