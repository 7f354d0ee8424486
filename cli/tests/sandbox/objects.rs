//! Versions in every state that `compare` and `audit` tell apart, seen in what they print.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use sandbox::wait::until;
use serde_json::{Value, json};

use crate::cloud::{Cloud, EAST, WEST};
use crate::rules::{Rule, buckets, keys, policy};

const SOURCE: &str = "ledger-src";
const COPIES: &str = "ledger-dst";
/// What a listing has to encode, or a client to decode.
const HARD: &str = "ü/a b+c%20d";

/// What is set up.
struct Ledger<'a> {
    cloud: &'a Cloud,
    role: String,
    replica: String,
    other: String,
}

impl Ledger<'_> {
    /// Its rules: for everything, and for what is tagged below `t/`.
    async fn rules(&self, enabled: bool, key: &str) -> Result<()> {
        let rule = |id, priority, filter| Rule {
            id,
            priority,
            filter,
            enabled,
            to: (COPIES, None),
            key: Some(key),
        };
        let all = rule("all", 1, ("", None)).build()?;
        let tagged = rule("tagged", 2, ("t/", Some(("replicate", "yes")))).build()?;
        let here = self.cloud.at(EAST);
        here.replicate(SOURCE, &self.role, vec![all, tagged]).await
    }

    /// Uploads, and waits until S3 says this of it, or nothing.
    async fn upload(&self, key: &str, status: Option<&str>) -> Result<String> {
        let s3 = self.cloud.at(EAST).s3();
        let put = s3.put_object().bucket(SOURCE).key(key).send().await?;
        until(key, Duration::from_secs(30), async || {
            let head = s3.head_object().bucket(SOURCE).key(key).send().await?;
            let said = head.replication_status();
            Ok((said.map(aws_sdk_s3::types::ReplicationStatus::as_str) == status).then_some(()))
        })
        .await?;
        put.version_id.context("no version")
    }

    /// One version in each state.
    async fn fill(&self) -> Result<()> {
        let (here, there) = (self.cloud.at(EAST).s3(), self.cloud.at(WEST));
        self.upload("before-the-rules", None).await?;
        // S3 tells times to the second.
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        self.rules(true, &self.replica).await?;
        for key in [HARD, "hidden", "claimed", "deleted", "deleted-since"] {
            self.upload(key, Some("COMPLETED")).await?;
        }
        self.rules(true, &self.other).await?;
        self.upload("under-another-key", Some("COMPLETED")).await?;
        self.rules(true, &self.replica).await?;

        there
            .kms()
            .disable_key()
            .key_id(&self.replica)
            .send()
            .await?;
        self.upload("failed", Some("FAILED")).await?;
        there
            .kms()
            .enable_key()
            .key_id(&self.replica)
            .send()
            .await?;

        self.rules(false, &self.replica).await?;
        self.upload("missing", None).await?;
        self.upload("t/missing", None).await?;
        self.rules(true, &self.replica).await?;

        let s3 = there.s3();
        let head = s3
            .head_object()
            .bucket(COPIES)
            .key("claimed")
            .send()
            .await?;
        let claimed = s3.delete_object().bucket(COPIES).key("claimed");
        claimed.set_version_id(head.version_id).send().await?;
        s3.delete_object()
            .bucket(COPIES)
            .key("hidden")
            .send()
            .await?;
        s3.put_object().bucket(COPIES).key("extra").send().await?;

        here.delete_object()
            .bucket(SOURCE)
            .key("deleted")
            .send()
            .await?;
        let since = here
            .head_object()
            .bucket(SOURCE)
            .key("deleted-since")
            .send()
            .await?;
        let since = here
            .delete_object()
            .bucket(SOURCE)
            .key("deleted-since")
            .set_version_id(since.version_id);
        since.send().await?;
        // What is written at the destination after a comparison began is none of it.
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        Ok(())
    }
}

/// By key, what a member of each line says.
fn said<'a>(lines: &'a Value, schema: &str, member: &str) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut said: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for line in lines.as_array().into_iter().flatten() {
        if line["schema"] == schema {
            let key = line["key"].as_str().unwrap_or_default();
            said.entry(key)
                .or_default()
                .push(line[member].as_str().unwrap_or_default());
        }
    }
    said
}

