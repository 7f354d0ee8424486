//! `audit DESTINATION`.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_names::KeyName;
use compliance::checker::Checker;
use compliance::verdict::Kind;
use expectation::Time;
use tokio::task::JoinHandle;

use super::line::{Drawn, Summary};
use super::looking::{Audit, Audited};
use super::telling::Telling;
use crate::bucket::{Bucket, TIME_TO_LIVE, Way};
use crate::clock::now;
use crate::failure::Failure;
use crate::listing::{Prefixes, read};
use crate::looking::Judging;
use crate::shell::quoted;
use crate::{Context, Outcome};

const SUMMARY: &str = "encrypted-replication/audit-summary/1";
/// As the checker's environment names it.
const EXPECTED: &str = "EXPECTED_KMS_KEY_ARNS";

/// What `audit` takes.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "\
Which key is right: --expect, else EXPECTED_KMS_KEY_ARNS, else the registry of expectations in Parameter Store.
For the word of the rules themselves, see `compare SOURCE --look`.

Examples:
  encrypted-replication audit tax-documents-replica
  encrypted-replication audit tax-documents-replica --sample 10000 --seed 7
  encrypted-replication audit tax-documents-replica --expect arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
  encrypted-replication audit tax-documents-replica --prefix Tax/ --prefix Ledger/ --output jsonl > verdicts.jsonl")]
pub struct Arguments {
    /// The destination bucket
    pub destination: String,
    /// Only keys that begin so; may be given more than once, and each is read at the same time as the others
    #[arg(long, value_name = "PREFIX")]
    pub prefix: Vec<String>,
    /// Only so many versions, each with the same chance
    #[arg(long, value_name = "NUMBER", conflicts_with = "continue_after")]
    pub sample: Option<usize>,
    /// Draws the sample: the same seed draws the same versions
    #[arg(long, value_name = "NUMBER", requires = "sample", default_value_t = 0)]
    pub seed: u64,
    /// A key that replicas may be under; may be given more than once
    #[arg(long, value_name = "ARN", value_parser = key_name)]
    pub expect: Vec<KeyName>,
    /// Tell only what is found, where a program reads
    #[arg(long)]
    pub findings: bool,
    /// The account that owns the bucket, where it is another
    #[arg(long, value_name = "ID")]
    pub account: Option<String>,
    /// A role to assume there
    #[arg(long, value_name = "NAME", requires = "account")]
    pub role_name: Option<String>,
    /// Only what comes after this key
    #[arg(long, value_name = "KEY")]
    pub continue_after: Option<String>,
    /// Calls in flight to one prefix, at most
    #[arg(long, value_name = "NUMBER", default_value_t = 256)]
    pub concurrency: usize,
}

fn key_name(text: &str) -> Result<KeyName, String> {
    KeyName::parse(text).map_err(|problem| format!("`{text}` is {problem}"))
}

/// Looks at the replicas, and tells.
///
/// # Errors
/// Where it could not look, or at a part only.
pub async fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, Failure> {
    let allowed = match arguments.expect.as_slice() {
        [] => from_environment()?,
        given => given.to_vec(),
    };
    let session = context.session().await?;
    let way = Way {
        session: &session,
        role_name: arguments.role_name.as_deref(),
    };
    let account = arguments.account.as_deref();
    let bucket = Bucket::find(way, &arguments.destination, account).await?;
    let home = bucket.home().clone();
    let words = bucket.words();
    let bucket = bucket.shared();
    let scope = match arguments.prefix.as_slice() {
        [] => Prefixes::of([""]),
        given => Prefixes::of(given.iter().cloned()),
    };
    let judging = Judging::new(Arc::clone(&bucket), &scope, arguments.concurrency, words);
    let audit = Audit {
        bucket: arguments.destination.clone(),
        home,
        port: Arc::clone(&bucket),
        checker: Checker::new(judging, allowed, TIME_TO_LIVE),
        scope,
        after: arguments.continue_after.clone(),
        sample: arguments.sample.map(|count| (arguments.seed, count)),
    };
    let began = now();
    let mut telling = Telling::new(&audit.home, context.output, arguments.findings);
    let counting = (audit.sample.is_none() && std::io::stderr().is_terminal())
        .then(|| count(bucket, &audit, telling.total()));
    let audited = Box::pin(audit.run(&mut telling)).await;
    if let Some(counting) = counting {
        counting.abort();
    }
    let audited = audited?;
    let missing = incomplete(&audited);
    let summary = summary(arguments, &audited, began, missing.is_empty());
    telling.finish(&audited, summary)?;
    if missing.is_empty() {
        return Ok(Outcome::of(audited.findings() > 0));
    }
    let missing = missing.join("\n");
    if audited.findings() > 0 {
        // The status says that something was found, this that it may not be all.
        eprintln!("warning: {missing}");
        return Ok(Outcome::Something);
    }
    Err(Failure::Incomplete(missing))
}

