//! Every word that can be explained.

use compliance::failure_reason;
use compliance::verdict;
use replication::diagnosis::names;

use super::statuses::STATUSES;
use super::{Explained, Kind};
use crate::compare::state::State;

/// Every word there is.
pub fn all() -> impl Iterator<Item = Explained> {
    let verdicts = verdict::Kind::ALL.into_iter().map(|kind| Explained {
        word: kind.as_str(),
        kind: Kind::Verdict,
        means: kind.when(),
        remedy: None,
    });
    let checks = names::ALL.iter().map(|known| Explained {
        word: known.name,
        kind: Kind::Check,
        means: known.means,
        remedy: Some(known.remedy),
    });
    let states = State::ALL.into_iter().map(|state| Explained {
        word: state.as_str(),
        kind: Kind::State,
        means: state.when(),
        remedy: state.remedy(),
    });
    let reasons = failure_reason::TABLE.iter().map(|known| Explained {
        word: known.code,
        kind: Kind::FailureReason,
        means: known.explanation,
        remedy: Some(known.remedy),
    });
    let statuses = STATUSES.iter().map(|status| Explained {
        word: status.word,
        kind: Kind::ReplicationStatus,
        means: status.means,
        remedy: status.remedy,
    });
    verdicts
        .chain(checks)
        .chain(states)
        .chain(reasons)
        .chain(statuses)
}
