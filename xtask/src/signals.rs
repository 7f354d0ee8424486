//! The signals that end a command early.

use std::future::pending;
use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

/// Waits for Ctrl-C or its like; the status is the one that shells give, 128 and the signal's number.
pub(crate) async fn received() -> ExitCode {
    tokio::select! {
        () = one(SignalKind::interrupt()) => ExitCode::from(130),
        () = one(SignalKind::terminate()) => ExitCode::from(143),
        () = one(SignalKind::hangup()) => ExitCode::from(129),
    }
}

async fn one(kind: SignalKind) {
    match signal(kind) {
        Ok(mut stream) => {
            stream.recv().await;
        }
        Err(_) => pending().await,
    }
}
