//! Shell completions and the manual page, from the arguments themselves.

use std::io::{self, Write as _};

use clap_complete::Shell;

use crate::Outcome;
use crate::failure::Failure;

/// What `completions` takes.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "Examples:
  encrypted-replication completions bash > ~/.local/share/bash-completion/completions/encrypted-replication
  encrypted-replication completions zsh > ~/.zfunc/_encrypted-replication")]
pub struct Arguments {
    /// Which shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Prints a shell's completions for all of `command`.
///
/// # Errors
/// Where they cannot be printed.
pub fn completions(arguments: &Arguments, mut command: clap::Command) -> Result<Outcome, Failure> {
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, name, &mut script);
    io::stdout().write_all(&script)?;
    Ok(Outcome::Nothing)
}

/// Prints the manual page of `command`, with a section for each command.
///
/// # Errors
/// Where it cannot be printed.
pub fn man(mut command: clap::Command) -> Result<Outcome, Failure> {
    command.build();
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    for one in command.get_subcommands().filter(|one| !one.is_hide_set()) {
        let man = clap_mangen::Man::new(one.clone());
        let name = one.get_display_name().unwrap_or_else(|| one.get_name());
        writeln!(
            page,
            ".SH COMMAND {}",
            name.replace('-', " ").to_uppercase()
        )?;
        man.render_description_section(&mut page)?;
        man.render_synopsis_section(&mut page)?;
        man.render_options_section(&mut page)?;
        man.render_extra_section(&mut page)?;
    }
    io::stdout().write_all(&page)?;
    Ok(Outcome::Nothing)
}
