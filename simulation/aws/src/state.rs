//! What the account holds.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use event_bus::Event;
use expectation::Time;
use replication::error::ErrorKind;
use replication::ports::BucketRef;
use serde_json::json;
use tokio::time::Instant;

use super::news::News;
use super::things::{Bucket, JobRun, Key, Lagging, Role};
use super::weather::{New, Weather};
use super::{ACCOUNT, Refusal, refuse};

/// The accounts.
#[derive(Clone, Debug)]
pub struct State {
    /// The account whose call is carried out.
    pub acting: String,
    /// Roles of other accounts that may be assumed, by ARN.
    pub assumable: BTreeSet<String>,
    pub began: Instant,
    pub now: Instant,
    pub lag: Duration,
    pub weather: Weather,
    pub replicates_after: Option<Duration>,
    /// Whether rules that are put are answered with success and go nowhere.
    pub deaf_to_rules: bool,
    /// Buckets that replicas are refused in, by something that nobody can look at: an organisation's policy.
    pub refused_destinations: BTreeSet<String>,
    pub buckets: BTreeMap<String, Bucket>,
    /// Queues, topics and functions that are no longer there.
    pub gone_targets: BTreeSet<String>,
    /// Bucket names that other accounts have.
    pub strangers: BTreeSet<String>,
    /// Regions that there are not.
    pub no_such_regions: BTreeSet<String>,
    /// Regions that are switched off for the account.
    pub regions_off: BTreeSet<String>,
    /// By ARN.
    pub keys: BTreeMap<String, Key>,
    /// ARN of a key by Region and alias.
    pub aliases: BTreeMap<(String, String), String>,
    pub roles: BTreeMap<String, Role>,
    /// Roles without this boundary may neither be made nor given policies.
    pub required_boundary: Option<String>,
    /// By Region and name.
    pub parameters: BTreeMap<(String, String), String>,
    /// The same in other accounts, by account.
    pub foreign_parameters: BTreeMap<String, BTreeMap<(String, String), String>>,
    /// S3 Batch Replication jobs: id by token.
    pub jobs: BTreeMap<String, String>,
    /// The same by id.
    pub job_runs: BTreeMap<String, JobRun>,
    pub drawn: u32,
    /// The API's name of the last call.
    pub last_call: &'static str,
    /// Events by the bus that took them.
    pub events: Vec<(String, Event)>,
    /// Codes with which buses refuse the next events, the last one first.
    pub untaken: Vec<&'static str>,
    /// What was counted, by the name of the function that did.
    pub counted: Vec<(String, BTreeMap<&'static str, usize>)>,
    /// What was measured, by bucket.
    pub measured: Vec<(String, BTreeMap<&'static str, f64>)>,
    /// What was written into the log.
    pub logged: Vec<String>,
    /// Every probe or other object ever replicated: bucket, key.
    pub arrivals: Vec<(String, String)>,
    /// What happened to objects, until somebody takes it.
    pub news: Vec<News>,
    /// Versions that were re-encrypted in place (bucket, key, version id), and under which key.
    pub repaired: Vec<((String, String, String), String)>,
    /// Buckets whose policy denies the checker.
    pub closed_to_checkers: BTreeSet<String>,
    /// Whether policies of the account's own buckets and keys, and whom roles trust, stand in the way too.
    pub weighs_own_policies: bool,
    /// Whether the lists of a role's policies come back in another order.
    pub turns_lists: bool,
}

impl Default for State {
    fn default() -> Self {
        Self {
            acting: ACCOUNT.to_owned(),
            assumable: BTreeSet::new(),
            began: Instant::now(),
            now: Instant::now(),
            lag: Duration::ZERO,
            weather: Weather::default(),
            replicates_after: Some(Duration::from_secs(3)),
            deaf_to_rules: false,
            refused_destinations: BTreeSet::new(),
            buckets: BTreeMap::new(),
            gone_targets: BTreeSet::new(),
            strangers: BTreeSet::new(),
            no_such_regions: BTreeSet::new(),
            regions_off: BTreeSet::new(),
            keys: BTreeMap::new(),
            aliases: BTreeMap::new(),
            roles: BTreeMap::new(),
            required_boundary: None,
            parameters: BTreeMap::new(),
            foreign_parameters: BTreeMap::new(),
            jobs: BTreeMap::new(),
            job_runs: BTreeMap::new(),
            drawn: 0,
            last_call: "",
            events: Vec::new(),
            untaken: Vec::new(),
            counted: Vec::new(),
            measured: Vec::new(),
            logged: Vec::new(),
            arrivals: Vec::new(),
            news: Vec::new(),
            repaired: Vec::new(),
            closed_to_checkers: BTreeSet::new(),
            weighs_own_policies: false,
            turns_lists: false,
        }
    }
}

/// As KMS gives it where the caller gives none: the account's IAM policies decide.
fn default_key_policy(account: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [{
        "Sid": "Enable IAM User Permissions", "Effect": "Allow", "Action": "kms:*", "Resource": "*",
        "Principal": {"AWS": format!("arn:aws:iam::{account}:root")}}]})
    .to_string()
}

