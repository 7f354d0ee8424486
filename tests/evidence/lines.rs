//! Lines that are planted in the checker's log group: of days before, twice, late, and what no report may count.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use aws_calls::{Client, Service};
use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use end_to_end::{STACK, World};
use sandbox::verdicts;
use serde_json::{Value, json};

use super::{REGION, REPLICA, SOURCE};

const LOGS: Service = Service {
    id: "CloudWatch Logs",
    prefix: "logs",
    target: "Logs_20140328",
};

/// A bucket that nothing is expected of.
pub(super) const FORGOTTEN: &str = "audited-before";

/// The day so many days ago, in UTC.
pub(super) fn day(back: i64) -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = since.map_or(0, |since| since.as_secs()).cast_signed();
    let time = DateTime::from_secs(now - back * 86_400);
    let text = time.fmt(DateTimeFormat::DateTime).unwrap_or_default();
    text.chars().take(10).collect()
}

fn line(verdict: &str, bucket: &str, key: &str, (back, time): (i64, &str)) -> Value {
    json!({
        "schema": "encrypted-replication/verdict/1",
        "id": format!("{bucket}/{key}/{verdict}"),
        "time": format!("{}T{time}Z", day(back)),
        "account": "000000000000",
        "region": REGION,
        "version": "0.1.0",
        "verdict": verdict,
        "compliant": match verdict {
            "Compliant" => Some(true),
            "Gone" => None,
            _ => Some(false),
        },
        "bucket": bucket,
        "key": key,
        "versionId": "v1",
        "reason": "it was planted",
    })
}

fn arrived(verdict: &str, key: &str, at: (i64, &str)) -> Value {
    let mut line = line(verdict, REPLICA, key, at);
    line["observed"] = json!({"algorithm": "aws:kms", "replicationStatus": "REPLICA"});
    line
}

fn failed(key: &str, reason: &str, at: (i64, &str)) -> Value {
    let mut line = line("ReplicationFailed", SOURCE, key, at);
    line["replication"] = json!({"event": "OperationFailedReplication", "failureReason": reason,
        "ruleId": "Tax", "destinationBucket": REPLICA, "operation": "OBJECT_PUT"});
    line
}

fn with(mut line: Value, name: &str, value: Value) -> Value {
    line[name] = value;
    line
}

/// Logs them, in two goes.
pub(super) async fn plant(world: &World) -> Result<()> {
    let old = "Tax/ä old";
    let never = |at| failed("Tax/never", "DstPutObjectNotPermitted", at);
    let probe = failed("Tax/probe", "DstPutObjectNotPermitted", (1, "08:00:00"));
    let first = [
        // Open over midnight, told once more on the next day, and gone then.
        arrived("WrongKey", old, (2, "23:59:59")),
        arrived("WrongKey", old, (1, "00:00:01")),
        line("Gone", REPLICA, old, (1, "12:00:00")),
        failed("Tax/retried", "DstKmsKeyInvalidState", (2, "08:00:00")),
        never((2, "08:00:01")),
        with(probe, "probe", json!(true)),
    ];
    let second = [
        // Delivered once more, and of the first moment of the first day.
        never((2, "08:00:01")),
        arrived("Compliant", "Tax/retried", (2, "09:00:00")),
        arrived("Compliant", "Tax/first moment", (3, "00:00:00")),
        line("Compliant", FORGOTTEN, "Tax/old", (3, "10:00:00")),
        // Of the day before, and of an account that the table does not know.
        arrived("WrongKey", "Tax/before", (4, "23:59:59.999")),
        with(
            arrived("WrongKey", "Tax/of others", (1, "08:00:00")),
            "account",
            json!("111122223333"),
        ),
    ];
    let config = world.sandbox.config(REGION);
    let (client, group) = (
        Client::new(&config, LOGS),
        verdicts::log_group(&config, STACK).await?,
    );
    let stream = json!({"logGroupName": group, "logStreamName": "planted"});
    client
        .call::<Value>("CreateLogStream", &stream)
        .await
        .context("no stream")?;
    for lines in [first.as_slice(), second.as_slice()] {
        let events: Vec<_> = lines
            .iter()
            .map(|line| json!({"timestamp": 1_900_000_000_000_u64, "message": line.to_string()}))
            .collect();
        let put = json!({"logGroupName": group, "logStreamName": "planted", "logEvents": events});
        client
            .call::<Value>("PutLogEvents", &put)
            .await
            .context("not logged")?;
    }
    Ok(())
}
