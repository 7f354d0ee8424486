//! What the demo does to the cloud, with the credentials of whoever plays it.

use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use aws_config::SdkConfig;
use aws_sdk_s3::operation::head_object::HeadObjectError;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ReplicationConfiguration, ReplicationStatus, ServerSideEncryption};
use sandbox::wait::until;
use sandbox::{Clients, verdicts};

use crate::aws::{self, Under, create_key, default_key};

use super::setting::Setting;
use crate::installed::{REPLICA_REGION, SOURCE_REGION};

/// The shortest that KMS knows.
const DAYS_TO_DELETION: i32 = 7;

/// Clients, and the keys that the stack made.
pub(crate) struct Cloud {
    pub(crate) setting: Setting,
    source: aws_sdk_s3::Client,
    destination: aws_sdk_s3::Client,
    source_keys: aws_sdk_kms::Client,
    replica_keys: aws_sdk_kms::Client,
    source_logs: SdkConfig,
    replica_logs: SdkConfig,
    /// Keys that the demo made, not the stack.
    own_keys: Mutex<Vec<(aws_sdk_kms::Client, String)>>,
    /// The replication configuration as the stack made it.
    configuration: ReplicationConfiguration,
    /// The default key of the source bucket.
    pub(crate) source_key: String,
    /// The key that the rule names for the replicas.
    pub(crate) replica_key: String,
}

/// An object version, and when its upload was done.
#[derive(Clone, Debug)]
pub(crate) struct Uploaded {
    /// Its key.
    pub(crate) key: String,
    /// Its version in the source bucket.
    pub(crate) version: String,
    /// Milliseconds since 1970.
    pub(crate) time: i64,
}

/// A replica, as a HEAD shows it.
#[derive(Clone, Debug)]
pub(crate) struct Replica {
    /// Its version in the destination bucket.
    pub(crate) version: String,
    /// The key it is under.
    pub(crate) key: Option<String>,
}

/// How many object versions there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    /// In the source bucket.
    pub(crate) source: usize,
    /// In the destination bucket.
    pub(crate) destination: usize,
}

impl Cloud {
    /// Reads the replication configuration and the keys.
    pub(crate) async fn open(place: &impl Clients, setting: &Setting) -> Result<Self> {
        let [here, there] = [SOURCE_REGION, REPLICA_REGION].map(|region| place.config(region));
        let source = aws_sdk_s3::Client::new(&here);
        let configuration = source
            .get_bucket_replication()
            .bucket(&setting.source_bucket)
            .send()
            .await
            .context("cannot read the replication configuration of the source bucket")?
            .replication_configuration
            .context("the source bucket has no replication configuration")?;
        let replica_key = configuration
            .rules()
            .first()
            .and_then(|rule| {
                rule.destination()?
                    .encryption_configuration()?
                    .replica_kms_key_id()
            })
            .context("the rule names no key for the replicas")?
            .to_owned();
        Ok(Self {
            source_key: default_key(&source, &setting.source_bucket).await?,
            replica_key,
            configuration,
            destination: aws_sdk_s3::Client::new(&there),
            source,
            source_keys: aws_sdk_kms::Client::new(&here),
            replica_keys: aws_sdk_kms::Client::new(&there),
            source_logs: here,
            replica_logs: there,
            own_keys: Mutex::default(),
            setting: setting.clone(),
        })
    }

    /// Uploads a small object. Without `kms_key`, it is encrypted with SSE-S3.
    pub(crate) async fn put(&self, key: &str, kms_key: Option<&str>) -> Result<Uploaded> {
        let algorithm = match kms_key {
            Some(_) => ServerSideEncryption::AwsKms,
            None => ServerSideEncryption::Aes256,
        };
        let answer = self
            .source
            .put_object()
            .bucket(&self.setting.source_bucket)
            .key(key)
            .server_side_encryption(algorithm)
            .set_ssekms_key_id(kms_key.map(str::to_owned))
            .body(ByteStream::from_static(b"confidential"))
            .send()
            .await
            .with_context(|| format!("cannot upload `{key}`"))?;
        uploaded(key, answer.version_id)
    }

    /// Uploads an object of two parts.
    pub(crate) async fn put_in_parts(&self, key: &str, kms_key: &str) -> Result<Uploaded> {
        let under = Under::key(kms_key);
        let version =
            aws::put_in_parts(&self.source, &self.setting.source_bucket, key, under).await?;
        uploaded(key, version)
    }

