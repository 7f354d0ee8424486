//! Steps that show that they are alive: a line with the time elapsed in a terminal, plain lines elsewhere.

use std::future::Future;
use std::io::{IsTerminal, stderr};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use anyhow::Result;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

const TICK: Duration = Duration::from_millis(120);
/// Between signs of life where nothing can be redrawn, as in the log of a CI job.
const SIGN_OF_LIFE: Duration = Duration::from_secs(30);

/// The lines of all steps that run at the same time.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Reports what a running step is at.
#[derive(Clone)]
pub struct Step {
    name: String,
    bar: ProgressBar,
}

impl Step {
    /// Shows the latest line of a tool behind the step's name.
    pub fn show(&self, line: &str) {
        let line = line.trim();
        if !line.is_empty() {
            self.bar
                .set_message(line.chars().take(200).collect::<String>());
        }
    }

    /// A closure that shows each line of a tool.
    pub fn lines(&self) -> impl FnMut(&str) + use<> {
        let step = self.clone();
        move |line| step.show(line)
    }
}

/// Runs one step, showing its name and its time.
///
/// # Errors
/// Those of the work itself.
pub async fn step<T>(name: &str, work: impl AsyncFnOnce(Step) -> Result<T>) -> Result<T> {
    let began = Instant::now();
    let is_terminal = stderr().is_terminal();
    let bar = if is_terminal {
        BARS.add(ProgressBar::new_spinner())
    } else {
        ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden())
    };
    if is_terminal {
        bar.set_style(
            ProgressStyle::with_template("{spinner} {prefix} {elapsed}  {wide_msg:.dim}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner()),
        );
        bar.set_prefix(name.to_owned());
        bar.enable_steady_tick(TICK);
    } else {
        show(&format!("… {name}"));
    }
    let step = Step {
        name: name.to_owned(),
        bar,
    };
    // On the heap: what the SDK's calls need is large, and would be part of every caller.
    let work = Box::pin(work(step.clone()));
    let outcome = alive(&step, !is_terminal, began, work).await;
    step.bar.finish_and_clear();
    let sign = if outcome.is_ok() { "✓" } else { "✗" };
    show(&format!("{sign} {name} ({})", seconds(began.elapsed())));
    outcome
}

/// Writes a line on standard error, above those of the steps that still run.
pub fn show(text: &str) {
    BARS.suspend(|| eprintln!("{text}"));
}

/// The same on standard output.
pub fn print(text: &str) {
    BARS.suspend(|| println!("{text}"));
}

async fn alive<T>(
    step: &Step,
    is_plain: bool,
    began: Instant,
    mut work: impl Future<Output = Result<T>> + Unpin,
) -> Result<T> {
    loop {
        tokio::select! {
            outcome = &mut work => return outcome,
            () = tokio::time::sleep(SIGN_OF_LIFE), if is_plain => {
                show(&format!("  {} … {} {}", step.name, seconds(began.elapsed()), step.bar.message()));
            }
        }
    }
}

/// A duration for people: `4.2 s`, `3 min 20 s`.
#[must_use]
pub fn seconds(duration: Duration) -> String {
    let whole = duration.as_secs();
    if whole < 60 {
        format!("{:.1} s", duration.as_secs_f64())
    } else {
        format!("{} min {:02} s", whole / 60, whole % 60)
    }
}

/// Ends a half-drawn line, so that the shell's prompt starts on its own.
pub fn leave_terminal_clean() {
    if stderr().is_terminal() {
        eprintln!("\x1b[?25h\r\x1b[K");
    }
    eprintln!("stopped; nothing is left running");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_change_their_form_at_a_minute() {
        assert_eq!(seconds(Duration::from_millis(4_249)), "4.2 s");
        assert_eq!(seconds(Duration::from_secs(200)), "3 min 20 s");
        assert_eq!(seconds(Duration::from_secs(61)), "1 min 01 s");
    }
}
