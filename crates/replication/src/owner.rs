//! Whose is what: one name per custom resource, borne by everything the resource makes.
//!
//! The name is derived, not drawn, so that every request of one resource (a retry, a rollback, the
//! Delete after a half-made Create) finds the same things again.

use std::fmt;

use crate::configuration::{ReplicationConfiguration, ReplicationRule};
use aws_names::Home;
use aws_names::digest;
use expectation::PROBE;

/// Key of the tag that says which resource a bucket, key or role belongs to.
pub const OWNER_TAG: &str = "encrypted-replication:owner";

/// Key of the tag that says which S3 Batch Replication job a role was made for.
pub const JOB_TAG: &str = "encrypted-replication:batch-job";

/// Path of all our parameters.
pub const PARAMETERS: &str = "/encrypted-replication";

/// Path of the parameters that say what to expect in a destination bucket.
#[must_use]
pub fn parameter_path(destination_bucket: &str) -> String {
    format!("{PARAMETERS}/{destination_bucket}")
}

/// Path of the records of what each resource was asked for. No bucket's name begins with `_`, so that
/// it is no destination's path.
pub const RECORDS: &str = "/encrypted-replication/_resources";

/// Where provisioners remember, among the records, how far they have come with proofs.
pub const ROUNDS: &str = "/encrypted-replication/_resources/_proofs";

/// Path of the roles we make; our permissions in IAM end at it.
pub const ROLE_PATH: &str = "/encrypted-replication/";

/// ARN of the role of ours with this name.
#[must_use]
pub fn role_arn(home: &Home, name: &str) -> String {
    format!(
        "arn:{}:iam::{}:role{ROLE_PATH}{name}",
        home.partition, home.account
    )
}

/// Name of the role of ours for a source bucket: the bucket's own, which is what people look for. IAM takes 64
/// characters, see <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>.
#[must_use]
pub fn role_name(source_bucket: &str) -> String {
    fitted(source_bucket, 64)
}

/// The name of a bucket, in `most` characters. Buckets with longer names than today's 63 differ by the digest
/// at its end.
fn fitted(bucket: &str, most: usize) -> String {
    if bucket.len() <= most {
        return bucket.to_owned();
    }
    let mut fitted: String = bucket.chars().take(most - 1 - DIGITS).collect();
    fitted.push('-');
    fitted.extend(digest::hex([bucket]).chars().take(DIGITS));
    fitted
}

const PREFIX: &str = "er";
const DIGITS: usize = 20;

/// The owner's name: `er` and 20 hexadecimal digits. Letters and digits only, because an IAM
/// statement's `Sid` takes no others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner(String);

impl Owner {
    /// The owner that stands for one resource of one stack on one source bucket.
    #[must_use]
    pub fn new(stack_id: &str, logical_resource_id: &str, source_bucket: &str) -> Self {
        let mut name = PREFIX.to_owned();
        let digits = digest::hex([stack_id, logical_resource_id, source_bucket]);
        name.extend(digits.chars().take(DIGITS));
        Self(name)
    }

    /// In whose name replication is looked at that no resource asks for; nothing bears it.
    #[must_use]
    pub fn nobody(source_bucket: &str) -> Self {
        Self::new("", "", source_bucket)
    }

    /// The owner at the start of `name`, be it ours or another resource's; `None` for foreign names.
    #[must_use]
    pub fn at_start_of(name: &str) -> Option<Self> {
        let end = PREFIX.len() + DIGITS;
        let owner = name.get(..end)?;
        let digits = owner.strip_prefix(PREFIX)?;
        let ours = digits
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let ends = name
            .get(end..)?
            .chars()
            .next()
            .is_none_or(|c| !c.is_ascii_alphanumeric());
        (ours && ends).then(|| Self(owner.to_owned()))
    }

    /// The owners that a text names, wherever it does: as such, or at the start of a name.
    #[must_use]
    pub fn all_in(text: &str) -> Vec<Self> {
        let mut found = Vec::new();
        for (start, _) in text.match_indices(PREFIX) {
            let before = text
                .get(..start)
                .and_then(|before| before.chars().next_back());
            let end = start + PREFIX.len() + DIGITS;
            let within = before.is_some_and(|c| c.is_ascii_alphanumeric());
            let Some(name) = text.get(start..end).filter(|_| !within) else {
                continue;
            };
            // A purpose, which begins with a capital, may follow.
            let follows = text.get(end..).and_then(|rest| rest.chars().next());
            let ends = follows.is_none_or(|c| !c.is_ascii_lowercase() && !c.is_ascii_digit());
            let owner = Self::at_start_of(name).filter(|_| ends);
            found.extend(owner.filter(|owner| !found.contains(owner)));
        }
        found
    }

    /// The name itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `name` (a rule `Id`, policy name or notification `Id`) is this owner's.
    #[must_use]
    pub fn owns(&self, name: &str) -> bool {
        Self::at_start_of(name).as_ref() == Some(self)
    }

