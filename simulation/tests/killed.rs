//! A function that ends in the middle of a request, at any call: what it leaves is no word against others.

#[cfg(test)]
mod tests {
    use aws_in_memory::people::Asked;
    use simulation::life::live;
    use simulation::story::{Act, Deed, Handling, Prop, RuleText, Sky, Story, Template};

    /// Every call is answered within so many milliseconds, so that a function is ended between any two.
    const SLOW: u64 = 4_000;
    /// In seconds: before it no request of these writes anything, after it each is over.
    const UNDER_WAY: std::ops::Range<u64> = 8..50;

    fn rule(id: &'static str, prefix: &'static str) -> RuleText {
        RuleText {
            id,
            prefix,
            tagged: false,
            destination: "vault",
            key: None,
            enabled: true,
            priority: None,
        }
    }

    fn template(rules: Vec<RuleText>) -> Template {
        Template {
            source: "ledger",
            source_keys: Vec::new(),
            rules,
            verification: "Required",
            delete_buckets: true,
            delete_keys: true,
            existing: false,
            boundary: None,
            role: None,
            revision: 0,
            slip: None,
        }
    }

    fn log() -> RuleText {
        rule("log", "log/")
    }

    fn tax() -> RuleText {
        RuleText {
            priority: Some(2),
            ..rule("tax", "tax/")
        }
    }

    /// A stack whose rule stands below these.
    fn below() -> Template {
        template(vec![RuleText {
            key: Some("west-2"),
            priority: Some(1),
            ..rule("all", "")
        }])
    }

    fn deploys(at: u64, stack: usize, template: Template, handling: Handling) -> Act {
        let what = Deed::Deploy(stack, template, handling);
        Act { at, what }
    }

    /// People upload all the time.
    fn story(seed: u64, mut acts: Vec<Act>) -> Story {
        let uploads = Deed::Upload {
            bucket: "ledger",
            prefix: "tax/",
            tagged: false,
            asked: Asked::Nothing,
            count: 30,
            every: 40,
        };
        acts.push(Act {
            at: 10,
            what: uploads,
        });
        acts.sort_by_key(|act| act.at);
        Story {
            seed,
            sky: Sky {
                slow_ms: SLOW,
                ..Sky::CALM
            },
            stage: vec![
                Prop::Keyed("ledger", "east-1"),
                Prop::Keyed("vault", "west-1"),
            ],
            acts,
        }
    }

    /// What is wrong, wherever the function ends.
    fn broken(acts: impl Fn(Handling) -> Vec<Act>) -> Vec<(u64, String)> {
        let mut broken = Vec::new();
        for seconds in UNDER_WAY {
            let lived = live(&story(seconds, acts(Handling::Killed(seconds))));
            let first = lived.broken.into_iter().next();
            broken.extend(first.map(|one| (seconds, one.seen)));
        }
        broken
    }

    #[test]
    fn a_create_that_ends_anywhere_leaves_nothing_by_which_replicas_of_a_later_stack_are_wrong() {
        let broken = broken(|ends| {
            vec![
                deploys(5, 0, template(vec![tax()]), ends),
                deploys(305, 1, below(), Handling::Once),
            ]
        });
        assert_eq!(broken, []);
    }

    #[test]
    fn nor_replicas_of_an_earlier_stack() {
        let broken = broken(|ends| {
            vec![
                deploys(5, 1, below(), Handling::Once),
                deploys(305, 0, template(vec![tax()]), ends),
            ]
        });
        assert_eq!(broken, []);
    }

    #[test]
    fn nor_does_an_update_that_ends_anywhere() {
        let broken = broken(|ends| {
            vec![
                deploys(5, 0, template(vec![log()]), Handling::Once),
                deploys(155, 0, template(vec![log(), tax()]), ends),
                deploys(455, 1, below(), Handling::Once),
            ]
        });
        assert_eq!(broken, []);
    }
}
