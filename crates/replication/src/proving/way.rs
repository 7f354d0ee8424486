//! The way from what arrives, and from what fails, to its verdict, as far as it is the resource's own. Pure.
//!
//! A probe that arrives shows that S3 replicates. That somebody hears of it, it does not show.

use crate::observed::Observed;
use crate::step::{Plan, Step};

/// What nobody hears of arrivals or failures without, as an Update that would make it has it, in words.
pub(super) fn missing(plan: &Plan, observed: &Observed) -> Vec<String> {
    let is_missing = |step: &&Step| match step {
        Step::EnableEventBridge { .. } | Step::AddFailureEvents { .. } => true,
        // One that says something else still says something, and may be another version's.
        Step::PutParameter { bucket, name, .. } => {
            let there = observed.destinations.get(bucket);
            !there.is_some_and(|there| there.parameters.contains_key(name))
        }
        _ => false,
    };
    let steps = plan.steps().filter(is_missing);
    steps.map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observed::ObservedDestination;

    #[test]
    fn only_an_expectation_that_is_not_there_is_missing() {
        let step = |name: &str| Step::PutParameter {
            bucket: "destination".into(),
            region: "us-west-2".into(),
            name: name.into(),
            value: "{}".into(),
        };
        let plan = Plan::of([vec![step("/one"), step("/two")]]);
        let mut observed = Observed::default();
        assert_eq!(missing(&plan, &observed).len(), 2);
        let mut there = ObservedDestination::default();
        there.parameters.insert("/one".into(), "[]".into());
        observed.destinations.insert("destination".into(), there);
        assert_eq!(missing(&plan, &observed), [step("/two").to_string()]);
    }
}
