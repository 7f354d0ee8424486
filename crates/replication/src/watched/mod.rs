//! `Custom::WatchedReplication`: rules that others own (Terraform, Landing Zone Accelerator, a person) are
//! watched, and nothing of theirs is touched.
//!
//! It writes the expectations of the destinations, the failure notification of the source bucket and the
//! destinations' switch to EventBridge, and no rule, role, key, policy or object. What it saw of the rules is
//! its [`Word`], kept in its record; what the rules say later is drift, until an Update takes it for the new
//! word.

mod acts;
mod attributes;
mod drift;
mod everywhere;
mod look;
mod plan;
mod word;

use aws_names::Home;
use custom_resource::Request;
use serde_json::{Map, Value};

use crate::fault::Faults;
use crate::owner::{Kind, Owner, PhysicalId};
use crate::properties::{Watch, read_watch};
use crate::replication::Installation;

pub(crate) use self::acts::Watcher;
pub use self::attributes::ATTRIBUTES;
pub(crate) use self::drift::Differing;
pub use self::everywhere::{DETAIL_TYPE, SCHEMA};
pub(crate) use self::everywhere::{Everywhere, Survey};
pub use self::word::{Key, SeenRule, Word};

/// The resource's type in a template.
pub const TYPE: &str = "Custom::WatchedReplication";

/// What a resource is to its source bucket, by the type that a template gives it.
pub(crate) fn kind_of(resource_type: &str) -> Kind {
    if resource_type == TYPE {
        Kind::Watched
    } else {
        Kind::Provisioned
    }
}

/// The kind of the resource that a request is about: an id knows it where a Delete lacks the type.
pub(crate) fn kind_of_request(request: &Request) -> Kind {
    let given = request.physical_resource_id.as_deref();
    match given.and_then(PhysicalId::parse) {
        Some(id) if request.resource_type.is_empty() => id.kind,
        _ => kind_of(&request.resource_type),
    }
}

/// What to do where the rules are not as they were seen.
pub(crate) fn take_the_word() -> String {
    "undo what was changed; or, where the rules are right as they are, update the stack with another `Revision`, which \
     takes them for what is right from then on"
        .to_owned()
}

/// One resource, and whom it asks.
#[derive(Debug)]
pub(crate) struct Watching<'a, A> {
    pub(crate) aws: &'a A,
    pub(crate) home: &'a Home,
    pub(crate) queue_arn: &'a Option<String>,
    pub(crate) watch: Watch,
    pub(crate) owner: &'a Owner,
    /// What was seen when it was last created or updated; `None`: it is new.
    pub(crate) past: Option<Word>,
}

impl<'a, A> Watching<'a, A> {
    /// The resource that `properties` describe, as if it were new.
    ///
    /// # Errors
    /// Every fault in them.
    pub(crate) fn of(
        aws: &'a A,
        installation: &'a Installation,
        owner: &'a Owner,
        properties: &Map<String, Value>,
    ) -> Result<Self, Faults> {
        Ok(Self {
            aws,
            home: &installation.home,
            queue_arn: &installation.queue_arn,
            watch: read_watch(properties, &installation.home)?,
            owner,
            past: None,
        })
    }

    /// The same, of which this was seen when it was last created or updated.
    pub(crate) fn since(self, past: Option<Word>) -> Self {
        Self { past, ..self }
    }
}
