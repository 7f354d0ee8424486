//! Who answers a direct invocation, and whom what was seen is told to: by metrics, in the log, and on the event bus.

use std::time::Duration;

use aws_names::Home;
use custom_resource::Deadline;
use event_bus::Event;
use serde_json::{Value, json};

use crate::ports::Aws;
use crate::replication::Installation;

/// Kept to return from the invocation.
const RETURN: Duration = Duration::from_secs(1);

/// Who answers, and whom what was seen is told to.
#[derive(Debug)]
pub(crate) struct Teller<'a, A> {
    pub(crate) aws: &'a A,
    pub(crate) installation: &'a Installation,
    /// The event bus that findings go to, where there is one.
    pub(crate) bus: Option<&'a str>,
    /// The function that answers, whose name its metrics bear; empty where it is none.
    pub(crate) function_arn: &'a str,
    pub(crate) deadline: Deadline,
}

/// That events could not be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotSent {
    bus: String,
    /// How many, of all that there were.
    events: usize,
    of: usize,
    /// Why the first was not.
    why: String,
}

impl NotSent {
    /// In words: `what` the events are, and what to do when that is mended.
    pub(crate) fn told(&self, what: &str, then: &str) -> String {
        let Self {
            bus,
            events,
            of,
            why,
        } = self;
        format!(
            "{events} of {of} {what} could not be sent to event bus `{bus}`: {why}; see that the provisioner's role has \
             events:PutEvents, and {then}"
        )
    }
}

impl<A: Aws> Teller<'_, A> {
    /// Whether it may change nothing.
    pub(crate) const fn is_no_function(&self) -> bool {
        self.function_arn.is_empty()
    }

    /// Counts, as metrics of the function.
    ///
    /// # Errors
    /// Where they cannot be written, in words.
    pub(crate) fn count(&self, counts: &[(&'static str, usize)]) -> Result<(), String> {
        // arn:PARTITION:lambda:REGION:ACCOUNT:function:NAME, maybe with a version behind it.
        let name = self.function_arn.split(':').nth(6).unwrap_or_default();
        let written = self.aws.count(name, counts);
        written.map_err(|error| format!("the metrics could not be written: {error}"))
    }

    /// Writes what was seen of resources into the log, as lines that evidence can be kept of: each the detail of its
    /// event, with when and where it was seen, and of which bucket. What has no bucket's name is left out.
    ///
    /// # Errors
    /// Where they cannot be written, in words.
    pub(crate) fn log(&self, details: impl IntoIterator<Item = Value>) -> Result<(), String> {
        let Home {
            account, region, ..
        } = &self.installation.home;
        let time = self.aws.now().to_string();
        for detail in details {
            let Value::Object(mut line) = detail else {
                continue;
            };
            let Some(bucket) = line.remove("sourceBucket").filter(Value::is_string) else {
                continue;
            };
            let seen = [
                ("time", json!(time)),
                ("account", json!(account)),
                ("region", json!(region)),
                ("version", json!(env!("CARGO_PKG_VERSION"))),
                ("bucket", bucket),
            ];
            line.extend(seen.map(|(name, member)| (name.to_owned(), member)));
            let written = self.aws.log(&Value::Object(line).to_string());
            written.map_err(|error| format!("the log could not be written: {error}"))?;
        }
        Ok(())
    }

    /// Sends events to the bus, where there is one: each until the bus has taken it, or the time is up.
    ///
    /// # Errors
    /// What could not be sent.
    pub(crate) async fn publish(&self, events: &[Event]) -> Result<(), NotSent> {
        let Some(bus) = self.bus else {
            return Ok(());
        };
        let stop = self.deadline.earlier_by(RETURN).instant();
        let (aws, region) = (self.aws, &self.installation.home.region);
        let put = |batch: Vec<_>| async move { aws.put_events(region, bus, &batch).await };
        let results = event_bus::send(events, stop, put).await;
        let mut unsent = results.into_iter().filter_map(Result::err);
        match unsent.next() {
            None => Ok(()),
            Some(first) => Err(NotSent {
                bus: bus.to_owned(),
                events: 1 + unsent.count(),
                of: events.len(),
                why: first.to_string(),
            }),
        }
    }
}
