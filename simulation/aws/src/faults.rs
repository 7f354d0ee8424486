//! A decorator that counts calls, makes them take time, has the chosen ones fail before or after
//! their effect, or has reads not see the last write yet.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use event_bus::{Event, Refusal};
use expectation::Time;
use replication::configuration::{
    DefaultEncryption, NotificationConfiguration, ObjectLock, ReplicationConfiguration, Tag,
    Versioning,
};
use replication::error::{AwsError, ErrorKind};
use replication::ports::{
    Access, Assume, Below, BucketRef, Buckets, Clock, Decision, Events, JobDescription, Jobs,
    KeyDescription, Keys, Metric, Metrics, NewRole, ObjectHead, Objects, Outcome, Parameters, Part,
    Policies, ReplicationJob, RoleDescription, Roles, Targets,
};
use tokio::time::Instant;

use super::World;
use crate::draw::Draw;

/// AWS as seen by one caller.
#[derive(Clone, Debug)]
pub struct Faulty {
    world: World,
    desk: Arc<Mutex<Desk>>,
}

#[derive(Debug, Default)]
struct Desk {
    calls: Vec<Made>,
    faults: Vec<Fault>,
    /// Numbers of reads that are to miss the last write.
    stale: BTreeSet<usize>,
    /// The account before the last write, where a read may want it.
    before_last_write: Option<World>,
    stale_answers: usize,
    delays: Delays,
    /// What somebody does just before a call of a port method.
    meanwhile: Option<Meanwhile>,
    trouble: Option<Trouble>,
    /// Until then nobody is answered.
    out_until: Option<Instant>,
    watcher: Option<Watcher>,
}

/// Faults that chance brings.
#[derive(Debug)]
struct Trouble {
    draw: Draw,
    of_a_thousand: u64,
}

/// Somebody who looks after each write.
#[derive(Clone)]
pub struct Watcher(pub Arc<dyn Fn(&'static str) + Send + Sync>);

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watcher")
    }
}

impl Desk {
    fn drawn_fault(&mut self) -> Option<Fault> {
        let (which, kind) = (Which::Number(0), ErrorKind::Transient);
        if self.out_until.is_some_and(|until| Instant::now() < until) {
            let when = When::Before;
            return Some(Fault { which, kind, when });
        }
        let trouble = self.trouble.as_mut()?;
        if trouble.draw.below(1_000) >= trouble.of_a_thousand {
            return None;
        }
        let when = trouble.draw.pick(&[When::Before, When::After]);
        Some(Fault { which, kind, when })
    }
}

/// The port's method, how many of its calls are let pass, and what is done then.
type Meanwhile = (&'static str, usize, fn(&World));

/// One call that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The port's method.
    pub operation: &'static str,
    /// The API's name; empty where the call was not carried out.
    pub api: &'static str,
    pub write: bool,
    started: Instant,
}

/// How long calls take.
#[derive(Clone, Copy, Debug, Default)]
pub enum Delays {
    /// No time.
    #[default]
    None,
    /// All the same.
    Fixed(Duration),
    /// Drawn from this state, up to so much.
    Drawn(u64, Duration),
}

/// Which calls fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The call with this number, from 0.
    Number(usize),
    /// Every call of this port method.
    Every(&'static str),
    /// The first so many calls of this port method.
    First(usize, &'static str),
}

/// Whether the effect takes place all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Before,
    After,
}

#[derive(Clone, Copy, Debug)]
struct Fault {
    which: Which,
    kind: ErrorKind,
    when: When,
}

