//! EventBridge and CloudWatch: what was told.

use std::io;

use event_bus::{Event, Refusal};
use replication::error::ErrorKind;
use replication::ports::{Events, Metric, Metrics, Outcome};

use super::{World, refuse};

/// See <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html>.
const LARGEST_REQUEST: usize = 256_000;
const MOST_EVENTS: usize = 10;

impl Events for World {
    async fn put_events(
        &self,
        region: &str,
        bus: &str,
        events: &[&Event],
    ) -> Outcome<Vec<Result<(), Refusal>>> {
        let resource = format!("event bus `{bus}`");
        self.call("PutEvents", resource, region, |state| {
            let size: usize = events.iter().map(|event| event.detail.len()).sum();
            if events.is_empty() || events.len() > MOST_EVENTS || size > LARGEST_REQUEST {
                return refuse(
                    ErrorKind::Invalid,
                    "ValidationException",
                    format!("{} events of {size} bytes", events.len()),
                );
            }
            let answers = events.iter().map(|event| {
                if let Some(code) = state.untaken.pop() {
                    let message = "injected".to_owned();
                    let code = code.to_owned();
                    return Err(Refusal { code, message });
                }
                state.events.push((bus.to_owned(), (**event).clone()));
                Ok(())
            });
            Ok(answers.collect())
        })
    }
}

impl Metrics for World {
    fn count(&self, function: &str, counts: &[(&'static str, usize)]) -> io::Result<()> {
        let counts = counts.iter().map(|(name, count)| (*name, *count));
        let counted = (function.to_owned(), counts.collect());
        self.state().counted.push(counted);
        Ok(())
    }

    fn measure(&self, bucket: &str, metrics: Vec<Metric>) -> io::Result<()> {
        let metrics = metrics.into_iter();
        let values = metrics.map(|metric| (metric.name, metric.value.as_f64().unwrap()));
        let measured = (bucket.to_owned(), values.collect());
        self.state().measured.push(measured);
        Ok(())
    }

    fn log(&self, line: &str) -> io::Result<()> {
        self.state().logged.push(line.to_owned());
        Ok(())
    }
}
