//! The packaged template: `template.yaml` with zips in place of sources, for one architecture.

use anyhow::{Result, ensure};

use sandbox::sam::FUNCTIONS;

use super::Architecture;

/// What the `Architecture` parameter of `template.yaml` says.
const PARAMETER: &str = "    Default: arm64\n    AllowedValues: [arm64, x86_64]\n";
/// How SAM CLI is to build a function, which a zip needs no more.
const BUILD: &str = "      BuildMethod: rust-cargolambda\n";

/// The template that deploys the zips beside it, without building anything.
///
/// # Errors
/// When `source` does not have, exactly once for each function, what is to be replaced.
pub(crate) fn packaged(source: &str, architecture: Architecture) -> Result<String> {
    let name = architecture.name();
    let mut text = source.to_owned();
    for function in FUNCTIONS {
        let built = format!("      CodeUri: functions/{function}\n");
        let packed = format!("      CodeUri: {}\n", architecture.archive(function));
        text = replace(&text, &built, &packed, 1)?;
    }
    let chosen = format!("    Default: {name}\n    AllowedValues: [{name}]\n");
    text = replace(&text, PARAMETER, &chosen, 1)?;
    replace(&text, BUILD, "", FUNCTIONS.len())
}

fn replace(text: &str, old: &str, new: &str, times: usize) -> Result<String> {
    let found = text.matches(old).count();
    ensure!(
        found == times,
        "template.yaml has {found} times, not {times} times:\n{old}"
    );
    Ok(text.replace(old, new))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = include_str!("../../../template.yaml");

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
    fn a_template_that_has_changed_its_shape_is_refused_by_the_line_that_is_missing() {
        let changed = TEMPLATE.replace("CodeUri: functions/check-replica", "CodeUri: elsewhere");
        let error = packaged(&changed, Architecture::Arm64).unwrap_err();
        assert!(error.to_string().contains("functions/check-replica"));
    }
}