    /// Creates a key in the source's Region that the replication role knows nothing of.
    pub(crate) async fn create_second_source_key(&self) -> Result<String> {
        self.create_own_key(&self.source_keys, "a second key for source objects", None)
            .await
    }

    /// Creates a key in the replicas' Region that the replication role may use.
    pub(crate) async fn create_wrong_replica_key(&self) -> Result<String> {
        let policy = aws::policy_for(self.configuration.role(), &self.replica_key)?;
        let description = "a key that is not the replicas'";
        self.create_own_key(&self.replica_keys, description, Some(policy))
            .await
    }

    async fn create_own_key(
        &self,
        keys: &aws_sdk_kms::Client,
        description: &str,
        policy: Option<String>,
    ) -> Result<String> {
        let arn = create_key(keys, description, policy).await?;
        let mut own = self.own_keys.lock().unwrap_or_else(PoisonError::into_inner);
        own.push((keys.clone(), arn.clone()));
        Ok(arn)
    }

    /// Schedules the deletion of the keys that no stack knows of.
    pub(crate) async fn schedule_deletion_of_own_keys(&self) -> Result<()> {
        let own = self
            .own_keys
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        for (keys, arn) in own {
            keys.schedule_key_deletion()
                .key_id(&arn)
                .pending_window_in_days(DAYS_TO_DELETION)
                .send()
                .await
                .with_context(|| format!("cannot schedule the deletion of key `{arn}`"))?;
        }
        Ok(())
    }

    /// Removes every object version and delete marker from both buckets.
    pub(crate) async fn empty(&self) -> Result<()> {
        let Setting {
            source_bucket,
            destination_bucket,
            ..
        } = &self.setting;
        empty(&self.source, source_bucket).await?;
        empty(&self.destination, destination_bucket).await
    }

    /// Checks that the deleted stack has taken its buckets with it.
    pub(crate) async fn check_no_bucket_left(&self) -> Result<()> {
        let Setting {
            source_bucket,
            destination_bucket,
            ..
        } = &self.setting;
        for (s3, bucket) in [
            (&self.source, source_bucket),
            (&self.destination, destination_bucket),
        ] {
            let head = s3.head_bucket().bucket(bucket).send().await;
            ensure!(
                head.is_err(),
                "the stack is deleted, but bucket `{bucket}` is still there"
            );
        }
        Ok(())
    }

    /// Waits until a change is in force, where that takes time.
    pub(crate) async fn changes_in_force(&self) {
        tokio::time::sleep(self.setting.in_force_after).await;
    }

    /// Writes the replication configuration with another key for the replicas.
    pub(crate) async fn point_rule_at(&self, kms_key: &str) -> Result<()> {
        let mut configuration = self.configuration.clone();
        for rule in &mut configuration.rules {
            let Some(encryption) = rule
                .destination
                .as_mut()
                .and_then(|to| to.encryption_configuration.as_mut())
            else {
                continue;
            };
            encryption.replica_kms_key_id = Some(kms_key.to_owned());
        }
        self.source
            .put_bucket_replication()
            .bucket(&self.setting.source_bucket)
            .replication_configuration(configuration)
            .send()
            .await
            .context("cannot write the replication configuration")?;
        Ok(())
    }

    /// Disables the replicas' key.
    pub(crate) async fn disable_replica_key(&self) -> Result<()> {
        let request = self.replica_keys.disable_key().key_id(&self.replica_key);
        request
            .send()
            .await
            .context("cannot disable the replicas' key")?;
        Ok(())
    }

    /// Enables the replicas' key.
    pub(crate) async fn enable_replica_key(&self) -> Result<()> {
        let request = self.replica_keys.enable_key().key_id(&self.replica_key);
        request
            .send()
            .await
            .context("cannot enable the replicas' key")?;
        Ok(())
    }

    /// The source version's replication status once S3 has made up its mind; none where no rule
    /// applies to the object.
    pub(crate) async fn source_status(&self, object: &Uploaded) -> Result<Option<String>> {
        let what = format!("the replication of `{}`", object.key);
        until(&what, self.setting.replication_limit, async || {
            let head = self
                .source
                .head_object()
                .bucket(&self.setting.source_bucket)
                .key(&object.key)
                .version_id(&object.version)
                .send()
                .await?;
            Ok(match head.replication_status {
                Some(ReplicationStatus::Pending) => None,
                other => Some(other.map(|status| status.as_str().to_owned())),
            })
        })
        .await
    }

