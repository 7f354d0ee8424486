//! `scan`: every replication rule of an account, or of each account of an organisation, one line each.

mod accounts;
mod survey;

use std::collections::BTreeMap;

use replication::diagnosis::standing::State;
use serde::Serialize;

use self::accounts::{Account, accounts};
use self::survey::Survey;
use crate::failure::Failure;
use crate::output::{Row, Tone};
use crate::progress::Progress;
use crate::{Context, Outcome};

/// What `scan` takes.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "Examples:
  encrypted-replication scan --all-regions
  encrypted-replication scan --region eu-central-1 --output csv > replication.csv
  encrypted-replication scan --all-regions --role-name OrganizationAccountAccessRole
                            each account of the organisation, in the name of its role

Each line says whether a rule `works`, is `doubtful`, `broken` or `off`, and why; `unknown` where its bucket could not
be looked at. `encrypted-replication diagnose BUCKET` has the rest.

Exit status: 0 nothing is broken, 1 something is, 2 could not look.")]
pub struct Arguments {
    /// Buckets of all Regions, not of one
    #[arg(long)]
    pub all_regions: bool,
    /// Each account of the organisation, by its role of this name
    #[arg(long, value_name = "NAME")]
    pub role_name: Option<String>,
    /// So many buckets at once
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=512))]
    pub at_once: u16,
}

/// How a rule stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stand {
    /// As far as can be seen.
    Works,
    /// Switched off.
    Off,
    /// Something may stand in the way.
    Doubtful,
    /// Something surely does.
    Broken,
    /// The bucket could not be looked at.
    Unknown,
}

impl From<State> for Stand {
    fn from(state: State) -> Self {
        match state {
            State::Works => Self::Works,
            State::Off => Self::Off,
            State::Doubtful => Self::Doubtful,
            State::Broken => Self::Broken,
        }
    }
}

impl Stand {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::Off => "off",
            Self::Doubtful => "doubtful",
            Self::Broken => "broken",
            Self::Unknown => "unknown",
        }
    }
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    /// The account.
    pub account: String,
    /// The source bucket's Region.
    pub region: String,
    /// The source bucket; empty where an account's buckets could not be listed.
    pub bucket: String,
    /// The rule's `ID`; empty where the bucket could not be looked at.
    pub rule: String,
    /// Start of the keys that it is for.
    pub prefix: String,
    /// The destination bucket.
    pub destination: String,
    /// How it stands.
    pub state: Stand,
    /// Names of the checks that say so, the worst first.
    pub checks: Vec<&'static str>,
    /// The worst of them in words.
    pub why: String,
}

impl Row for Found {
    const COLUMNS: &'static [&'static str] = &[
        "state",
        "account",
        "region",
        "bucket",
        "rule",
        "destination",
        "why",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.state.as_str().to_owned(),
            self.account.clone(),
            self.region.clone(),
            self.bucket.clone(),
            self.rule.clone(),
            self.destination.clone(),
            self.why.clone(),
        ]
    }

    fn tone(&self, column: &str) -> Tone {
        match (column, self.state) {
            ("state", Stand::Works) => Tone::Good,
            ("state", Stand::Doubtful) => Tone::Doubtful,
            ("state", Stand::Broken) => Tone::Bad,
            ("state", Stand::Off | Stand::Unknown) => Tone::Faint,
            _ => Tone::Plain,
        }
    }
}

/// Looks at every rule.
///
/// # Errors
/// Where nothing could be looked at.
pub async fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, Failure> {
    let session = context.session().await?;
    let progress = Progress::new("buckets", None);
    let accounts = accounts(&session, arguments.role_name.as_deref()).await?;
    let roles: BTreeMap<String, String> = accounts
        .iter()
        .filter_map(|account| Some((account.id.clone(), account.role.clone()?)))
        .collect();
    let alone = accounts.len() == 1;
    let mut rows = context.output.rows::<Found>();
    let mut counts = Counts::default();
    let survey = Survey {
        session: &session,
        arguments,
        roles: &roles,
        progress: &progress,
    };
    for account in &accounts {
        let told = |found: Found| {
            counts.count(&found);
            progress.aside(|| rows.push(found))
        };
        match survey.account(account, told).await {
            Ok(buckets) => counts.buckets += buckets,
            Err(failure) if alone || matches!(failure, Failure::Output(_)) => return Err(failure),
            Err(failure) => {
                let unknown = unlisted(account, &failure);
                counts.count(&unknown);
                rows.push(unknown)?;
            }
        }
    }
    drop(progress);
    rows.finish()?;
    context.output.remark(counts)?;
    Ok(match counts {
        Counts { broken: 1.., .. } => Outcome::Something,
        Counts {
            unknown: 1..,
            rules: 0,
            ..
        } => {
            return Err(Failure::NoWay(
                "no bucket with replication could be looked at; the reasons are above".to_owned(),
            ));
        }
        _ => Outcome::Nothing,
    })
}

fn unlisted(account: &Account, failure: &Failure) -> Found {
    Found {
        account: account.id.clone(),
        region: String::new(),
        bucket: String::new(),
        rule: String::new(),
        prefix: String::new(),
        destination: String::new(),
        state: Stand::Unknown,
        checks: Vec::new(),
        why: failure
            .to_string()
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned(),
    }
}

/// How many there were of each.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    buckets: u64,
    rules: u64,
    broken: u64,
    doubtful: u64,
    unknown: u64,
}

impl Counts {
    fn count(&mut self, found: &Found) {
        self.rules += u64::from(found.state != Stand::Unknown);
        match found.state {
            Stand::Broken => self.broken += 1,
            Stand::Doubtful => self.doubtful += 1,
            Stand::Unknown => self.unknown += 1,
            Stand::Works | Stand::Off => {}
        }
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            buckets,
            rules,
            broken,
            doubtful,
            unknown,
        } = self;
        if *rules > 0 || *unknown > 0 {
            writeln!(f)?;
        }
        write!(
            f,
            "{buckets} buckets, {rules} replication rules: {broken} broken, {doubtful} doubtful"
        )?;
        if *unknown > 0 {
            write!(f, "; {unknown} could not be looked at")?;
        }
        f.write_str(".")
    }
}
