//! From what should be and what is to the steps between. Pure: the same input gives the same plan,
//! and a plan made after its own steps is empty.

mod create;
mod delete;
mod desired;
mod expectation;
pub(crate) mod keys;
#[cfg(test)]
mod tests;

pub use create::plan;
pub use delete::plan_delete;
pub use desired::{Desired, desired};

use crate::arn::Home;
use crate::owner::Owner;

/// ARN of the alias that the key we make for `bucket` has; it stands for the key in a plan, until
/// the key exists.
#[must_use]
pub fn alias_arn(home: &Home, owner: &Owner, region: &str, bucket: &str) -> String {
    let alias = owner.key_alias(bucket);
    format!(
        "arn:{}:kms:{region}:{}:{alias}",
        home.partition, home.account
    )
}
