//! The plan of a Delete: everything of ours that still costs or grants and that nobody else names, and no
//! data.

use super::leaving::{Spoken, word_never_meant, word_taken_back};
use crate::claims::{Claim, Kept, NamedKey, Others, SourceRole, watcher_of};
use crate::merge;
use crate::observed::{ObservedBucket, RemainingDestination, Remains};
use crate::owner::{Owner, role_name};
use crate::ports::KeyDescription;
use crate::step::{Plan, Step};

/// KMS's longest waiting period, so that a mistake can be undone for longest.
const DAYS_TO_KEY_DELETION: i32 = 30;

/// What a Delete does, and what it leaves though it was to go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deletion {
    /// The steps.
    pub plan: Plan,
    /// What stays, and who names it.
    pub kept: Vec<Kept>,
}

/// The steps that remove what bears the owner's name and nobody else names.
#[must_use]
pub fn plan_delete(remains: &Remains, owner: &Owner) -> Deletion {
    let mut removal = Removal {
        remains,
        owner,
        phases: Phases::default(),
        released: Vec::new(),
        kept: Vec::new(),
    };
    removal.notes();
    removal.source();
    removal.destinations();
    removal.roles();
    // Last, when it is known which buckets go and which default encryptions are reset.
    removal.keys();
    let Phases {
        rules,
        rest,
        policies,
        buckets_and_roles,
        keys,
        notes,
    } = removal.phases;
    Deletion {
        plan: Plan::of([rules, rest, policies, buckets_and_roles, keys, notes]),
        kept: removal.kept,
    }
}

/// The steps, in the order in which they are taken.
#[derive(Default)]
struct Phases {
    /// The record goes first: what is being deleted is not looked after any more.
    rules: Vec<Step>,
    rest: Vec<Step>,
    /// The role's policy tells other writers that we are still at it.
    policies: Vec<Step>,
    buckets_and_roles: Vec<Step>,
    /// A key goes when its bucket is gone.
    keys: Vec<Step>,
    /// The note that all else may go is needed until it is gone.
    notes: Vec<Step>,
}

/// A plan under way.
struct Removal<'a> {
    remains: &'a Remains,
    owner: &'a Owner,
    phases: Phases,
    /// Buckets whose default encryption is named no more: they go, or it is reset.
    released: Vec<&'a str>,
    kept: Vec<Kept>,
}

