//! `compare SOURCE`.

use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;
use std::sync::Arc;

use compliance::aws::Aws;
use compliance::checker::Checker;
use compliance::ports::AskError;
use compliance::subject::{ObjectVersion, Subject as Judged};
use compliance::verdict::Verdict;
use expectation::Time;
use replication::ports::{BucketRef, Buckets as _};

use super::comparison::{Compared, Comparison, Verdicts};
use super::manifest::Manifest;
use super::rules::Rules;
use super::telling::{Subject, Telling};
use super::words::Words;
use crate::bucket::{Bucket, TIME_TO_LIVE, Way};
use crate::clock::now;
use crate::failure::Failure;
use crate::listing::Prefixes;
use crate::looking::{Judging, Trips};
use crate::shell::quoted;
use crate::{Context, Outcome};

/// What `compare` takes.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "\
Listings of the source and of each destination of its rules are merged as they come; only what a destination
does not have costs a HEAD. Nothing is written but to FILE.

Examples:
  encrypted-replication compare tax-documents
  encrypted-replication compare tax-documents --prefix Tax/ --look
  encrypted-replication compare tax-documents --manifest again.csv --output jsonl > found.jsonl")]
pub struct Arguments {
    /// The source bucket
    pub source: String,
    /// Only keys that begin so; may be given more than once, and each is read at the same time as the others
    #[arg(long, value_name = "PREFIX")]
    pub prefix: Vec<String>,
    /// Judge the key of each replica as well: one HEAD for each
    #[arg(long)]
    pub look: bool,
    /// Tell also what is no finding: not covered, older than its rule, extra, pending
    #[arg(long)]
    pub all: bool,
    /// Write what is to be replicated again here, as S3 Batch Operations takes it
    #[arg(long, value_name = "FILE")]
    pub manifest: Option<PathBuf>,
    /// Put what is older than its rule into the manifest as well
    #[arg(long, requires = "manifest")]
    pub existing: bool,
    /// Since when the rules hold, such as 2026-11-27T18:00:00Z; else since the oldest version that S3 took up
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub since: Option<Time>,
    /// A role to assume in destinations' accounts
    #[arg(long, value_name = "NAME")]
    pub role_name: Option<String>,
    /// Only what comes after this key
    #[arg(long, value_name = "KEY")]
    pub continue_after: Option<String>,
    /// Calls in flight to one bucket, at most
    #[arg(long, value_name = "NUMBER", default_value_t = 256)]
    pub concurrency: usize,
}

fn time(text: &str) -> Result<Time, String> {
    Time::parse(text).ok_or_else(|| "no point in time, such as 2026-11-27T18:00:00Z".to_owned())
}

/// Compares, and tells.
///
/// # Errors
/// Where it could not look, or at a part only.
pub async fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, Failure> {
    let session = context.session().await?;
    let way = Way {
        session: &session,
        role_name: arguments.role_name.as_deref(),
    };
    let source = Bucket::find(way, &arguments.source, None).await?;
    let rules = rules_of(way, &source, &arguments.source).await?;
    let mut sides = Vec::new();
    let mut unreached = Vec::new();
    for (place, side) in rules.sides().iter().enumerate() {
        match Bucket::find(way, &side.bucket, side.account.as_deref()).await {
            Ok(bucket) => sides.push(Some(bucket.shared())),
            Err(failure) => {
                unreached.push((place, failure.to_string()));
                sides.push(None);
            }
        }
    }
    let scope = match arguments.prefix.as_slice() {
        [] => Prefixes::of([""]),
        given => Prefixes::of(given.iter().cloned()),
    };
    let verdicts = if arguments.look {
        Some(Looks::of(&arguments.source, &rules, &sides, arguments.concurrency).await)
    } else {
        None
    };
    let comparison = Comparison {
        bucket: arguments.source.clone(),
        rules,
        source: source.clone().shared(),
        sides,
        scope,
        after: arguments.continue_after.clone(),
        since: arguments.since,
        began: now(),
        most: arguments.concurrency,
        verdicts,
        replays_older: arguments.existing,
    };
    let manifest = match &arguments.manifest {
        Some(path) => {
            let file = File::create(path).map_err(|error| {
                Failure::Asked(format!("cannot write {}: {error}", path.display()))
            })?;
            Some(Manifest::new(BufWriter::new(file), &arguments.source))
        }
        None => None,
    };
    let subject = Subject {
        source: &arguments.source,
        rules: &comparison.rules,
        home: source.home(),
        began: comparison.began,
        all: arguments.all,
    };
    let mut telling = Telling::new(subject, context.output, manifest);
    let mut compared = Box::pin(comparison.run(&mut telling)).await?;
    for (place, why) in unreached {
        compared.lost.insert(place, (String::new(), why));
    }
    let missing = incomplete(&comparison.rules, &compared);
    let findings = telling.finish(&compared, missing.is_empty())?;
    if missing.is_empty() {
        return Ok(Outcome::of(findings > 0));
    }
    let missing = missing.join("\n");
    if findings > 0 {
        // The status says that something was found, this that it may not be all.
        eprintln!("warning: {missing}");
        return Ok(Outcome::Something);
    }
    Err(Failure::Incomplete(missing))
}

