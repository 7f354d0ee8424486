//! Who else still names a thing that is about to be taken away or narrowed.
//!
//! One question, asked here alone: by a Delete, by the one that ends a replacement, by an Update and by
//! its roll-back. Whatever anybody else names stays, and what stays for that reason is told, with who
//! names it. Pure: `observe/surroundings.rs` reads what others say.

mod claim;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::configuration::{ReplicationConfiguration, ReplicationRule, Status};
use crate::merge::has_statements;
use crate::owner::{Kind, Owner, PhysicalId};
use crate::parameters::speaks;
use crate::resources::unescaped_start;

use aws_names::Arn;
pub use claim::{Claim, Kept};

/// A key, by all that it may be named by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedKey<'a> {
    /// ARN of the key itself.
    pub arn: &'a str,
    /// ARN of its alias.
    pub alias_arn: &'a str,
}

impl NamedKey<'_> {
    fn id(&self) -> &str {
        self.arn.split_once(":key/").map_or(self.arn, |(_, id)| id)
    }

    fn alias(&self) -> &str {
        let name = self.alias_arn.split_once(":alias/");
        name.map_or(self.alias_arn, |(_, name)| name)
    }

    /// Whether `name` (ARN, id, or either form of the alias) stands for the key.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        name == self.arn
            || name == self.id()
            || name == self.alias_arn
            || name.strip_prefix("alias/") == Some(self.alias())
    }

    /// Whether a document names the key. Ids are drawn at random and aliases hold an owner: neither
    /// occurs anywhere by chance.
    fn occurs_in(&self, text: &str) -> bool {
        text.contains(self.id()) || text.contains(self.alias())
    }
}

/// The role of ours for a source bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceRole<'a> {
    /// Its ARN.
    pub arn: &'a str,
    /// The bucket, which has one role for all its rules.
    pub bucket: &'a str,
}

/// What others say of the things that one owner's resource made or uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Others {
    /// Replication configurations by bucket. The owner's own rules in them claim nothing.
    pub replication: BTreeMap<String, ReplicationConfiguration>,
    /// What default encryptions name, by bucket.
    pub default_keys: BTreeMap<String, String>,
    /// Expectations that are not the owner's: by bucket, the parameters.
    pub expectations: BTreeMap<String, BTreeMap<String, String>>,
    /// What other resources were asked for, as text, by owner.
    pub records: BTreeMap<Owner, String>,
    /// Policies of others on the role of ours, by name.
    pub role_policies: BTreeMap<String, String>,
    /// Policies in other accounts, by bucket or key ARN.
    pub policies: BTreeMap<String, String>,
    /// Stacks that manage buckets, by bucket.
    pub stacks: BTreeMap<String, String>,
    /// Buckets that hold versions or delete markers.
    pub holding: BTreeSet<String>,
    /// Buckets that cannot be looked at.
    pub hidden: BTreeSet<String>,
    /// Keys that an alias of ours leads to, and that do not bear the owner's tag, by ARN.
    pub strange_keys: BTreeSet<String>,
    /// Further aliases that somebody names a key of ours by, by the key's ARN.
    pub aliases: BTreeMap<String, BTreeSet<String>>,
    /// Buckets of the resource's that use a key which was made for another one and hold versions or delete
    /// markers, by the key's ARN.
    pub encrypted: BTreeMap<String, BTreeSet<String>>,
}

impl Others {
    /// Parameters about a bucket that are not the owner's. What an owner left behind names nothing.
    pub(crate) fn hear(&mut self, bucket: &str, parameters: BTreeMap<String, String>) {
        let said = self.expectations.entry(bucket.to_owned()).or_default();
        let words = parameters.into_iter().filter(|(_, text)| speaks(text));
        said.extend(words);
    }

