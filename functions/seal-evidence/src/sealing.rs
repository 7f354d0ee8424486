//! Seals each day of the evidence.

use evidence::aws::{Bucket, Key, SystemClock};
use evidence::seal::{Clock, Report, Sealer};
use evidence::{Hash, Lake};
use lambda_runtime::{Diagnostic, Error, LambdaEvent, run as serve, service_fn};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use crate::variables::Variables;
use crate::{EVIDENCE_BUCKET, deadline, failed, home};

/// ARN of the key that signs.
const SIGNING_KEY_ARN: &str = "SIGNING_KEY_ARN";

/// What a report's SHA-256 is given as, by whoever wants it signed.
const SIGN: &str = "Sign";

pub(crate) async fn run(variables: &Variables) -> Result<(), Error> {
    let bucket = variables.needed(EVIDENCE_BUCKET)?;
    let key = variables.needed(SIGNING_KEY_ARN)?;
    let http = sdk_environment::Http::new();
    let sdk = sdk_environment::sdk_config(variables.all(), &http)?;
    let key = &Key::new(&sdk, key);
    let (sdk, bucket) = (&sdk, &bucket);
    serve(service_fn(move |event: LambdaEvent<Value>| async move {
        let home = home(&event.context)?;
        let store = Bucket::new(sdk, bucket.clone(), home.account.clone());
        let lake = Lake {
            account: home.account,
            region: home.region,
            bucket: bucket.clone(),
        };
        let sealer = Sealer::new(lake, store, key.clone(), SystemClock);
        if let Some(hash) = event.payload.get(SIGN) {
            return sign(&sealer, hash).await;
        }
        let report = sealer.run(deadline(&event.context)).await;
        let report = report.map_err(|error| failed("NotSealed", error.to_string()))?;
        answer(&report, bucket)
    }))
    .await
}

/// Whoever may invoke the function has a report signed that was made elsewhere.
async fn sign(
    sealer: &Sealer<Bucket, Key, SystemClock>,
    hash: &Value,
) -> Result<Box<RawValue>, Diagnostic> {
    let hash = hash.as_str().unwrap_or_default().parse::<Hash>();
    let hash = hash.map_err(|error| failed("NoHash", error.to_string()))?;
    let file = sealer.state(hash).await;
    let file = file.map_err(|error| failed("NotSigned", error.to_string()))?;
    tracing::info!(sha256 = %hash, "signed a report");
    // As it is: what was signed is signed byte for byte.
    serde_json::from_slice(&file).map_err(|error| failed("NoAnswer", error.to_string()))
}

fn answer(report: &Report, bucket: &str) -> Result<Box<RawValue>, Diagnostic> {
    println!(
        "{}",
        report.metrics(bucket, SystemClock.now().secs() * 1000)
    );
    let answer = to_raw_value(report).map_err(|error| failed("NoAnswer", error.to_string()))?;
    tracing::info!(report = %answer, "sealed");
    let Some(day) = report.left else {
        return Ok(answer);
    };
    let words = format!(
        "there was no time for {day}: give the function more memory, which makes it faster"
    );
    Err(failed("OutOfTime", words))
}
