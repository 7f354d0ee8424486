//! What may be typed.

use clap::{Args, Parser, Subcommand};

use crate::output::Format;
use crate::{
    audit, compare, coverage, diagnose, drift, explain, generate, plan, report, scan, verify,
};

/// Looks at S3 replication of KMS-encrypted objects, whoever set it up, and says what is wrong with it.
///
/// It only reads, with your own credentials, and needs what docs/read-only-policy.json allows.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "encrypted-replication",
    version,
    propagate_version = true,
    after_help = "Exit status: 0 nothing found, 1 something found, 2 could not look."
)]
pub struct Arguments {
    /// What is to be done.
    #[command(subcommand)]
    pub command: Command,
    /// The options that all commands have.
    #[command(flatten)]
    pub common: Common,
}

/// The options that all commands have.
#[derive(Args, Clone, Debug, Default)]
pub struct Common {
    /// Profile of the AWS configuration files, in place of the environment's
    #[arg(long, global = true, value_name = "NAME", help_heading = "AWS")]
    pub profile: Option<String>,
    /// Region to begin in, in place of the environment's or the profile's
    #[arg(long, global = true, value_name = "REGION", help_heading = "AWS")]
    pub region: Option<String>,
    /// In which form
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "FORMAT",
        default_value_t
    )]
    pub output: Format,
}

/// The commands.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Every replication rule of the account, or of each account of the organisation: works or not, and why
    Scan(scan::Arguments),
    /// Every check of one bucket's replication, from its rules as they stand
    Diagnose(diagnose::Arguments),
    /// What a stack with our custom resource would do, and the policies it needs
    Plan(plan::Arguments),
    /// What was changed behind the stacks' backs
    Drift(drift::Arguments),
    /// Verdicts on the replicas that are in a destination bucket
    Audit(audit::Arguments),
    /// Source and destinations, version by version: what is missing, complete up to when
    Compare(compare::Arguments),
    /// The same by S3 Inventory and the evidence, however many versions there are; and the manifests for what is left
    Coverage(coverage::Arguments),
    /// What the evidence of some days says, for an auditor: one page, or data
    Report(report::Arguments),
    /// Whether the evidence that the verdicts leave is whole, by its signed digests
    Verify(verify::Arguments),
    /// What a verdict, check, state, failure reason or replication status means, and what to do about it
    Explain(explain::Arguments),
    /// Completions for a shell
    Completions(generate::Arguments),
    /// The manual page
    Man,
}
