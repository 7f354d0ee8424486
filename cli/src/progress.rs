//! How far a command is, on a terminal alone: what is found goes to standard output, this to standard error.

use std::io::{IsTerminal as _, stderr};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const TICK: Duration = Duration::from_millis(120);

/// A line that says what is done, how fast, and how long it will take; gone when it is dropped.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Counts `what`, such as `buckets`, up to `total` where that is known.
    #[must_use]
    pub fn new(what: &'static str, total: Option<u64>) -> Self {
        Self::shown(what, total, stderr().is_terminal())
    }

    fn shown(what: &'static str, total: Option<u64>, on_terminal: bool) -> Self {
        let target = if on_terminal {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(total, target);
        let template = match total {
            Some(_) => {
                "{spinner} {human_pos} of {human_len} {prefix}, {per_sec}, {eta} left  {wide_msg}"
            }
            None => "{spinner} {human_pos} {prefix}, {per_sec}, {elapsed}  {wide_msg}",
        };
        bar.set_style(
            ProgressStyle::with_template(template)
                .unwrap_or_else(|_| ProgressStyle::default_spinner()),
        );
        bar.set_prefix(what);
        if on_terminal {
            bar.enable_steady_tick(TICK);
        }
        Self { bar }
    }

    /// So many more are done.
    pub fn add(&self, more: u64) {
        self.bar.inc(more);
    }

    /// How many there are, once that is known.
    pub fn total(&self, total: u64) {
        self.bar.set_length(total);
    }

    /// What is being done.
    pub fn at(&self, what: impl Into<String>) {
        self.bar.set_message(what.into());
    }

    /// How many are done.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.bar.position()
    }

    /// Does what prints, without the line in its way.
    pub fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_where_nothing_is_shown() {
        let progress = Progress::shown("buckets", None, false);
        progress.total(10);
        progress.add(3);
        progress.at("tax-documents");
        progress.add(1);
        assert_eq!(progress.done(), 4);
        assert_eq!(progress.aside(|| 7), 7);
    }
}
