//! Which keys are expected in one destination, and which were: the lines of an expectation.
//!
//! A key that is replaced stays, with an `until`, beside the one that replaces it. While a change is under
//! way that is a moment to come, as S3 may go by the old rule for a while; once the new rule is proved it
//! is the moment of the proof. A replica that is looked at years later is so still known to have been right.
//! Pure.

use std::cmp::Reverse;

use expectation::{Rule, Time};

use crate::configuration::{ReplicationRule, Status};

/// How long a replaced key stays right where nothing proves the new rule, in seconds. S3 may take hours
/// over an object, see
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-time-control.html>.
const UNPROVED_FOR: i64 = 24 * 60 * 60;

/// Former keys of one destination, the latest first; never fewer than its rules, so that a change of all
/// of them at once is remembered whole. A line has some 240 bytes, so that the parameter of an ordinary
/// resource stays within the 4 KB that SSM keeps for nothing, with years of keys that are replaced yearly.
pub(super) const MOST_FORMER: usize = 16;

/// How far a change is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Rules are still to be written: what a request says of them stands above no word of others, as it may
    /// never come to write them.
    Announced,
    /// S3 may go by the old rules or by the new ones.
    UnderWay,
    /// The new rules were seen to work.
    Proved,
}

/// What there is before a change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Before<'a> {
    /// What we say of the destination now.
    pub(crate) present: &'a [Rule],
    /// Prefixes and priorities of rules in force of others that lead there.
    pub(crate) others: &'a [(&'a str, Option<i32>)],
    /// When the rules were looked at last, where somebody else changed them at some time since.
    pub(crate) looked: Option<Time>,
}

/// What a rule says by itself.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) line: Rule,
    pub(crate) enabled: bool,
    /// Whether such a rule is in the bucket, by whatever key.
    pub(crate) in_place: bool,
}

/// The lines for one destination: `rules` are ours that lead there, with their priorities, and `written` what is
/// in the source bucket.
pub(super) fn expected(
    rules: &[&ReplicationRule],
    written: &[ReplicationRule],
    before: Before<'_>,
    now: Time,
    change: Change,
) -> Vec<Rule> {
    let said = rules.iter().filter_map(|rule| {
        Some(Said {
            line: line(rule)?,
            enabled: rule.status == Status::Enabled,
            in_place: written.iter().any(|there| takes_the_same(there, rule)),
        })
    });
    expected_of(&said.collect::<Vec<_>>(), before, now, change)
}

/// The same of what rules say, whoever read them.
pub(crate) fn expected_of(
    rules: &[Said],
    before: Before<'_>,
    now: Time,
    change: Change,
) -> Vec<Rule> {
    let present = before.present;
    let latest = match change {
        Change::Announced | Change::UnderWay => {
            Time::from_secs(now.secs().saturating_add(UNPROVED_FOR))
        }
        Change::Proved => now,
    };
    let mut lines: Vec<Rule> = Vec::new();
    for Said { line, in_place, .. } in rules.iter().filter(|rule| rule.enabled) {
        let since = since(line, before, now);
        let stands = change != Change::Announced || *in_place || is_said(line, present);
        let line = Rule {
            since,
            // Leaves room for the next one.
            conditional: line.conditional || !stands,
            ..line.clone()
        };
        if !lines.iter().any(|said| {
            Rule {
                id: line.id.clone(),
                ..said.clone()
            } == line
        }) {
            lines.push(line);
        }
    }
    let ranks = Ranks::new(&lines, before);
    let mut former: Vec<Rule> = Vec::new();
    for was in present.iter().filter(|was| !was.disabled) {
        let mut same = lines.iter().filter(|line| is_same(line, was));
        if holds(was, now) && same.any(|line| ranks.decides_still(line, was)) {
            continue;
        }
        let was = Rule {
            priority: None,
            conditional: false,
            until: Some(was.until.unwrap_or(latest).min(latest)),
            ..was.clone()
        };
        if !former.contains(&was) {
            former.push(was);
        }
    }
    former.sort_by_key(|was| Reverse(was.until));
    former.truncate(MOST_FORMER.max(lines.len()));
    let disabled = rules.iter().filter(|rule| !rule.enabled);
    let disabled = disabled.map(|rule| disabled_line(&rule.line, present, now, latest));
    lines.extend(disabled.collect::<Vec<_>>());
    lines.extend(former);
    lines
}

/// What a rule says by itself; nothing where it names no key.
fn line(rule: &ReplicationRule) -> Option<Rule> {
    Some(Rule {
        id: rule.id.clone(),
        prefix: rule.filter_prefix().to_owned(),
        kms_key_arn: rule.destination.replica_kms_key_id.clone()?,
        priority: rule.priority,
        conditional: rule.is_conditional(),
        ..Rule::default()
    })
}

