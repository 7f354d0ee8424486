//! What S3 would refuse, or would accept and then not do, found before any call.
//!
//! S3's own list is at
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ReplicationErrorCodeList>.

use std::collections::{BTreeMap, BTreeSet};

use aws_names::{
    KeyArn, is_account_id, is_bucket_name, is_old_bucket_name, is_region, partition_of,
};

use super::given::{Given, GivenNot, GivenRule};
use crate::arn::{Arn, Home};
use crate::configuration::{Filter, Status};
use crate::fault::Faults;

/// The account of a destination, and the role to assume there.
type GivenAccount = (Option<String>, Option<String>);

/// Checks what no single property shows.
pub(super) fn check(given: &Given, home: &Home, faults: &mut Faults) {
    check_source(given, home, faults);
    check_report(given, home, faults);
    check_role(given, home, faults);
    let mut ids = BTreeMap::new();
    let mut priorities = BTreeMap::new();
    let mut regions: BTreeMap<String, (usize, String)> = BTreeMap::new();
    let mut accounts: BTreeMap<String, (usize, GivenAccount)> = BTreeMap::new();
    for (position, rule) in given.rules.iter().enumerate() {
        let at = |name: &str| format!("Rules[{position}].{name}");
        if let Some(id) = &rule.id
            && let Some(earlier) = ids.insert(id.clone(), position)
        {
            faults.push(
                at("Id"),
                format!("`{id}` is the Id of Rules[{earlier}] too; Ids must differ"),
            );
        }
        if let Some(priority) = rule.priority
            && let Some(earlier) = priorities.insert(priority, position)
        {
            faults.push(
                at("Priority"),
                format!(
                    "{priority} is the priority of Rules[{earlier}] too; priorities must differ"
                ),
            );
        }
        check_rule(rule, &at, faults);
        check_destination(rule, given, home, &at, faults);
        if let Some(bucket) = rule.destination.bucket_name() {
            let said = (
                rule.destination.known_account(),
                rule.destination.assume_role_arn.clone(),
            );
            let (earlier, first) = accounts
                .entry(bucket.clone())
                .or_insert_with(|| (position, said.clone()));
            if *first != said {
                faults.push(
                    at("Destination"),
                    format!(
                        "says another `Account` or `AssumeRoleArn` for bucket `{bucket}` than \
                         Rules[{earlier}]; a bucket has one account"
                    ),
                );
            }
        }
        if let (Some(bucket), Some(region)) = (
            rule.destination.bucket_name(),
            rule.destination.known_region(),
        ) {
            let (earlier, said) = regions
                .entry(bucket.clone())
                .or_insert((position, region.clone()));
            if *said != region {
                faults.push(
                    at("Destination"),
                    format!("puts bucket `{bucket}` in {region}, Rules[{earlier}] in {said}; a bucket has one Region"),
                );
            }
        }
    }
}

fn check_source(given: &Given, home: &Home, faults: &mut Faults) {
    let region = given.region(home);
    if let Some(bucket) = &given.source_bucket
        && !may_be_bucket(bucket, Some(&region))
    {
        faults.push("SourceBucket", no_bucket(bucket, home));
    }
    check_region("SourceRegion", given.source_region.as_deref(), home, faults);
    for (number, key) in given.source_kms_key_arns.iter().enumerate() {
        check_key(
            key,
            Some(&region),
            home,
            &format!("SourceKmsKeyArns[{number}]"),
            faults,
        );
    }
}

/// The report of a batch job goes to a destination that we know all about.
fn check_report(given: &Given, home: &Home, faults: &mut Faults) {
    let own = |rule: &GivenRule| {
        let account = rule.destination.known_account();
        account.is_none_or(|account| account == home.account)
    };
    if given.existing_objects.as_deref() == Some("Replicate") && !given.rules.iter().any(own) {
        faults.push(
            "ExistingObjects",
            "`Replicate` needs a destination bucket of this account for the job's report; start the job by hand, with \
             a report in a bucket of yours",
        );
    }
}

fn check_role(given: &Given, home: &Home, faults: &mut Faults) {
    if let Some(role) = &given.role {
        match Arn::parse(role) {
            Some(arn) if arn.role_name().is_none() => {
                faults.push("Role", format!("`{role}` is not the ARN of an IAM role"));
            }
            Some(arn) if arn.account != home.account => faults.push(
                "Role",
                format!(
                    "is in account {}; S3 takes a role of the source bucket's account, {}",
                    arn.account, home.account
                ),
            ),
            Some(_) => {}
            None => faults.push("Role", format!("`{role}` is not an ARN")),
        }
        if given.permissions_boundary.is_some() {
            faults.push(
                "PermissionsBoundary",
                "is for a role of ours; with `Role` given, set it on that role",
            );
        }
    }
    if let Some(boundary) = &given.permissions_boundary
        && !Arn::parse(boundary).is_some_and(|arn| arn.is_iam_policy())
    {
        faults.push(
            "PermissionsBoundary",
            format!("`{boundary}` is not the ARN of an IAM policy"),
        );
    }
}

