//! An audit's report: lines to standard output, what it comes to at the end, how far it is.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_names::Home;
use compliance::report::{Stamp, line};
use compliance::verdict::{Kind, Verdict};
use serde_json::value::RawValue;

use super::line::{Count, Line, Summary, tone};
use super::looking::{Audited, Report};
use crate::clock::now_ms;
use crate::output::{Excerpt, Format, Output};
use crate::progress::Progress;
use crate::shell::quoted;

/// Says where to go on, where the command is ended before its end.
#[derive(Debug, Default)]
struct Resume {
    key: Option<String>,
    is_over: bool,
}

impl Drop for Resume {
    fn drop(&mut self) {
        if let (Some(key), false) = (&self.key, self.is_over) {
            eprintln!("go on with --continue-after {}", quoted(key));
        }
    }
}

/// Tells.
pub(super) struct Telling<'a> {
    home: &'a Home,
    output: Output,
    lines: Excerpt<Line>,
    /// Whether only what is found is told.
    only_findings: bool,
    progress: Progress,
    /// How many versions there are, once they are counted; 0: not yet.
    total: Arc<AtomicU64>,
    has_total: bool,
    resume: Resume,
}

impl<'a> Telling<'a> {
    pub(super) fn new(home: &'a Home, output: Output, only_findings: bool) -> Self {
        Self {
            home,
            lines: Excerpt::new(output),
            output,
            only_findings: only_findings || output.is_for_people(),
            progress: Progress::new("versions", None),
            total: Arc::default(),
            has_total: false,
            resume: Resume::default(),
        }
    }

    /// Where whoever counts the versions leaves their number.
    pub(super) fn total(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.total)
    }

    fn judged(&mut self) {
        self.progress.add(1);
        let total = self.total.load(Ordering::Relaxed);
        if !self.has_total && total > 0 {
            self.has_total = true;
            let done = self.progress.done();
            self.progress = Progress::new("versions", Some(total));
            self.progress.add(done);
        }
    }

    /// Says what it comes to.
    pub(super) fn finish(self, audited: &Audited, summary: Summary) -> io::Result<()> {
        let Self {
            output,
            lines,
            progress,
            mut resume,
            ..
        } = self;
        resume.is_over = true;
        drop(progress);
        if !output.is_for_people() {
            return lines.finish_with(Line::Summary(Box::new(summary)));
        }
        lines.finish()?;
        let mut counts = output.rows::<Count>();
        for (kind, count) in &audited.verdicts {
            counts.push(Count {
                verdict: kind.as_str(),
                versions: *count,
                when: kind.when(),
                tone: tone(*kind),
            })?;
        }
        counts.finish()?;
        if let Some(drawn) = &summary.sample {
            output.remark(format!(
                "\na sample of {} of {} versions by seed {}: {}",
                drawn.versions, drawn.of, drawn.seed, drawn.how
            ))?;
            if audited.findings() == 0 && audited.decided() > 0 {
                output.remark(format!(
                    "nothing found in {} replicas: with 95 % confidence fewer than {:.3} % of all are wrong",
                    audited.decided(),
                    at_most_percent(audited.decided()),
                ))?;
            }
        }
        output.remark(format!(
            "\n{} found among {} versions of {}",
            audited.findings(),
            audited.judged(),
            summary.bucket
        ))
    }
}

/// The share that would have shown itself in a sample of this size with a chance of 95 %.
#[expect(clippy::cast_precision_loss, reason = "a share, for people")]
fn at_most_percent(sample: u64) -> f64 {
    (1.0 - 0.05_f64.powf(1.0 / sample as f64)) * 100.0
}

impl Report for Telling<'_> {
    fn verdict(&mut self, verdict: &Verdict) -> io::Result<()> {
        self.judged();
        let kind = verdict.judgement.kind;
        let found = kind.compliant() == Some(false) || kind == Kind::Uninspectable;
        if self.only_findings && !found {
            return Ok(());
        }
        if !self.lines.has_room() {
            return Ok(());
        }
        let text = line(verdict, &Stamp::new(now_ms(), Some(self.home)))?;
        let raw = RawValue::from_string(text)?;
        let cells = match self.output.format() {
            Format::Table | Format::Csv => Line::cells_of(verdict),
            Format::Json | Format::Jsonl => Vec::new(),
        };
        let lines = &mut self.lines;
        self.progress
            .aside(|| lines.push(Line::Verdict(raw, kind, cells)))
    }

    fn listed(&mut self, more: usize) {
        self.progress.at("listed, to draw the sample");
        self.progress.add(more as u64);
    }

    fn drawn(&mut self, count: usize) {
        self.has_total = true;
        self.progress = Progress::new("versions", Some(count as u64));
    }

    fn reached(&mut self, key: &str) {
        if self.resume.key.as_deref() != Some(key) {
            self.resume.key = Some(key.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_in_a_thousand_would_show_in_a_thousand() {
        // The "rule of three": 3/n.
        assert!((at_most_percent(1_000) - 0.2991).abs() < 0.0005);
        assert!((at_most_percent(1) - 95.0).abs() < 0.0001);
    }
}
