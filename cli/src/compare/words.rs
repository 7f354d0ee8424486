//! Whose word counts about a replica's key, for who has the rules at hand: the registry's where there is
//! one, else the rules'.

use compliance::ports::{
    AskError, DefaultEncryption, DescribeKey, FindExpectation, KeyAnswer, RegistryParameter,
};
use compliance::verdict::Authority;
use expectation::{Document, Rule};
use replication::configuration::Status;

use super::rules::{Side, prefix};

/// What is written about a bucket, or what the rules that lead there say.
#[derive(Debug)]
pub struct Words<A> {
    aws: A,
    rules: Option<RegistryParameter>,
}

impl<A: FindExpectation> Words<A> {
    /// What is written about `side`, by `aws`; where nothing is, what the rules of `source` say that lead
    /// there.
    pub async fn on(aws: A, source: &str, side: &Side) -> Self {
        // Where it cannot be read, each verdict says so.
        let written = aws.registry(&side.bucket).await;
        if !matches!(written, Ok(parameters) if parameters.is_empty()) {
            return Self { aws, rules: None };
        }
        let document = Document::new(format!("arn:aws:s3:::{source}"), said(side));
        let value = serde_json::to_string(&document).unwrap_or_default();
        let name = format!("the replication rules of {source}");
        Self {
            aws,
            rules: Some(RegistryParameter { name, value }),
        }
    }

    /// Whose word it is.
    #[must_use]
    pub const fn authority(&self) -> Authority {
        match self.rules {
            Some(_) => Authority::Rules,
            None => Authority::Registry,
        }
    }
}

/// What the rules say of keys. One that takes the source's multi-Region key names none.
fn said(side: &Side) -> Vec<Rule> {
    let rules = side.rules.iter().filter_map(|rule| {
        let key = rule.destination.replica_kms_key_id.clone()?;
        Some(Rule {
            id: rule.id.clone(),
            prefix: prefix(rule).to_owned(),
            kms_key_arn: key,
            priority: Some(rule.priority.unwrap_or_default()),
            conditional: rule.is_conditional(),
            disabled: rule.status != Status::Enabled,
            ..Rule::default()
        })
    });
    rules.collect()
}

impl<A: FindExpectation> FindExpectation for Words<A> {
    async fn registry(&self, bucket: &str) -> Result<Vec<RegistryParameter>, AskError> {
        match &self.rules {
            Some(rules) => Ok(vec![rules.clone()]),
            None => self.aws.registry(bucket).await,
        }
    }

    async fn default_encryption(
        &self,
        bucket: &str,
        owner: Option<&str>,
    ) -> Result<DefaultEncryption, AskError> {
        self.aws.default_encryption(bucket, owner).await
    }
}

impl<A: DescribeKey> DescribeKey for Words<A> {
    async fn describe(&self, key: &str) -> Result<KeyAnswer, AskError> {
        self.aws.describe(key).await
    }
}