/// IAM would refuse it too, but only when buckets and keys have been made.
pub(super) fn check_required_boundary(given: &Given, required: Option<&str>, faults: &mut Faults) {
    if let (Some(boundary), Some(required)) = (&given.permissions_boundary, required)
        && boundary != required
    {
        faults.push(
            "PermissionsBoundary",
            format!(
                "`{boundary}` is not the boundary that the provisioner was installed with, `{required}`; leave the \
                 property out to get that one"
            ),
        );
    }
}

/// See `Not` in <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ReplicationRuleFilter.html>.
fn check_exclusions(given: &GivenNot, filter: &Filter, at: &str, faults: &mut Faults) {
    let at = format!("{at}.Not");
    let forms = [
        given.prefix.is_some(),
        given.tag_filter.is_some(),
        given.or.is_some(),
    ];
    match forms.iter().filter(|given| **given).count() {
        1 => {}
        0 => faults.push(&at, "needs one of `Prefix`, `TagFilter` and `Or`"),
        _ => faults.push(
            &at,
            "has more than one of `Prefix`, `TagFilter` and `Or`; put all into `Or`",
        ),
    }
    if given.or.is_some() && filter.not.is_empty() {
        faults.push(&at, "has an empty `Or`; leave `Not` out");
    }
    // Whatever has this prefix or these tags, nothing is left.
    if filter.not.match_any(&filter.prefix, &filter.tags) {
        faults.push(
            &at,
            "leaves out every object of the rule; leave the rule out instead, or narrow `Not`",
        );
    }
}

fn check_rule(rule: &GivenRule, at: &impl Fn(&str) -> String, faults: &mut Faults) {
    if let Some(id) = rule
        .id
        .as_deref()
        .filter(|id| !id.bytes().all(|b| (b' '..=b'~').contains(&b)))
    {
        faults.push(
            at("Id"),
            format!("`{id}` has characters other than printable ASCII, which S3 refuses"),
        );
    }
    let filter = &rule.filter;
    let filters = [
        filter.prefix.is_some(),
        filter.tag_filter.is_some(),
        filter.and.is_some(),
        filter.not.is_some(),
    ];
    if filters.iter().filter(|given| **given).count() > 1 {
        faults.push(
            at("Filter"),
            "has more than one of `Prefix`, `TagFilter`, `And` and `Not`; put all into `And`",
        );
    }
    if let Some(not) = filter.not() {
        check_exclusions(not, &filter.filter(), &at("Filter"), faults);
    }
    let filter = filter.filter();
    let tag_keys: BTreeSet<_> = filter.tags.iter().map(|tag| &tag.key).collect();
    if tag_keys.len() < filter.tags.len() {
        faults.push(at("Filter"), "has the same tag key twice");
    }
    let replicates_markers = rule
        .delete_marker_replication
        .as_ref()
        .is_some_and(|given| given.status == Some(Status::Enabled));
    if replicates_markers && !(filter.tags.is_empty() && filter.not.tags.is_empty()) {
        faults.push(
            at("DeleteMarkerReplication"),
            "cannot be Enabled in a rule that filters by tag, because delete markers have no tags",
        );
    }
    let opted_out = rule
        .source_selection_criteria
        .sse_kms_encrypted_objects
        .as_ref();
    if opted_out.is_some_and(|given| given.status == Some(Status::Disabled)) {
        faults.push(
            at("SourceSelectionCriteria.SseKmsEncryptedObjects"),
            "must be Enabled: without it S3 leaves out every object encrypted with a KMS key, and says nothing",
        );
    }
}

