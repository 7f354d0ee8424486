//! Direct invocations: questions that a person or a pipeline asks by `aws lambda invoke`. They are
//! answered from reads alone; nothing is changed. What changed behind the stacks' backs is looked for
//! in [`crate::drift`].
//!
//! ```json
//! {"Action": "Plan", "ResourceProperties": {"SourceBucket": "…", "Rules": […]}}
//! ```

mod answer;
mod question;

pub(crate) use answer::answer;
pub(crate) use question::{Asked, asked};
