//! Reads who else names what is about to be taken away, for [`crate::claims`]: as much as the question
//! takes, and nothing where nothing is taken.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{try_join, try_join_all, try_join3, try_join4};

use super::reads::{expectations, missing_is_none};
use super::remains::{Records, Search};
use crate::claims::{NamedKey, Others, aliases_in};
use crate::configuration::{DefaultEncryption, ReplicationConfiguration, Tag};
use crate::error::AwsError;
use crate::merge;
use crate::observed::{ObservedBucket, Presence, Remains, stack_of};
use crate::owner::{OWNER_TAG, Owner, role_name};
use crate::ports::{Aws, BucketRef, KeyDescription, Outcome};
use crate::record;

/// A bucket of the resource's, and what may go with it.
struct Place<'a> {
    name: &'a str,
    region: &'a str,
    exists: bool,
    is_source: bool,
    /// Whether the bucket is to go.
    bucket: bool,
    /// The key that is to go.
    key: Option<&'a KeyDescription>,
}

/// What a place says.
#[derive(Default)]
struct Said {
    replication: Option<ReplicationConfiguration>,
    default_key: Option<String>,
    expectations: BTreeMap<String, String>,
    holds: bool,
    key_is_ours: bool,
}

impl<A: Aws> Search<'_, A> {
    /// What others say of all that is to be taken away; `ahead` are the records of the provisioner's Region,
    /// where they were asked for before.
    ///
    /// # Errors
    /// The first read that failed.
    pub(super) async fn others(
        &self,
        remains: &Remains,
        mut ahead: Option<Outcome<Records>>,
    ) -> Outcome<Others> {
        let source = &remains.source_bucket;
        let mut others = known(remains);
        let places = places(remains, self.owner);
        let taken = |place: &&Place<'_>| place.bucket || place.key.is_some();
        let anything = places.iter().any(|place| taken(&place));
        let keys = places.iter().any(|place| place.key.is_some());
        let by_hand = others
            .replication
            .get(source)
            .is_some_and(|found| found.rules.iter().any(|rule| is_nobodys(&rule.id)));
        // Each Region's provisioner keeps its own.
        let mut regions: BTreeSet<&str> = places.iter().map(|place| place.region).collect();
        regions.insert(&self.home.region);
        regions.retain(|_| anything);
        if self.bequeaths(remains) {
            regions.insert(&self.home.region);
        }
        let records = regions.into_iter().map(|region| {
            let ahead = ahead.take_if(|_| region == self.home.region);
            async move {
                match ahead {
                    Some(records) => records,
                    None => record::all(self.accounts.home(), region).await,
                }
            }
        });
        let policies = async {
            if keys || by_hand {
                self.policies_of_others(&role_name(source)).await
            } else {
                Ok(BTreeMap::new())
            }
        };
        let asked = places.iter().map(|place| self.said(place, keys));
        let all = try_join3(try_join_all(asked), try_join_all(records), policies);
        let (said, records, policies) = all.await?;
        for (place, said) in places.iter().zip(said) {
            let name = place.name.to_owned();
            if said.holds {
                others.holding.insert(name.clone());
            }
            if let Some(key) = place.key.filter(|_| !said.key_is_ours) {
                others.strange_keys.insert(key.arn.clone());
            }
            let default = said.default_key.map(|key| (name.clone(), key));
            others.default_keys.extend(default);
            let replication = said.replication.map(|found| (name.clone(), found));
            others.replication.extend(replication);
            others.hear(&name, said.expectations);
        }
        others.role_policies = policies;
        others.records = records
            .into_iter()
            .flatten()
            .filter(|(owner, _)| owner != self.owner)
            .map(|(owner, parts)| (owner, record::joined(&parts)))
            .collect();
        others.aliases = self.further_aliases(&places, &others).await?;
        others.encrypted = self.encrypted(remains, &places, &others).await?;
        Ok(others)
    }

    /// Whether the failure notification is ours. Of those who may need it next, whoever watches rules of others
    /// has none.
    fn bequeaths(&self, remains: &Remains) -> bool {
        remains.source.as_ref().is_some_and(|source| {
            let found = &source.notifications;
            merge::without_failure_events(found, self.owner, None) != *found
        })
    }

    /// Buckets of the resource's, each with the names of keys that its properties or rules have for it.
    fn uses<'b>(&'b self, remains: &'b Remains) -> Vec<(&'b str, &'b str)> {
        let spec = self.spec.into_iter();
        let source = spec.clone().flat_map(|spec| &spec.source_kms_keys);
        let source = source.map(|key| (remains.source_bucket.as_str(), key.as_str()));
        let asked = spec.flat_map(|spec| &spec.rules).map(|rule| &rule.rule);
        let rules = self.owner.rules_of(remains.replication.as_ref());
        let replicas = asked.chain(rules).filter_map(|rule| {
            let to = &rule.destination;
            Some((to.bucket_name(), to.replica_kms_key_id.as_deref()?))
        });
        source.chain(replicas).collect()
    }

    /// Which of these holds anything that may be under a key that was made for another one.
    async fn encrypted(
        &self,
        remains: &Remains,
        places: &[Place<'_>],
        others: &Others,
    ) -> Outcome<BTreeMap<String, BTreeSet<String>>> {
        let mut uses: BTreeSet<(String, &str, &str)> = BTreeSet::new();
        for place in places {
            let Some(key) = place.key else { continue };
            let alias_arn = self.alias_arn(place.name, place.region);
            let named = NamedKey {
                arn: &key.arn,
                alias_arn: &alias_arn,
            };
            // A bucket's keys are of its own Region, and an alias leads somewhere else in each.
            let using = self.uses(remains).into_iter().filter(|(bucket, name)| {
                *bucket != place.name
                    && region_of(remains, bucket) == Some(place.region)
                    && others.named_in(named, name)
            });
            uses.extend(using.map(|(bucket, _)| (key.arn.clone(), bucket, place.region)));
        }
        let asked = uses.into_iter().map(|(key, bucket, region)| async move {
            let Some(aws) = self.accounts.at(bucket) else {
                return Ok(None);
            };
            let at = BucketRef {
                name: bucket,
                region,
            };
            let holds = missing_is_none(aws.holds_versions(at)).await?;
            Ok::<_, AwsError>((holds == Some(true)).then(|| (key, bucket.to_owned())))
        });
        let mut encrypted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (key, bucket) in try_join_all(asked).await?.into_iter().flatten() {
            encrypted.entry(key).or_default().insert(bucket);
        }
        Ok(encrypted)
    }

    /// Aliases of somebody's that lead to a key that is to go, of those that anybody names.
    async fn further_aliases(
        &self,
        places: &[Place<'_>],
        others: &Others,
    ) -> Outcome<BTreeMap<String, BTreeSet<String>>> {
        let mut named = others.aliases_named();
        let asked = self.spec.into_iter().flat_map(|spec| &spec.rules);
        let asked = asked.filter_map(|rule| rule.rule.destination.replica_kms_key_id.as_deref());
        let source = self.spec.into_iter().flat_map(|spec| &spec.source_kms_keys);
        named.extend(asked.chain(source.map(String::as_str)).flat_map(aliases_in));
        let keys = places
            .iter()
            .filter_map(|place| Some((place, place.key?, self.accounts.at(place.name)?)));
        let asked = keys.flat_map(|(place, key, aws)| {
            named.iter().map(move |alias| async move {
                let found = match aws.describe_key(place.region, alias).await {
                    // We may look at every key that we made.
                    Err(error) if error.hides_what_is_there() => None,
                    found => found?,
                };
                let leads_there = found.is_some_and(|found| found.arn == key.arn);
                Ok::<_, AwsError>(leads_there.then(|| (key.arn.clone(), alias.clone())))
            })
        });
        let mut aliases: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (key, alias) in try_join_all(asked).await?.into_iter().flatten() {
            aliases.entry(key).or_default().insert(alias);
        }
        Ok(aliases)
    }

    async fn said(&self, place: &Place<'_>, keys: bool) -> Outcome<Said> {
        let Some(aws) = self.accounts.at(place.name) else {
            return Ok(Said::default());
        };
        let bucket = BucketRef {
            name: place.name,
            region: place.region,
        };
        let taken = place.bucket || place.key.is_some();
        let replication = async {
            // What the source says of itself is known. Any bucket's rules may name any key.
            if (place.bucket || keys) && !place.is_source && place.exists {
                missing_is_none(aws.replication(bucket)).await
            } else {
                Ok(None)
            }
        };
        let default = async {
            // Any bucket's default may name any key.
            if keys && !place.is_source && place.exists {
                missing_is_none(aws.default_encryption(bucket)).await
            } else {
                Ok(None)
            }
        };
        let holds = async {
            if taken && place.exists {
                missing_is_none(aws.holds_versions(bucket)).await
            } else {
                Ok(None)
            }
        };
        let rest = async {
            let expected = async {
                if taken && place.is_source {
                    expectations(aws, place.region, place.name).await
                } else {
                    Ok(BTreeMap::new())
                }
            };
            let tags = async {
                match place.key {
                    Some(key) => missing_is_none(aws.key_tags(place.region, &key.arn)).await,
                    None => Ok(None),
                }
            };
            try_join(expected, tags).await
        };
        let (replication, default, holds, (expectations, tags)) =
            try_join4(replication, default, holds, rest).await?;
        let ours = |tags: &[Tag]| {
            tags.iter()
                .any(|tag| tag.key == OWNER_TAG && tag.value == self.owner.as_str())
        };
        let default = default.flatten().filter(DefaultEncryption::is_kms);
        Ok(Said {
            replication: replication.flatten(),
            default_key: default.and_then(|default| default.kms_key),
            expectations,
            holds: holds.unwrap_or_default(),
            key_is_ours: tags.is_some_and(|tags| ours(&tags)),
        })
    }

    async fn policies_of_others(&self, role: &str) -> Outcome<BTreeMap<String, String>> {
        let aws = self.accounts.home();
        let names = aws.role_policies(role).await?;
        let others = names.into_iter().filter(|name| !self.owner.owns(name));
        let calls = others.map(|name| async move {
            let document = aws.role_policy(role, &name).await?;
            Ok::<_, AwsError>((name, document.unwrap_or_default()))
        });
        Ok(try_join_all(calls).await?.into_iter().collect())
    }
}

/// The Region of a bucket of the resource's that is there and can be looked at.
fn region_of<'a>(remains: &'a Remains, bucket: &str) -> Option<&'a str> {
    if bucket == remains.source_bucket {
        let there = remains.source.is_some();
        return remains.source_region.as_deref().filter(|_| there);
    }
    let found = remains.destinations.get(bucket)?;
    (found.presence == Presence::There).then_some(found.region.as_str())
}