    /// The rules in a bucket's configuration that are not the owner's.
    fn rules<'a>(
        &'a self,
        bucket: &str,
        owner: &'a Owner,
    ) -> impl Iterator<Item = &'a ReplicationRule> {
        let configuration = self.replication.get(bucket);
        let rules = configuration.map_or(&[][..], |found| found.rules.as_slice());
        rules.iter().filter(|rule| !owner.owns(&rule.id))
    }

    /// All rules that are not the owner's, with the bucket whose configuration they are in.
    fn all_rules<'a>(
        &'a self,
        owner: &'a Owner,
    ) -> impl Iterator<Item = (&'a String, &'a ReplicationRule)> {
        let buckets = self.replication.keys();
        buckets.flat_map(move |bucket| self.rules(bucket, owner).map(move |rule| (bucket, rule)))
    }

    /// Aliases by which anybody here names a key.
    pub(crate) fn aliases_named(&self) -> BTreeSet<String> {
        let rules = self.replication.values().flat_map(|found| &found.rules);
        let of_rules = rules.flat_map(|rule| {
            let key = rule.destination.replica_kms_key_id.as_deref();
            key.into_iter().chain(rule.as_read.xml.as_deref())
        });
        let expectations = self.expectations.values().flat_map(BTreeMap::values);
        let texts = self.default_keys.values().chain(expectations);
        let texts = texts.chain(self.role_policies.values());
        let texts = texts.chain(self.records.values()).map(String::as_str);
        texts.chain(of_rules).flat_map(aliases_in).collect()
    }

    /// Whether a name or a document names the key, by its own names or by an alias that somebody gave it.
    pub(crate) fn named_in(&self, key: NamedKey<'_>, text: &str) -> bool {
        let further = self.aliases.get(key.arn);
        key.is(text)
            || key.occurs_in(text)
            || further.is_some_and(|further| aliases_in(text).any(|alias| further.contains(&alias)))
    }

    fn resources(&self, names: impl Fn(&str) -> bool) -> impl Iterator<Item = Claim> {
        let naming = self.records.iter().filter(move |(_, text)| names(text));
        naming.map(|(owner, text)| resource(owner, text))
    }

    /// Who names a bucket that is to be deleted: rules that lead to it or from it, expectations,
    /// resources, a stack that manages it.
    #[must_use]
    pub fn of_bucket(&self, bucket: &str, owner: &Owner) -> Vec<Claim> {
        let mut claims: BTreeSet<Claim> = self
            .all_rules(owner)
            .filter(|(source, rule)| *source == bucket || rule.destination.bucket_name() == bucket)
            .map(|(source, rule)| claim_of(source, rule))
            .collect();
        let expectations = self.expectations.get(bucket).into_iter().flatten();
        claims.extend(expectations.map(|(name, _)| Claim::Expectation { name: name.clone() }));
        claims.extend(self.resources(|text| record_names_bucket(text, bucket)));
        let stack = self.stacks.get(bucket);
        claims.extend(stack.map(|name| Claim::Stack { name: name.clone() }));
        claims.into_iter().collect()
    }

    /// Who names the key that was made for `bucket`, or needs what it encrypts there.
    #[must_use]
    pub fn of_key(&self, key: NamedKey<'_>, bucket: &str, owner: &Owner) -> Vec<Claim> {
        let mentions = |text: &str| self.named_in(key, text);
        let defaults = self.default_keys.iter().filter(|(_, name)| mentions(name));
        let mut claims: BTreeSet<Claim> = defaults
            .map(|(bucket, _)| Claim::DefaultEncryption {
                bucket: bucket.clone(),
            })
            .collect();
        let rules = self.all_rules(owner).filter(|(source, rule)| {
            let replica = rule.destination.replica_kms_key_id.as_deref();
            // What we do not understand of it may name the key too.
            let as_read = rule.as_read.xml.as_deref();
            // What a rule replicates from the bucket has to be decrypted first.
            *source == bucket && takes_kms(rule)
                || replica.is_some_and(mentions)
                || as_read.is_some_and(mentions)
        });
        claims.extend(rules.map(|(source, rule)| claim_of(source, rule)));
        let expectations = self.expectations.values().flatten();
        let named = expectations.filter(|(_, text)| mentions(text));
        claims.extend(named.map(|(name, _)| Claim::Expectation { name: name.clone() }));
        let policies = self.role_policies.iter();
        let named = policies.filter(|(_, text)| mentions(text));
        claims.extend(named.map(|(policy, _)| Claim::RolePolicy {
            policy: policy.clone(),
        }));
        claims.extend(self.resources(mentions));
        let bucket = bucket.to_owned();
        if self.holding.contains(&bucket) {
            let bucket = bucket.clone();
            claims.insert(Claim::Versions { bucket });
        }
        let encrypted = self.encrypted.get(key.arn).into_iter().flatten();
        claims.extend(encrypted.map(|bucket| Claim::Versions {
            bucket: bucket.clone(),
        }));
        if self.hidden.contains(&bucket) {
            claims.insert(Claim::Hidden { bucket });
        }
        if self.strange_keys.contains(key.arn) {
            claims.insert(Claim::NotOurs);
        }
        claims.into_iter().collect()
    }

    /// Who needs the default encryption of an adopted source bucket as it is: another resource on it, or
    /// rules that replicate what is encrypted with KMS keys. Others lost by it and gain by SSE-S3.
    #[must_use]
    pub fn of_default_encryption(&self, bucket: &str, owner: &Owner) -> Vec<Claim> {
        let rules = self.rules(bucket, owner);
        let in_need =
            rules.filter(|rule| Owner::at_start_of(&rule.id).is_some() || takes_kms(rule));
        in_need.map(|rule| claim_of(bucket, rule)).collect()
    }

    /// Who replicates by the role of ours: the bucket has one role for all its rules.
    #[must_use]
    pub fn of_role(&self, role: SourceRole<'_>, owner: &Owner) -> Vec<Claim> {
        let rules = self.by_role(role, owner);
        rules.map(|rule| claim_of(role.bucket, rule)).collect()
    }

    /// The rules that are not the owner's and replicate by the role of ours.
    fn by_role<'a>(
        &'a self,
        role: SourceRole<'a>,
        owner: &'a Owner,
    ) -> impl Iterator<Item = &'a ReplicationRule> {
        let found = self.replication.get(role.bucket);
        let is_named = found.is_some_and(|found| found.role == role.arn);
        let rules = self.rules(role.bucket, owner);
        rules.filter(move |_| is_named)
    }

    /// Who replicates by our policy on the role, of which `ours` is the text: rules that no resource of ours
    /// stands behind, where it and no other policy speaks of their buckets. A resource brings its own.
    #[must_use]
    pub fn of_role_policy(&self, role: SourceRole<'_>, ours: &str, owner: &Owner) -> Vec<Claim> {
        let bucket = role.bucket;
        let theirs = |bucket: &str| {
            let mut policies = self.role_policies.values();
            policies.any(|policy| speaks_of(policy, bucket))
        };
        let by_hand = self.by_role(role, owner).filter(|rule| {
            let to = rule.destination.bucket_name();
            let by_theirs = theirs(to) && theirs(bucket);
            let prefix = rule.covered_prefix();
            Owner::at_start_of(&rule.id).is_none()
                && !by_theirs
                && reaches(ours, bucket, prefix)
                && (reaches(ours, to, prefix) || theirs(to))
        });
        by_hand.map(|rule| claim_of(bucket, rule)).collect()
    }

    /// Who is let into another account by our statements in a policy there: rules to `destination` under
    /// the same role, of owners without statements of their own in it. `on` is the bucket or the key whose
    /// policy it is.
    #[must_use]
    pub fn of_statements(&self, on: &str, destination: &str, owner: &Owner) -> Vec<Claim> {
        let policy = self.policies.get(on);
        let speaks_for_itself = |rule: &ReplicationRule| {
            let other = Owner::at_start_of(&rule.id);
            other.is_some_and(|other| policy.is_some_and(|text| has_statements(text, &other)))
        };
        let is_key = Arn::parse(on).is_some_and(|arn| arn.is_kms_key());
        let rules = self.all_rules(owner).filter(|(_, rule)| {
            // Which key an alias or an id means, and which S3 chooses without one, is not known here.
            let key = rule.destination.replica_kms_key_id.as_deref();
            let key = key.filter(|key| Arn::parse(key).is_some_and(|arn| arn.is_kms_key()));
            rule.destination.bucket_name() == destination
                && (!is_key || key.is_none_or(|key| key == on))
                && !speaks_for_itself(rule)
        });
        rules.map(|(source, rule)| claim_of(source, rule)).collect()
    }
}

