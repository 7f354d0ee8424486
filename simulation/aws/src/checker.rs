//! The same AWS behind the checker's ports, as seen from one Region.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use compliance::ports::{
    AskError, DefaultEncryption, DescribeKey, FindExpectation, InspectObject, Inspection,
    KeyAnswer, KeyDescription, ListVersions, ListedVersion, Listing, Marker, Observed,
    PublishFindings, RegistryParameter, Repair, RepairObject, Target, VersionPage,
};
use compliance::subject::{Key, ObjectVersion};
use event_bus::{Event, Refusal};

use super::World;
use super::faults::Delays;
use super::state::State;
use super::things::{Version, is_kms};

/// See <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html>.
const PAGE: usize = 1_000;

/// AWS as a checker in one Region of an account sees it.
#[derive(Clone, Debug)]
pub struct Sight {
    world: World,
    region: String,
    line: Arc<Mutex<Line>>,
}

/// How the checker's calls fare.
#[derive(Clone, Debug, Default)]
pub struct Line {
    /// How long calls take.
    pub delays: Delays,
    /// The next so many calls are not answered.
    pub out: usize,
}

impl Sight {
    pub fn of(world: &World, account: &str, region: &str) -> Self {
        Self {
            world: world.of_account(account),
            region: region.to_owned(),
            line: Arc::default(),
        }
    }

    /// How calls fare from now on.
    pub fn line(&self, change: impl FnOnce(&mut Line)) {
        change(&mut self.line.lock().unwrap_or_else(PoisonError::into_inner));
    }

    async fn ask<T>(
        &self,
        operation: &'static str,
        resource: &str,
        answer: impl FnOnce(&mut State) -> T,
    ) -> Result<T, AskError> {
        let (takes, out) = {
            let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
            let out = line.out > 0;
            line.out = line.out.saturating_sub(1);
            (line.delays.pause(), out)
        };
        if takes > Duration::ZERO {
            tokio::time::sleep(takes).await;
        }
        if out {
            return Err(AskError {
                operation,
                resource: resource.to_owned(),
                answer: "status 503, SlowDown".to_owned(),
                remedy: String::new(),
            });
        }
        Ok(answer(&mut self.world.state()))
    }
}

fn http_date(state: &State, version: &Version) -> String {
    let time = DateTime::from_secs(state.time_of(version.written).secs());
    time.fmt(Format::HttpDate).expect("a date of this century")
}

fn named<'a>(bucket: &'a [Version], version: &ObjectVersion) -> Option<&'a Version> {
    let mut all = bucket.iter().rev();
    all.find(|one| {
        let id = version.version_id.as_deref();
        one.key == version.key.as_str() && id.is_none_or(|id| one.id == id)
    })
}

impl InspectObject for Sight {
    async fn inspect(
        &self,
        version: &ObjectVersion,
        owner: Option<&str>,
    ) -> Result<Inspection, AskError> {
        self.ask("s3:HeadObject", &version.bucket, |state| {
            let Some(bucket) = state.buckets.get(&version.bucket) else {
                return Inspection::NotFound;
            };
            if owner.is_some_and(|owner| owner != bucket.account)
                || bucket.account != state.acting
                || state.closed_to_checkers.contains(&version.bucket)
            {
                return Inspection::AccessDenied;
            }
            if bucket.region != self.region {
                return Inspection::OtherRegion(bucket.region.clone());
            }
            let Some(found) = named(&bucket.versions, version) else {
                return Inspection::NotFound;
            };
            Inspection::Object(Observed {
                algorithm: Some(found.algorithm.clone()),
                kms_key: found.kms_key.clone(),
                bucket_key_enabled: found.bucket_key,
                replication_status: found.replication_status.map(str::to_owned),
                version_id: Some(found.id.clone()),
                last_modified: Some(http_date(state, found)),
            })
        })
        .await
    }
}

impl FindExpectation for Sight {
    async fn registry(&self, bucket: &str) -> Result<Vec<RegistryParameter>, AskError> {
        let below = format!("/encrypted-replication/{bucket}/");
        self.ask("ssm:GetParametersByPath", &below, |state| {
            let all = state.own_parameters().iter();
            let found = all
                .filter(|((region, name), _)| *region == self.region && name.starts_with(&below));
            found
                .map(|((_, name), value)| RegistryParameter {
                    name: name.clone(),
                    value: value.clone(),
                })
                .collect()
        })
        .await
    }

