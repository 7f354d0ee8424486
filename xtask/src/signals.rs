//! The ends of a command: its own, and the signals that end it early.

use std::future::pending;
use std::process::ExitCode;

use anyhow::Result;
use tokio::signal::unix::{SignalKind, signal};

use crate::progress::leave_terminal_clean;

/// Works until it is done, or until a signal comes: dropping the work ends every process that it has
/// started. An error is printed.
pub async fn until_done(work: impl Future<Output = Result<bool>>) -> ExitCode {
    let outcome = tokio::select! {
        outcome = work => outcome,
        status = received() => {
            leave_terminal_clean();
            return status;
        }
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Waits for Ctrl-C or its like; the status is the one that shells give, 128 and the signal's number.
async fn received() -> ExitCode {
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
