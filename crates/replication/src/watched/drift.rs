//! What differs from the word that was given, of the rules and of what is ours.

use super::Watching;
use super::look::Look;
use crate::fault::Faults;
use crate::ports::{Aws, Outcome};
use crate::step::Plan;

/// What an Update would come to.
#[derive(Debug)]
pub(crate) struct Foreseen {
    /// Its steps, or why it would be refused.
    pub(crate) plan: Result<Plan, Faults>,
    /// What a person should know of.
    pub(crate) warnings: Vec<String>,
    /// What cannot be watched, rule by rule.
    pub(crate) unwatched: Vec<String>,
}

/// What a look for drift shows.
#[derive(Debug)]
pub(crate) struct Differing {
    /// How the rules differ, in words.
    pub(crate) rules: Vec<String>,
    /// What an Update would write if they did not, or why it would be refused.
    pub(crate) ours: Result<Plan, Faults>,
}

impl<A: Aws> Watching<'_, A> {
    /// Looks at what an Update with the same properties would do.
    ///
    /// # Errors
    /// The first read that failed.
    pub(crate) async fn foreseen(&self) -> Outcome<Foreseen> {
        let look = Box::pin(self.look()).await?;
        let faults = self.faults(&look);
        let plan = faults.or(()).and_then(|()| self.plan(&look, &look.word));
        Ok(Foreseen {
            plan,
            warnings: self.warnings(&look),
            unwatched: look.word.unwatched(),
        })
    }

    /// Looks for what is not as it was seen and written.
    ///
    /// # Errors
    /// The first read that failed.
    pub(crate) async fn drifted(&self) -> Outcome<Differing> {
        let look: Look<'_, A> = Box::pin(self.look()).await?;
        // A record of a resource that watches has its word.
        let none = look.word.clone();
        let said = self.past.as_ref().unwrap_or(&none);
        Ok(Differing {
            rules: said.differences(&look.word),
            ours: self.plan(&look, said),
        })
    }
}
