//! Credentials that are asked for by each call, and fetched when they are about to expire.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::future::ProvideCredentials as Providing;
use aws_credential_types::provider::{ProvideCredentials, Result, SharedCredentialsProvider};
use tokio::sync::Mutex;

/// How long before they expire new ones are fetched.
const BEFORE: Duration = Duration::from_mins(5);

/// Remembers what `inner` gave. The SDK's clients do so by themselves; who signs without them does not.
#[derive(Debug)]
pub(super) struct Remembered {
    inner: SharedCredentialsProvider,
    known: Mutex<Option<Credentials>>,
}

impl Remembered {
    pub(super) fn new(inner: SharedCredentialsProvider) -> Self {
        let known = Mutex::default();
        Self { inner, known }
    }

    async fn get(&self) -> Result {
        let mut known = self.known.lock().await;
        if let Some(credentials) = known
            .as_ref()
            .filter(|known| lives(known, SystemTime::now()))
        {
            return Ok(credentials.clone());
        }
        let credentials = self.inner.provide_credentials().await?;
        *known = Some(credentials.clone());
        Ok(credentials)
    }
}

fn lives(credentials: &Credentials, now: SystemTime) -> bool {
    credentials
        .expiry()
        .is_none_or(|expiry| expiry > now + BEFORE)
}

impl ProvideCredentials for Remembered {
    fn provide_credentials<'a>(&'a self) -> Providing<'a>
    where
        Self: 'a,
    {
        Providing::new(self.get())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[derive(Debug)]
    struct Counted(Arc<AtomicU64>, Option<Duration>);

    impl ProvideCredentials for Counted {
        fn provide_credentials<'a>(&'a self) -> Providing<'a>
        where
            Self: 'a,
        {
            self.0.fetch_add(1, Ordering::Relaxed);
            let expiry = self.1.map(|lives| SystemTime::now() + lives);
            Providing::ready(Ok(Credentials::new("AKIA", "secret", None, expiry, "test")))
        }
    }

    #[tokio::test]
    async fn they_are_fetched_once_until_they_are_about_to_expire() {
        for (lives, times) in [(None, 1), (Some(3600), 1), (Some(200), 3)] {
            let fetched = Arc::new(AtomicU64::new(0));
            let provider = Counted(Arc::clone(&fetched), lives.map(Duration::from_secs));
            let remembered = Remembered::new(SharedCredentialsProvider::new(provider));
            for _ in 0..3 {
                remembered.provide_credentials().await.unwrap();
            }
            assert_eq!(fetched.load(Ordering::Relaxed), times, "{lives:?}");
        }
    }
}
