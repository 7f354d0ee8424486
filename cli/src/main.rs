//! The command `encrypted-replication`.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    encrypted_replication::main().await
}
