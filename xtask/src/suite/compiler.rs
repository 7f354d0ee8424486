//! The compiler of our own crates in the suite: each is compiled once for whoever looks at it.
//!
//! `cargo clippy` and `cargo doc` would have the whole SDK checked beside the one that is compiled for
//! the tests. So in the suite Cargo calls this program for our crates (`RUSTC_WORKSPACE_WRAPPER`): it
//! compiles with Clippy's driver, which is rustc with more lints, and has rustdoc look at what is
//! documented. What they warn of, Cargo keeps with the crate and shows again while that stays as it is.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitCode};

use crate::wrapper;

/// What this program is called where Cargo calls it.
pub(super) const NAME: &str = "workspace-compiler";
/// Options whose value is the next argument, and which rustdoc takes as rustc does.
const TAKEN: [&str; 7] = [
    "--cap-lints",
    "--cfg",
    "--check-cfg",
    "--crate-name",
    "--crate-type",
    "--extern",
    "-L",
];
/// Options whose value is the next argument, and which are about code.
const LEFT: [&str; 3] = ["--emit", "--out-dir", "-C"];

/// What came of compiling, where Cargo called this program for that.
pub(crate) fn instead() -> Option<ExitCode> {
    let (called, rustc, arguments) = wrapper::called_as(NAME)?;
    let mut compile = Command::new(rustc.with_file_name("clippy-driver"));
    compile.arg(&rustc).args(&arguments);
    let document = for_rustdoc(&arguments).map(|arguments| {
        let mut document = Command::new(rustc.with_file_name("rustdoc"));
        document.args(arguments);
        document.arg("--out-dir").arg(called.with_file_name("doc"));
        document
    });
    Some(wrapper::ended([compile].into_iter().chain(document)))
}

/// The arguments with which rustdoc looks at the crate that rustc compiles with these; none where `cargo
/// doc` would not: for tests, build scripts and questions.
fn for_rustdoc(arguments: &[OsString]) -> Option<Vec<OsString>> {
    let mut taken: Vec<OsString> = Vec::new();
    let mut kind = String::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let text = argument.to_string_lossy();
        if text == "--test" || text.starts_with("--print") {
            return None;
        }
        let is_source = Path::new(argument).extension().is_some_and(|it| it == "rs");
        if TAKEN.contains(&text.as_ref()) {
            let value = rest.next()?;
            let shown = value.to_string_lossy();
            if text == "--crate-name" && shown.starts_with("build_script_") {
                return None;
            }
            if text == "--crate-type" {
                kind = shown.into_owned();
            }
            taken.extend([argument.clone(), value.clone()]);
        } else if LEFT.contains(&text.as_ref()) {
            rest.next()?;
        } else if is_source
            || ["--edition=", "--error-format="]
                .iter()
                .any(|it| text.starts_with(it))
        {
            taken.push(argument.clone());
        }
    }
    match kind.as_str() {
        "lib" => {}
        // As `cargo doc` has it: nobody but those who change a program reads what is in it.
        "bin" => taken.push("--document-private-items".into()),
        _ => return None,
    }
    taken.push("--json=diagnostic-rendered-ansi".into());
    Some(taken)
}

/// The line in which Cargo sums up what was warned of in one crate.
pub(super) fn sums_up_warnings(line: &str) -> bool {
    line.starts_with("warning: `") && line.contains(") generated ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn rustdoc_gets_the_crate_and_what_it_uses_and_nothing_about_code() {
        let rustc = words(
            "--crate-name one --edition=2024 crates/one/src/lib.rs --error-format=json \
             --json=diagnostic-rendered-ansi,artifacts,future-incompat --crate-type lib \
             --emit=dep-info,metadata,link -C embed-bitcode=no --warn=clippy::all --cfg feature=\"aws\" \
             --check-cfg cfg(test) -C metadata=d8 --out-dir target/debug/deps -L dependency=deps \
             --extern two=deps/libtwo.rmeta",
        );
        let rustdoc = words(
            "--crate-name one --edition=2024 crates/one/src/lib.rs --error-format=json \
             --crate-type lib --cfg feature=\"aws\" --check-cfg cfg(test) -L dependency=deps \
             --extern two=deps/libtwo.rmeta --json=diagnostic-rendered-ansi",
        );
        assert_eq!(for_rustdoc(&rustc), Some(rustdoc));
    }

    #[test]
    fn of_a_program_its_private_parts_are_documented() {
        let rustdoc = for_rustdoc(&words("--crate-name one src/main.rs --crate-type bin"));
        let rustdoc = rustdoc.unwrap_or_default();
        assert!(
            rustdoc.contains(&"--document-private-items".into()),
            "{rustdoc:?}"
        );
    }

    #[test]
    fn tests_build_scripts_and_questions_are_not_documented() {
        for line in [
            "--crate-name one src/lib.rs --test",
            "--crate-name build_script_build build.rs --crate-type bin",
            "- --crate-name ___ --print=file-names --crate-type bin --crate-type rlib",
            "-vV",
        ] {
            assert_eq!(for_rustdoc(&words(line)), None, "{line}");
        }
    }

    #[test]
    fn cargo_says_which_crate_was_warned_of() {
        assert!(sums_up_warnings(
            "warning: `xtask` (bin \"xtask\" test) generated 2 warnings"
        ));
        assert!(sums_up_warnings(
            "warning: `replication` (lib) generated 1 warning (1 duplicate)"
        ));
        assert!(!sums_up_warnings("warning: unused variable: `x`"));
    }
}
