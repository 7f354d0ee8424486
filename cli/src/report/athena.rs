//! Athena in a workgroup, in the name of whoever calls.

use evidence::aws::{AthenaError, Caller};
use replication::error::{AwsError, ErrorKind};
use sdk_environment::Http;

use super::model::{Asked, Fields};
use crate::failure::Failure;
use crate::session::Session;

/// Asks, in a workgroup.
#[derive(Debug)]
pub(crate) struct Athena<'a> {
    session: &'a Session,
    athena: evidence::aws::Athena,
}

impl<'a> Athena<'a> {
    pub(crate) fn of(session: &'a Session, work_group: &str, database: &str) -> Self {
        let config = session.config(&session.home().region);
        let caller = Caller::new(&config, &Http::new());
        Self {
            session,
            athena: evidence::aws::Athena::new(caller, work_group.to_owned(), database.to_owned()),
        }
    }

    /// Runs a query, with its parameters as texts, and gives each row to `take`.
    pub(crate) async fn ask(
        &self,
        (name, text): (&str, &str),
        parameters: &[&str],
        take: impl FnMut(Fields),
    ) -> Result<Asked, Failure> {
        let asked = self.athena.ask((name, text), parameters, take).await;
        let asked = asked.map_err(|error| self.failed(error))?;
        Ok(Asked {
            name: name.to_owned(),
            text: text.to_owned(),
            parameters: asked.parameters,
            execution_id: asked.execution_id,
        })
    }

    fn failed(&self, error: AthenaError) -> Failure {
        let (operation, refused) = match error {
            AthenaError::Refused {
                operation, refused, ..
            } => (operation, refused),
            ended @ AthenaError::Ended { .. } => return Failure::Incomplete(ended.to_string()),
        };
        let kind = match (refused.is_denial(), refused.passes()) {
            (true, _) => ErrorKind::AccessDenied,
            (_, true) => ErrorKind::Transient,
            _ => ErrorKind::Invalid,
        };
        self.session.failed(AwsError {
            operation: operation.strip_prefix("athena:").unwrap_or(operation),
            resource: format!("Athena workgroup `{}`", self.athena.work_group()),
            region: self.session.home().region.clone(),
            kind,
            code: refused.code,
            message: refused.message,
            request_id: None,
        })
    }
}
