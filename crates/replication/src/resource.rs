//! `Custom::EncryptedReplication` behind CloudFormation's protocol, and the way to
//! `Custom::WatchedReplication`.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_names::is_old_bucket_name;
use custom_resource::{Context, CustomResource, Deadline, Failure, Request, Success};
use futures_util::future::join;
use serde_json::{Map, Value};
use tokio::time::timeout;

use crate::accounts::Accounts;
use crate::case::Case;
use crate::claims::Kept;
use crate::converge::{Removed, remove};
use crate::direct;
use crate::error::{ErrorKind, ReplicationError};
use crate::fault::numbered;
use crate::naming::Names;
use crate::observe::remains::Search;
use crate::owner::{Kind, PhysicalId};
use crate::ports::{Aws, Outcome};
use crate::properties;
use crate::properties::Sound;
use crate::record::{Record, parameters_of};
use crate::replication::{Allowed, Installation};
use crate::spec::{Spec, Taking};
use crate::teller::Teller;
use crate::unfinished;
use crate::upsert::Upsert;
use crate::watched::{Watcher, kind_of_request};
use aws_names::Home;

/// Kept free to note that a request did not succeed.
const NOTE_RESERVE: Duration = Duration::from_secs(4);

/// The custom resources: `Custom::EncryptedReplication`, and `Custom::WatchedReplication` where a request says
/// that type.
///
/// # Guarantees
/// - Create and Update go on from wherever an earlier request stopped, and change nothing where
///   nothing is to change.
/// - Delete removes what bears the resource's name, still costs or grants, and nobody else names; data
///   stays. One for an id under which nothing was made succeeds.
/// - What never succeeded takes away what it made.
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
                allowed: Allowed::default(),
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

    /// Replicas may go to these places alone.
    #[must_use]
    pub fn allowing(mut self, allowed: Allowed) -> Self {
        self.installation.allowed = allowed;
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

    /// Removes what bears the owner's name and nobody else names; what stays for that reason is returned.
    /// `known` are the accounts that the request has reached already.
    async fn remove(
        &self,
        id: &PhysicalId,
        properties: &Map<String, Value>,
        deadline: Deadline,
        known: &Accounts<'_, A>,
    ) -> Result<Vec<Kept>, ReplicationError> {
        if !is_old_bucket_name(&id.source_bucket) {
            tracing::info!("the request names no bucket that there could be: nothing was made");
            return Ok(Vec::new());
        }
        // Unreadable properties still leave the id, which says enough; then nothing but the
        // defaults (keep buckets, keep keys) can be known.
        let home = &self.installation.home;
        let spec = properties::read(properties, home, &id.owner)
            .inspect_err(|faults| tracing::warn!(%faults, "deleting by physical id alone"))
            .ok()
            .filter(|spec| spec.source_bucket == id.source_bucket);
        let taking = spec.as_ref().map(Taking::asked).unwrap_or_default();
        let named: Vec<_> = spec.iter().flat_map(Spec::sites).collect();
        let mut left = Vec::new();
        let mut accounts = known.of_others(home, &named).await;
        loop {
            let search = Search {
                accounts: &accounts,
                home,
                owner: &id.owner,
                spec: spec.as_ref(),
                left: &left,
            };
            let work = remove(&search, &id.source_bucket, taking, deadline);
            match Box::pin(work).await? {
                Removed::But(kept) => return Ok(kept),
                Removed::NotYet(further) => left = further,
            }
            let sites = [named.clone(), left.clone()].concat();
            accounts = accounts.of_others(home, &sites).await;
        }
    }

    async fn provision(&self, request: &Request, deadline: Deadline) -> Result<Success, Failure> {
        let id = identity(request);
        let record = Record::of(request, &id);
        let home = &self.installation.home;
        let sound = Sound::read(&request.resource_properties, &self.installation)
            .and_then(|sound| sound.within_allowed(&request.old_resource_properties))
            .map_err(|faults| Failure::from(faults.to_string()))?;
        let old = properties::read(&request.old_resource_properties, home, &id.owner).ok();
        let owner = id.owner.clone();
        let asked = sound.of(owner.clone());
        let case = Case::open_in_part(&self.aws, asked, old.as_ref()).await;
        if let Some(error) = case.accounts.trouble() {
            let denied = error.kind == ErrorKind::AccessDenied;
            if !denied || !self.is_noted(&record, &id).await {
                return Err(failure(&error.clone().into()));
            }
            tracing::warn!(%error, "what is asked for is there already, as far as can be known without that");
        }
        let case = case.within(&self.installation.allowed);
        // Boxed here and below, as the futures of many SDK calls nest deep.
        let upsert = Upsert {
            case: &case,
            deadline: deadline.earlier_by(NOTE_RESERVE),
            request: format!("{:?} {}", request.request_type, request.request_id),
            record,
        };
        if request.physical_resource_id.as_deref() == Some(id.to_string().as_str()) {
            let settled = Box::pin(upsert.run()).await;
            let mut success = settled.map_err(|error| failure(&error))?;
            let kept = self.take_back(request, deadline, &case.accounts).await;
            let told = success.reason.take().into_iter().chain(told(&kept));
            success.reason = told.reduce(|told, more| format!("{told}\n{more}"));
            return Ok(success);
        }
        // The first of its name: what it leaves half-done has no success to go back to.
        let until = deadline.earlier_by(NOTE_RESERVE / 2).remaining();
        let settled = timeout(until, Box::pin(upsert.run()));
        let notes = unfinished::notes_of(&self.aws, &home.region, &owner);
        let (settled, notes) = join(settled, notes).await;
        let settled = settled.unwrap_or_else(|_| {
            let doing = "provision the replication".to_owned();
            Err(ReplicationError::OutOfTime(doing))
        });
        match &settled {
            Ok(_) => self.forget(notes).await,
            Err(_) if case.accounts.have_begun() => self.note_unfinished(request, &id).await,
            Err(_) => {}
        }
        settled.map_err(|error| failure(&error))
    }

    /// Whether the record says that the resource is what a request asks for: then the request rolls back an
    /// Update that failed.
    async fn is_noted(&self, asked: &Record, id: &PhysicalId) -> bool {
        let region = &self.installation.home.region;
        let known = parameters_of(&self.aws, region, &id.owner).await.ok();
        let noted = known.and_then(|known| Record::in_parameters(&id.owner, &known));
        noted.is_some_and(|noted| noted.properties == asked.properties)
    }

    const fn watcher(&self) -> Watcher<'_, A> {
        Watcher {
            aws: &self.aws,
            installation: &self.installation,
        }
    }

    /// Watches rules of others, and takes back what a failed replacement had begun.
    async fn watch(&self, request: &Request, deadline: Deadline) -> Result<Success, Failure> {
        let (id, watcher) = (identity(request), self.watcher());
        let done = Box::pin(watcher.upsert(request, &id, deadline)).await;
        let success = done.map_err(|error| failure(&error))?;
        let half = identity_of(request, &request.old_resource_properties);
        let rolls_back = request.physical_resource_id.as_deref() == Some(id.to_string().as_str());
        if rolls_back && half != id && !half.source_bucket.is_empty() {
            let old = &request.old_resource_properties;
            Box::pin(watcher.take_back(&half, old, deadline)).await;
        }
        Ok(success)
    }

    /// Notes that what was made is nobody's: the resource never succeeded, and its Delete comes next.
    async fn note_unfinished(&self, request: &Request, id: &PhysicalId) {
        let region = &self.installation.home.region;
        let noted = async {
            let record = parameters_of(&self.aws, region, &id.owner).await?;
            if !record.is_empty() {
                // The same request was delivered twice, and succeeded once.
                return Ok(());
            }
            let text = unfinished::text(&request.stack_id, &request.logical_resource_id, id);
            let name = unfinished::name(&id.owner);
            let what = unfinished::DESCRIPTION;
            self.aws.put_parameter(region, &name, &text, what).await
        };
        if let Err(error) = noted.await {
            tracing::error!(%error, "buckets and keys that were made will be kept as `OnDelete` says");
        }
    }

    /// The resource has succeeded.
    async fn forget(&self, notes: Outcome<BTreeSet<String>>) {
        let region = &self.installation.home.region;
        let forgotten = async {
            for name in notes? {
                match self.aws.delete_parameter(region, &name).await {
                    Err(error) if error.kind != ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            Ok(())
        };
        if let Err(error) = forgotten.await {
            tracing::warn!(%error, "a note of an earlier failure may be left; the record outweighs it");
        }
    }

    /// What half a replacement made is taken away by the Update that rolls it back: no Delete comes for
    /// an id that CloudFormation was never told of.
    async fn take_back(
        &self,
        request: &Request,
        deadline: Deadline,
        known: &Accounts<'_, A>,
    ) -> Vec<Kept> {
        let half = identity_of(request, &request.old_resource_properties);
        let present = request.physical_resource_id.as_deref();
        if half.source_bucket.is_empty() || present == Some(half.to_string().as_str()) {
            return Vec::new();
        }
        let region = &self.installation.home.region;
        let taken = async {
            let notes = unfinished::notes_of(&self.aws, region, &half.owner).await?;
            if notes.is_empty() {
                return Ok(Vec::new());
            }
            self.remove(&half, &request.old_resource_properties, deadline, known)
                .await
        };
        match Box::pin(taken).await {
            Ok(kept) => kept,
            Err(error) => {
                let id = half.to_string();
                tracing::error!(id, %error, "what the update made for another source bucket may be left");
                Vec::new()
            }
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
        let done = match identity(request).kind {
            Kind::Provisioned => Box::pin(self.provision(request, deadline)).await,
            Kind::Watched => Box::pin(self.watch(request, deadline)).await,
        };
        self.explained(request, done).await
    }

    async fn update(&self, request: &Request, deadline: Deadline) -> Result<Success, Failure> {
        self.create(request, deadline).await
    }

    async fn delete(&self, request: &Request, deadline: Deadline) -> Result<Success, Failure> {
        let given = request
            .physical_resource_id
            .as_deref()
            .and_then(PhysicalId::parse);
        let id = given.unwrap_or_else(|| identity(request));
        if id.kind == Kind::Watched {
            let watcher = self.watcher();
            let gone = watcher.remove(&id, &request.resource_properties, deadline);
            Box::pin(gone).await.map_err(|error| failure(&error))?;
            return Ok(Success::new());
        }
        let none = Accounts::own(&self.aws);
        let kept = self.remove(&id, &request.resource_properties, deadline, &none);
        let kept = Box::pin(kept).await.map_err(|error| failure(&error))?;
        let mut success = Success::new();
        success.reason = told(&kept);
        Ok(success)
    }

    async fn invoke(
        &self,
        payload: Value,
        context: Context,
        deadline: Deadline,
    ) -> Result<Value, Failure> {
        let teller = Teller {
            aws: &self.aws,
            installation: &self.installation,
            bus: self.findings_event_bus.as_deref(),
            function_arn: &context.invoked_function_arn,
            deadline,
        };
        Box::pin(direct::respond(teller, payload))
            .await
            .map_err(Failure::from)
    }
}

/// What stays because somebody else names it, for the stack event.
fn told(kept: &[Kept]) -> Option<String> {
    let lines: Vec<String> = kept.iter().map(Kept::to_string).collect();
    (!lines.is_empty()).then(|| {
        let lines = numbered(&lines);
        format!("see OPERATIONS, `What a Delete keeps`: {lines}")
    })
}

/// The identity that the request's properties give.
fn identity(request: &Request) -> PhysicalId {
    identity_of(request, &request.resource_properties)
}

/// The identity that `properties` give, with an empty bucket where they name none that there could be.
fn identity_of(request: &Request, properties: &Map<String, Value>) -> PhysicalId {
    let named = properties.get("SourceBucket").and_then(properties::scalar);
    let bucket = named.filter(|name| is_old_bucket_name(name));
    PhysicalId::new(
        &request.stack_id,
        &request.logical_resource_id,
        &bucket.unwrap_or_default(),
    )
    .of_kind(kind_of_request(request))
}

fn failure(error: &ReplicationError) -> Failure {
    Failure::from(error.to_string())
}
