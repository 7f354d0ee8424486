//! The resource's properties: from the template's JSON to a [`Spec`](crate::spec::Spec), with every
//! fault named at once and no call made.

mod accounts;
mod checks;
mod faults;
mod read;
mod reference;
mod schema;
mod shape;
mod table;
#[cfg(test)]
mod tests;

pub use faults::{Fault, Faults};
pub use read::{read, read_bounded};
pub use reference::reference;
pub use schema::schema;
pub(crate) use shape::scalar;
