//! Services of AWS's Query protocol: a form is sent, and XML comes back.

use aws_types::SdkConfig;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::client::{Call, Client, Error};
use crate::service::Service;
use crate::xml::document;

const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// A service in the Region of a configuration.
#[derive(Clone, Debug)]
pub struct Query {
    client: Client,
    version: &'static str,
}

impl Query {
    /// By way of this configuration. `version` is that of the service's API, such as `2010-05-15`; the service has no
    /// [`target`](Service::target).
    #[must_use]
    pub fn new(config: &SdkConfig, service: Service, version: &'static str) -> Self {
        Self {
            client: Client::new(config, service),
            version,
        }
    }

    /// Calls an operation with parameters, such as `("Capabilities.member.1", "CAPABILITY_IAM")`; the answer's document.
    ///
    /// See <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>.
    ///
    /// # Errors
    /// As the SDK's clients: where AWS refused or did not answer, after the retries of the configuration.
    pub async fn call(
        &self,
        operation: &'static str,
        parameters: &[(&str, &str)],
    ) -> Result<String, Error> {
        let named = [("Action", operation), ("Version", self.version)];
        let all = named.iter().chain(parameters);
        let pairs = all.map(|(name, value)| format!("{}={}", escaped(name), escaped(value)));
        let call = Call {
            method: "POST",
            path: "/".to_owned(),
            headers: vec![(
                "content-type",
                "application/x-www-form-urlencoded".to_owned(),
            )],
            body: pairs.collect::<Vec<_>>().join("&"),
        };
        self.client.send(operation, call, document).await
    }
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::error::metadata::ProvideErrorMetadata as _;
    use test_server::response;

    use super::*;
    use crate::tests::serving;

    const CLOUDFORMATION: Service = Service {
        id: "CloudFormation",
        prefix: "cloudformation",
        target: "",
    };

    #[tokio::test]
    async fn a_form_is_sent_and_a_refusal_is_told_by_its_code() {
        let refused = "<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code>\
                       <Message>Stack with id a b does not exist</Message></Error></ErrorResponse>";
        let (server, config) = serving(vec![
            response("200 OK", "", "<DescribeStacksResponse/>"),
            response("400 Bad Request", "", refused),
        ])
        .await;
        let cloudformation = Query::new(&config, CLOUDFORMATION, "2010-05-15");
        let ask = async || {
            let named = [("StackName", "a b&c=d/ü~")];
            cloudformation.call("DescribeStacks", &named).await
        };
        assert_eq!(ask().await.unwrap(), "<DescribeStacksResponse/>");
        let refused = ask().await.unwrap_err();
        assert_eq!(refused.code(), Some("ValidationError"));
        let words = Some("Stack with id a b does not exist");
        assert_eq!(refused.message(), words);
        let sent = server.requests().remove(0);
        assert_eq!(sent.line, "POST /");
        assert_eq!(
            sent.body,
            "Action=DescribeStacks&Version=2010-05-15&StackName=a%20b%26c%3Dd%2F%C3%BC~"
        );
        let header = |name| sent.header(name).unwrap_or_default().to_owned();
        assert_eq!(header("content-type"), "application/x-www-form-urlencoded");
        let signature = header("authorization");
        assert!(
            signature.contains("/us-west-2/cloudformation/aws4_request"),
            "{signature}"
        );
    }
}
