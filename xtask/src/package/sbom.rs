//! The bill of materials of one function, in CycloneDX: what was compiled into it, and nothing else.
//!
//! Cargo itself says what that is and what depends on what (`cargo tree`, with the target and the
//! features of the build); `Cargo.lock` has the checksums. There is no time and no serial number in it: it is as reproducible
//! as the zip it describes.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

/// How `cargo tree --prefix depth` prints a package, after the number of those above it: name,
/// version and where it is from, licence.
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
    /// One line of `cargo tree --prefix depth --format '{p}|{l}'`: how deep it stands, and what.
    fn parse(line: &str) -> Result<(usize, Self)> {
        let (package, licence) = line.split_once('|').context("no licence in the line")?;
        let name = package.trim_start_matches(|digit: char| digit.is_ascii_digit());
        let depth = package.strip_suffix(name).unwrap_or_default().parse();
        let depth = depth.with_context(|| format!("no depth in `{line}`"))?;
        let package = name;
        let mut words = package.split(' ');
        let name = words.next().unwrap_or_default();
        let version = words.next().and_then(|word| word.strip_prefix('v'));
        let version = version.with_context(|| format!("no version in `{line}`"))?;
        let found = Self {
            name: name.to_owned(),
            version: version.to_owned(),
            // What cargo tree marks with (*) it has printed above.
            licence: licence.trim_end_matches(" (*)").trim().replace('/', " OR "),
            is_ours: words.any(|word| word.starts_with('(') && word.contains('/')),
        };
        Ok((depth, found))
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
    let Tree {
        function,
        packages,
        edges,
    } = read(tree)?;
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
        "dependencies": dependencies(&edges),
    });
    let text = serde_json::to_string_pretty(&document).context("cannot write the document")?;
    Ok(text + "\n")
}

/// What `cargo tree` printed.
struct Tree {
    function: Package,
    /// All others.
    packages: BTreeSet<Package>,
    /// What each of all depends on itself.
    edges: BTreeMap<Package, BTreeSet<Package>>,
}

fn read(tree: &str) -> Result<Tree> {
    let mut edges: BTreeMap<Package, BTreeSet<Package>> = BTreeMap::new();
    // The packages that the next line may depend from, outermost first.
    let mut above: Vec<Package> = Vec::new();
    for line in tree.lines().filter(|line| !line.trim().is_empty()) {
        let (depth, package) = Package::parse(line)?;
        ensure!(depth <= above.len(), "`{line}` stands below nothing");
        above.truncate(depth);
        if let Some(parent) = above.last() {
            let below = edges.entry(parent.clone()).or_default();
            below.insert(package.clone());
        }
        edges.entry(package.clone()).or_default();
        above.push(package);
    }
    let function = above.into_iter().next();
    let function = function.context("cargo tree printed nothing")?;
    let packages = edges.keys().filter(|package| **package != function);
    Ok(Tree {
        packages: packages.cloned().collect(),
        function,
        edges,
    })
}

fn dependencies(edges: &BTreeMap<Package, BTreeSet<Package>>) -> Vec<Value> {
    let one = |(package, below): (&Package, &BTreeSet<Package>)| {
        let below: Vec<String> = below.iter().map(Package::purl).collect();
        json!({ "ref": package.purl(), "dependsOn": below })
    };
    edges.iter().map(one).collect()
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
0function v0.1.0 (/src/function)|MIT OR Apache-2.0
1library v0.1.0 (/src/library)|MIT OR Apache-2.0
2serde v1.0.2|MIT/Apache-2.0
3serde_derive v1.0.2 (proc-macro)|MIT
1serde v1.0.2|MIT/Apache-2.0 (*)
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
    fn tells_what_each_package_depends_on_itself() {
        let text = of(TREE, LOCK, "function-x86_64.zip", "123").unwrap();
        let document: Value = serde_json::from_str(&text).unwrap();
        let purl = |package: &str| format!("pkg:cargo/{package}");
        let expected = json!([
            { "ref": purl("function@0.1.0"), "dependsOn": [purl("library@0.1.0"), purl("serde@1.0.2")] },
            { "ref": purl("library@0.1.0"), "dependsOn": [purl("serde@1.0.2")] },
            { "ref": purl("serde@1.0.2"), "dependsOn": [purl("serde_derive@1.0.2")] },
            { "ref": purl("serde_derive@1.0.2"), "dependsOn": [] },
        ]);
        assert_eq!(document["dependencies"], expected);
    }

    #[test]
    fn a_package_of_a_registry_without_checksum_or_licence_is_an_error() {
        let error = of(TREE, "", "function.zip", "123").unwrap_err();
        assert!(
            error.to_string().contains("pkg:cargo/serde@1.0.2"),
            "{error}"
        );
        let unlicensed = "0function v1.0.0|MIT\n1serde v1.0.2|\n";
        let error = of(unlicensed, LOCK, "function.zip", "123").unwrap_err();
        assert!(error.to_string().contains("no licence"), "{error}");
    }
}
