//! The judgement on an object that could be looked at: a pure function.

use aws_names::{KeyArn, KeyName};
use expectation::Time;

use super::evidence::{Allowed, Evidence, Expected, ExpectedKey, KeyState, ObservedKey, Standing};
use super::kind::{Judgement, Kind};
use super::text::{self, Difference};

/// Whether the replication status is a replica's and no source object's.
/// See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-status.html>.
#[must_use]
pub(crate) fn is_replica(status: Option<&str>) -> bool {
    status == Some("REPLICA")
}

/// Whether it may be a replica's: under replica modification sync `PENDING` and `FAILED` are, while S3
/// carries a change of the replica back. Every source object shows the same until it is replicated, and
/// the two cannot be told apart.
#[must_use]
pub(crate) fn may_be_replica(status: Option<&str>) -> bool {
    matches!(status, Some("REPLICA" | "PENDING" | "FAILED"))
}

/// Judges an object that is there.
#[must_use]
pub fn judge_object(evidence: Evidence<'_>) -> Judgement {
    let status = evidence.observed.replication_status.as_deref();
    if !may_be_replica(status) {
        return text::not_replica(status);
    }
    let judgement = judge_encryption(evidence);
    match status {
        Some(status) if !is_replica(Some(status)) => {
            if judgement.kind == Kind::Compliant || judgement.kind == Kind::FormerKey {
                text::with_status(judgement, status)
            } else {
                text::perhaps_source(status)
            }
        }
        _ => judgement,
    }
}

fn judge_encryption(evidence: Evidence<'_>) -> Judgement {
    let Some(expected) = evidence.expected else {
        return text::no_expectation();
    };
    let moment = Moment::of(evidence, expected);
    let spoke = |allowed: &&Allowed| allowed.spoke_of(moment.last_modified, moment.arrived);
    let speaking = expected.keys.iter().filter(spoke);
    let kms = matches!(
        evidence.observed.algorithm.as_deref(),
        Some("aws:kms" | "aws:kms:dsse")
    );
    match evidence.key {
        Some(key) if kms => {
            let same = speaking
                .clone()
                .filter(|allowed| same_key(&allowed.key, key));
            let shown = evidence.observed.algorithm.as_deref();
            // One word that it is as it should be is enough, and better one of today.
            let best = same.min_by_key(|allowed| {
                let other = allowed
                    .algorithm
                    .is_some_and(|demanded| shown != Some(demanded.as_str()));
                (other, allowed.standing == Standing::Former)
            });
            if let Some(allowed) = best {
                return right_key(evidence, key, allowed);
            }
            // An alias nobody could resolve may well be this key: that is no finding yet.
            let unresolved = |allowed: &Allowed| match &allowed.key {
                ExpectedKey::Unresolved { alias, refusal } => {
                    Some(text::unresolved(alias, refusal.as_deref()))
                }
                _ => None,
            };
            let possible = speaking
                .clone()
                .filter(|allowed| !is_elsewhere(&allowed.key, key));
            if let Some(judgement) = possible.clone().find_map(unresolved) {
                return judgement;
            }
            if demands(possible, moment) {
                return wrong_key(evidence, expected, key);
            }
            let mut all = speaking;
            all.find_map(unresolved)
                .unwrap_or_else(text::no_expectation)
        }
        _ if !demands(speaking, moment) => text::no_expectation(),
        None if kms => text::no_key_named(),
        _ => text::wrong_algorithm(evidence.observed.algorithm.as_deref()),
    }
}

/// When a replica was made, as far as it is known.
#[derive(Clone, Copy)]
struct Moment {
    last_modified: Option<Time>,
    arrived: Option<Time>,
}

impl Moment {
    fn of(evidence: Evidence<'_>, expected: &Expected) -> Self {
        // Most rules have no times: S3's date is read only where one has.
        let timed = |allowed: &Allowed| allowed.since.is_some() || allowed.until.is_some();
        let last_modified = if expected.keys.iter().any(timed) {
            evidence.observed.last_modified()
        } else {
            None
        };
        Self {
            last_modified,
            arrived: evidence.arrived,
        }
    }
}

/// Whether those who speak of a replica demand anything of it. Words about what came later do only where
/// they took the place of another: of what was there before anybody spoke nothing is known. A disabled rule
/// without an end might be over.
fn demands<'a>(speaking: impl Iterator<Item = &'a Allowed>, moment: Moment) -> bool {
    let made = moment.arrived.or(moment.last_modified);
    let (mut later, mut former) = (false, false);
    for allowed in speaking {
        match (allowed.standing, allowed.since) {
            (Standing::Former, _) => former = true,
            (Standing::Disabled, _) if allowed.until.is_none() => {}
            (_, Some(since)) if made.is_some_and(|made| made < since) => later = true,
            _ => return true,
        }
    }
    later && former
}