    async fn default_encryption(
        &self,
        bucket: &str,
        _owner: Option<&str>,
    ) -> Result<DefaultEncryption, AskError> {
        self.ask("s3:GetBucketEncryption", bucket, |state| {
            let found = state.buckets.get(bucket);
            let default = found.and_then(|bucket| bucket.encryption.clone());
            match default.filter(is_kms) {
                None => DefaultEncryption::Other,
                Some(default) if default.algorithm == "aws:kms" => {
                    DefaultEncryption::Kms(default.kms_key)
                }
                Some(default) => DefaultEncryption::Dsse(default.kms_key),
            }
        })
        .await
    }
}

impl DescribeKey for Sight {
    async fn describe(&self, key: &str) -> Result<KeyAnswer, AskError> {
        self.ask("kms:DescribeKey", key, |state| {
            let account = key.split(':').nth(4);
            if account.is_some_and(|account| account != state.acting) {
                return KeyAnswer::Refused("status 400, AccessDeniedException".to_owned());
            }
            let Some(arn) = state.key_arn(&self.region, key) else {
                return KeyAnswer::NotFound;
            };
            let found = &state.keys[&arn];
            KeyAnswer::Found(KeyDescription {
                state: found.state.clone(),
                aws_managed: found.manager == "AWS",
                arn,
            })
        })
        .await
    }
}

impl ListVersions for Sight {
    async fn list(&self, listing: Listing<'_>) -> Result<VersionPage, AskError> {
        let Listing {
            bucket,
            prefix,
            after,
            owner,
        } = listing;
        self.ask("s3:ListObjectVersions", bucket, |state| {
            let Some(found) = state.buckets.get(bucket) else {
                return VersionPage::default();
            };
            let mut all: Vec<&Version> = found.versions.iter().collect();
            all.sort_by(|a, b| (&a.key, &a.id).cmp(&(&b.key, &b.id)));
            let place = |one: &Version| (Some(one.key.clone()), Some(one.id.clone()));
            all.retain(|one| {
                one.key.starts_with(prefix)
                    && place(one) > (after.key.clone(), after.version_id.clone())
            });
            let next = all.get(PAGE - 1).filter(|_| all.len() > PAGE);
            let next = next.map(|last| Marker {
                key: Some(last.key.clone()),
                version_id: Some(last.id.clone()),
            });
            let versions = all.iter().take(PAGE).map(|one| ListedVersion {
                version: ObjectVersion {
                    bucket: bucket.to_owned(),
                    key: Key::from_plain(&one.key).expect("a key that S3 took"),
                    version_id: Some(one.id.clone()),
                    region: Some(found.region.clone()),
                    bucket_owner: owner.map(str::to_owned),
                    event_time_ms: None,
                },
                last_modified: Some(state.time_of(one.written)),
            });
            VersionPage {
                versions: versions.collect(),
                next,
            }
        })
        .await
    }
}

impl RepairObject for Sight {
    async fn repair(
        &self,
        version: &ObjectVersion,
        target: &Target,
        _owner: Option<&str>,
    ) -> Result<Repair, AskError> {
        let Target {
            key: key_arn,
            bucket_key,
        } = target;
        self.ask("s3:UpdateObjectEncryption", &version.bucket, |state| {
            let refused = |why: &str| Repair::Refused(format!("status 400, {why}"));
            let key = state.keys.get(key_arn);
            if key.is_none_or(|key| key.state != "Enabled" || key.region != self.region) {
                return refused("InvalidRequest");
            }
            let Some(bucket) = state.buckets.get_mut(&version.bucket) else {
                return refused("NoSuchBucket");
            };
            let mut all = bucket.versions.iter_mut();
            let found = all.find(|one| {
                one.key == version.key.as_str()
                    && version.version_id.as_deref() == Some(one.id.as_str())
            });
            let Some(found) = found else {
                return refused("NoSuchVersion");
            };
            "aws:kms".clone_into(&mut found.algorithm);
            found.kms_key = Some(key_arn.clone());
            found.bucket_key = *bucket_key;
            let repaired = (version.bucket.clone(), found.key.clone(), found.id.clone());
            state.repaired.push((repaired, key_arn.clone()));
            Repair::Done
        })
        .await
    }
}

impl PublishFindings for Sight {
    async fn put(
        &self,
        bus: &str,
        events: &[&Event],
    ) -> Result<Vec<Result<(), Refusal>>, AskError> {
        self.ask("events:PutEvents", bus, |state| {
            let taken = events.iter().map(|event| {
                state.events.push((bus.to_owned(), (*event).clone()));
                Ok(())
            });
            taken.collect()
        })
        .await
    }
}