fn check_destination(
    rule: &GivenRule,
    given: &Given,
    home: &Home,
    at: &impl Fn(&str) -> String,
    faults: &mut Faults,
) {
    let destination = &rule.destination;
    let region = destination.region.as_deref();
    check_region(&at("Destination.Region"), region, home, faults);
    if let Some(bucket) = &destination.bucket {
        let arn = Arn::parse(bucket);
        let name = arn.as_ref().and_then(Arn::bucket_name);
        match (&arn, name) {
            (_, None) => faults.push(
                at("Destination.Bucket"),
                format!(
                    "`{bucket}` is not a bucket's ARN; write {}",
                    home.bucket_arn("NAME")
                ),
            ),
            (Some(arn), Some(_)) if arn.partition != home.partition => faults.push(
                at("Destination.Bucket"),
                format!(
                    "is in partition {}; replication stays in one partition, here {}",
                    arn.partition, home.partition
                ),
            ),
            (_, Some(name)) if Some(name) == given.source_bucket.as_deref() => {
                faults.push(at("Destination.Bucket"), "is the source bucket itself");
            }
            (_, Some(name)) if !may_be_bucket(name, destination.known_region().as_deref()) => {
                faults.push(at("Destination.Bucket"), no_bucket(name, home));
            }
            _ => {}
        }
    }
    super::accounts::check(destination, home, at, faults);
    if destination.access_control_translation.is_some() && destination.known_account().is_none() {
        faults.push(
            at("Destination.AccessControlTranslation"),
            "needs `Destination.Account`",
        );
    }
    let metrics = destination.metrics.as_ref();
    if destination.timed()
        && metrics.is_some_and(|metrics| metrics.status == Some(Status::Disabled))
    {
        faults.push(at("Destination.ReplicationTime"), "needs `Metrics` Enabled");
    }
    if !destination.timed() && metrics.is_some_and(|metrics| metrics.event_threshold.is_some()) {
        faults.push(
            at("Destination.Metrics.EventThreshold"),
            "goes with `ReplicationTime` only; S3 refuses it alone",
        );
    }
    let encryption = &destination.encryption_configuration;
    if let Some(key) = &encryption.replica_kms_key_id {
        let at = at("Destination.EncryptionConfiguration.ReplicaKmsKeyID");
        check_key(key, destination.region.as_deref(), home, &at, faults);
    }
    let replica_key = encryption.replica_kms_key_id.as_deref();
    let replica_key = replica_key.and_then(KeyArn::parse);
    if encryption.uses_source_key() && !replica_key.is_some_and(|key| key.is_multi_region()) {
        faults.push(
            at("Destination.EncryptionConfiguration.UseSourceMultiRegionKey"),
            "needs `ReplicaKmsKeyID` beside it: the ARN (`…:key/mrk-…`) of the multi-Region key in the destination's \
             Region that is related to the source's, for the role's policy and for what replicas are checked by",
        );
    }
}

/// A key may be an ARN, an id or an alias; what its ARN says must fit.
fn check_key(key: &str, region: Option<&str>, home: &Home, at: &str, faults: &mut Faults) {
    if !key.starts_with("arn:") {
        let id = key.strip_prefix("alias/").unwrap_or(key);
        if id.is_empty() || id.contains([':', ' ', '*']) || (id == key && id.contains('/')) {
            faults.push(
                at,
                format!("`{key}` is neither a key's ARN, nor its id, nor an alias (`alias/…`)"),
            );
        }
        return;
    }
    let one = |arn: &Arn| (arn.is_kms_key() || arn.is_kms_alias()) && !arn.is_pattern();
    let Some(arn) = Arn::parse(key).filter(one) else {
        faults.push(at, format!("`{key}` is not the ARN of a KMS key"));
        return;
    };
    let digits = arn.account.bytes().all(|b| b.is_ascii_digit());
    if !is_region(&arn.region) || !digits {
        faults.push(at, format!("`{key}` names no Region and account"));
        return;
    }
    if arn.partition != home.partition {
        faults.push(
            at,
            format!(
                "is in partition {}, the stack in {}",
                arn.partition, home.partition
            ),
        );
        return;
    }
    if let Some(region) = region.filter(|region| *region != arn.region) {
        faults.push(
            at,
            format!(
                "is in {}, its bucket in {region}; S3 uses keys of the bucket's Region only",
                arn.region
            ),
        );
    } else if !is_account_id(&arn.account) {
        faults.push(
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
fn check_region(at: &str, region: Option<&str>, home: &Home, faults: &mut Faults) {
    let Some(region) = region else { return };
    let zone = region.strip_suffix(|c: char| c.is_ascii_lowercase());
    if let Some(of_zone) = zone.filter(|name| is_region(name)) {
        faults.push(
            at,
            format!("`{region}` is an Availability Zone; write its Region, {of_zone}"),
        );
    } else if !is_region(region) {
        faults.push(
            at,
            format!("`{region}` is no Region; write it as us-east-1"),
        );
    } else if partition_of(region) != home.partition {
        faults.push(
            at,
            format!(
                "{region} is in partition {}; replication stays in one partition, here {}",
                partition_of(region),
                home.partition
            ),
        );
    }
}

/// Whether a bucket of this name may be there. Some in us-east-1 are older than today's rules; no other
/// Region has such. See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>.
fn may_be_bucket(name: &str, region: Option<&str>) -> bool {
    let old = is_old_bucket_name(name) && !name.contains("..");
    is_bucket_name(name) || old && region.is_none_or(|region| region == "us-east-1")
}

/// A name is written in the one property and an ARN in the other, which is easily mixed up.
fn no_bucket(name: &str, home: &Home) -> String {
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