    /// The replica of an object, if there is one.
    pub(crate) async fn replica(&self, key: &str) -> Result<Option<Replica>> {
        let answer = self
            .destination
            .head_object()
            .bucket(&self.setting.destination_bucket)
            .key(key)
            .send()
            .await;
        match answer {
            Ok(head) => Ok(Some(Replica {
                version: head.version_id.context("a replica has no version id")?,
                key: head.ssekms_key_id,
            })),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(HeadObjectError::is_not_found) =>
            {
                Ok(None)
            }
            Err(error) => Err(error).with_context(|| format!("cannot look at replica `{key}`")),
        }
    }

    /// Every verdict so far, of both Regions' checkers.
    pub(crate) async fn verdicts(&self) -> Result<Vec<verdicts::Verdict>> {
        let (mut all, more) = tokio::try_join!(
            self.verdicts_in(&self.source_logs),
            self.verdicts_in(&self.replica_logs),
        )?;
        all.extend(more);
        Ok(all)
    }

    async fn verdicts_in(&self, config: &SdkConfig) -> Result<Vec<verdicts::Verdict>> {
        let log_group = verdicts::log_group(config, self.setting.stack).await?;
        verdicts::read(config, &log_group).await
    }

    /// The log group of the checker beside the replicas.
    pub(crate) async fn log_group(&self) -> Result<String> {
        verdicts::log_group(&self.replica_logs, self.setting.stack).await
    }

    /// Deletes the log groups, which stay when the stacks go.
    pub(crate) async fn delete_logs(&self) -> Result<()> {
        for config in [&self.source_logs, &self.replica_logs] {
            verdicts::delete_log_groups(config, self.setting.stack).await?;
        }
        Ok(())
    }

    /// Counts the object versions in both buckets.
    pub(crate) async fn counts(&self) -> Result<Counts> {
        Ok(Counts {
            source: count(&self.source, &self.setting.source_bucket).await?,
            destination: count(&self.destination, &self.setting.destination_bucket).await?,
        })
    }

    /// Checks that the deleted stack left no replication rule behind.
    pub(crate) async fn check_nothing_left(&self) -> Result<()> {
        let answer = self
            .source
            .get_bucket_replication()
            .bucket(&self.setting.source_bucket)
            .send()
            .await;
        ensure!(
            answer.is_err(),
            "the stack is deleted, but its replication rule is still there"
        );
        Ok(())
    }
}

fn uploaded(key: &str, version: Option<String>) -> Result<Uploaded> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .context("the clock is before 1970")?;
    Ok(Uploaded {
        key: key.to_owned(),
        version: version.with_context(|| format!("`{key}` has no version id"))?,
        time: i64::try_from(now.as_millis()).context("the clock is far in the future")?,
    })
}

async fn count(s3: &aws_sdk_s3::Client, bucket: &str) -> Result<usize> {
    let mut found = 0;
    let (mut key, mut version) = (None, None);
    loop {
        let request = s3.list_object_versions().bucket(bucket);
        let page = request
            .set_key_marker(key)
            .set_version_id_marker(version)
            .send()
            .await
            .with_context(|| format!("cannot list the versions in `{bucket}`"))?;
        found += page.versions().len();
        if page.is_truncated() != Some(true) {
            return Ok(found);
        }
        (key, version) = (page.next_key_marker, page.next_version_id_marker);
    }
}

async fn empty(s3: &aws_sdk_s3::Client, bucket: &str) -> Result<()> {
    loop {
        // The first page again and again: what is removed is not listed any more.
        let page = s3
            .list_object_versions()
            .bucket(bucket)
            .send()
            .await
            .with_context(|| format!("cannot list the versions in `{bucket}`"))?;
        let versions = page
            .versions()
            .iter()
            .map(|one| (one.key(), one.version_id()));
        let markers = page
            .delete_markers()
            .iter()
            .map(|one| (one.key(), one.version_id()));
        let all: Vec<_> = versions.chain(markers).collect();
        if all.is_empty() {
            return Ok(());
        }
        for (key, version) in all {
            s3.delete_object()
                .bucket(bucket)
                .set_key(key.map(str::to_owned))
                .set_version_id(version.map(str::to_owned))
                .send()
                .await
                .with_context(|| format!("cannot remove {key:?} from `{bucket}`"))?;
        }
    }
}
