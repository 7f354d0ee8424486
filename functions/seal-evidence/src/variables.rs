//! The environment.

use std::collections::HashMap;

/// The variables of the process.
pub(crate) struct Variables(HashMap<String, String>);

impl Variables {
    pub(crate) fn of_process() -> Self {
        Self(std::env::vars().collect())
    }

    pub(crate) const fn all(&self) -> &HashMap<String, String> {
        &self.0
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// One that is set, and not to nothing.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }

    pub(crate) fn needed(&self, name: &str) -> Result<String, String> {
        let value = self.get(name).map(str::to_owned);
        value.ok_or_else(|| format!("environment variable {name} is not set"))
    }
}
