//! The command as it is typed.

#[cfg(test)]
mod evidence;

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::process::{Command, Output};

    /// Nothing of whoever runs the tests: neither credentials nor configuration.
    fn command(arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_encrypted-replication"));
        command.args(arguments).env_clear();
        command.env("HOME", "/nonexistent");
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        command
    }

    fn run(arguments: &[&str]) -> Output {
        command(arguments).output().unwrap()
    }

    fn printed(output: &Output) -> String {
        String::from_utf8(output.stdout.clone()).unwrap()
    }

    fn told(output: &Output) -> String {
        String::from_utf8(output.stderr.clone()).unwrap()
    }

    #[test]
    fn a_word_is_explained_in_each_form() {
        let output = run(&["explain", "DstKmsKeyNotFound"]);
        assert_eq!(output.status.code(), Some(0));
        assert!(printed(&output).starts_with("DstKmsKeyNotFound (S3's failure reason): "));
        let output = run(&["explain", "PENDING", "--output", "json"]);
        let json: serde_json::Value = serde_json::from_str(&printed(&output)).unwrap();
        assert_eq!(json[0]["kind"], "replication-status");
        let output = run(&["--output", "csv", "explain"]);
        assert!(printed(&output).starts_with("word,kind,means,remedy\r\n"));
    }

    #[test]
    fn a_word_that_there_is_not_could_not_be_looked_at() {
        let output = run(&["explain", "WrongKee"]);
        assert_eq!(output.status.code(), Some(2));
        assert!(
            told(&output).contains("did you mean WrongKey"),
            "{}",
            told(&output)
        );
    }

    #[test]
    fn what_is_typed_wrongly_could_not_look_either() {
        assert_eq!(run(&["explain", "--ouput", "json"]).status.code(), Some(2));
        assert_eq!(run(&[]).status.code(), Some(2));
    }

    #[test]
    fn each_command_shows_its_help_with_an_example() {
        let page = printed(&run(&["--help"]));
        for line in page.lines().skip_while(|line| *line != "Commands:").skip(1) {
            let Some(name) = line.split_whitespace().next() else {
                break;
            };
            let help = printed(&run(&[name, "--help"]));
            let of_its_own = ["completions", "man", "help"].contains(&name);
            assert!(
                of_its_own || help.contains("Examples:\n  encrypted-replication"),
                "{name}: {help}"
            );
        }
    }

    #[test]
    fn completions_and_the_manual_page_know_every_command() {
        for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
            let script = printed(&run(&["completions", shell]));
            assert!(script.contains("explain"), "{shell}");
        }
        let page = printed(&run(&["man"]));
        assert!(
            page.contains("explain") && page.contains(".SH EXTRA"),
            "{page}"
        );
    }

    #[test]
    fn colour_is_for_terminals() {
        let output = run(&["explain"]);
        assert!(!printed(&output).contains('\u{1b}'));
    }

    #[test]
    fn whoever_stops_reading_is_no_error() {
        let mut child = command(&["explain", "--output", "jsonl"])
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let mut told = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut told)
            .unwrap();
        assert_eq!((child.wait().unwrap().code(), told.as_str()), (Some(0), ""));
    }

    /// As far as reading it tells: the job builds this package, packs files that there are, and asks for
    /// completions that there are.
    #[test]
    fn the_release_packs_what_there_is() {
        let text = std::fs::read_to_string("../.github/workflows/release.yaml").unwrap();
        let workflow: serde_yaml_ng::Value = serde_yaml_ng::from_str(&text).unwrap();
        let steps = workflow["jobs"]["command"]["steps"].as_sequence().unwrap();
        let scripts: Vec<_> = steps
            .iter()
            .filter_map(|step| step["run"].as_str())
            .collect();
        let script = scripts.join("\n");
        assert!(
            script.contains("cargo build --release --locked --package encrypted-replication\n")
        );
        let copied = script
            .lines()
            .find_map(|line| line.trim().strip_prefix("cp "))
            .unwrap();
        let mut files: Vec<_> = copied.split(' ').collect();
        assert_eq!(files.pop(), Some("command"));
        assert_eq!(files.remove(0), "target/release/encrypted-replication");
        assert!(files.len() > 2, "{files:?}");
        for file in files {
            assert!(std::path::Path::new("..").join(file).is_file(), "{file}");
        }
        let shells = script.split("for shell in ").nth(1).unwrap();
        let shells = shells.split(';').next().unwrap();
        for shell in shells.split(' ') {
            assert!(run(&["completions", shell]).status.success(), "{shell}");
        }
        for job in ["package", "command", "publish"] {
            let needs = workflow["jobs"][job]["needs"].as_sequence();
            for need in needs.into_iter().flatten() {
                assert!(
                    workflow["jobs"].get(need.as_str().unwrap()).is_some(),
                    "{need:?}"
                );
            }
        }
    }
}
