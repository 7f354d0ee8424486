//! A Create, Update or Delete, from its request to its answer.

use std::collections::{BTreeMap, BTreeSet};

use custom_resource::{Deadline, Request, Success};
use futures_util::future::try_join;
use serde_json::{Map, Value};

use super::Watching;
use super::attributes::{attributes, reason};
use super::look::Look;
use super::plan::sites;
use super::word::Word;
use crate::accounts::Accounts;
use crate::apply::{Writes, apply};
use crate::claims::watcher_of;
use crate::configuration::{NotificationConfiguration, ReplicationConfiguration};
use crate::error::{AwsError, ReplicationError};
use crate::merge;
use crate::observe::{expectations, missing_is_none};
use crate::owner::{Owner, PhysicalId};
use crate::parameters::speaks;
use crate::plan::{Spoken, plan_record, word_never_meant, word_taken_back};
use crate::ports::{Aws, BucketRef, Outcome};
use crate::properties::{Watch, read_watch};
use crate::record::{self, Record, parameters_of};
use crate::replication::Installation;
use crate::rounds::Rounds;
use crate::spec::Site;
use crate::step::{Plan, Step};
use aws_names::{Arn, is_old_bucket_name};

/// Who answers the requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watcher<'a, A> {
    pub(crate) aws: &'a A,
    pub(crate) installation: &'a Installation,
}

/// The parameters that hold the record, by name.
type Parameters = BTreeMap<String, String>;

impl<'a, A: Aws> Watcher<'a, A> {
    /// Creates or updates the resource: looks, writes what is ours, and notes what was seen.
    ///
    /// # Errors
    /// What cannot be, or what AWS refused.
    pub(crate) async fn upsert(
        &self,
        request: &Request,
        id: &PhysicalId,
        deadline: Deadline,
    ) -> Result<Success, ReplicationError> {
        let this = format!("{:?} {}", request.request_type, request.request_id);
        let known = self.known(&id.owner).await?;
        let past = Record::in_parameters(&id.owner, &known);
        if let Some(answer) = self.again(past.as_ref(), request, &this) {
            tracing::info!("the same request was answered before");
            return Ok(answer);
        }
        let past = past.and_then(|past| past.word);
        let (properties, owner) = (&request.resource_properties, &id.owner);
        let watching = Watching::of(self.aws, self.installation, owner, properties)?;
        let watching = watching.since(past);
        let mut writes = Writes::default();
        let look = Box::pin(watching.settled(deadline, &mut writes)).await?;
        // Another delivery of the same request may have been faster.
        let known = self.known(&id.owner).await?;
        let earlier = Record::in_parameters(&id.owner, &known);
        if let Some(answer) = self.again(earlier.as_ref(), request, &this) {
            return Ok(answer);
        }
        let word = watching.word(&look, this);
        let record = Record::of(request, id);
        let noted = |changes: usize| {
            let word = Word {
                changes: changes.to_string(),
                ..word.clone()
            };
            record.clone().saying(word)
        };
        let home = &self.installation.home;
        let written = usize::try_from(writes.0).unwrap_or(usize::MAX);
        // To note it counts itself.
        let to_note = plan_record(&noted(written), &known, home, owner)
            .steps()
            .count();
        let record = noted(written + to_note);
        let mut rounds = Rounds::new(owner, deadline, &id.source_bucket, "note what was seen of");
        let mut present = Some(known);
        loop {
            rounds.begin().await?;
            let outcome = async {
                let known = match present.take() {
                    Some(known) => known,
                    None => self.known(owner).await?,
                };
                let plan = plan_record(&record, &known, home, owner);
                apply(&look.accounts, &plan, owner, &mut writes).await?;
                Ok(Some(()))
            };
            if rounds.end(Box::pin(outcome).await)?.is_some() {
                break;
            }
        }
        let word = record.word.unwrap_or_default();
        Ok(self.success(&word, &id.source_bucket))
    }

