//! What checkers and provisioners log, as an auditor gets it: by subscription and Firehose into the evidence's stack,
//! asked by the command, sealed by the function as it is released, verified, and found out when it is changed.

#![expect(
    clippy::indexing_slicing,
    reason = "what is not there reads as null, and fails the test"
)]

mod auditor;
mod lines;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_calls::{Lambda, ParameterStore};
use end_to_end::{SOURCE_REGION, STACK, World};
use sandbox::cloudformation;
use sandbox::sam::{self, ARCHITECTURE, Stack};
use sandbox::tools::target_directory;
use sandbox::verdicts;
use sandbox::wait::until;
use serde_json::{Value, json};
use tokio::time::sleep;

use self::auditor::{Answer, Auditor};

/// All in one Region, as a log group subscribes to what is in its own.
const REGION: &str = SOURCE_REGION;
const SOURCE: &str = "audited-source";
const REPLICA: &str = "audited-replica";
const EVIDENCE: &str = "audited-evidence";
const SOON: Duration = Duration::from_mins(1);

pub(super) async fn a_report_says_what_went_into_the_evidence(world: &World) -> Result<()> {
    let parameters = [
        ("SourceBucket", SOURCE),
        ("DestinationBucket", REPLICA),
        ("DestinationRegion", REGION),
    ];
    let walkthrough = "examples/walkthrough.yaml";
    world
        .deploy_with("audited", walkthrough, &parameters)
        .await?;
    // Its verdict is told before anybody keeps evidence.
    upload(world, "Tax/unheard").await?;
    let functions = Functions {
        outputs: cloudformation::outputs(&world.sandbox.config(REGION), STACK).await?,
        lambda: Lambda::new(&world.sandbox.config(REGION)),
    };
    let lake = install(world, &functions).await?;
    live(world, &functions).await?;
    lines::plant(world).await?;
    arrived(world, &lake).await?;

    let auditor = Auditor::of(world, &lake).await?;
    let sealed = lake.seal(world).await?;
    let report = auditor.report(&lines::day(3), &lines::day(0)).await?;
    figures(world, &report).await?;
    auditor.exit_statuses().await?;
    auditor.verifies(world, &report, sealed).await
}

/// The functions of `template.yaml`'s stack, invoked without SAM CLI, which takes seconds for each.
struct Functions {
    outputs: BTreeMap<String, String>,
    lambda: Lambda,
}

impl Functions {
    async fn invoke(&self, name: &str, event: &Value) -> Result<Value> {
        let function = self.outputs.get(name);
        let function = function.with_context(|| format!("no output {name}"))?;
        Ok(self.lambda.invoke(function, event).await?)
    }
}

/// The evidence's stack.
struct Lake {
    outputs: BTreeMap<String, String>,
}

impl Lake {
    fn output(&self, name: &str) -> Result<&str> {
        let found = self.outputs.get(name);
        Ok(found.with_context(|| format!("no output {name}"))?)
    }

    /// Has the function seal what was written, as if that had been two days ago: how many objects.
    async fn seal(&self, world: &World) -> Result<u64> {
        let bucket = self.output("EvidenceBucket")?;
        // Other tests log as well.
        let before = self.keys(world, "verdicts/").await?.len() as u64;
        world.sandbox.make_older(bucket, 2).await?;
        let function = self.output("SealEvidenceFunction")?;
        let lambda = Lambda::new(&world.sandbox.config(REGION));
        let answer = lambda.invoke(function, &json!({})).await?;
        let sealed = answer["sealed"].as_array().context("nothing sealed")?;
        let [day] = sealed.as_slice() else {
            anyhow::bail!("{answer:#}")
        };
        let objects = day["objects"].as_u64().context("no number")?;
        let after = self.keys(world, "verdicts/").await?.len() as u64;
        ensure!(
            (before..=after).contains(&objects) && day["undelivered"] == 0,
            "{before} to {after} objects, {answer:#}"
        );
        Ok(objects)
    }

    async fn keys(&self, world: &World, prefix: &str) -> Result<Vec<String>> {
        let s3 = world.s3(REGION);
        let list = s3.list_objects_v2().bucket(self.output("EvidenceBucket")?);
        let listed = list.prefix(prefix).send().await?;
        let keys = listed.contents().iter().filter_map(|object| object.key());
        Ok(keys.map(str::to_owned).collect())
    }
}

