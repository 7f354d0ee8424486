//! Every command in the local cloud, as whoever may only what `docs/read-only-policy.json` allows, IAM
//! enforced, and each call noted on its way.

#[cfg(test)]
mod abroad;
#[cfg(test)]
mod cloud;
#[cfg(test)]
mod lake;
#[cfg(test)]
mod objects;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod setups;
#[cfg(test)]
mod watched;
#[cfg(test)]
#[path = "../wire.rs"]
mod wire;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use anyhow::Result;
    use encrypted_replication::calls::CALLS;

    use crate::cloud::Cloud;
    use crate::{abroad, lake, objects, setups};

    /// One cloud for all that is looked at.
    #[tokio::test(flavor = "multi_thread")]
    async fn every_command_finds_what_is_there_by_the_policy_alone() -> Result<()> {
        let cloud = Cloud::open().await?;
        setups::every_cause_is_told(&cloud).await?;
        objects::every_state_is_told(&cloud).await?;
        abroad::another_account_is_looked_at_by_a_role_of_its_own(&cloud).await?;
        let (status, words) = cloud.json(&["explain"]);
        assert_eq!(status, Some(0), "{words:#}");

        // All that went over the wire are the reads that the policy is made of, and each of these did.
        let known: BTreeSet<_> = CALLS.iter().map(|(name, _)| (*name).to_owned()).collect();
        let made = cloud.watched.calls();
        let others: Vec<_> = made.difference(&known).collect();
        assert!(
            others.is_empty(),
            "calls that nobody was told of: {others:?}"
        );
        let never: Vec<_> = known.difference(&made).collect();
        assert!(never.is_empty(), "permissions that nothing took: {never:?}");

        setups::whoever_lacks_a_permission_hears_which(&cloud).await?;
        lake::evidence_is_verified_where_it_is_kept(&cloud).await
    }
}
