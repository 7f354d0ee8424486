//! Replication that somebody else set up, sound and broken: each is told with its cause.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::cloud::{ACCOUNT, Cloud, EAST, WEST};
use crate::rules::{Rule, buckets, keys, policy};

/// What somebody set up, and what is wrong with it: nothing, or this check.
const SETUPS: [(&str, Option<&str>); 6] = [
    ("sound", None),
    ("objects-alone-in-the-context", Some("RolePermissions")),
    ("no-word-about-keys", Some("RolePermissions")),
    ("no-opt-in", Some("KmsOptIn")),
    ("disabled-key", Some("KeyUsable")),
    ("shut-out-by-a-policy", Some("BucketPolicy")),
];

/// The replication of one setup, from `NAME-src` to `NAME-dst`.
async fn set_up(cloud: &Cloud, name: &str) -> Result<()> {
    let (source, copies) = (format!("{name}-src"), format!("{name}-dst"));
    let (here, there) = (cloud.at(EAST), cloud.at(WEST));
    let (own, replica) = (here.key().await?, there.key().await?);
    here.bucket(&source, &own).await?;
    there.bucket(&copies, &replica).await?;
    let both = name != "objects-alone-in-the-context";
    let of_keys = keys((&source, &own), (&copies, &[&replica]), both);
    let of_keys = if name == "no-word-about-keys" {
        Vec::new()
    } else {
        of_keys
    };
    let may = policy(&[buckets(&source, &copies), of_keys]);
    let role = here.role(&format!("{name}-role"), &may).await?;
    let everything = Rule {
        id: "all",
        priority: 1,
        filter: ("", None),
        enabled: true,
        to: (&copies, None),
        key: (name != "no-opt-in").then_some(replica.as_str()),
    };
    here.replicate(&source, &role, vec![everything.build()?])
        .await?;
    match name {
        "disabled-key" => {
            there.kms().disable_key().key_id(&replica).send().await?;
        }
        "shut-out-by-a-policy" => {
            let policy = json!({"Version": "2012-10-17", "Statement": [{"Sid": "Guard", "Effect": "Deny",
                "Principal": "*", "Action": "s3:ReplicateObject", "Resource": format!("arn:aws:s3:::{copies}/*")}]});
            there
                .s3()
                .put_bucket_policy()
                .bucket(&copies)
                .policy(policy.to_string())
                .send()
                .await?;
        }
        _ => {}
    }
    Ok(())
}

pub(crate) async fn every_cause_is_told(cloud: &Cloud) -> Result<()> {
    for (name, _) in SETUPS {
        set_up(cloud, name).await?;
    }

    let (status, found) = cloud.json(&["scan", "--all-regions"]);
    assert_eq!(status, Some(1), "{found:#}");
    let rows: BTreeMap<_, _> = found
        .as_array()
        .context("no list")?
        .iter()
        .map(|row| (row["bucket"].as_str().unwrap_or_default(), row))
        .collect();
    assert_eq!(rows.len(), SETUPS.len(), "{found:#}");
    for (name, wrong) in SETUPS {
        let row = rows.get(format!("{name}-src").as_str()).context(name)?;
        assert_eq!(row["account"], ACCOUNT);
        match wrong {
            None => assert_eq!(row["state"], "works", "{row:#}"),
            Some(check) => {
                assert_eq!(
                    (&row["state"], &row["checks"][0]),
                    (&json!("broken"), &json!(check)),
                    "{row:#}"
                );
            }
        }
    }

    for (name, wrong) in SETUPS {
        let (status, checks) = cloud.json(&["diagnose", &format!("{name}-src")]);
        assert_eq!(
            status,
            Some(i32::from(wrong.is_some())),
            "{name}: {checks:#}"
        );
        let checks = checks.as_array().context("no list")?;
        for check in checks {
            let result = check["result"].as_str().unwrap_or_default();
            assert_ne!(result, "SKIPPED", "the policy lacks something: {check:#}");
            if result == "FAIL" {
                assert_eq!(check["check"].as_str(), wrong, "{name}: {check:#}");
            }
        }
    }

    // One that is there: of one that is not, the first read says so, and the others may not have been sent.
    let create = cloud.at(EAST).s3().create_bucket();
    create.bucket("planned-src").send().await?;
    let properties = json!({"SourceBucket": "planned-src", "Rules": [{"Filter": {"Prefix": "new/"},
        "Destination": {"Bucket": "arn:aws:s3:::planned-dst", "Region": WEST}}]});
    let file = std::env::temp_dir().join(format!("properties-{}.json", std::process::id()));
    std::fs::write(&file, properties.to_string())?;
    let (status, plan) = cloud.json(&["plan", file.to_str().context("a path")?]);
    std::fs::remove_file(&file)?;
    assert_eq!(status, Some(1), "{plan:#}");
    assert!(
        plan["Phases"].to_string().contains("planned-dst"),
        "{plan:#}"
    );

    let (status, drift) = cloud.json(&["drift"]);
    assert_eq!((status, &drift), (Some(0), &json!([])));
    Ok(())
}

pub(crate) async fn whoever_lacks_a_permission_hears_which(cloud: &Cloud) -> Result<()> {
    let iam = cloud.at(EAST).iam();
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*",
        "Action": ["s3:ListAllMyBuckets", "s3:ListBucket", "s3:GetBucketVersioning"]}]});
    iam.put_user_policy()
        .user_name("reader")
        .policy_name("read-only")
        .policy_document(policy.to_string())
        .send()
        .await?;
    let output = cloud.run(&["diagnose", "sound-src"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    for part in [
        "GetBucketReplication",
        "sound-src",
        EAST,
        ACCOUNT,
        "s3:GetReplicationConfiguration on",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    Ok(())
}
