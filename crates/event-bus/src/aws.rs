//! One `PutEvents`.

use aws_calls::{Client, Error, Service};
use aws_types::SdkConfig;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Event, Refusal, SOURCE};

const EVENT_BRIDGE: Service = Service {
    id: "EventBridge",
    prefix: "events",
    target: "AWSEvents",
};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry<'a> {
    event_bus_name: &'a str,
    source: &'a str,
    detail_type: &'a str,
    detail: &'a str,
    resources: &'a [String],
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    entries: Vec<Taken>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Taken {
    event_id: Option<String>,
    error_code: Option<String>,
    error_message: Option<String>,
}

/// EventBridge in the Region of a configuration, for [`put`].
#[must_use]
pub fn client(config: &SdkConfig) -> Client {
    Client::new(config, EVENT_BRIDGE)
}

/// Puts at most ten events on `bus`; one result for each, in their order.
///
/// # Errors
/// Where the request as a whole failed, for whatever reason: after the configuration's own retries.
pub async fn put(
    client: &Client,
    bus: &str,
    events: &[&Event],
) -> Result<Vec<Result<(), Refusal>>, Error> {
    let entries = events.iter().map(|event| Entry {
        event_bus_name: bus,
        source: SOURCE,
        detail_type: event.detail_type,
        detail: &event.detail,
        resources: &event.resources,
    });
    let question = json!({"Entries": entries.collect::<Vec<_>>()});
    let answer: Answer = client.call("PutEvents", &question).await?;
    let results = answer.entries.into_iter();
    let results = results.map(|entry| match (entry.error_code, entry.event_id) {
        (None, Some(_)) => Ok(()),
        (code, _) => Err(Refusal {
            code: code.unwrap_or_else(|| "no event id".to_owned()),
            message: entry.error_message.unwrap_or_default(),
        }),
    });
    Ok(results.collect())
}
