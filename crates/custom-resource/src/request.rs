//! CloudFormation's request: the envelope checked, the properties left as they came.
//!
//! Fields: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/crpg-ref-requests.html>.

use std::fmt;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::cut::escaped_len;
use crate::echo::Echo;
use crate::kind::kind;
use crate::properties;
use crate::response::Failure;

/// ARN of a stack: at most 128 bytes of name and 36 of id after some 80 of prefix.
const MAX_STACK_ID: usize = 512;
const MAX_LOGICAL_ID: usize = 255;
const MAX_REQUEST_ID: usize = 128;
const MAX_RESOURCE_TYPE: usize = 255;
/// CloudFormation's own limit for a physical id.
pub(crate) const MAX_PHYSICAL_ID: usize = 1024;
/// The same id in the answer's JSON, so that the answer always has room for a reason.
const MAX_PHYSICAL_ID_ESCAPED: usize = 2 * MAX_PHYSICAL_ID;
/// Stands for an id that a broken request does not tell.
const UNKNOWN: &str = "unknown";

/// What CloudFormation asks for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum RequestType {
    /// The resource is new in the stack.
    Create,
    /// Its properties changed, or a change is rolled back.
    Update,
    /// It left the stack, was replaced, or its creation is rolled back.
    Delete,
}

impl RequestType {
    /// As CloudFormation writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "Create",
            Self::Update => "Update",
            Self::Delete => "Delete",
        }
    }
}

impl fmt::Display for RequestType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A request whose envelope is sound.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Request {
    /// What is asked for.
    pub request_type: RequestType,
    /// The same again when Lambda delivers the request a second time.
    pub request_id: String,
    /// ARN of the stack.
    pub stack_id: String,
    /// The resource's name in the template.
    pub logical_resource_id: String,
    /// `Custom::…` or `AWS::CloudFormation::CustomResource`; empty where a Delete lacks it.
    pub resource_type: String,
    /// The id an earlier answer gave; always there on Update, never on Create.
    pub physical_resource_id: Option<String>,
    /// `ServiceToken`: ARN of the function (or topic) that the template names.
    pub service_token: Option<String>,
    /// The properties without `ServiceToken` and `ServiceTimeout`. CloudFormation turns numbers and
    /// booleans into strings. On a Delete that has none to be read, empty.
    pub resource_properties: Map<String, Value>,
    /// The properties before the change; empty unless Update.
    pub old_resource_properties: Map<String, Value>,
}

impl Request {
    /// A request as a test of a resource makes one; what it does not name is `unknown`, empty or not
    /// there, and can be set.
    #[must_use]
    pub fn new(
        request_type: RequestType,
        stack_id: impl Into<String>,
        logical_resource_id: impl Into<String>,
        resource_properties: Map<String, Value>,
    ) -> Self {
        Self {
            request_type,
            request_id: UNKNOWN.to_owned(),
            stack_id: stack_id.into(),
            logical_resource_id: logical_resource_id.into(),
            resource_type: String::new(),
            physical_resource_id: None,
            service_token: None,
            resource_properties,
            old_resource_properties: Map::new(),
        }
    }

    /// The properties as a type of your own, which takes CloudFormation's strings for its numbers and
    /// booleans.
    ///
    /// ```
    /// use custom_resource::{Failure, Request};
    ///
    /// #[derive(serde::Deserialize)]
    /// #[serde(rename_all = "PascalCase", deny_unknown_fields)]
    /// struct Properties {
    ///     name: String,
    ///     #[serde(default)]
    ///     size: u8,
    /// }
    ///
    /// fn size(request: &Request) -> Result<u8, Failure> {
    ///     let properties: Properties = request.properties()?;
    ///     Ok(properties.size)
    /// }
    /// ```
    ///
    /// What serde keeps aside before it knows the type (`flatten`, `untagged`) stays as it came: a string.
    ///
    /// # Errors
    /// With every property that is missing, unknown or not of its type.
    pub fn properties<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        properties::read(&self.resource_properties)
    }

    /// The properties before an Update, the same way.
    ///
    /// # Errors
    /// The same.
    pub fn old_properties<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        properties::read(&self.old_resource_properties)
    }
}

/// A request that can be answered but not carried out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Broken {
    pub(crate) request_type: Option<RequestType>,
    pub(crate) physical_resource_id: Option<String>,
    pub(crate) faults: Vec<String>,
}

/// A request, read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Envelope {
    pub(crate) echo: Echo,
    pub(crate) contents: Result<Request, Broken>,
    pub(crate) service_timeout: Option<Duration>,
}

/// Whether CloudFormation can have written or will take `id` as a physical id.
pub(crate) fn is_usable_physical_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= MAX_PHYSICAL_ID && escaped_len(id) <= MAX_PHYSICAL_ID_ESCAPED
}

