//! `verify BUCKET`.

use std::path::{Path, PathBuf};

use evidence::{Day, Fault, Hash};

use super::directory::Directory;
use super::lake::Lake;
use super::line::{FaultLine, Line, Summary};
use super::signature::PublicKey;
use super::signed::Signed;
use super::walk::{Evidence, Verified, Wanted, verify};
use crate::bucket::{Bucket, Way};
use crate::failure::Failure;
use crate::output::Excerpt;
use crate::{Context, Outcome};

/// What `verify` takes.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "\
Each day's digest lists what was written to the evidence's bucket on that day, names the digest before it, and
bears a signature of a KMS key. One flipped byte, one missing or added file, one reordered day is found and named.
With --directory and --public-key nothing is asked of AWS.

Examples:
  encrypted-replication verify evidence-111122223333 --key-arn arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
  encrypted-replication verify evidence-111122223333 --from 2026-07-01 --to 2026-09-30 --public-key public.pem
  encrypted-replication verify evidence-111122223333 --public-key public.pem --report q3.html --statement q3.html.signed.json
  aws s3 sync s3://evidence-111122223333 evidence
  encrypted-replication verify evidence-111122223333 --directory evidence --public-key public.pem

Exit status: 0 all is whole, 1 something is not, 2 could not look.")]
pub struct Arguments {
    /// The evidence's bucket, which the digests name
    pub bucket: String,
    /// A copy of it, in place of the bucket itself
    #[arg(long, value_name = "DIRECTORY")]
    pub directory: Option<PathBuf>,
    /// The public key of the KMS key that signs, as PEM or DER: what the digests say of their key is not relied on
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "key_arn",
        required_unless_present = "key_arn"
    )]
    pub public_key: Option<PathBuf>,
    /// The KMS key that signs, whose public key is asked for
    #[arg(long, value_name = "ARN")]
    pub key_arn: Option<String>,
    /// The first day (UTC); else the first that has a digest
    #[arg(long, value_name = "DAY")]
    pub from: Option<Day>,
    /// The last day (UTC); else the last that has a digest
    #[arg(long, value_name = "DAY")]
    pub to: Option<Day>,
    /// SHA-256 of the last digest's file, as a report bears it: shows that no day was taken away since
    #[arg(long, value_name = "SHA256")]
    pub head: Option<Hash>,
    /// A report that was signed; with --statement
    #[arg(long, value_name = "FILE", requires = "statement")]
    pub report: Option<PathBuf>,
    /// What the sealing function answered when the report was signed
    #[arg(long, value_name = "FILE", requires = "report")]
    pub statement: Option<PathBuf>,
    /// Look at the digests alone, and at no object
    #[arg(long)]
    pub digests_only: bool,
}

/// Verifies, and tells.
///
/// # Errors
/// Where it could not look, or at a part only.
pub async fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, Failure> {
    let wanted = Wanted {
        bucket: arguments.bucket.clone(),
        from: arguments.from,
        to: arguments.to,
        head: arguments.head,
        digests_only: arguments.digests_only,
    };
    let key = match &arguments.public_key {
        Some(path) => key_of(&file(path)?, &path.display().to_string())?,
        None => asked_for(arguments.key_arn.as_deref().unwrap_or_default(), context).await?,
    };
    let signed = match (&arguments.report, &arguments.statement) {
        (Some(report), Some(statement)) => Some(Signed {
            report: Hash::of(&file(report)?),
            statement: file(statement)?,
        }),
        _ => None,
    };
    let verified = if let Some(path) = &arguments.directory {
        let directory = Directory::at(path);
        let verified = verify(&directory, &key, &wanted).await?;
        with_report(verified, signed.as_ref(), &directory, (&key, &wanted)).await?
    } else {
        let session = context.session().await?;
        let way = Way {
            session: &session,
            role_name: None,
        };
        let bucket = Bucket::find(way, &arguments.bucket, None).await?.shared();
        let lake = Lake { bucket };
        let verified = Box::pin(verify(&lake, &key, &wanted)).await?;
        let with_report = with_report(verified, signed.as_ref(), &lake, (&key, &wanted));
        Box::pin(with_report).await?
    };
    tell(&arguments.bucket, &verified, context)
}

fn file(path: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = std::fs::read(path);
    bytes.map_err(|error| Failure::Asked(format!("cannot read {}: {error}", path.display())))
}

async fn with_report(
    mut verified: Verified,
    signed: Option<&Signed>,
    evidence: &impl Evidence,
    (key, wanted): (&PublicKey, &Wanted),
) -> Result<Verified, Failure> {
    if let Some(signed) = signed {
        let why = signed.differs(evidence, key, &wanted.bucket).await?;
        let fault = why.map(|why| Fault::OtherReport { why });
        verified.outcome.faults.extend(fault);
    }
    Ok(verified)
}

fn key_of(bytes: &[u8], name: &str) -> Result<PublicKey, Failure> {
    PublicKey::read(bytes).map_err(|why| Failure::Asked(format!("{name}: {why}")))
}

/// See <https://docs.aws.amazon.com/kms/latest/APIReference/API_GetPublicKey.html>.
async fn asked_for(arn: &str, context: &Context) -> Result<PublicKey, Failure> {
    const CALL: &str = "GetPublicKey";
    let session = context.session().await?;
    let region = aws_names::Arn::parse(arn).map(|arn| arn.region);
    let region = region.unwrap_or_else(|| session.home().region.clone());
    let kms = aws_sdk_kms::Client::new(&session.config(&region));
    let answer = kms.get_public_key().key_id(arn).send().await;
    let answer = answer.map_err(|error| {
        let key = format!("key `{arn}`");
        session.failed(replication::aws::failure(CALL, &key, &region, &error))
    })?;
    let key = answer.public_key.map(aws_smithy_types::Blob::into_inner);
    key_of(&key.unwrap_or_default(), arn)
}

fn tell(bucket: &str, verified: &Verified, context: &Context) -> Result<Outcome, Failure> {
    let output = context.output;
    let faults = &verified.outcome.faults;
    let mut lines = Excerpt::new(output);
    for fault in faults {
        if lines.has_room() {
            lines.push(Line::Fault(FaultLine::of(fault)))?;
        }
    }
    let summary = Summary::of(bucket, verified);
    if output.is_for_people() {
        lines.finish()?;
        said(&summary, context)?;
    } else {
        lines.finish_with(Line::Summary(Box::new(summary)))?;
    }
    let unread = |fault: &&Fault| matches!(fault, Fault::NotRead { .. });
    let unread = faults.iter().filter(unread).count();
    if unread > 0 && unread == faults.len() {
        return Err(Failure::Incomplete(format!(
            "{unread} objects could not be read: nobody knows whether they are as they were"
        )));
    }
    Ok(Outcome::of(!faults.is_empty()))
}

fn said(summary: &Summary, context: &Context) -> Result<(), Failure> {
    let Summary {
        from,
        to,
        digests,
        objects,
        hashed,
        not_sealed_yet,
        head,
        faults,
        ..
    } = summary;
    let output = context.output;
    output.remark(format!(
        "{digests} digests from {from} to {to}, {objects} objects in them, {hashed} of which were read: {}",
        match faults {
            0 => "all is as it was sealed".to_owned(),
            faults => format!("{faults} faults"),
        }
    ))?;
    if *not_sealed_yet > 0 {
        output.remark(format!(
            "{not_sealed_yet} objects are of days without a digest as yet"
        ))?;
    }
    if let Some(head) = head {
        output.remark(format!(
            "the chain ends with {head}; that no day after {to} is missing, --to and --head show"
        ))?;
    }
    Ok(())
}
