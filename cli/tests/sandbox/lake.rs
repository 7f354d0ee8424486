//! Evidence in its bucket, verified by whoever may only what `docs/evidence-policy.json` allows.

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{KeySpec, KeyUsageType, MessageType, SigningAlgorithmSpec};
use encrypted_replication::calls::EVIDENCE;
use evidence::{Day, Digest, Hash, Lake, Object, SCHEMA, Signature, SignedDigest, digest_key};
use expectation::Time;
use serde_json::Value;

use crate::cloud::{ACCOUNT, Cloud, EAST};

const BUCKET: &str = "evidence-of-all";
const VERDICTS: &str = "verdicts/account=000000000000/region=us-west-2/bucket=ledger-dst";

/// The policy, with the names of what it is about.
fn policy(bucket_key: &str, signing_key: &str) -> Result<String> {
    let text = std::fs::read_to_string("../docs/evidence-policy.json")?;
    let of = |name: &str| format!("arn:aws:kms:REGION:ACCOUNT:key/{name}");
    Ok(text
        .replace(&of("KEY-OF-THE-BUCKET"), bucket_key)
        .replace(&of("KEY-THAT-SIGNS"), signing_key)
        .replace("EVIDENCE-BUCKET", BUCKET)
        .replace("RESULTS-BUCKET", "answers")
        .replace("REGION", EAST)
        .replace("ACCOUNT", ACCOUNT))
}

async fn put(cloud: &Cloud, key: &str, bytes: &[u8]) -> Result<String> {
    let s3 = cloud.at(EAST).s3();
    let put = s3.put_object().bucket(BUCKET).key(key);
    let put = put.body(bytes.to_vec().into()).send().await?;
    put.version_id.context("no version")
}

/// A bucket with two objects and the digest of the day, signed by a key of KMS; the key's ARN, and the name of the
/// first object with its version.
async fn make(cloud: &Cloud) -> Result<(String, Object)> {
    let here = cloud.at(EAST);
    let of_bucket = here.key().await?;
    here.bucket(BUCKET, &of_bucket).await?;
    let made = here
        .kms()
        .create_key()
        .key_spec(KeySpec::EccNistP256)
        .key_usage(KeyUsageType::SignVerify)
        .send()
        .await?;
    let signing = made
        .key_metadata
        .and_then(|key| key.arn)
        .context("no key")?;
    let iam = here.iam();
    iam.put_user_policy()
        .user_name("reader")
        .policy_name("read-only")
        .policy_document(policy(&of_bucket, &signing)?)
        .send()
        .await?;

    let today = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let day = Day::of(i64::try_from(today)?);
    let mut objects = Vec::new();
    for name in ["a", "b"] {
        let key = format!("{VERDICTS}/day={day}/{name}.parquet");
        let bytes = format!("PAR1 {name} PAR1").into_bytes();
        objects.push(Object {
            version_id: put(cloud, &key, &bytes).await?,
            key,
            size: bytes.len() as u64,
            sha256: Hash::of(&bytes),
        });
    }
    let first = objects[0].clone();
    let digest = Digest {
        schema: SCHEMA.to_owned(),
        lake: Lake {
            account: ACCOUNT.to_owned(),
            region: EAST.to_owned(),
            bucket: BUCKET.to_owned(),
        },
        day,
        previous: None,
        made: Time::from_secs(day.next().begins()),
        key_arn: signing.clone(),
        objects,
    };
    let signed = digest.in_order().to_bytes()?;
    let signature = here
        .kms()
        .sign()
        .key_id(&signing)
        .message(Blob::new(signed.clone()))
        .message_type(MessageType::Raw)
        .signing_algorithm(SigningAlgorithmSpec::EcdsaSha256)
        .send()
        .await?;
    let signature = signature.signature.context("no signature")?;
    let file = SignedDigest::write(&signed, &Signature::new(signature.as_ref()))?;
    put(cloud, &digest_key(day), &file).await?;
    Ok((signing, first))
}

pub(crate) async fn evidence_is_verified_where_it_is_kept(cloud: &Cloud) -> Result<()> {
    let before = cloud.watched.calls();
    let (key, first) = make(cloud).await?;
    let verify = ["verify", BUCKET, "--key-arn", &key];
    let (status, found) = cloud.json(&verify);
    assert_eq!(status, Some(0), "{found:#}");
    assert_eq!(
        (&found[0]["whole"], &found[0]["hashed"]),
        (&Value::Bool(true), &Value::from(2)),
        "{found:#}"
    );

    let s3 = cloud.at(EAST).s3();
    let gone = s3.delete_object().bucket(BUCKET).key(&first.key);
    gone.version_id(&first.version_id).send().await?;
    put(cloud, &first.key, b"PAR1 a PAR1").await?;
    let (status, found) = cloud.json(&verify);
    assert_eq!(status, Some(1), "{found:#}");
    let names: Vec<_> = found
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|line| line["fault"].as_str())
        .collect();
    assert_eq!(names, ["Missing", "Extra"], "{found:#}");

    let known: BTreeSet<_> = EVIDENCE
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    let made: BTreeSet<_> = cloud.watched.calls().difference(&before).cloned().collect();
    let others: Vec<_> = made.difference(&known).collect();
    assert!(
        others.is_empty(),
        "calls that nobody was told of: {others:?}"
    );
    assert!(
        made.contains("GetObject") && made.contains("GetPublicKey"),
        "{made:?}"
    );
    Ok(())
}