impl Envelope {
    /// Reads the envelope from the members of the payload; `damage` says where reading it stopped.
    pub(crate) fn read(mut members: Map<String, Value>, damage: Option<String>) -> Self {
        let mut faults = Vec::new();
        let request_type = request_type(members.get("RequestType"), &mut faults);
        let delete = request_type == Some(RequestType::Delete);
        let request_id = id(&members, "RequestId", MAX_REQUEST_ID, &mut faults);
        let stack_id = id(&members, "StackId", MAX_STACK_ID, &mut faults);
        let logical = id(&members, "LogicalResourceId", MAX_LOGICAL_ID, &mut faults);
        let resource_type = if delete && !members.contains_key("ResourceType") {
            Some(String::new())
        } else {
            id(&members, "ResourceType", MAX_RESOURCE_TYPE, &mut faults)
        };
        let physical = physical_id(request_type, &members, &mut faults);
        let (mut new, mut old) = if delete {
            // Ids are enough to delete by: bad properties must not keep a stack from going away.
            let properties = members.remove("ResourceProperties");
            (into_object(properties).unwrap_or_default(), Map::new())
        } else {
            // What the damage swallowed is not missing from the request.
            let required = damage.is_none();
            faults.extend(damage);
            let new = object(&mut members, "ResourceProperties", required, &mut faults);
            let old = match request_type {
                Some(RequestType::Update) => {
                    object(&mut members, "OldResourceProperties", false, &mut faults)
                }
                _ => Map::new(),
            };
            (new, old)
        };
        let service_timeout = seconds(new.remove("ServiceTimeout").as_ref());
        let service_token = match new.remove("ServiceToken") {
            Some(Value::String(token)) => Some(token),
            _ => None,
        };
        old.remove("ServiceTimeout");
        old.remove("ServiceToken");

        let known = |id: &Option<String>| id.clone().unwrap_or_else(|| UNKNOWN.to_owned());
        let echo = Echo {
            request_id: known(&request_id),
            stack_id: known(&stack_id),
            logical_resource_id: known(&logical),
        };
        let contents = match (request_type, request_id, stack_id, logical, resource_type) {
            (
                Some(request_type),
                Some(request_id),
                Some(stack_id),
                Some(logical_resource_id),
                Some(resource_type),
            ) if faults.is_empty() => Ok(Request {
                request_type,
                request_id,
                stack_id,
                logical_resource_id,
                resource_type,
                physical_resource_id: physical,
                service_token,
                resource_properties: new,
                old_resource_properties: old,
            }),
            _ => Err(Broken {
                request_type,
                physical_resource_id: physical,
                faults,
            }),
        };
        Self {
            echo,
            contents,
            service_timeout,
        }
    }
}

fn request_type(value: Option<&Value>, faults: &mut Vec<String>) -> Option<RequestType> {
    let fault = match value {
        Some(Value::String(text)) => match text.as_str() {
            "Create" => return Some(RequestType::Create),
            "Update" => return Some(RequestType::Update),
            "Delete" => return Some(RequestType::Delete),
            other => format!(
                "RequestType `{}` is none of Create, Update and Delete",
                excerpt(other)
            ),
        },
        Some(other) => format!("RequestType is {}, not a string", kind(other)),
        None => "RequestType is missing".to_owned(),
    };
    faults.push(fault);
    None
}

/// An id that AWS made: visible ASCII of bounded length.
fn id(
    members: &Map<String, Value>,
    name: &str,
    max: usize,
    faults: &mut Vec<String>,
) -> Option<String> {
    let fault = match members.get(name) {
        Some(Value::String(text)) if text.is_empty() => format!("{name} is empty"),
        Some(Value::String(text)) if text.len() > max => {
            format!("{name} has {} bytes, more than {max}", text.len())
        }
        Some(Value::String(text))
            if text
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\') =>
        {
            return Some(text.clone());
        }
        Some(Value::String(_)) => format!("{name} has characters that no such id has"),
        Some(other) => format!("{name} is {}, not a string", kind(other)),
        None => format!("{name} is missing"),
    };
    faults.push(fault);
    None
}

fn physical_id(
    request_type: Option<RequestType>,
    members: &Map<String, Value>,
    faults: &mut Vec<String>,
) -> Option<String> {
    // A Create has none yet; what stands there is not ours to use.
    if request_type == Some(RequestType::Create) {
        return None;
    }
    let fault = match members.get("PhysicalResourceId") {
        Some(Value::String(text)) if is_usable_physical_id(text) => return Some(text.clone()),
        Some(Value::String(text)) => format!(
            "PhysicalResourceId has {} bytes, CloudFormation takes 1 to {MAX_PHYSICAL_ID}",
            text.len()
        ),
        Some(other) => format!("PhysicalResourceId is {}, not a string", kind(other)),
        None if request_type == Some(RequestType::Update) => {
            "PhysicalResourceId is missing".to_owned()
        }
        None => return None,
    };
    faults.push(fault);
    None
}

fn object(
    members: &mut Map<String, Value>,
    name: &str,
    required: bool,
    faults: &mut Vec<String>,
) -> Map<String, Value> {
    match members.remove(name) {
        Some(Value::Object(properties)) => return properties,
        Some(other) => faults.push(format!("{name} is {}, not an object", kind(&other))),
        None if required => faults.push(format!("{name} is missing")),
        None => {}
    }
    Map::new()
}

fn into_object(value: Option<Value>) -> Option<Map<String, Value>> {
    match value {
        Some(Value::Object(members)) => Some(members),
        _ => None,
    }
}

/// `ServiceTimeout`, which CloudFormation checks itself: what is no number of seconds is ignored.
fn seconds(value: Option<&Value>) -> Option<Duration> {
    let seconds = match value? {
        Value::String(text) => text.trim().parse().ok(),
        Value::Number(number) => number.as_u64(),
        _ => None,
    };
    seconds
        .filter(|seconds| (1..=3600).contains(seconds))
        .map(Duration::from_secs)
}

fn excerpt(text: &str) -> String {
    let clean = text.chars().filter(|character| !character.is_control());
    clean.take(64).collect()
}
