//! Buckets, keys and rules of the soak: uploads, and what is broken around them.

use std::time::Duration;

use anyhow::{Context, Result};
use aws_calls::ParameterStore;
use aws_sdk_s3::operation::head_object::HeadObjectError;
use aws_sdk_s3::types::ReplicationConfiguration;
use sandbox::Sandbox;
use sandbox::wait::until;

use super::draw::{Encryption, Place, Should, Side, Upload};
use super::judge::{Version, Wanted};
use super::names::{DESTINATION_BUCKET, LATE_BUCKET, SOURCE_BUCKET};
use crate::aws::{self, Under};
use crate::installed::{REPLICA_REGION, SOURCE_REGION};

const REPLICATION_LIMIT: Duration = Duration::from_mins(1);
/// No expectation, but where the checker looks for them.
const BROKEN: &str = "/encrypted-replication/soak-late/broken";

/// The keys of the replicas' Region.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    /// Of most rules.
    pub(crate) tax: String,
    /// Of another rule.
    pub(crate) payroll: String,
    /// Disabled before anything is looked at.
    pub(crate) frozen: String,
}

/// Clients, and the keys by what they are for.
pub(crate) struct Cloud {
    source: aws_sdk_s3::Client,
    destination: aws_sdk_s3::Client,
    replica_keys: aws_sdk_kms::Client,
    parameters: ParameterStore,
    keys: Keys,
    source_key: String,
    foreign_key: String,
    wrong_key: String,
}

impl Keys {
    /// Creates them.
    pub(crate) async fn create(sandbox: &Sandbox) -> Result<Self> {
        let kms = aws_sdk_kms::Client::new(&sandbox.config(REPLICA_REGION));
        let create = async |what| aws::create_key(&kms, what, None).await;
        Ok(Self {
            tax: create("a key for replicas").await?,
            payroll: create("another key for replicas").await?,
            frozen: create("a key that gets disabled").await?,
        })
    }
}

impl Cloud {
    /// Looks up what the stack made, and points the rule that is to go wrong at another key.
    pub(crate) async fn open(sandbox: &Sandbox, keys: Keys) -> Result<Self> {
        let [here, there] = [SOURCE_REGION, REPLICA_REGION].map(|region| sandbox.config(region));
        let source = aws_sdk_s3::Client::new(&here);
        let replica_keys = aws_sdk_kms::Client::new(&there);
        let source_keys = aws_sdk_kms::Client::new(&here);
        let answer = source.get_bucket_replication().bucket(SOURCE_BUCKET);
        let configuration = answer
            .send()
            .await
            .context("cannot read the replication configuration of the source bucket")?
            .replication_configuration
            .context("the source bucket has no replication configuration")?;
        let policy = aws::policy_for(configuration.role(), &keys.tax)?;
        let wrong_key = aws::create_key(&replica_keys, "the wrong key", Some(policy)).await?;
        let cloud = Self {
            source_key: aws::default_key(&source, SOURCE_BUCKET).await?,
            foreign_key: aws::create_key(&source_keys, "a foreign key", None).await?,
            destination: aws_sdk_s3::Client::new(&there),
            parameters: ParameterStore::new(&there),
            source,
            replica_keys,
            keys,
            wrong_key,
        };
        cloud.misroute(configuration).await?;
        Ok(cloud)
    }

    async fn misroute(&self, mut configuration: ReplicationConfiguration) -> Result<()> {
        let prefix = Place::Misrouted.prefix();
        let encryption = configuration
            .rules
            .iter_mut()
            .filter(|rule| rule.filter().and_then(|filter| filter.prefix()) == Some(prefix))
            .find_map(|rule| rule.destination.as_mut()?.encryption_configuration.as_mut())
            .with_context(|| format!("no rule for `{prefix}` names a key"))?;
        encryption.replica_kms_key_id = Some(self.wrong_key.clone());
        self.source
            .put_bucket_replication()
            .bucket(SOURCE_BUCKET)
            .replication_configuration(configuration)
            .send()
            .await
            .context("cannot write the replication configuration")?;
        Ok(())
    }

