//! The Python tools: `MiniStack`, SAM CLI, cargo-lambda and cfn-lint, in `target/venv`.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command as StdCommand;
use std::sync::LazyLock;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::guard;

/// A tenth of the processor is left where somebody else wants all of it.
const YIELDS_BY: &str = "10";
const REQUIREMENTS: &str = "sandbox/requirements.txt";
/// pip's option to take no package whose hash is not in the requirements.
pub const REQUIRE_HASHES: &str = "--require-hashes";
const CANDIDATES: [&str; 6] = [
    "python3",
    "python3.14",
    "python3.13",
    "python3.12",
    "python3.11",
    "python3.10",
];
/// Variables of the caller that would lead a tool to another cloud, another account or other
/// settings than the sandbox's. Cargo's own about *this* build would make the next one rebuild.
const FOREIGN: [&str; 9] = [
    "AWS_",
    "SAM_CLI_",
    "PYTHON",
    "PIP_",
    "VIRTUAL_ENV",
    "CARGO_PKG_",
    "CARGO_MANIFEST_",
    "CARGO_BIN_",
    "CARGO_CRATE_",
];
/// pip's settings that say where packages come from; a machine behind a proxy needs them.
const KEPT: [&str; 5] = [
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_CERT",
    "PIP_PROXY",
    "PIP_CONFIG_FILE",
];

/// What the root directory of the workspace has, and nothing below it.
const AT_THE_ROOT: [&str; 2] = ["Cargo.lock", "template.yaml"];

/// The root directory of the workspace: above the package that Cargo runs, or else above the current
/// directory. So a checkout that was copied or moved works on itself, wherever it was compiled.
#[must_use]
pub fn workspace() -> &'static Path {
    static FOUND: LazyLock<PathBuf> = LazyLock::new(|| {
        let package = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let starts = [package, env::current_dir().ok()];
        let mut found = starts
            .iter()
            .flatten()
            .filter_map(|start| root_above(start));
        found.next().unwrap_or_else(|| PathBuf::from("."))
    });
    &FOUND
}

fn root_above(start: &Path) -> Option<PathBuf> {
    let mut directories = start.ancestors();
    let root = directories.find(|directory| {
        let mut files = AT_THE_ROOT.iter();
        files.all(|name| directory.join(name).is_file())
    });
    root.map(Path::to_owned)
}

/// The installed tools.
#[derive(Clone, Debug)]
pub struct Tools {
    python: PathBuf,
    directory: PathBuf,
    /// Where its commands note the processor time that they took.
    time_file: Option<PathBuf>,
    /// What compiles the crates of the workspace, in place of rustc.
    compiler: Option<PathBuf>,
    /// Whether its commands leave the processors to others that want them.
    yields: bool,
}

impl Tools {
    /// Finds the tools in `target/venv`, and installs them first where they are missing or where
    /// `sandbox/requirements.txt` has changed. Each line of the installer goes to `on_line`.
    ///
    /// # Errors
    /// When there is no Python 3.10 or later, or a package cannot be had or has another hash.
    pub async fn install(on_line: impl FnMut(&str)) -> Result<Self> {
        let tools = Self::of_this_machine()?;
        tools.set_up(on_line).await?;
        Ok(tools)
    }

    /// What [`Self::install`] does, by tools whose programs may be missing.
    ///
    /// # Errors
    /// As [`Self::install`].
    pub async fn set_up(&self, on_line: impl FnMut(&str)) -> Result<()> {
        let target = target_directory();
        fs::create_dir_all(&target)
            .with_context(|| format!("cannot create `{}`", target.display()))?;
        // Several test programs may start at once; one of them installs.
        let lock = File::create(target.join("venv.lock")).context("cannot create the lock file")?;
        lock.lock().context("cannot lock the virtual environment")?;
        let options = &[REQUIRE_HASHES];
        self.environment("venv", REQUIREMENTS, options, on_line)
            .await?;
        Ok(())
    }

    /// What is there before anything is installed: Python, and the programs on the path.
    ///
    /// # Errors
    /// When there is no Python 3.10 or later.
    pub fn of_this_machine() -> Result<Self> {
        Ok(Self {
            python: find_python()?,
            directory: target_directory().join("venv"),
            time_file: None,
            compiler: None,
            yields: false,
        })
    }

