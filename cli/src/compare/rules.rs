//! A bucket's rules, destination by destination: which one a version is under. Pure.

use aws_names::Arn;
use replication::configuration::{ReplicationConfiguration, ReplicationRule, Status, Tag};

use crate::listing::{Entry, Prefixes};

/// The rules of a source bucket.
#[derive(Clone, Debug)]
pub struct Rules {
    sides: Vec<Side>,
}

/// A destination bucket, and the rules that lead there.
#[derive(Clone, Debug)]
pub struct Side {
    /// The bucket's ARN.
    pub arn: String,
    /// The bucket's name.
    pub bucket: String,
    /// The account that owns it, where a rule says it.
    pub account: Option<String>,
    /// The highest priority first.
    pub rules: Vec<ReplicationRule>,
}

/// Which rule a version is under, at one destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cover {
    /// This one, by its place.
    By(usize),
    /// None that is in force; by its place one that is disabled, where there is one.
    None(Option<usize>),
    /// Its tags decide, whether by this rule or one below it.
    Tags(usize),
    /// A rule with a filter that is not understood may be the one, by its place.
    NotUnderstood(usize),
}

impl Rules {
    /// The rules of a configuration. The order of destinations is that of their first rules.
    #[must_use]
    pub fn of(configuration: &ReplicationConfiguration) -> Self {
        let mut sides: Vec<Side> = Vec::new();
        for rule in &configuration.rules {
            let to = &rule.destination;
            if let Some(side) = sides.iter_mut().find(|side| side.arn == to.bucket) {
                side.account = side.account.take().or_else(|| to.account.clone());
                side.rules.push(rule.clone());
                continue;
            }
            sides.push(Side {
                arn: to.bucket.clone(),
                bucket: Arn::parse(&to.bucket)
                    .map_or_else(|| to.bucket.clone(), |arn| arn.resource),
                account: to.account.clone(),
                rules: vec![rule.clone()],
            });
        }
        for side in &mut sides {
            // The first of equal ones stays the first.
            side.rules
                .sort_by_key(|rule| std::cmp::Reverse(rule.priority));
        }
        Self { sides }
    }

    /// The destinations.
    #[must_use]
    pub fn sides(&self) -> &[Side] {
        &self.sides
    }

    /// The destination at this place.
    #[must_use]
    pub fn side(&self, side: usize) -> Option<&Side> {
        self.sides.get(side)
    }
}

impl Side {
    /// Which part of the destination replicas of this source can be in; disabled rules led there once.
    #[must_use]
    pub fn prefixes(&self) -> Prefixes {
        Prefixes::of(self.rules.iter().map(prefix))
    }

    /// Which rule a version is under; without its tags as far as its key tells.
    #[must_use]
    pub fn cover(&self, key: &str, tags: Option<&[Tag]>) -> Cover {
        let mut disabled = None;
        for (place, rule) in self.rules.iter().enumerate() {
            if !may_cover(rule, key) {
                continue;
            }
            if rule.status != Status::Enabled {
                disabled = disabled.or(Some(place));
                continue;
            }
            if !rule.as_read.is_understood() {
                return Cover::NotUnderstood(place);
            }
            match tags {
                _ if !asks_for_tags(rule) => return Cover::By(place),
                None => return Cover::Tags(place),
                Some(tags) if rule.covers(key, tags) => return Cover::By(place),
                Some(_) => {}
            }
        }
        Cover::None(disabled)
    }

    /// Whether a delete marker of `key` is replicated, as far as the rules say: one that a lifecycle rule
    /// makes never is. In S3's older schema those that people make always are. See
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/delete-marker-replication.html>.
    #[must_use]
    pub fn replicates_marker(&self, marker: &Entry) -> Option<usize> {
        // A rule with tags replicates none.
        let Cover::By(place) = self.cover(&marker.key, Some(&[])) else {
            return None;
        };
        let rule = self.rules.get(place)?;
        let enabled = Some(Status::Enabled);
        let yes = rule.is_v1() || rule.delete_marker_replication == enabled;
        yes.then_some(place)
    }
}

/// The start of the keys that a rule is for.
pub(super) fn prefix(rule: &ReplicationRule) -> &str {
    if rule.is_v1() {
        rule.prefix.as_deref().unwrap_or_default()
    } else {
        rule.filter_prefix()
    }
}

/// Whether the rule is for objects with this key, or for some of them.
fn may_cover(rule: &ReplicationRule, key: &str) -> bool {
    let left_out = |start: &String| key.starts_with(start.as_str());
    let excluded = rule
        .filter
        .as_ref()
        .is_some_and(|filter| filter.not.prefixes.iter().any(left_out));
    key.starts_with(prefix(rule)) && !excluded
}

fn asks_for_tags(rule: &ReplicationRule) -> bool {
    let filter = rule.filter.as_ref();
    filter.is_some_and(|filter| !filter.tags.is_empty() || !filter.not.tags.is_empty())
}
