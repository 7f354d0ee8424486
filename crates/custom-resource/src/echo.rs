//! What ties an answer to its request.

/// What the answer repeats, with `unknown` for what a broken request does not tell.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(
    clippy::struct_field_names,
    reason = "the names are CloudFormation's own"
)]
pub(crate) struct Echo {
    pub(crate) request_id: String,
    pub(crate) stack_id: String,
    pub(crate) logical_resource_id: String,
}