    /// Removes what bears the owner's name; nothing of anybody else's.
    ///
    /// # Errors
    /// What AWS refused, where there may be something of ours.
    pub(crate) async fn remove(
        &self,
        id: &PhysicalId,
        properties: &Map<String, Value>,
        deadline: Deadline,
    ) -> Result<(), ReplicationError> {
        if !is_old_bucket_name(&id.source_bucket) {
            tracing::info!("the request names no bucket that there could be: nothing was made");
            return Ok(());
        }
        let watch = read_watch(properties, &self.installation.home)
            .inspect_err(
                |faults| tracing::warn!(%faults, "deleting by physical id and record alone"),
            )
            .ok()
            .filter(|watch| watch.source_bucket == id.source_bucket);
        let mut rounds = Rounds::new(&id.owner, deadline, &id.source_bucket, "stop watching");
        loop {
            rounds.begin().await?;
            let outcome = async {
                let (accounts, plan) = self.remains(id, watch.as_ref()).await?;
                if plan.is_empty() {
                    return Ok(Some(()));
                }
                apply(&accounts, &plan, &id.owner, &mut Writes::default()).await?;
                Ok(None)
            };
            if rounds.end(Box::pin(outcome).await)?.is_some() {
                return Ok(());
            }
        }
    }

    /// What an Update that failed had begun for another source bucket is taken away by the one that rolls it
    /// back: no Delete comes for an id that CloudFormation was never told of.
    pub(crate) async fn take_back(
        &self,
        half: &PhysicalId,
        properties: &Map<String, Value>,
        deadline: Deadline,
    ) {
        let taken = async {
            // With a record it succeeded, and its Delete comes.
            if self.known(&half.owner).await?.is_empty() {
                self.remove(half, properties, deadline).await?;
            }
            Ok::<_, ReplicationError>(())
        };
        if let Err(error) = Box::pin(taken).await {
            let id = half.to_string();
            tracing::error!(id, %error, "what the update wrote for another source bucket may be left");
        }
    }

    async fn known(&self, owner: &Owner) -> Outcome<Parameters> {
        parameters_of(self.aws, &self.installation.home.region, owner).await
    }

    /// The answer that the same request was given before.
    fn again(&self, past: Option<&Record>, request: &Request, this: &str) -> Option<Success> {
        let past = past.filter(|past| past.properties == request.resource_properties)?;
        let word = past.word.as_ref().filter(|word| word.request == this)?;
        let id = PhysicalId::parse(&past.physical_resource_id)?;
        Some(self.success(word, &id.source_bucket))
    }

    fn success(&self, word: &Word, source_bucket: &str) -> Success {
        let data = attributes(word, source_bucket, &self.installation.home);
        let mut success = Success::from(data);
        success.reason = reason(word);
        success
    }

    /// What is left of ours, as the steps that remove it. The record goes last: it knows where the rest is.
    async fn remains(
        &self,
        id: &PhysicalId,
        watch: Option<&Watch>,
    ) -> Outcome<(Accounts<'a, A>, Plan)> {
        let Installation { home, .. } = self.installation;
        let known = self.known(&id.owner).await?;
        let past = Record::in_parameters(&id.owner, &known).and_then(|past| past.word);
        let succeeded = past.is_some();
        let (region, notifications, rules) = self.source(&id.source_bucket, succeeded).await?;
        let noted = past.map(|past| past.sites).unwrap_or_default();
        let mut sites = noted.clone();
        let led = rules.iter().flat_map(|found| &found.rules);
        let led = led.map(|rule| {
            let account = rule.destination.account.clone();
            (rule.destination.bucket_name().to_owned(), account)
        });
        let given = watch.iter().flat_map(|watch| watch.roles.keys());
        for (bucket, said) in led.chain(given.map(|bucket| (bucket.clone(), None))) {
            if sites.iter().any(|site| site.bucket == bucket) {
                continue;
            }
            let role = watch.and_then(|watch| watch.roles.get(&bucket)).cloned();
            let of_role = role.as_deref().and_then(Arn::parse).map(|arn| arn.account);
            sites.push(Site {
                bucket,
                region: None,
                account: of_role.or(said),
                assume_role_arn: role,
                keys: BTreeSet::new(),
            });
        }
        let accounts = Accounts::of(self.aws, home, &sites).await;
        let mut steps = Vec::new();
        for site in &sites {
            let is_noted = noted.iter().any(|noted| noted.bucket == site.bucket);
            match self.left_at(site, &accounts, (&id.owner, succeeded)).await {
                Ok(found) => steps.extend(found),
                // Nothing was ever written there, or it would have been noted.
                Err(error) if !is_noted && error.hides_what_is_there() => {
                    tracing::warn!(bucket = site.bucket, %error, "nothing of ours can be there");
                }
                Err(error) => return Err(error),
            }
        }
        let (name, region) = (&id.source_bucket, region.as_deref().unwrap_or_default());
        let place = BucketRef { name, region };
        steps.extend(self.notification(place, &notifications, &id.owner).await?);
        let record = known.into_keys().map(|name| Step::DeleteRecord {
            region: home.region.clone(),
            name,
        });
        Ok((accounts, Plan::of([steps, record.collect()])))
    }