impl<'a> Removal<'a> {
    fn others(&self) -> &'a Others {
        &self.remains.others
    }

    fn keep(&mut self, thing: String, claims: Vec<Claim>) {
        self.kept.extend(Kept::where_claimed(thing, claims));
    }

    fn notes(&mut self) {
        let (region, names) = &self.remains.record;
        let deletion = |name: &String| Step::DeleteRecord {
            region: region.clone(),
            name: name.clone(),
        };
        self.phases.rules.extend(names.iter().map(deletion));
        let unfinished = self.remains.unfinished.iter();
        self.phases.notes.extend(unfinished.map(deletion));
    }

    fn source(&mut self) {
        let remains = self.remains;
        let (Some(region), Some(source)) = (&remains.source_region, &remains.source) else {
            return;
        };
        let name = &remains.source_bucket;
        let place = || (name.clone(), region.clone());
        let present = remains
            .replication
            .as_ref()
            .map_or(&[][..], |replication| &replication.rules);
        if present.iter().any(|rule| self.owner.owns(&rule.id)) {
            let (bucket, region) = place();
            let step = Step::RemoveReplication { bucket, region };
            self.phases.rules.push(step);
        }
        let notifications = &source.notifications;
        if merge::without_failure_events(notifications, self.owner, None) != *notifications {
            let (bucket, region) = place();
            let watcher = watcher_of(&self.others().records, name);
            self.phases.rest.push(Step::RemoveFailureEvents {
                bucket,
                region,
                watcher: watcher.as_ref().map(Owner::to_string),
            });
        }
        self.default_encryption(source, region);
        if source.is_of(self.owner) {
            self.bucket(name, region);
        }
    }

    /// An adopted bucket gets back the encryption it came with; one that we made keeps its key.
    fn default_encryption(&mut self, source: &ObservedBucket, region: &str) {
        let remains = self.remains;
        let ours = remains.source_key.as_ref().map(|key| key.arn.as_str());
        let Some(key_arn) = ours.filter(|_| source.default_key() == ours) else {
            return;
        };
        if source.is_of(self.owner) {
            return;
        }
        let bucket = &remains.source_bucket;
        let claims = self.others().of_default_encryption(bucket, self.owner);
        if claims.is_empty() {
            self.released.push(bucket);
            self.phases.rest.push(Step::ResetDefaultEncryption {
                bucket: bucket.clone(),
                region: region.to_owned(),
                key_arn: key_arn.to_owned(),
            });
        } else {
            self.keep(format!("default encryption of bucket `{bucket}`"), claims);
        }
    }

    /// A bucket that we made.
    fn bucket(&mut self, name: &'a str, region: &str) {
        if !self.remains.taking.buckets {
            return;
        }
        let mut claims = self.others().of_bucket(name, self.owner);
        if self.others().holding.contains(name) {
            let bucket = name.to_owned();
            claims.push(Claim::Versions { bucket });
        }
        if claims.is_empty() {
            self.released.push(name);
            let step = Step::DeleteBucketIfEmpty {
                bucket: name.to_owned(),
                region: region.to_owned(),
            };
            self.phases.buckets_and_roles.push(step);
        } else {
            self.keep(format!("bucket `{name}`"), claims);
        }
    }

    fn destinations(&mut self) {
        let remains = self.remains;
        for (name, found) in &remains.destinations {
            let said = Spoken::of(name, found);
            let word = if found.has_word() && self.never_carried(name) {
                word_never_meant(said)
            } else {
                word_taken_back(said, self.owner, remains.now)
            };
            let is_put = |step: &Step| matches!(step, Step::PutParameter { .. });
            let (ends, goes): (Vec<_>, Vec<_>) = word.into_iter().partition(is_put);
            // With the rules, which show that there was something to be said.
            self.phases.rules.extend(ends);
            self.phases.rest.extend(goes);
            let (steps, kept) = revoked(name, found, self.others(), self.owner);
            self.phases.rest.extend(steps);
            self.kept.extend(kept);
            if found.made_by_us {
                self.bucket(name, &found.region);
            }
        }
    }

    /// Whether nothing of ours was ever carried there: what never succeeded has no rules that lead there.
    fn never_carried(&self, destination: &str) -> bool {
        let remains = self.remains;
        let mut rules = self.owner.rules_of(remains.replication.as_ref());
        !remains.unfinished.is_empty()
            && remains.record.1.is_empty()
            && !rules.any(|rule| rule.destination.bucket_name() == destination)
    }

    fn roles(&mut self) {
        let (remains, owner) = (self.remains, self.owner);
        let role = role_name(&remains.source_bucket);
        let named = SourceRole {
            arn: &remains.role_arn,
            bucket: &remains.source_bucket,
        };
        if let Some(ours) = &remains.role_policy {
            let policy = owner.policy_name();
            let claims = self.others().of_role_policy(named, ours, owner);
            if claims.is_empty() {
                let role = role.clone();
                let step = Step::DeleteRolePolicy { role, policy };
                self.phases.policies.push(step);
            } else {
                self.keep(format!("policy `{policy}` of role `{role}`"), claims);
            }
        }
        if remains.batch_role.is_some() {
            let role = owner.batch_role();
            self.phases.policies.push(Step::DeleteRolePolicy {
                role: role.clone(),
                policy: role.clone(),
            });
            let step = Step::DeleteRoleIfUnused { role };
            self.phases.buckets_and_roles.push(step);
        }
        let mut claims = self.others().of_role(named, owner);
        if claims.is_empty() {
            // With or without our policy: a Create that stopped between the two leaves a role alone.
            if remains.role.is_some() {
                let step = Step::DeleteRoleIfUnused { role };
                self.phases.buckets_and_roles.push(step);
            }
        } else {
            // That resources on one bucket share its role is nothing to tell.
            claims.retain(Claim::is_nobodys);
            self.keep(format!("role `{role}`"), claims);
        }
    }

    fn keys(&mut self) {
        let remains = self.remains;
        if !remains.taking.keys {
            return;
        }
        if let (Some(region), Some(key)) = (&remains.source_region, &remains.source_key) {
            let alias_arn = &remains.source_alias_arn;
            self.key((&remains.source_bucket, region), key, alias_arn);
        }
        for (name, found) in &remains.destinations {
            if let Some(key) = &found.key {
                self.key((name, &found.region), key, &found.alias_arn);
            }
        }
    }

    fn key(&mut self, (bucket, region): (&str, &str), key: &KeyDescription, alias_arn: &str) {
        if key.is_about_to_go() {
            return;
        }
        let named = NamedKey {
            arn: &key.arn,
            alias_arn,
        };
        let mut claims = self.others().of_key(named, bucket, self.owner);
        let released = &self.released;
        claims.retain(|claim| match claim {
            Claim::DefaultEncryption { bucket } => !released.contains(&bucket.as_str()),
            _ => true,
        });
        if claims.is_empty() {
            self.phases.keys.push(Step::ScheduleKeyDeletion {
                bucket: bucket.to_owned(),
                region: region.to_owned(),
                key_arn: key.arn.clone(),
                days: DAYS_TO_KEY_DELETION,
            });
        } else {
            self.keep(format!("key `{}`", key.arn), claims);
        }
    }
}

/// Our statements out of the policies of a destination in another account, where nobody else is let in by
/// them. The policy of a key that we made goes with the key.
pub(super) fn revoked(
    bucket: &str,
    found: &RemainingDestination,
    others: &Others,
    owner: &Owner,
) -> (Vec<Step>, Vec<Kept>) {
    let (mut steps, mut kept) = (Vec::new(), Vec::new());
    let mut revoke = |on: &str, thing: String, step: Step| {
        let claims = others.of_statements(on, bucket, owner);
        match Kept::where_claimed(thing, claims) {
            None => steps.push(step),
            claimed => kept.extend(claimed),
        }
    };
    if found.has_policy {
        let step = Step::MergeBucketPolicy {
            bucket: bucket.to_owned(),
            region: found.region.clone(),
            statements: Vec::new(),
        };
        let thing = format!("our statements in the policy of bucket `{bucket}`");
        revoke(bucket, thing, step);
    }
    for key_arn in &found.granted_keys {
        let step = Step::MergeKeyPolicy {
            bucket: bucket.to_owned(),
            region: found.region.clone(),
            key_arn: key_arn.clone(),
            statements: Vec::new(),
        };
        let thing = format!("our statements in the policy of key `{key_arn}`");
        revoke(key_arn, thing, step);
    }
    (steps, kept)
}
