//! Answers in XML.

use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use roxmltree::Document;

use crate::refused::Refused;

/// An answer's document.
pub(crate) fn document(answer: &HttpResponse) -> Result<String, OrchestratorError<Refused>> {
    let body = answer.body().bytes().unwrap_or_default();
    let text = String::from_utf8_lossy(body);
    if answer.status().is_success() {
        return Ok(text.into_owned());
    }
    Err(OrchestratorError::operation(refused(answer, &text)))
}

/// `<Error>` with its code, alone as S3's are or within an `<ErrorResponse>`.
fn refused(answer: &HttpResponse, text: &str) -> Refused {
    // What stands between AWS and us may answer with a page.
    let Ok(document) = Document::parse(text) else {
        return Refused::of(answer, None, None);
    };
    let mut all = document.descendants();
    let error = all.find(|node| node.tag_name().name() == "Error");
    let of_error = |name: &str| {
        let mut members = error?.children();
        members.find(|node| node.tag_name().name() == name)?.text()
    };
    Refused::of(answer, of_error("Code"), of_error("Message"))
}
