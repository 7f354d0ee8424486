//! Reads what is to be watched: the rules, where they lead, and what is ours there.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{try_join, try_join_all};

use super::Watching;
use super::word::{Key, Naming, SeenRule, Word, naming};
use crate::accounts::Accounts;
use crate::configuration::{NotificationConfiguration, ReplicationConfiguration, ReplicationRule};
use crate::error::ErrorKind;
use crate::observe::{expectations, located_by};
use crate::owner::Owner;
use crate::ports::{Aws, BucketRef, Outcome};
use crate::spec::Site;
use aws_names::Arn;

/// What a look shows.
#[derive(Debug)]
pub(crate) struct Look<'a, A> {
    /// The bucket's rules, whoever's; `None` where it has no replication.
    pub(crate) configuration: Option<ReplicationConfiguration>,
    /// What the chosen ones say now.
    pub(crate) word: Word,
    /// `RuleIds` that no rule has.
    pub(crate) missing: Vec<String>,
    /// `RuleIds` of rules that a resource of ours made.
    pub(crate) ours: Vec<String>,
    /// Buckets of `Destinations` that none of the rules leads to.
    pub(crate) needless: Vec<String>,
    /// The source bucket's.
    pub(crate) notifications: NotificationConfiguration,
    /// The destinations that can be looked at.
    pub(crate) destinations: BTreeMap<String, Place>,
    /// AWS, bucket by bucket.
    pub(crate) accounts: Accounts<'a, A>,
}

/// A destination.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) region: String,
    pub(crate) event_bridge: bool,
    /// Our expectation parameters for it, by name.
    pub(crate) parameters: BTreeMap<String, String>,
}

/// A destination, or why it cannot be looked at.
type Sight = Result<Place, String>;