/// Whether a rule that is in the bucket takes the objects that this one is to take, and stands where it is to stand.
fn takes_the_same(there: &ReplicationRule, rule: &ReplicationRule) -> bool {
    let place = |rule: &ReplicationRule| (rule.status, rule.priority, rule.is_conditional());
    (&there.id, there.filter_prefix()) == (&rule.id, rule.filter_prefix())
        && place(there) == place(rule)
        && there.destination.bucket_name() == rule.destination.bucket_name()
}

/// Whether just this was said already without leaving room for others.
fn is_said(line: &Rule, present: &[Rule]) -> bool {
    present.iter().any(|was| {
        is_same(was, line)
            && was.priority == line.priority
            && was.until.is_none()
            && !was.disabled
            && !was.conditional
    })
}

/// A disabled rule speaks only of what was on its way when it was disabled.
fn disabled_line(line: &Rule, present: &[Rule], now: Time, latest: Time) -> Rule {
    let said = |disabled: bool| {
        let mut said = present.iter().filter(|was| was.disabled == disabled);
        said.find(|was| is_same(was, line) && (disabled || holds(was, now)))
    };
    let until = match (said(true), said(false)) {
        (Some(was), _) => was.until.unwrap_or(now).min(latest),
        (None, Some(_)) => latest,
        (None, None) => now,
    };
    Rule {
        disabled: true,
        until: Some(until),
        ..line.clone()
    }
}

/// From when on the key is right: left out where nothing else was said of these objects before, and nobody
/// else's rule decided for them.
fn since(line: &Rule, before: Before<'_>, now: Time) -> Option<Time> {
    let from = before.looked.unwrap_or(now);
    let present = before.present.iter();
    let mut others = before.others.iter();
    let in_force = present
        .clone()
        .filter(|was| !was.disabled && holds(was, now));
    if let Some(was) = said_before(line, in_force) {
        let passes = others.any(|(prefix, priority)| {
            meet(prefix, &line.prefix) && line.priority > *priority && was.priority <= *priority
        });
        return if passes { Some(from) } else { was.since };
    }
    let mut prefixes = present
        .map(|was| was.prefix.as_str())
        .chain(others.map(|(prefix, _)| *prefix));
    prefixes
        .any(|prefix| meet(prefix, &line.prefix))
        .then_some(from)
}

/// Which rule stands above which, now and before.
struct Ranks<'a> {
    lines: &'a [Rule],
    others: &'a [(&'a str, Option<i32>)],
    /// What is said now.
    before: Vec<&'a Rule>,
}

impl<'a> Ranks<'a> {
    fn new(lines: &'a [Rule], before: Before<'a>) -> Self {
        let present = before.present.iter();
        let in_force = present.filter(|said| !said.disabled && said.until.is_none());
        Self {
            lines,
            others: before.others,
            before: in_force.collect(),
        }
    }

    /// Whether the rule of `line` decides wherever it did when it was said as `was`: none that stood below it
    /// then is above it now, and it is not said already until when it decided.
    fn decides_still(&self, line: &Rule, was: &Rule) -> bool {
        let above = |prefix: &str, priority| priority > line.priority && meet(prefix, &line.prefix);
        let is_another_key = |other: &Rule| other.kms_key_arn != line.kms_key_arn;
        let ended = was.until.is_some();
        let stood_below = |other: &Rule| {
            let before = said_before(other, self.before.iter().copied());
            before.is_some_and(|before| before.priority <= was.priority)
        };
        let mut ours = self.lines.iter().filter(|other| is_another_key(other));
        let ours =
            ours.any(|other| above(&other.prefix, other.priority) && (ended || stood_below(other)));
        let others = self.others.iter().any(|(prefix, priority)| {
            above(prefix, *priority) && (ended || *priority <= was.priority)
        });
        !ours && !others
    }
}

/// Whether there may be an object under both prefixes.
fn meet(one: &str, other: &str) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

fn is_same(one: &Rule, other: &Rule) -> bool {
    name(one) == name(other)
}

/// What was said of a line before. Rules for different tags may share prefix and key: then that of its
/// priority, else the highest.
fn said_before<'a>(line: &Rule, said: impl Iterator<Item = &'a Rule>) -> Option<&'a Rule> {
    said.filter(|was| is_same(was, line))
        .max_by_key(|was| (was.priority == line.priority, was.priority))
}

/// What tells one line from another: prefix and key.
fn name(rule: &Rule) -> (&str, &str) {
    (&rule.prefix, &rule.kms_key_arn)
}

/// Whether its key is right today.
fn holds(line: &Rule, now: Time) -> bool {
    line.until.is_none_or(|until| until > now)
}

#[cfg(test)]
mod tests;
