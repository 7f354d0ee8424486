//! `?` on what an AWS SDK client answers.

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use custom_resource::Failure;

#[derive(Debug, thiserror::Error)]
#[error("refused")]
struct Refused(ErrorMetadata);

impl ProvideErrorMetadata for Refused {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

fn refused(meta: ErrorMetadata) -> Result<(), Failure> {
    // As a method of a resource does it.
    Ok(Err(SdkError::service_error(
        Refused(meta),
        "the raw answer",
    ))?)
}

#[test]
fn a_refusal_has_its_code_its_words_and_the_id_that_aws_asks_for() {
    let meta = ErrorMetadata::builder()
        .code("NoSuchBucket")
        .message("The specified bucket does not exist")
        .custom("aws_request_id", "ABC")
        .build();
    let failure = refused(meta).unwrap_err();
    let expected = "NoSuchBucket: The specified bucket does not exist (request ABC)";
    assert_eq!(failure.reason, expected);
    let failure = refused(ErrorMetadata::builder().build()).unwrap_err();
    assert_eq!(failure.reason, "an error without a code");
}

#[test]
fn what_never_came_to_the_service_is_told_with_its_causes() {
    let cause = std::io::Error::other("the network is down");
    let error: SdkError<Refused, ()> = SdkError::construction_failure(cause);
    let failure = Failure::from(error);
    assert!(failure.reason.contains("the network is down"), "{failure}");
}
