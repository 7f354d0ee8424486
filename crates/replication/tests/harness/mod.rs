//! A stack whose resources are created, updated and deleted as CloudFormation does it.

pub(crate) mod cloudformation;
pub(crate) mod page;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_names::Home;
use custom_resource::{Context, CustomResource, Deadline, Request, RequestType, Success};
use replication::Allowed;
use replication::configuration::{
    AsRead, DefaultEncryption, Destination, Filter, Notification, ReplicationConfiguration,
    ReplicationRule, Status, Tag, Versioning,
};
use replication::owner::Owner;
use replication::resource::EncryptedReplication;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::aws::faults::Faulty;
use crate::aws::{ACCOUNT, Bucket, Version, World};

pub(crate) const EAST: &str = "us-east-1";
pub(crate) const WEST: &str = "us-west-2";
pub(crate) const STACK: &str = "arn:aws:cloudformation:us-east-1:111122223333:stack/tax/5f7a";
pub(crate) const QUEUE: &str = "arn:aws:sqs:us-east-1:111122223333:check-replica";
pub(crate) const BUS: &str = "default";
pub(crate) const FUNCTION: &str = "provision-replication";

pub(crate) fn home() -> Home {
    Home {
        partition: "aws".into(),
        region: EAST.into(),
        account: ACCOUNT.into(),
    }
}

pub(crate) fn owner(logical_id: &str, source_bucket: &str) -> Owner {
    Owner::new(STACK, logical_id, source_bucket)
}

/// The attributes of a request that succeeded, or the reason of one that failed.
pub(crate) type Answer = Result<Map<String, Value>, String>;

/// A stack in the function's Region.
#[derive(Clone, Debug)]
pub(crate) struct Stack {
    pub(crate) world: World,
    pub(crate) aws: Faulty,
    pub(crate) queue: Option<&'static str>,
    pub(crate) boundary: Option<&'static str>,
    pub(crate) bus: Option<&'static str>,
    pub(crate) allowed: Allowed,
}

impl Stack {
    pub(crate) fn in_world(world: &World) -> Self {
        Self {
            world: world.clone(),
            aws: Faulty::new(world),
            queue: Some(QUEUE),
            boundary: None,
            bus: Some(BUS),
            allowed: Allowed::default(),
        }
    }

    pub(crate) fn new() -> Self {
        Self::in_world(&World::default())
    }

    pub(crate) fn without_bus(mut self) -> Self {
        self.bus = None;
        self
    }

    pub(crate) fn without_queue(mut self) -> Self {
        self.queue = None;
        self
    }

    /// The provisioner may make no role without this boundary.
    pub(crate) fn requiring(mut self, boundary: &'static str) -> Self {
        self.boundary = Some(boundary);
        self
    }

    /// Replicas may go to these accounts and Regions alone.
    pub(crate) fn allowing(mut self, accounts: &[&str], regions: &[&str]) -> Self {
        let set = |all: &[&str]| Some(all.iter().map(ToString::to_string).collect());
        self.allowed = Allowed {
            accounts: set(accounts),
            regions: set(regions),
        };
        self
    }

    pub(crate) fn resource(&self) -> EncryptedReplication<Faulty> {
        EncryptedReplication::new(self.aws.clone(), home(), self.queue.map(str::to_owned))
            .with_required_boundary(self.boundary.map(str::to_owned))
            .allowing(self.allowed.clone())
            .publishing(self.bus.map(str::to_owned))
    }

    /// Asks directly, as a person does, and as the schedule does.
    pub(crate) async fn ask(&self, question: Value) -> Result<Value, String> {
        self.ask_until(question, deadline()).await
    }

    /// The same where the function may run for so long.
    pub(crate) async fn ask_until(
        &self,
        question: Value,
        deadline: Deadline,
    ) -> Result<Value, String> {
        let mut context = Context::default();
        context.invoked_function_arn = service_token(FUNCTION);
        let answer = self.resource().invoke(question, context, deadline).await;
        answer.map_err(|failure| failure.reason)
    }

    /// Answers a request, which may be delivered again.
    pub(crate) async fn deliver(&self, request: &Request) -> Result<Success, String> {
        let resource = self.resource();
        let answer = match request.request_type {
            RequestType::Create => resource.create(request, deadline()).await,
            RequestType::Update => resource.update(request, deadline()).await,
            RequestType::Delete => resource.delete(request, deadline()).await,
        };
        answer.map_err(|failed| failed.reason)
    }

