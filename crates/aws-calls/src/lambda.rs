//! Lambda's functions.

use aws_types::SdkConfig;
use serde_json::Value;

use crate::client::{Call, Client, Error, json};
use crate::service::Service;

const LAMBDA: Service = Service {
    id: "Lambda",
    prefix: "lambda",
    target: "",
};

/// Lambda in the Region of a configuration.
#[derive(Clone, Debug)]
pub struct Lambda(Client);

impl Lambda {
    /// By way of this configuration.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self(Client::new(config, LAMBDA))
    }

    /// Invokes a function of this account, and waits for its answer.
    ///
    /// See <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>.
    ///
    /// # Errors
    /// Where it was not invoked; and where it failed, with its own words.
    pub async fn invoke(&self, function: &str, payload: &Value) -> Result<Value, Error> {
        let call = Call {
            method: "POST",
            path: format!("/2015-03-31/functions/{function}/invocations"),
            headers: vec![("content-type", "application/json".to_owned())],
            body: payload.to_string(),
        };
        self.0.send("Invoke", call, json).await
    }
}
