//! What is wrong with the input, gathered so that all of it can be told at once.

use std::fmt;

/// One fault: where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where in the properties, for example `Rules[0].Destination.Bucket`.
    pub path: String,
    /// What is wrong there and what would be right.
    pub message: String,
}

/// All faults of one input, in the order in which they were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    /// Notes one more.
    pub fn push(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.0.push(Fault {
            path: path.into(),
            message: message.into(),
        });
    }

    /// Whether the input is sound.
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
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => f.write_str("1 fault in the properties")?,
            n => write!(f, "{n} faults in the properties")?,
        }
        for (number, Fault { path, message }) in self.0.iter().enumerate() {
            let separator = if number == 0 { ": " } else { "; " };
            if path.is_empty() {
                write!(f, "{separator}{message}")?;
            } else {
                write!(f, "{separator}`{path}`: {message}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}