    /// The source bucket's Region, notifications and rules. Where it cannot be looked at, nothing was ever
    /// written to it, unless something shows that it `was` watched.
    async fn source(
        &self,
        bucket: &str,
        was: bool,
    ) -> Outcome<(
        Option<String>,
        NotificationConfiguration,
        Option<ReplicationConfiguration>,
    )> {
        let looked = async {
            let Some(region) = self.aws.bucket_region(bucket).await? else {
                return Ok(None);
            };
            let place = BucketRef {
                name: bucket,
                region: &region,
            };
            let both = try_join(self.aws.notifications(place), self.aws.replication(place));
            let both = missing_is_none(both).await?;
            Ok(both.map(|(notifications, rules)| (Some(region), notifications, rules)))
        };
        match looked.await {
            Ok(found) => Ok(found.unwrap_or_default()),
            Err(error) if !was && AwsError::hides_what_is_there(&error) => {
                Ok((None, NotificationConfiguration::default(), None))
            }
            Err(error) => Err(error),
        }
    }

    /// Our expectations for one destination.
    async fn left_at(
        &self,
        site: &Site,
        accounts: &Accounts<'_, A>,
        (owner, succeeded): (&Owner, bool),
    ) -> Outcome<Vec<Step>> {
        let bucket = site.bucket.as_str();
        let Some(aws) = accounts.at(bucket) else {
            return match (&site.region, accounts.trouble()) {
                (Some(_), Some(trouble)) => Err(trouble.clone()),
                _ => Ok(Vec::new()),
            };
        };
        let region = match &site.region {
            Some(region) => Some(region.clone()),
            None => aws.bucket_region(bucket).await?,
        };
        let Some(region) = region else {
            return Ok(Vec::new());
        };
        let found = expectations(aws, &region, bucket).await?;
        let (ours, others) = found
            .into_iter()
            .partition(|(name, _)| owner.owns_parameter(name));
        let said = Spoken {
            bucket,
            region: &region,
            ours: &ours,
            others: &others,
        };
        // What never succeeded never meant it.
        if !succeeded && ours.values().any(|text| speaks(text)) {
            return Ok(word_never_meant(said));
        }
        Ok(word_taken_back(said, owner, aws.now()))
    }

    /// Our notification goes, or to another resource on the bucket, which needs it as well.
    async fn notification(
        &self,
        source: BucketRef<'_>,
        found: &NotificationConfiguration,
        owner: &Owner,
    ) -> Outcome<Option<Step>> {
        if merge::without_failure_events(found, owner, None) == *found {
            return Ok(None);
        }
        let records = record::all(self.aws, &self.installation.home.region).await?;
        let records = records.into_iter().filter(|(other, _)| other != owner);
        let texts = records.map(|(other, parts)| (other, record::joined(&parts)));
        let watcher = watcher_of(&texts.collect(), source.name);
        Ok(Some(Step::RemoveFailureEvents {
            bucket: source.name.to_owned(),
            region: source.region.to_owned(),
            watcher: watcher.as_ref().map(Owner::to_string),
        }))
    }
}

impl<'a, A: Aws> Watching<'a, A> {
    /// Writes what is ours until it reads back as it is to be.
    async fn settled(
        &self,
        deadline: Deadline,
        writes: &mut Writes,
    ) -> Result<Look<'a, A>, ReplicationError> {
        let bucket = &self.watch.source_bucket;
        let mut rounds = Rounds::new(self.owner, deadline, bucket, "watch");
        loop {
            rounds.begin().await?;
            let outcome = async {
                let look = Box::pin(self.look()).await?;
                self.faults(&look).or(())?;
                let plan = self.plan(&look, &look.word)?;
                if plan.is_empty() {
                    return Ok(Some(look));
                }
                apply(&look.accounts, &plan, self.owner, writes).await?;
                Ok(None)
            };
            if let Some(look) = rounds.end(Box::pin(outcome).await)? {
                return Ok(look);
            }
        }
    }

    /// What was seen, to be noted as the answer of `request`.
    fn word(&self, look: &Look<'_, A>, request: String) -> Word {
        Word {
            request,
            warnings: self.warnings(look),
            missing: look.missing.clone(),
            sites: sites(look, &look.word, self.past.as_ref(), &self.watch.roles),
            ..look.word.clone()
        }
    }
}
