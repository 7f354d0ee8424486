//! Throttling and outages while something is proved that has been made already.

use std::time::Duration;

use custom_resource::Deadline;

use crate::error::{AwsError, ErrorKind};

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// Makes the call again, with growing pauses, until it gets an answer or `until` has passed.
///
/// # Errors
/// What AWS refused; a transient failure only where it lasted.
pub(super) async fn patiently<T, F>(until: Deadline, call: impl Fn() -> F) -> Result<T, AwsError>
where
    F: Future<Output = Result<T, AwsError>>,
{
    let mut pause = FIRST_PAUSE;
    loop {
        match call().await {
            Err(error) if error.kind == ErrorKind::Transient && !until.has_passed() => {
                tracing::info!(%error, "asking again");
                tokio::time::sleep(pause.min(until.remaining())).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            outcome => return outcome,
        }
    }
}
