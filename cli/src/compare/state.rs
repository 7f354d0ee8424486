//! What a comparison says of a version.

/// How a version stands at one destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// It is at the destination.
    Arrived,
    /// S3 is about to replicate it.
    Pending,
    /// S3 has been about to replicate it for longer than it takes.
    Overdue,
    /// S3 gave up.
    Failed,
    /// S3 says that it replicated it, and it is not there.
    ClaimedCompleted,
    /// A rule covers it, and S3 never took it up.
    Missing,
    /// A rule covers it, which is younger than the version: S3 does not take it up by itself.
    OlderThanRule,
    /// No rule that is in force covers it.
    NotCovered,
    /// It was deleted while we looked.
    Gone,
    /// It could not be found out.
    Undetermined,
    /// A delete marker that a rule replicates, unless a lifecycle rule made it.
    DeleteMarkerMissing,
    /// At the destination under a rule's prefix, and not at the source.
    Extra,
    /// A delete marker likewise.
    ExtraDeleteMarker,
}

impl State {
    /// All states.
    pub const ALL: [Self; 13] = [
        Self::Arrived,
        Self::Pending,
        Self::Overdue,
        Self::Failed,
        Self::ClaimedCompleted,
        Self::Missing,
        Self::OlderThanRule,
        Self::NotCovered,
        Self::Gone,
        Self::Undetermined,
        Self::DeleteMarkerMissing,
        Self::Extra,
        Self::ExtraDeleteMarker,
    ];

    /// The state's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Arrived => "Arrived",
            Self::Pending => "Pending",
            Self::Overdue => "Overdue",
            Self::Failed => "Failed",
            Self::ClaimedCompleted => "ClaimedCompleted",
            Self::Missing => "Missing",
            Self::OlderThanRule => "OlderThanRule",
            Self::NotCovered => "NotCovered",
            Self::Gone => "Gone",
            Self::Undetermined => "Undetermined",
            Self::DeleteMarkerMissing => "DeleteMarkerMissing",
            Self::Extra => "Extra",
            Self::ExtraDeleteMarker => "ExtraDeleteMarker",
        }
    }

    /// When it is said, as a phrase of Markdown.
    #[must_use]
    pub const fn when(self) -> &'static str {
        match self {
            Self::Arrived => "the destination has the version",
            Self::Pending => "not there yet, and S3 says `PENDING`; written in the last 15 minutes",
            Self::Overdue => {
                "`PENDING` for longer than that, which S3 keeps saying while the destination cannot be reached or \
                 is far behind"
            }
            Self::Failed => "not there, and S3 says `FAILED`: it does not try again by itself",
            Self::ClaimedCompleted => {
                "not there, though S3 says `COMPLETED`: deleted at the destination since, by somebody or a \
                 lifecycle rule"
            }
            Self::Missing => {
                "not there, covered by a rule, and without a replication status: S3 never took it up"
            }
            Self::OlderThanRule => {
                "the same, and the version is older than the rule: S3 Batch Replication takes it up, a rule does not"
            }
            Self::NotCovered => {
                "no rule that is in force covers it, or it is itself a replica; where no rule leads at all the destination is \
                 not looked at"
            }
            Self::Gone => "deleted at the source while the comparison ran",
            Self::Undetermined => "AWS did not say what is needed to tell: the exit status is 2",
            Self::DeleteMarkerMissing => {
                "a delete marker that a rule replicates is not there; one that a lifecycle rule made never is"
            }
            Self::Extra => {
                "at the destination alone: deleted at the source since, which is never replicated, or from elsewhere"
            }
            Self::ExtraDeleteMarker => {
                "a delete marker at the destination alone: it hides a replica"
            }
        }
    }

    /// What to do about it; `None` where nothing needs doing.
    #[must_use]
    pub const fn remedy(self) -> Option<&'static str> {
        match self {
            Self::Overdue => {
                Some("see the replication metrics of the rule; diagnose the source bucket")
            }
            Self::Failed | Self::Missing => Some(
                "diagnose the source bucket, mend the cause, then replicate it again by S3 Batch Replication: \
                 `--manifest` has it",
            ),
            Self::ClaimedCompleted => Some(
                "find out who deletes at the destination, then replicate it again by S3 Batch Replication: \
                 `--manifest` has it",
            ),
            Self::OlderThanRule => {
                Some("where it is to be there: `--manifest` with `--existing` has it")
            }
            Self::Undetermined => Some("its line says what is missing"),
            Self::Arrived
            | Self::Pending
            | Self::NotCovered
            | Self::Gone
            | Self::DeleteMarkerMissing
            | Self::Extra
            | Self::ExtraDeleteMarker => None,
        }
    }

    /// Whether it is something found: a version that should be there and is not.
    #[must_use]
    pub const fn is_finding(self) -> bool {
        matches!(
            self,
            Self::Overdue | Self::Failed | Self::ClaimedCompleted | Self::Missing
        )
    }

    /// Whether replication is not complete up to the version's time.
    #[must_use]
    pub const fn is_open(self) -> bool {
        self.is_finding() || matches!(self, Self::Pending | Self::Undetermined)
    }

    /// Whether replicating it again is what helps.
    #[must_use]
    pub const fn is_to_replay(self) -> bool {
        matches!(self, Self::Failed | Self::ClaimedCompleted | Self::Missing)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::documented;

    #[test]
    fn the_document_says_of_each_state_what_the_code_does() {
        let mut table = String::from(
            "| state | when | found | open | in the manifest |\n|---|---|---|---|---|\n",
        );
        for state in State::ALL {
            let yes = |it: bool| if it { " yes" } else { "" };
            let manifest = match state {
                State::OlderThanRule => " with `--existing`",
                state => yes(state.is_to_replay()),
            };
            let _ = writeln!(
                table,
                "| `{}` | {} |{} |{} |{manifest} |",
                state.as_str(),
                state.when(),
                yes(state.is_finding()),
                yes(state.is_open()),
            );
        }
        documented::holds("COMPARE.md", &table);
    }
}
