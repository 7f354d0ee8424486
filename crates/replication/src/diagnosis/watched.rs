//! Rules of others that a resource of ours watches: whether they work, and whether they are as they were
//! seen.

use std::collections::BTreeMap;

use super::{Check, names, standing};
use crate::ports::Aws;
use crate::watched::{Key, Watching, take_the_word};
use aws_names::Arn;

impl<A: Aws> Watching<'_, A> {
    /// Looks at everything that the watched rules need, and at what is ours beside them. What cannot be looked
    /// at is a check of its own, never an error.
    pub(crate) async fn checks(&self) -> Vec<Check> {
        let source = self.watch.source();
        let bucket = format!("bucket `{}`", source.name);
        let look = match Box::pin(self.look()).await {
            Ok(look) => look,
            Err(error) => return vec![standing::unreadable(source.name, &error)],
        };
        let faults = self.faults(&look);
        let mut checks: Vec<_> = faults.0.iter().map(Check::of_fault).collect();
        let roles = self.watch.roles.values();
        let roles: BTreeMap<_, _> = roles
            .filter_map(|role| Some((Arn::parse(role)?.account, role.clone())))
            .collect();
        let configuration = look.configuration.clone();
        let looking = standing::Looking {
            aws: self.aws,
            home: self.home,
            roles: &roles,
        };
        let standing = Box::pin(looking.at_rules(source, configuration)).await;
        let ids: Vec<_> = look
            .word
            .rules
            .iter()
            .map(|rule| rule.id.as_str())
            .collect();
        if look.configuration.is_none() {
            checks.extend(standing.checks.iter().cloned());
        }
        let concerning = standing.concerning(&ids).into_iter();
        checks.extend(concerning.filter(|check| check.check != names::FAILURE_EVENTS));
        checks.push(self.failure_check(&look, &look.notifications));
        for rule in &look.word.rules {
            if let Key::Unwatched(why) = &rule.key {
                let resource = format!("rule `{}`", rule.id);
                checks.push(Check::warn(
                    names::WARNING,
                    resource,
                    format!("is not watched: it {why}"),
                ));
            }
        }
        let said = self.past.as_ref().unwrap_or(&look.word);
        let mut watched: Vec<_> = said.watched().map(|rule| &rule.bucket).collect();
        watched.dedup();
        for (name, place) in &look.destinations {
            if !watched.contains(&name) {
                continue;
            }
            let resource = format!("bucket `{name}`");
            let parameter = self.owner.parameter_name(name, 0);
            checks.push(if place.parameters.contains_key(&parameter) {
                let finding = format!("has its expectation in parameter `{parameter}`");
                Check::pass(names::EXPECTATION, resource, finding)
            } else {
                let finding = format!(
                    "has no parameter `{parameter}`, so that nothing tells the checker which key is right"
                );
                Check::warn(names::EXPECTATION, resource, finding).remedy(super::CHANGE_A_PROPERTY)
            });
        }
        let Some(past) = &self.past else {
            return checks;
        };
        let differences = past.differences(&look.word);
        checks.push(if differences.is_empty() {
            let finding = "has the watched rules as they were seen";
            Check::pass(names::CONFIGURATION, bucket, finding)
        } else {
            let finding = format!(
                "has other rules than were seen at {}: {}",
                past.at,
                differences.join("; ")
            );
            Check::fail(names::CONFIGURATION, bucket, finding).remedy(take_the_word())
        });
        checks
    }
}
