//! The account without what is drawn anew in every run, to compare runs.

use std::collections::BTreeMap;

use crate::aws::{Key, World};

/// Everything, with keys named by their alias.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Normal {
    /// Buckets, roles, parameters and records. Not in lines of their own: that costs as much as a request.
    pub(crate) text: String,
    /// Keys by alias; the Region is the key's.
    pub(crate) keys: BTreeMap<String, Key>,
    /// Keys that no alias leads to, and that are not about to be deleted.
    pub(crate) orphans: usize,
}

impl Normal {
    pub(crate) fn of(world: &World) -> Self {
        let now = world.snapshot();
        let mut text = format!(
            "{:?}, {:?}, {:?}, {:?}, {:?}",
            now.buckets, now.roles, now.parameters, now.records, now.foreign_parameters
        );
        let mut keys = BTreeMap::new();
        for ((region, alias), arn) in &now.aliases {
            let name = format!("{alias}@{region}");
            text = text.replace(arn, &name);
            let mut key = now.keys[arn].clone();
            // Rotation and the rest are compared, not the days left.
            key.deletion_days = None;
            keys.insert(name, key);
        }
        let led_to = |arn: &String| now.aliases.values().any(|to| to == arn);
        let alive = now
            .keys
            .iter()
            .filter(|(_, key)| key.state != "PendingDeletion");
        Self {
            text,
            keys,
            orphans: alive.filter(|(arn, _)| !led_to(arn)).count(),
        }
    }

    /// The first parts that differ.
    pub(crate) fn difference(&self, other: &Self) -> Option<String> {
        if self.keys != other.keys {
            return Some(format!("keys {:?} / {:?}", self.keys, other.keys));
        }
        let mut parts = self.text.split(", ").zip(other.text.split(", "));
        if let Some((a, b)) = parts.find(|(a, b)| a != b) {
            return Some(format!("{a} / {b}"));
        }
        (self.text.len() != other.text.len()).then(|| "one is longer".to_owned())
    }
}
