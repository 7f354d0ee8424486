//! Everything that a report holds, asked for.

use std::collections::BTreeMap;

use evidence::Day;
use evidence::posture::{Known as By, Posture};
use evidence::queries::{COUNTS, FAILURES, FINDINGS, POPULATION, Query, TIMELINE};

use super::athena::Athena;
use super::coverage::{JUDGED, Population};
use super::history::Known;
use super::model::{Asked, Bucket, Coverage, Fields, Source};
use crate::bucket::{self, Way};
use crate::clock::now;
use crate::coverage::inventory::Place;
use crate::failure::Failure;
use crate::session::Session;

/// Whom to ask, and about which days.
pub(super) struct Gathering<'a> {
    pub(super) session: &'a Session,
    pub(super) athena: Athena<'a>,
    pub(super) days: (Day, Day),
    /// Whether the versions that are there are counted.
    pub(super) counts_population: bool,
    /// Where S3 Inventory is that they are counted by; without it they are listed.
    pub(super) inventory: Option<Place>,
    /// What was asked so far.
    pub(super) asked: Vec<Asked>,
}

impl Gathering<'_> {
    /// What there is of a destination bucket.
    ///
    /// # Errors
    /// Where Athena does not answer.
    pub(super) async fn bucket(&mut self, name: &str, known: Known) -> Result<Bucket, Failure> {
        let (from, to) = self.days;
        let days = [from.to_string(), to.to_string()];
        let [first, last] = [days[0].as_str(), days[1].as_str()];
        let span = [name, first, last];
        let mut found = Bucket {
            bucket: name.to_owned(),
            counts: self.saved(COUNTS, &span).await?,
            findings: self.saved(FINDINGS, &span).await?,
            ..Bucket::default()
        };
        for source in &known.sources {
            let parameters = [source.as_str(), first, last, name, first, last];
            let mut failures = self.saved(FAILURES, &parameters).await?;
            // A source bucket may replicate to others as well.
            failures.retain(|row| row.get("destination").is_none_or(|to| to == name));
            found.failures.extend(failures);
        }
        found.sources = known.sources;
        found.history = known.changes;
        if let Some(place) = self.inventory.clone() {
            self.by_inventory(&place, &mut found).await?;
        } else if self.counts_population {
            self.cover(&mut found).await?;
        } else {
            found.not_counted = Some("nobody asked for it (--no-population)".to_owned());
        }
        Ok(found)
    }

    /// What there is of a source bucket.
    ///
    /// # Errors
    /// Where Athena does not answer.
    pub(super) async fn source(&mut self, bucket: String) -> Result<Source, Failure> {
        let (from, to) = self.days;
        let (first, last) = (from.to_string(), to.to_string());
        let timeline = self.saved(TIMELINE, &[&bucket, &first, &last]).await?;
        Ok(Source { bucket, timeline })
    }

    async fn saved(&mut self, query: Query, parameters: &[&str]) -> Result<Vec<Fields>, Failure> {
        let mut rows = Vec::new();
        let question = (query.name, query.text);
        let asked = self.athena.ask(question, parameters, |row| rows.push(row));
        self.asked.push(Box::pin(asked).await?);
        Ok(rows)
    }

    /// Counts by S3 Inventory. Where there is none, the report says so.
    async fn by_inventory(&mut self, place: &Place, found: &mut Bucket) -> Result<(), Failure> {
        let dt = match Box::pin(place.newest(self.session, &found.bucket)).await {
            Ok(dt) => dt,
            Err(failure) => {
                found.not_counted = Some(failure.to_string());
                return Ok(());
            }
        };
        let (from, to) = self.days;
        let midnight = |day: Day| format!("{day}T00:00:00Z");
        let (begin, end, first) = (midnight(from), midnight(to.next()), from.to_string());
        let today = today();
        let name = found.bucket.as_str();
        let parameters = [&begin, &end, name, &dt, name, &first, &today];
        let rows = self.saved(POPULATION, &parameters).await?;
        let late = rows.iter().filter_map(|row| row.get("late"));
        let late = late.filter_map(|text| text.parse::<u64>().ok()).sum();
        let posture = Posture::of(rows, By::ByInventory(&dt))
            .map_err(|error| Failure::Incomplete(format!("query `population`: {error}")))?;
        found.coverage = Some(Coverage {
            replicas: posture.population() + posture.unexpected(),
            judged: posture.population() - posture.without_verdict(),
            late: Some(late),
        });
        found.inventory = Some(dt);
        Ok(())
    }

    /// Counts what is there. Where that cannot be, the report says so: it is worth having without.
    async fn cover(&mut self, found: &mut Bucket) -> Result<(), Failure> {
        let way = Way {
            session: self.session,
            role_name: None,
        };
        let listed = match bucket::Bucket::find(way, &found.bucket, None).await {
            Ok(bucket) => Population::listed(bucket.shared(), self.days).await,
            Err(failure) => Err(failure),
        };
        let mut population = match listed {
            Ok(Ok(population)) => population,
            Ok(Err(why)) => {
                found.not_counted = Some(why);
                return Ok(());
            }
            Err(failure) => {
                found.not_counted = Some(format!("it could not be listed: {failure}"));
                return Ok(());
            }
        };
        let days = [self.days.0.to_string(), today()];
        let parameters = [found.bucket.as_str(), &days[0], &days[1]];
        let asked = self.athena.ask(("judged", JUDGED), &parameters, |row| {
            population.judged(&row);
        });
        let asked = Box::pin(asked).await?;
        self.asked.push(asked);
        found.coverage = Some(population.coverage());
        Ok(())
    }
}

/// The last day on which what was written in any days can have been judged: a sweep comes later.
fn today() -> String {
    Day::of(now().secs()).to_string()
}

/// The buckets that were named, or all that anything is expected of.
pub(super) fn chosen(mut known: BTreeMap<String, Known>, named: &[String]) -> Vec<(String, Known)> {
    if named.is_empty() {
        return known.into_iter().collect();
    }
    named
        .iter()
        .map(|name| (name.clone(), known.remove(name).unwrap_or_default()))
        .collect()
}
