//! A comparison's report: lines to standard output, versions to the manifest, what it comes to at the end.

use std::fs::File;
use std::io::{self, BufWriter};

use aws_names::Home;
use compliance::report::{Stamp, line};
use compliance::verdict::{Kind, Verdict};
use expectation::Time;
use serde_json::value::RawValue;

use super::comparison::{Compared, Report, Told};
use super::line::{Count, Line, RuleSummary, Summary, VersionLine};
use super::manifest::Manifest;
use super::rules::Rules;
use super::state::State;
use super::tally::Counts;
use crate::clock::now_ms;
use crate::output::{Excerpt, Output, Tone};
use crate::progress::Progress;
use replication::configuration::Status;

const SCHEMA: &str = "encrypted-replication/comparison/1";
const SUMMARY: &str = "encrypted-replication/comparison-summary/1";

/// What is told of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    pub(super) source: &'a str,
    pub(super) rules: &'a Rules,
    pub(super) home: &'a Home,
    pub(super) began: Time,
    /// Whether what is no finding is told as well.
    pub(super) all: bool,
}

/// Tells.
pub(super) struct Telling<'a> {
    subject: Subject<'a>,
    output: Output,
    lines: Excerpt<Line>,
    manifest: Option<Manifest<BufWriter<File>>>,
    progress: Progress,
}

impl<'a> Telling<'a> {
    pub(super) fn new(
        subject: Subject<'a>,
        output: Output,
        manifest: Option<Manifest<BufWriter<File>>>,
    ) -> Self {
        Self {
            subject,
            lines: Excerpt::new(output),
            output,
            manifest,
            progress: Progress::new("versions", None),
        }
    }

    fn push(&mut self, line: Line) -> io::Result<()> {
        if !self.lines.has_room() {
            return Ok(());
        }
        let lines = &mut self.lines;
        self.progress.aside(|| lines.push(line))
    }

    /// Says what it comes to; how many things were found.
    pub(super) fn finish(mut self, compared: &Compared, complete: bool) -> io::Result<u64> {
        let manifest = match &mut self.manifest {
            Some(manifest) => {
                manifest.finish()?;
                Some(manifest.lines())
            }
            None => None,
        };
        let wrong = compared
            .verdicts
            .iter()
            .filter(|(kind, _)| kind.compliant() == Some(false));
        let wrong: u64 = wrong.map(|(_, count)| count).sum();
        let findings = compared.tally.findings() + wrong;
        let summary = self.summary(compared, complete, (findings, manifest));
        let Self {
            output,
            lines,
            progress,
            subject,
            ..
        } = self;
        drop(progress);
        if !output.is_for_people() {
            lines.finish_with(Line::Summary(Box::new(summary)))?;
            return Ok(findings);
        }
        lines.finish()?;
        counts(output, subject.rules, compared)?;
        output.remark("")?;
        for rule in &summary.rules {
            if let (Some(name), Some(up_to)) = (&rule.rule, rule.complete_up_to) {
                output.remark(format!(
                    "rule `{name}` to {} is complete up to {up_to}",
                    rule.destination
                ))?;
            }
        }
        if let Some(lines) = manifest {
            output.remark(format!("the manifest has {lines} versions"))?;
        }
        output.remark(format!(
            "{findings} found among {} versions and delete markers of {}",
            compared.tally.listed, subject.source
        ))?;
        Ok(findings)
    }

    fn summary(
        &self,
        compared: &Compared,
        complete: bool,
        (findings, manifest): (u64, Option<u64>),
    ) -> Summary {
        let Subject {
            source,
            rules,
            began,
            ..
        } = self.subject;
        let mut all = Vec::new();
        for (place, number, counts) in compared.tally.iter() {
            let Some(side) = rules.side(place) else {
                continue;
            };
            let rule = number.and_then(|number| side.rules.get(number));
            let states = counts.states.iter();
            let versions =
                states.map(|(state, count)| (state.as_str().to_owned(), (*count).into()));
            let looked = compared.stopped.is_none() && !compared.lost.contains_key(&place);
            let known = looked && rule.is_some_and(|rule| rule.status == Status::Enabled);
            let since = number.and_then(|number| compared.since.get(&(place, number)));
            all.push(RuleSummary {
                destination: side.bucket.clone(),
                rule: rule.map(|rule| rule.id.clone()),
                complete_up_to: known.then(|| Counts::complete_up_to(counts, began)),
                since: since.copied(),
                versions: versions.collect(),
            });
        }
        let verdicts = compared.verdicts.iter();
        Summary {
            schema: SUMMARY,
            source: source.to_owned(),
            began,
            complete,
            listed: compared.tally.listed,
            findings,
            manifest,
            rules: all,
            verdicts: verdicts
                .map(|(kind, count)| (kind.as_str().to_owned(), (*count).into()))
                .collect(),
        }
    }
}

