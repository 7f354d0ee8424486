//! EventBridge: one `PutEvents`.

use aws_sdk_eventbridge::types::PutEventsRequestEntry;

use super::Aws;
use super::error::ask;
use crate::findings::{Event, SOURCE};
use crate::ports::{AskError, EventError, PublishFindings};

impl PublishFindings for Aws {
    /// See <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>.
    async fn put(
        &self,
        bus: &str,
        events: &[&Event],
    ) -> Result<Vec<Result<(), EventError>>, AskError> {
        let entry = |event: &&Event| {
            PutEventsRequestEntry::builder()
                .event_bus_name(bus)
                .source(SOURCE)
                .detail_type(event.detail_type)
                .detail(event.detail.as_str())
                .set_resources(Some(event.resources.clone()))
                .build()
        };
        let answer = self
            .events
            .put_events()
            .set_entries(Some(events.iter().map(entry).collect()))
            .send()
            .await
            .map_err(|error| ask("events:PutEvents", format!("event bus {bus}"), &error))?;
        let entries = answer.entries.unwrap_or_default().into_iter();
        let result = entries.map(|entry| match (entry.error_code, entry.event_id) {
            (None, Some(_)) => Ok(()),
            (code, _) => Err(EventError {
                code: code.unwrap_or_else(|| "no event id".to_owned()),
                message: entry.error_message.unwrap_or_default(),
            }),
        });
        Ok(result.collect())
    }
}
