//! Three calls to Athena.
//!
//! See <https://docs.aws.amazon.com/athena/latest/APIReference/API_StartQueryExecution.html>.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_calls::{Client, Service};
use aws_types::SdkConfig;
use serde_json::{Value, json};

use super::{answer, patient};

/// Between the first two looks; each time twice as long as before, up to the longest.
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);
const LONGEST_BETWEEN_LOOKS: Duration = Duration::from_secs(1);

const ATHENA: Service = Service {
    id: "Athena",
    prefix: "athena",
    target: "AmazonAthena",
};

/// A row of an answer, by its columns' names; what is null is left out.
pub type Row = BTreeMap<String, String>;

/// A query as it was run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What stood in the places of its question marks.
    pub parameters: Vec<String>,
    /// Athena's id of the run.
    pub execution_id: String,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AthenaError {
    /// A call was refused, or not answered.
    #[error("{operation} in workgroup {work_group}: {}", answer(.error))]
    Refused {
        /// The operation, such as `athena:StartQueryExecution`.
        operation: &'static str,
        /// The workgroup.
        work_group: String,
        /// What was said, or went wrong on the way.
        error: Box<aws_calls::Error>,
    },
    /// The query was run, and did not end well.
    #[error("query `{name}` in workgroup {work_group} ended {state}: {why} (execution {id})")]
    Ended {
        /// The query's name.
        name: String,
        /// The workgroup.
        work_group: String,
        /// `FAILED` or `CANCELLED`.
        state: String,
        /// Athena's reason.
        why: String,
        /// Athena's id of the run.
        id: String,
    },
}

/// Asks, in a workgroup.
#[derive(Clone, Debug)]
pub struct Athena {
    client: Client,
    work_group: String,
    database: String,
}

impl Athena {
    /// Asks in this workgroup, of this database.
    #[must_use]
    pub fn new(config: &SdkConfig, work_group: String, database: String) -> Self {
        Self {
            client: Client::new(&patient(config), ATHENA),
            work_group,
            database,
        }
    }

    /// The workgroup.
    #[must_use]
    pub fn work_group(&self) -> &str {
        &self.work_group
    }

    /// Runs a query, with its parameters as texts, and gives each row to `take`.
    ///
    /// # Errors
    /// [`AthenaError`].
    pub async fn ask(
        &self,
        (name, text): (&str, &str),
        parameters: &[&str],
        mut take: impl FnMut(Row),
    ) -> Result<Asked, AthenaError> {
        let parameters: Vec<_> = parameters.iter().map(|text| literal(text)).collect();
        let question = json!({"QueryString": text, "WorkGroup": self.work_group,
            "QueryExecutionContext": {"Database": self.database}, "ExecutionParameters": parameters});
        let begun = self.call("athena:StartQueryExecution", &question).await?;
        let id = text_of(at(&begun, "/QueryExecutionId")).to_owned();
        let which = json!({"QueryExecutionId": id});
        let mut pause = BETWEEN_LOOKS;
        loop {
            let told = self.call("athena:GetQueryExecution", &which).await?;
            let status = at(&told, "/QueryExecution/Status");
            match text_of(at(status, "/State")) {
                "SUCCEEDED" => break,
                state @ ("FAILED" | "CANCELLED") => {
                    return Err(AthenaError::Ended {
                        name: name.to_owned(),
                        work_group: self.work_group.clone(),
                        state: state.to_owned(),
                        why: text_of(at(status, "/StateChangeReason")).to_owned(),
                        id,
                    });
                }
                _ => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_BETWEEN_LOOKS);
                }
            }
        }
        let mut names = 1;
        let take = |page: Value| {
            // The first row of all is the columns' names.
            rows(at(&page, "/ResultSet"))
                .skip(std::mem::take(&mut names))
                .for_each(&mut take);
            at(&page, "/NextToken").as_str().map(str::to_owned)
        };
        let read = self
            .client
            .pages("GetQueryResults", which, "NextToken", take);
        read.await
            .map_err(|error| self.refused("athena:GetQueryResults", error))?;
        Ok(Asked {
            parameters,
            execution_id: id,
        })
    }

    async fn call(&self, operation: &'static str, body: &Value) -> Result<Value, AthenaError> {
        let (_, name) = operation.split_once(':').unwrap_or(("", operation));
        let said = self.client.call(name, body).await;
        said.map_err(|error| self.refused(operation, error))
    }

    fn refused(&self, operation: &'static str, error: aws_calls::Error) -> AthenaError {
        AthenaError::Refused {
            operation,
            work_group: self.work_group.clone(),
            error: Box::new(error),
        }
    }
}

/// A text as Athena's SQL writes it.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A member; null where there is none.
fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The rows of a page; of the first page the first one is the header.
fn rows(set: &Value) -> impl Iterator<Item = Row> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let columns = list(at(set, "/ResultSetMetadata/ColumnInfo"));
    let columns: Vec<_> = columns
        .iter()
        .map(|column| text_of(at(column, "/Name")).to_owned())
        .collect();
    list(at(set, "/Rows")).into_iter().map(move |row| {
        let data = list(at(&row, "/Data"));
        let cells = columns.iter().zip(&data);
        let cells = cells.filter_map(|(name, cell)| {
            let text = at(cell, "/VarCharValue").as_str()?;
            Some((name.clone(), text.to_owned()))
        });
        cells.collect::<BTreeMap<_, _>>()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_ends_where_it_ends() {
        assert_eq!(literal("tax"), "'tax'");
        assert_eq!(literal("o'hara' OR ''='"), "'o''hara'' OR ''''='''");
    }

    #[test]
    fn what_is_null_is_left_out_of_a_row() {
        let set = json!({"ResultSetMetadata": {"ColumnInfo": [{"Name": "key"}, {"Name": "ended"}, {"Name": "id"}]},
            "Rows": [{"Data": [{"VarCharValue": "a"}, {}, {"VarCharValue": "1"}]}]});
        let found: Vec<_> = rows(&set).collect();
        let expected = [("id", "1"), ("key", "a")].map(|(name, text)| (name.into(), text.into()));
        assert_eq!(found, [Row::from(expected)]);
    }
}
