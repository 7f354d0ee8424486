//! Throttling and outages while something is proved that has been made already.

use std::time::Duration;

use custom_resource::Deadline;

use crate::error::{AwsError, ErrorKind};
use crate::patience::{Backoff, retrying};

const PAUSES: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(8));

/// Makes the call again until it gets an answer or `until` has passed.
///
/// # Errors
/// What AWS refused; a transient failure only where it lasted.
pub(super) async fn patiently<T, F>(until: Deadline, call: impl Fn() -> F) -> Result<T, AwsError>
where
    F: Future<Output = Result<T, AwsError>>,
{
    let transient = |error: &AwsError, _| error.kind == ErrorKind::Transient;
    retrying(until, PAUSES, transient, call).await
}
