//! Buckets of a Region that replicate under KMS keys and that nobody watches: no expectation of any owner
//! speaks of their rules. Reads only.
//!
//! ```json
//! {"Action": "WatchAll"}
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use event_bus::Event;
use expectation::Document;
use futures_util::future::try_join;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::claims::takes_kms;
use crate::configuration::{ReplicationRule, Status};
use crate::error::ErrorKind;
use crate::format::{Format, reports};
use crate::in_time::in_time;
use crate::observe::expectations;
use crate::ports::{Aws, BucketRef, Outcome};
use crate::record;
use crate::teller::Teller;
use aws_names::digest;

/// The events' `detail-type`.
pub const DETAIL_TYPE: &str = "Unwatched Replication";
/// The schema of the events' `detail`.
pub const SCHEMA: &str = "encrypted-replication/unwatched/1";
/// Metric of every look at the function's own Region, zero too, so that an alarm ends.
const UNWATCHED: &str = "UnwatchedBuckets";

/// Buckets looked at at once: mostly one GET each, of which S3 takes thousands a second.
const AT_ONCE: usize = 64;
/// Kept for telling what was seen.
const RESERVE: Duration = Duration::from_secs(30);
/// An event names at most this many rules; the answer names all.
const MOST_RULES: usize = 50;

const REMEDY: &str = "watch it with a Custom::WatchedReplication, or make its rules with a Custom::EncryptedReplication";

/// A direct invocation's payload.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Everywhere {
    #[serde(rename = "Action")]
    _action: String,
    /// The Region whose buckets are looked at; the function's where there is none.
    #[serde(default)]
    region: Option<String>,
    /// Whether to tell it by events and a metric too, not only in the answer.
    #[serde(default = "reports")]
    report: bool,
    /// How the answer is to be put.
    #[serde(default)]
    pub(crate) format: Format,
}

impl Everywhere {
    /// What asks for one.
    pub(crate) const ACTION: &str = "WatchAll";

    /// Reads a payload.
    ///
    /// # Errors
    /// What is wrong with it, and what a right one looks like.
    pub(crate) fn read(payload: Value) -> Result<Self, String> {
        let read: Result<Self, _> = serde_json::from_value(payload);
        let wrong = |why: String| {
            format!(
                "the question cannot be read: {why}; write {{\"Action\": \"{}\"}}, with \"Region\" to look at the buckets of \
                 another one, and \"Report\": false for an answer and no events and metric",
                Self::ACTION
            )
        };
        let asked = read.map_err(|error| wrong(error.to_string()))?;
        match asked
            .region
            .as_deref()
            .filter(|region| !aws_names::is_region(region))
        {
            Some(region) => Err(wrong(format!("`{region}` is no Region"))),
            None => Ok(asked),
        }
    }
}

/// Who looks, and whom what was seen is told to.
#[derive(Debug)]
pub(crate) struct Survey<'a, A> {
    pub(crate) teller: Teller<'a, A>,
}

/// The answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    action: &'static str,
    region: String,
    /// How many buckets the Region has.
    buckets: usize,
    /// How many of them replicate under KMS keys.
    replicating: usize,
    unwatched: Vec<Finding>,
    /// Buckets that could not be looked at, with the reason.
    unknown: Vec<String>,
    /// Buckets that there was no time for.
    not_looked_at: Vec<String>,
}

/// A bucket that nobody watches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Finding {
    source_bucket: String,
    /// Rules that nobody watches, with where they lead.
    rules: Vec<Unwatched>,
    reason: String,
    remedy: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Unwatched {
    rule_id: String,
    destination_bucket: String,
}

/// What a look at one bucket showed.
enum Seen {
    /// It replicates nothing under KMS keys.
    Nothing,
    /// Rules of it that nobody watches.
    Replicating(Vec<Unwatched>),
    /// It could not be looked at.
    Unknown(String),
}

