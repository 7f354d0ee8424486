//! Direct invocations: questions that a person or a pipeline asks by `aws lambda invoke`. They are
//! answered from reads alone; nothing is changed. What changed behind the stacks' backs is looked for
//! in [`crate::drift`].
//!
//! ```json
//! {"Action": "Plan", "ResourceProperties": {"SourceBucket": "…", "Rules": […]}}
//! ```

mod answer;
mod question;
mod subject;
mod table;

pub(crate) use answer::answer;
pub(crate) use question::{Asked, Format, asked};
pub(crate) use subject::whose;
pub(crate) use table::formatted;