/// Aliases in a text, as `alias/tax`, but for those of keys that AWS manages.
pub(crate) fn aliases_in(text: &str) -> impl Iterator<Item = String> {
    let rests = text.split("alias/").skip(1);
    let named = rests.map(|rest| {
        let is_part = |c: char| c.is_ascii_alphanumeric() || "/_-".contains(c);
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        rest.get(..end).unwrap_or_default()
    });
    let named = named.filter(|name| !name.is_empty() && !name.starts_with("aws/"));
    named.map(|name| format!("alias/{name}"))
}

/// Whether the rule replicates objects that KMS keys encrypt. See
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-config-for-kms-objects.html>.
pub(crate) fn takes_kms(rule: &ReplicationRule) -> bool {
    rule.sse_kms_encrypted_objects == Some(Status::Enabled)
}

/// Whether a policy's text names the bucket or objects in it.
fn speaks_of(policy: &str, bucket: &str) -> bool {
    let name = format!(":::{bucket}");
    let mut found = policy.split(name.as_str()).skip(1);
    found.any(|rest| rest.starts_with(['"', '/']))
}

/// Whether a policy of ours speaks of objects under the prefix.
fn reaches(policy: &str, bucket: &str, prefix: &str) -> bool {
    let name = format!(":::{bucket}/");
    policy.split(name.as_str()).skip(1).any(|rest| {
        let path = rest.split('"').next().unwrap_or_default();
        let under = unescaped_start(path);
        under.starts_with(prefix) || prefix.starts_with(&under)
    })
}

