//! The resource's properties out of a file or a template, with CloudFormation's functions resolved as far as
//! they can be from here. Pure.
//!
//! See <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html>.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use serde_yaml_ng::Value as Yaml;

/// The type of our resource, as templates name it.
const TYPE: &str = "Custom::EncryptedReplication";

/// Reads YAML or JSON, with CloudFormation's short forms in their long form.
///
/// # Errors
/// Why it is neither.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    let yaml: Yaml = serde_yaml_ng::from_str(text).map_err(|error| error.to_string())?;
    json_of(yaml)
}

fn json_of(yaml: Yaml) -> Result<Value, String> {
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => value.into(),
        Yaml::Number(number) => {
            let text = number.to_string();
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        }
        Yaml::String(text) => text.into(),
        Yaml::Sequence(items) => {
            let items: Result<Vec<_>, _> = items.into_iter().map(json_of).collect();
            items?.into()
        }
        Yaml::Mapping(members) => {
            let mut object = Map::new();
            for (name, value) in members {
                let name = match name {
                    Yaml::String(name) => name,
                    // A key may look like a number, as in `2012-10-17` it does not.
                    other => serde_yaml_ng::to_string(&other)
                        .map_err(|error| error.to_string())?
                        .trim()
                        .to_owned(),
                };
                object.insert(name, json_of(value)?);
            }
            object.into()
        }
        Yaml::Tagged(tagged) => {
            let name = tagged.tag.to_string();
            let name = name.trim_start_matches('!').to_owned();
            let value = json_of(tagged.value)?;
            match name.as_str() {
                "Ref" | "Condition" => json!({ name: value }),
                // The short form has the attribute behind a dot.
                "GetAtt" => match value.as_str().and_then(|text| text.split_once('.')) {
                    Some((resource, attribute)) => json!({"Fn::GetAtt": [resource, attribute]}),
                    None => json!({"Fn::GetAtt": value}),
                },
                _ => json!({ format!("Fn::{name}"): value }),
            }
        }
    })
}

/// The properties in `document`: it may be these, a resource, or a template in which `resource` names one.
///
/// # Errors
/// Where there are none, or several and none is named.
pub(super) fn properties(
    document: &Value,
    resource: Option<&str>,
) -> Result<Map<String, Value>, String> {
    if let Some(resources) = document.get("Resources").and_then(Value::as_object) {
        let found = match resource {
            Some(name) => resources.get(name).ok_or_else(|| {
                let ours: Vec<_> = of_our_type(resources).collect();
                format!(
                    "the template has no resource `{name}`; of type {TYPE} it has: {}",
                    listed(&ours)
                )
            })?,
            None => match of_our_type(resources).collect::<Vec<_>>().as_slice() {
                [one] => resources.get(*one).unwrap_or(&Value::Null),
                [] => return Err(format!("the template has no resource of type {TYPE}")),
                several => {
                    return Err(format!(
                        "say which resource by --resource: {}",
                        listed(several)
                    ));
                }
            },
        };
        return members(found.get("Properties"), "the resource has no `Properties`");
    }
    if let Some(name) = resource {
        return Err(format!(
            "this is no template, as it has no `Resources`: there is no `{name}` in it"
        ));
    }
    if document.get("SourceBucket").is_none() && document.get("Properties").is_some() {
        return members(document.get("Properties"), "`Properties` is no object");
    }
    members(
        Some(document),
        "the file holds no properties, such as `SourceBucket` and `Rules`",
    )
}

fn members(value: Option<&Value>, otherwise: &str) -> Result<Map<String, Value>, String> {
    value
        .and_then(Value::as_object)
        .cloned()
        .ok_or_else(|| otherwise.to_owned())
}

