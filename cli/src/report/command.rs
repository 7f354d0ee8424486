//! `report --from DAY --to DAY`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use evidence::Day;

use super::athena::Athena;
use super::gather::{Gathering, chosen};
use super::history::history;
use super::lake::of_lake;
use super::model::{End, Report, SCHEMA};
use super::page::page;
use super::row::Found;
use super::table::Projection;
use crate::clock::now;
use crate::coverage::inventory::Place;
use crate::failure::Failure;
use crate::output::{Excerpt, Format};
use crate::{Context, Outcome};

/// What `report` takes.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "\
Runs the saved queries in the workgroup of the evidence's stack (its outputs EvidenceWorkGroup and
EvidenceDatabase). Athena writes their results into that workgroup's bucket, and nothing else is written but FILE.

Examples:
  encrypted-replication report --from 2026-07-01 --to 2026-09-30 --work-group evidence --database evidence --page q3.html
  encrypted-replication report --from 2026-07-01 --to 2026-09-30 --work-group evidence --database evidence --output json > q3.json
  encrypted-replication report --from 2026-07-01 --to 2026-09-30 --work-group evidence --database evidence --output csv --bucket tax-documents-replica

Exit status: 0 nothing is open, 1 a finding, a failed replication, drift or a failed proof is, 2 could not look.")]
pub struct Arguments {
    /// The first day of the verdicts (UTC)
    #[arg(long, value_name = "DAY")]
    pub from: Day,
    /// The last day
    #[arg(long, value_name = "DAY")]
    pub to: Day,
    /// A destination bucket; may be given more than once. Without any: all that anything is expected of here
    #[arg(long, value_name = "BUCKET")]
    pub bucket: Vec<String>,
    /// Athena's workgroup
    #[arg(long, value_name = "NAME")]
    pub work_group: String,
    /// The database of the verdicts
    #[arg(long, value_name = "NAME")]
    pub database: String,
    /// The evidence's bucket: the report bears the head of its chain, what was swept, and which buckets are left out
    #[arg(long, value_name = "BUCKET")]
    pub evidence: Option<String>,
    /// Where S3 Inventory of the destinations is delivered: replicas are counted by it, and not listed
    #[arg(long, value_name = "s3://BUCKET/PREFIX")]
    pub inventory: Option<String>,
    /// Name of the inventory configuration
    #[arg(long, value_name = "NAME", default_value = "encrypted-replication")]
    pub inventory_id: String,
    /// Write the report here as a page of HTML
    #[arg(long, value_name = "FILE")]
    pub page: Option<PathBuf>,
    /// Do not list the buckets: no coverage is told then
    #[arg(long)]
    pub no_population: bool,
}

/// Asks, and tells.
///
/// # Errors
/// Where Athena or Parameter Store does not answer, or the page cannot be written.
pub async fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, Failure> {
    let Arguments { from, to, .. } = *arguments;
    if to < from {
        return Err(Failure::Asked(format!("--to {to} is before --from {from}")));
    }
    let session = context.session().await?;
    let known = Box::pin(history(&session)).await?;
    let chosen = chosen(known, &arguments.bucket);
    if chosen.is_empty() {
        return Err(Failure::Asked(format!(
            "nothing is expected of any bucket in {}: name one by --bucket, or another Region by --region",
            session.home().region
        )));
    }
    let mut gathering = Gathering {
        session: &session,
        athena: Athena::of(&session, &arguments.work_group, &arguments.database),
        days: (from, to),
        counts_population: !arguments.no_population,
        inventory: arguments
            .inventory
            .as_ref()
            .map(|place| Place::new(place, &arguments.inventory_id)),
        asked: Vec::new(),
    };
    let said = match &arguments.evidence {
        Some(evidence) => {
            let said = Box::pin(of_lake(&session, evidence, (from, to))).await?;
            let table = Box::pin(Projection::of(&session, &arguments.database)).await?;
            Some((said, table))
        }
        None => None,
    };
    let mut buckets = Vec::new();
    for (name, known) in chosen {
        buckets.push(Box::pin(gathering.bucket(&name, known)).await?);
    }
    // One source bucket may replicate to several of them.
    let names = buckets.iter().flat_map(|bucket| &bucket.sources);
    let names: BTreeSet<_> = names.cloned().collect();
    let mut sources = Vec::new();
    for name in names {
        sources.push(Box::pin(gathering.source(name)).await?);
    }
    let in_it = |name: &String| {
        let mut parts = buckets.iter().map(|bucket| &bucket.bucket);
        parts.any(|part| part == name) || sources.iter().any(|source| source.bucket == *name)
    };
    let (head, sweeps, left_out, not_in_table) = match said {
        None => (None, Vec::new(), None, None),
        Some((said, table)) => {
            let names: BTreeSet<_> = said
                .told_of
                .iter()
                .map(|told| told.bucket.clone())
                .collect();
            let left_out = names.into_iter().filter(|name| !in_it(name)).collect();
            let unasked = said.told_of.into_iter().filter(|told| !table.has(told));
            let not_in_table = unasked.collect();
            (
                Some(said.head),
                said.sweeps,
                Some(left_out),
                Some(not_in_table),
            )
        }
    };
    let report = Report {
        schema: SCHEMA,
        from,
        to,
        made: now(),
        account: session.home().account.clone(),
        region: session.home().region.clone(),
        work_group: arguments.work_group.clone(),
        database: arguments.database.clone(),
        head,
        sweeps,
        left_out,
        not_in_table,
        buckets,
        sources,
        queries: gathering.asked,
    };
    if let Some(path) = &arguments.page {
        std::fs::write(path, page(&report))
            .map_err(|error| Failure::Asked(format!("cannot write {}: {error}", path.display())))?;
    }
    tell(&report, context)?;
    Ok(Outcome::of(report.open() > 0))
}

fn tell(report: &Report, context: &Context) -> Result<(), Failure> {
    let output = context.output;
    if matches!(output.format(), Format::Json | Format::Jsonl) {
        return Ok(output.document(report, &"")?);
    }
    let mut rows = Excerpt::new(output);
    let found = report.buckets.iter().flat_map(Found::of);
    for found in found.chain(report.sources.iter().flat_map(Found::of_source)) {
        if rows.has_room() {
            rows.push(found)?;
        }
    }
    rows.finish()?;
    if let Some(words) = report.unfinished() {
        output.remark(words)?;
    }
    if let Some(head) = &report.head
        && !matches!(head.end, End::Found { .. })
    {
        output.remark(head.told())?;
    }
    let silent = [report.told_left_out(), report.told_not_in_table()];
    for words in silent.iter().flatten() {
        output.remark(words)?;
    }
    for bucket in &report.buckets {
        let covered = match (bucket.coverage, &bucket.not_counted) {
            (Some(coverage), _) => format!(
                "{} of {} replicas have a verdict",
                coverage.judged, coverage.replicas
            ),
            (None, why) => format!("not counted: {}", why.as_deref().unwrap_or_default()),
        };
        let failed = bucket.failed().map_or_else(
            || "failed replications not asked for, as no source is known".to_owned(),
            |failed| format!("{failed} failed replications"),
        );
        output.remark(format!(
            "{}: {covered}; {} findings, {failed}, {} open",
            bucket.bucket,
            bucket.findings.len(),
            bucket.open()
        ))?;
    }
    for source in &report.sources {
        output.remark(format!("{}: {}", source.bucket, source.told()))?;
    }
    Ok(())
}