    /// The same, whose finished commands each add a line to `file`: the seconds of processor time that
    /// they took.
    #[must_use]
    pub fn timed_in(&self, file: PathBuf) -> Self {
        Self {
            time_file: Some(file),
            ..self.clone()
        }
    }

    /// The same, whose commands leave the processors to others that want them.
    #[must_use]
    pub fn yielding(self) -> Self {
        Self {
            yields: true,
            ..self
        }
    }

    /// The same, with a program in whose name Cargo compiles the crates of the workspace
    /// (`RUSTC_WORKSPACE_WRAPPER`), without debug information.
    #[must_use]
    pub fn compiling_with(self, compiler: PathBuf) -> Self {
        Self {
            compiler: Some(compiler),
            ..self
        }
    }

    /// The programs of a virtual environment in `target/<name>` that has the packages of a
    /// requirements file; made anew where it is missing or the file has changed. `options` are pip's.
    ///
    /// # Errors
    /// When a package cannot be had or has another hash.
    pub async fn environment(
        &self,
        name: &str,
        requirements: &str,
        options: &[&str],
        mut on_line: impl FnMut(&str),
    ) -> Result<PathBuf> {
        let directory = target_directory().join(name);
        let programs = directory.join("bin");
        let file = workspace().join(requirements);
        let packages =
            fs::read_to_string(&file).with_context(|| format!("cannot read {requirements}"))?;
        // Its programs name their own directory: one that was copied or moved does not work.
        let wanted = format!("{}\n{packages}", directory.display());
        let stamp = directory.join("installed.txt");
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
            return Ok(programs);
        }
        if directory.exists() {
            fs::remove_dir_all(&directory)
                .with_context(|| format!("cannot remove `{}`", directory.display()))?;
        }
        let mut create = guard::command(&self.python, &self.python);
        create.args(["-m", "venv"]).arg(&directory);
        clean(&mut create);
        self.time(&mut create);
        guard::run(
            "cannot create the virtual environment (on Debian and Ubuntu: `apt install python3-venv`)",
            create,
            &mut on_line,
        )
        .await?;
        let mut install = guard::command(&self.python, programs.join("python"));
        install
            .args(["-m", "pip", "install", "--disable-pip-version-check"])
            .args(["--no-input", "--progress-bar", "off"])
            // Python compiles what is used when it is first used, which is a small part of these packages.
            .arg("--no-compile")
            .args(options)
            .arg("-r")
            .arg(&file);
        clean(&mut install);
        self.time(&mut install);
        let what = format!("cannot install the packages of {requirements} with pip");
        guard::run(&what, install, &mut on_line).await?;
        fs::write(&stamp, wanted).context("cannot note what was installed")?;
        Ok(programs)
    }

    /// The path of one of the tools, for instance `sam`.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.directory.join("bin").join(name)
    }

    /// A command line that ends with this process, with the tools on its path and nothing of the
    /// caller's AWS settings. `program` is the name of a tool, or of a program on the path.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        let installed = self.program(program);
        let program = if installed.exists() {
            installed.as_os_str()
        } else {
            OsStr::new(program)
        };
        let mut command = guard::command(&self.python, program);
        command.current_dir(workspace());
        self.prepare(&mut command);
        command
    }

    /// Gives `command` the environment of the tools.
    pub(crate) fn prepare(&self, command: &mut Command) {
        clean(command);
        self.time(command);
        if self.yields {
            command.env(guard::NICENESS, YIELDS_BY);
        }
        if let Some(compiler) = &self.compiler {
            command
                .env("RUSTC_WORKSPACE_WRAPPER", compiler)
                // A panic says where it is; lines in its backtrace take an eighth of the time to compile.
                .env("CARGO_PROFILE_DEV_DEBUG", "0");
        }
        command
            .env("PATH", self.search_path())
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("SAM_CLI_TELEMETRY", "0")
            .env("__SAM_CLI_APP_DIR", target_directory().join("sam-cli"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONUNBUFFERED", "1");
    }

    fn time(&self, command: &mut Command) {
        if let Some(file) = &self.time_file {
            command.env(guard::TIME_FILE, file);
        }
    }

    pub(crate) fn python(&self) -> &Path {
        &self.python
    }

    fn search_path(&self) -> OsString {
        let mut path = self.directory.join("bin").into_os_string();
        if let Some(inherited) = env::var_os("PATH") {
            path.push(":");
            path.push(inherited);
        }
        path
    }
}

/// Where Cargo builds: `CARGO_TARGET_DIR`, else `target` in the workspace.
#[must_use]
pub fn target_directory() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(
        || workspace().join("target"),
        |directory| workspace().join(PathBuf::from(directory)),
    )
}