/// The table of counts.
fn counts(output: Output, rules: &Rules, compared: &Compared) -> io::Result<()> {
    let mut table = output.rows::<Count>();
    for (place, number, counts) in compared.tally.iter() {
        let Some(side) = rules.side(place) else {
            continue;
        };
        let rule = number.and_then(|number| side.rules.get(number));
        let name = match rule {
            Some(rule) if rule.status == Status::Enabled => rule.id.clone(),
            Some(rule) => format!("{} (disabled)", rule.id),
            // What arrived is not asked for its tags.
            None => "none, or by tags".to_owned(),
        };
        if counts.states.is_empty() && rule.is_some() {
            table.push(Count {
                destination: side.bucket.clone(),
                rule: name,
                state: "nothing under it",
                versions: 0,
                tone: Tone::Faint,
            })?;
            continue;
        }
        for (state, count) in &counts.states {
            table.push(Count {
                destination: side.bucket.clone(),
                rule: name.clone(),
                state: state.as_str(),
                versions: *count,
                tone: Count::tone_of(*state),
            })?;
        }
    }
    for (kind, count) in &compared.verdicts {
        table.push(Count {
            destination: "(replicas' keys)".to_owned(),
            rule: "-".to_owned(),
            state: kind.as_str(),
            versions: *count,
            tone: match kind.compliant() {
                Some(true) => Tone::Good,
                Some(false) => Tone::Bad,
                None => Tone::Plain,
            },
        })?;
    }
    table.finish()
}

impl Report for Telling<'_> {
    fn told(&mut self, told: Told<'_>) -> io::Result<()> {
        let state = told.judged.state;
        let undetermined = state == State::Undetermined;
        if !self.subject.all && !state.is_finding() && !undetermined {
            return Ok(());
        }
        let Some(side) = self.subject.rules.side(told.side) else {
            return Ok(());
        };
        let rule = told.rule.and_then(|rule| side.rules.get(rule));
        let line = VersionLine {
            schema: SCHEMA,
            state: state.as_str(),
            finding: state.is_finding(),
            source: self.subject.source.to_owned(),
            destination: side.bucket.clone(),
            key: told.entry.key.clone(),
            version_id: told.entry.version_id.clone(),
            written: told.entry.written,
            rule: rule.map(|rule| rule.id.clone()),
            replication_status: told.status.map(str::to_owned),
            reason: told.judged.reason.clone().into_owned(),
            remedy: told.judged.remedy.clone().map(Into::into),
        };
        self.push(Line::Version(Box::new(line)))
    }

    fn replay(&mut self, key: &str, version_id: &str) -> io::Result<()> {
        match &mut self.manifest {
            Some(manifest) => manifest.add(key, version_id),
            None => Ok(()),
        }
    }

    fn verdict(&mut self, verdict: &Verdict) -> io::Result<()> {
        let kind = verdict.judgement.kind;
        let told = kind.compliant() == Some(false) || kind == Kind::Uninspectable;
        if !self.subject.all && !told {
            return Ok(());
        }
        let now = now_ms();
        let text = line(verdict, &Stamp::new(now, Some(self.subject.home)))?;
        let raw = RawValue::from_string(text)?;
        let cells = vec![
            kind.as_str().to_owned(),
            verdict.version.bucket.clone(),
            verdict.version.key.as_str().to_owned(),
            verdict.version_id().unwrap_or_default().to_owned(),
            String::new(),
            String::new(),
            String::new(),
            verdict.judgement.reason.clone().into_owned(),
            verdict
                .judgement
                .remedy
                .clone()
                .unwrap_or_default()
                .into_owned(),
        ];
        self.push(Line::Verdict(raw, cells))
    }

    fn listed(&mut self, more: usize) {
        self.progress.add(more as u64);
    }
}