    /// This owner's rules in a bucket's configuration, where it has one.
    pub fn rules_of<'a>(
        &'a self,
        replication: Option<&'a ReplicationConfiguration>,
    ) -> impl Iterator<Item = &'a ReplicationRule> {
        let all = replication.map_or(&[][..], |replication| &replication.rules);
        all.iter().filter(|rule| self.owns(&rule.id))
    }

    /// `Id` of the replication rule at `position` (from 0), which the template calls `id`.
    #[must_use]
    pub fn rule_id(&self, id: Option<&str>, position: usize) -> String {
        match id {
            Some(id) => format!("{self}-{id}"),
            None => format!("{self}-{}", position + 1),
        }
    }

    /// Name of the inline policy on the replication role.
    #[must_use]
    pub fn policy_name(&self) -> String {
        format!("{self}-replication")
    }

    /// Name of the role, and of its policy, for replicating existing objects.
    #[must_use]
    pub fn batch_role(&self) -> String {
        format!("{self}-batch-replication")
    }

    /// `Id` of the source bucket's notification for failed replication.
    #[must_use]
    pub fn notification_id(&self) -> String {
        format!("{self}-replication-failures")
    }

    /// `Sid` of the policy statement for `purpose`.
    #[must_use]
    pub fn sid(&self, purpose: &str) -> String {
        format!("{self}{purpose}")
    }

    /// Whether a policy statement's `Sid` is this owner's.
    #[must_use]
    pub fn owns_sid(&self, sid: &str) -> bool {
        // A purpose begins with a capital, which no owner's digits do.
        sid.strip_prefix(self.as_str())
            .is_some_and(|purpose| purpose.starts_with(|c: char| c.is_ascii_uppercase()))
    }

    /// Alias of the key that we make for `bucket`. Dots, which buckets may have and aliases may
    /// not, become underscores, which only old buckets have. KMS takes 256 characters, see
    /// <https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html>.
    #[must_use]
    pub fn key_alias(&self, bucket: &str) -> String {
        let path = format!("alias/encrypted-replication/{self}/");
        let bucket = fitted(bucket, 256 - path.len());
        format!("{path}{}", bucket.replace('.', "_"))
    }

    /// Name of the SSM parameter that tells the checker what to expect in `destination_bucket`. What
    /// one does not hold goes on in others, with a `number` above 0.
    #[must_use]
    pub fn parameter_name(&self, destination_bucket: &str, number: usize) -> String {
        let path = parameter_path(destination_bucket);
        match number {
            0 => format!("{path}/{self}"),
            number => format!("{path}/{self}-{}", number + 1),
        }
    }

    /// Whether the SSM parameter `name` is this owner's.
    #[must_use]
    pub fn owns_parameter(&self, name: &str) -> bool {
        name.rsplit('/').next().is_some_and(|last| self.owns(last))
    }

    /// Path of the SSM parameters that hold the record of what the resource was asked for.
    #[must_use]
    pub fn record_path(&self) -> String {
        format!("{RECORDS}/{self}")
    }

    /// Name of the record's parameter with this `number`, from 0.
    #[must_use]
    pub fn record_name(&self, number: usize) -> String {
        format!("{}/{}", self.record_path(), number + 1)
    }

    /// Owner and number of a record's parameter; `None` for any other.
    #[must_use]
    pub fn of_record(name: &str) -> Option<(Self, usize)> {
        let below = name.strip_prefix(RECORDS)?.strip_prefix('/')?;
        let (text, number) = below.split_once('/')?;
        let owner = Self::at_start_of(text)?;
        let number = number.parse::<usize>().ok()?.checked_sub(1)?;
        (owner.record_name(number) == name).then_some((owner, number))
    }

    /// Name of the SSM parameter that remembers a job of S3 Batch Operations.
    #[must_use]
    pub fn job_name(&self, job_id: &str) -> String {
        format!("{}/job-{job_id}", self.record_path())
    }

    /// Owner and id of a job's parameter; `None` for any other.
    #[must_use]
    pub fn of_job(name: &str) -> Option<(Self, &str)> {
        let below = name.strip_prefix(RECORDS)?.strip_prefix('/')?;
        let (text, job) = below.split_once("/job-")?;
        let owner = Self::at_start_of(text)?;
        (owner.job_name(job) == name).then_some((owner, job))
    }

    /// Start of the keys of the batch job's report.
    #[must_use]
    pub fn report_prefix(&self) -> String {
        format!("encrypted-replication/{self}")
    }

    /// Key of a probe object under `prefix`.
    #[must_use]
    pub fn probe_key(&self, prefix: &str) -> String {
        format!("{prefix}{PROBE}{self}")
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a resource is to its source bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `Custom::EncryptedReplication`: it makes the rules and all that they need.
    Provisioned,
    /// `Custom::WatchedReplication`: it watches rules of others, and touches nothing of theirs.
    Watched,
}

impl Kind {
    const ALL: [Self; 2] = [Self::Provisioned, Self::Watched];

    /// How its physical ids begin.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Provisioned => "encrypted-replication",
            Self::Watched => "watched-replication",
        }
    }
}

