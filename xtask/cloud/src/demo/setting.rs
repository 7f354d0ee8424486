//! What the demo's stacks and buckets are called, and how long things take where it plays.

use std::time::Duration;

use sandbox::{Weather, sam};

use crate::installed::{Installation, REPLICA_REGION};

/// Where the demo plays.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    /// The stacks of `template.yaml`, one in each Region.
    pub(crate) stack: &'static str,
    /// The stack of `examples/walkthrough.yaml`.
    pub(crate) walkthrough: &'static str,
    pub(crate) source_bucket: String,
    pub(crate) destination_bucket: String,
    /// What becomes of the buckets and keys that the walkthrough's stack made.
    on_delete: [&'static str; 2],
    /// The path of `template.yaml` as it was built.
    template: String,
    /// Parameters of those stacks.
    parameters: &'static [(&'static str, &'static str)],
    /// The longest that S3 takes to replicate an object.
    pub(crate) replication_limit: Duration,
    /// The longest from there to the verdict's line.
    pub(crate) verdict_limit: Duration,
    /// How long a change of a rule or a key takes until it is in force everywhere.
    pub(crate) in_force_after: Duration,
}

impl Setting {
    /// The sandbox, where all is at once, or as late as the weather has it.
    pub(crate) fn sandbox(template: &str, weather: Weather) -> Self {
        Self {
            stack: "encrypted-replication",
            walkthrough: "walkthrough",
            source_bucket: "source".to_owned(),
            destination_bucket: "destination".to_owned(),
            on_delete: ["Retain", "Retain"],
            template: template.to_owned(),
            parameters: sam::SANDBOX_PARAMETERS,
            replication_limit: Duration::from_secs(30),
            verdict_limit: Duration::from_secs(45),
            in_force_after: weather.in_force_after(),
        }
    }

    /// An AWS account, with names that nobody else has and that no installed stack has.
    pub(crate) fn account(number: &str, template: &str) -> Self {
        Self {
            stack: "encrypted-replication-demo",
            walkthrough: "encrypted-replication-demo-walkthrough",
            source_bucket: format!("encrypted-replication-demo-source-{number}"),
            destination_bucket: format!("encrypted-replication-demo-destination-{number}"),
            on_delete: ["DeleteWhenEmpty", "ScheduleDeletion"],
            template: template.to_owned(),
            parameters: &[("Architecture", sam::ARCHITECTURE)],
            // S3 promises 99.99 percent of objects in 15 minutes, with replication time control.
            replication_limit: Duration::from_mins(15),
            verdict_limit: Duration::from_mins(5),
            in_force_after: Duration::from_mins(2),
        }
    }

    /// The stacks of `template.yaml`.
    pub(crate) fn stacks(&self) -> Installation<'_> {
        Installation {
            name: self.stack,
            template: &self.template,
            parameters: self.parameters,
        }
    }

    /// Parameters of the walkthrough's stack.
    pub(crate) fn walkthrough_parameters(&self) -> [(&str, &str); 6] {
        let [buckets, keys] = self.on_delete;
        [
            ("ReplicationStack", self.stack),
            ("SourceBucket", &self.source_bucket),
            ("DestinationBucket", &self.destination_bucket),
            ("DestinationRegion", REPLICA_REGION),
            ("BucketsOnDelete", buckets),
            ("KeysOnDelete", keys),
        ]
    }
}
