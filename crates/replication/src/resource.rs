//! `Custom::EncryptedReplication`: the replication behind CloudFormation's protocol.

use std::time::Duration;

use custom_resource::{Context, CustomResource, Deadline, Failure, Request, Success};
use serde_json::Value;

use crate::accounts::Accounts;
use crate::apply::Writes;
use crate::arn::Home;
use crate::attributes::attributes;
use crate::configuration::Status;
use crate::converge::{provision, remove};
use crate::diagnosis::{Result as Finding, diagnose};
use crate::direct;
use crate::error::ReplicationError;
use crate::owner::{Owner, PhysicalId};
use crate::plan::Desired;
use crate::ports::{Aws, BucketRef};
use crate::probe::{Proof, prove};
use crate::properties;
use crate::spec::{OnDeleteBuckets, OnDeleteKeys, Spec, Verification};

/// How long a stack waits for the probe where `Verification` is `BestEffort`. S3 replicates most
/// objects in seconds, and promises nothing below 15 minutes.
const BEST_EFFORT: Duration = Duration::from_mins(5);

/// Looks at what we wrote, where others keep overwriting it.
const MOST_LOOKS: u32 = 4;

/// How long another writer may take from its read of a configuration to its write.
const OVERWRITTEN_WITHIN: Duration = Duration::from_secs(2);

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
    home: Home,
    check_queue_arn: Option<String>,
}

impl<A: Aws> EncryptedReplication<A> {
    /// The resource in `home`, over `aws`; failures of replication are sent to `check_queue_arn`.
    pub fn new(aws: A, home: Home, check_queue_arn: Option<String>) -> Self {
        Self {
            aws,
            home,
            check_queue_arn,
        }
    }

    async fn provision(&self, request: &Request, deadline: Deadline) -> Result<Success, Failure> {
        let owner = identity(request).owner;
        let spec = properties::read(&request.resource_properties, &self.home, &owner)
            .map_err(|faults| Failure::from(faults.to_string()))?;
        // A destination that is no longer named is left by the role that the old properties name.
        let old = properties::read(&request.old_resource_properties, &self.home, &owner).ok();
        let specs: Vec<&Spec> = std::iter::once(&spec).chain(&old).collect();
        let accounts = Accounts::of(&self.aws, &self.home, &specs).await;
        // Boxed here and below, as the futures of many SDK calls nest deep.
        Box::pin(self.settle(&accounts, &spec, &owner, deadline))
            .await
            .map_err(|error| failure(&error))
    }

    /// Provisions and proves, and looks again: another resource on the same bucket may have read its
    /// configuration before our write and written it back after our look.
    async fn settle(
        &self,
        accounts: &Accounts<'_, A>,
        spec: &Spec,
        owner: &Owner,
        deadline: Deadline,
    ) -> Result<Success, ReplicationError> {
        let mut writes = Writes::default();
        let mut shown: Option<Result<Option<Proof>, ReplicationError>> = None;
        for _ in 0..MOST_LOOKS {
            let before = writes;
            let queue = self.check_queue_arn.as_deref();
            let work = provision(
                accounts,
                spec,
                &self.home,
                owner,
                queue,
                deadline,
                &mut writes,
            );
            let desired = match Box::pin(work).await {
                Ok(desired) => desired,
                Err(error) => {
                    return Err(self.explained(accounts, spec, owner, shown, error).await);
                }
            };
            let proof = match shown.take() {
                Some(proof) if writes == before => {
                    return self
                        .answer(accounts, spec, owner, &desired, proof, writes)
                        .await;
                }
                _ => {
                    let proof = self.prove(accounts, spec, &desired, owner, writes, deadline);
                    Box::pin(proof).await
                }
            };
            let unproved = matches!(proof, Ok(None));
            if writes == Writes::default() || unproved && !desired.shared {
                return self
                    .answer(accounts, spec, owner, &desired, proof, writes)
                    .await;
            }
            if unproved {
                // The probe takes longer.
                tokio::time::sleep(OVERWRITTEN_WITHIN).await;
            }
            shown = Some(proof);
        }
        Err(ReplicationError::LostWrites {
            what: "the configuration",
            bucket: spec.source_bucket.clone(),
        })
    }

    async fn answer(
        &self,
        accounts: &Accounts<'_, A>,
        spec: &Spec,
        owner: &Owner,
        desired: &Desired,
        proof: Result<Option<Proof>, ReplicationError>,
        writes: Writes,
    ) -> Result<Success, ReplicationError> {
        let proof = match proof {
            Ok(proof) => proof,
            Err(error) => return Err(self.explained(accounts, spec, owner, None, error).await),
        };
        Ok(Success {
            data: attributes(&self.home, spec, owner, desired, proof, writes),
            ..Success::default()
        })
    }

