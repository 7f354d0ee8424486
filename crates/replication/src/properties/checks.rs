//! What S3 would refuse, or would accept and then not do, found before any call.
//!
//! S3's own list is at
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ReplicationErrorCodeList>.

use std::collections::{BTreeMap, BTreeSet};

use super::given::{Given, GivenNot, GivenRule};
use super::places::{Places, may_be_bucket, no_bucket};
use crate::configuration::{Filter, Status};
use crate::fault::Faults;
use aws_names::{Arn, Home};

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
        let source = given.source_bucket.as_deref();
        Places { home, faults }.destination(rule, source, &at);
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
    let mut places = Places { home, faults };
    places.region("SourceRegion", given.source_region.as_deref());
    for (number, key) in given.source_kms_key_arns.iter().enumerate() {
        places.key(&format!("SourceKmsKeyArns[{number}]"), key, Some(&region));
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

/// See <https://www.w3.org/TR/xml/#charsets>.
const fn unwritable(c: char) -> bool {
    matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
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
    let tags = filter.tags.iter().chain(&filter.not.tags);
    let tags = tags.flat_map(|tag| [&tag.key, &tag.value]);
    let texts = std::iter::once(&filter.prefix).chain(&filter.not.prefixes);
    if let Some(control) = texts
        .chain(tags)
        .flat_map(|text| text.chars())
        .find(|c| unwritable(*c))
    {
        faults.push(
            at("Filter"),
            format!(
                "has the control character U+{:04X}, which XML cannot hold, and so no replication rule",
                u32::from(control)
            ),
        );
    }
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
