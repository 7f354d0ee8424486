//! Three calls to Athena, in its JSON protocol: the SDK's crate for it would weigh on every build for these.
//!
//! See <https://docs.aws.amazon.com/athena/latest/APIReference/API_StartQueryExecution.html>.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use aws_credential_types::provider::ProvideCredentials as _;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_types::SdkConfig;
use replication::error::{AwsError, ErrorKind};
use sdk_environment::Http;
use serde_json::{Value, json};

use super::model::{Asked, Fields};
use crate::failure::Failure;
use crate::session::Session;

const BETWEEN_LOOKS: Duration = Duration::from_secs(1);
const TRIES: u32 = 5;

/// Asks, in a workgroup.
#[derive(Debug)]
pub(super) struct Athena<'a> {
    session: &'a Session,
    config: SdkConfig,
    http: Http,
    work_group: &'a str,
    database: &'a str,
}

/// What Athena said, or why there was no answer.
enum Said {
    Answer(Value),
    Refused(u16, String, String),
    Nothing(String),
}

impl<'a> Athena<'a> {
    pub(super) fn of(session: &'a Session, work_group: &'a str, database: &'a str) -> Self {
        Self {
            config: session.config(&session.home().region),
            session,
            http: Http::new(),
            work_group,
            database,
        }
    }

    /// Runs a query, with its parameters as texts, and gives each row to `take`.
    pub(super) async fn ask(
        &self,
        (name, text): (&str, &str),
        parameters: &[&str],
        mut take: impl FnMut(Fields),
    ) -> Result<Asked, Failure> {
        let parameters: Vec<_> = parameters.iter().map(|text| literal(text)).collect();
        let question = json!({"QueryString": text, "WorkGroup": self.work_group,
            "QueryExecutionContext": {"Database": self.database}, "ExecutionParameters": parameters});
        let begun = self.call("StartQueryExecution", &question).await?;
        let id = text_of(at(&begun, "/QueryExecutionId")).to_owned();
        let which = json!({"QueryExecutionId": id});
        loop {
            let told = self.call("GetQueryExecution", &which).await?;
            let status = at(&told, "/QueryExecution/Status");
            match text_of(at(status, "/State")) {
                "SUCCEEDED" => break,
                state @ ("FAILED" | "CANCELLED") => {
                    let why = text_of(at(status, "/StateChangeReason"));
                    return Err(Failure::Incomplete(format!(
                        "query `{name}` in workgroup {} ended {state}: {why} (execution {id})",
                        self.work_group
                    )));
                }
                _ => tokio::time::sleep(BETWEEN_LOOKS).await,
            }
        }
        let mut page = which;
        let mut first = true;
        loop {
            let told = self.call("GetQueryResults", &page).await?;
            for row in rows(at(&told, "/ResultSet")).skip(usize::from(first)) {
                take(row);
            }
            first = false;
            match at(&told, "/NextToken").as_str() {
                Some(next) => page = json!({"QueryExecutionId": id, "NextToken": next}),
                None => break,
            }
        }
        Ok(Asked {
            name: name.to_owned(),
            text: text.to_owned(),
            parameters,
            execution_id: id,
        })
    }

    async fn call(&self, operation: &'static str, body: &Value) -> Result<Value, Failure> {
        let mut wait = BETWEEN_LOOKS;
        let mut tries = 0;
        loop {
            tries += 1;
            let said = self.send(operation, body).await;
            let passes = match &said {
                Said::Answer(_) => false,
                Said::Refused(status, code, _) => {
                    *status >= 500 || code.contains("Throttl") || code.contains("TooManyRequests")
                }
                Said::Nothing(_) => true,
            };
            if passes && tries < TRIES {
                tokio::time::sleep(wait).await;
                wait *= 2;
                continue;
            }
            let (kind, code, message) = match said {
                Said::Answer(answer) => return Ok(answer),
                Said::Refused(status, code, message) => {
                    let denied = status == 403 || code.contains("AccessDenied");
                    let kind = match (denied, passes) {
                        (true, _) => ErrorKind::AccessDenied,
                        (_, true) => ErrorKind::Transient,
                        _ => ErrorKind::Invalid,
                    };
                    (kind, code, message)
                }
                Said::Nothing(why) => (ErrorKind::Transient, String::new(), why),
            };
            return Err(self.session.failed(AwsError {
                operation,
                resource: format!("Athena workgroup `{}`", self.work_group),
                region: self.session.home().region.clone(),
                kind,
                code,
                message,
                request_id: None,
            }));
        }
    }

    async fn send(&self, operation: &str, body: &Value) -> Said {
        match self.request(operation, body.to_string()).await {
            Err(why) => Said::Nothing(why),
            Ok(request) => match self.http.connector().call(request).await {
                Err(error) => Said::Nothing(error.to_string()),
                Ok(answer) => {
                    let status = answer.status().as_u16();
                    let bytes = ByteStream::new(answer.into_body()).collect().await;
                    let bytes = match bytes {
                        Ok(bytes) => bytes.into_bytes(),
                        Err(error) => return Said::Nothing(error.to_string()),
                    };
                    let answer: Value = serde_json::from_slice(&bytes).unwrap_or_default();
                    if status == 200 {
                        return Said::Answer(answer);
                    }
                    let code = text_of(at(&answer, "/__type")).rsplit('#').next();
                    let message = at(&answer, "/message")
                        .as_str()
                        .or(at(&answer, "/Message").as_str());
                    Said::Refused(
                        status,
                        code.unwrap_or_default().to_owned(),
                        message.unwrap_or_default().to_owned(),
                    )
                }
            },
        }
    }

    async fn request(&self, operation: &str, body: String) -> Result<HttpRequest, String> {
        let home = self.session.home();
        let suffix = match home.partition.as_str() {
            "aws-cn" => "amazonaws.com.cn",
            _ => "amazonaws.com",
        };
        let url = sdk_environment::endpoint(&self.config, "Athena")
            .unwrap_or_else(|| format!("https://athena.{}.{suffix}", home.region));
        let url = format!("{}/", url.trim_end_matches('/'));
        let provider = self.config.credentials_provider();
        let credentials = provider.ok_or("there are no credentials")?;
        let credentials = credentials.provide_credentials().await;
        let identity = credentials.map_err(|error| error.to_string())?.into();
        let target = format!("AmazonAthena.{operation}");
        let headers = [
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", target.as_str()),
        ];
        let parameters = SigningParams::builder()
            .identity(&identity)
            .region(&home.region)
            .name("athena")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| error.to_string())?
            .into();
        let signable = SignableRequest::new(
            "POST",
            &url,
            headers.into_iter(),
            SignableBody::Bytes(body.as_bytes()),
        );
        let signed = signable.and_then(|request| sign(request, &parameters));
        let (instructions, _) = signed.map_err(|error| error.to_string())?.into_parts();
        let mut request = HttpRequest::new(SdkBody::from(body));
        request
            .set_method("POST")
            .map_err(|error| error.to_string())?;
        request.set_uri(url).map_err(|error| error.to_string())?;
        let to = request.headers_mut();
        for (name, value) in headers {
            to.insert(name, value.to_owned());
        }
        for (name, value) in instructions.headers() {
            to.insert(name.to_owned(), value.to_owned());
        }
        Ok(request)
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
fn rows(set: &Value) -> impl Iterator<Item = Fields> {
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
        assert_eq!(found, [Fields::from(expected)]);
    }
}
