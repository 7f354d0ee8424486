//! Systems Manager's Parameter Store.

use std::fmt;

use aws_smithy_types::DateTime;
use aws_types::SdkConfig;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::client::{Client, Error};
use crate::service::Service;

const SSM: Service = Service {
    id: "SSM",
    prefix: "ssm",
    target: "AmazonSSM",
};

/// A parameter.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Parameter {
    /// Its name, with its path.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A version of a parameter.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ParameterVersion {
    /// Its number.
    pub version: i64,
    /// The value that it set.
    pub value: String,
    /// When it was written.
    #[serde(rename = "LastModifiedDate", deserialize_with = "time")]
    pub modified: DateTime,
    /// ARN of who wrote it.
    #[serde(rename = "LastModifiedUser", default)]
    pub modified_by: String,
}

/// Seconds since 1970, with a fraction.
fn time<'de, D: Deserializer<'de>>(from: D) -> Result<DateTime, D::Error> {
    f64::deserialize(from).map(DateTime::from_secs_f64)
}

// A value may be a secret: what is printed for people who look for a fault is the name.
impl fmt::Debug for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parameter")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ParameterVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParameterVersion")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page<T> {
    #[serde(default = "Vec::new")]
    parameters: Vec<T>,
    next_token: Option<String>,
}

/// Parameter Store in the Region of a configuration.
#[derive(Clone, Debug)]
pub struct ParameterStore(Client);

impl ParameterStore {
    /// By way of this configuration.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self(Client::new(config, SSM))
    }

    /// Every parameter right below a path, or in all of its branches where `recursive`.
    ///
    /// See <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParametersByPath.html>.
    ///
    /// # Errors
    /// Where a page cannot be read.
    pub async fn by_path(&self, path: &str, recursive: bool) -> Result<Vec<Parameter>, Error> {
        let question = json!({"Path": path, "Recursive": recursive});
        self.pages("GetParametersByPath", question).await
    }

    /// Every version that Parameter Store keeps of a parameter.
    ///
    /// See <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameterHistory.html>.
    ///
    /// # Errors
    /// Where a page cannot be read.
    pub async fn history(&self, name: &str) -> Result<Vec<ParameterVersion>, Error> {
        self.pages("GetParameterHistory", json!({"Name": name}))
            .await
    }

    /// Writes a parameter of text, whether or not there is one.
    ///
    /// Above 4,096 bytes Parameter Store needs its advanced tier, which costs; below it does not.
    ///
    /// See <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html>.
    ///
    /// # Errors
    /// Where it is not written.
    pub async fn put(&self, name: &str, value: &str, description: &str) -> Result<(), Error> {
        let mut parameter = json!({
            "Name": name,
            "Value": value,
            "Type": "String",
            "Tier": "Intelligent-Tiering",
            "Overwrite": true,
        });
        if !description.is_empty()
            && let Some(parameter) = parameter.as_object_mut()
        {
            parameter.insert("Description".to_owned(), description.into());
        }
        let written = self.0.call::<IgnoredAny>("PutParameter", &parameter);
        written.await.map(drop)
    }

    /// Deletes a parameter.
    ///
    /// See <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DeleteParameter.html>.
    ///
    /// # Errors
    /// Where it is not deleted, or there is none.
    pub async fn delete(&self, name: &str) -> Result<(), Error> {
        let question = json!({"Name": name});
        let gone = self.0.call::<IgnoredAny>("DeleteParameter", &question);
        gone.await.map(drop)
    }

    /// What all pages of an answer have in `Parameters`.
    async fn pages<T>(&self, operation: &'static str, question: Value) -> Result<Vec<T>, Error>
    where
        T: DeserializeOwned + fmt::Debug + Send + Sync + 'static,
    {
        let split = |page: Page<T>| (page.parameters, page.next_token);
        self.0.list(operation, question, "NextToken", split).await
    }
}
