//! The resource's properties: from the template's JSON to a [`Spec`](crate::spec::Spec), with every
//! fault named at once and no call made.

mod accounts;
mod allowed;
mod checks;
mod given;
mod places;
mod read;
mod reference;
mod schema;
mod shape;
mod table;
#[cfg(test)]
mod tests;
mod watched;

pub use read::{Sound, read};
pub use reference::{reference, watched_reference};
pub use schema::{schema, watched_schema};
pub(crate) use shape::scalar;
pub use watched::{Watch, read_watch};
