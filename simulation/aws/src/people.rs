//! What people do who know nothing of us.

use replication::configuration::{Tag, Versioning};

use super::evaluate::{Access, lets_in};
use super::news::{Stop, Thing};
use super::state::State;
use super::things::{Version, is_kms};
use super::{ACCOUNT, World};

/// What an upload asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// No key: the bucket's default encryption decides.
    Nothing,
    /// SSE-S3.
    S3,
    /// SSE-KMS under this key.
    Key(String),
}

/// Who uploads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Somebody of the bucket's account, who may use its keys.
    Somebody,
    /// S3's delivery of server access logs, which takes buckets under SSE-S3 alone. See
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html>.
    LogDelivery,
}

/// An object that somebody uploads.
#[derive(Clone, Debug)]
pub struct Upload {
    pub bucket: String,
    pub key: String,
    pub tags: Vec<Tag>,
    pub asked: Asked,
    pub who: Who,
}

/// Why an upload is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// S3's code.
    pub code: &'static str,
    pub stop: Stop,
}

impl State {
    /// The key of an upload; none under SSE-S3.
    fn key_of_upload(&mut self, upload: &Upload) -> Result<Option<String>, Refused> {
        let refused = |code, what, why: &str| {
            let stop = Stop::at(what, why);
            Err(Refused { code, stop })
        };
        let Some(found) = self.buckets.get(&upload.bucket) else {
            let what = Thing::Bucket(upload.bucket.clone());
            return refused("NoSuchBucket", what, "is not there");
        };
        let (region, account) = (found.region.clone(), found.account.clone());
        let default = found.encryption.clone().filter(is_kms);
        let by_default = Thing::DefaultEncryption(upload.bucket.clone());
        let name = match (&upload.asked, &default) {
            (Asked::S3, _) | (Asked::Nothing, None) => return Ok(None),
            (Asked::Key(name), _) => name.clone(),
            (Asked::Nothing, Some(default)) => {
                let managed = || "alias/aws/s3".to_owned();
                default.kms_key.clone().unwrap_or_else(managed)
            }
        };
        if upload.who == Who::LogDelivery {
            return refused(
                "AccessDenied",
                by_default,
                "is KMS, which log delivery takes none of",
            );
        }
        let acting = std::mem::replace(&mut self.acting, account.clone());
        let arn = self.key_arn(&region, &name);
        self.acting = acting;
        let Some(arn) = arn else {
            let what = match &upload.asked {
                Asked::Key(name) => Thing::Key(name.clone()),
                _ => by_default,
            };
            return refused("KMS.NotFoundException", what, "is no key of the Region");
        };
        let key = &self.keys[&arn];
        let of_key = Thing::Key(arn.clone());
        // https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
        match key.state.as_str() {
            "Enabled" => {}
            "Disabled" => return refused("KMS.DisabledException", of_key, "is disabled"),
            _ => {
                return refused(
                    "KMS.KMSInvalidStateException",
                    of_key,
                    "is about to be deleted",
                );
            }
        }
        let uploader = format!("arn:aws:iam::{account}:role/uploader");
        let use_of_key = Access::s3("kms:GenerateDataKey", &arn);
        if self.weighs_own_policies
            && key.manager == "CUSTOMER"
            && account == ACCOUNT
            && !lets_in(&key.policy, &uploader, &use_of_key)
        {
            let what = Thing::KeyPolicy(arn.clone());
            return refused("AccessDenied", what, "does not let uploaders in");
        }
        Ok(Some(arn))
    }
}

impl World {
    /// Uploads an object. Returns its version id.
    ///
    /// # Errors
    /// Why S3 refuses it.
    pub fn uploads(&self, upload: &Upload) -> Result<String, Refused> {
        let mut state = self.state();
        let kms_key = state.key_of_upload(upload)?;
        let (now, lag) = (state.now, state.lag.max(state.weather.rules));
        let id = format!("version-{}", state.draw());
        let Some(bucket) = state.buckets.get_mut(&upload.bucket) else {
            unreachable!("it was found for its key");
        };
        let (key, tags) = (&upload.key, &upload.tags);
        let rules = bucket.replication.in_force(now, lag);
        let rules = rules.and_then(Option::as_ref);
        // Objects that no KMS key encrypts are replicated too, and under no key.
        let eligible = bucket.versioning == Versioning::Enabled
            && rules.is_some_and(|found| {
                let mut rules = found.rules.iter();
                rules.any(|rule| super::replicate::applies(rule, key, tags, kms_key.is_some()))
            });
        let algorithm = if kms_key.is_some() {
            "aws:kms"
        } else {
            "AES256"
        };
        let default = bucket.encryption.as_ref().filter(|default| is_kms(default));
        let version = Version {
            key: key.clone(),
            id: id.clone(),
            tags: tags.clone(),
            algorithm: algorithm.to_owned(),
            bucket_key: kms_key.is_some() && default.is_some_and(|one| one.bucket_key_enabled),
            replication_status: eligible.then_some("PENDING"),
            kms_key,
            written: now,
        };
        bucket.versions.push(version.clone());
        state.hears_of_object(&upload.bucket, &version, None, now);
        Ok(id)
    }

    /// An ordinary upload: it names no key, so that the bucket's default encryption decides.
    ///
    /// # Errors
    /// The code that S3 answers with.
    pub fn upload(&self, bucket: &str, key: &str) -> Result<(), &'static str> {
        let upload = Upload {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            tags: Vec::new(),
            asked: Asked::Nothing,
            who: Who::Somebody,
        };
        match self.uploads(&upload) {
            Ok(_) => Ok(()),
            Err(refused) => Err(refused.code),
        }
    }

    /// What became of an object that was uploaded to a bucket with rules, once the time is up.
    pub fn replicated(&self, bucket: &str, key: &str) -> Option<&'static str> {
        let state = self.state();
        let versions = &state.buckets.get(bucket)?.versions;
        versions
            .iter()
            .find(|found| found.key == key)?
            .replication_status
    }
}