fn claim_of(bucket: &str, rule: &ReplicationRule) -> Claim {
    Claim::Rule {
        bucket: bucket.to_owned(),
        id: rule.id.clone(),
    }
}

fn resource(owner: &Owner, record: &str) -> Claim {
    let record: Value = serde_json::from_str(record).unwrap_or_default();
    let text = |name: &str| record.get(name).and_then(Value::as_str).map(str::to_owned);
    Claim::Resource {
        stack: text("stackId").unwrap_or_else(|| owner.to_string()),
        logical_id: text("logicalResourceId").unwrap_or_default(),
    }
}

/// The first of these resources that watches rules of others on a source bucket, by their records as text.
pub(crate) fn watcher_of(records: &BTreeMap<Owner, String>, source_bucket: &str) -> Option<Owner> {
    let watching = records.iter().find(|(_, text)| {
        let record: Value = serde_json::from_str(text).unwrap_or_default();
        let id = record.get("physicalResourceId").and_then(Value::as_str);
        id.and_then(PhysicalId::parse)
            .is_some_and(|id| id.kind == Kind::Watched && id.source_bucket == source_bucket)
    });
    watching.map(|(owner, _)| owner.clone())
}

/// Whether a resource was asked for replication from or to the bucket.
fn record_names_bucket(record: &str, bucket: &str) -> bool {
    let Ok(record) = serde_json::from_str::<Value>(record) else {
        // What cannot be read may say anything.
        return record.contains(&format!(":::{bucket}\""))
            || record.contains(&format!("/{bucket}/"));
    };
    let id = record.get("physicalResourceId").and_then(Value::as_str);
    let source = id.and_then(PhysicalId::parse).map(|id| id.source_bucket);
    source.as_deref() == Some(bucket) || says_bucket(record.get("properties"), bucket)
}

fn says_bucket(value: Option<&Value>, bucket: &str) -> bool {
    match value {
        Some(Value::String(text)) => {
            Arn::parse(text).is_some_and(|arn| arn.bucket_name() == Some(bucket))
        }
        Some(Value::Array(items)) => items.iter().any(|item| says_bucket(Some(item), bucket)),
        Some(Value::Object(members)) => {
            members.values().any(|item| says_bucket(Some(item), bucket))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
