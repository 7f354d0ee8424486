//! What SSM parameters take, and what differs from what they hold.

use std::collections::{BTreeMap, BTreeSet};

use expectation::Document;
use serde_json::Value;

/// The largest value that an SSM parameter holds (advanced tier), in bytes.
/// See <https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html>.
pub(crate) const LARGEST_PARAMETER: usize = 8 * 1024;

/// A document as the value of a parameter. SSM takes no `{{name}}` in it, which would be another
/// parameter's; two braces open in a row only within a string, where the second may be escaped. See
/// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html>.
pub(crate) fn written(document: &Value) -> String {
    document.to_string().replace("{{", "{\\u007b")
}

/// Whether a parameter is somebody's word, and not what an owner left behind. What cannot be read may say
/// anything.
pub(crate) fn speaks(parameter: &str) -> bool {
    Document::read(parameter).map_or(true, |document| document.left.is_none())
}

/// What is to be written and what is to go.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Names and values.
    pub(crate) put: Vec<(String, String)>,
    /// Names.
    pub(crate) delete: Vec<String>,
}

impl Difference {
    /// From the parameters that are there to those `wanted`, by name. JSON may be spaced in any way.
    pub(crate) fn between(
        present: &BTreeMap<String, String>,
        wanted: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let mut difference = Self::default();
        let mut names = BTreeSet::new();
        for (name, value) in wanted {
            let found = present.get(&name).map(String::as_str);
            let document = serde_json::from_str(&value);
            let same = found == Some(&value)
                || document.is_ok_and(|document: Value| is_document(found, &document));
            names.insert(name.clone());
            if !same {
                difference.put.push((name, value));
            }
        }
        let left_over = present.keys().filter(|name| !names.contains(*name));
        difference.delete.extend(left_over.cloned());
        difference
    }
}

/// Whether the text `found` is the JSON document `wanted`, however it is spaced.
fn is_document(found: Option<&str>, wanted: &Value) -> bool {
    found
        .and_then(|found| serde_json::from_str::<Value>(found).ok())
        .is_some_and(|found| found == *wanted)
}