impl<'a, A: Aws> Watching<'a, A> {
    /// Looks at everything.
    ///
    /// # Errors
    /// The first read that failed for another reason than one that is told of a rule.
    pub(crate) async fn look(&self) -> Outcome<Look<'a, A>> {
        let source = self.watch.source();
        let (configuration, notifications) =
            match try_join(self.aws.replication(source), self.aws.notifications(source)).await {
                Err(error) if error.kind == ErrorKind::WrongRegion => {
                    return Err(located_by(self.aws, source.name, error).await);
                }
                read => read?,
            };
        let rules = configuration.as_ref().map_or(&[][..], |found| &found.rules);
        let asked = self.watch.rule_ids.as_deref();
        let is_asked = |id: &String| asked.is_none_or(|asked| asked.contains(id));
        let is_ours = |id: &str| Owner::at_start_of(id).is_some();
        let chosen: Vec<_> = rules
            .iter()
            .filter(|rule| is_asked(&rule.id) && !is_ours(&rule.id))
            .collect();
        let is_there = |id: &&String| rules.iter().any(|rule| rule.id == **id);
        let (there, missing): (Vec<&String>, Vec<_>) =
            asked.unwrap_or_default().iter().partition(is_there);
        let ours = there.into_iter().filter(|id| is_ours(id));
        let leads = |bucket: &&String| {
            let mut rules = chosen.iter();
            !rules.any(|rule| rule.destination.bucket_name() == *bucket)
        };
        let needless = self.watch.roles.keys().filter(leads);
        let sites = self.sites(&chosen);
        let accounts = Accounts::of(self.aws, self.home, &sites).await;
        let sights = sites.iter().map(|site| async {
            let sight = self.sight(site, &accounts).await?;
            Ok((site.bucket.clone(), sight))
        });
        let sights: BTreeMap<String, Sight> = try_join_all(sights).await?.into_iter().collect();
        let keys = chosen.iter().map(|rule| self.key(rule, &sights, &accounts));
        let keys = try_join_all(keys).await?;
        let seen = chosen.iter().zip(keys);
        let word = Word {
            at: self.aws.now(),
            role: configuration
                .as_ref()
                .map(|found| found.role.clone())
                .unwrap_or_default(),
            rules: seen.map(|(rule, key)| SeenRule::of(rule, key)).collect(),
            ..Word::default()
        };
        Ok(Look {
            word,
            missing: missing.into_iter().cloned().collect(),
            ours: ours.cloned().collect(),
            needless: needless.cloned().collect(),
            notifications,
            destinations: sights
                .into_iter()
                .filter_map(|(bucket, sight)| Some((bucket, sight.ok()?)))
                .collect(),
            accounts,
            configuration,
        })
    }

    /// Where the rules lead, and where they led when they were looked at last.
    fn sites(&self, chosen: &[&ReplicationRule]) -> Vec<Site> {
        let known = self.past.iter().flat_map(|past| &past.sites);
        let known: BTreeMap<_, _> = known.map(|site| (site.bucket.as_str(), site)).collect();
        let led = chosen.iter().map(|rule| {
            let said = rule.destination.account.as_deref();
            (rule.destination.bucket_name(), said)
        });
        let left = known.keys().map(|bucket| (*bucket, None));
        let mut sites: BTreeMap<&str, Site> = BTreeMap::new();
        for (bucket, said) in led.chain(left) {
            let known = known.get(bucket);
            let role = self.watch.roles.get(bucket).cloned();
            let role = role.or_else(|| known.and_then(|site| site.assume_role_arn.clone()));
            let of_role = role.as_deref().and_then(Arn::parse).map(|arn| arn.account);
            let account = of_role.or_else(|| said.map(str::to_owned));
            let account = account.or_else(|| known.and_then(|site| site.account.clone()));
            sites.entry(bucket).or_insert_with(|| Site {
                bucket: bucket.to_owned(),
                region: known.and_then(|site| site.region.clone()),
                account,
                assume_role_arn: role,
                keys: BTreeSet::new(),
            });
        }
        sites.into_values().collect()
    }

    /// A destination, or why it cannot be looked at.
    async fn sight(&self, site: &Site, accounts: &Accounts<'_, A>) -> Outcome<Sight> {
        let name = site.bucket.as_str();
        let Some(aws) = accounts.at(name) else {
            let account = accounts.account_of(name).map_or("another", String::as_str);
            return Ok(Err(match (&site.assume_role_arn, accounts.trouble()) {
                (Some(role), Some(trouble)) => {
                    // Who has just named the role has to hear of it; what was there may be gone.
                    if self.past.is_none() {
                        return Err(trouble.clone());
                    }
                    format!(
                        "leads to bucket `{name}` of account {account}, where role `{role}` cannot be assumed: {trouble}"
                    )
                }
                _ => format!(
                    "leads to bucket `{name}` of account {account}, and `Destinations` names no `AssumeRoleArn` to act there \
                     with"
                ),
            }));
        };
        let region = match aws.bucket_region(name).await {
            Ok(Some(region)) => region,
            Ok(None) => {
                return Ok(Err(format!(
                    "leads to bucket `{name}`, which does not exist"
                )));
            }
            Err(error) if error.kind == ErrorKind::AccessDenied => {
                return Ok(Err(format!(
                    "leads to bucket `{name}`, which cannot be looked at ({}); where it is another account's, name it in \
                     `Destinations`, with a role to assume there",
                    error.answer()
                )));
            }
            Err(error) => return Err(error),
        };
        let place = BucketRef {
            name,
            region: &region,
        };
        let read = try_join(aws.notifications(place), expectations(aws, &region, name));
        let (notifications, mut parameters) = read.await?;
        parameters.retain(|name, _| self.owner.owns_parameter(name));
        Ok(Ok(Place {
            region,
            event_bridge: notifications.event_bridge,
            parameters,
        }))
    }

    /// The key that is right for a rule's replicas.
    async fn key(
        &self,
        rule: &ReplicationRule,
        sights: &BTreeMap<String, Sight>,
        accounts: &Accounts<'_, A>,
    ) -> Outcome<Key> {
        let unwatched = |why: String| Ok(Key::Unwatched(why));
        let name = match naming(rule) {
            Naming::None(why) => return unwatched(why.to_owned()),
            Naming::Arn(name) | Naming::Other(name) => name,
        };
        let bucket = rule.destination.bucket_name();
        let said = rule.destination.account.as_ref();
        let acts_in = accounts.account_of(bucket).unwrap_or(&self.home.account);
        if let Some(said) = said.filter(|said| *said != acts_in) {
            return unwatched(format!(
                "leads to bucket `{bucket}` of account {said}, as it says, and `Destinations` has a role of account \
                 {acts_in} for it"
            ));
        }
        let place = match sights.get(bucket) {
            Some(Ok(place)) => place,
            Some(Err(why)) => return unwatched(why.clone()),
            None => {
                return unwatched(format!(
                    "leads to bucket `{bucket}`, which was not looked at"
                ));
            }
        };
        if matches!(naming(rule), Naming::Arn(_)) {
            return Ok(Key::Arn(name.to_owned()));
        }
        // An alias or an id means a key of the account and Region that are asked.
        let arn = Arn::parse(name);
        let account = arn.as_ref().map_or(&self.home.account, |arn| &arn.account);
        let region = arn.as_ref().map_or(&place.region, |arn| &arn.region);
        let is_home = *account == self.home.account;
        if arn.is_none() && accounts.is_foreign(bucket) {
            return unwatched(format!(
                "names key `{name}` without its account, which is not the bucket's: S3 looks for it in the account of \
                 whoever asks; name it by its ARN (`arn:…:key/…`) in the rule"
            ));
        }
        let aws = if is_home {
            Some(self.aws)
        } else {
            let theirs = accounts.account_of(bucket) == Some(account);
            accounts.at(bucket).filter(|_| theirs)
        };
        let Some(aws) = aws else {
            return unwatched(format!(
                "names key `{name}` of account {account}, where it cannot be looked up; name it by its ARN (`arn:…:key/…`) \
                 in the rule"
            ));
        };
        match aws.describe_key(region, name).await {
            Ok(Some(key)) => Ok(Key::Arn(key.arn)),
            Ok(None) => unwatched(format!(
                "names key `{name}`, which is not there in {region}"
            )),
            Err(error) if error.kind == ErrorKind::AccessDenied => unwatched(format!(
                "names key `{name}`, which cannot be looked up ({}); name it by its ARN (`arn:…:key/…`) in the rule",
                error.answer()
            )),
            Err(error) => Err(error),
        }
    }
}