impl<A: Aws> Survey<'_, A> {
    /// Looks, and tells what was seen.
    ///
    /// # Errors
    /// Where the buckets or the records could not be listed, or what was seen could not be told.
    pub(crate) async fn run(&self, asked: &Everywhere) -> Result<Value, String> {
        let home = &self.teller.installation.home;
        let region = asked.region.as_ref().unwrap_or(&home.region);
        let answer = self.look(region).await.map_err(|error| error.to_string())?;
        tracing::info!(
            buckets = answer.buckets,
            replicating = answer.replicating,
            unwatched = answer.unwatched.len(),
            unknown = answer.unknown.len(),
            not_looked_at = answer.not_looked_at.len(),
            "looked for replication that nobody watches"
        );
        for found in &answer.unwatched {
            tracing::warn!(
                bucket = found.source_bucket,
                reason = found.reason,
                remedy = REMEDY,
                "nobody watches"
            );
        }
        if asked.report {
            // A look at another Region says nothing of the function's own.
            if *region == home.region {
                self.teller.count(&[(UNWATCHED, answer.unwatched.len())])?;
            }
            self.publish(&answer).await?;
        }
        serde_json::to_value(&answer).map_err(|error| format!("the answer is no JSON: {error}"))
    }

    async fn look(&self, region: &str) -> Outcome<Answer> {
        let Teller {
            aws,
            installation,
            deadline,
            ..
        } = self.teller;
        let home = &installation.home.region;
        let (buckets, records) = try_join(aws.buckets(region), record::all(aws, home)).await?;
        let records: Vec<String> = records.values().map(record::joined).collect();
        let reserve = RESERVE.min(deadline.remaining() / 4);
        let stop = deadline.earlier_by(reserve).instant();
        let looks = buckets.iter().map(|name| {
            let place = BucketRef { name, region };
            let records = records.as_slice();
            Box::pin(async move { (name.clone(), self.bucket(place, records).await) })
        });
        let seen: BTreeMap<String, Seen> = in_time(looks.collect(), AT_ONCE, stop).await;
        let missed = buckets.iter().filter(|name| !seen.contains_key(*name));
        let mut answer = Answer {
            action: Everywhere::ACTION,
            region: region.to_owned(),
            buckets: buckets.len(),
            replicating: 0,
            unwatched: Vec::new(),
            unknown: Vec::new(),
            not_looked_at: missed.cloned().collect(),
        };
        for (source_bucket, seen) in seen {
            match seen {
                Seen::Nothing => {}
                Seen::Unknown(why) => answer.unknown.push(why),
                Seen::Replicating(rules) => {
                    answer.replicating += 1;
                    let finding = (!rules.is_empty()).then(|| finding(source_bucket, rules));
                    answer.unwatched.extend(finding);
                }
            }
        }
        Ok(answer)
    }

    /// One bucket; `records` of all resources, as texts.
    async fn bucket(&self, place: BucketRef<'_>, records: &[String]) -> Seen {
        let rules = match self.teller.aws.replication(place).await {
            Ok(Some(found)) => found.rules,
            Ok(None) => return Seen::Nothing,
            // Deleted meanwhile, or listed though it is another Region's.
            Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::WrongRegion) => {
                return Seen::Nothing;
            }
            Err(error) => return Seen::Unknown(error.to_string()),
        };
        let in_force = |rule: &ReplicationRule| rule.status == Status::Enabled && takes_kms(rule);
        let rules: Vec<_> = rules.into_iter().filter(in_force).collect();
        if rules.is_empty() {
            return Seen::Nothing;
        }
        let destinations: BTreeSet<&str> = rules
            .iter()
            .map(|rule| rule.destination.bucket_name())
            .collect();
        let mut said = BTreeMap::new();
        for bucket in destinations {
            match self.said(place.name, bucket, records).await {
                Ok(prefixes) => drop(said.insert(bucket.to_owned(), prefixes)),
                Err(error) => return Seen::Unknown(error.to_string()),
            }
        }
        let unwatched = rules.iter().filter(|rule| {
            let said = said.get(rule.destination.bucket_name());
            let mut prefixes = said.into_iter().flatten();
            !prefixes.any(|prefix| rule.covered_prefix().starts_with(prefix.as_str()))
        });
        Seen::Replicating(
            unwatched
                .map(|rule| Unwatched {
                    rule_id: rule.id.clone(),
                    destination_bucket: rule.destination.bucket_name().to_owned(),
                })
                .collect(),
        )
    }

    /// The prefixes that somebody says something of, of what comes from `source` into a destination. In
    /// another account nothing can be looked up, and records alone tell who watches.
    async fn said(&self, source: &str, bucket: &str, records: &[String]) -> Outcome<Vec<String>> {
        let (aws, home) = (self.teller.aws, &self.teller.installation.home);
        let recorded = || {
            let (from, to) = (format!("/{source}/er"), format!(":::{bucket}\""));
            let named = format!("\"{bucket}\"");
            let mut records = records.iter();
            let any = records
                .any(|text| text.contains(&from) && (text.contains(&to) || text.contains(&named)));
            any.then(String::new).into_iter().collect()
        };
        let region = match aws.bucket_region(bucket).await {
            Ok(Some(region)) => region,
            // Nothing can arrive there, and nobody speaks of it.
            Ok(None) => return Ok(Vec::new()),
            Err(error) if error.kind == ErrorKind::AccessDenied => return Ok(recorded()),
            Err(error) => return Err(error),
        };
        // A record says what should be there, and not what is.
        let found = expectations(aws, &region, bucket).await?;
        let arn = home.bucket_arn(source);
        let documents = found.values().filter_map(|text| Document::read(text).ok());
        let documents = documents.filter(|said| said.source == arn || said.source.is_empty());
        let lines = documents.flat_map(|document| document.rules);
        let now = aws.now();
        let in_force =
            lines.filter(|line| !line.disabled && line.until.is_none_or(|until| until > now));
        let prefixes: Vec<_> = in_force.map(|line| line.prefix).collect();
        Ok(prefixes)
    }

    async fn publish(&self, answer: &Answer) -> Result<(), String> {
        let found = answer.unwatched.iter();
        let events = found.map(|found| self.event(found, &answer.region));
        let events: Vec<_> = events.collect();
        self.teller.publish(&events).await.map_err(|unsent| {
            format!(
                "nobody watches {} buckets, but {}",
                events.len(),
                unsent.told("findings", "look again"),
            )
        })
    }

    fn event(&self, found: &Finding, region: &str) -> Event {
        let Finding {
            source_bucket,
            rules,
            reason,
            remedy,
        } = found;
        let ids = rules.iter().map(|rule| rule.rule_id.as_str());
        // The same for the same rules, whenever they are seen.
        let id = digest::hex([SCHEMA, source_bucket].into_iter().chain(ids.clone()));
        let led: BTreeSet<_> = rules
            .iter()
            .map(|rule| rule.destination_bucket.as_str())
            .collect();
        let detail = json!({
            "schema": SCHEMA,
            "id": id,
            "sourceBucket": source_bucket,
            "sourceRegion": region,
            "ruleIds": ids.take(MOST_RULES).collect::<Vec<_>>(),
            "destinationBuckets": led.into_iter().take(MOST_RULES).collect::<Vec<_>>(),
            "reason": reason,
            "remedy": remedy,
        });
        Event {
            detail_type: DETAIL_TYPE,
            detail: detail.to_string(),
            resources: vec![self.teller.installation.home.bucket_arn(source_bucket)],
        }
    }
}

fn finding(source_bucket: String, rules: Vec<Unwatched>) -> Finding {
    const MOST: usize = 3;
    let shown = rules.iter().take(MOST).map(|rule| {
        let to = &rule.destination_bucket;
        format!("`{}` to bucket `{to}`", rule.rule_id)
    });
    let mut shown: Vec<_> = shown.collect();
    if rules.len() > MOST {
        shown.push(format!("{} more", rules.len() - MOST));
    }
    let reason = format!(
        "bucket `{source_bucket}` replicates objects under KMS keys, and no expectation says which key is right for: {}",
        shown.join(", ")
    );
    Finding {
        source_bucket,
        rules,
        reason,
        remedy: REMEDY,
    }
}
