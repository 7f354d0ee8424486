//! The properties of a request as a type of the resource's own.
//!
//! CloudFormation delivers numbers and booleans as strings, and whoever wrote the template wants to hear of
//! all that is wrong with it at once. serde stops at the first fault; so what is wrong is noted, replaced by
//! something that can be read, and the reading begun again, until nothing new is found.

mod node;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use self::node::{Node, Reading};
use crate::response::Failure;

/// Reads `properties` as a `T`.
pub(crate) fn read<T: DeserializeOwned>(properties: &Map<String, Value>) -> Result<T, Failure> {
    let reading = Reading::default();
    let mut known = 0;
    loop {
        let outcome = T::deserialize(Node::root(properties, &reading));
        let faults = reading.faults();
        match outcome {
            Ok(value) if faults.is_empty() => return Ok(value),
            Err(_) if faults.len() > known => known = faults.len(),
            // All was read; or what else is wrong stands behind what nothing can replace.
            Ok(_) | Err(_) => return Err(Failure::from(in_words(&faults))),
        }
    }
}

fn in_words(faults: &[String]) -> String {
    match faults {
        [] => "the properties cannot be read".to_owned(),
        [fault] => fault.clone(),
        several => {
            let numbered = several.iter().enumerate();
            let numbered: Vec<String> = numbered
                .map(|(place, fault)| format!("({}) {fault}", place + 1))
                .collect();
            numbered.join("; ")
        }
    }
}