    /// `error`, or why the proof that came before it failed.
    async fn explained(
        &self,
        accounts: &Accounts<'_, A>,
        spec: &Spec,
        owner: &Owner,
        shown: Option<Result<Option<Proof>, ReplicationError>>,
        error: ReplicationError,
    ) -> ReplicationError {
        match (shown, error) {
            (Some(Err(ReplicationError::Unproven(what))), _)
            | (_, ReplicationError::Unproven(what)) => {
                let why = self.diagnose(accounts, spec, owner).await;
                ReplicationError::Unproven(format!("{what}; {why}"))
            }
            (_, error) => error,
        }
    }

    /// `None` where there is nothing to prove: nothing was changed, or no proof is asked for.
    async fn prove(
        &self,
        accounts: &Accounts<'_, A>,
        spec: &Spec,
        desired: &Desired,
        owner: &Owner,
        writes: Writes,
        deadline: Deadline,
    ) -> Result<Option<Proof>, ReplicationError> {
        let patience = match spec.verification {
            Verification::None => return Ok(None),
            _ if writes == Writes::default() => return Ok(None),
            // Nothing is to be replicated, so nothing can be shown.
            _ if desired
                .rules
                .iter()
                .all(|rule| rule.status == Status::Disabled) =>
            {
                return Ok(None);
            }
            Verification::BestEffort => deadline.min(Deadline::after(BEST_EFFORT)),
            Verification::Required => deadline,
        };
        let source = BucketRef {
            name: &spec.source_bucket,
            region: &spec.source_region,
        };
        match prove(accounts, source, desired, owner, patience).await {
            Ok(Some(Proof::Pending)) if spec.verification == Verification::Required => {
                Err(ReplicationError::Unproven(format!(
                    "the probe object in bucket `{}` had not been replicated when the time was up; repeat the stack \
                     operation, or set `Verification` to BestEffort",
                    spec.source_bucket
                )))
            }
            other => other,
        }
    }

    /// Looks once more at what replication needs, for the reason of a failure.
    async fn diagnose(&self, accounts: &Accounts<'_, A>, spec: &Spec, owner: &Owner) -> String {
        let queue = self.check_queue_arn.as_deref();
        let checks = diagnose(accounts, spec, &self.home, owner, queue).await;
        let of = |result| {
            let found = checks.iter().filter(move |check| check.result == result);
            found
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("; ")
        };
        let (failed, suspect) = (of(Finding::Fail), of(Finding::Warn));
        if !failed.is_empty() {
            return format!("found: {failed}");
        }
        let suspect = if suspect.is_empty() {
            suspect
        } else {
            format!(" ({suspect})")
        };
        match &spec.role {
            Some(role) => format!(
                "buckets, keys and rules are as they should be{suspect}, so look at role `{role}`: it must trust \
                 s3.amazonaws.com and allow what {{\"Action\": \"Plan\"}} shows as `RolePolicy`; or leave `Role` out to get \
                 one made"
            ),
            None => format!(
                "buckets, keys, role and rules are as they should be{suspect}, so look for a Deny: in the policies of \
                 the keys and of the destination bucket, in a permissions boundary, or in an organisation's policy"
            ),
        }
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
        Box::pin(self.provision(request, deadline)).await
    }

    async fn update(&self, request: &Request, deadline: Deadline) -> Result<Success, Failure> {
        Box::pin(self.provision(request, deadline)).await
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
        let spec = properties::read(&request.resource_properties, &self.home, &id.owner)
            .inspect_err(|faults| tracing::warn!(%faults, "deleting by physical id alone"))
            .ok()
            .filter(|spec| spec.source_bucket == id.source_bucket);
        let on_delete = spec.as_ref().map_or(
            (OnDeleteBuckets::default(), OnDeleteKeys::default()),
            |spec| (spec.on_delete_buckets, spec.on_delete_keys),
        );
        let mut writes = Writes::default();
        let accounts = Accounts::of(&self.aws, &self.home, spec.as_ref().as_slice()).await;
        let work = remove(
            &accounts,
            &id.source_bucket,
            spec.as_ref(),
            &self.home,
            &id.owner,
            on_delete,
            deadline,
            &mut writes,
        );
        Box::pin(work).await.map_err(|error| failure(&error))?;
        tracing::info!(writes = writes.0, "deleted");
        Ok(Success::default())
    }

    async fn invoke(
        &self,
        payload: Value,
        _context: Context,
        _deadline: Deadline,
    ) -> Result<Value, Failure> {
        let queue = self.check_queue_arn.as_deref();
        let answer = direct::answer(&self.aws, &self.home, queue, payload);
        Box::pin(answer).await.map_err(Failure::from)
    }
}

/// The identity that the request's properties give, with an empty bucket where they name none.
fn identity(request: &Request) -> PhysicalId {
    let named = request
        .resource_properties
        .get("SourceBucket")
        .and_then(Value::as_str);
    let bucket = named.filter(|name| name.len() <= LONGEST_BUCKET_NAME && !name.contains('/'));
    PhysicalId::new(
        &request.stack_id,
        &request.logical_resource_id,
        bucket.unwrap_or_default(),
    )
}

fn failure(error: &ReplicationError) -> Failure {
    Failure::from(error.to_string())
}
