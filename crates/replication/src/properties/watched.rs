//! Every property of `Custom::WatchedReplication`, and from them to what is to be watched.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::accounts::why_not_assumed;
use super::places::{Places, may_be_bucket, no_bucket};
use super::shape::{Kind, Property, canonical};
use super::table::{TEXT, optional, required};
use crate::fault::Faults;
use crate::ports::BucketRef;
use aws_names::{Arn, Home};

/// A rule's `ID` has at most 255 characters. See
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ReplicationRule.html>.
const RULE_ID: Kind = Kind::Text { min: 1, max: 255 };

pub(super) const RESOURCE: &[Property] = &[
    required(
        "SourceBucket",
        Kind::Text { min: 3, max: 255 },
        "Name of the source bucket. Another one replaces the resource.",
    ),
    optional(
        "SourceRegion",
        Kind::Text { min: 1, max: 64 },
        "Its Region. Default: the function's.",
    ),
    optional(
        "RuleIds",
        Kind::List {
            of: &RULE_ID,
            min: 1,
            max: 1000,
        },
        "`ID`s of the rules to watch. Default: all that are there when the stack is created or updated, but for those of a \
         `Custom::EncryptedReplication`, which watches its own.",
    ),
    optional(
        "Destinations",
        Kind::List {
            of: &Kind::Object(&[
                required("Bucket", TEXT, "Name or ARN of a destination bucket."),
                required(
                    "AssumeRoleArn",
                    TEXT,
                    "ARN of a role of the bucket's account, under the path `/encrypted-replication/`, that the provisioner \
                     assumes for everything there.",
                ),
            ]),
            min: 0,
            max: 1000,
        },
        "The destinations in other accounts, and how to act there. One that is not named is not watched, which `Unwatched` \
         tells.",
    ),
    optional(
        "Revision",
        Kind::Text { min: 0, max: 256 },
        "Any text: a change of it means look now, and take the rules as they are for what is right from now on.",
    ),
];

/// What is to be watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// Name of the source bucket.
    pub source_bucket: String,
    /// Its Region.
    pub source_region: String,
    /// `ID`s of the rules; `None`: all.
    pub rule_ids: Option<Vec<String>>,
    /// Roles to assume, by destination bucket.
    pub roles: BTreeMap<String, String>,
}

