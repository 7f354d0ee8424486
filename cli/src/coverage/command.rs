//! `coverage SOURCE DESTINATION`.

use std::io::{self, BufWriter, Write as _};

use clap::ValueEnum;
use evidence::Day;
use evidence::queries::{COVERAGE, GAPS, Query, REPLAY, SWEEP};
use expectation::Time;

use super::inventory::{Place, begun};
use super::row::{Gap, State};
use crate::clock::now;
use crate::failure::Failure;
use crate::output::Excerpt;
use crate::report::athena::Athena;
use crate::report::model::Fields;
use crate::{Context, Outcome};

/// How long before the earlier inventory the last versions were written that count: replication takes its time.
const ON_ITS_WAY: i64 = 3600;
/// How long evidence is kept, where nobody chose otherwise.
const KEPT_DAYS: i64 = 400;

/// What `coverage` takes.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "\
Asks Athena, in the workgroup of the evidence's stack, over the newest S3 Inventory of both buckets: however many
versions there are, it is a query. For some millions, and without inventories, compare reads both buckets itself.

Examples:
  encrypted-replication coverage tax tax-replica --work-group evidence --database evidence --inventory s3://inventories/all
  encrypted-replication coverage tax tax-replica --work-group evidence --database evidence --inventory s3://inventories/all --list gaps --output csv
  encrypted-replication coverage tax tax-replica --work-group evidence --database evidence --inventory s3://inventories/all --list sweep > suspects.csv

Exit status: 0 every replica has a good verdict and none is missing, 1 not so, 2 could not look.")]
pub struct Arguments {
    /// The source bucket
    pub source: String,
    /// The destination bucket
    pub destination: String,
    /// Athena's workgroup
    #[arg(long, value_name = "NAME")]
    pub work_group: String,
    /// The database of the tables
    #[arg(long, value_name = "NAME")]
    pub database: String,
    /// Where S3 Inventory of the destination is delivered, without that bucket's own name
    #[arg(long, value_name = "s3://BUCKET/PREFIX")]
    pub inventory: String,
    /// The same of the source, where it is elsewhere
    #[arg(long, value_name = "s3://BUCKET/PREFIX")]
    pub source_inventory: Option<String>,
    /// Name of the inventory configuration
    #[arg(long, value_name = "NAME", default_value = "encrypted-replication")]
    pub inventory_id: String,
    /// Versions that were written before this time (RFC 3339) count; else up to an hour before the earlier inventory
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub before: Option<Time>,
    /// The first day whose verdicts count (UTC); else 400 days ago
    #[arg(long, value_name = "DAY")]
    pub from: Option<Day>,
    /// In place of numbers: each version
    #[arg(long, value_enum, value_name = "WHICH")]
    pub list: Option<List>,
}

/// What is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum List {
    /// Every version that has no good verdict, and why
    Gaps,
    /// Replicas without verdict, as the manifest of an S3 Batch Operations job
    Sweep,
    /// Source versions whose replica is not there, as the manifest of an S3 Batch Replication job
    Replay,
}

fn time(text: &str) -> Result<Time, String> {
    Time::parse(text).ok_or_else(|| format!("`{text}` is no time such as 2026-11-27T18:00:00Z"))
}

/// Asks, and tells.
///
/// # Errors
/// Where there is no inventory, or Athena does not answer.
pub async fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, Failure> {
    let session = context.session().await?;
    let id = &arguments.inventory_id;
    let theirs = Place::new(&arguments.inventory, id);
    let there = Box::pin(theirs.newest(&session, &arguments.destination)).await?;
    let ours = arguments.source_inventory.as_ref();
    let ours = Place::new(ours.unwrap_or(&arguments.inventory), id);
    let here = Box::pin(ours.newest(&session, &arguments.source)).await?;
    let earlier = (&there).min(&here);
    let before = arguments.before.or_else(|| {
        let begun = begun(earlier)?;
        Some(Time::from_secs(begun.secs() - ON_ITS_WAY))
    });
    let before = before.ok_or_else(|| {
        Failure::Asked(format!(
            "inventory `{earlier}` bears no time: say by --before which versions count"
        ))
    })?;
    let first = Day::of(now().secs() - KEPT_DAYS * 86_400);
    let parameters = [
        before.to_string(),
        arguments.source.clone(),
        here.clone(),
        arguments.destination.clone(),
        there.clone(),
        arguments.destination.clone(),
        arguments.from.unwrap_or(first).to_string(),
        Day::of(now().secs()).to_string(),
    ];
    let athena = Athena::of(&session, &arguments.work_group, &arguments.database);
    let asking = Asking {
        athena,
        parameters: parameters.each_ref().map(String::as_str),
        context,
    };
    let outcome = match arguments.list {
        None => Box::pin(asking.states()).await?,
        Some(List::Gaps) => Box::pin(asking.gaps()).await?,
        Some(List::Sweep) => Box::pin(asking.manifest(SWEEP)).await?,
        Some(List::Replay) => Box::pin(asking.manifest(REPLAY)).await?,
    };
    if arguments.list.is_none() {
        context.output.remark(format!(
            "versions written before {before}, by the inventories {here} of {} and {there} of {}",
            arguments.source, arguments.destination
        ))?;
    }
    Ok(outcome)
}

struct Asking<'a> {
    athena: Athena<'a>,
    parameters: [&'a str; 8],
    context: &'a Context,
}

impl Asking<'_> {
    async fn ask(&self, query: Query, take: impl FnMut(Fields)) -> Result<(), Failure> {
        let question = (query.name, query.text);
        let asked = self.athena.ask(question, &self.parameters, take).await?;
        // The answer stays with Athena, for whoever wants to see it again.
        eprintln!("query {}: execution {}", query.name, asked.execution_id);
        Ok(())
    }

    async fn states(&self) -> Result<Outcome, Failure> {
        let mut states = Vec::new();
        self.ask(COVERAGE, |row| states.push(State(row))).await?;
        let is_gap = states.iter().any(State::is_gap);
        let sum = |(all, judged), state: &State| {
            let (replicas, more) = state.covered();
            (all + replicas, judged + more)
        };
        let (replicas, judged) = states.iter().fold((0, 0), sum);
        let mut rows = self.context.output.rows();
        for state in states {
            rows.push(state)?;
        }
        rows.finish()?;
        let told = format!("{judged} of {replicas} replicas have a verdict");
        self.context.output.remark(told)?;
        Ok(Outcome::of(is_gap))
    }

    async fn gaps(&self) -> Result<Outcome, Failure> {
        let mut rows = Excerpt::new(self.context.output);
        let mut failed = Ok(());
        let mut found = false;
        let take = |row| {
            found = true;
            if failed.is_ok() && rows.has_room() {
                failed = rows.push(Gap(row));
            }
        };
        self.ask(GAPS, take).await?;
        failed?;
        rows.finish()?;
        Ok(Outcome::of(found))
    }

    /// Bucket, key and version id without a heading; the query has encoded the keys.
    async fn manifest(&self, query: Query) -> Result<Outcome, Failure> {
        let mut to = BufWriter::new(io::stdout());
        let mut failed = Ok(());
        let mut found = false;
        let take = |row: Fields| {
            found = true;
            if failed.is_ok() {
                let field = |name| row.get(name).map_or("", String::as_str);
                let (bucket, key, version) = (field("bucket"), field("key"), field("versionid"));
                failed = writeln!(to, "{bucket},{key},{version}");
            }
        };
        self.ask(query, take).await?;
        failed?;
        to.flush()?;
        Ok(Outcome::of(found))
    }
}
