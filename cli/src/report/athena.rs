//! Athena in a workgroup, in the name of whoever calls.

use evidence::aws::AthenaError;
use replication::aws::failure;

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
        Self {
            session,
            athena: evidence::aws::Athena::new(&config, work_group.to_owned(), database.to_owned()),
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
        let (operation, error) = match error {
            AthenaError::Refused {
                operation, error, ..
            } => (operation, error),
            ended @ AthenaError::Ended { .. } => return Failure::Incomplete(ended.to_string()),
        };
        let operation = operation.strip_prefix("athena:").unwrap_or(operation);
        let resource = format!("Athena workgroup `{}`", self.athena.work_group());
        let region = &self.session.home().region;
        self.session
            .failed(failure(operation, resource, region, &error))
    }
}
