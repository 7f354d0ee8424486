//! `explain WORD`: what a word of the project or of S3 means, from the tables that the documents are made
//! from.

mod statuses;
mod words;

use std::fmt;

use serde::Serialize;

use crate::failure::Failure;
use crate::{Context, Outcome};

pub use self::words::all;

/// What `explain` takes.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "Examples:
  encrypted-replication explain WrongKey
  encrypted-replication explain DstPutObjectNotPermitted
  encrypted-replication explain ClaimedCompleted
  encrypted-replication explain            every word there is")]
pub struct Arguments {
    /// A verdict, check, state, failure reason or replication status; all of them where it is left out
    pub word: Option<String>,
}

/// What kind of word it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// What the checker says of a replica version.
    Verdict,
    /// A condition that `diagnose` looks at.
    Check,
    /// What `compare` says of a version at a destination.
    State,
    /// Why S3 did not replicate.
    FailureReason,
    /// What S3 says of an object.
    ReplicationStatus,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Verdict => "verdict",
            Self::Check => "check",
            Self::State => "state of `compare`",
            Self::FailureReason => "S3's failure reason",
            Self::ReplicationStatus => "S3's replication status",
        })
    }
}

/// A word, explained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// The word.
    pub word: &'static str,
    /// What kind of word it is.
    pub kind: Kind,
    /// What it means.
    pub means: &'static str,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<&'static str>,
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.word, self.kind, self.means)?;
        if let Some(remedy) = self.remedy {
            write!(f, "\nTo do: {remedy}")?;
        }
        Ok(())
    }
}

impl crate::output::Row for Explained {
    const COLUMNS: &'static [&'static str] = &["word", "kind", "means", "remedy"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.word.to_owned(),
            self.kind.to_string(),
            self.means.to_owned(),
            self.remedy.unwrap_or_default().to_owned(),
        ]
    }
}

/// Explains one word, or all.
///
/// # Errors
/// Where there is no such word.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, Failure> {
    let Some(word) = &arguments.word else {
        let mut rows = context.output.rows();
        for word in all() {
            rows.push(word)?;
        }
        rows.finish()?;
        return Ok(Outcome::Nothing);
    };
    let found = meanings(word).map_err(Failure::Asked)?;
    if context.output.is_for_people() {
        let texts: Vec<_> = found.iter().map(ToString::to_string).collect();
        context.output.remark(texts.join("\n\n"))?;
    } else {
        let mut rows = context.output.rows();
        for one in found {
            rows.push(one)?;
        }
        rows.finish()?;
    }
    Ok(Outcome::Nothing)
}

/// Every meaning of `word`, however it is written.
///
/// # Errors
/// Where it has none, with the words that are like it.
fn meanings(word: &str) -> Result<Vec<Explained>, String> {
    const ALIKE: f64 = 0.8;
    let word = word.trim_matches('`');
    let mut found: Vec<_> = all()
        .filter(|one| one.word.eq_ignore_ascii_case(word))
        .collect();
    // S3's `PENDING` is another word than `Pending`.
    found.sort_by_key(|one| one.word != word);
    if !found.is_empty() {
        return Ok(found);
    }
    let lower = word.to_lowercase();
    let alike: Vec<_> = all()
        .map(|one| one.word)
        .filter(|one| {
            let one = one.to_lowercase();
            strsim::jaro_winkler(&one, &lower) > ALIKE || lower.len() > 2 && one.contains(&lower)
        })
        .collect();
    let hint = if alike.is_empty() {
        "`encrypted-replication explain` without a word lists all".to_owned()
    } else {
        format!("did you mean {}?", alike.join(", "))
    };
    Err(format!(
        "there is no verdict, check, state, failure reason or status `{word}`: {hint}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_known_however_it_is_written() {
        for word in ["WrongKey", "wrongkey", "`WRONGKEY`"] {
            let found = meanings(word).unwrap();
            assert_eq!(
                (found.len(), found[0].word, found[0].kind),
                (1, "WrongKey", Kind::Verdict)
            );
        }
    }

    #[test]
    fn every_word_has_a_meaning() {
        for one in all() {
            assert!(!one.means.is_empty(), "{}", one.word);
            assert!(meanings(one.word).unwrap().contains(&one));
        }
    }

    /// By the tables' own types and by the SDK, each of which knows words that it may not know.
    #[test]
    fn no_word_is_missing() {
        let verdicts = compliance::verdict::Kind::ALL.map(compliance::verdict::Kind::as_str);
        let states = crate::compare::state::State::ALL.map(crate::compare::state::State::as_str);
        let checks = replication::diagnosis::names::ALL
            .iter()
            .map(|known| known.name);
        let reasons = compliance::failure_reason::TABLE
            .iter()
            .map(|known| known.code);
        let statuses = aws_sdk_s3::types::ReplicationStatus::values();
        let words = [
            (Kind::Verdict, verdicts.to_vec()),
            (Kind::State, states.to_vec()),
            (Kind::Check, checks.collect()),
            (Kind::FailureReason, reasons.collect()),
            (Kind::ReplicationStatus, statuses.to_vec()),
        ];
        let mut count = 0;
        for (kind, words) in words {
            for word in words {
                let found = meanings(word).unwrap();
                assert!(
                    found.iter().any(|one| one.kind == kind),
                    "{kind}: {word}: {found:?}"
                );
                count += 1;
            }
        }
        assert_eq!(all().count(), count, "a word that nothing says");
    }

    #[test]
    fn an_unknown_word_is_answered_with_those_like_it() {
        let told = meanings("DstPutObjectNotPermited").unwrap_err();
        assert!(told.contains("DstPutObjectNotPermitted"), "{told}");
        let told = meanings("kms").unwrap_err();
        assert!(told.contains("DstKmsKeyNotFound"), "{told}");
        assert!(meanings("xyzzy").unwrap_err().contains("lists all"));
    }
}