fn summary(lines: &Value) -> &Value {
    let last = lines.as_array().and_then(|lines| lines.last());
    last.unwrap_or(&Value::Null)
}

pub(crate) async fn every_state_is_told(cloud: &Cloud) -> Result<()> {
    let (here, there) = (cloud.at(EAST), cloud.at(WEST));
    let own = here.key().await?;
    let (replica, other) = (there.key().await?, there.key().await?);
    here.bucket(SOURCE, &own).await?;
    there.bucket(COPIES, &replica).await?;
    let may = policy(&[
        buckets(SOURCE, COPIES),
        keys((SOURCE, &own), (COPIES, &[&replica, &other]), true),
    ]);
    let ledger = Ledger {
        cloud,
        role: here.role("ledger-role", &may).await?,
        replica,
        other,
    };
    ledger.fill().await?;
    compared(cloud)?;
    audited(cloud, &ledger.replica);
    Ok(())
}

fn compared(cloud: &Cloud) -> Result<()> {
    let manifest = std::env::temp_dir().join(format!("manifest-{}.csv", std::process::id()));
    let file = manifest.to_str().context("a path")?;
    let (status, found) = cloud.json(&["compare", SOURCE, "--look", "--all", "--manifest", file]);
    let again = std::fs::read_to_string(&manifest)?;
    std::fs::remove_file(&manifest)?;
    assert_eq!(status, Some(1), "{found:#}");
    let told = said(&found, "encrypted-replication/comparison/1", "state");
    let expected = BTreeMap::from([
        ("before-the-rules", vec!["OlderThanRule"]),
        ("claimed", vec!["ClaimedCompleted"]),
        ("deleted", vec!["NotCovered"]),
        ("deleted-since", vec!["Extra"]),
        ("extra", vec!["Extra"]),
        ("failed", vec!["Failed"]),
        ("hidden", vec!["ExtraDeleteMarker"]),
        ("missing", vec!["Missing"]),
        ("t/missing", vec!["Missing"]),
    ]);
    assert_eq!(told, expected, "{found:#}");
    let verdicts = said(&found, "encrypted-replication/verdict/1", "verdict");
    let expected = BTreeMap::from([
        (HARD, vec!["Compliant"]),
        ("deleted", vec!["Compliant"]),
        ("hidden", vec!["Compliant"]),
        ("under-another-key", vec!["WrongKey"]),
    ]);
    assert_eq!(verdicts, expected, "{found:#}");
    let keys: Vec<_> = again
        .lines()
        .filter_map(|line| line.split(',').nth(1))
        .collect();
    // What S3 never took up waits for the end.
    assert_eq!(keys.len(), 4, "{again}");
    for key in ["claimed", "failed", "missing", "t%2Fmissing"] {
        let slash = key.replace("%2F", "/");
        assert!(
            keys.contains(&key) || keys.contains(&slash.as_str()),
            "{again}"
        );
    }
    let summary = summary(&found);
    assert_eq!(
        (
            &summary["complete"],
            &summary["findings"],
            &summary["manifest"]
        ),
        (&json!(true), &json!(5), &json!(4)),
        "{summary:#}"
    );
    Ok(())
}

fn audited(cloud: &Cloud, key: &str) {
    let (status, found) = cloud.json(&["audit", COPIES, "--expect", key]);
    assert_eq!(status, Some(1), "{found:#}");
    let verdicts = said(&found, "encrypted-replication/verdict/1", "verdict");
    let expected = BTreeMap::from([
        (HARD, vec!["Compliant"]),
        ("deleted", vec!["Compliant"]),
        ("deleted-since", vec!["Compliant"]),
        ("extra", vec!["NotReplica"]),
        ("hidden", vec!["Compliant"]),
        ("under-another-key", vec!["WrongKey"]),
    ]);
    assert_eq!(verdicts, expected, "{found:#}");
    let summary = summary(&found);
    assert_eq!(
        (&summary["complete"], &summary["findings"]),
        (&json!(true), &json!(1)),
        "{summary:#}"
    );
}
