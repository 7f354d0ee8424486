//! What the statements of a policy do not allow, or deny: found, and in words.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::super::Check;
use super::super::fix::Fix;
use super::super::statements::{Extent, Judgement, Principal, Request, Statements};
use super::accesses::{Access, Asking};
use aws_names::Arn;

/// Statements are told with so many of what they deny.
const MOST_TOLD: usize = 3;

/// What is asked of the policy of one thing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Questions<'a> {
    pub(super) check: &'static str,
    /// The thing, in words.
    pub(super) resource: &'a str,
    pub(super) asking: Asking<'a>,
    pub(super) accesses: &'a [Access],
}

/// An action that is not allowed, or not surely.
pub(super) struct NotAllowed<'a> {
    pub(super) action: &'static str,
    access: &'a Access,
    actions: String,
    judgement: Judgement,
}

impl NotAllowed<'_> {
    /// The statement that its policy lacks.
    fn statement(&self, role: &Arn) -> Value {
        let resource = match &self.access.resource {
            // Of a key's policy it is the key.
            Extent::One(arn) if arn.contains(":kms:") => "*".to_owned(),
            Extent::One(arn) => arn.clone(),
            Extent::Under(start) => format!("{start}*"),
        };
        json!({
            "Effect": "Allow",
            "Principal": {"AWS": role.to_string()},
            "Action": self.access.actions,
            "Resource": resource,
        })
    }

    pub(super) fn check(&self, of: Questions<'_>, finding: &str) -> Check {
        let Questions {
            check, resource, ..
        } = of;
        let role = of.asking.role;
        let on = &self.access.on;
        let remedy = format!("allow {} to `{role}` in its policy", self.actions);
        if let Judgement::May(doubts) = &self.judgement {
            let finding = format!(
                "{finding} on {on} for sure, it depends on {}",
                listed(doubts)
            );
            let remedy = format!("see whether that holds for S3, or {remedy}");
            return Check::warn(check, resource, finding).remedy(remedy);
        }
        let check = Check::fail(check, resource, format!("{finding} on {on}"));
        let check = check
            .remedy(remedy)
            .fix(Fix::Document(self.statement(role)));
        match &self.access.resource {
            Extent::One(arn) => check.on(arn),
            Extent::Under(start) => check.on(start),
        }
    }
}

/// What one statement denies, surely or not.
#[derive(Default)]
struct Denied {
    surely: BTreeMap<String, BTreeSet<&'static str>>,
    maybe: BTreeMap<String, BTreeSet<&'static str>>,
    doubts: BTreeSet<String>,
}

impl<'a> Questions<'a> {
    /// The first of what is surely not allowed; else the first of what only may be.
    pub(super) fn not_allowed(self, statements: &Statements) -> Option<NotAllowed<'a>> {
        let mut doubtful = None;
        for access in self.accesses {
            for action in &access.actions {
                let judgement = statements.allowed(&self.request(access, action));
                let surely = judgement == Judgement::No;
                if judgement == Judgement::Yes || doubtful.is_some() && !surely {
                    continue;
                }
                let found = NotAllowed {
                    action,
                    access,
                    actions: access.actions.join(", "),
                    judgement,
                };
                if surely {
                    return Some(found);
                }
                doubtful = Some(found);
            }
        }
        doubtful
    }

    /// What the statements deny, a check for each statement.
    pub(super) fn denials(self, statements: &Statements) -> Vec<Check> {
        let mut denied: BTreeMap<String, Denied> = BTreeMap::new();
        for access in self.accesses {
            for action in &access.actions {
                for (sid, judgement) in statements.denials(&self.request(access, action)) {
                    let found = denied.entry(sid).or_default();
                    let of = match judgement {
                        Judgement::May(doubts) => {
                            found.doubts.extend(doubts);
                            &mut found.maybe
                        }
                        _ => &mut found.surely,
                    };
                    of.entry(access.on.clone()).or_default().insert(action);
                }
            }
        }
        let checks = denied.into_iter();
        checks
            .map(|(sid, found)| self.denied(&sid, &found))
            .collect()
    }

    fn denied(self, sid: &str, found: &Denied) -> Check {
        let Questions {
            check, resource, ..
        } = self;
        let finding = format!("has a policy whose statement `{sid}` denies what replication takes");
        let remedy = format!("except `{}` from it", self.asking.role);
        if found.surely.is_empty() {
            let (what, doubts) = (told(&found.maybe), listed(&found.doubts));
            let finding = format!("{finding}, under conditions: {what}, depending on {doubts}");
            let remedy = format!("see whether they hold for S3, and {remedy}");
            return Check::warn(check, resource, finding).remedy(remedy);
        }
        let what = told(&found.surely);
        Check::fail(check, resource, format!("{finding}: {what}")).remedy(remedy)
    }

    fn request(self, access: &'a Access, action: &'a str) -> Request<'a> {
        Request {
            principal: Principal::Role {
                arn: self.asking.role,
                bounded: self.asking.bounded,
            },
            action,
            resource: access.resource.clone(),
            context: &access.context,
        }
    }
}

pub(super) fn told(denied: &BTreeMap<String, BTreeSet<&str>>) -> String {
    let mut told: Vec<_> = denied
        .iter()
        .take(MOST_TOLD)
        .map(|(on, actions)| {
            let actions: Vec<_> = actions.iter().copied().collect();
            format!("{} on {on}", actions.join(", "))
        })
        .collect();
    if denied.len() > MOST_TOLD {
        told.push(format!("and {} more", denied.len() - MOST_TOLD));
    }
    told.join("; ")
}

fn listed(doubts: &BTreeSet<String>) -> String {
    let doubts: Vec<_> = doubts.iter().map(String::as_str).collect();
    doubts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_are_told_and_of_more_their_number() {
        let places = ["a", "b", "c", "d", "e"];
        for (number, expected) in [
            (1, "s3:X, s3:Y on a"),
            (2, "s3:X, s3:Y on a; s3:X, s3:Y on b"),
            (3, "s3:X, s3:Y on a; s3:X, s3:Y on b; s3:X, s3:Y on c"),
            (
                5,
                "s3:X, s3:Y on a; s3:X, s3:Y on b; s3:X, s3:Y on c; and 2 more",
            ),
        ] {
            let actions = BTreeSet::from(["s3:X", "s3:Y"]);
            let denied = places.iter().take(number);
            let denied = denied.map(|on| ((*on).to_owned(), actions.clone()));
            assert_eq!(told(&denied.collect()), expected);
        }
    }
}