fn of_our_type(resources: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let ours = resources.iter().filter(|(_, found)| {
        let kind = found.get("Type").and_then(Value::as_str);
        kind == Some(TYPE)
    });
    ours.map(|(name, _)| name.as_str())
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

/// What functions may name, and what that is.
#[derive(Debug, Default)]
pub(super) struct Values(BTreeMap<String, String>);

impl Values {
    /// The defaults of the template's parameters, the pseudo parameters, and what was `given`, which
    /// counts before the others.
    pub(super) fn new(
        document: &Value,
        pseudo: &[(&str, &str)],
        given: &[(String, String)],
    ) -> Self {
        let mut values = BTreeMap::new();
        let parameters = document.get("Parameters").and_then(Value::as_object);
        for (name, parameter) in parameters.into_iter().flatten() {
            match parameter.get("Default") {
                Some(Value::String(text)) => drop(values.insert(name.clone(), text.clone())),
                Some(Value::Null) | None => {}
                Some(other) => drop(values.insert(name.clone(), other.to_string())),
            }
        }
        values.extend(
            pseudo
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        values.extend(given.iter().cloned());
        Self(values)
    }

    /// `properties` with every function resolved.
    ///
    /// # Errors
    /// Every place where a value is needed that is not known from here.
    pub(super) fn resolve(
        &self,
        properties: Map<String, Value>,
    ) -> Result<Map<String, Value>, Vec<String>> {
        let mut missing = Vec::new();
        let mut resolved = Map::new();
        for (name, value) in properties {
            let value = self.value(value, &name, &mut missing);
            resolved.insert(name, value);
        }
        if missing.is_empty() {
            Ok(resolved)
        } else {
            Err(missing)
        }
    }

    fn known(&self, name: &str) -> Option<Value> {
        self.0.get(name).map(|value| value.clone().into())
    }

    fn value(&self, value: Value, path: &str, missing: &mut Vec<String>) -> Value {
        match value {
            Value::Array(items) => {
                let items = items.into_iter().enumerate();
                items
                    .map(|(number, item)| self.value(item, &format!("{path}[{number}]"), missing))
                    .collect()
            }
            Value::Object(members) => {
                if let Some(function) = function(&members) {
                    return self.called(function, path, missing);
                }
                let members = members.into_iter();
                let resolved = members.map(|(name, value)| {
                    let value = self.value(value, &format!("{path}.{name}"), missing);
                    (name, value)
                });
                Value::Object(resolved.collect())
            }
            plain => plain,
        }
    }

    fn called(
        &self,
        (name, argument): (String, Value),
        path: &str,
        missing: &mut Vec<String>,
    ) -> Value {
        let wanted = |what: &str, short: &str| {
            format!(
                "`{path}` is `{short}`, whose value is not known from here: give it by --parameter {what}=VALUE"
            )
        };
        match (name.as_str(), argument) {
            ("Ref", Value::String(what)) => self.known(&what).unwrap_or_else(|| {
                missing.push(wanted(&what, &format!("!Ref {what}")));
                Value::Null
            }),
            ("Fn::GetAtt", argument) => {
                let parts: Vec<_> = match &argument {
                    Value::Array(parts) => parts.iter().filter_map(Value::as_str).collect(),
                    other => other.as_str().into_iter().collect(),
                };
                let what = parts.join(".");
                self.known(&what).unwrap_or_else(|| {
                    missing.push(wanted(&what, &format!("!GetAtt {what}")));
                    Value::Null
                })
            }
            ("Fn::Sub", Value::String(text)) => {
                self.substituted(&text, &BTreeMap::new(), path, missing)
            }
            ("Fn::Sub", Value::Array(parts)) => {
                let mut parts = parts.into_iter();
                let text = parts.next();
                let own = match parts.next() {
                    Some(Value::Object(own)) => own
                        .into_iter()
                        .map(|(name, value)| {
                            let value = self.value(value, path, missing);
                            (
                                name,
                                value
                                    .as_str()
                                    .map_or_else(|| value.to_string(), str::to_owned),
                            )
                        })
                        .collect(),
                    _ => BTreeMap::new(),
                };
                let text = text
                    .as_ref()
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned();
                self.substituted(&text, &own, path, missing)
            }
            ("Fn::Join", Value::Array(parts)) => {
                let mut parts = parts.into_iter();
                let between = parts.next();
                let between = between
                    .as_ref()
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned();
                let items = self.value(parts.next().unwrap_or_default(), path, missing);
                let items = items
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str);
                items.collect::<Vec<_>>().join(&between).into()
            }
            (name, _) => {
                let short = name.trim_start_matches("Fn::");
                missing.push(format!(
                    "`{path}` is `!{short} …`, which only CloudFormation resolves: write the value into a file of properties"
                ));
                Value::Null
            }
        }
    }

    /// `${Name}` by its value; `${!Name}` stands for `${Name}` itself.
    fn substituted(
        &self,
        text: &str,
        own: &BTreeMap<String, String>,
        path: &str,
        missing: &mut Vec<String>,
    ) -> Value {
        let mut done = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            done.push_str(before);
            let Some((name, behind)) = after.split_once('}') else {
                done.push_str("${");
                rest = after;
                continue;
            };
            match name.strip_prefix('!') {
                Some(literal) => done.extend(["${", literal, "}"]),
                None => match own.get(name).or_else(|| self.0.get(name)) {
                    Some(value) => done.push_str(value),
                    None => missing.push(format!(
                        "`{path}` is `!Sub {text}`, whose `{name}` is not known from here: give it by --parameter {name}=VALUE"
                    )),
                },
            }
            rest = behind;
        }
        done.push_str(rest);
        done.into()
    }
}

