//! The record of what the resource was asked for.

use std::collections::BTreeMap;

use crate::owner::Owner;
use crate::parameters::{Difference, LARGEST_PARAMETER};
use crate::record::Record;
use crate::step::{Plan, Step};
use aws_names::Home;

/// The steps to the record, in the provisioner's own account and Region. `present` are the
/// parameters that hold it now.
#[must_use]
pub fn plan_record(
    record: &Record,
    present: &BTreeMap<String, String>,
    home: &Home,
    owner: &Owner,
) -> Plan {
    let text = record.text();
    let parts = parts(&text).into_iter().enumerate();
    let wanted = parts.map(|(number, part)| (owner.record_name(number), part.to_owned()));
    let Difference { put, delete } = Difference::between(present, wanted);
    let put = put.into_iter().map(|(name, value)| Step::PutRecord {
        region: home.region.clone(),
        name,
        value,
    });
    let delete = delete.into_iter().map(|name| Step::DeleteRecord {
        region: home.region.clone(),
        name,
    });
    Plan::of([put.chain(delete).collect()])
}

/// As many parts as it takes for each to fit into a parameter.
fn parts(mut text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    while !text.is_empty() {
        let (part, rest) = text.split_at(text.floor_char_boundary(LARGEST_PARAMETER));
        parts.push(part);
        text = rest;
    }
    parts
}

#[cfg(test)]
mod tests {
    use custom_resource::{Request, RequestType};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::owner::PhysicalId;

    fn record(properties: &Value) -> (Record, Owner) {
        let id = PhysicalId::new("stack", "Replication", "source");
        let properties = properties.as_object().unwrap().clone();
        let request = Request::new(RequestType::Create, "stack", "Replication", properties);
        (Record::of(&request, &id), id.owner)
    }

    /// The parameters after the plan's steps.
    fn applied(plan: &Plan, mut present: BTreeMap<String, String>) -> BTreeMap<String, String> {
        for step in plan.steps() {
            match step {
                Step::PutRecord { name, value, .. } => {
                    present.insert(name.clone(), value.clone());
                }
                Step::DeleteRecord { name, .. } => drop(present.remove(name)),
                other => panic!("{other}"),
            }
        }
        present
    }

    proptest! {
        #[test]
        fn a_record_of_any_length_fits_and_is_read_back(
            first in prop::collection::vec(".{0,400}|[{}]{0,40}", 0..100),
            second in prop::collection::vec(".{0,400}|[{}]{0,40}", 0..100),
        ) {
            let mut present = BTreeMap::new();
            for prefixes in [first, second] {
                let (record, owner) = record(&json!({"SourceBucket": "source", "Rules": prefixes}));
                present = applied(&plan_record(&record, &present, &crate::replication::example_home(), &owner), present);
                prop_assert!(present.values().all(|part| part.len() <= LARGEST_PARAMETER));
                prop_assert!(present.values().all(|part| !part.contains("{{")));
                prop_assert!(plan_record(&record, &present, &crate::replication::example_home(), &owner).is_empty());
                let parts = present.iter().map(|(name, part)| {
                    (Owner::of_record(name).unwrap().1, part.clone())
                });
                let (read, id) = Record::read(&owner, &parts.collect()).unwrap();
                prop_assert_eq!(read, record);
                prop_assert_eq!(id.owner, owner);
            }
        }
    }

    #[test]
    fn a_record_that_is_not_whole_or_anothers_is_not_believed() {
        let long = "p".repeat(2 * LARGEST_PARAMETER);
        let (record, owner) = record(&json!({"SourceBucket": "source", "Rules": [long]}));
        let text = record.text();
        let all = parts(&text);
        assert_eq!(all.len(), 3);
        let read = |parts: &[&str], owner| {
            let parts = parts.iter().map(|part| (*part).to_owned());
            Record::read(owner, &parts.enumerate().collect())
        };
        read(&all, &owner).unwrap();
        read(&all[..2], &owner).unwrap_err();
        read(&[], &owner).unwrap_err();
        let other = Owner::new("stack", "Other", "source");
        assert!(read(&all, &other).unwrap_err().contains("which is not of"));
        let newer = text.replace("resource/1", "resource/2");
        assert!(read(&[&newer], &owner).unwrap_err().contains("has schema"));
    }
}
