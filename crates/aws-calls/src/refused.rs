//! What AWS says where it refuses.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;
use serde_json::Value;

/// The code, where it is not in the body: that of services that speak REST.
///
/// See <https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization>.
const CODE: &str = "x-amzn-errortype";
/// The code where Lambda invoked a function and that failed, which is a success of Lambda's.
pub(crate) const FUNCTION_ERROR: &str = "x-amz-function-error";

/// A refusal: its code and what was said, as far as AWS gave any.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(ErrorMetadata);

impl Refused {
    /// Of an answer whose body is JSON.
    pub(crate) fn in_json(answer: &HttpResponse, body: &Value) -> Self {
        let text = |names: &[&str]| names.iter().find_map(|name| body.get(name)?.as_str());
        let mut names = [FUNCTION_ERROR, CODE].into_iter();
        let header = names.find_map(|name| answer.headers().get(name));
        let code = header.or_else(|| text(&["__type", "code"])).and_then(bare);
        Self::of(answer, code, text(&["message", "Message", "errorMessage"]))
    }

    /// Of an answer that says this.
    pub(crate) fn of(answer: &HttpResponse, code: Option<&str>, message: Option<&str>) -> Self {
        let mut said = ErrorMetadata::builder();
        if let Some(code) = code {
            said = said.code(code);
        }
        if let Some(message) = message {
            said = said.message(message);
        }
        if let Some(id) = answer.request_id() {
            said = said.custom("aws_request_id", id);
        }
        Self(said.build())
    }
}

impl ProvideErrorMetadata for Refused {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

/// `aws.protocoltests#FooError:http://amazon.com/` is `FooError`.
fn bare(code: &str) -> Option<&str> {
    let code = code.split(':').next()?.rsplit('#').next()?.trim();
    (!code.is_empty()).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Those of <https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html#operation-error-serialization>.
    #[test]
    fn a_code_is_bare() {
        for code in [
            "FooError",
            "FooError:http://internal.amazon.com/coral/com.amazon.coral.validate/",
            "aws.protocoltests.restjson#FooError",
            "aws.protocoltests.restjson#FooError:http://internal.amazon.com/coral/com.amazon.coral.validate/",
        ] {
            assert_eq!(bare(code), Some("FooError"));
        }
        assert_eq!(bare(""), None);
    }
}