/// A function of CloudFormation's is an object with one member.
fn function(members: &Map<String, Value>) -> Option<(String, Value)> {
    let (name, argument) = members.iter().next().filter(|_| members.len() == 1)?;
    let is_one = name == "Ref" || name.starts_with("Fn::");
    is_one.then(|| (name.clone(), argument.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = r#"
Parameters:
  Source: {Type: String, Default: tax-documents}
  Replica: {Type: String}
Resources:
  Key: {Type: "AWS::KMS::Key"}
  Replication:
    Type: Custom::EncryptedReplication
    Properties:
      ServiceToken: !ImportValue token
      SourceBucket: !Ref Source
      Rules:
        - Filter: {Prefix: Tax/}
          Destination:
            Bucket: !Sub arn:${AWS::Partition}:s3:::${Replica}
            EncryptionConfiguration: {ReplicaKmsKeyID: !GetAtt Key.Arn}
"#;

    fn resolved(given: &[(&str, &str)]) -> Result<Map<String, Value>, Vec<String>> {
        let document = parse(TEMPLATE).unwrap();
        let mut found = properties(&document, Some("Replication")).unwrap();
        found.remove("ServiceToken");
        let given: Vec<_> = given
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect();
        Values::new(&document, &[("AWS::Partition", "aws")], &given).resolve(found)
    }

    #[test]
    fn functions_are_resolved_by_defaults_pseudo_parameters_and_what_is_given() {
        let found = resolved(&[
            ("Replica", "copies"),
            ("Key.Arn", "arn:aws:kms:us-west-2:1:key/k"),
        ])
        .unwrap();
        assert_eq!(found["SourceBucket"], "tax-documents");
        let destination = &found["Rules"][0]["Destination"];
        assert_eq!(destination["Bucket"], "arn:aws:s3:::copies");
        assert_eq!(
            destination["EncryptionConfiguration"]["ReplicaKmsKeyID"],
            "arn:aws:kms:us-west-2:1:key/k"
        );
    }

    #[test]
    fn every_value_that_is_needed_is_named_with_its_place() {
        let missing = resolved(&[]).unwrap_err();
        assert_eq!(missing.len(), 2, "{missing:?}");
        assert!(
            missing[0].contains("Rules[0].Destination.Bucket")
                && missing[0].contains("--parameter Replica=VALUE")
        );
        assert!(
            missing[1].contains("!GetAtt Key.Arn")
                && missing[1].contains("--parameter Key.Arn=VALUE")
        );
    }

    #[test]
    fn the_long_forms_are_the_same() {
        let document = json!({"Rules": [{"Fn::Join": ["-", ["a", {"Ref": "B"}]]}, {"Fn::Sub": ["${x}${!y}", {"x": "1"}]}]});
        let values = Values::new(&Value::Null, &[], &[("B".into(), "b".into())]);
        let found = values
            .resolve(document.as_object().unwrap().clone())
            .unwrap();
        assert_eq!(found["Rules"], json!(["a-b", "1${y}"]));
        let only_there = json!({"Rules": {"Fn::ImportValue": "x"}});
        let missing = values
            .resolve(only_there.as_object().unwrap().clone())
            .unwrap_err();
        assert!(missing[0].contains("!ImportValue"), "{missing:?}");
    }

    #[test]
    fn a_file_holds_properties_a_resource_or_a_template() {
        for document in [
            json!({"SourceBucket": "a", "Rules": []}),
            json!({"Type": TYPE, "Properties": {"SourceBucket": "a", "Rules": []}}),
            json!({"Resources": {"R": {"Type": TYPE, "Properties": {"SourceBucket": "a", "Rules": []}}, "X": {"Type": "Y"}}}),
        ] {
            assert_eq!(properties(&document, None).unwrap()["SourceBucket"], "a");
        }
        let two = json!({"Resources": {"A": {"Type": TYPE}, "B": {"Type": TYPE}}});
        assert!(properties(&two, None).unwrap_err().contains("A, B"));
        assert!(
            properties(&two, Some("C"))
                .unwrap_err()
                .contains("no resource `C`")
        );
        assert!(properties(&json!({"Resources": {}}), None).is_err());
        assert!(properties(&json!([1]), None).is_err());
        assert!(parse("a: [").is_err());
    }
}
