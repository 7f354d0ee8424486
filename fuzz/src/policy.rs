//! Policies of buckets and keys, which somebody else wrote: ours join them and leave them, and theirs stay
//! as they were.

use std::collections::BTreeMap;

use replication::merge::{has_statements, with_statements};
use replication::owner::Owner;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// Puts statements of ours into the bytes as a policy, and takes them out again.
///
/// # Panics
/// Where a statement or a member of somebody else's is lost, changed or moved, ours are not there, or the
/// same once more would be a write.
pub fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let owner = Owner::new("stack", "Replication", "source");
    let ours = ["ReplicaObjects", "ReplicaKey1"].map(|purpose| {
        json!({"Sid": owner.sid(purpose), "Effect": "Allow", "Action": ["s3:ReplicateObject"]})
    });
    let joined = match with_statements(Some(&text), &owner, &ours) {
        Ok(joined) => joined.expect("two statements are a policy"),
        Err(why) => return assert!(!why.to_string().is_empty()),
    };
    let before = Policy::read(&text, &owner);
    let after = Policy::read(&joined, &owner);
    assert_eq!(after.members, before.members, "{joined}");
    assert_eq!(after.others, before.others, "{joined}");
    assert_eq!(after.ours.len(), ours.len(), "{joined}");
    assert!(has_statements(&joined, &owner), "{joined}");
    let again = with_statements(Some(&joined), &owner, &ours);
    assert_eq!(again.as_ref(), Ok(&Some(joined.clone())));

    match with_statements(Some(&joined), &owner, &[]) {
        Ok(Some(left)) => {
            assert!(!has_statements(&left, &owner), "{left}");
            let left = Policy::read(&left, &owner);
            assert_eq!(left.members, before.members);
            assert_eq!(left.others, before.others);
        }
        Ok(None) => assert!(before.others.is_empty(), "{joined}"),
        Err(why) => panic!("{why}: {joined}"),
    }
}

/// A policy, taken apart.
struct Policy {
    members: BTreeMap<String, String>,
    others: Vec<String>,
    ours: Vec<String>,
}

impl Policy {
    fn read(text: &str, owner: &Owner) -> Self {
        let read: BTreeMap<String, &RawValue> =
            serde_json::from_str(text).expect("a policy is an object");
        let members = read
            .into_iter()
            .map(|(name, raw)| (name, raw.get().to_owned()));
        let mut members: BTreeMap<String, String> = members.collect();
        let statements: Vec<String> = match members.remove("Statement") {
            Some(list) if list.starts_with('[') => {
                let several: Vec<&RawValue> = serde_json::from_str(&list).expect("a list");
                several.iter().map(|one| one.get().to_owned()).collect()
            }
            one => one.into_iter().collect(),
        };
        let (ours, others) = statements.into_iter().partition(|statement| {
            let statement = serde_json::from_str::<Value>(statement).unwrap_or_default();
            let sid = statement.get("Sid").and_then(Value::as_str);
            sid.is_some_and(|sid| owner.owns_sid(sid))
        });
        Self {
            members,
            others,
            ours,
        }
    }
}
