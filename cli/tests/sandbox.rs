//! Every command in the local cloud, as whoever may only what `docs/read-only-policy.json` allows, IAM
//! enforced: replication that somebody else set up, sound and broken, and each is told with its cause.

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::process::{Command, Output};

    use anyhow::{Context as _, Result};
    use aws_sdk_s3::types::{
        BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration,
        DeleteMarkerReplication, DeleteMarkerReplicationStatus, Destination,
        EncryptionConfiguration, ReplicationConfiguration, ReplicationRule, ReplicationRuleFilter,
        ReplicationRuleStatus, ServerSideEncryption, ServerSideEncryptionByDefault,
        ServerSideEncryptionConfiguration, ServerSideEncryptionRule, SourceSelectionCriteria,
        SseKmsEncryptedObjects, SseKmsEncryptedObjectsStatus, VersioningConfiguration,
    };
    use sandbox::{Sandbox, Tools};
    use serde_json::{Value, json};

    const EAST: &str = "us-east-1";
    const WEST: &str = "us-west-2";
    const ACCOUNT: &str = "000000000000";
    const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

    /// What somebody set up, and what is wrong with it: nothing, or this check.
    const SETUPS: [(&str, Option<&str>); 6] = [
        ("sound", None),
        ("objects-alone-in-the-context", Some("RolePermissions")),
        ("no-word-about-keys", Some("RolePermissions")),
        ("no-opt-in", Some("KmsOptIn")),
        ("disabled-key", Some("KeyUsable")),
        ("shut-out-by-a-policy", Some("BucketPolicy")),
    ];

    struct Cloud {
        sandbox: Sandbox,
        reader: (String, String),
    }

    impl Cloud {
        fn s3(&self, region: &str) -> aws_sdk_s3::Client {
            aws_sdk_s3::Client::new(&self.sandbox.config(region))
        }

        async fn key(&self, region: &str) -> Result<String> {
            let kms = aws_sdk_kms::Client::new(&self.sandbox.config(region));
            let made = kms
                .create_key()
                .send()
                .await?
                .key_metadata
                .context("no key")?;
            made.arn.context("a key without an ARN")
        }

        async fn bucket(&self, name: &str, region: &str, key: &str) -> Result<()> {
            let s3 = self.s3(region);
            let place = CreateBucketConfiguration::builder()
                .location_constraint(BucketLocationConstraint::from(region))
                .build();
            let call = s3.create_bucket().bucket(name);
            call.set_create_bucket_configuration((region != EAST).then_some(place))
                .send()
                .await?;
            let versioned = VersioningConfiguration::builder()
                .status(BucketVersioningStatus::Enabled)
                .build();
            s3.put_bucket_versioning()
                .bucket(name)
                .versioning_configuration(versioned)
                .send()
                .await?;
            let by_default = ServerSideEncryptionByDefault::builder()
                .sse_algorithm(ServerSideEncryption::AwsKms)
                .kms_master_key_id(key)
                .build()?;
            let rule = ServerSideEncryptionRule::builder()
                .apply_server_side_encryption_by_default(by_default)
                .bucket_key_enabled(true)
                .build();
            let encryption = ServerSideEncryptionConfiguration::builder()
                .rules(rule)
                .build()?;
            s3.put_bucket_encryption()
                .bucket(name)
                .server_side_encryption_configuration(encryption)
                .send()
                .await?;
            Ok(())
        }

        /// The replication of one setup, from `NAME-src` to `NAME-dst`.
        async fn set_up(&self, name: &str) -> Result<()> {
            let (source, copies) = (format!("{name}-src"), format!("{name}-dst"));
            let (own, replica) = (self.key(EAST).await?, self.key(WEST).await?);
            self.bucket(&source, EAST, &own).await?;
            self.bucket(&copies, WEST, &replica).await?;
            let iam = aws_sdk_iam::Client::new(&self.sandbox.config(EAST));
            let role = format!("{name}-role");
            let made = iam
                .create_role()
                .role_name(&role)
                .assume_role_policy_document(TRUST)
                .send()
                .await?;
            let role_arn = made.role.context("no role")?.arn;
            let policy = policy(name, (&source, &own), (&copies, &replica));
            iam.put_role_policy()
                .role_name(&role)
                .policy_name("replicate")
                .policy_document(policy.to_string())
                .send()
                .await?;
            let opted_in = SseKmsEncryptedObjects::builder()
                .status(SseKmsEncryptedObjectsStatus::Enabled)
                .build()?;
            let takes = SourceSelectionCriteria::builder()
                .sse_kms_encrypted_objects(opted_in)
                .build();
            let to = Destination::builder().bucket(format!("arn:aws:s3:::{copies}"));
            let under = EncryptionConfiguration::builder()
                .replica_kms_key_id(&replica)
                .build();
            let opts_in = name != "no-opt-in";
            let rule = ReplicationRule::builder()
                .id("all")
                .priority(1)
                .status(ReplicationRuleStatus::Enabled)
                .filter(ReplicationRuleFilter::builder().prefix("").build())
                .delete_marker_replication(
                    DeleteMarkerReplication::builder()
                        .status(DeleteMarkerReplicationStatus::Disabled)
                        .build(),
                )
                .set_source_selection_criteria(opts_in.then_some(takes))
                .destination(
                    to.set_encryption_configuration(opts_in.then_some(under))
                        .build()?,
                )
                .build()?;
            let rules = ReplicationConfiguration::builder()
                .role(role_arn)
                .rules(rule)
                .build()?;
            self.s3(EAST)
                .put_bucket_replication()
                .bucket(&source)
                .replication_configuration(rules)
                .send()
                .await?;
            match name {
                "disabled-key" => {
                    let kms = aws_sdk_kms::Client::new(&self.sandbox.config(WEST));
                    kms.disable_key().key_id(&replica).send().await?;
                }
                "shut-out-by-a-policy" => {
                    let policy = json!({"Version": "2012-10-17", "Statement": [{"Sid": "Guard", "Effect": "Deny",
                        "Principal": "*", "Action": "s3:ReplicateObject", "Resource": format!("arn:aws:s3:::{copies}/*")}]});
                    let s3 = self.s3(WEST);
                    s3.put_bucket_policy()
                        .bucket(&copies)
                        .policy(policy.to_string())
                        .send()
                        .await?;
                }
                _ => {}
            }
            Ok(())
        }

        /// The command, as the reader.
        fn run(&self, arguments: &[&str]) -> Output {
            let mut command = Command::new(env!("CARGO_BIN_EXE_encrypted-replication"));
            command
                .args(arguments)
                .env_clear()
                .env("HOME", "/nonexistent");
            command
                .env("AWS_ENDPOINT_URL", self.sandbox.endpoint())
                .env("AWS_REGION", EAST);
            command
                .env("AWS_ACCESS_KEY_ID", &self.reader.0)
                .env("AWS_SECRET_ACCESS_KEY", &self.reader.1);
            command.output().unwrap()
        }

        fn json(&self, arguments: &[&str]) -> (Option<i32>, Value) {
            let output = self.run(&[arguments, &["--output", "json"]].concat());
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            let json = serde_json::from_slice(&output.stdout);
            (
                output.status.code(),
                json.unwrap_or_else(|error| panic!("{arguments:?}: {error}: {told}")),
            )
        }
    }

    fn policy(name: &str, (source, own): (&str, &str), (copies, replica): (&str, &str)) -> Value {
        let of = |region: &str, bucket: &str| {
            let mut contexts = vec![format!("arn:aws:s3:::{bucket}/*")];
            if name != "objects-alone-in-the-context" {
                contexts.push(format!("arn:aws:s3:::{bucket}"));
            }
            json!({"StringLike": {"kms:ViaService": format!("s3.{region}.amazonaws.com"),
                                  "kms:EncryptionContext:aws:s3:arn": contexts}})
        };
        let mut statements = vec![
            json!({"Effect": "Allow", "Action": ["s3:GetReplicationConfiguration", "s3:ListBucket"],
                   "Resource": format!("arn:aws:s3:::{source}")}),
            json!({"Effect": "Allow", "Resource": format!("arn:aws:s3:::{source}/*"),
                   "Action": ["s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging",
                              "s3:GetObjectVersionAnnotationForReplication"]}),
            json!({"Effect": "Allow", "Action": ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"],
                   "Resource": format!("arn:aws:s3:::{copies}/*")}),
        ];
        if name != "no-word-about-keys" {
            statements.extend([
                json!({"Effect": "Allow", "Action": "kms:Decrypt", "Resource": own, "Condition": of(EAST, source)}),
                json!({"Effect": "Allow", "Action": ["kms:Encrypt", "kms:GenerateDataKey", "kms:Decrypt"],
                       "Resource": replica, "Condition": of(WEST, copies)}),
            ]);
        }
        json!({"Version": "2012-10-17", "Statement": statements})
    }

    async fn open() -> Result<Cloud> {
        let tools = Tools::install(|_| {}).await?;
        let sandbox = Sandbox::start(&tools, 0).await?;
        let iam = aws_sdk_iam::Client::new(&sandbox.config(EAST));
        iam.create_user().user_name("reader").send().await?;
        iam.put_user_policy()
            .user_name("reader")
            .policy_name("read-only")
            .policy_document(std::fs::read_to_string("../docs/read-only-policy.json")?)
            .send()
            .await?;
        let made = iam.create_access_key().user_name("reader").send().await?;
        let key = made.access_key.context("no access key")?;
        Ok(Cloud {
            sandbox,
            reader: (key.access_key_id, key.secret_access_key),
        })
    }

    /// One cloud for all that is looked at.
    #[tokio::test(flavor = "multi_thread")]
    async fn what_others_set_up_is_told_with_its_cause_by_the_policy_alone() -> Result<()> {
        let cloud = open().await?;
        every_command_has_what_it_needs(&cloud).await?;
        whoever_lacks_a_permission_hears_which(&cloud).await
    }

    async fn every_command_has_what_it_needs(cloud: &Cloud) -> Result<()> {
        for (name, _) in SETUPS {
            cloud.set_up(name).await?;
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

    async fn whoever_lacks_a_permission_hears_which(cloud: &Cloud) -> Result<()> {
        let iam = aws_sdk_iam::Client::new(&cloud.sandbox.config(EAST));
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
}
