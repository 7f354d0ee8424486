//! Looks at the world from outside, and says which promise was broken. It shares no code with what it judges:
//! what it knows of names is what SEMANTICS says.

mod claims;
mod ground;
mod leftovers;
mod looks;
mod verdicts;
mod ways;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use aws_in_memory::World;
use aws_in_memory::news::Thing;

use crate::story::Template;

pub use claims::{Claim, Right};
pub use ground::Who;
pub use looks::Before;
pub use ways::Uploaded;

/// A promise of SEMANTICS that was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which, in one word.
    pub promise: &'static str,
    /// What was seen.
    pub seen: String,
    /// Seconds after the beginning.
    pub at: u64,
}

/// A stack's resource, as its author knows it.
#[derive(Clone, Copy, Debug)]
pub struct Resource<'a> {
    /// The stack's number.
    pub stack: usize,
    /// The name by which what it made is known.
    pub owner: &'a str,
    /// What was asked for.
    pub template: &'a Template,
}

/// What happened in a life, to be counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(pub BTreeMap<&'static str, u64>);

impl Counts {
    /// Counts one.
    pub fn one(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }
}

/// The judge.
#[derive(Clone, Debug)]
pub struct Oracle {
    /// What happened.
    pub counts: Counts,
    /// What was not kept, the first one first.
    pub broken: Vec<Broken>,
    began: Instant,
    /// What is others', by its name.
    ledger: BTreeMap<String, String>,
    /// When entries of it changed last.
    ledger_since: BTreeMap<String, Instant>,
    /// Buckets and keys that the provisioner made.
    made: BTreeSet<String>,
    /// Who changed a thing last, and when.
    changed: BTreeMap<Thing, ground::Change>,
    /// By owner.
    claims: BTreeMap<String, Claim>,
    uploads: BTreeMap<(String, String, String), Uploaded>,
    /// When somebody deleted all that was in a bucket.
    emptied: BTreeMap<String, Instant>,
    /// How long IAM takes over a policy.
    pub permissions_take: Duration,
    /// Ways that an object went by.
    worked: BTreeMap<ways::Way, Instant>,
    objects: Vec<verdicts::Object>,
    failures: BTreeSet<(String, String, String)>,
    told: Vec<verdicts::Told>,
    repaired: BTreeMap<(String, String, String), Instant>,
    /// Whose message went to the dead-letter queue.
    dead: BTreeSet<(String, String, String)>,
    /// When somebody did something to the configuration, requests of stacks included: from, to.
    stirred: Vec<(Instant, Option<Instant>, usize)>,
}

/// The judge, and the world that it looks at.
#[derive(Clone, Debug)]
pub struct Court {
    pub world: World,
    oracle: Arc<Mutex<Oracle>>,
}

impl Court {
    /// Over a world that is set.
    #[must_use]
    pub fn over(world: &World) -> Self {
        let oracle = Oracle {
            counts: Counts::default(),
            broken: Vec::new(),
            began: Instant::now(),
            ledger: BTreeMap::new(),
            ledger_since: BTreeMap::new(),
            made: BTreeSet::new(),
            changed: BTreeMap::new(),
            claims: BTreeMap::new(),
            uploads: BTreeMap::new(),
            permissions_take: Duration::ZERO,
            emptied: BTreeMap::new(),
            worked: BTreeMap::new(),
            objects: Vec::new(),
            failures: BTreeSet::new(),
            told: Vec::new(),
            repaired: BTreeMap::new(),
            dead: BTreeSet::new(),
            stirred: Vec::new(),
        };
        let court = Self {
            world: world.clone(),
            oracle: Arc::new(Mutex::new(oracle)),
        };
        court.changed_by(Who::Others, "the stage");
        court
    }

    /// The judge. Never held while the world's state is.
    pub fn oracle(&self) -> MutexGuard<'_, Oracle> {
        self.oracle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Oracle {
    /// A promise was broken.
    pub fn breaks(&mut self, promise: &'static str, seen: impl Into<String>) {
        let at = Instant::now()
            .saturating_duration_since(self.began)
            .as_secs();
        if self.broken.len() < 20 {
            let seen = seen.into();
            self.broken.push(Broken { promise, seen, at });
        }
    }

    /// Somebody begins to change configuration: a stack with this number, or a person.
    pub fn stirs(&mut self, stack: Option<usize>) -> usize {
        self.stirred
            .push((Instant::now(), None, stack.unwrap_or(usize::MAX)));
        self.stirred.len() - 1
    }

    /// … has done so.
    pub fn stirred(&mut self, number: usize) {
        if let Some(entry) = self.stirred.get_mut(number) {
            entry.1 = Some(Instant::now());
        }
    }

    /// Whether nobody but one stack has ever changed anything.
    #[must_use]
    pub fn is_undisturbed(&self, but: usize) -> bool {
        self.stirred.iter().all(|(_, _, stack)| *stack == but)
    }

    /// Whether anybody but one stack changed configuration between two moments, or a little before them.
    #[must_use]
    pub fn is_stirred(&self, but: Option<usize>, from: Instant, to: Instant) -> bool {
        let slack = Duration::from_mins(2);
        self.stirred.iter().any(|(begun, ended, stack)| {
            Some(*stack) != but && *begun <= to && ended.is_none_or(|ended| ended + slack >= from)
        })
    }
}
