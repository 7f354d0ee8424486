//! How sure it is that something holds: Kleene's three values, with the doubts that keep it open.

use std::collections::BTreeSet;

/// Whether something holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// Surely not.
    No,
    /// It cannot be said from here; for each of these reasons.
    May(BTreeSet<String>),
    /// Surely.
    Yes,
}

impl Judgement {
    pub(super) fn of(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }

    /// Open for this reason.
    pub(super) fn may(doubt: impl Into<String>) -> Self {
        Self::May(BTreeSet::from([doubt.into()]))
    }

    pub(super) fn and(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::No => Self::No,
            Self::Yes => other(),
            Self::May(mut doubts) => match other() {
                Self::No => Self::No,
                Self::Yes => Self::May(doubts),
                Self::May(more) => {
                    doubts.extend(more);
                    Self::May(doubts)
                }
            },
        }
    }

    fn negated(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Yes => Self::No,
            may @ Self::May(_) => may,
        }
    }

    /// Whether all of them hold.
    pub(super) fn all(judged: impl IntoIterator<Item = Self>) -> Self {
        let mut judged = judged.into_iter();
        judged
            .try_fold(Self::Yes, |all, one| match all.and(|| one) {
                Self::No => Err(Self::No),
                other => Ok(other),
            })
            .unwrap_or_else(|no| no)
    }

    /// Whether one of them holds.
    pub(super) fn any(judged: impl IntoIterator<Item = Self>) -> Self {
        !Self::all(judged.into_iter().map(Self::negated))
    }

    /// Of what may be one or the other: open, for this reason, unless both come to the same.
    pub(super) fn whichever(judged: impl IntoIterator<Item = Self>, doubt: &str) -> Self {
        let mut judged = judged.into_iter();
        let Some(first) = judged.next() else {
            return Self::may(doubt);
        };
        judged.fold(first, |before, next| {
            if before == next {
                before
            } else {
                Self::may(doubt)
            }
        })
    }
}

impl std::ops::Not for Judgement {
    type Output = Self;

    fn not(self) -> Self {
        self.negated()
    }
}
