//! Faults on demand, switched on and off while the sandbox runs: `aws_behaviour/faults.py`.

use std::collections::BTreeMap;

use anyhow::Result;
use hyper::Method;
use serde::Deserialize;
use serde_json::json;

use crate::server::Sandbox;

const PATH: &str = "/_sandbox/faults";

/// What was done so far, by name.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Told {
    /// Answers to the function, by operation, those that failed among them.
    pub answers: BTreeMap<String, u64>,
    /// Answers that failed, by operation and kind of fault.
    pub faults: BTreeMap<String, BTreeMap<String, u64>>,
    /// Events on their way into queues: `delivered`, `twice`, `late`.
    pub events: BTreeMap<String, u64>,
    /// The function's `invocations` from a queue and their `messages`, of which `redelivered`; the
    /// `killed` invocations and `messagesOfKilled`.
    pub invocations: BTreeMap<String, u64>,
}

impl Sandbox {
    /// Lets the function's calls, its events and its processes fail, drawn by `seed`.
    ///
    /// # Errors
    /// When the sandbox cannot be asked.
    pub async fn begin_faults(&self, seed: u64, function: &str) -> Result<()> {
        let wanted = json!({"seed": seed, "function": function}).to_string();
        self.ask(Method::PUT, wanted).await?;
        Ok(())
    }

    /// What was done since the faults began. What the functions have written up to now is then in
    /// their logs.
    ///
    /// # Errors
    /// When the sandbox cannot be asked.
    pub async fn faults(&self) -> Result<Told> {
        self.ask(Method::GET, String::new()).await
    }

    /// Ends the faults.
    ///
    /// # Errors
    /// When the sandbox cannot be asked.
    pub async fn end_faults(&self) -> Result<Told> {
        self.ask(Method::DELETE, String::new()).await
    }

    async fn ask(&self, method: Method, body: String) -> Result<Told> {
        let told = self.control(method, PATH, body).await?;
        Ok(serde_json::from_slice(&told)?)
    }
}
