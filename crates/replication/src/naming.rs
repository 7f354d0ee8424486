//! From an owner's name, `er…`, to its stack: for texts that a person reads at night.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::timeout;

use crate::owner::{Owner, PhysicalId};
use crate::ports::Parameters;
use crate::record::{self, Record};

/// Names looked up for one answer.
const MOST_OWNERS: usize = 5;

/// An answer does not wait longer for a name.
const PATIENCE: Duration = Duration::from_secs(3);

/// The record of an owner; `None` where it has none here.
///
/// # Errors
/// Why it cannot be read.
pub(crate) async fn record_of<A: Parameters>(
    aws: &A,
    region: &str,
    owner: &Owner,
) -> Result<Option<(Record, PhysicalId)>, String> {
    let parts = record::of(aws, region, owner).await;
    let parts = parts.map_err(|error| error.to_string())?;
    if parts.is_empty() {
        return Ok(None);
    }
    Record::read(owner, &parts)
        .map(Some)
        .map_err(|why| format!("the record of {owner} cannot be read: {why}"))
}

/// What is known of the owners that texts name.
#[derive(Debug, Default)]
pub(crate) struct Names(BTreeMap<Owner, String>);

impl Names {
    /// The stacks of the owners that `texts` name besides `own`, as far as records say them. A name that
    /// cannot be looked up is no error: the texts are what matters.
    pub(crate) async fn in_texts<A: Parameters>(
        aws: &A,
        region: &str,
        own: &Owner,
        texts: impl IntoIterator<Item = &str>,
    ) -> Self {
        let owners: BTreeSet<_> = texts
            .into_iter()
            .flat_map(Owner::all_in)
            .filter(|owner| owner != own)
            .collect();
        let mut names = BTreeMap::new();
        for owner in owners.into_iter().take(MOST_OWNERS) {
            let found = timeout(PATIENCE, record_of(aws, region, &owner)).await;
            if let Ok(Ok(Some((record, _)))) = found {
                let stack = record.stack_name();
                let sentence = format!(
                    "{owner} is resource `{}` of stack `{stack}`",
                    record.logical_resource_id
                );
                names.insert(owner, sentence);
            }
        }
        Self(names)
    }

    /// `text`, and whose the owners are that it names.
    pub(crate) fn explain(&self, mut text: String) -> String {
        for owner in Owner::all_in(&text) {
            if let Some(sentence) = self.0.get(&owner) {
                text.push_str("; ");
                text.push_str(sentence);
            }
        }
        text
    }
}
