//! What people do who know nothing of us.

use replication::configuration::Versioning;

use super::World;
use super::state::Version;

impl World {
    /// An ordinary upload: it names no key, so that the bucket's default encryption decides.
    ///
    /// # Errors
    /// The code that S3 answers with.
    pub(crate) fn upload(&self, bucket: &str, key: &str) -> Result<(), &'static str> {
        let mut state = self.state();
        let found = state.buckets.get(bucket).ok_or("NoSuchBucket")?;
        let (region, default) = (found.region.clone(), found.encryption.clone());
        let default = default.filter(replication::configuration::DefaultEncryption::is_kms);
        let kms_key = match &default {
            None => None,
            Some(default) => {
                let name = default.kms_key.as_deref().unwrap_or("alias/aws/s3");
                let arn = state
                    .key_arn(&region, name)
                    .ok_or("KMS.NotFoundException")?;
                // https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
                match state.keys[&arn].state.as_str() {
                    "Enabled" => Some(arn),
                    "Disabled" => return Err("KMS.DisabledException"),
                    _ => return Err("KMS.KMSInvalidStateException"),
                }
            }
        };
        let (now, lag) = (state.now, state.lag.max(state.weather.rules));
        let id = format!("version-{}", state.draw());
        let bucket = state.buckets.get_mut(bucket).ok_or("NoSuchBucket")?;
        let rules = bucket.replication.in_force(now, lag);
        let rules = rules.and_then(Option::as_ref);
        // Objects that no KMS key encrypts are replicated too, and under no key.
        let eligible = bucket.versioning == Versioning::Enabled
            && rules.is_some_and(|found| {
                let mut rules = found.rules.iter();
                rules.any(|rule| super::replicate::applies(rule, key, &[], kms_key.is_some()))
            });
        bucket.versions.push(Version {
            key: key.to_owned(),
            id,
            tags: Vec::new(),
            algorithm: if kms_key.is_some() {
                "aws:kms"
            } else {
                "AES256"
            }
            .to_owned(),
            bucket_key: default.is_some_and(|default| default.bucket_key_enabled),
            replication_status: eligible.then_some("PENDING"),
            kms_key,
            written: now,
        });
        Ok(())
    }

    /// What became of an object that was uploaded to a bucket with rules, once the time is up.
    pub(crate) fn replicated(&self, bucket: &str, key: &str) -> Option<&'static str> {
        let state = self.state();
        let versions = &state.buckets.get(bucket)?.versions;
        versions
            .iter()
            .find(|found| found.key == key)?
            .replication_status
    }
}