impl Faulty {
    pub fn new(world: &World) -> Self {
        Self {
            world: world.clone(),
            desk: Arc::default(),
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has calls fail from now on.
    pub fn fail(&self, which: Which, kind: ErrorKind, when: When) {
        self.desk().faults.push(Fault { which, kind, when });
    }

    /// Has calls fail by chance, in so many of a thousand.
    pub fn troubled(&self, draw: Draw, of_a_thousand: u64) {
        self.desk().trouble = Some(Trouble {
            draw,
            of_a_thousand,
        });
    }

    /// Has no call answered until then.
    pub fn out_until(&self, until: Instant) {
        self.desk().out_until = Some(until);
    }

    /// Has somebody look after each write.
    pub fn watched_by(&self, watcher: Watcher) {
        self.desk().watcher = Some(watcher);
    }

    /// Has the read with this number, from 0, miss the last write.
    pub fn answer_stale(&self, number: usize) {
        self.desk().stale.insert(number);
    }

    /// How many reads missed a write.
    pub fn stale_answers(&self) -> usize {
        self.desk().stale_answers
    }

    /// The account as the next call finds it.
    fn found(&self, write: bool) -> World {
        let mut desk = self.desk();
        if write {
            if !desk.stale.is_empty() {
                desk.before_last_write = Some(self.world.copy());
            }
            return self.world.clone();
        }
        let number = desk.calls.len();
        match &desk.before_last_write {
            Some(earlier) if desk.stale.contains(&number) => {
                let earlier = earlier.acting_as(&self.world);
                desk.stale_answers += 1;
                earlier
            }
            _ => self.world.clone(),
        }
    }

    /// Has somebody do something just before the call of `operation` with this number, from 0.
    pub fn just_before(&self, operation: &'static str, number: usize, done: fn(&World)) {
        self.desk().meanwhile = Some((operation, number, done));
    }

    /// What is to be done before a call of `operation`.
    fn meanwhile(&self, operation: &'static str) -> Option<fn(&World)> {
        let mut desk = self.desk();
        let (awaited, left, done) = desk
            .meanwhile
            .filter(|(awaited, ..)| *awaited == operation)?;
        if left > 0 {
            desk.meanwhile = Some((awaited, left - 1, done));
            return None;
        }
        desk.meanwhile = None;
        Some(done)
    }

    /// Has calls take time from now on.
    pub fn delay(&self, delays: Delays) {
        self.desk().delays = delays;
    }

    /// Forgets faults and calls.
    pub fn reset(&self) {
        let mut desk = self.desk();
        desk.faults.clear();
        desk.calls.clear();
        desk.stale.clear();
        desk.before_last_write = None;
        desk.stale_answers = 0;
    }

    /// What was called.
    pub fn calls(&self) -> Vec<Made> {
        self.desk().calls.clone()
    }

    /// How many calls were writes.
    pub fn writes(&self) -> usize {
        self.desk().calls.iter().filter(|made| made.write).count()
    }

    /// The longest chain of calls that wait for each other. Calls that begin at one moment run side
    /// by side; where all take the same time, the moments are the links of the chain.
    pub fn round_trips(&self) -> usize {
        let desk = self.desk();
        assert!(
            matches!(desk.delays, Delays::Fixed(_)),
            "needs calls that all take the same time"
        );
        let moments: BTreeSet<Instant> = desk.calls.iter().map(|made| made.started).collect();
        moments.len()
    }

    async fn pass<T, F>(
        &self,
        operation: &'static str,
        write: bool,
        call: impl FnOnce() -> F + Send,
    ) -> Outcome<T>
    where
        T: Send,
        F: Future<Output = Outcome<T>> + Send,
    {
        let (number, fault, before, after) = {
            let mut desk = self.desk();
            let number = desk.calls.len();
            let earlier = desk
                .calls
                .iter()
                .filter(|made| made.operation == operation)
                .count();
            let fault = desk.faults.iter().copied().find(|fault| match fault.which {
                Which::Number(chosen) => chosen == number,
                Which::Every(chosen) => chosen == operation,
                Which::First(most, chosen) => chosen == operation && earlier < most,
            });
            let fault = fault.or_else(|| desk.drawn_fault());
            let started = Instant::now();
            desk.calls.push(Made {
                operation,
                api: "",
                write,
                started,
            });
            (number, fault, desk.delays.pause(), desk.delays.pause())
        };
        if !before.is_zero() {
            tokio::time::sleep(before).await;
        }
        if let Some(done) = self.meanwhile(operation) {
            done(&self.world);
        }
        let skipped = matches!(
            fault,
            Some(Fault {
                when: When::Before,
                ..
            })
        );
        let outcome = if skipped {
            None
        } else {
            let outcome = call().await;
            // Calls of the AWS in memory never wait, so no other has come in between.
            if let Some(made) = self.desk().calls.get_mut(number) {
                made.api = self.world.last_call();
            }
            if write {
                let watcher = self.desk().watcher.clone();
                if let Some(Watcher(look)) = watcher {
                    look(operation);
                }
            }
            Some(outcome)
        };
        if !after.is_zero() {
            tokio::time::sleep(after).await;
        }
        match (fault, outcome) {
            (None, Some(outcome)) => outcome,
            // What failed by itself fails as it did.
            (Some(_), Some(Err(error))) => Err(error),
            (Some(Fault { kind, .. }), _) => Err(injected(operation, kind)),
            (None, None) => unreachable!("only a fault skips the call"),
        }
    }
}

fn injected(operation: &'static str, kind: ErrorKind) -> AwsError {
    let transient = kind == ErrorKind::Transient;
    AwsError {
        operation,
        resource: "something".into(),
        region: "us-east-1".into(),
        kind,
        code: if transient {
            String::new()
        } else {
            format!("{kind:?}")
        },
        message: "injected".into(),
        request_id: None,
    }
}

impl Delays {
    pub fn pause(&mut self) -> Duration {
        match self {
            Self::None => Duration::ZERO,
            Self::Fixed(each) => *each / 2,
            Self::Drawn(state, most) => {
                // SplitMix64: the same seed gives the same delays.
                *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
                let mut drawn = *state;
                drawn = (drawn ^ (drawn >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                drawn = (drawn ^ (drawn >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
                drawn ^= drawn >> 31;
                let most = u64::try_from(most.as_millis()).unwrap_or(u64::MAX).max(1);
                Duration::from_millis(drawn % most + 1)
            }
        }
    }
}

macro_rules! pass_on {
    ($($write:literal $name:ident($($arg:ident: $type:ty),*) -> $out:ty;)*) => {
        $(async fn $name(&self, $($arg: $type),*) -> Outcome<$out> {
            let world = self.found($write);
            self.pass(stringify!($name), $write, || world.$name($($arg),*)).await
        })*
    };
}

impl Buckets for Faulty {
    pass_on! {
        false buckets(region: &str) -> Vec<String>;
        false bucket_region(bucket: &str) -> Option<String>;
        true create_bucket(at: BucketRef<'_>, tags: &[Tag]) -> ();
        true delete_bucket(at: BucketRef<'_>) -> ();
        false holds_versions(at: BucketRef<'_>) -> bool;
        false versioning(at: BucketRef<'_>) -> Versioning;
        true enable_versioning(at: BucketRef<'_>) -> ();
        false default_encryption(at: BucketRef<'_>) -> Option<DefaultEncryption>;
        true put_default_encryption(at: BucketRef<'_>, to: &DefaultEncryption) -> ();
        false object_lock(at: BucketRef<'_>) -> ObjectLock;
        false requester_pays(at: BucketRef<'_>) -> bool;
        false bucket_tags(at: BucketRef<'_>) -> Vec<Tag>;
        true put_bucket_tags(at: BucketRef<'_>, tags: &[Tag]) -> ();
        false notifications(at: BucketRef<'_>) -> NotificationConfiguration;
        true put_notifications(at: BucketRef<'_>, to: &NotificationConfiguration, targets: Targets) -> ();
        false replication(at: BucketRef<'_>) -> Option<ReplicationConfiguration>;
        true put_replication(at: BucketRef<'_>, to: &ReplicationConfiguration) -> ();
        true delete_replication(at: BucketRef<'_>) -> ();
    }
}

impl Objects for Faulty {
    pass_on! {
        true put_object(at: BucketRef<'_>, key: &str, tags: &[Tag], kms_key: Option<&str>) -> String;
        false head_object(at: BucketRef<'_>, key: &str, version: &str) -> Option<ObjectHead>;
        false object_versions(at: BucketRef<'_>, key: &str) -> Vec<String>;
        true delete_object_version(at: BucketRef<'_>, key: &str, version: &str) -> ();
    }
}

impl Keys for Faulty {
    pass_on! {
        false describe_key(region: &str, key: &str) -> Option<KeyDescription>;
        true create_key(region: &str, description: &str, tags: &[Tag]) -> String;
        true create_alias(region: &str, alias: &str, key_arn: &str) -> ();
        true enable_key_rotation(region: &str, key_arn: &str) -> ();
        true schedule_key_deletion(region: &str, key_arn: &str, days: i32) -> ();
        true cancel_key_deletion(region: &str, key_arn: &str) -> ();
        true enable_key(region: &str, key_arn: &str) -> ();
        false key_tags(region: &str, key_arn: &str) -> Vec<Tag>;
    }
}

impl Roles for Faulty {
    pass_on! {
        false role(name: &str) -> Option<RoleDescription>;
        true create_role(role: NewRole<'_>) -> ();
        true put_trust_policy(role: &str, document: &str) -> ();
        true put_permissions_boundary(role: &str, policy_arn: &str) -> ();
        true tag_role(role: &str, tag: &Tag) -> ();
        true delete_role(name: &str) -> ();
        false role_policies(role: &str) -> Vec<String>;
        false role_policy(role: &str, policy: &str) -> Option<String>;
        true put_role_policy(role: &str, policy: &str, document: &str) -> ();
        true delete_role_policy(role: &str, policy: &str) -> ();
    }
}

impl Policies for Faulty {
    pass_on! {
        false bucket_policy(at: BucketRef<'_>) -> Option<String>;
        true put_bucket_policy(at: BucketRef<'_>, policy: &str) -> ();
        true delete_bucket_policy(at: BucketRef<'_>) -> ();
        true put_key_policy(region: &str, key_arn: &str, policy: &str) -> ();
        false key_policy(region: &str, key_arn: &str) -> Option<String>;
        false simulate(role_arn: &str, access: &Access) -> Vec<Decision>;
    }
}

impl Jobs for Faulty {
    pass_on! {
        true start_replication_job(job: ReplicationJob<'_>) -> String;
        false job(region: &str, id: &str) -> Option<JobDescription>;
        false report_part(bucket: BucketRef<'_>, key: &str, from: u64) -> Option<Part>;
    }
}

impl Parameters for Faulty {
    pass_on! {
        false parameters(region: &str, path: &str, below: Below) -> BTreeMap<String, String>;
        true put_parameter(region: &str, name: &str, value: &str, description: &str) -> ();
        true delete_parameter(region: &str, name: &str) -> ();
    }
}

impl Events for Faulty {
    // No write of the account's: nobody's configuration changes by it.
    pass_on! {
        false put_events(region: &str, bus: &str, events: &[&Event]) -> Vec<Result<(), Refusal>>;
    }
}

impl Metrics for Faulty {
    fn count(&self, function: &str, counts: &[(&'static str, usize)]) -> std::io::Result<()> {
        self.world.count(function, counts)
    }

    fn measure(&self, bucket: &str, metrics: Vec<Metric>) -> std::io::Result<()> {
        self.world.measure(bucket, metrics)
    }

    fn log(&self, line: &str) -> std::io::Result<()> {
        self.world.log(line)
    }
}

impl Clock for Faulty {
    fn now(&self) -> Time {
        self.world.now()
    }
}

impl Assume for Faulty {
    async fn assuming(&self, role_arn: &str) -> Outcome<Self> {
        let assumed = self.pass("assuming", false, || self.world.assuming(role_arn));
        Ok(Self {
            world: assumed.await?,
            desk: Arc::clone(&self.desk),
        })
    }
}
