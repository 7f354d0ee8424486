//! Everything CI runs, and what has to come first.

use sandbox::sam;

/// One check.
#[derive(Debug)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) work: Work,
    /// Checks whose products this one uses, or which would only wait for each other.
    pub(super) after: &'static [&'static str],
    /// What it prints is for reading also when it passes.
    pub(super) tells: bool,
    /// Whether others wait for it, so that it has the processors before those that nobody waits for.
    pub(super) is_first: bool,
    /// Whether it goes by the crates that [`Work::Lints`] has compiled.
    pub(super) uses_compiled: bool,
}

/// What a check does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Work {
    /// Installs the tools.
    Tools,
    /// A program of the tools, or one on the path, with its arguments.
    Program(&'static [&'static str]),
    /// A program of ours as [`Work::Lints`] has compiled it, with its arguments.
    Compiled(&'static str, &'static [&'static str]),
    /// A command of `cargo xtask`.
    Own(&'static [&'static str]),
    /// Compiles our programs and the end-to-end tests for this machine, and lets Clippy and rustdoc look at them.
    Programs,
    /// The same for all the rest, which is tests.
    Lints,
    /// Runs the end-to-end tests.
    EndToEnd,
    /// Builds the functions as `sam build` does.
    Build,
    /// Checks the templates as a user's pipeline does.
    Checkov,
    /// Compares size, calls and instructions with those recorded.
    Recorded,
}

/// What nearly every check waits for.
pub(super) const TOOLS: &str = "Tools in target/venv";
const BUILD: &str = "Build for Lambda";
const PROGRAMS: &str = "Clippy and rustdoc: programs";
const LINTS: &str = "Clippy and rustdoc: tests";
const PACKAGE: &str = "Package";
const UNIT_TESTS: &str = "Unit tests";
/// What the package's template is called on this machine.
const PACKAGED: &str = if cfg!(target_arch = "aarch64") {
    "target/package/template-arm64.yaml"
} else {
    "target/package/template-x86_64.yaml"
};

const fn check(name: &'static str, work: Work) -> Check {
    Check {
        name,
        work,
        after: &[],
        tells: false,
        is_first: false,
        uses_compiled: false,
    }
}

impl Check {
    const fn after(self, after: &'static [&'static str]) -> Self {
        Self { after, ..self }
    }

    const fn telling(self) -> Self {
        Self {
            tells: true,
            ..self
        }
    }

    const fn first(self) -> Self {
        Self {
            is_first: true,
            ..self
        }
    }

    /// Of what was compiled with lints, as other options would have it compiled once more.
    const fn of_compiled(self) -> Self {
        Self {
            uses_compiled: true,
            ..self
        }
    }

    /// Whether it waits for [`TOOLS`]: not where Rust is all that it takes.
    pub(super) fn needs_tools(&self) -> bool {
        match self.work {
            Work::Tools | Work::Programs | Work::Lints => false,
            Work::Program(words) => !words.starts_with(&["cargo", "fmt"]),
            _ => true,
        }
    }
}

