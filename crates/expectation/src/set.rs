//! Documents that are too long for one parameter.

use std::collections::BTreeMap;

use crate::document::{Document, Rule, written};

/// As many documents as it takes for each value to have at most `largest` bytes; never none. More than
/// one bear `part`, `of` and `revision`: a text that is another one wherever the rules are, such as a
/// digest over them. A rule that alone is longer than `largest` gets a document of its own all the same.
#[must_use]
pub fn documents(source: &str, rules: Vec<Rule>, largest: usize, revision: &str) -> Vec<Document> {
    let all = Document::new(source, rules);
    if all.written().len() <= largest {
        return vec![all];
    }
    // As many digits as there can be, so that the numbers known later are no longer.
    let most = all.rules.len();
    let empty = Document::new(source, Vec::new()).as_part(most, most, revision);
    let empty = empty.written().len();
    let (mut parts, mut length) = (vec![Vec::new()], empty);
    for rule in all.rules {
        let more = written(&rule).len() + 1;
        let last: Option<&mut Vec<Rule>> = parts.last_mut();
        match last {
            Some(last) if length + more <= largest || last.is_empty() => last.push(rule),
            _ => {
                parts.push(vec![rule]);
                length = empty;
            }
        }
        length += more;
    }
    let of = parts.len();
    let numbered = parts
        .into_iter()
        .enumerate()
        .map(|(number, rules)| Document::new(source, rules).as_part(number + 1, of, revision));
    numbered.collect()
}

/// A set that is not whole: it is being written, or a part of it was deleted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the set of revision `{revision}` about {source_bucket} has {found} of its {of} parts: it is being written, or a \
     part was deleted"
)]
pub struct Incomplete {
    /// The source's ARN.
    pub source_bucket: String,
    /// The set's revision.
    pub revision: String,
    /// How many different parts are there.
    pub found: usize,
    /// How many there should be.
    pub of: usize,
}

/// Whether each set among all documents about one bucket is whole; documents that are no part of one
/// stand by themselves.
///
/// # Errors
/// The first set that is not.
pub fn whole<'a>(documents: impl IntoIterator<Item = &'a Document>) -> Result<(), Incomplete> {
    let mut sets: BTreeMap<(&str, &str, usize), Vec<usize>> = BTreeMap::new();
    for document in documents {
        if let Some(of) = document.of {
            let revision = document.revision.as_deref().unwrap_or_default();
            let set = sets.entry((&document.source, revision, of)).or_default();
            set.push(document.part.unwrap_or_default());
        }
    }
    for ((source, revision, of), mut parts) in sets {
        parts.retain(|part| (1..=of).contains(part));
        parts.sort_unstable();
        parts.dedup();
        if parts.len() != of {
            return Err(Incomplete {
                source_bucket: source.to_owned(),
                revision: revision.to_owned(),
                found: parts.len(),
                of,
            });
        }
    }
    Ok(())
}
