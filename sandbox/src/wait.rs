//! Waiting for something that happens elsewhere, with a bound.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::{Instant, sleep};

const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// What was waited for did not happen in time.
#[derive(Debug)]
pub struct InVain(String);

impl std::fmt::Display for InVain {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for InVain {}

/// Looks again and again until `look` finds something.
///
/// # Errors
/// [`InVain`] after `limit`, saying what was waited for; or at once, what `look` fails with.
pub async fn until<T>(
    what: &str,
    limit: Duration,
    mut look: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = look()
            .await
            .with_context(|| format!("while waiting for {what}"))?
        {
            return Ok(found);
        }
        if Instant::now() >= deadline {
            return Err(InVain(format!("waited {} s in vain for {what}", limit.as_secs())).into());
        }
        sleep(BETWEEN_LOOKS).await;
    }
}