async fn rules_of(way: Way<'_>, source: &Bucket, name: &str) -> Result<Rules, Failure> {
    let bucket = BucketRef {
        name,
        region: &source.home().region,
    };
    let aws = way.session.aws();
    let configuration = Box::pin(aws.replication(bucket)).await;
    let configuration = configuration.map_err(|error| way.session.failed(error))?;
    let rules = Rules::of(&configuration.unwrap_or_default());
    if rules.sides().is_empty() {
        return Err(Failure::Asked(format!(
            "bucket {name} has no replication rule: there is nothing to compare it with"
        )));
    }
    Ok(rules)
}

/// What was not looked at, and why.
fn incomplete(rules: &Rules, compared: &Compared) -> Vec<String> {
    let mut missing = Vec::new();
    for (place, (after, why)) in &compared.lost {
        let bucket = rules.side(*place).map_or("", |side| side.bucket.as_str());
        missing.push(match after.as_str() {
            "" => format!("destination {bucket} was not looked at: {why}"),
            after => format!("destination {bucket} was looked at up to key `{after}` only: {why}"),
        });
    }
    if let Some((after, why)) = &compared.stopped {
        missing.push(format!(
            "the source was listed up to key `{after}` only: {why}"
        ));
        if !after.is_empty() {
            missing.push(format!("go on with --continue-after {}", quoted(after)));
        }
    }
    if let Some(error) = &compared.first_unanswered {
        missing.push(format!(
            "{} replicas could not be judged, the first as {error}",
            compared.unanswered
        ));
    }
    let unknown = compared.tally.of_state(super::state::State::Undetermined);
    if unknown > 0 {
        missing.push(format!(
            "of {unknown} versions it could not be found out; they are told"
        ));
    }
    missing
}

/// Judges replicas at each destination.
#[derive(Debug)]
struct Looks {
    sides: Vec<Option<Look>>,
}

#[derive(Debug)]
struct Look {
    trips: Trips,
    checker: Checker<Judging<Bucket, Words<Aws>>>,
}

impl Looks {
    async fn of(source: &str, rules: &Rules, sides: &[Option<Arc<Bucket>>], most: usize) -> Self {
        let mut looks = Vec::with_capacity(sides.len());
        for (side, bucket) in rules.sides().iter().zip(sides) {
            let Some(bucket) = bucket else {
                looks.push(None);
                continue;
            };
            let words = Words::on(bucket.words(), source, side).await;
            let authority = words.authority();
            let judging = Judging::new(Arc::clone(bucket), &Prefixes::of([""]), most, words);
            looks.push(Some(Look {
                trips: Trips::to(bucket.home().clone()),
                checker: Checker::new(judging, Vec::new(), TIME_TO_LIVE).naming_registry(authority),
            }));
        }
        Self { sides: looks }
    }
}

impl Verdicts for Looks {
    async fn verdict(&self, side: usize, version: &ObjectVersion) -> Result<Verdict, AskError> {
        let Some(Some(look)) = self.sides.get(side) else {
            return Err(AskError {
                operation: "s3:HeadObject",
                resource: format!("bucket {}", version.bucket),
                answer: "there is no way to the bucket".to_owned(),
                remedy: String::new(),
            });
        };
        let trip = look.trips.current();
        let version = ObjectVersion {
            region: trip.home.map(|home| home.region.clone()),
            ..version.clone()
        };
        look.checker.check(&Judged::Arrival(version), trip).await
    }
}
