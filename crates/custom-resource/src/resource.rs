//! What a resource has to know how to do.

use std::future::{Future, ready};

use lambda_runtime::Context;
use serde_json::Value;

use crate::deadline::Deadline;
use crate::request::Request;
use crate::response::{Failure, Success};

/// A resource that CloudFormation creates, updates and deletes through the function.
///
/// # Assumptions
/// - Every method may run twice for one request: Lambda delivers asynchronous invocations at least
///   once, and again after an error
///   (<https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>).
/// - A failed Create is followed by a Delete with the same physical id, a failed Update by an Update
///   with both sets of properties swapped.
/// - An Update whose answer bears another physical id than the request is a replacement:
///   CloudFormation later sends a Delete for the old id. The Update itself deletes nothing.
/// - The futures give way to the executor. One that blocks its thread past the deadline cannot be
///   stopped, and CloudFormation gets no answer.
pub trait CustomResource: Send + Sync {
    /// The id of the resource the request is about, of 1 to 1,024 bytes and the same for every
    /// request of one resource: Create, and each Update that does not replace it.
    ///
    /// Called before anything may fail, so that whatever happens is answered under the right id.
    /// Where the properties cannot be used, return the id that the request bears. A Delete is
    /// answered under the id it bears; this is called only where it bears none.
    fn physical_id(&self, request: &Request) -> String;

    /// Whether `physical_id` is one that this resource may have given.
    ///
    /// Asked for a Delete whose envelope is broken, which nothing can be found by: it succeeds if
    /// the id is not the resource's own and fails otherwise, so that nothing is left behind unseen.
    fn is_own_id(&self, physical_id: &str) -> bool {
        let _ = physical_id;
        true
    }

    /// Creates the resource, or goes on creating it.
    ///
    /// `deadline` is when the work is stopped and answered with FAILED; for all three.
    fn create(
        &self,
        request: &Request,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Success, Failure>> + Send;

    /// Changes the resource from the old properties to the new ones.
    fn update(
        &self,
        request: &Request,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Success, Failure>> + Send;

    /// Deletes the resource with the physical id of the request; succeeds where there is none.
    fn delete(
        &self,
        request: &Request,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Success, Failure>> + Send;

    /// Answers a payload that is no request of CloudFormation, such as that of
    /// `aws lambda invoke`. The value is what the function returns, the failure its error.
    fn invoke(
        &self,
        payload: Value,
        context: Context,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Value, Failure>> + Send {
        let _ = (payload, context, deadline);
        ready(Err(Failure::from(
            "the payload has no ResponseURL, so it is no request of CloudFormation, and the \
             function takes no other",
        )))
    }
}
