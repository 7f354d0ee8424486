//! What DEVELOPMENT names is there.

use std::path::{Path, PathBuf};
use std::{fs, io};

fn workspace() -> PathBuf {
    PathBuf::from("..")
}

/// What is made by building or packing, and is in no checkout.
const MADE: [&str; 3] = ["target/", "-ARCH.", ".git/"];

/// Every file of ours, as a path from the workspace.
fn files() -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(workspace().join(&folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                let is_ours = path != Path::new("target") && path != Path::new(".git");
                folders.extend(is_ours.then_some(path));
            } else {
                found.push(path.to_string_lossy().into_owned());
            }
        }
    }
    Ok(found)
}

/// What stands between backticks.
fn spans(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// Whether it names a file or a folder, and nothing that is to be filled in.
fn is_path(span: &str, tops: &[String]) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./".contains(letter);
    let is_source = [".rs", ".py", ".json", ".yaml", ".toml"]
        .iter()
        .any(|end| span.len() > end.len() && span.ends_with(end));
    let first = span.split_once('/').map(|(first, _)| first);
    span.chars().all(plain)
        && !MADE.iter().any(|made| span.contains(made))
        && (is_source || first.is_some_and(|first| tops.iter().any(|top| top == first)))
}

#[test]
fn every_file_that_development_names_is_there() {
    let files = files().unwrap();
    let tops: Vec<String> = files
        .iter()
        .filter_map(|file| Some(file.split_once('/')?.0.to_owned()))
        .collect();
    let page = fs::read_to_string(workspace().join("docs/DEVELOPMENT.md")).unwrap();
    let mut seen = 0;
    let mut gone = Vec::new();
    for span in spans(&page).filter(|span| is_path(span, &tops)) {
        seen += 1;
        let name = span.trim_end_matches('/');
        // A file of the part that the sentence is about goes by the end of its path.
        let is_there = workspace().join(name).exists()
            || files.iter().any(|file| file.ends_with(&format!("/{name}")));
        if !is_there {
            gone.push(span);
        }
    }
    assert!(gone.is_empty(), "{gone:#?}");
    assert!(seen > 100, "only {seen} names were found");
}
