//! `Custom::EncryptedReplication`: the replication behind CloudFormation's protocol.

use custom_resource::{Context, CustomResource, Deadline, Failure, Request, Success};
use serde_json::Value;

use crate::accounts::Accounts;
use crate::apply::Writes;
use crate::arn::Home;
use crate::case::Case;
use crate::converge::remove;
use crate::direct::{self, Asked};
use crate::drift::Detection;
use crate::error::ReplicationError;
use crate::naming::Names;
use crate::owner::PhysicalId;
use crate::ports::Aws;
use crate::properties;
use crate::properties::Sound;
use crate::record::Record;
use crate::remains::Search;
use crate::replication::Installation;
use crate::settle::Settlement;
use crate::spec::{OnDeleteBuckets, OnDeleteKeys};

/// The longest name that a bucket has; a longer `SourceBucket` does not go into the physical id.
const LONGEST_BUCKET_NAME: usize = 63;

/// The custom resource.
///
/// # Guarantees
/// - Create and Update go on from wherever an earlier request stopped, and change nothing where
///   nothing is to change.
/// - Delete removes what bears the resource's name and still costs or grants; data stays.
/// - Other people's rules, notifications and tags on the same buckets stay as they are.
#[derive(Debug)]
pub struct EncryptedReplication<A> {
    aws: A,
    installation: Installation,
    findings_event_bus: Option<String>,
}

impl<A: Aws> EncryptedReplication<A> {
    /// The resource in `home`, over `aws`; failures of replication are sent to `check_queue_arn`.
    pub fn new(aws: A, home: Home, check_queue_arn: Option<String>) -> Self {
        Self {
            aws,
            installation: Installation {
                home,
                queue_arn: check_queue_arn,
                required_boundary: None,
            },
            findings_event_bus: None,
        }
    }

    /// Every role of ours must have this permissions boundary: the provisioner may make no other.
    #[must_use]
    pub fn with_required_boundary(mut self, policy_arn: Option<String>) -> Self {
        self.installation.required_boundary = policy_arn;
        self
    }

    /// Tells drift on this event bus too.
    #[must_use]
    pub fn publishing(mut self, findings_event_bus: Option<String>) -> Self {
        self.findings_event_bus = findings_event_bus;
        self
    }

    /// Whoever reads a stack event at night needs the stacks of the owners that it names.
    async fn explained(
        &self,
        request: &Request,
        done: Result<Success, Failure>,
    ) -> Result<Success, Failure> {
        let Err(mut failure) = done else {
            return done;
        };
        let (own, region) = (identity(request).owner, &self.installation.home.region);
        let reason = [failure.reason.as_str()];
        let names = Names::in_texts(&self.aws, region, &own, reason).await;
        failure.reason = names.explain(failure.reason);
        Err(failure)
    }

    async fn provision(&self, request: &Request, deadline: Deadline) -> Result<Success, Failure> {
        let id = identity(request);
        let record = Record::of(request, &id);
        let home = &self.installation.home;
        let sound = Sound::read(&request.resource_properties, &self.installation)
            .map_err(|faults| Failure::from(faults.to_string()))?;
        let old = properties::read(&request.old_resource_properties, home, &id.owner).ok();
        let case = Case::open(&self.aws, sound.of(id.owner), old.as_ref())
            .await
            .map_err(|error| failure(&error.into()))?;
        // Boxed here and below, as the futures of many SDK calls nest deep.
        let settlement = Settlement {
            case: &case,
            deadline,
            record,
        };
        Box::pin(settlement.settle())
            .await
            .map_err(|error| failure(&error))
    }
}

impl<A: Aws> CustomResource for EncryptedReplication<A> {
    fn physical_id(&self, request: &Request) -> String {
        let id = identity(request);
        match &request.physical_resource_id {
            // An Update whose properties name no bucket keeps its id: it fails, it replaces nothing.
            Some(earlier) if id.source_bucket.is_empty() => earlier.clone(),
            _ => id.to_string(),
        }
    }

    fn is_own_id(&self, physical_id: &str) -> bool {
        PhysicalId::parse(physical_id).is_some()
    }

    async fn create(&self, request: &Request, deadline: Deadline) -> Result<Success, Failure> {
        let done = Box::pin(self.provision(request, deadline)).await;
        self.explained(request, done).await
    }

    async fn update(&self, request: &Request, deadline: Deadline) -> Result<Success, Failure> {
        let done = Box::pin(self.provision(request, deadline)).await;
        self.explained(request, done).await
    }

    async fn delete(&self, request: &Request, deadline: Deadline) -> Result<Success, Failure> {
        let given = request
            .physical_resource_id
            .as_deref()
            .and_then(PhysicalId::parse);
        let id = given.unwrap_or_else(|| identity(request));
        if id.source_bucket.is_empty() {
            tracing::info!("the request names no source bucket: nothing was made");
            return Ok(Success::default());
        }
        // Unreadable properties still leave the id, which says enough; then nothing but the
        // defaults (keep buckets, keep keys) can be known.
        let home = &self.installation.home;
        let spec = properties::read(&request.resource_properties, home, &id.owner)
            .inspect_err(|faults| tracing::warn!(%faults, "deleting by physical id alone"))
            .ok()
            .filter(|spec| spec.source_bucket == id.source_bucket);
        let on_delete = spec.as_ref().map_or(
            (OnDeleteBuckets::default(), OnDeleteKeys::default()),
            |spec| (spec.on_delete_buckets, spec.on_delete_keys),
        );
        let mut writes = Writes::default();
        let accounts = Accounts::of(&self.aws, home, spec.as_ref().as_slice()).await;
        let search = Search {
            accounts: &accounts,
            home,
            owner: &id.owner,
            spec: spec.as_ref(),
        };
        let work = remove(&search, &id.source_bucket, on_delete, deadline, &mut writes);
        Box::pin(work).await.map_err(|error| failure(&error))?;
        tracing::info!(writes = writes.0, "deleted");
        Ok(Success::default())
    }

    async fn invoke(
        &self,
        payload: Value,
        context: Context,
        deadline: Deadline,
    ) -> Result<Value, Failure> {
        let answer = async {
            match direct::asked(payload)? {
                Asked::Question(question) => {
                    direct::answer(&self.aws, &self.installation, question).await
                }
                Asked::Whose(asked) => {
                    let region = &self.installation.home.region;
                    let found = direct::whose(&self.aws, region, &asked).await?;
                    Ok(direct::formatted(found, asked.format))
                }
                Asked::Look(look) => {
                    let detection = Detection {
                        aws: &self.aws,
                        installation: &self.installation,
                        bus: self.findings_event_bus.as_deref(),
                        function_arn: &context.invoked_function_arn,
                        deadline,
                    };
                    let seen = Box::pin(detection.run(&look)).await?;
                    Ok(direct::formatted(seen, look.format))
                }
            }
        };
        Box::pin(answer).await.map_err(Failure::from)
    }
}

/// The identity that the request's properties give, with an empty bucket where they name none.
fn identity(request: &Request) -> PhysicalId {
    let named = request
        .resource_properties
        .get("SourceBucket")
        .and_then(properties::scalar);
    let bucket = named.filter(|name| name.len() <= LONGEST_BUCKET_NAME && !name.contains('/'));
    PhysicalId::new(
        &request.stack_id,
        &request.logical_resource_id,
        &bucket.unwrap_or_default(),
    )
}

fn failure(error: &ReplicationError) -> Failure {
    Failure::from(error.to_string())
}
