//! Direct invocations: questions that a person or a pipeline asks by `aws lambda invoke`. They are
//! answered from reads alone; nothing is changed.
//!
//! ```json
//! {"Action": "Plan", "ResourceProperties": {"SourceBucket": "…", "Rules": […]}}
//! ```

mod answer;
mod question;

pub(crate) use answer::answer;