impl Watch {
    /// The source bucket.
    #[must_use]
    pub fn source(&self) -> BucketRef<'_> {
        BucketRef {
            name: &self.source_bucket,
            region: &self.source_region,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Given {
    source_bucket: Option<String>,
    source_region: Option<String>,
    rule_ids: Option<Vec<String>>,
    #[serde(default)]
    destinations: Vec<GivenDestination>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GivenDestination {
    bucket: Option<String>,
    assume_role_arn: Option<String>,
}

/// Reads the properties of `Custom::WatchedReplication` (without `ServiceToken`).
///
/// # Errors
/// Every fault in the properties.
pub fn read_watch(properties: &Map<String, Value>, home: &Home) -> Result<Watch, Faults> {
    let mut faults = Faults::default();
    let sound = canonical(properties, RESOURCE, "", &mut faults);
    let given: Given = match serde_json::from_value(Value::Object(sound)) {
        Ok(given) => given,
        // The table and the types say the same; a difference is told, never a panic.
        Err(error) => {
            faults.push("", format!("could not be read: {error}"));
            return Err(faults);
        }
    };
    let region = given
        .source_region
        .clone()
        .unwrap_or_else(|| home.region.clone());
    if let Some(bucket) = &given.source_bucket
        && !may_be_bucket(bucket, Some(&region))
    {
        faults.push("SourceBucket", no_bucket(bucket, home));
    }
    let mut places = Places {
        home,
        faults: &mut faults,
    };
    places.region("SourceRegion", given.source_region.as_deref());
    for (number, id) in given.rule_ids.iter().flatten().enumerate() {
        let earlier = given
            .rule_ids
            .iter()
            .flatten()
            .position(|known| known == id);
        if let Some(earlier) = earlier.filter(|earlier| *earlier != number) {
            let words = format!("`{id}` is RuleIds[{earlier}] too; keep one");
            faults.push(format!("RuleIds[{number}]"), words);
        }
    }
    let mut roles = BTreeMap::new();
    for (number, destination) in given.destinations.iter().enumerate() {
        let at = |name: &str| format!("Destinations[{number}].{name}");
        let role = destination.assume_role_arn.as_deref();
        if let Some(why) = role.and_then(|role| why_not_assumed(role, None, home)) {
            faults.push(at("AssumeRoleArn"), why);
        }
        let Some(given) = destination.bucket.as_deref() else {
            continue;
        };
        let arn = Arn::parse(given);
        let name = arn.as_ref().map_or(Some(given), Arn::bucket_name);
        let Some(name) = name.filter(|name| may_be_bucket(name, None)) else {
            let words = format!("`{given}` is neither the name nor the ARN of a bucket");
            faults.push(at("Bucket"), words);
            continue;
        };
        let role = role.unwrap_or_default().to_owned();
        let earlier = roles.insert(name.to_owned(), role.clone());
        if earlier.is_some_and(|earlier| earlier != role) {
            let words = format!("bucket `{name}` is named twice, with another role each; keep one");
            faults.push(at("Bucket"), words);
        }
    }
    faults.or(Watch {
        source_bucket: given.source_bucket.unwrap_or_default(),
        source_region: region,
        rule_ids: given.rule_ids,
        roles,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::replication::example_home;

    fn read(properties: &Value) -> Result<Watch, Vec<String>> {
        let read = read_watch(properties.as_object().unwrap(), &example_home());
        read.map_err(Faults::by_place)
    }

    const ROLE: &str = "arn:aws:iam::444455556666:role/encrypted-replication/watch";

    #[test]
    fn what_is_left_out_has_its_default_and_scalars_are_text() {
        let watch =
            read(&json!({"SourceBucket": "tax-documents", "RuleIds": [7, true], "Revision": 3}))
                .unwrap();
        assert_eq!(
            watch,
            Watch {
                source_bucket: "tax-documents".into(),
                source_region: "us-east-1".into(),
                rule_ids: Some(vec!["7".into(), "true".into()]),
                roles: BTreeMap::new(),
            }
        );
        let watch = read(
            &json!({"SourceBucket": "tax-documents", "SourceRegion": "eu-west-1", "Destinations": [
            {"Bucket": "arn:aws:s3:::copies", "AssumeRoleArn": ROLE},
            {"Bucket": "more-copies", "AssumeRoleArn": ROLE}]}),
        );
        let watch = watch.unwrap();
        assert_eq!(
            (watch.source_region.as_str(), watch.rule_ids),
            ("eu-west-1", None)
        );
        let roles = ["copies", "more-copies"].map(|bucket| (bucket.to_owned(), ROLE.to_owned()));
        assert_eq!(watch.roles, BTreeMap::from(roles));
    }

    #[test]
    fn every_fault_is_named_at_once_with_the_nearest_property() {
        let faults = read(&json!({
            "SourceBuckt": "tax", "RuleIds": ["a", "a"], "SourceRegion": "us-east-1a",
            "Destinations": [
                {"Bucket": "arn:aws:s3:::copies/*", "AssumeRoleArn": "arn:aws:iam::444455556666:role/other"},
                {"Bucket": "copies"}]}));
        assert_eq!(
            faults.unwrap_err(),
            [
                "Destinations[1].AssumeRoleArn: is required",
                "SourceBuckt: is not a property here; did you mean `SourceBucket`?",
                "SourceBucket: is required",
                "SourceRegion: `us-east-1a` is an Availability Zone; write its Region, us-east-1",
                "RuleIds[1]: `a` is RuleIds[0] too; keep one",
                "Destinations[0].AssumeRoleArn: `arn:aws:iam::444455556666:role/other` is not under the path \
                 /encrypted-replication/, and the provisioner may assume roles under that path alone; make the role with \
                 `Path`: /encrypted-replication/",
                "Destinations[0].Bucket: `arn:aws:s3:::copies/*` is neither the name nor the ARN of a bucket",
            ]
        );
        let faults = read(&json!({"SourceBucket": "arn:aws:s3:::tax"})).unwrap_err();
        assert!(
            faults[0].contains("write the name alone, tax"),
            "{faults:?}"
        );
        let faults = read(&json!({"SourceBucket": "tax", "Rules": []})).unwrap_err();
        assert!(
            faults[0].starts_with("Rules: is not a property here; did you mean"),
            "{faults:?}"
        );
    }
}