/// Deploys what a release has for it.
async fn install(world: &World, functions: &Functions) -> Result<Lake> {
    let template = target_directory().join(format!("package/evidence-{ARCHITECTURE}.yaml"));
    let logs = |name: &str| functions.outputs.get(name).map_or("", String::as_str);
    let stack = Stack {
        name: EVIDENCE,
        region: REGION,
        template: Some(&template.to_string_lossy()),
        account: None,
        parameters: &[
            ("Architecture", ARCHITECTURE),
            ("CheckReplicaLogGroup", logs("CheckReplicaLogGroup")),
            (
                "ProvisionReplicationLogGroup",
                logs("ProvisionReplicationLogGroup"),
            ),
            ("DatabaseName", "audited"),
        ],
    };
    sam::deploy(&world.sandbox, &stack, |_| {})
        .await
        .context("`cargo xtask package` comes first")?;
    let outputs = cloudformation::outputs(&world.sandbox.config(REGION), EVIDENCE).await?;
    Ok(Lake { outputs })
}

async fn upload(world: &World, key: &str) -> Result<verdicts::Verdict> {
    let put = world.s3(REGION).put_object();
    put.bucket(SOURCE).key(key).send().await?;
    world.verdict(REGION, REPLICA, key).await
}

/// What the functions themselves see: a good replica, one by hand, drift while another key is expected, under which
/// two replicas are wrong, of which one is looked at again when the key is right again; and a proof.
async fn live(world: &World, functions: &Functions) -> Result<()> {
    let look = json!({"Action": "DetectDrift"});
    let ask = async |question| {
        functions
            .invoke("ProvisionReplicationFunction", question)
            .await
    };
    upload(world, "Tax/good").await?;
    let put = world.s3(REGION).put_object();
    put.bucket(REPLICA).key("Tax/by hand").send().await?;
    world.verdict(REGION, REPLICA, "Tax/by hand").await?;
    ask(&look).await?;

    let store = ParameterStore::new(&world.sandbox.config(REGION));
    let path = format!("/encrypted-replication/{REPLICA}/");
    let found = store.by_path(&path, false).await?;
    let [right] = found.as_slice() else {
        anyhow::bail!("{found:?}")
    };
    let kms = aws_sdk_kms::Client::new(&world.sandbox.config(REGION));
    let other = kms.create_key().send().await?.key_metadata;
    let other = other.and_then(|key| key.arn).context("no key")?;
    let mut wrong: Value = serde_json::from_str(&right.value)?;
    wrong["rules"][0]["kmsKeyArn"] = json!(other);
    store.put(&right.name, &wrong.to_string(), "").await?;
    for key in ["Tax/wrong", "Tax/mended"] {
        let verdict = upload(world, key).await?;
        ensure!(verdict.verdict == "WrongKey", "{verdict:?}");
    }
    ask(&look).await?;
    store.put(&right.name, &right.value, "").await?;
    let event = json!({"source": "aws.s3", "detail-type": "Object Created", "region": REGION,
        "detail": {"version": "0", "bucket": {"name": REPLICA}, "object": {"key": "Tax/mended"}}});
    let answer = functions.invoke("CheckReplicaFunction", &event).await?;
    ensure!(answer["verdicts"][0]["verdict"] == "Compliant", "{answer}");
    // Lines have their time in seconds.
    sleep(Duration::from_secs(1)).await;
    ask(&look).await?;
    let prove = json!({"Action": "Prove", "StackName": "audited"});
    let answer = ask(&prove).await?;
    ensure!(
        answer["Resources"][0]["Result"] == "COMPLETED",
        "{answer:#}"
    );
    Ok(())
}

/// Waits until all that was logged lies in the lake: of the source bucket three looks, a proof, and what was planted.
async fn arrived(world: &World, lake: &Lake) -> Result<()> {
    until("the lines in the lake", SOON, async || {
        let keys = lake.keys(world, "verdicts/").await?;
        let of_source = keys
            .iter()
            .filter(|key| key.contains("bucket=audited-source/"));
        Ok((of_source.count() >= 5 && !probes(world).await?.is_empty()).then_some(()))
    })
    .await
}

/// The verdicts on probes that the checker has logged since its lines were kept, by name.
async fn probes(world: &World) -> Result<BTreeMap<String, u64>> {
    let config = world.sandbox.config(REGION);
    let group = verdicts::log_group(&config, STACK).await?;
    let mut found = BTreeMap::new();
    let unheard = world.verdict(REGION, REPLICA, "Tax/unheard").await?.time;
    for line in verdicts::read(&config, &group).await? {
        if line.bucket == REPLICA && line.probe && line.time > unheard {
            *found.entry(line.verdict).or_default() += 1;
        }
    }
    Ok(found)
}