/// What stands first in the list begins first, as soon as what it comes after has ended. The longest chain
/// (build, package, end-to-end tests) has the processors as soon as it can use them, and the others have
/// what it leaves.
pub(super) const CHECKS: [Check; 21] = [
    check(TOOLS, Work::Tools).first(),
    check(
        "Format",
        Work::Program(&["cargo", "fmt", "--all", "--check"]),
    ),
    check(BUILD, Work::Build).first(),
    check(PROGRAMS, Work::Programs).of_compiled(),
    check(
        PACKAGE,
        Work::Own(&["package", "--architecture", sam::ARCHITECTURE]),
    )
    .after(&[BUILD])
    .first(),
    // They wait for the local cloud more than they compute: first, so that what computes fills their time.
    check("End-to-end tests", Work::EndToEnd)
        .after(&[PACKAGE, PROGRAMS])
        .first()
        .of_compiled(),
    check(LINTS, Work::Lints).after(&[PROGRAMS]).of_compiled(),
    check(
        UNIT_TESTS,
        Work::Program(&[
            "cargo",
            "test",
            "--workspace",
            "--exclude",
            "end-to-end",
            "--locked",
            "--no-fail-fast",
        ]),
    )
    .after(&[LINTS])
    .of_compiled(),
    // In a short form: the whole takes ten minutes. With the package, which nothing builds anew
    // meanwhile.
    check(
        "Soak",
        Work::Compiled(
            "xtask-cloud",
            &[
                "--template",
                PACKAGED,
                "soak",
                "--uploads",
                "500",
                "--seed",
                "1",
            ],
        ),
    )
    .after(&[PACKAGE, PROGRAMS])
    .telling(),
    check(
        "Templates: cfn-lint",
        Work::Program(&[
            "cfn-lint",
            "template.yaml",
            "evidence*.yaml",
            "examples/*.yaml",
            "examples/organisation/*.yaml",
            "examples/two-accounts/*.yaml",
            "tests/stacks/*.yaml",
        ]),
    ),
    check(
        "Templates: sam validate",
        Work::Program(&["sam", "validate", "--lint", "--region", "us-east-1"]),
    ),
    check(
        "Dependencies: cargo-deny",
        Work::Program(&[
            "cargo-deny",
            "--locked",
            "check",
            "licenses",
            "bans",
            "sources",
        ]),
    ),
    check("Templates: checkov", Work::Checkov),
    check("Python: lint", Work::Program(&["ruff", "check"])),
    check(
        "Python: format",
        Work::Program(&["ruff", "format", "--check"]),
    ),
    check("AWS's models", Work::Own(&["models"])).telling(),
    check(
        "Sandbox's own tests",
        Work::Program(&["python", "-m", "pytest", "-q", "sandbox/tests"]),
    ),
    check("What is believed of AWS", Work::Own(&["assumptions"])).telling(),
    // Lives that are the same each time; the workflow of each week lives new ones. By the program as it is
    // compiled for the tests: to compile both halves once more for speed takes longer than it saves here.
    check(
        "Simulation",
        Work::Compiled("simulation", &["--seeds", "500"]),
    )
    .after(&[PROGRAMS])
    .telling(),
    // For a short time: an hour finds more.
    check(
        "Fuzzing",
        Work::Own(&["fuzz", "--quick", "--seconds", "20"]),
    )
    .after(&[LINTS])
    .telling(),
    check("Size, calls, instructions", Work::Recorded)
        .after(&[BUILD, LINTS])
        .of_compiled()
        .telling(),
];

/// The place of the check in `waiting` that begins next; none while all of them come after something
/// in `unfinished`.
pub(super) fn next(waiting: &[&Check], unfinished: &[&str]) -> Option<usize> {
    let is_unfinished = |name: &&str| unfinished.contains(name);
    waiting.iter().position(|check| {
        let has_tools = !check.needs_tools() || !is_unfinished(&TOOLS);
        has_tools && !check.after.iter().any(is_unfinished)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_checks_begin_and_none_before_what_it_comes_after() {
        let mut waiting: Vec<&Check> = CHECKS.iter().collect();
        let mut begun: Vec<&str> = Vec::new();
        while !waiting.is_empty() {
            let unfinished: Vec<&str> = waiting.iter().map(|check| check.name).collect();
            let place = next(&waiting, &unfinished).expect("they wait for each other");
            let check = waiting.remove(place);
            assert!(
                check.after.iter().all(|name| begun.contains(name)),
                "{} comes after a check that there is none of, or that has not begun",
                check.name
            );
            assert!(
                !check.needs_tools() || begun.contains(&TOOLS),
                "{} begins without tools",
                check.name
            );
            begun.push(check.name);
        }
        assert_eq!(begun.len(), CHECKS.len());
    }

    #[test]
    fn what_was_not_chosen_is_not_waited_for() {
        let package: Vec<&Check> = CHECKS
            .iter()
            .filter(|check| check.name == PACKAGE)
            .collect();
        assert_eq!(next(&package, &[PACKAGE]), Some(0));
        assert_eq!(next(&package, &[PACKAGE, BUILD]), None);
        assert_eq!(next(&package, &[PACKAGE, TOOLS]), None);
    }
}
