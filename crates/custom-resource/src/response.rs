//! The answer: what it says, and how it is kept within CloudFormation's 4,096 bytes.
//!
//! Fields and limit:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/crpg-ref-responses.html>.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::request::Echo;

/// CloudFormation refuses a longer answer.
pub(crate) const MAX_BODY: usize = 4096;
/// CloudFormation waits on for an answer that failed without a reason.
const NO_REASON: &str = "the request failed and gave no reason; see the function's log";

/// How a request ends well.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Success {
    /// The attributes that `Fn::GetAtt` reads. Ignored on Delete.
    pub data: Map<String, Value>,
    /// Whether CloudFormation masks the attributes where it shows them.
    pub no_echo: bool,
}

impl From<Map<String, Value>> for Success {
    fn from(data: Map<String, Value>) -> Self {
        Self {
            data,
            no_echo: false,
        }
    }
}

/// How a request ends badly.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{reason}")]
pub struct Failure {
    /// What CloudFormation shows as the reason; one line or a list of faults. Cut in its middle
    /// where the answer would get too long.
    pub reason: String,
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
        if let Ok(success) = &self.outcome {
            let length = self.write(None).len();
            if length > MAX_BODY {
                self.outcome = Err(too_large(length, &success.data));
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
            Ok(_) => self.write(None),
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

/// `text` in at most `room` bytes of JSON, its head and tail kept: the head says what was
/// attempted, the tail what went wrong.
fn cut(text: &str, room: usize) -> String {
    let whole = escaped_len(text);
    if whole <= room {
        return text.to_owned();
    }
    // The count in the marker is at most that of the whole text, so the space set aside is enough.
    let longest = marker(text.len());
    let Some(space) = room.checked_sub(escaped_len(&longest)) else {
        return take(text.chars(), room).into_iter().collect();
    };
    let head: String = take(text.chars(), space / 2).into_iter().collect();
    let mut tail = take(text.chars().rev(), space - escaped_len(&head));
    tail.reverse();
    let tail: String = tail.into_iter().collect();
    let left_out = text.len().saturating_sub(head.len() + tail.len());
    format!("{head}{}{tail}", marker(left_out))
}

fn marker(bytes: usize) -> String {
    format!(" … [{bytes} bytes left out] … ")
}

fn take(characters: impl Iterator<Item = char>, room: usize) -> Vec<char> {
    let mut used = 0;
    characters
        .take_while(|character| {
            used += escaped_char_len(*character);
            used <= room
        })
        .collect()
}

/// How many bytes `text` takes inside a JSON string.
pub(crate) fn escaped_len(text: &str) -> usize {
    text.chars().map(escaped_char_len).sum()
}

const fn escaped_char_len(character: char) -> usize {
    match character {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\u{1f}' => 6,
        other => other.len_utf8(),
    }
}
