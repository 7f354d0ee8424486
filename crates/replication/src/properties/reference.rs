//! The table as a page to read.

use std::fmt::Write as _;

use super::shape::{Kind, Property};
use super::{table, watched};

/// A Markdown table of every property of `Custom::EncryptedReplication`.
#[must_use]
pub fn reference() -> String {
    page(table::RESOURCE)
}

/// The same of `Custom::WatchedReplication`.
#[must_use]
pub fn watched_reference() -> String {
    page(watched::RESOURCE)
}

fn page(properties: &[Property]) -> String {
    let mut page = String::from("| property | holds | meaning |\n|---|---|---|\n");
    rows(&mut page, "", properties);
    page
}

fn rows(page: &mut String, path: &str, properties: &[Property]) {
    for property in properties {
        let path = if path.is_empty() {
            property.name.to_owned()
        } else {
            format!("{path}.{}", property.name)
        };
        let alias = property
            .alias
            .map_or_else(String::new, |alias| format!(" (or `{alias}`)"));
        let required = if property.required { "Required. " } else { "" };
        let meaning = match property.kind {
            Kind::Refused(why) => format!("Refused: {why}."),
            _ => format!("{required}{}", property.about),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            page,
            "| `{path}`{alias} | {} | {} |",
            holds(&property.kind),
            meaning.replace('|', "\\|")
        );
        match &property.kind {
            Kind::Object(inner) => rows(page, &path, inner),
            Kind::List {
                of: Kind::Object(inner),
                ..
            } => rows(page, &format!("{path}[]"), inner),
            _ => {}
        }
    }
}

fn holds(kind: &Kind) -> String {
    match kind {
        Kind::Text { min, max } if min == max => format!("{min} characters"),
        Kind::Text { max, .. } => format!("text, to {max} bytes"),
        Kind::Integer { min, max } if min == max => format!("{min}"),
        Kind::Integer { min, max } => format!("{min} to {max}"),
        Kind::OneOf(words) => {
            let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
            words.join(", ")
        }
        Kind::Object(_) => "object".to_owned(),
        Kind::List { min, max, of } => {
            let of = match of {
                Kind::Object(_) => "objects",
                _ => "texts",
            };
            format!("{min} to {max} {of}")
        }
        Kind::Refused(_) => "nothing".to_owned(),
    }
}
