//! Running the resource's code so that it always ends: in a result, a panic caught, or in time.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;
use std::time::Duration;

use tokio::time::timeout_at;

use crate::deadline::Deadline;

/// Says so in the log where nothing here can catch a panic, as a build has it that does not say otherwise:
/// cargo-lambda sets `panic = "abort"` for releases.
pub(crate) fn tell_where_panics_abort() {
    if cfg!(panic = "abort") {
        tracing::error!(
            "a panic ends this function before it can answer, and the stack then waits until \
             ServiceTimeout: set `panic = \"unwind\"` under `[profile.release]` in Cargo.toml"
        );
    }
}

/// How guarded code ended early.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Stopped {
    /// It panicked with this message.
    Panic(String),
    /// The deadline came after this time.
    Deadline(Duration),
}

/// Runs `work` until it is ready, panics, or `deadline` comes. `work` is dropped before this
/// returns, so that nothing of it still runs while the answer is sent.
pub(crate) async fn guard<F: Future>(work: F, deadline: Deadline) -> Result<F::Output, Stopped> {
    let allowed = deadline.remaining();
    let mut work = Box::pin(work);
    // Nothing that the panic may have left half-changed is used again: the request ends here.
    let caught =
        poll_fn(
            |context| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
                Ok(Poll::Pending) => Poll::Pending,
                Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
                Err(panic) => Poll::Ready(Err(Stopped::Panic(message(panic.as_ref())))),
            },
        );
    let result = timeout_at(deadline.instant(), caught)
        .await
        .unwrap_or(Err(Stopped::Deadline(allowed)));
    // A destructor that panics must not take the answer with it.
    match catch_unwind(AssertUnwindSafe(|| drop(work))) {
        Ok(()) => result,
        Err(panic) => {
            tracing::error!(panic = %message(panic.as_ref()), "a destructor panicked");
            result
        }
    }
}

/// The same for code that does not wait.
pub(crate) fn guard_sync<T>(work: impl FnOnce() -> T) -> Result<T, Stopped> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| Stopped::Panic(message(panic.as_ref())))
}

fn message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a value that is no text".to_owned())
}