    pub(crate) async fn create(&self, logical_id: &str, properties: &Value) -> Answer {
        let request = request(RequestType::Create, logical_id, properties);
        let answer = self.resource().create(&request, deadline()).await;
        answer.map(|done| done.data).map_err(|failed| failed.reason)
    }

    pub(crate) async fn update(&self, logical_id: &str, old: &Value, new: &Value) -> Answer {
        let request = update_request(logical_id, old, new);
        let answer = self.resource().update(&request, deadline()).await;
        answer.map(|done| done.data).map_err(|failed| failed.reason)
    }

    pub(crate) async fn delete(&self, logical_id: &str, properties: &Value) -> Answer {
        let mut request = request(RequestType::Delete, logical_id, properties);
        request.physical_resource_id = Some(physical_id(logical_id, properties));
        let answer = self.resource().delete(&request, deadline()).await;
        answer.map(|done| done.data).map_err(|failed| failed.reason)
    }

    /// A resource from `source` to the buckets that `properties` name of `destination` and `second`; nothing was
    /// counted since.
    pub(crate) async fn provisioned(properties: &Value) -> Self {
        let stack = Self::new();
        bucket_with_key(&stack.world, "source", EAST);
        bucket_with_key(&stack.world, "destination", WEST);
        bucket_with_key(&stack.world, "second", WEST);
        stack.create("Replication", properties).await.unwrap();
        stack.aws.reset();
        stack
    }

    /// ARN of a role of somebody's that may do anything.
    pub(crate) fn their_role(&self) -> String {
        let all = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "*", "Resource": "*"}]});
        let all = all.to_string();
        self.world.state().add_role("theirs", "/", &[("all", &all)])
    }

    /// What was told on the bus since, all of it of this `detail-type`: each `detail`, and the `resources`.
    pub(crate) fn told(&self, detail_type: &str) -> Vec<Value> {
        let events = std::mem::take(&mut self.world.state().events).into_iter();
        let details = events.map(|(bus, event)| {
            assert_eq!((bus.as_str(), event.detail_type), (BUS, detail_type));
            let mut detail: Value = serde_json::from_str(&event.detail).unwrap();
            detail["resources"] = json!(event.resources);
            detail
        });
        details.collect()
    }

    /// The lines that were logged since.
    pub(crate) fn logged(&self) -> Vec<Value> {
        let lines = std::mem::take(&mut self.world.state().logged).into_iter();
        lines
            .map(|line| serde_json::from_str(&line).unwrap())
            .collect()
    }

    /// Two metrics of the last look at all resources.
    pub(crate) fn counted(&self, names: [&str; 2]) -> (usize, usize) {
        let (function, counts) = self.world.state().counted.pop().unwrap();
        assert_eq!(function, FUNCTION);
        let [one, other] = names.map(|name| counts[name]);
        (one, other)
    }
}

/// ARN of a provisioner.
pub(crate) fn service_token(function: &str) -> String {
    format!("arn:aws:lambda:{EAST}:{ACCOUNT}:function:{function}")
}

/// As long as Lambda lets a function run, less what the protocol keeps for the answer.
pub(crate) fn deadline() -> Deadline {
    Deadline::after(Duration::from_mins(15)).earlier_by(custom_resource::ANSWER_RESERVE)
}

/// Each request has its own.
fn next_request_id() -> String {
    static GIVEN: AtomicU64 = AtomicU64::new(0);
    let number = GIVEN.fetch_add(1, Ordering::Relaxed);
    format!("5d478078-13e9-baf0-464a-{number:012}")
}

/// An Update from `old` to `new`.
pub(crate) fn update_request(logical_id: &str, old: &Value, new: &Value) -> Request {
    let mut request = request(RequestType::Update, logical_id, new);
    request.old_resource_properties = object(old);
    request.physical_resource_id = Some(physical_id(logical_id, old));
    request
}

pub(crate) fn request(kind: RequestType, logical_id: &str, properties: &Value) -> Request {
    let mut request = Request::new(kind, STACK, logical_id, object(properties));
    request.request_id = next_request_id();
    request.resource_type = "Custom::EncryptedReplication".into();
    request.service_token = Some(service_token(FUNCTION));
    request
}

pub(crate) fn physical_id(logical_id: &str, properties: &Value) -> String {
    // CloudFormation asks the resource for it, once, and gives it back ever after.
    let request = request(RequestType::Create, logical_id, properties);
    Stack::new().resource().physical_id(&request)
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().expect("properties").clone()
}