/// Every figure is that of what went in.
async fn figures(world: &World, report: &Answer) -> Result<()> {
    let told = &report.json;
    let [bucket, source] = [&told["buckets"][0], &told["sources"][0]];
    ensure!(
        (&bucket["bucket"], &source["bucket"]) == (&json!(REPLICA), &json!(SOURCE)),
        "{told:#}"
    );
    // Of what is in the bucket: what was told of after the evidence began, and `unheard`.
    ensure!(
        bucket["coverage"] == json!({"replicas": 4, "judged": 3}),
        "{bucket:#}"
    );
    let keys: Vec<_> = list(&bucket["history"])?
        .iter()
        .map(|change| change["rules"][0]["kmsKeyArn"].as_str())
        .collect();
    ensure!(
        matches!(keys.as_slice(), [first, other, last] if first == last && other != first),
        "{bucket:#}"
    );
    let mut expected = BTreeMap::from([
        ("Compliant".to_owned(), [4, 4, 4]),
        ("Gone".to_owned(), [1, 1, 1]),
        ("NotReplica".to_owned(), [1, 1, 1]),
        ("WrongKey".to_owned(), [3, 3, 4]),
    ]);
    for (verdict, number) in probes(world).await? {
        for figure in expected.entry(verdict).or_default() {
            *figure += number;
        }
    }
    let mut counts = BTreeMap::new();
    for row in list(&bucket["counts"])? {
        let figure = |name: &str| text(row, name).parse::<u64>();
        let figures = [figure("findings")?, figure("versions")?, figure("lines")?];
        counts.insert(text(row, "verdict"), figures);
    }
    ensure!(counts == expected, "{counts:?}, expected {expected:?}");

    let findings = columns(
        &bucket["findings"],
        &["key", "verdict", "state", "repaired"],
    )?;
    ensure!(
        findings
            == [
                "Tax/ä old,WrongKey,gone,false",
                "Tax/wrong,WrongKey,open,false",
                "Tax/mended,WrongKey,mended,false",
            ],
        "{findings:?}"
    );
    ensure!(
        bucket["findings"][0]["open_minutes"] == "720"
            && bucket["findings"][0]["first_seen"] == format!("{} 23:59:59.000 UTC", lines::day(2)),
        "{bucket:#}"
    );
    let failures = columns(&bucket["failures"], &["key", "failure_reason", "state"])?;
    ensure!(
        failures
            == [
                "Tax/retried,DstKmsKeyInvalidState,replicated since",
                "Tax/never,DstPutObjectNotPermitted,open",
            ],
        "{failures:?}"
    );
    let timeline = columns(&source["timeline"], &["kind", "result", "looks", "state"])?;
    ensure!(
        timeline
            == [
                "drift,IN_SYNC,1,good",
                "drift,DRIFTED,1,over",
                "drift,IN_SYNC,1,good",
                "proof,COMPLETED,1,good",
            ],
        "{timeline:?}"
    );

    let left_out = list(&told["leftOut"])?;
    ensure!(
        left_out.contains(&json!(lines::FORGOTTEN)) && !left_out.contains(&json!(REPLICA)),
        "{left_out:?}"
    );
    let of_others = json!({"account": "111122223333", "region": REGION, "bucket": REPLICA});
    ensure!(told["notInTable"] == json!([of_others]), "{told:#}");
    for part in [
        ">3 of 4<",
        "Tax/ä old",
        lines::FORGOTTEN,
        "111122223333 in us-east-1",
        "These days were not over",
    ] {
        ensure!(report.page.contains(part), "{part}: {}", report.page);
    }
    // A row for each of these, and the columns' names.
    let rows = findings.len() + failures.len() + timeline.len() + 1;
    ensure!(report.csv.lines().count() == rows, "{}", report.csv);
    Ok(())
}

fn list(value: &Value) -> Result<&Vec<Value>> {
    value
        .as_array()
        .with_context(|| format!("no list: {value}"))
}

/// A member's text; none where there is none.
fn text(row: &Value, name: &str) -> String {
    let found = row.get(name).and_then(Value::as_str);
    found.unwrap_or_default().to_owned()
}

/// Of each row these columns, with commas.
fn columns(rows: &Value, names: &[&str]) -> Result<Vec<String>> {
    let of = |row| {
        names
            .iter()
            .map(|name| text(row, name))
            .collect::<Vec<_>>()
            .join(",")
    };
    Ok(list(rows)?.iter().map(of).collect())
}
