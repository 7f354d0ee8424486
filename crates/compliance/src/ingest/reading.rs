//! What could be read of an event, and what not.

use super::error::IngestError;
use crate::subject::Subject;

/// The records of an event: what they are about, and why some cannot be read. One that cannot takes no
/// other with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// What there is to judge.
    pub subjects: Vec<Subject>,
    /// What could not be read.
    pub faults: Vec<IngestError>,
}

impl Reading {
    /// Room for this many records.
    pub(super) fn of(records: usize) -> Self {
        Self {
            subjects: Vec::with_capacity(records),
            faults: Vec::new(),
        }
    }

    /// Adds a record, which may be about nothing.
    pub(super) fn add(&mut self, record: Result<Option<Subject>, IngestError>) {
        match record {
            Ok(subject) => self.subjects.extend(subject),
            Err(fault) => self.faults.push(fault),
        }
    }

    /// Adds what another event holds.
    pub(super) fn join(&mut self, other: Self) {
        self.subjects.extend(other.subjects);
        self.faults.extend(other.faults);
    }
}

impl From<Result<Option<Subject>, IngestError>> for Reading {
    fn from(record: Result<Option<Subject>, IngestError>) -> Self {
        let mut reading = Self::default();
        reading.add(record);
        reading
    }
}

impl From<IngestError> for Reading {
    fn from(fault: IngestError) -> Self {
        Self::from(Err(fault))
    }
}
