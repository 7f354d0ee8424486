//! Rules of ours that would decide for objects of others unasked, and rules that never decide for any.

use super::comparison::Comparison;
use crate::configuration::{ReplicationConfiguration, ReplicationRule, Status};
use crate::fault::{About, Fault, FaultKind};
use crate::owner::Owner;
use crate::ranking::{outranked, outranks};

/// What the rules of a bucket are to each other.
#[derive(Debug, Default)]
pub(crate) struct Ranks {
    /// What is refused: it would come about by this request.
    pub faults: Vec<Fault>,
    /// What is so already, by rules of ours.
    pub warnings: Vec<Fault>,
    /// What is so already, by rules of others: ours once decided.
    pub outranked: Vec<Fault>,
}

impl Comparison<'_> {
    pub(super) fn ranks(&self) -> Ranks {
        let Ok(Some(merged)) = self.merged() else {
            return Ranks::default();
        };
        let rules = Among {
            present: self.observed.replication.as_ref(),
            merged: &merged,
        };
        rules.ranks_of(&self.desired.rules, &self.replication.owner)
    }
}

/// The rules of a bucket, as they are and as they would be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Among<'a> {
    pub(crate) present: Option<&'a ReplicationConfiguration>,
    pub(crate) merged: &'a ReplicationConfiguration,
}

impl Among<'_> {
    /// What an owner's rules, as they are `asked` for, would be to each other and to those of others.
    pub(crate) fn ranks_of(&self, asked: &[ReplicationRule], owner: &Owner) -> Ranks {
        let mut ranks = Ranks::default();
        let merged = &self.merged.rules;
        for asked in asked {
            let rule = merged.iter().find(|rule| rule.id == asked.id);
            let rule = rule.unwrap_or(asked);
            if let Some(above) = outranked(rule, merged) {
                let stands = self.stands(rule) && self.stands(above);
                let fault = never_decides(rule, above, owner);
                match (stands, owner.owns(&above.id)) {
                    (false, _) => ranks.faults.push(fault),
                    (true, true) => ranks.warnings.push(fault),
                    (true, false) => ranks.outranked.push(fault),
                }
                continue;
            }
            let theirs = merged.iter().filter(|above| !owner.owns(&above.id));
            let parts = theirs.filter(|above| outranks(above, [rule]).next().is_some());
            ranks
                .warnings
                .extend(parts.map(|above| in_part(rule, above)));
            if asked.priority.is_some() {
                continue;
            }
            let theirs = |below: &&ReplicationRule| !owner.owns(&below.id);
            for below in outranks(rule, merged).filter(theirs) {
                if !(self.stands(rule) && self.stands(below)) {
                    ranks.faults.push(takes_over(rule, below));
                }
            }
        }
        ranks
    }

    /// Whether the bucket has the rule already, as far as its rank goes.
    fn stands(&self, rule: &ReplicationRule) -> bool {
        let mut present = self.present.iter().flat_map(|found| &found.rules);
        present.any(|there| {
            there.id == rule.id
                && there.status == Status::Enabled
                && there.priority == rule.priority
                && there.filter == rule.filter
                && there.destination.bucket == rule.destination.bucket
        })
    }
}

fn of(rule: &ReplicationRule) -> (&str, &str, i32) {
    (
        rule.filter_prefix(),
        rule.destination.bucket_name(),
        rule.priority.unwrap_or_default(),
    )
}

fn never_decides(rule: &ReplicationRule, above: &ReplicationRule, owner: &Owner) -> Fault {
    let (prefix, bucket, _) = of(rule);
    let (_, _, priority) = of(above);
    let (id, above_id) = (&rule.id, &above.id);
    let words = if owner.owns(above_id) {
        format!(
            "rule `{id}` can never decide: every object under `{prefix}` for bucket `{bucket}` falls to rule `{above_id}`, \
             which covers it too and has the higher priority {priority}; of rules without `Priority` the later one in \
             the list has the higher: list `{id}` after the other, or give both a `Priority`"
        )
    } else {
        format!(
            "rule `{id}` can never decide: objects under `{prefix}` for bucket `{bucket}` fall to rule `{above_id}`, which \
             is not ours and has the higher priority {priority}; give our rule a higher `Priority`, or a destination of \
             its own"
        )
    };
    Fault::new(About::Rule(id.clone()), FaultKind::Occupied, words)
}

fn in_part(rule: &ReplicationRule, above: &ReplicationRule) -> Fault {
    let (_, bucket, _) = of(rule);
    let (prefix, _, priority) = of(above);
    let (id, above_id) = (&rule.id, &above.id);
    let words = format!(
        "rule `{id}` does not decide for all its objects: those for bucket `{bucket}` that rule `{above_id}` covers too, \
         under `{prefix}`, fall to that one, which is not ours and has the higher priority {priority}"
    );
    Fault::new(About::Rule(id.clone()), FaultKind::Occupied, words)
}

fn takes_over(rule: &ReplicationRule, below: &ReplicationRule) -> Fault {
    let (_, bucket, priority) = of(rule);
    let (prefix, _, theirs) = of(below);
    let (id, below_id) = (&rule.id, &below.id);
    let words = format!(
        "rule `{id}` would get priority {priority} and take over objects under `{prefix}` for bucket `{bucket}` from rule \
         `{below_id}`, which is not ours and has priority {theirs}; give ours a `Priority`: below {theirs} to leave them \
         to the other, above it to take them over"
    );
    Fault::new(About::Rule(id.clone()), FaultKind::Occupied, words)
}
