//! The table as JSON Schema, for editors and pipelines. See <https://json-schema.org/draft/2020-12>.

use serde_json::{Map, Value, json};

use super::shape::{Kind, Property};
use super::{table, watched};

/// The JSON Schema of the properties of `Custom::EncryptedReplication`, without `ServiceToken`.
///
/// It says what single properties may hold. What the properties must not be together, and what S3
/// refuses besides, the function itself tells, before it changes anything.
#[must_use]
pub fn schema() -> Value {
    let mut schema = of_resource("Custom::EncryptedReplication", table::RESOURCE);
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        or_pasted(properties);
    }
    schema
}

/// The same of `Custom::WatchedReplication`.
#[must_use]
pub fn watched_schema() -> Value {
    of_resource("Custom::WatchedReplication", watched::RESOURCE)
}

fn of_resource(name: &str, properties: &[Property]) -> Value {
    let mut schema = object(properties);
    let members = [
        (
            "$schema",
            json!("https://json-schema.org/draft/2020-12/schema"),
        ),
        ("title", json!(format!("Properties of {name}"))),
    ];
    if let Value::Object(schema) = &mut schema {
        schema.extend(members.map(|(name, value)| (name.to_owned(), value)));
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            // CloudFormation's own properties of every custom resource.
            properties.insert("ServiceToken".into(), json!({"type": "string"}));
            properties.insert(
                "ServiceTimeout".into(),
                json!({"type": ["integer", "string"]}),
            );
        }
    }
    schema
}

/// The walkthrough's `replication.json` may be pasted whole as `Rules`.
fn or_pasted(properties: &mut Map<String, Value>) {
    let Some(rules) = properties.remove("Rules") else {
        return;
    };
    let about = rules.get("description").cloned().unwrap_or_default();
    let pasted = json!({
        "type": "object",
        "properties": {"Role": {"type": "string"}, "Rules": rules.clone()},
        "required": ["Rules"],
        "additionalProperties": false,
    });
    let either = json!({"description": about, "anyOf": [rules, pasted]});
    properties.insert("Rules".into(), either);
}

fn object(properties: &[Property]) -> Value {
    let mut members = Map::new();
    for property in properties {
        let mut schema = kind(&property.kind);
        if let Value::Object(schema) = &mut schema {
            schema
                .entry("description")
                .or_insert_with(|| property.about.into());
        }
        if let Some(alias) = property.alias {
            members.insert(alias.to_owned(), schema.clone());
        }
        members.insert(property.name.to_owned(), schema);
    }
    let required: Vec<_> = properties
        .iter()
        .filter(|property| property.required)
        .map(|property| property.name)
        .collect();
    let mut object = json!({
        "type": "object",
        "properties": members,
        "additionalProperties": false,
    });
    if let (Value::Object(object), false) = (&mut object, required.is_empty()) {
        object.insert("required".into(), json!(required));
    }
    object
}

fn kind(kind: &Kind) -> Value {
    match kind {
        // A number or truth value is text to CloudFormation.
        Kind::Text { min, max } => json!({
            "type": ["string", "number", "boolean"], "minLength": min, "maxLength": max,
        }),
        Kind::Integer { min, max } => json!({
            "anyOf": [
                {"type": "integer", "minimum": min, "maximum": max},
                {"type": "string", "pattern": "^[0-9]+$"},
            ],
        }),
        Kind::OneOf(words) => json!({"enum": words}),
        Kind::Object(properties) => object(properties),
        Kind::List { of, min, max } => json!({
            "type": "array", "items": self::kind(of), "minItems": min, "maxItems": max,
        }),
        Kind::Refused(why) => json!({"not": {}, "description": format!("Refused: {why}")}),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::owner::Owner;
    use crate::properties::read;

    fn faults(properties: &Value) -> Vec<String> {
        let validator = jsonschema::draft202012::new(&schema()).unwrap();
        let errors = validator.iter_errors(properties);
        errors
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect()
    }

    /// Whether the function's own reader takes the properties.
    fn is_read(properties: &Value) -> bool {
        let home = crate::replication::example_home();
        let owner = Owner::new("stack", "Replication", "source");
        read(properties.as_object().unwrap(), &home, &owner).is_ok()
    }

    fn rule() -> Value {
        json!({"Destination": {"Bucket": "arn:aws:s3:::destination", "Region": "us-west-2"}})
    }

    #[test]
    fn it_is_a_schema_itself() {
        assert!(jsonschema::meta::is_valid(&schema()));
    }

    #[test]
    fn what_the_function_takes_the_schema_takes() {
        let mut spelled = rule();
        spelled["ID"] = json!("tax");
        spelled["Filter"] =
            json!({"And": {"Prefix": "Tax/", "Tags": [{"Key": "k", "Value": "v"}]}});
        spelled["Priority"] = json!("3");
        spelled["DeleteMarkerReplication"] = json!({"Status": "Disabled"});
        spelled["Destination"]["Account"] = json!(111_122_223_333_u64);
        for rules in [
            json!([rule()]),
            json!([spelled]),
            json!({"Role": "arn:aws:iam::111122223333:role/r", "Rules": [rule()]}),
        ] {
            let properties = json!({"SourceBucket": "source", "Rules": rules});
            assert_eq!(faults(&properties), Vec::<String>::new());
            assert!(is_read(&properties), "{properties}");
        }
        let properties = json!({"SourceBucket": "source", "Rules": [rule()],
            "ServiceToken": "arn:aws:lambda:us-east-1:111122223333:function:p", "ServiceTimeout": "960"});
        assert_eq!(faults(&properties), Vec::<String>::new());
    }

    #[test]
    fn what_the_schema_refuses_the_function_refuses() {
        let with = |name: &str, value: Value| {
            let mut rule = rule();
            rule[name] = value;
            json!({"SourceBucket": "source", "Rules": [rule]})
        };
        for properties in [
            json!({"Rules": [rule()]}),
            json!({"SourceBucket": "source"}),
            json!({"SourceBucket": "source", "Rules": []}),
            json!({"SourceBucket": "so", "Rules": [rule()]}),
            json!({"SourceBucket": "source", "Rules": [rule()], "Verfication": "None"}),
            json!({"SourceBucket": "source", "Rules": [rule()], "Verification": "none"}),
            json!({"SourceBucket": "source", "Rules": [rule()], "SourceKmsKeyArns": "one"}),
            with("Status", json!("on")),
            with("Priority", json!(-1)),
            with("Priority", json!("high")),
            with("Prefix", json!("Tax/")),
            with("ExistingObjectReplication", json!({"Status": "Enabled"})),
            with("DeleteMarkerReplication", json!({})),
            with("Filter", json!({"Tag": {"Key": "k"}})),
            with("Destination", json!({})),
        ] {
            assert_ne!(faults(&properties), Vec::<String>::new(), "{properties}");
            assert!(!is_read(&properties), "{properties}");
        }
    }
}
