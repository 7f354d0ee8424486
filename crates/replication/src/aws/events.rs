//! EventBridge over the SDK: one `PutEvents`.

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_types::region::Region;

use super::SdkAws;
use super::failure::failure;
use crate::drift::SOURCE;
use crate::ports::{BusEvent, Events, Outcome, Untaken};

impl Events for SdkAws {
    async fn put_events(
        &self,
        region: &str,
        bus: &str,
        events: &[BusEvent],
    ) -> Outcome<Vec<Result<(), Untaken>>> {
        // Made here, where there is something to tell, so that no other request pays for it.
        let config = self.config.to_builder();
        let config = config.region(Region::new(region.to_owned())).build();
        let entry = |event: &BusEvent| {
            PutEventsRequestEntry::builder()
                .event_bus_name(bus)
                .source(SOURCE)
                .detail_type(event.detail_type)
                .detail(event.detail.as_str())
                .set_resources(Some(event.resources.clone()))
                .build()
        };
        let call = aws_sdk_eventbridge::Client::new(&config)
            .put_events()
            .set_entries(Some(events.iter().map(entry).collect()));
        let answer = call
            .send()
            .await
            .map_err(|error| failure("PutEvents", format!("event bus `{bus}`"), region, &error))?;
        let entries = answer.entries.unwrap_or_default().into_iter();
        let result = entries.map(|entry| match (entry.error_code, entry.event_id) {
            (None, Some(_)) => Ok(()),
            (code, _) => Err(Untaken {
                code: code.unwrap_or_else(|| "no event id".to_owned()),
                message: entry.error_message.unwrap_or_default(),
            }),
        });
        Ok(result.collect())
    }
}