/// What `Ref` gives: `encrypted-replication/SOURCE-BUCKET/OWNER`, or `watched-replication/…` of a resource
/// that watches alone. It holds all that a Delete needs to find what is ours, even when the properties that
/// come with it cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhysicalId {
    /// What the resource is to its source bucket.
    pub kind: Kind,
    /// Name of the source bucket; empty where the properties named none.
    pub source_bucket: String,
    /// The resource's owner.
    pub owner: Owner,
}

impl PhysicalId {
    /// The physical id of one resource that provisions.
    #[must_use]
    pub fn new(stack_id: &str, logical_resource_id: &str, source_bucket: &str) -> Self {
        Self {
            kind: Kind::Provisioned,
            owner: Owner::new(stack_id, logical_resource_id, source_bucket),
            source_bucket: source_bucket.to_owned(),
        }
    }

    /// The same of a resource of this kind.
    #[must_use]
    pub fn of_kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    /// Reads a physical id that we gave; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (prefix, rest) = text.split_once('/')?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.prefix() == prefix)?;
        let (source_bucket, owner) = rest.split_once('/')?;
        let parsed = Owner::at_start_of(owner)?;
        (parsed.as_str() == owner).then(|| Self {
            kind,
            source_bucket: source_bucket.to_owned(),
            owner: parsed,
        })
    }
}

impl fmt::Display for PhysicalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = self.kind.prefix();
        write!(f, "{prefix}/{}/{}", self.source_bucket, self.owner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STACK: &str = "arn:aws:cloudformation:us-east-1:111122223333:stack/tax/5f7a";

    #[test]
    fn the_owner_is_the_same_for_one_resource_and_differs_by_each_part() {
        let owner = Owner::new(STACK, "Replication", "source");
        assert_eq!(owner, Owner::new(STACK, "Replication", "source"));
        assert_ne!(owner, Owner::new(STACK, "Replication2", "source"));
        assert_ne!(owner, Owner::new(STACK, "Replication", "source2"));
        assert_ne!(Owner::new("ab", "c", "d"), Owner::new("a", "bc", "d"));
        assert_eq!(owner.as_str().len(), 22);
    }

    #[test]
    fn names_are_ours_only_where_the_whole_owner_starts_them() {
        let owner = Owner::new(STACK, "Replication", "source");
        assert!(owner.owns(&owner.rule_id(Some("tax"), 0)));
        assert!(owner.owns(&owner.policy_name()));
        assert!(owner.owns(&owner.notification_id()));
        assert!(!owner.owns("tax"));
        assert!(!owner.owns(&format!("{owner}0-tax")));
        assert!(!owner.owns(&format!("x{owner}-tax")));
        let other = Owner::new(STACK, "Other", "source");
        assert!(!owner.owns(&other.rule_id(None, 0)));
        assert_eq!(Owner::at_start_of(&other.rule_id(None, 0)), Some(other));
    }

    #[test]
    fn owners_are_found_in_any_text() {
        let (one, two) = (
            Owner::new(STACK, "A", "source"),
            Owner::new(STACK, "B", "source"),
        );
        let text = format!(
            "rule `{one}-tax`, parameter /encrypted-replication/b/{two}-2, statement {} and {one}",
            one.sid("SourceObjects")
        );
        assert_eq!(Owner::all_in(&text), [one.clone(), two]);
        for text in [
            format!("x{one}"),
            format!("{one}0"),
            one.as_str().chars().take(21).collect(),
            "er".into(),
            "erä".into(),
        ] {
            assert_eq!(Owner::all_in(&text), [], "{text}");
        }
    }

    #[test]
    fn a_physical_id_is_read_back_and_others_are_not() {
        let id = PhysicalId::new(STACK, "Replication", "my.source-1");
        assert_eq!(PhysicalId::parse(&id.to_string()), Some(id.clone()));
        let watched = id.clone().of_kind(Kind::Watched);
        assert_ne!(watched.to_string(), id.to_string());
        assert_eq!(PhysicalId::parse(&watched.to_string()), Some(watched));
        for text in [
            "",
            "replication/b/er0123456789abcdef0123",
            "2026/11/24/[$LATEST]abc",
            "encrypted-replication/b",
            "encrypted-replication/b/er12",
        ] {
            assert_eq!(PhysicalId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_records_name_is_read_back_and_others_are_not() {
        let owner = Owner::new(STACK, "Replication", "source");
        for number in [0, 1, 10] {
            let name = owner.record_name(number);
            assert_eq!(Owner::of_record(&name), Some((owner.clone(), number)));
        }
        for name in [
            owner.parameter_name("destination", 0),
            owner.record_path(),
            format!("{RECORDS}/{owner}/0"),
            format!("{RECORDS}/{owner}/01"),
            format!("{RECORDS}/{owner}-2/1"),
        ] {
            assert_eq!(Owner::of_record(&name), None, "{name}");
        }
    }

    #[test]
    fn an_alias_has_no_dots_and_stays_unique() {
        let owner = Owner::new(STACK, "Replication", "source");
        assert_eq!(
            owner.key_alias("a.b-c"),
            format!("alias/encrypted-replication/{owner}/a_b-c")
        );
    }
}
