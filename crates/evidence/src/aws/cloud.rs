//! An account in a Region: what is expected there, its inventories, Athena, AWS Config.

use std::collections::{BTreeMap, BTreeSet};

use aws_calls::{Client, Lambda, ParameterStore, Service};
use aws_types::SdkConfig;
use expectation::{Document, PARAMETERS, Time, bucket_of};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::athena::{Athena, AthenaError};
use super::{Bucket, answer, patient};
use crate::asking::{Cloud, Evaluation, Request, Sweep, Version};
use crate::posture::Compliance;
use crate::queries::Query;
use crate::seal::{AskError, Store as _};
use crate::{Inventories, SWEEPS, sweep_key};

const LOOK_AT_QUERY: &str = "athena:GetQueryExecution";
/// How far back the last sweep is looked for, in seconds: they are a day apart.
const LAST_WEEKS: i64 = 28 * 86_400;
/// What AWS Config takes in one `PutEvaluations`.
const MOST_EVALUATIONS: usize = 100;
/// What AWS Config sends as the token where nothing is to be recorded.
///
/// See <https://docs.aws.amazon.com/config/latest/APIReference/API_PutEvaluations.html>.
const TEST: &str = "TESTMODE";

const CONFIG: Service = Service {
    id: "Config Service",
    prefix: "config",
    target: "StarlingDoveService",
};

/// The account of the configuration, in its Region.
#[derive(Clone, Debug)]
pub struct Account {
    parameters: ParameterStore,
    s3: aws_sdk_s3::Client,
    config: Client,
    functions: Lambda,
    athena: Athena,
    places: Places,
}

/// What is where.
#[derive(Clone, Debug)]
pub struct Places {
    /// Athena's workgroup.
    pub work_group: String,
    /// The database of the tables.
    pub database: String,
    /// S3 Inventory of the destination buckets, where there is one.
    pub inventories: Option<Inventories>,
    /// Name of the checker's function, where it may be asked.
    pub checker: Option<String>,
    /// The bucket of the evidence.
    pub lake: Bucket,
    /// When no query's answer is waited for any more.
    pub until: Instant,
}

impl Account {
    /// With all of these.
    #[must_use]
    pub fn new(sdk: &SdkConfig, places: Places) -> Self {
        let asking = patient(sdk);
        let (work_group, database) = (places.work_group.clone(), places.database.clone());
        Self {
            parameters: ParameterStore::new(sdk),
            s3: super::s3(sdk),
            athena: Athena::new(sdk, work_group, database),
            config: Client::new(&asking, CONFIG),
            functions: Lambda::new(&asking),
            places,
        }
    }
}

impl Cloud for Account {
    /// See <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParametersByPath.html>.
    async fn expected(&self) -> Result<BTreeSet<String>, AskError> {
        let mut buckets = BTreeSet::new();
        let found = self.parameters.by_path(PARAMETERS, true).await;
        let found = found.map_err(|error| {
            super::ask(
                "ssm:GetParametersByPath",
                format!("parameters below {PARAMETERS}"),
                &error,
            )
        })?;
        for parameter in found {
            if let Some(bucket) = bucket_of(&parameter.name)
                && speaks(&parameter.value)
            {
                buckets.insert(bucket.to_owned());
            }
        }
        Ok(buckets)
    }

