//! A Lambda function that sends the checker's HEADs, unsigned, and looks at nothing that comes
//! back: the floor under the cost of a replica.

use std::env;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use http_body_util::Empty;
use hyper::{Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::{Value, json};

/// As many as the checker has in flight.
const IN_FLIGHT: usize = 128;

type Http = Client<HttpConnector, Empty<Bytes>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let endpoint = env::var("AWS_ENDPOINT_URL")?;
    let client: Http = Client::builder(TokioExecutor::new()).build_http();
    let (client, endpoint) = (&client, endpoint.as_str());
    run(service_fn(async |event: LambdaEvent<Value>| {
        let records = event.payload.get("Records").and_then(Value::as_array);
        stream::iter(records.into_iter().flatten())
            .map(|record| head(client, endpoint, record))
            .buffer_unordered(IN_FLIGHT)
            .try_collect::<()>()
            .await?;
        Ok::<_, Error>(json!({"batchItemFailures": []}))
    }))
    .await
}

async fn head(client: &Http, endpoint: &str, record: &Value) -> Result<(), Error> {
    let text = |value: &Value, at: &str| {
        let text = value.pointer(at).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let body: Value = serde_json::from_str(&text(record, "/body"))?;
    let uri = format!(
        "{endpoint}/{}/{}?versionId={}",
        text(&body, "/detail/bucket/name"),
        text(&body, "/detail/object/key"),
        text(&body, "/detail/object/version-id"),
    );
    let request = Request::builder()
        .method(Method::HEAD)
        .uri(uri)
        .body(Empty::new())?;
    client.request(request).await?;
    Ok(())
}