impl State {
    /// The time of day: all began at a quarter to six on a Friday.
    pub fn time_of(&self, moment: Instant) -> Time {
        let passed = moment.saturating_duration_since(self.began).as_secs();
        Time::from_secs(1_795_801_500 + i64::try_from(passed).unwrap())
    }

    /// A number never given before.
    pub fn draw(&mut self) -> u32 {
        self.drawn += 1;
        self.drawn
    }

    /// The bucket, if it can be spoken to in that Region.
    pub fn bucket(&mut self, at: BucketRef<'_>) -> Result<&mut Bucket, Refusal> {
        let acting = self.acting.as_str();
        let others = |bucket: &Bucket| bucket.account != acting;
        if self.strangers.contains(at.name) || self.buckets.get(at.name).is_some_and(others) {
            return refuse(ErrorKind::AccessDenied, "AccessDenied", "Access Denied");
        }
        let known = self.knows(New::Bucket(at.name));
        match self.buckets.get_mut(at.name).filter(|_| known) {
            None => refuse(
                ErrorKind::NotFound,
                "NoSuchBucket",
                "The specified bucket does not exist",
            ),
            Some(bucket) if bucket.region != at.region => refuse(
                ErrorKind::WrongRegion,
                "PermanentRedirect",
                "The bucket you are attempting to access must be addressed using the specified endpoint.",
            ),
            Some(bucket) => Ok(bucket),
        }
    }

    /// ARN of the key that `name` (ARN, id or alias) stands for in `region`.
    pub fn key_arn(&mut self, region: &str, name: &str) -> Option<String> {
        let alias = match name.strip_prefix("arn:aws:kms:") {
            Some(rest) => {
                let rest = rest.strip_prefix(region)?;
                let resource = rest.strip_prefix(&format!(":{}:", self.acting))?;
                if resource.starts_with("key/") {
                    let known = self.keys.contains_key(name) && self.knows(New::Key(name));
                    return known.then(|| name.to_owned());
                }
                resource
            }
            None if name.starts_with("alias/") => name,
            None => {
                let arn = format!("arn:aws:kms:{region}:{}:key/{name}", self.acting);
                return self.keys.contains_key(&arn).then_some(arn);
            }
        };
        let place = (region.to_owned(), alias.to_owned());
        // The AWS managed key comes into being when it is first used.
        if alias == "alias/aws/s3" && !self.aliases.contains_key(&place) {
            let arn = self.add_key(region, "AWS");
            self.aliases.insert(place.clone(), arn);
        }
        let own = format!(":{}:", self.acting);
        let known = self.knows(New::Alias(region, alias));
        self.aliases
            .get(&place)
            .filter(|arn| known && arn.contains(&own) && self.knows(New::Key(arn)))
            .cloned()
    }

    /// The parameters of the account whose call is carried out.
    pub fn own_parameters(&mut self) -> &mut BTreeMap<(String, String), String> {
        if self.acting == ACCOUNT {
            return &mut self.parameters;
        }
        self.foreign_parameters
            .entry(self.acting.clone())
            .or_default()
    }

    /// Whether the resource belongs to the account whose call is carried out.
    pub fn of_acting(&self, arn: &str) -> bool {
        arn.contains(&format!(":{}:", self.acting))
    }

    /// A new symmetric key.
    pub fn add_key(&mut self, region: &str, manager: &str) -> String {
        let arn = format!(
            "arn:aws:kms:{region}:{}:key/00000000-0000-4000-8000-{:012}",
            self.acting.clone(),
            self.draw()
        );
        let key = Key {
            region: region.to_owned(),
            state: "Enabled".into(),
            usage: "ENCRYPT_DECRYPT".into(),
            spec: "SYMMETRIC_DEFAULT".into(),
            manager: manager.to_owned(),
            policy: default_key_policy(&self.acting),
            tags: Vec::new(),
            rotates: false,
            deletion_days: None,
        };
        self.keys.insert(arn.clone(), key);
        arn
    }

    /// A role with these inline policies, in force at once.
    pub fn add_role(&mut self, name: &str, path: &str, policies: &[(&str, &str)]) -> String {
        let arn = format!("arn:aws:iam::{ACCOUNT}:role{path}{name}");
        let policies = policies
            .iter()
            .map(|(name, document)| ((*name).to_owned(), (*document).to_owned()));
        let long_ago = self.now.checked_sub(self.lag).unwrap_or(self.now);
        let role = Role {
            arn: arn.clone(),
            trust_policy: json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
                "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
            .to_string(),
            permissions_boundary: None,
            tags: Vec::new(),
            policies: Lagging::new(policies.collect(), long_ago),
        };
        self.roles.insert(name.to_owned(), role);
        arn
    }
}
