//! One `PutEvents`, over the SDK.

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::error::SdkError;
use aws_sdk_eventbridge::operation::put_events::PutEventsError;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;

use crate::{Event, Refusal, SOURCE};

/// Puts at most ten events on `bus`; one result for each, in their order.
///
/// # Errors
/// Where the request as a whole failed, for whatever reason: after the SDK's own retries.
pub async fn put(
    client: &Client,
    bus: &str,
    events: &[&Event],
) -> Result<Vec<Result<(), Refusal>>, SdkError<PutEventsError>> {
    let entry = |event: &&Event| {
        PutEventsRequestEntry::builder()
            .event_bus_name(bus)
            .source(SOURCE)
            .detail_type(event.detail_type)
            .detail(event.detail.as_str())
            .set_resources(Some(event.resources.clone()))
            .build()
    };
    let answer = client
        .put_events()
        .set_entries(Some(events.iter().map(entry).collect()))
        .send()
        .await?;
    let entries = answer.entries.unwrap_or_default().into_iter();
    let results = entries.map(|entry| match (entry.error_code, entry.event_id) {
        (None, Some(_)) => Ok(()),
        (code, _) => Err(Refusal {
            code: code.unwrap_or_else(|| "no event id".to_owned()),
            message: entry.error_message.unwrap_or_default(),
        }),
    });
    Ok(results.collect())
}