fn clean(command: &mut Command) {
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let foreign = FOREIGN.iter().any(|prefix| text.starts_with(prefix));
        if foreign && !KEPT.contains(&text.as_ref()) {
            command.env_remove(&name);
        }
    }
}

fn find_python() -> Result<PathBuf> {
    let given = env::var_os("PYTHON");
    let candidates = given
        .iter()
        .map(OsString::as_os_str)
        .chain(CANDIDATES.iter().map(OsStr::new));
    for candidate in candidates {
        let answer = StdCommand::new(candidate)
            .args(["-I", "-c"])
            .arg("import sys; assert sys.version_info >= (3, 10); print(sys.executable)")
            .output();
        if let Ok(output) = answer
            && output.status.success()
        {
            return Ok(PathBuf::from(
                String::from_utf8_lossy(&output.stdout).trim(),
            ));
        }
    }
    bail!("no Python 3.10 or later on the path: install one, or name it in the variable PYTHON")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory of its own below the system's for temporary files, gone in the end.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path = env::temp_dir().join(format!("sandbox-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn the_workspace_is_found_from_anywhere_in_it() {
        let scratch = Scratch::new("root");
        let below = scratch.0.join("crates/one");
        fs::create_dir_all(&below).unwrap();
        fs::write(scratch.0.join("template.yaml"), "").unwrap();
        assert_eq!(root_above(&below), None);
        fs::write(scratch.0.join("Cargo.lock"), "").unwrap();
        assert_eq!(root_above(&below), Some(scratch.0.clone()));
        assert_eq!(root_above(&scratch.0), Some(scratch.0.clone()));
    }

    /// Runs Python in a process below another, under a watcher of its own.
    fn below_another(tools: &Tools, program: &str) -> Command {
        const START: &str =
            "import subprocess as s, sys; sys.exit(s.Popen(sys.argv[1:], stdin=s.PIPE).wait())";
        let mut command = tools.command("python3");
        command.args(["-c", START]);
        let below = tools.command("python3");
        command.arg(below.as_std().get_program());
        command.args(below.as_std().get_args());
        command.args(["-c", program]);
        command
    }

    #[tokio::test]
    async fn a_command_yields_once_however_many_watchers_are_above_it() {
        let tools = Tools::of_this_machine().unwrap();
        let niceness = async |tools: Tools| {
            let command = below_another(&tools, "import os; print(os.nice(0))");
            let told = guard::run("cannot ask", command, |_| {}).await.unwrap();
            told.trim().parse::<i32>().unwrap()
        };
        let before = niceness(tools.clone()).await;
        let after = niceness(tools.yielding()).await;
        assert_eq!(after, (before + 10).min(19));
    }

    #[tokio::test]
    async fn a_timed_command_notes_its_processor_time_once_with_all_below_it() {
        let scratch = Scratch::new("time");
        let file = scratch.0.join("time");
        let tools = Tools::of_this_machine().unwrap().timed_in(file.clone());
        let work = "import time\nwhile time.process_time() < 0.2: pass";
        let command = below_another(&tools, work);
        guard::run("cannot work", command, |_| {}).await.unwrap();
        let noted = fs::read_to_string(&file).unwrap();
        let [line] = noted.lines().collect::<Vec<_>>()[..] else {
            panic!("{noted:?}")
        };
        let seconds: f64 = line.parse().unwrap();
        assert!((0.2..2.0).contains(&seconds), "{seconds}");
    }
}
