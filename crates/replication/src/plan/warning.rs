//! What a person should know of, though it keeps nothing from being done.

use super::comparison::Comparison;

use crate::configuration::ReplicationRule;
use crate::desired::{ByHand, Desired};
use crate::fault::{About, Fault, FaultKind};
use crate::observed::Observed;
use crate::policy::{Reach, role_policy};
use crate::replication::Replication;
use crate::spec::ExistingObjects;

/// What is there and does not work any more, though no step of ours would change it; and everything that a
/// person should know of, this included.
#[must_use]
pub fn warnings(
    replication: &Replication,
    desired: &Desired,
    observed: &Observed,
) -> (Vec<Fault>, Vec<Fault>) {
    let comparison = Comparison::of(replication, desired, observed);
    let ranks = comparison.ranks();
    let mut broken = desired.broken.clone();
    broken.extend(ranks.outranked);
    let mut warnings = desired.warnings.clone();
    warnings.extend(comparison.literal());
    warnings.extend(comparison.boundary());
    warnings.extend(comparison.others_objects());
    warnings.extend(comparison.kept_for_others());
    warnings.extend(ranks.warnings);
    warnings.extend(broken.iter().cloned());
    (broken, warnings)
}

impl Comparison<'_> {
    /// Filters that look like patterns or paths. See
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-prefixes.html>.
    fn literal(&self) -> Vec<Fault> {
        let source = &self.replication.spec.source_bucket;
        let mut found = Vec::new();
        for (position, rule) in self.desired.rules.iter().enumerate() {
            let mut told = |at: &str, what: &str, why: String| {
                let about = About::Property(format!("Rules[{position}].Filter{at}"));
                let words = format!("{what} is taken literally, {why}");
                found.push(Fault::new(about, FaultKind::Asked, words));
            };
            let filter = rule.filter.iter();
            let left_out = filter.clone().flat_map(|filter| &filter.not.prefixes);
            let prefixes = left_out.map(|prefix| (".Not", prefix.as_str()));
            for (at, prefix) in std::iter::once((".Prefix", rule.filter_prefix())).chain(prefixes) {
                if let Some(why) = suspicious(prefix, source) {
                    let what = format!("the prefix `{prefix}`");
                    told(at, &what, format!("as the start of keys: {why}"));
                }
            }
            let tags = filter.flat_map(|filter| filter.tags.iter().chain(&filter.not.tags));
            for tag in tags.filter(|tag| tag.value.contains(['*', '?'])) {
                let what = format!("the value `{}` of tag `{}`", tag.value, tag.key);
                told("", &what, "and `*` and `?` are no wildcards in it".into());
            }
        }
        found
    }

    /// Another boundary than ours stays on a role that others share.
    fn boundary(&self) -> Option<Fault> {
        let found = self.observed.role.as_ref()?;
        let wanted = self.replication.spec.permissions_boundary.as_ref()?;
        let present = found.permissions_boundary.as_ref()?;
        if self.replication.spec.role.is_some() || wanted == present || !self.keeps_boundary(found)
        {
            return None;
        }
        let role = self.replication.role_name();
        let words = format!(
            "role `{role}` keeps the permissions boundary `{present}` instead of `{wanted}`, as other resources on the \
             bucket use the role too; give all of them the same"
        );
        Some(Fault::new(About::Role(role), FaultKind::Occupied, words))
    }

    /// What rules that no resource of ours stands behind rest on stays allowed to the role of ours.
    fn kept_for_others(&self) -> Option<Fault> {
        let (replication, desired) = (self.replication, self.desired);
        let alone = Desired {
            by_hand: ByHand::default(),
            ..desired.clone()
        };
        let policy = |desired| role_policy(replication, desired, Reach::Prefixes);
        if desired.by_hand.rules.is_empty() || policy(desired) == policy(&alone) {
            return None;
        }
        let (role, bucket) = (replication.role_name(), &replication.spec.source_bucket);
        let rules = desired.by_hand.rules.iter().map(|id| format!("`{id}`"));
        let words = format!(
            "policy `{}` of role `{role}` keeps what {} of bucket `{bucket}` needs, which no resource of ours made: it \
             replicates by that role; give the resource that rule, or remove it, and the next update narrows the policy",
            replication.owner.policy_name(),
            rules.collect::<Vec<_>>().join(", ")
        );
        Some(Fault::new(About::Role(role), FaultKind::Occupied, words))
    }

    /// The job replicates an object by every rule of the bucket that covers it.
    fn others_objects(&self) -> Option<Fault> {
        let spec = &self.replication.spec;
        if spec.existing_objects == ExistingObjects::Ignore {
            return None;
        }
        let owner = &self.replication.owner;
        let rules = self
            .observed
            .replication
            .iter()
            .flat_map(|found| &found.rules);
        let meets = |other: &str| {
            let mut prefixes = self
                .desired
                .rules
                .iter()
                .map(ReplicationRule::filter_prefix);
            prefixes.any(|prefix| prefix.starts_with(other) || other.starts_with(prefix))
        };
        let theirs: Vec<_> = rules
            .filter(|rule| !owner.owns(&rule.id) && meets(rule.filter_prefix()))
            .map(|rule| format!("`{}`", rule.id))
            .collect();
        if theirs.is_empty() {
            return None;
        }
        let bucket = &spec.source_bucket;
        let words = format!(
            "Replicate takes existing objects under our prefixes, and S3 replicates them by every rule of \
             bucket `{bucket}` that covers them, so also by {}, which are not ours",
            theirs.join(", ")
        );
        let about = About::Property("ExistingObjects".into());
        Some(Fault::new(about, FaultKind::Occupied, words))
    }
}

/// What a prefix seems to be meant as, that it is not.
pub(crate) fn suspicious(prefix: &str, source: &str) -> Option<String> {
    if prefix.contains(['*', '?']) {
        return Some(
            "`*` and `?` are no wildcards; leave them out, a prefix covers all that begins with it"
                .into(),
        );
    }
    if prefix.starts_with('/') {
        return Some(
            "keys do not begin with `/` unless they are uploaded so; leave it out, and the prefix empty for all objects"
                .into(),
        );
    }
    if prefix.contains("://")
        || prefix.starts_with("arn:")
        || prefix.starts_with(&format!("{source}/"))
    {
        return Some("the bucket's name is no part of a key; leave it out".into());
    }
    if prefix.starts_with("./") || prefix.contains('\\') {
        return Some("it is no path of a file; write it as keys begin, with `/` between".into());
    }
    let coded = |at: usize| {
        let digits = prefix.get(at + 1..at + 3).unwrap_or_default();
        digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
    };
    if prefix.match_indices('%').any(|(at, _)| coded(at)) {
        return Some("keys are not URL-encoded in it; write the characters themselves".into());
    }
    if prefix != prefix.trim() {
        return Some("it begins or ends with a space; leave that out".into());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_that_looks_like_a_pattern_or_a_path_is_told_and_others_are_not() {
        for prefix in [
            "*",
            "Tax/*",
            "/",
            "/Tax/",
            "s3://source/Tax/",
            "source/Tax/",
            " Tax/",
            "a?",
            "./Tax/",
            "Tax\\2026",
            "Tax%20Reports/",
        ] {
            assert!(suspicious(prefix, "source").is_some(), "{prefix}");
        }
        for prefix in [
            "", "Tax/", "Tax", "sources/", "a b/", "税/", "a+b/", "2026/11/", "100%/", ".cache/",
        ] {
            assert_eq!(suspicious(prefix, "source"), None, "{prefix}");
        }
    }
}