/// Whether a rule or policy of this name is no resource's of ours.
fn is_nobodys(name: &str) -> bool {
    Owner::at_start_of(name).is_none()
}

/// What was read already.
fn known(remains: &Remains) -> Others {
    let mut others = Others::default();
    let source = &remains.source_bucket;
    let replication = remains.replication.clone();
    others
        .replication
        .extend(replication.map(|found| (source.clone(), found)));
    if let Some(found) = &remains.source {
        let default = found.default_key().map(str::to_owned);
        others
            .default_keys
            .extend(default.map(|key| (source.clone(), key)));
        let stack = stack_of(&found.tags);
        others
            .stacks
            .extend(stack.map(|stack| (source.clone(), stack)));
    }
    if remains.source_hidden {
        others.hidden.insert(source.clone());
    }
    for (name, found) in &remains.destinations {
        if found.presence == Presence::Hidden {
            others.hidden.insert(name.clone());
        }
        others.policies.extend(found.policies.clone());
        let stack = found.stack.clone();
        others
            .stacks
            .extend(stack.map(|stack| (name.clone(), stack)));
        others.hear(name, found.expectations.clone());
    }
    others
}

fn places<'a>(remains: &'a Remains, owner: &Owner) -> Vec<Place<'a>> {
    let taking = remains.taking;
    let staying = |key: &'_ Option<KeyDescription>| {
        taking.keys && key.as_ref().is_some_and(|key| !key.is_about_to_go())
    };
    let made = |found: &ObservedBucket| found.is_of(owner);
    let source = remains.source_region.as_ref().map(|region| Place {
        name: &remains.source_bucket,
        region,
        exists: remains.source.is_some(),
        is_source: true,
        bucket: taking.buckets && remains.source.as_ref().is_some_and(made),
        key: remains
            .source_key
            .as_ref()
            .filter(|_| staying(&remains.source_key)),
    });
    let destinations = remains.destinations.iter().map(|(name, found)| Place {
        name,
        region: &found.region,
        exists: found.presence == Presence::There,
        is_source: false,
        bucket: taking.buckets && found.made_by_us,
        key: found.key.as_ref().filter(|_| staying(&found.key)),
    });
    source.into_iter().chain(destinations).collect()
}