/// Under a key that is right, or was: whether of the kind that is demanded, and whether it can be read.
fn right_key(evidence: Evidence<'_>, key: &ObservedKey, allowed: &Allowed) -> Judgement {
    if let Some(demanded) = allowed.algorithm
        && evidence.observed.algorithm.as_deref() != Some(demanded.as_str())
    {
        return text::other_algorithm(evidence.observed.algorithm.as_deref(), demanded);
    }
    let former = former_until(allowed);
    match evidence.key_state {
        KeyState::Usable => text::right(key, former, None),
        KeyState::Unknown(why) => text::right(key, former, Some(why)),
        KeyState::Unusable(state) => text::key_unusable(key, state),
        KeyState::Missing => text::key_missing(key),
    }
}

/// Until when a key was right that no longer is.
fn former_until(allowed: &Allowed) -> Option<Time> {
    allowed
        .until
        .filter(|_| allowed.standing == Standing::Former)
}

fn same_key(allowed: &ExpectedKey, observed: &ObservedKey) -> bool {
    match (allowed, observed) {
        (ExpectedKey::Known(allowed), ObservedKey::Known(observed)) => allowed == observed,
        (ExpectedKey::Known(arn), ObservedKey::Named(name)) => arn.id == *name,
        // Without a home, an id says all there is to know, unless the key may be in other Regions.
        (ExpectedKey::Id(id), ObservedKey::Known(arn)) => arn.id == *id && !arn.is_multi_region(),
        (ExpectedKey::Id(id), ObservedKey::Named(name)) => id == name,
        (ExpectedKey::Unresolved { .. }, _) => false,
    }
}

/// Whether it is an alias of another Region than the key's, which it cannot lead to.
fn is_elsewhere(allowed: &ExpectedKey, observed: &ObservedKey) -> bool {
    let (ExpectedKey::Unresolved { alias, .. }, ObservedKey::Known(observed)) = (allowed, observed)
    else {
        return false;
    };
    matches!(KeyName::parse(alias), Ok(KeyName::AliasArn(alias)) if alias.region != observed.region)
}

/// What the key that the replica has differs in from those that it should have.
fn wrong_key(evidence: Evidence<'_>, expected: &Expected, key: &ObservedKey) -> Judgement {
    let ObservedKey::Known(seen) = key else {
        return text::wrong_key(key, Difference::Key);
    };
    let known = |allowed: &Allowed| match &allowed.key {
        ExpectedKey::Known(arn) if allowed.standing != Standing::Former => Some(arn.clone()),
        _ => None,
    };
    let known: Vec<KeyArn> = expected.keys.iter().filter_map(known).collect();
    let all_differ =
        |differs: &dyn Fn(&KeyArn) -> bool| !known.is_empty() && known.iter().all(differs);
    let difference = if evidence.aws_managed == Some(true) {
        Difference::AwsManaged
    } else if all_differ(&|arn| arn.account != seen.account) {
        Difference::Account(&seen.account)
    } else if all_differ(&|arn| arn.region != seen.region) {
        // Only where no expected key is in the key's Region is the Region the difference.
        Difference::Region {
            region: &seen.region,
            same_multi_region_key: known.iter().any(|arn| arn.id == seen.id),
            bucket_is_there: evidence.region == Some(seen.region.as_str()),
        }
    } else {
        Difference::Key
    };
    text::wrong_key(key, difference)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_same_key_wherever_it_can_be_no_other() {
        let id = "1234abcd-12ab-34cd-56ef-1234567890ab";
        let arn = |name: &str| {
            let text = format!("arn:aws:kms:us-west-2:111122223333:key/{name}");
            KeyArn::parse(&text).unwrap()
        };
        let named = |name: &str| ObservedKey::Named(name.to_owned());
        let expected = |name: &str| ExpectedKey::Id(name.to_owned());
        assert!(same_key(&expected(id), &named(id)));
        assert!(same_key(&expected(id), &ObservedKey::Known(arn(id))));
        assert!(same_key(&ExpectedKey::Known(arn(id)), &named(id)));
        for other in ["0000abcd-12ab-34cd-56ef-1234567890ab", "alias/tax"] {
            assert!(!same_key(&expected(id), &named(other)));
            assert!(!same_key(&ExpectedKey::Known(arn(id)), &named(other)));
        }
        // There may be one of this id in every Region.
        let multi_region = "mrk-1234abcd12ab34cd56ef1234567890ab";
        let known = ObservedKey::Known(arn(multi_region));
        assert!(!same_key(&expected(multi_region), &known));
    }
}
