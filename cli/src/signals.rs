//! The signals that end a command early.

use std::future::pending;
use std::process::ExitCode;

/// Waits for Ctrl-C; the status is the one that shells give.
pub(crate) async fn received() -> ExitCode {
    const INTERRUPTED: u8 = 130;
    match tokio::signal::ctrl_c().await {
        Ok(()) => ExitCode::from(INTERRUPTED),
        Err(_) => pending().await,
    }
}