fn from_environment() -> Result<Vec<KeyName>, Failure> {
    let given = std::env::var(EXPECTED).unwrap_or_default();
    let names = given
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty());
    let names = names.map(|name| {
        key_name(name).map_err(|problem| Failure::Asked(format!("{EXPECTED}: {problem}")))
    });
    names.collect()
}

/// Counts the versions, for whoever wants to know how long it takes: a page of a thousand costs less than a
/// hundredth of their HEADs.
fn count(
    bucket: Arc<Bucket>,
    audit: &Audit<Bucket, Judging<Bucket, compliance::aws::Aws>>,
    total: Arc<AtomicU64>,
) -> JoinHandle<()> {
    let mut listing = read(bucket, audit.scope.clone(), audit.after.clone());
    tokio::spawn(async move {
        let mut count = 0;
        while let Ok(Some(page)) = listing.next().await {
            count += page.iter().filter(|entry| !entry.is_marker()).count() as u64;
            tokio::task::yield_now().await;
        }
        total.store(count, Ordering::Relaxed);
    })
}

/// What was not looked at, and why.
fn incomplete(audited: &Audited) -> Vec<String> {
    let mut missing = Vec::new();
    if let Some(why) = &audited.stopped {
        missing.push(format!(
            "{} versions were looked at, then: {why}",
            audited.judged()
        ));
    }
    if let Some(first) = &audited.first_unanswered {
        missing.push(format!(
            "{} versions have no verdict, the first as {first}",
            audited.unanswered
        ));
    }
    if audited.denied > 0 {
        missing.push(format!(
            "S3 does not show {} versions: allow s3:GetObjectVersion, and s3:ListBucket, without which what is \
             missing looks the same",
            audited.denied
        ));
    }
    let silent = audited.of(Kind::NoExpectation);
    if silent > 0 && audited.decided() == 0 {
        missing.push(format!(
            "nothing says which key is right for any of {silent} replicas: say it by --expect, or compare the \
             source with --look"
        ));
    }
    if audited.stopped.is_some()
        && let Some(key) = &audited.reached
    {
        missing.push(format!("go on with --continue-after {}", quoted(key)));
    }
    missing
}

fn summary(arguments: &Arguments, audited: &Audited, began: Time, complete: bool) -> Summary {
    let verdicts = audited.verdicts.iter();
    let drawn = arguments.sample.zip(audited.population);
    Summary {
        schema: SUMMARY,
        bucket: arguments.destination.clone(),
        prefixes: arguments.prefix.clone(),
        began,
        complete,
        judged: audited.judged(),
        verdicts: verdicts
            .map(|(kind, count)| (kind.as_str().to_owned(), (*count).into()))
            .collect(),
        findings: audited.findings(),
        sample: drawn.map(|(versions, of)| Drawn {
            versions: versions.min(usize::try_from(of).unwrap_or(usize::MAX)),
            of,
            seed: arguments.seed,
            how: Drawn::HOW,
        }),
        continue_after: audited
            .stopped
            .is_some()
            .then(|| audited.reached.clone())
            .flatten(),
    }
}
