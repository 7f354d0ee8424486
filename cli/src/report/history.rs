//! Which key was expected from when to when, and who said so: the parameters' own history.
//!
//! See <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameterHistory.html>.

use std::collections::BTreeMap;

use aws_calls::{ParameterStore, ParameterVersion};
use expectation::{Document, PARAMETERS, Time, bucket_of};
use replication::aws::failure;

use super::model::{Change, Expected};
use crate::failure::Failure;
use crate::session::Session;

/// The expectations of one destination bucket.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) sources: Vec<String>,
    pub(super) changes: Vec<Change>,
}

/// What is and was expected of each bucket.
///
/// # Errors
/// Where SSM does not say.
pub(super) async fn history(session: &Session) -> Result<BTreeMap<String, Known>, Failure> {
    let region = &session.home().region;
    let store = ParameterStore::new(&session.config(region));
    let parameters = store.by_path(PARAMETERS, true).await.map_err(|error| {
        let path = format!("parameters below {PARAMETERS}");
        session.failed(failure("GetParametersByPath", &path, region, &error))
    })?;
    let mut known: BTreeMap<String, Known> = BTreeMap::new();
    for parameter in parameters {
        let name = parameter.name;
        let Some(bucket) = bucket_of(&name) else {
            continue;
        };
        let versions = store.history(&name).await.map_err(|error| {
            let parameter = format!("parameter `{name}`");
            session.failed(failure("GetParameterHistory", &parameter, region, &error))
        })?;
        // What it says today may be no expectation any more: what it said in the days counts.
        let readable = |version: &ParameterVersion| Document::read(&version.value).is_ok();
        if versions.iter().any(readable) {
            let of_bucket = known.entry(bucket.to_owned()).or_default();
            of_bucket.add(&name, versions);
        }
    }
    Ok(known)
}

impl Known {
    fn add(&mut self, name: &str, mut versions: Vec<ParameterVersion>) {
        versions.sort_by_key(|version| version.version);
        let mut last: Option<usize> = None;
        for version in versions {
            let at = version.modified.secs();
            if let Some(last) = last.and_then(|last| self.changes.get_mut(last)) {
                last.until = Some(Time::from_secs(at));
            }
            let Ok(document) = Document::read(&version.value) else {
                last = None;
                continue;
            };
            let source = document.source.rsplit(':').next().unwrap_or_default();
            if !source.is_empty() && !self.sources.iter().any(|known| known == source) {
                self.sources.push(source.to_owned());
            }
            let change = Change {
                parameter: name.to_owned(),
                version: version.version,
                at: Time::from_secs(at),
                until: None,
                by: version.modified_by,
                rules: document
                    .rules
                    .into_iter()
                    .map(|rule| Expected {
                        id: rule.id,
                        prefix: rule.prefix,
                        kms_key_arn: rule.kms_key_arn,
                        enabled: !rule.disabled,
                    })
                    .collect(),
            };
            // A request writes more than once, and says more than which keys.
            if let Some(last) = last.and_then(|last| self.changes.get_mut(last))
                && (&last.by, &last.rules) == (&change.by, &change.rules)
            {
                last.until = None;
                continue;
            }
            last = Some(self.changes.len());
            self.changes.push(change);
        }
        self.changes.sort_by_key(|change| change.at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(number: i64, at: i64, by: &str, key: &str) -> ParameterVersion {
        let value = format!(
            "{{\"schema\":\"encrypted-replication/expectation/1\",\"source\":\"arn:aws:s3:::tax\",\
             \"rules\":[{{\"id\":\"all\",\"prefix\":\"\",\"kmsKeyArn\":\"{key}\"}}]}}"
        );
        let answer = serde_json::json!({
            "Version": number, "LastModifiedDate": at, "LastModifiedUser": by, "Value": value,
        });
        serde_json::from_value(answer).unwrap()
    }

    fn told(versions: Vec<ParameterVersion>) -> Vec<(i64, i64, Option<i64>, String)> {
        let mut known = Known::default();
        known.add("/p", versions);
        assert_eq!(known.sources, ["tax"]);
        let changes = known.changes.iter().map(|change| {
            let until = change.until.map(Time::secs);
            let key = change.rules[0].kms_key_arn.as_str();
            let said = format!("{} by {}", key, change.by);
            (change.version, change.at.secs(), until, said)
        });
        changes.collect()
    }

    #[test]
    fn a_version_stands_until_the_next_one_is_written() {
        let versions = vec![version(2, 200, "eve", "k2"), version(1, 100, "ann", "k1")];
        assert_eq!(
            told(versions),
            [
                (1, 100, Some(200), "k1 by ann".to_owned()),
                (2, 200, None, "k2 by eve".to_owned())
            ]
        );
    }

    #[test]
    fn what_says_the_same_again_is_no_change_but_another_who_says_it_is() {
        let versions = vec![
            version(1, 100, "ann", "k1"),
            version(2, 101, "ann", "k1"),
            version(3, 150, "eve", "k1"),
            version(4, 200, "ann", "k2"),
        ];
        assert_eq!(
            told(versions),
            [
                (1, 100, Some(150), "k1 by ann".to_owned()),
                (3, 150, Some(200), "k1 by eve".to_owned()),
                (4, 200, None, "k2 by ann".to_owned())
            ]
        );
    }

    #[test]
    fn what_was_overwritten_by_no_expectation_stood_until_then() {
        let mut nothing = version(2, 150, "eve", "k1");
        "none".clone_into(&mut nothing.value);
        let versions = vec![
            version(1, 100, "ann", "k1"),
            nothing,
            version(3, 200, "ann", "k1"),
        ];
        assert_eq!(
            told(versions),
            [
                (1, 100, Some(150), "k1 by ann".to_owned()),
                (3, 200, None, "k1 by ann".to_owned())
            ]
        );
    }
}
