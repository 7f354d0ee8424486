//! What goes over the wire beside what the SDK makes of it.
//!
//! The SDK drops what it does not know of a document, and S3 gains members faster than it. So the
//! documents that are read, changed and written back do not pass through its types: an answer's body is
//! taken before the SDK reads it, and a request's is put in after the SDK wrote one.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeDeserializationInterceptorContextMut, BeforeTransmitInterceptorContextMut,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::config_bag::ConfigBag;

type Result<T> = std::result::Result<T, BoxError>;

/// Takes the body of a good answer as it came; the SDK gets an empty document to read.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// Name of the document's root, which the SDK asks for.
    root: &'static str,
    body: Arc<Mutex<Option<SdkBody>>>,
}

impl Answer {
    pub(super) fn new(root: &'static str) -> Self {
        let body = Arc::default();
        Self { root, body }
    }

    /// The body of the last answer.
    pub(super) async fn text(&self) -> Result<String> {
        let body = self.taken().take().unwrap_or_else(|| SdkBody::from(""));
        let bytes = ByteStream::new(body).collect().await?.to_vec();
        Ok(String::from_utf8(bytes)?)
    }

    fn taken(&self) -> std::sync::MutexGuard<'_, Option<SdkBody>> {
        self.body.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[dyn_dispatch_hint]
impl Intercept for Answer {
    fn name(&self) -> &'static str {
        "Answer"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<()> {
        let response = context.response_mut();
        if response.status().is_success() {
            let empty = SdkBody::from(format!("<{}/>", self.root));
            *self.taken() = Some(mem::replace(response.body_mut(), empty));
        }
        Ok(())
    }
}

/// Sends this document as the request's body.
#[derive(Clone, Debug)]
pub(super) struct Document(pub(super) String);

#[dyn_dispatch_hint]
impl Intercept for Document {
    fn name(&self) -> &'static str {
        "Document"
    }

    // Before the checksum and the signature are made.
    fn modify_before_retry_loop(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<()> {
        let request = context.request_mut();
        let headers = request.headers_mut();
        headers.insert("content-type", "application/xml");
        headers.insert("content-length", self.0.len().to_string());
        *request.body_mut() = SdkBody::from(self.0.as_str());
        Ok(())
    }
}

/// Has every call of S3 name the account that the bucket must belong to, so that a bucket which was
/// deleted and made again by a stranger is never spoken to. See
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html>.
#[derive(Clone, Debug)]
pub(super) struct ExpectedOwner(pub(super) String);

impl ExpectedOwner {
    const HEADER: &str = "x-amz-expected-bucket-owner";
    /// The one call for a bucket that nobody owns yet, and the one that is about no bucket.
    const WITHOUT: [&str; 2] = ["CreateBucket", "ListBuckets"];
}

#[dyn_dispatch_hint]
impl Intercept for ExpectedOwner {
    fn name(&self) -> &'static str {
        "ExpectedOwner"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<()> {
        let operation = config.load::<Metadata>().map(Metadata::name);
        if !operation.is_some_and(|name| Self::WITHOUT.contains(&name)) {
            let headers = context.request_mut().headers_mut();
            headers.try_insert(Self::HEADER, self.0.clone())?;
        }
        Ok(())
    }
}
