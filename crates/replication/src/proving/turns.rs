//! Whose turn it is in a round of proofs that one invocation may have no time for. Pure.
//!
//! Resources stand in a circle, by owner. A round begins somewhere, each time elsewhere, and goes once around.

use std::collections::BTreeMap;

use expectation::Time;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::owner::Owner;
use crate::record::Parts;

const SCHEMA: &str = "encrypted-replication/proofs/1";

/// A round, as far as it has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Round {
    /// The owner whose turn it is.
    pub(super) from: String,
    /// The owner that the round began with: it comes before whom it ends. The same as `from`: all around.
    pub(super) until: String,
    /// How many failed so far: the alarm goes by the latest count, which is of the whole round.
    pub(super) failed: usize,
    /// How many came to nothing that can be told so far.
    pub(super) undetermined: usize,
}

impl Round {
    /// A whole round: over so many resources it begins with another one each minute, so that all have their turn even
    /// where it does not come around.
    pub(super) fn beginning<V>(resources: &BTreeMap<Owner, V>, now: Time) -> Self {
        let minutes = u64::try_from(now.secs() / 60).unwrap_or_default();
        let count = u64::try_from(resources.len()).unwrap_or_default().max(1);
        // Spread, or an hourly round over thirty resources would always begin with the same.
        let spread = minutes.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        let first = usize::try_from(spread % count).unwrap_or_default();
        let first = resources.keys().nth(first);
        let from = first.map_or_else(String::new, ToString::to_string);
        Self {
            until: from.clone(),
            from,
            ..Self::default()
        }
    }

    /// The resources whose turn it still is, in this order.
    pub(super) fn turns<'a>(
        &self,
        resources: &'a BTreeMap<Owner, Parts>,
    ) -> Vec<(&'a Owner, &'a Parts)> {
        let (passed, next): (Vec<_>, Vec<_>) = resources
            .iter()
            .partition(|(owner, _)| owner.as_str() < self.from.as_str());
        let circle = next.into_iter().chain(passed);
        circle.filter(|(owner, _)| self.is_to_come(owner)).collect()
    }

    fn is_to_come(&self, owner: &Owner) -> bool {
        let owner = owner.as_str();
        let (is_after, is_before) = (owner >= self.from.as_str(), owner < self.until.as_str());
        if self.from < self.until {
            is_after && is_before
        } else {
            is_after || is_before
        }
    }

    /// As the text of a parameter.
    pub(super) fn text(&self) -> String {
        json!({"schema": SCHEMA, "round": self}).to_string()
    }

    /// Reads that text; nothing where it is another version's.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut kept: Value = serde_json::from_str(text).ok()?;
        if kept.get("schema")? != SCHEMA {
            return None;
        }
        serde_json::from_value(kept.get_mut("round")?.take()).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn resources(count: usize) -> BTreeMap<Owner, Parts> {
        let owner = |number: usize| Owner::new("stack", &number.to_string(), "source");
        (0..count)
            .map(|number| (owner(number), Parts::new()))
            .collect()
    }

    proptest! {
        /// However many an invocation takes, and whatever comes or goes meanwhile: each that stays has one turn.
        #[test]
        fn each_has_its_turn_once(
            count in 0_usize..30, minutes in 0_i64..1_000_000, takes in 1_usize..9, lost in any::<prop::sample::Index>(),
        ) {
            let mut all = resources(count);
            let stay: Vec<Owner> = all.keys().cloned().collect();
            let mut round = Round::beginning(&all, Time::from_secs(minutes * 60));
            let mut had = Vec::new();
            let gone = (count > 0).then(|| stay[lost.index(count)].clone());
            loop {
                let turns: Vec<Owner> = round.turns(&all).into_iter().map(|(owner, _)| owner.clone()).collect();
                had.extend(turns.iter().take(takes).cloned());
                let Some(next) = turns.get(takes) else { break };
                round.from = next.to_string();
                all.retain(|owner, _| Some(owner) != gone.as_ref());
                prop_assert!(had.len() <= count);
            }
            let mut once = had.clone();
            once.sort();
            once.dedup();
            prop_assert_eq!(once.len(), had.len(), "twice");
            for owner in stay.iter().filter(|owner| Some(*owner) != gone.as_ref()) {
                prop_assert!(had.contains(owner));
            }
        }
    }

    #[test]
    fn what_is_kept_of_a_round_is_read_again() {
        let round = Round {
            from: "er2".into(),
            until: "er1".into(),
            failed: 3,
            undetermined: 1,
        };
        assert_eq!(Round::read(&round.text()), Some(round));
        for other in [
            "",
            "{}",
            r#"{"schema": "encrypted-replication/proofs/2", "round": {}}"#,
        ] {
            assert_eq!(Round::read(other), None, "{other}");
        }
    }
}
