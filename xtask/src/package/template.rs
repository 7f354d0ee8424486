//! The packaged templates: `template.yaml` and `evidence.yaml` with zips in place of sources, for one architecture.

use anyhow::{Result, ensure};

use sandbox::sam::FUNCTIONS;

use super::Architecture;

/// What the `Architecture` parameter of either template says.
const PARAMETER: &str = "    Default: arm64\n    AllowedValues: [arm64, x86_64]\n";
/// How SAM CLI is to build a function, which a zip needs no more.
const BUILD: &str = "      BuildMethod: rust-cargolambda\n";

/// What `evidence.yaml` is made of: one program, whose tasks are functions of their own.
pub(super) const EVIDENCE: &str = "seal-evidence";
/// How many functions it is.
const TASKS: usize = 2;

/// The template that deploys the zips beside it, without building anything.
///
/// # Errors
/// When `source` does not have, exactly once for each function, what is to be replaced.
pub(crate) fn packaged(source: &str, architecture: Architecture) -> Result<String> {
    let functions = FUNCTIONS.map(|function| (function, 1));
    with_zips(source, &functions, architecture)
}

/// The same of `evidence.yaml`.
///
/// # Errors
/// When `source` does not have, exactly so often as it should, what is to be replaced.
pub(super) fn packaged_evidence(source: &str, architecture: Architecture) -> Result<String> {
    with_zips(source, &[(EVIDENCE, TASKS)], architecture)
}

fn with_zips(
    source: &str,
    functions: &[(&str, usize)],
    architecture: Architecture,
) -> Result<String> {
    let name = architecture.name();
    let mut text = source.to_owned();
    for (function, times) in functions {
        let built = format!("      CodeUri: functions/{function}\n");
        let packed = format!("      CodeUri: {}\n", architecture.archive(function));
        text = replace(&text, &built, &packed, *times)?;
    }
    let chosen = format!("    Default: {name}\n    AllowedValues: [{name}]\n");
    text = replace(&text, PARAMETER, &chosen, 1)?;
    let all = functions.iter().map(|(_, times)| times).sum();
    replace(&text, BUILD, "", all)
}

fn replace(text: &str, old: &str, new: &str, times: usize) -> Result<String> {
    let found = text.matches(old).count();
    ensure!(
        found == times,
        "the template has {found} times, not {times} times:\n{old}"
    );
    Ok(text.replace(old, new))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = include_str!("../../../template.yaml");
    const OF_EVIDENCE: &str = include_str!("../../../evidence.yaml");

    #[test]
    fn names_the_zips_and_their_architecture_alone() {
        let made = packaged(TEMPLATE, Architecture::X86_64).unwrap();
        for line in [
            "CodeUri: provision-replication-x86_64.zip",
            "CodeUri: check-replica-x86_64.zip",
            "AllowedValues: [x86_64]",
        ] {
            assert!(made.contains(line), "no `{line}`");
        }
        for word in ["CodeUri: functions/", "Default: arm64", "BuildMethod"] {
            assert!(!made.contains(word), "`{word}` is left");
        }
    }

    #[test]
    fn both_tasks_of_the_evidence_are_of_one_zip() {
        let made = packaged_evidence(OF_EVIDENCE, Architecture::Arm64).unwrap();
        assert_eq!(made.matches("CodeUri: seal-evidence-arm64.zip").count(), 2);
        assert!(made.contains("AllowedValues: [arm64]"));
        for word in ["CodeUri: functions/", "BuildMethod"] {
            assert!(!made.contains(word), "`{word}` is left");
        }
    }

    #[test]
    fn a_template_that_has_changed_its_shape_is_refused_by_the_line_that_is_missing() {
        let changed = TEMPLATE.replace("CodeUri: functions/check-replica", "CodeUri: elsewhere");
        let error = packaged(&changed, Architecture::Arm64).unwrap_err();
        assert!(error.to_string().contains("functions/check-replica"));
    }
}