    /// Uploads an object; returns its version id.
    pub(crate) async fn upload(&self, upload: &Upload) -> Result<String> {
        let key = upload.key.as_str();
        let under = match upload.encryption {
            Encryption::Default => Under::default(),
            Encryption::SourceKey => Under::key(&self.source_key),
            Encryption::Sse => Under::sse(),
            Encryption::ForeignKey => Under::key(&self.foreign_key),
        };
        let (s3, bucket) = match upload.place {
            Place::Direct => (&self.destination, DESTINATION_BUCKET),
            _ => (&self.source, SOURCE_BUCKET),
        };
        let version = if upload.in_parts {
            aws::put_in_parts(s3, bucket, key, under).await?
        } else {
            s3.put_object()
                .bucket(bucket)
                .key(key)
                .set_server_side_encryption(under.algorithm)
                .set_ssekms_key_id(under.kms_key)
                .body(vec![b'x'; upload.size].into())
                .send()
                .await
                .with_context(|| format!("cannot upload `{key}`"))?
                .version_id
        };
        version.with_context(|| format!("`{key}` has no version id"))
    }

    /// The verdict that a version of an upload should get; none where it should get none.
    pub(crate) fn wanted(&self, upload: &Upload, version: &str) -> Option<Wanted> {
        let Should::Get(side, verdict) = upload.should() else {
            return None;
        };
        let kms_key = match (verdict, upload.place) {
            ("WrongKey", _) => Some(&self.wrong_key),
            ("KeyUnusable", _) => Some(&self.keys.frozen),
            ("Compliant", Place::Payroll) => Some(&self.keys.payroll),
            ("Compliant", _) => Some(&self.keys.tax),
            _ => None,
        };
        Some(Wanted {
            version: version_of(upload, side, version),
            verdict,
            kms_key: kms_key.cloned(),
        })
    }

    /// Waits until the replica is there, and deletes it if that is its fate.
    pub(crate) async fn settle(&self, upload: &Upload, version: &str) -> Result<()> {
        if !matches!(upload.should(), Should::Get(Side::Arrived, _)) {
            return Ok(());
        }
        let key = upload.key.as_str();
        let what = format!("the replica of `{key}`");
        until(&what, REPLICATION_LIMIT, async || {
            let head = self.destination.head_object().bucket(DESTINATION_BUCKET);
            match head.key(key).version_id(version).send().await {
                Ok(_) => Ok(Some(())),
                Err(error)
                    if error
                        .as_service_error()
                        .is_some_and(HeadObjectError::is_not_found) =>
                {
                    Ok(None)
                }
                Err(error) => Err(error.into()),
            }
        })
        .await?;
        if upload.place == Place::Removed {
            self.destination
                .delete_object()
                .bucket(DESTINATION_BUCKET)
                .key(key)
                .version_id(version)
                .send()
                .await
                .with_context(|| format!("cannot delete the replica of `{key}`"))?;
        }
        Ok(())
    }

    /// Disables the key whose replicas are to be unreadable.
    pub(crate) async fn freeze(&self) -> Result<()> {
        let request = self.replica_keys.disable_key().key_id(&self.keys.frozen);
        request.send().await.context("cannot disable the key")?;
        Ok(())
    }

    /// Puts a parameter that is no expectation where the checker looks for them.
    pub(crate) async fn break_expectation(&self) -> Result<()> {
        let write = self.parameters.put(BROKEN, "nobody can read this", "");
        write.await.context("cannot write the broken parameter")?;
        Ok(())
    }

    /// Deletes it again.
    pub(crate) async fn mend_expectation(&self) -> Result<()> {
        let answer = self.parameters.delete(BROKEN).await;
        answer.context("cannot delete the broken parameter")?;
        Ok(())
    }
}

fn version_of(upload: &Upload, side: Side, version: &str) -> Version {
    let bucket = match (side, upload.place) {
        (Side::Source, _) => SOURCE_BUCKET,
        (Side::Arrived, Place::Late) => LATE_BUCKET,
        (Side::Arrived, _) => DESTINATION_BUCKET,
    };
    (bucket.to_owned(), upload.key.clone(), version.to_owned())
}
