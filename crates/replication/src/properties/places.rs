//! Names of buckets, keys and Regions, as far as names show what is wrong.

use aws_names::{
    Arn, Home, KeyArn, is_account_id, is_bucket_name, is_old_bucket_name, is_region, partition_of,
};

use super::given::GivenRule;
use crate::configuration::Status;
use crate::fault::Faults;

/// The faults of names that are given where the stack is.
pub(super) struct Places<'a> {
    pub(super) home: &'a Home,
    pub(super) faults: &'a mut Faults,
}

impl Places<'_> {
    /// Checks a rule's destination, given the source bucket's name.
    pub(super) fn destination(
        &mut self,
        rule: &GivenRule,
        source: Option<&str>,
        at: &impl Fn(&str) -> String,
    ) {
        let Self { home, .. } = *self;
        let destination = &rule.destination;
        let region = destination.region.as_deref();
        self.region(&at("Destination.Region"), region);
        if let Some(bucket) = &destination.bucket {
            let arn = Arn::parse(bucket);
            let name = arn.as_ref().and_then(Arn::bucket_name);
            match (&arn, name) {
                (_, None) => self.faults.push(
                    at("Destination.Bucket"),
                    format!(
                        "`{bucket}` is not a bucket's ARN; write {}",
                        home.bucket_arn("NAME")
                    ),
                ),
                (Some(arn), Some(_)) if arn.partition != home.partition => self.faults.push(
                    at("Destination.Bucket"),
                    format!(
                        "is in partition {}; replication stays in one partition, here {}",
                        arn.partition, home.partition
                    ),
                ),
                (_, Some(name)) if Some(name) == source => {
                    self.faults
                        .push(at("Destination.Bucket"), "is the source bucket itself");
                }
                (_, Some(name)) if !may_be_bucket(name, destination.known_region().as_deref()) => {
                    self.faults
                        .push(at("Destination.Bucket"), no_bucket(name, home));
                }
                _ => {}
            }
        }
        super::accounts::check(destination, home, at, self.faults);
        if destination.access_control_translation.is_some() && destination.known_account().is_none()
        {
            self.faults.push(
                at("Destination.AccessControlTranslation"),
                "needs `Destination.Account`",
            );
        }
        let metrics = destination.metrics.as_ref();
        if destination.timed()
            && metrics.is_some_and(|metrics| metrics.status == Some(Status::Disabled))
        {
            self.faults
                .push(at("Destination.ReplicationTime"), "needs `Metrics` Enabled");
        }
        if !destination.timed() && metrics.is_some_and(|metrics| metrics.event_threshold.is_some())
        {
            self.faults.push(
                at("Destination.Metrics.EventThreshold"),
                "goes with `ReplicationTime` only; S3 refuses it alone",
            );
        }
        let encryption = &destination.encryption_configuration;
        if let Some(key) = &encryption.replica_kms_key_id {
            let at = at("Destination.EncryptionConfiguration.ReplicaKmsKeyID");
            self.key(&at, key, destination.region.as_deref());
        }
        let replica_key = encryption.replica_kms_key_id.as_deref();
        let replica_key = replica_key.and_then(KeyArn::parse);
        if encryption.uses_source_key() && !replica_key.is_some_and(|key| key.is_multi_region()) {
            self.faults.push(
            at("Destination.EncryptionConfiguration.UseSourceMultiRegionKey"),
            "needs `ReplicaKmsKeyID` beside it: the ARN (`…:key/mrk-…`) of the multi-Region key in the destination's \
             Region that is related to the source's, for the role's policy and for what replicas are checked by",
        );
        }
    }

    /// A key may be an ARN, an id or an alias; what its ARN says must fit.
    pub(super) fn key(&mut self, at: &str, key: &str, region: Option<&str>) {
        let Self { home, .. } = *self;
        if !key.starts_with("arn:") {
            let id = key.strip_prefix("alias/").unwrap_or(key);
            if id.is_empty() || id.contains([':', ' ', '*']) || (id == key && id.contains('/')) {
                self.faults.push(
                    at,
                    format!("`{key}` is neither a key's ARN, nor its id, nor an alias (`alias/…`)"),
                );
            }
            return;
        }
        let one = |arn: &Arn| (arn.is_kms_key() || arn.is_kms_alias()) && !arn.is_pattern();
        let Some(arn) = Arn::parse(key).filter(one) else {
            self.faults
                .push(at, format!("`{key}` is not the ARN of a KMS key"));
            return;
        };
        let digits = arn.account.bytes().all(|b| b.is_ascii_digit());
        if !is_region(&arn.region) || !digits {
            self.faults
                .push(at, format!("`{key}` names no Region and account"));
            return;
        }
        if arn.partition != home.partition {
            self.faults.push(
                at,
                format!(
                    "is in partition {}, the stack in {}",
                    arn.partition, home.partition
                ),
            );
            return;
        }
        if let Some(region) = region.filter(|region| *region != arn.region) {
            self.faults.push(
                at,
                format!(
                    "is in {}, its bucket in {region}; S3 uses keys of the bucket's Region only",
                    arn.region
                ),
            );
        } else if !is_account_id(&arn.account) {
            self.faults.push(
                at,
                format!(
                    "`{key}` names no account: between its Region and `{}` stand twelve digits",
                    arn.resource
                ),
            );
        }
    }

    /// A Region goes into host names and policies. One that is not known here may be new: AWS alone knows
    /// them all.
    pub(super) fn region(&mut self, at: &str, region: Option<&str>) {
        let Self { home, .. } = *self;
        let Some(region) = region else { return };
        let zone = region.strip_suffix(|c: char| c.is_ascii_lowercase());
        if let Some(of_zone) = zone.filter(|name| is_region(name)) {
            self.faults.push(
                at,
                format!("`{region}` is an Availability Zone; write its Region, {of_zone}"),
            );
        } else if !is_region(region) {
            self.faults.push(
                at,
                format!("`{region}` is no Region; write it as us-east-1"),
            );
        } else if partition_of(region) != home.partition {
            self.faults.push(
                at,
                format!(
                    "{region} is in partition {}; replication stays in one partition, here {}",
                    partition_of(region),
                    home.partition
                ),
            );
        }
    }
}

/// Whether a bucket of this name may be there. Some in us-east-1 are older than today's rules; no other
/// Region has such. See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>.
pub(super) fn may_be_bucket(name: &str, region: Option<&str>) -> bool {
    let old = is_old_bucket_name(name) && !name.contains("..");
    is_bucket_name(name) || old && region.is_none_or(|region| region == "us-east-1")
}

/// A name is written in the one property and an ARN in the other, which is easily mixed up.
pub(super) fn no_bucket(name: &str, home: &Home) -> String {
    let bucket = Arn::parse(name).and_then(|arn| arn.bucket_name().map(str::to_owned));
    match bucket {
        Some(bucket) => format!(
            "`{name}` is no bucket name but an ARN; write the name alone, {bucket}, as `Destination.Bucket` alone is \
             an ARN ({})",
            home.bucket_arn("NAME")
        ),
        None => format!(
            "`{name}` is no bucket name: 3 to 63 lowercase letters, digits, dots and hyphens"
        ),
    }
}