/// A versioned bucket under a new key, as people have them; returns the key's ARN.
pub(crate) fn bucket_with_key(world: &World, name: &str, region: &str) -> String {
    let mut state = world.state();
    let key = state.add_key(region, "CUSTOMER");
    let mut bucket = Bucket::new(region, state.now);
    bucket.versioning = Versioning::Enabled;
    bucket.encryption = Some(DefaultEncryption {
        algorithm: "aws:kms".into(),
        kms_key: Some(key.clone()),
        bucket_key_enabled: true,
        blocked: Vec::new(),
        as_read: AsRead::default(),
    });
    state.buckets.insert(name.into(), bucket);
    key
}

/// A bucket as S3 makes it.
pub(crate) fn plain_bucket(world: &World, name: &str, region: &str) {
    let mut state = world.state();
    let bucket = Bucket::new(region, state.now);
    state.buckets.insert(name.into(), bucket);
}

/// Puts an object of somebody's into a bucket.
pub(crate) fn somebodys_object(world: &World, bucket: &str, key: &str) {
    let mut state = world.state();
    let version = Version {
        key: key.into(),
        id: "null".into(),
        tags: Vec::new(),
        algorithm: "AES256".into(),
        kms_key: None,
        bucket_key: false,
        replication_status: None,
        written: Instant::now(),
    };
    state
        .buckets
        .get_mut(bucket)
        .unwrap()
        .versions
        .push(version);
}

/// A rule of somebody's, in the V2 schema.
pub(crate) fn somebodys_rule(id: &str, priority: i32, destination: &str) -> ReplicationRule {
    ReplicationRule {
        id: id.into(),
        priority: Some(priority),
        status: Status::Enabled,
        filter: Some(Filter {
            prefix: format!("{id}/"),
            ..Filter::default()
        }),
        prefix: None,
        delete_marker_replication: Some(Status::Enabled),
        sse_kms_encrypted_objects: None,
        replica_modifications: Some(Status::Disabled),
        existing_object_replication: None,
        destination: Destination {
            bucket: format!("arn:aws:s3:::{destination}"),
            account: Some(ACCOUNT.into()),
            storage_class: Some("GLACIER_IR".into()),
            owner_override: None,
            replica_kms_key_id: None,
            use_source_multi_region_key: None,
            metrics: None,
            replication_time: None,
        },
        as_read: AsRead::default(),
    }
}

/// Puts rules on a bucket as somebody else would.
pub(crate) fn somebodys_rules(
    world: &World,
    bucket: &str,
    role: &str,
    rules: Vec<ReplicationRule>,
) {
    let mut state = world.state();
    let now = state.now;
    let to = ReplicationConfiguration {
        role: role.into(),
        rules,
        others: Vec::new(),
    };
    let bucket = state.buckets.get_mut(bucket).unwrap();
    bucket.replication.write(Some(to), now);
}

/// Somebody changes the rules of a bucket.
pub(crate) fn change_rules(
    world: &World,
    bucket: &str,
    change: impl FnOnce(&mut Vec<ReplicationRule>),
) {
    let mut state = world.state();
    let now = state.now;
    let bucket = state.buckets.get_mut(bucket).unwrap();
    let mut changed = bucket.replication.written().clone();
    change(&mut changed.as_mut().unwrap().rules);
    bucket.replication.write(changed, now);
}

pub(crate) fn somebodys_notification(id: &str, event: &str) -> Notification {
    Notification {
        id: id.into(),
        target_arn: "arn:aws:sqs:us-east-1:111122223333:somebodys".into(),
        events: vec![event.into()],
        key_filters: vec![("Prefix".into(), "in/".into())],
        as_read: AsRead::default(),
    }
}

pub(crate) fn tag(key: &str, value: &str) -> Tag {
    Tag {
        key: key.into(),
        value: value.into(),
    }
}

/// ARN of the role that we make for a source bucket.
pub(crate) fn our_role(source_bucket: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/encrypted-replication/{source_bucket}")
}

/// Keys of all object versions that the probes left anywhere.
pub(crate) fn probes_left(world: &World) -> Vec<(String, String)> {
    let state = world.state();
    let buckets = state.buckets.iter();
    let left = buckets.flat_map(|(name, bucket)| {
        let versions = bucket.versions.iter();
        versions.map(move |version| (name.clone(), version.key.clone()))
    });
    left.filter(|(_, key)| key.contains(".encrypted-replication-probe-"))
        .collect()
}

/// What an answer about resources says of each.
pub(crate) fn results(answer: &Value) -> Vec<&str> {
    let all = answer["Resources"].as_array().unwrap().iter();
    all.map(|one| one["Result"].as_str().unwrap()).collect()
}
