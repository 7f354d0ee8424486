//! The bill of materials of one function, in CycloneDX: what was compiled into it, and nothing else.
//!
//! Cargo itself says what that is (`cargo tree`, with the target and the features of the build);
//! `Cargo.lock` has the checksums. There is no time and no serial number in it: it is as reproducible
//! as the zip it describes.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

/// How `cargo tree` prints a package: name and version, licence, where it is from.
pub(crate) const FORMAT: &str = "{p}|{l}";

/// One package in a function.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Package {
    name: String,
    version: String,
    licence: String,
    /// Ours; not from a registry.
    is_ours: bool,
}

impl Package {
    /// One line of `cargo tree --prefix none --format '{p}|{l}'`.
    fn parse(line: &str) -> Result<Self> {
        let (package, licence) = line.split_once('|').context("no licence in the line")?;
        let mut words = package.split(' ');
        let name = words.next().unwrap_or_default();
        let version = words.next().and_then(|word| word.strip_prefix('v'));
        let version = version.with_context(|| format!("no version in `{line}`"))?;
        Ok(Self {
            name: name.to_owned(),
            version: version.to_owned(),
            // What cargo tree marks with (*) it has printed above.
            licence: licence.trim_end_matches(" (*)").trim().replace('/', " OR "),
            is_ours: words.any(|word| word.starts_with('(') && word.contains('/')),
        })
    }

    fn purl(&self) -> String {
        format!("pkg:cargo/{}@{}", self.name, self.version)
    }

    fn component(&self, kind: &str, checksums: &BTreeMap<(String, String), String>) -> Value {
        let mut component = json!({
            "type": kind,
            "bom-ref": self.purl(),
            "name": self.name,
            "version": self.version,
            "purl": self.purl(),
            "licenses": [{ "expression": self.licence }],
        });
        let key = (self.name.clone(), self.version.clone());
        if let (Some(checksum), Some(fields)) = (checksums.get(&key), component.as_object_mut()) {
            fields.insert(
                "hashes".to_owned(),
                json!([{ "alg": "SHA-256", "content": checksum }]),
            );
        }
        component
    }
}

/// The CycloneDX document of a function, from what `cargo tree` printed of it and `Cargo.lock`.
///
/// # Errors
/// When either cannot be read, or a package of a registry has no checksum or no licence.
pub(crate) fn of(tree: &str, lock: &str, archive: &str, sha256: &str) -> Result<String> {
    let mut lines = tree.lines().filter(|line| !line.trim().is_empty());
    let function = Package::parse(lines.next().context("cargo tree printed nothing")?)?;
    let packages: BTreeSet<Package> = lines.map(Package::parse).collect::<Result<_>>()?;
    let checksums = checksums(lock);
    for package in &packages {
        ensure!(
            !package.licence.is_empty(),
            "{} has no licence",
            package.purl()
        );
        let key = (package.name.clone(), package.version.clone());
        ensure!(
            package.is_ours || checksums.contains_key(&key),
            "Cargo.lock has no checksum of {}",
            package.purl()
        );
    }
    let mut described = function.component("application", &checksums);
    if let Some(fields) = described.as_object_mut() {
        fields.insert(
            "hashes".to_owned(),
            json!([{ "alg": "SHA-256", "content": sha256 }]),
        );
        fields.insert("description".to_owned(), json!(archive));
    }
    let components: Vec<Value> = packages
        .iter()
        .map(|package| package.component("library", &checksums))
        .collect();
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": described },
        "components": components,
    });
    let text = serde_json::to_string_pretty(&document).context("cannot write the document")?;
    Ok(text + "\n")
}

/// The checksum of each package of a registry, by name and version.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let mut found = BTreeMap::new();
    for package in lock.split("[[package]]") {
        let field = |name: &str| {
            let start = format!("{name} = \"");
            let line = package.lines().find_map(|line| line.strip_prefix(&start));
            line.map(|rest| rest.trim_end_matches('"').to_owned())
        };
        if let (Some(name), Some(version), Some(checksum)) =
            (field("name"), field("version"), field("checksum"))
        {
            found.insert((name, version), checksum);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "\
function v0.1.0 (/src/function)|MIT OR Apache-2.0
library v0.1.0 (/src/library)|MIT OR Apache-2.0
serde v1.0.2|MIT/Apache-2.0
serde_derive v1.0.2 (proc-macro)|MIT
serde v1.0.2|MIT/Apache-2.0 (*)
";
    const LOCK: &str = r#"
[[package]]
name = "serde"
version = "1.0.2"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "abc"

[[package]]
name = "serde_derive"
version = "1.0.2"
checksum = "def"
"#;

    #[test]
    fn lists_each_package_once_with_licence_and_checksum() {
        let text = of(TREE, LOCK, "function-x86_64.zip", "123").unwrap();
        let document: Value = serde_json::from_str(&text).unwrap();
        let described = &document["metadata"]["component"];
        assert_eq!(described["purl"], "pkg:cargo/function@0.1.0");
        assert_eq!(described["hashes"][0]["content"], "123");
        let names: Vec<&str> = document["components"]
            .as_array()
            .unwrap()
            .iter()
            .map(|component| component["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["library", "serde", "serde_derive"]);
        let serde = &document["components"][1];
        assert_eq!(serde["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(serde["hashes"][0]["content"], "abc");
    }

    #[test]
    fn a_package_of_a_registry_without_checksum_or_licence_is_an_error() {
        let error = of(TREE, "", "function.zip", "123").unwrap_err();
        assert!(
            error.to_string().contains("pkg:cargo/serde@1.0.2"),
            "{error}"
        );
        let unlicensed = "function v1.0.0|MIT\nserde v1.0.2|\n";
        let error = of(unlicensed, LOCK, "function.zip", "123").unwrap_err();
        assert!(error.to_string().contains("no licence"), "{error}");
    }
}
