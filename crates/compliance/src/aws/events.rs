//! EventBridge: one `PutEvents`.

use event_bus::{Event, Refusal};

use super::Aws;
use super::error::ask;
use crate::ports::{AskError, PublishFindings};

impl PublishFindings for Aws {
    async fn put(
        &self,
        bus: &str,
        events: &[&Event],
    ) -> Result<Vec<Result<(), Refusal>>, AskError> {
        let put = event_bus::put(&self.events, bus, events).await;
        put.map_err(|error| ask("events:PutEvents", format!("event bus {bus}"), &error))
    }
}
