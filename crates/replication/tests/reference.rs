//! The pages that are made from the code, beside what is in the repository.
//!
//! `cargo xtask reference` writes them anew.

#[cfg(test)]
#[path = "harness/page.rs"]
mod page;

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::fs;
    use std::path::PathBuf;

    use replication::attributes::ATTRIBUTES;
    use replication::{properties, watched};
    use serde_json::{Value, json};
    use serde_yaml_ng::Value as Yaml;

    use crate::page::same;

    #[test]
    fn the_schema_of_the_properties() {
        let schema = serde_json::to_string_pretty(&properties::schema()).unwrap();
        same("custom-encrypted-replication.schema.json", &(schema + "\n"));
    }

    #[test]
    fn the_schema_of_the_properties_of_the_type_that_watches() {
        let schema = serde_json::to_string_pretty(&properties::watched_schema()).unwrap();
        same("custom-watched-replication.schema.json", &(schema + "\n"));
    }

    /// A template's value as the function may see it. What CloudFormation fills in is a parameter's
    /// default, or text of some kind.
    fn filled_in(value: &Yaml, parameters: &Yaml) -> Value {
        const FILLED_IN: &str = "filled-in";
        let filled_in = |value| filled_in(value, parameters);
        match value {
            Yaml::Tagged(tagged) if tagged.tag == "Ref" => {
                let default = &parameters[tagged.value.as_str().unwrap_or_default()]["Default"];
                default
                    .as_str()
                    .map_or(json!(FILLED_IN), |text| json!(text))
            }
            Yaml::Tagged(_) => json!(FILLED_IN),
            Yaml::Sequence(items) => items.iter().map(filled_in).collect(),
            Yaml::Mapping(members) => {
                let named = members
                    .iter()
                    .map(|(name, value)| (name.as_str().unwrap_or_default(), value));
                let named: Vec<_> = named.collect();
                let intrinsic = |name: &str| name == "Ref" || name.starts_with("Fn::");
                if named.iter().any(|(name, _)| intrinsic(name)) {
                    return json!(FILLED_IN);
                }
                let members = named.into_iter();
                members
                    .map(|(name, value)| (name.to_owned(), filled_in(value)))
                    .collect()
            }
            scalar => serde_json::to_value(scalar).unwrap(),
        }
    }

    #[test]
    fn the_examples_are_as_the_schema_says() {
        let provisioned = jsonschema::draft202012::new(&properties::schema()).unwrap();
        let watched = jsonschema::draft202012::new(&properties::watched_schema()).unwrap();
        let folder = PathBuf::from("../../examples");
        let folders = [folder.clone(), folder.join("two-accounts")];
        let entries = folders
            .iter()
            .flat_map(|folder| fs::read_dir(folder).unwrap());
        let mut seen = 0;
        for entry in entries {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "yaml") {
                continue;
            }
            let template: Yaml =
                serde_yaml_ng::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            let resources = template["Resources"].as_mapping().unwrap();
            for (name, resource) in resources {
                let validator = match resource["Type"].as_str() {
                    Some("Custom::EncryptedReplication") => &provisioned,
                    Some(watched::TYPE) => &watched,
                    _ => continue,
                };
                let properties = filled_in(&resource["Properties"], &template["Parameters"]);
                let errors = validator.iter_errors(&properties);
                let errors: Vec<_> = errors
                    .map(|error| format!("{}: {error}", error.instance_path()))
                    .collect();
                assert!(
                    errors.is_empty(),
                    "{} {name:?}: {errors:#?}",
                    path.display()
                );
                seen += 1;
            }
        }
        assert!(seen >= 8, "only {seen} resources in the examples");
    }

    #[test]
    fn the_page_of_properties_and_attributes() {
        let mut page = String::from(
            "# Custom::EncryptedReplication: properties and attributes\n\nMade from the code. The same as JSON Schema: \
             [custom-encrypted-replication.schema.json](custom-encrypted-replication.schema.json). CloudFormation's own \
             `ServiceToken` (required) and `ServiceTimeout` stand beside these.\n\n## Properties\n\n",
        );
        page += &properties::reference();
        page += "\n## Attributes\n\n`Fn::GetAtt` gives these, all as text. `Ref` gives the physical id, \
                 `encrypted-replication/BUCKET/OWNER`. Lists are joined with commas; one too long for CloudFormation's \
                 answer ends with how many entries are left out.\n\n| attribute | meaning |\n|---|---|\n";
        for (name, meaning) in ATTRIBUTES {
            let _ = writeln!(page, "| `{name}` | {meaning} |");
        }
        page += "\n# Custom::WatchedReplication: properties and attributes\n\nAs JSON Schema: \
                 [custom-watched-replication.schema.json](custom-watched-replication.schema.json).\n\n## Properties of a \
                 watched replication\n\n";
        page += &properties::watched_reference();
        page += "\n## Attributes of a watched replication\n\n`Ref` gives the physical id, \
                 `watched-replication/BUCKET/OWNER`.\n\n| attribute | meaning |\n|---|---|\n";
        for (name, meaning) in watched::ATTRIBUTES {
            let _ = writeln!(page, "| `{name}` | {meaning} |");
        }
        same("REFERENCE.md", &page);
    }
}
