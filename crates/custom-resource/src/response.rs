//! The answer: what it says, and how it is kept within CloudFormation's 4,096 bytes.
//!
//! Fields and limit:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/crpg-ref-responses.html>.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::cut::cut;
use crate::echo::Echo;

/// CloudFormation refuses a longer answer.
pub(crate) const MAX_BODY: usize = 4096;
/// CloudFormation waits on for an answer that failed without a reason.
const NO_REASON: &str = "the request failed and gave no reason; see the function's log";

/// How a request ends well.
///
/// ```
/// use custom_resource::Success;
///
/// let success = Success::new().with("Text", "Hello, you").with("Length", 10);
/// assert_eq!(success.data["Length"], 10);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Success {
    /// The attributes that `Fn::GetAtt` reads. Ignored on Delete.
    pub data: Map<String, Value>,
    /// Whether CloudFormation masks the attributes where it shows them.
    pub no_echo: bool,
    /// What a person should know all the same. Cut, or left out, where the answer would get too long.
    pub reason: Option<String>,
}

impl Success {
    /// Without attributes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more attribute for `Fn::GetAtt`.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.data.insert(name.into(), value.into());
        self
    }

    /// With attributes that CloudFormation masks where it shows them.
    #[must_use]
    pub const fn no_echo(mut self) -> Self {
        self.no_echo = true;
        self
    }

    /// With something that a person should know all the same.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }
}

impl From<Map<String, Value>> for Success {
    fn from(data: Map<String, Value>) -> Self {
        Self {
            data,
            no_echo: false,
            reason: None,
        }
    }
}

/// How a request ends badly.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{reason}")]
#[non_exhaustive]
pub struct Failure {
    /// What CloudFormation shows as the reason; one line or a list of faults. Cut in its middle
    /// where the answer would get too long.
    pub reason: String,
}

impl Failure {
    /// For this reason.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
        }
    }
}

impl From<String> for Failure {
    fn from(reason: String) -> Self {
        Self { reason }
    }
}

impl From<&str> for Failure {
    fn from(reason: &str) -> Self {
        Self::from(reason.to_owned())
    }
}

/// An answer, ready to be written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) echo: Echo,
    pub(crate) physical_resource_id: String,
    pub(crate) outcome: Result<Success, Failure>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Body<'a> {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    physical_resource_id: &'a str,
    stack_id: &'a str,
    request_id: &'a str,
    logical_resource_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    no_echo: Option<bool>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    data: &'a Map<String, Value>,
}

impl Answer {
    /// Makes the answer fit: attributes that do not are a failure, for a stack whose `Fn::GetAtt`
    /// finds some attributes and not others fails later and says less.
    pub(crate) fn fitted(mut self) -> Self {
        let length = self.write(None).len();
        let least = self.write(Some("")).len();
        if let Ok(success) = &mut self.outcome {
            let told = success.reason.take();
            if length > MAX_BODY {
                self.outcome = Err(too_large(length, &success.data));
            } else if let Some(room) = MAX_BODY.checked_sub(least) {
                let told = told.map(|told| cut(told.trim(), room));
                success.reason = told.filter(|told| !told.is_empty());
            }
        }
        if let Err(failure) = &self.outcome {
            let reason = match failure.reason.trim() {
                "" => NO_REASON,
                reason => reason,
            };
            let room = MAX_BODY.saturating_sub(self.write(Some("")).len());
            self.outcome = Err(Failure::from(cut(reason, room)));
        }
        self
    }

    /// The body of the request to CloudFormation; within the limit once [`Answer::fitted`].
    pub(crate) fn body(&self) -> Vec<u8> {
        match &self.outcome {
            Ok(success) => self.write(success.reason.as_deref()),
            Err(failure) => self.write(Some(&failure.reason)),
        }
    }

    /// What the function itself returns: the answer without its attributes, which may be secret.
    pub(crate) fn summary(&self) -> Value {
        let mut summary = Map::new();
        summary.insert("Status".to_owned(), self.status().into());
        if let Err(failure) = &self.outcome {
            summary.insert("Reason".to_owned(), failure.reason.as_str().into());
        }
        summary.insert(
            "PhysicalResourceId".to_owned(),
            self.physical_resource_id.as_str().into(),
        );
        Value::Object(summary)
    }

    pub(crate) const fn status(&self) -> &'static str {
        match self.outcome {
            Ok(_) => "SUCCESS",
            Err(_) => "FAILED",
        }
    }

    fn write(&self, reason: Option<&str>) -> Vec<u8> {
        let nothing = Map::new();
        let (data, no_echo) = match &self.outcome {
            Ok(success) => (&success.data, success.no_echo.then_some(true)),
            Err(_) => (&nothing, None),
        };
        let body = Body {
            status: self.status(),
            reason,
            physical_resource_id: &self.physical_resource_id,
            stack_id: &self.echo.stack_id,
            request_id: &self.echo.request_id,
            logical_resource_id: &self.echo.logical_resource_id,
            no_echo,
            data,
        };
        // Strings, booleans and JSON with string keys: there is nothing that could not be written.
        serde_json::to_vec(&body).unwrap_or_default()
    }
}

