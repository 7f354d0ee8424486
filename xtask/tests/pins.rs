//! What is written down in two places says the same in both.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use serde_json::Value;

fn workspace() -> PathBuf {
    PathBuf::from("..")
}

fn read(name: &str) -> io::Result<String> {
    fs::read_to_string(workspace().join(name))
}

/// The value of `name = "…"` on a line of its own.
fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let start = format!("{name} = \"");
    let mut lines = text.lines();
    lines.find_map(|line| line.strip_prefix(&start)?.split('"').next())
}

/// The oldest Rust that the manifests promise is the one that everything is built and tested with.
#[test]
fn the_rust_version_of_every_crate_is_the_toolchain_that_checks_it() {
    let toolchain = read("rust-toolchain.toml").unwrap();
    let channel = value(&toolchain, "channel").unwrap();
    let (minor, _patch) = channel.rsplit_once('.').unwrap();
    let asked = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--locked"])
        .current_dir(workspace())
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&asked.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(!packages.is_empty());
    for package in packages {
        assert_eq!(package["rust_version"], minor, "{}", package["name"]);
    }
    let row = format!("| `rust-version` | {minor},");
    assert!(
        read("docs/DEVELOPMENT.md").unwrap().contains(&row),
        "docs/DEVELOPMENT.md has no `{row}`"
    );
}

/// Where the profile does not name it, cargo-lambda builds with `panic = "abort"`.
#[test]
fn the_release_profile_says_that_panics_unwind() {
    let manifest = read("Cargo.toml").unwrap();
    let (_, profile) = manifest.split_once("[profile.release]").unwrap();
    let own = profile.split("\n[").next().unwrap();
    assert_eq!(value(own, "panic"), Some("unwind"));
}

/// Features that a crate has in tests only would have Cargo compile the SDK twice: for programs and
/// documentation, and for tests and lints. `xtask/cloud/Cargo.toml` evens them out.
#[test]
fn programs_and_tests_are_compiled_with_the_same_features() {
    let features = |edges: &str| {
        let asked = Command::new(env!("CARGO"))
            .args(["tree", "--workspace", "--locked", "--edges", edges])
            .args(["--prefix", "none", "--format", "{p} {f}"])
            .current_dir(workspace())
            .output()
            .unwrap();
        let lines = String::from_utf8(asked.stdout).unwrap();
        // What was printed before has a mark; to print it whole each time takes gigabytes.
        let lines = lines.lines().map(|line| line.trim_end_matches(" (*)"));
        let lines: BTreeSet<String> = lines.map(str::to_owned).collect();
        assert!(
            lines.len() > 100,
            "{}",
            String::from_utf8_lossy(&asked.stderr)
        );
        lines
    };
    let (programs, tests) = (features("normal,build"), features("normal,build,dev"));
    let otherwise: Vec<_> = programs.difference(&tests).collect();
    assert!(otherwise.is_empty(), "{otherwise:#?}");
}

/// A copied checkout is not compiled anew, and would go on reading the files of the first.
#[test]
fn nothing_remembers_where_it_was_compiled() {
    let asked = concat!("env!(\"CARGO_MANIFEST", "_DIR\")");
    let mut seen = 0;
    let folders = [
        "benches",
        "crates",
        "functions",
        "fuzz",
        "sandbox",
        "tests",
        "xtask",
    ];
    let mut paths: Vec<PathBuf> = folders.map(|name| workspace().join(name)).into();
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).unwrap();
            paths.extend(entries.map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            assert!(
                !text.contains(asked),
                "{}: cargo runs a test in its package's directory",
                path.display()
            );
            seen += 1;
        }
    }
    assert!(seen > 100, "only {seen} files were looked at");
}

/// Whoever takes it from a registry has nothing else of this workspace.
#[test]
fn custom_resource_is_packed_with_its_licences_and_its_example() {
    let mut list = Command::new(env!("CARGO"));
    list.args(["package", "--package", "custom-resource", "--list"])
        .args(["--allow-dirty", "--locked"])
        .current_dir(workspace());
    let listed = list.output().unwrap();
    assert!(
        listed.status.success(),
        "{}",
        String::from_utf8_lossy(&listed.stderr)
    );
    let files = String::from_utf8_lossy(&listed.stdout);
    for name in [
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "README.md",
        "examples/greeting.rs",
    ] {
        assert!(files.lines().any(|file| file == name), "{files}");
    }
    let crate_directory = workspace().join("crates/custom-resource");
    for name in ["LICENSE-APACHE", "LICENSE-MIT"] {
        let [own, ours] = [crate_directory.join(name), workspace().join(name)];
        assert_eq!(fs::read(own).unwrap(), fs::read(ours).unwrap(), "{name}");
    }
    // The README shows the example as it is.
    let readme = fs::read_to_string(crate_directory.join("README.md")).unwrap();
    let example = fs::read_to_string(crate_directory.join("examples/greeting.rs")).unwrap();
    let (_, example) = example.split_once("\n\n").unwrap();
    assert!(readme.contains(example), "{example}");
}

/// A library or program whose tests are not run (`test = false`) has none.
#[test]
fn no_test_lies_where_none_is_run() {
    let asked = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--locked"])
        .current_dir(workspace())
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&asked.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter();
    let targets = packages.flat_map(|package| package["targets"].as_array().unwrap());
    let mut read = 0;
    for target in targets {
        let kind = target["kind"][0].as_str().unwrap();
        if target["test"] != false || !["lib", "bin"].contains(&kind) {
            continue;
        }
        let root = PathBuf::from(target["src_path"].as_str().unwrap());
        let directory = root.parent().unwrap();
        let files = if directory.ends_with("src") {
            rust_below(directory).unwrap()
        } else {
            vec![root]
        };
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            read += 1;
            assert!(!text.contains("#[test]"), "{}", file.display());
            assert!(!text.contains("#[tokio::test"), "{}", file.display());
        }
    }
    assert!(read > 10, "{read}");
}

fn rust_below(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(rust_below(&path)?);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            found.push(path);
        }
    }
    Ok(found)
}
