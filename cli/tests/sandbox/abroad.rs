//! Replication into another account of the organisation, looked at in the name of a role there that has the
//! read-only policy.

use std::time::Duration;

use anyhow::{Context as _, Result};
use sandbox::organization::create_account;
use sandbox::wait::until;
use serde_json::{Value, json};

use crate::cloud::{ACCOUNT, Cloud, EAST, WEST, read_only};
use crate::rules::{Rule, buckets, keys, policy};

const SOURCE: &str = "abroad-src";
const COPIES: &str = "abroad-dst";
const ROLE: &str = "Reader";

fn principal(arn: &str) -> Value {
    json!({"AWS": arn})
}

/// The other account, with a role for the reader, a bucket and a key for the replicas.
async fn account(cloud: &Cloud, replicator: &str) -> Result<(String, String)> {
    // The local cloud has one by itself.
    let id = create_account(&cloud.at(EAST).config(), "other").await?;

    let there = cloud.of(&id, WEST);
    let reader = format!("arn:aws:iam::{ACCOUNT}:user/reader");
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": principal(&reader), "Action": "sts:AssumeRole"}]});
    let iam = there.iam();
    iam.create_role()
        .role_name(ROLE)
        .assume_role_policy_document(trust.to_string())
        .send()
        .await?;
    iam.put_role_policy()
        .role_name(ROLE)
        .policy_name("read-only")
        .policy_document(read_only()?)
        .send()
        .await?;

    let key = there.key().await?;
    let root = format!("arn:aws:iam::{id}:root");
    let of_key = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": principal(&root), "Action": "kms:*", "Resource": "*"},
        {"Effect": "Allow", "Principal": principal(replicator), "Resource": "*",
         "Action": ["kms:Encrypt", "kms:GenerateDataKey", "kms:Decrypt"]}]});
    let call = there.kms().put_key_policy().key_id(&key);
    call.policy_name("default")
        .policy(of_key.to_string())
        .send()
        .await?;
    there.bucket(COPIES, &key).await?;
    let of_bucket = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": principal(replicator), "Resource": format!("arn:aws:s3:::{COPIES}/*"),
         "Action": ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags",
                    "s3:ObjectOwnerOverrideToBucketOwner"]}]});
    let call = there.s3().put_bucket_policy().bucket(COPIES);
    call.policy(of_bucket.to_string()).send().await?;
    Ok((id, key))
}

pub(crate) async fn another_account_is_looked_at_by_a_role_of_its_own(cloud: &Cloud) -> Result<()> {
    let here = cloud.at(EAST);
    let own = here.key().await?;
    here.bucket(SOURCE, &own).await?;
    let replicator = format!("arn:aws:iam::{ACCOUNT}:role/abroad-role");
    // The role first: policies name it.
    here.role("abroad-role", &policy(&[buckets(SOURCE, COPIES)]))
        .await?;
    let (id, key) = account(cloud, &replicator).await?;
    let may = policy(&[
        buckets(SOURCE, COPIES),
        keys((SOURCE, &own), (COPIES, &[&key]), true),
    ]);
    let call = here.iam().put_role_policy().role_name("abroad-role");
    let call = call
        .policy_name("replicate")
        .policy_document(may.to_string());
    call.send().await?;
    let rule = Rule {
        id: "abroad",
        priority: 1,
        filter: ("", None),
        enabled: true,
        to: (COPIES, Some(&id)),
        key: Some(&key),
    };
    here.replicate(SOURCE, &replicator, vec![rule.build()?])
        .await?;
    let s3 = here.s3();
    s3.put_object().bucket(SOURCE).key("letter").send().await?;
    until("the replica", Duration::from_secs(30), async || {
        let head = s3.head_object().bucket(SOURCE).key("letter").send().await?;
        let said = head.replication_status();
        Ok(
            (said.map(aws_sdk_s3::types::ReplicationStatus::as_str) == Some("COMPLETED"))
                .then_some(()),
        )
    })
    .await?;

    let (status, found) = cloud.json(&["compare", SOURCE, "--look", "--role-name", ROLE]);
    assert_eq!(status, Some(0), "{found:#}");
    assert_eq!(found[0]["verdicts"], json!({"Compliant": 1}), "{found:#}");
    let output = cloud.run(&["compare", SOURCE]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(
        told.contains(&format!("destination {COPIES} was not looked at")),
        "{told}"
    );

    let by_role = ["--account", &id, "--role-name", ROLE, "--expect", &key];
    let (status, found) = cloud.json(&[&["audit", COPIES], &by_role[..]].concat());
    assert_eq!(status, Some(0), "{found:#}");
    assert_eq!(found[0]["verdict"], "Compliant", "{found:#}");

    let reader = format!("arn:aws:iam::{id}:role/{ROLE}");
    let (status, checks) = cloud.json(&["diagnose", SOURCE, "--assume-role", &reader]);
    assert_eq!(status, Some(0), "{checks:#}");
    let skipped = |check: &&Value| check["result"] == "SKIPPED";
    let skipped: Vec<_> = checks
        .as_array()
        .into_iter()
        .flatten()
        .filter(skipped)
        .collect();
    assert_eq!(skipped, Vec::<&Value>::new());

    // Its own rules as well, of which it has none.
    let (_, found) = cloud.json(&["scan", "--all-regions", "--role-name", ROLE]);
    let rows = found.as_array().context("no list")?;
    let unknown: Vec<_> = rows
        .iter()
        .filter(|row| row["state"] == "unknown")
        .collect();
    assert_eq!(unknown, Vec::<&Value>::new());
    let abroad = rows
        .iter()
        .find(|row| row["bucket"] == SOURCE)
        .context("no row")?;
    assert_eq!(abroad["state"], "works", "{abroad:#}");
    Ok(())
}
