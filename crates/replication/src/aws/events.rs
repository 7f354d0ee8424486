//! EventBridge: one `PutEvents`.

use aws_types::region::Region;
use event_bus::{Event, Refusal};

use super::SdkAws;
use super::failure::failure;
use crate::ports::{Events, Outcome};

impl Events for SdkAws {
    async fn put_events(
        &self,
        region: &str,
        bus: &str,
        events: &[&Event],
    ) -> Outcome<Vec<Result<(), Refusal>>> {
        // Made here, where there is something to tell, so that no other request pays for it.
        let config = self.config.to_builder();
        let config = config.region(Region::new(region.to_owned())).build();
        let client = event_bus::client(&config);
        let put = event_bus::put(&client, bus, events).await;
        put.map_err(|error| failure("PutEvents", format!("event bus `{bus}`"), region, &error))
    }
}
