//! Answers AWS Config, and sweeps what has no verdict.

use std::time::Duration;

use aws_names::Home;
use evidence::Inventories;
use evidence::asking::{Asker, Request};
use evidence::aws::{Account, Bucket, Places, SystemClock};
use evidence::seal::Clock;
use expectation::Time;
use lambda_runtime::{Diagnostic, Error, LambdaEvent, run as serve, service_fn};
use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;

use crate::variables::Variables;
use crate::{EVIDENCE_BUCKET, deadline, failed, home};

/// Athena's workgroup.
pub(crate) const ATHENA_WORK_GROUP: &str = "ATHENA_WORK_GROUP";
/// The database of the tables.
const ATHENA_DATABASE: &str = "ATHENA_DATABASE";
/// Where S3 Inventory of the destination buckets is; without it there is none.
const INVENTORY_LOCATION: &str = "INVENTORY_LOCATION";
/// Name of the inventory configuration.
const INVENTORY_ID: &str = "INVENTORY_ID";
/// How many days of verdicts are asked about.
const LOOK_BACK_DAYS: &str = "LOOK_BACK_DAYS";
/// Name of the checker's function; without it nothing is swept.
const CHECK_REPLICA_FUNCTION: &str = "CHECK_REPLICA_FUNCTION";

pub(crate) async fn run(variables: &Variables) -> Result<(), Error> {
    let days = variables.needed(LOOK_BACK_DAYS)?;
    let days: u16 = days
        .parse()
        .map_err(|_| format!("environment variable {LOOK_BACK_DAYS} is `{days}`: expected days"))?;
    let http = sdk_environment::Http::new();
    let sdk = &sdk_environment::sdk_config(variables.all(), &http)?;
    let lake = variables.needed(EVIDENCE_BUCKET)?;
    // Whose bucket it is an invocation says.
    let places = |account: &str, until: Instant| -> Result<Places, Error> {
        Ok(Places {
            work_group: variables.needed(ATHENA_WORK_GROUP)?,
            database: variables.needed(ATHENA_DATABASE)?,
            inventories: inventories(variables)?,
            checker: variables.get(CHECK_REPLICA_FUNCTION).map(str::to_owned),
            lake: Bucket::new(sdk, lake.clone(), account.to_owned()),
            until,
        })
    };
    let places = &places;
    // What is wrong with them is told at the start, and not by the first event.
    places("", Instant::now())?;
    serve(service_fn(move |event: LambdaEvent<Value>| async move {
        let home = home(&event.context)?;
        let deadline = deadline(&event.context);
        let places = places(&home.account, instant(deadline));
        let places = places.map_err(|error| failed("NoPlaces", error.to_string()))?;
        let account = Account::new(sdk, places);
        let asker = Asker::new(account, i64::from(days));
        if event.payload.get("invokingEvent").is_some() {
            evaluate(&asker, &event.payload, &home).await
        } else {
            let sweep = asker.sweep(SystemClock.now(), || SystemClock.now() < deadline);
            let sweep = sweep.await;
            let sweep = sweep.map_err(|error| failed("NotSwept", error.to_string()))?;
            let faults = sweep.buckets.iter().filter_map(|bucket| {
                let why = bucket.failed.as_ref()?;
                Some(format!("{}: {why}", bucket.bucket))
            });
            answer(&sweep, &faults.collect::<Vec<_>>())
        }
    }))
    .await
}

/// The same by the clock that never goes back; Lambda gives a quarter of an hour at most.
fn instant(time: Time) -> Instant {
    let left = time.secs().saturating_sub(SystemClock.now().secs());
    Instant::now() + Duration::from_secs(left.clamp(0, 900).unsigned_abs())
}

async fn evaluate(asker: &Asker<Account>, event: &Value, home: &Home) -> Result<Value, Diagnostic> {
    let request = Request::read(event);
    let request = request.map_err(|error| failed("NoRequest", error.to_string()))?;
    if request.account != home.account {
        // Whose buckets are to be told, by whose expectations: neither is here.
        let words = format!(
            "the rule is of account {}, and only the buckets of {} are known here: install a rule and the evidence's \
             stack there",
            request.account, home.account
        );
        return Err(failed("OtherAccount", words));
    }
    let evaluated = asker.evaluate(&request).await;
    let evaluated = evaluated.map_err(|error| failed("NotEvaluated", error.to_string()))?;
    answer(&evaluated, &evaluated.failed)
}

fn inventories(variables: &Variables) -> Result<Option<Inventories>, Error> {
    let Some(location) = variables.get(INVENTORY_LOCATION) else {
        return Ok(None);
    };
    let id = variables.needed(INVENTORY_ID)?;
    let place = Inventories::at(location, &id).ok_or_else(|| {
        format!(
            "environment variable {INVENTORY_LOCATION} is `{location}`: expected s3://BUCKET/PREFIX"
        )
    })?;
    Ok(Some(place))
}

/// What was done; an error where not all of it was.
fn answer(done: &impl Serialize, faults: &[String]) -> Result<Value, Diagnostic> {
    let answer =
        serde_json::to_value(done).map_err(|error| failed("NoAnswer", error.to_string()))?;
    tracing::info!(answer = %answer, "asked");
    if faults.is_empty() {
        return Ok(answer);
    }
    Err(failed("NotForAllBuckets", faults.join("; ")))
}