fn too_large(length: usize, data: &Map<String, Value>) -> Failure {
    let mut sizes: Vec<(usize, &String)> = data
        .iter()
        .map(|(name, value)| (value.to_string().len(), name))
        .collect();
    sizes.sort_by(|left, right| right.cmp(left));
    let largest: Vec<String> = sizes
        .iter()
        .take(5)
        .map(|(size, name)| format!("{name} {size}"))
        .collect();
    Failure::from(format!(
        "the request was carried out, but its answer has {length} bytes and CloudFormation takes \
         at most {MAX_BODY}; largest attributes in bytes: {}",
        largest.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn answer(outcome: Result<Success, Failure>) -> Answer {
        Answer {
            echo: Echo {
                request_id: "r".to_owned(),
                stack_id: "arn:stack".to_owned(),
                logical_resource_id: "Logical".to_owned(),
            },
            physical_resource_id: "id".to_owned(),
            outcome,
        }
        .fitted()
    }

    fn body(answer: &Answer) -> Value {
        serde_json::from_slice(&answer.body()).unwrap()
    }

    #[test]
    fn success_writes_exactly_the_fields_of_the_protocol() {
        let Value::Object(data) = json!({"Name": "n", "Size": 3}) else {
            unreachable!()
        };
        let plain = answer(Ok(Success::from(data.clone())));
        assert_eq!(
            body(&plain),
            json!({
                "Status": "SUCCESS", "PhysicalResourceId": "id", "StackId": "arn:stack",
                "RequestId": "r", "LogicalResourceId": "Logical", "Data": {"Name": "n", "Size": 3},
            })
        );
        let masked = answer(Ok(Success {
            data,
            no_echo: true,
            reason: None,
        }));
        assert_eq!(body(&masked).get("NoEcho"), Some(&json!(true)));
        assert_eq!(
            masked.summary(),
            json!({"Status": "SUCCESS", "PhysicalResourceId": "id"})
        );
        assert_eq!(body(&answer(Ok(Success::default()))).get("Data"), None);
        let with_reason = |reason: &str, data| {
            answer(Ok(Success {
                data,
                reason: Some(reason.to_owned()),
                ..Success::default()
            }))
        };
        let told = with_reason("not proved yet", Map::new());
        assert_eq!(body(&told).get("Reason"), Some(&json!("not proved yet")));
        let long = with_reason(&"r".repeat(2 * MAX_BODY), Map::new());
        assert_eq!(long.body().len(), MAX_BODY);
        // The attributes come first.
        let filled = |bytes| Map::from_iter([("A".to_owned(), "a".repeat(bytes).into())]);
        let around = with_reason("", filled(0)).body().len();
        let full = with_reason("not proved yet", filled(MAX_BODY - around));
        assert_eq!(
            (full.status(), body(&full).get("Reason")),
            ("SUCCESS", None)
        );
    }

    #[test]
    fn failure_without_reason_gets_one() {
        for reason in ["", "  \n\t"] {
            let written = body(&answer(Err(Failure::from(reason))));
            assert_eq!(written.get("Status"), Some(&json!("FAILED")));
            assert_eq!(written.get("Reason"), Some(&json!(NO_REASON)));
        }
    }

    #[test]
    fn attributes_at_the_limit_pass_and_one_byte_more_fails_with_the_limit_named() {
        let overhead = answer(Ok(Success::from(Map::from_iter([(
            "A".to_owned(),
            json!(""),
        )]))))
        .body()
        .len();
        let with = |length: usize| {
            let text = "x".repeat(length);
            answer(Ok(Success::from(Map::from_iter([(
                "A".to_owned(),
                json!(text),
            )]))))
        };
        let fits = with(MAX_BODY - overhead);
        assert_eq!(fits.status(), "SUCCESS");
        assert_eq!(fits.body().len(), MAX_BODY);
        let exceeds = with(MAX_BODY - overhead + 1);
        assert_eq!(exceeds.status(), "FAILED");
        let reason = exceeds.outcome.unwrap_err().reason;
        assert!(reason.contains("has 4097 bytes"), "{reason}");
        assert!(reason.contains("at most 4096"), "{reason}");
        assert!(reason.ends_with(&format!("A {}", MAX_BODY - overhead + 3)));
    }

    #[test]
    fn long_reason_keeps_head_and_tail_and_counts_what_is_left_out() {
        let reason = format!("BEGIN{}END", "ä".repeat(5000));
        let cut = answer(Err(Failure::from(reason.as_str())));
        assert!(cut.body().len() <= MAX_BODY && cut.body().len() > MAX_BODY - 8);
        let shown = cut.outcome.unwrap_err().reason;
        assert!(shown.starts_with("BEGINä") && shown.ends_with("äEND"));
        let left_out = reason.len() - (shown.matches('ä').count() * 2 + 8);
        assert!(shown.contains(&format!("ä … [{left_out} bytes left out] … ä")));
    }

    proptest! {
        #[test]
        fn no_answer_exceeds_the_limit_or_fails_without_reason(
            physical in "[a-z\"\\\\]{1,1024}",
            reason in proptest::option::of("[\\x00-\\x1fa-z\"\\\\€ ]{0,6000}"),
            data in proptest::collection::btree_map("[A-Za-z]{1,20}", "[ -~€]{0,1500}", 0..5),
        ) {
            let data: Map<_, _> = data.into_iter().map(|(key, value)| (key, value.into())).collect();
            let answer = Answer {
                echo: Echo {
                    request_id: "r".repeat(128),
                    stack_id: "s".repeat(512),
                    logical_resource_id: "l".repeat(255),
                },
                physical_resource_id: physical.clone(),
                outcome: match reason {
                    Some(reason) => Err(Failure::from(reason)),
                    None => Ok(Success::from(data)),
                },
            }
            .fitted();
            prop_assert!(answer.body().len() <= MAX_BODY);
            let written = body(&answer);
            prop_assert_eq!(&written["PhysicalResourceId"], &json!(physical));
            if written["Status"] == "FAILED" {
                prop_assert!(!written["Reason"].as_str().unwrap().trim().is_empty());
                prop_assert_eq!(written.get("Data"), None);
            }
        }
    }
}
