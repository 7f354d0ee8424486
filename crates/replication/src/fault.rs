//! Why something cannot be, as data: what it is about, of what kind, in words. Whoever compares faults
//! goes by the first two; the words are for people, and are put together where people read them.

use std::fmt;

/// What a fault is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// A place in the properties, for example `Rules[0].Destination.Bucket`; empty for all of them.
    Property(String),
    /// A bucket, by name.
    Bucket(String),
    /// A key, by what it is asked for or by its ARN.
    Key(String),
    /// A role, by name.
    Role(String),
    /// A replication rule, by its `ID`.
    Rule(String),
}

impl About {
    /// The bucket of this name.
    #[must_use]
    pub fn bucket(name: &str) -> Self {
        Self::Bucket(name.to_owned())
    }

    /// The key that is asked for so.
    #[must_use]
    pub fn key(name: &str) -> Self {
        Self::Key(name.to_owned())
    }
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Property(path) if path.is_empty() => f.write_str("the properties"),
            Self::Property(path) => write!(f, "`{path}`"),
            Self::Bucket(name) => write!(f, "bucket `{name}`"),
            Self::Key(name) => write!(f, "key `{name}`"),
            Self::Role(name) => write!(f, "role `{name}`"),
            Self::Rule(id) => write!(f, "rule `{id}`"),
        }
    }
}

/// Kinds of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    /// What the properties say is not sound, or asks for what cannot be.
    Asked,
    /// It is not there, and nothing lets us make it.
    Missing,
    /// It is there, and cannot be used as it is.
    Unusable,
    /// What others have there leaves no room for ours.
    Occupied,
    /// It would pass a limit of AWS's.
    Limit,
    /// What is there cannot be read, or not written again.
    Unreadable,
    /// We have no way to act there.
    Unreachable,
}

/// Why something cannot be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// What it is about.
    pub about: About,
    /// Of what kind it is.
    pub kind: FaultKind,
    /// What is wrong and what would be right, in a whole sentence.
    pub words: String,
}

impl Fault {
    /// A fault in these words.
    #[must_use]
    pub fn new(about: About, kind: FaultKind, words: impl Into<String>) -> Self {
        Self {
            about,
            kind,
            words: words.into(),
        }
    }

    /// A fault of which `words` say only what is wrong with what it is about.
    #[must_use]
    pub fn of(about: About, kind: FaultKind, words: impl fmt::Display) -> Self {
        let words = format!("{about}: {words}");
        Self { about, kind, words }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.about {
            About::Property(path) if !path.is_empty() => write!(f, "`{path}`: {}", self.words),
            _ => f.write_str(&self.words),
        }
    }
}

/// All faults of one input, in the order in which they were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    /// Notes one in the properties: where, and what is wrong there.
    pub fn push(&mut self, path: impl Into<String>, words: impl Into<String>) {
        let about = About::Property(path.into());
        self.0.push(Fault::new(about, FaultKind::Asked, words));
    }

    /// Notes one, unless it is known.
    pub fn add(&mut self, fault: Fault) {
        if !self.0.contains(&fault) {
            self.0.push(fault);
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `value` where there are no faults, the faults otherwise.
    ///
    /// # Errors
    /// The faults gathered so far, if any.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() {
            Ok(value)
        } else {
            Err(self)
        }
    }

    /// Each in words.
    #[must_use]
    pub fn told(&self) -> Vec<String> {
        self.0.iter().map(Fault::to_string).collect()
    }
}

#[cfg(test)]
impl Faults {
    /// Each as `place: words`, for faults in the properties.
    pub(crate) fn by_place(self) -> Vec<String> {
        let place = |fault: Fault| match fault.about {
            About::Property(path) => format!("{path}: {}", fault.words),
            other => panic!("{other:?} is no place in the properties"),
        };
        self.into_iter().map(place).collect()
    }
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}

impl Extend<Fault> for Faults {
    fn extend<T: IntoIterator<Item = Fault>>(&mut self, faults: T) {
        for fault in faults {
            self.add(fault);
        }
    }
}

impl IntoIterator for Faults {
    type Item = Fault;
    type IntoIter = std::vec::IntoIter<Fault>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asked = |fault: &Fault| matches!(fault.about, About::Property(_));
        match (self.0.iter().all(asked), self.0.len()) {
            (true, 1) => f.write_str("1 fault in the properties: ")?,
            (true, n) => write!(f, "{n} faults in the properties: ")?,
            (false, 1) => {}
            (false, n) => write!(f, "{n} things do not fit: ")?,
        }
        f.write_str(&numbered(&self.told()))
    }
}

/// CloudFormation takes 4,096 bytes of an answer, ids and all, and a list that is cut in its middle says
/// nothing of what is missing.
const MOST_BYTES: usize = 2_800;

/// Several things that are each a sentence with commas and semicolons of its own: numbered, a line each,
/// as many as a stack event holds.
pub(crate) fn numbered(told: &[String]) -> String {
    if let [one] = told {
        return one.clone();
    }
    let mut text = String::new();
    for (number, one) in told.iter().enumerate() {
        let line = format!("\n{}. {one}", number + 1);
        if number > 0 && text.len() + line.len() > MOST_BYTES {
            let more = told.len() - number;
            return format!("{text}\n… and {more} more");
        }
        text.push_str(&line);
    }
    text
}

impl std::error::Error for Faults {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_fault_is_told_as_it_is_and_several_are_numbered() {
        let told = |faults: &[&str]| {
            let fault = |words: &&str| Fault::new(About::bucket("b"), FaultKind::Missing, *words);
            Faults(faults.iter().map(fault).collect()).to_string()
        };
        assert_eq!(told(&["a; b"]), "a; b");
        assert_eq!(told(&["a; b", "c"]), "2 things do not fit: \n1. a; b\n2. c");
    }
}