    async fn newest_inventory(&self, bucket: &str) -> Result<Option<String>, AskError> {
        let Some(inventories) = &self.places.inventories else {
            return Ok(None);
        };
        let prefix = inventories.keys_of(bucket);
        let pages = self
            .s3
            .list_objects_v2()
            .bucket(inventories.bucket())
            .prefix(&prefix);
        let mut pages = pages.into_paginator().send();
        let mut newest = None;
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| {
                let place = format!("bucket {} key {prefix}", inventories.bucket());
                super::ask("s3:ListObjectsV2", place, &error)
            })?;
            let keys = page.contents.unwrap_or_default().into_iter();
            let keys = keys.filter_map(|object| object.key);
            let found = keys.filter_map(|key| inventories.whole(bucket, &key).map(str::to_owned));
            newest = found.chain(newest).max();
        }
        Ok(newest)
    }

    async fn ask(
        &self,
        query: Query,
        parameters: &[&str],
    ) -> Result<Vec<BTreeMap<String, String>>, AskError> {
        let mut rows = Vec::new();
        let question = (query.name, query.text);
        let asked = self.athena.ask(question, parameters, |row| rows.push(row));
        let (operation, answer) = match timeout_at(self.places.until, asked).await {
            Ok(Ok(_)) => return Ok(rows),
            Ok(Err(error)) => match error {
                AthenaError::Refused { operation, .. } => (operation, error.to_string()),
                AthenaError::Ended { .. } => (LOOK_AT_QUERY, error.to_string()),
            },
            Err(_) => (LOOK_AT_QUERY, "the time was up before it ended".to_owned()),
        };
        Err(AskError {
            operation,
            resource: format!("query {}", query.name),
            answer,
        })
    }

    /// As a job of S3 Batch Operations would, which only looks: the checker answers for each version.
    ///
    /// See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-invoke-lambda.html>.
    async fn look(
        &self,
        bucket: &str,
        versions: &[Version],
    ) -> Result<Vec<Option<String>>, AskError> {
        let failed = |answer: String| AskError {
            operation: "lambda:Invoke",
            resource: format!("bucket {bucket}"),
            answer,
        };
        let Some(function) = &self.places.checker else {
            return Err(failed("nobody said which function checks".to_owned()));
        };
        let tasks = versions.iter().enumerate().map(|(place, version)| {
            let id = Some(&version.id).filter(|id| !id.is_empty());
            json!({"taskId": place.to_string(), "s3Bucket": bucket, "s3Key": version.key, "s3VersionId": id})
        });
        let event = json!({
            "invocationSchemaVersion": "2.0",
            "invocationId": "seal-evidence",
            "job": {"id": "seal-evidence", "userArguments": {"Repair": "false"}},
            "tasks": tasks.collect::<Vec<_>>(),
        });
        let told = self.functions.invoke(function, &event).await;
        let told =
            told.map_err(|error| failed(format!("function {function}: {}", answer(&error))))?;
        let mut verdicts = vec![None; versions.len()];
        let results = told.get("results").and_then(Value::as_array);
        for result in results.into_iter().flatten() {
            let text = |name: &str| result.get(name).and_then(Value::as_str);
            let place = text("taskId").and_then(|id| id.parse::<usize>().ok());
            let slot = place.and_then(|place| verdicts.get_mut(place));
            let line =
                text("resultString").and_then(|line| serde_json::from_str::<Value>(line).ok());
            let verdict = line.and_then(|line| Some(line.get("verdict")?.as_str()?.to_owned()));
            if let Some(slot) = slot {
                *slot = verdict;
            }
        }
        Ok(verdicts)
    }

    async fn last_sweep(&self, before: Time) -> Result<Option<Sweep>, AskError> {
        let since = sweep_key(Time::from_secs(before.secs() - LAST_WEEKS));
        let lake = &self.places.lake;
        let last = lake.last(SWEEPS, (&since, &sweep_key(before))).await?;
        let Some(key) = last else {
            return Ok(None);
        };
        let sweep = serde_json::from_slice(&lake.read(&key).await?);
        sweep.map(Some).map_err(|error| AskError {
            operation: "s3:GetObject",
            resource: key,
            answer: format!("it is no record of a sweep: {error}"),
        })
    }

    async fn keep(&self, key: &str, record: Vec<u8>) -> Result<(), AskError> {
        // One that is there is of the same second, by another try of the same event.
        self.places.lake.create(key, record).await.map(drop)
    }

    /// See <https://docs.aws.amazon.com/config/latest/APIReference/API_GetComplianceDetailsByConfigRule.html>.
    async fn evaluated(&self, rule: &str) -> Result<BTreeSet<String>, AskError> {
        let question = json!({"ConfigRuleName": rule, "Limit": 100,
            "ComplianceTypes": ["COMPLIANT", "NON_COMPLIANT"]});
        let mut found = BTreeSet::new();
        let take = |page: Value| {
            let results = page.get("EvaluationResults").and_then(Value::as_array);
            for result in results.into_iter().flatten() {
                let id = "/EvaluationResultIdentifier/EvaluationResultQualifier/ResourceId";
                let id = result.pointer(id).and_then(Value::as_str);
                found.extend(id.map(str::to_owned));
            }
            page.get("NextToken")?.as_str().map(str::to_owned)
        };
        let call = "GetComplianceDetailsByConfigRule";
        let read = self.config.pages(call, question, "NextToken", take);
        read.await.map_err(|error| {
            let rule = format!("rule {rule}");
            super::ask("config:GetComplianceDetailsByConfigRule", rule, &error)
        })?;
        Ok(found)
    }

    /// See <https://docs.aws.amazon.com/config/latest/APIReference/API_PutEvaluations.html>.
    async fn put(&self, request: &Request, evaluations: &[Evaluation]) -> Result<(), AskError> {
        const CALL: &str = "config:PutEvaluations";
        let rule = format!("rule {}", request.rule);
        for some in evaluations.chunks(MOST_EVALUATIONS) {
            let list: Vec<_> = some.iter().map(|one| evaluation(one, request)).collect();
            let token = &request.token;
            let question = if token == TEST {
                json!({"Evaluations": list, "ResultToken": token, "TestMode": true})
            } else {
                json!({"Evaluations": list, "ResultToken": token})
            };
            let told = self.config.call("PutEvaluations", &question).await;
            let told: Value = told.map_err(|error| super::ask(CALL, rule.clone(), &error))?;
            let failed = told.get("FailedEvaluations").and_then(Value::as_array);
            if let Some(failed) = failed.filter(|failed| !failed.is_empty()) {
                return Err(AskError {
                    operation: CALL,
                    resource: rule,
                    answer: format!("{} evaluations were not taken: {told}", failed.len()),
                });
            }
        }
        Ok(())
    }
}

/// A member of `Evaluations`; times are seconds after 1970 in JSON 1.1.
fn evaluation(one: &Evaluation, request: &Request) -> Value {
    let compliance = match one.compliance {
        Compliance::Compliant => "COMPLIANT",
        Compliance::NonCompliant => "NON_COMPLIANT",
        Compliance::NotApplicable => "NOT_APPLICABLE",
    };
    json!({
        "ComplianceResourceType": "AWS::S3::Bucket",
        "ComplianceResourceId": one.bucket,
        "ComplianceType": compliance,
        "Annotation": one.annotation,
        "OrderingTimestamp": request.at.secs(),
    })
}

/// Whether this value of a parameter says today what is expected; the provisioner has its records there as well.
fn speaks(value: &str) -> bool {
    let Ok(document) = Document::read(value) else {
        return false;
    };
    let mut rules = document.rules.iter();
    document.left.is_none() && rules.any(|rule| !rule.disabled && rule.until.is_none())
}

#[cfg(test)]
mod tests;
