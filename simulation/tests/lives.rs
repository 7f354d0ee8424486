//! That lives can be lived again, and that what is broken in them is seen.

#[cfg(test)]
mod tests {
    use simulation::author::story;
    use simulation::life::live;
    use simulation::story::{Act, Deed, Errand, Prop, Sky, Story};

    #[test]
    fn the_same_seed_is_the_same_life() {
        for seed in 1..8 {
            let (one, other) = (live(&story(seed)), live(&story(seed)));
            assert_eq!(one.counts, other.counts, "seed {seed}");
            assert_eq!(one.broken, other.broken, "seed {seed}");
            assert!(
                one.counts.0.contains_key("requests"),
                "seed {seed}: {:?}",
                one.counts
            );
        }
    }

    /// `cargo xtask simulate` lives hundreds; this is for who changes one line and asks the tests.
    #[test]
    fn the_first_lives_keep_every_promise() {
        let lives = std::env::var("SIMULATE_LIVES").map_or(4, |lives| lives.parse().unwrap());
        for seed in 1..=lives {
            assert_eq!(live(&story(seed)).broken, [], "seed {seed}");
        }
    }

    #[test]
    fn where_nobody_deploys_nothing_is_broken() {
        let story = Story {
            seed: 1,
            sky: Sky::CALM,
            stage: vec![
                Prop::Keyed("ledger", "east-1"),
                Prop::Keyed("vault", "west-1"),
            ],
            acts: vec![Act {
                at: 1,
                what: Deed::Person(Errand::Disable("east-1")),
            }],
        };
        assert_eq!(live(&story).broken, []);
    }
}
