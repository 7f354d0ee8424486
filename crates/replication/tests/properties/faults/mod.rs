//! Every call failing, in every way, before and after its effect, and every read missing the last write:
//! what CloudFormation is told, what is left, and where the next request ends.

mod matrix;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use replication::error::ErrorKind;
use serde_json::{Value, json};

use self::matrix::{Column, Left, Matrix, Place};
use super::normal::Normal;
use crate::aws::World;
use crate::aws::faults::{Made, When, Which};
use crate::harness::{Answer, EAST, Stack, WEST, bucket_with_key, plain_bucket, probes_left};

/// What happens to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Fails(ErrorKind, When),
    Stale,
}

const FAULTS: [Fault; 12] = [
    Fault::Fails(ErrorKind::Transient, When::Before),
    Fault::Fails(ErrorKind::Transient, When::After),
    Fault::Fails(ErrorKind::AlreadyExists, When::After),
    Fault::Fails(ErrorKind::NotFound, When::After),
    Fault::Fails(ErrorKind::Conflict, When::After),
    Fault::Fails(ErrorKind::AccessDenied, When::Before),
    Fault::Fails(ErrorKind::NotFound, When::Before),
    Fault::Fails(ErrorKind::AlreadyExists, When::Before),
    Fault::Fails(ErrorKind::WrongRegion, When::Before),
    Fault::Fails(ErrorKind::Conflict, When::Before),
    Fault::Fails(ErrorKind::Invalid, When::Before),
    Fault::Stale,
];

/// Reads of objects, which S3 answers with the last write. Those of a bucket's configuration it may
/// not: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel>.
const STRONGLY_CONSISTENT: [&str; 3] = ["head_object", "holds_versions", "object_versions"];

impl Fault {
    /// A call that was refused has had no effect. One whose answer got lost has, and so has one that
    /// the SDK repeated by itself, which then finds its own work.
    fn can_befall(self, made: &Made) -> bool {
        let operation = made.operation;
        match self {
            Self::Stale => !made.write && !STRONGLY_CONSISTENT.contains(&operation),
            Self::Fails(_, When::Before) => true,
            Self::Fails(kind, When::After) => {
                made.write
                    && match kind {
                        ErrorKind::AlreadyExists => {
                            operation.starts_with("create") && operation != "create_key"
                        }
                        ErrorKind::NotFound => operation.starts_with("delete"),
                        ErrorKind::Conflict => operation.starts_with("schedule"),
                        kind => kind == ErrorKind::Transient,
                    }
            }
        }
    }

    fn column(self) -> Column {
        match self {
            Self::Fails(ErrorKind::Transient, When::Before) => Column::NoAnswer,
            Self::Fails(ErrorKind::AccessDenied, _) => Column::Denied,
            Self::Fails(_, When::Before) => Column::Refused,
            Self::Fails(_, When::After) => Column::LostAnswer,
            Self::Stale => Column::Stale,
        }
    }

    fn befall(self, stack: &Stack, number: usize) {
        match self {
            Self::Fails(kind, when) => stack.aws.fail(Which::Number(number), kind, when),
            Self::Stale => stack.aws.answer_stale(number),
        }
    }
}

/// After `SUCCESS` the account is not as after a request without fault.
const ELSE: &str = "succeeds, and something else is there";

/// What the design cannot help.
struct Known {
    /// The port's method.
    operation: &'static str,
    /// How what is seen begins.
    seen: &'static [&'static str],
    /// For the page, after the API's name.
    why: &'static str,
}

const KNOWN: [Known; 4] = [
    Known {
        operation: "create_key",
        seen: &["leaves a key without alias, Fails(Transient, After)", ELSE],
        why: "`CreateKey`, answer lost: KMS names a key only in the answer, so it stays without alias, bears the owner's tag, \
              and costs until somebody schedules its deletion.",
    },
    Known {
        operation: "create_bucket",
        seen: &["ends elsewhere", ELSE],
        why: "`CreateBucket`, answer lost: S3 does not say whether a bucket that is there now was made by that call. It counts \
              as somebody else's: it keeps SSE-S3 as its default, and stays at Delete.",
    },
    Known {
        operation: "delete_parameter",
        seen: &["ends elsewhere", ELSE],
        why: "`DeleteParameter`, where AWS says that the parameter is not there, and it is: the old expectation stays.",
    },
    Known {
        operation: "replication",
        seen: &["ends elsewhere", ELSE],
        why: "`GetBucketReplication`, where AWS says that there are no rules, and there are: nothing then leads to a \
              destination that the properties no longer name.",
    },
];

const OTHER: &str = "444455556666";
const ASSUMED: &str = "arn:aws:iam::444455556666:role/encrypted-replication/destination";

/// A request, and what must have been done before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Ask {
    Create,
    Update,
    Delete,
}

#[derive(Clone, Copy, Debug)]
enum Start {
    Nothing,
    Adopted,
    /// The destinations are another account's.
    Abroad,
}

impl Start {
    fn world(self) -> World {
        let world = World::default();
        match self {
            Self::Nothing => {}
            Self::Adopted => {
                plain_bucket(&world, "source", EAST);
                bucket_with_key(&world, "one", WEST);
                bucket_with_key(&world, "two", WEST);
            }
            Self::Abroad => {
                plain_bucket(&world, "source", EAST);
                let there = world.of_account(OTHER);
                for name in ["one", "two"] {
                    bucket_with_key(&there, name, WEST);
                    let mut state = there.state();
                    let bucket = state.buckets.get_mut(name).unwrap();
                    OTHER.clone_into(&mut bucket.account);
                }
                world.state().assumable.insert(ASSUMED.into());
            }
        }
        world
    }
}

fn old(start: Start) -> Value {
    let mut old = json!({"SourceBucket": "source",
           "OnDelete": {"Buckets": "DeleteWhenEmpty", "Keys": "ScheduleDeletion"},
           "Rules": [{"Filter": {"Prefix": "a/"}, "Destination": {"Bucket": "arn:aws:s3:::one", "Region": WEST}}]});
    if let Start::Abroad = start {
        old["Rules"][0]["Destination"]["AssumeRoleArn"] = json!(ASSUMED);
    }
    old
}

fn new(start: Start) -> Value {
    let mut new = old(start);
    new["PermissionsBoundary"] = json!("arn:aws:iam::111122223333:policy/boundary");
    new["Rules"][0]["Destination"]["Bucket"] = json!("arn:aws:s3:::two");
    new
}

/// The world before the request.
async fn before(start: Start, ask: Ask) -> World {
    let stack = Stack::in_world(&start.world());
    if ask != Ask::Create {
        stack.create("Replication", &old(start)).await.unwrap();
    }
    stack.world
}

async fn carry_out(stack: &Stack, start: Start, ask: Ask) -> Answer {
    match ask {
        Ask::Create => stack.create("Replication", &old(start)).await,
        Ask::Update => stack.update("Replication", &old(start), &new(start)).await,
        Ask::Delete => stack.delete("Replication", &old(start)).await,
    }
}

/// A call of a request, and what happens to it.
#[derive(Clone, Copy, Debug)]
struct Befallen<'a> {
    number: usize,
    made: &'a Made,
    fault: Fault,
}

/// What was seen that must not be, and how often, with the first place.
type Seen = BTreeMap<String, (usize, String)>;

/// One request on one start, with every fault at every call.
struct Runs {
    start: Start,
    ask: Ask,
    /// The world before the request.
    begin: World,
    /// The account after the request without a fault, and before it.
    expected: Normal,
    before: Normal,
    matrix: Matrix,
    seen: Seen,
}

impl Runs {
    async fn all(start: Start, ask: Ask) -> (Matrix, Seen) {
        let begin = before(start, ask).await;
        let earlier = Normal::of(&begin);
        let clean = Stack::in_world(&begin.copy());
        carry_out(&clean, start, ask).await.unwrap();
        let mut runs = Self {
            start,
            ask,
            begin,
            expected: Normal::of(&clean.world),
            before: earlier,
            matrix: Matrix::default(),
            seen: Seen::new(),
        };
        for (number, made) in clean.aws.calls().iter().enumerate() {
            for fault in FAULTS.into_iter().filter(|fault| fault.can_befall(made)) {
                runs.one(Befallen {
                    number,
                    made,
                    fault,
                })
                .await;
            }
        }
        (runs.matrix, runs.seen)
    }

    async fn one(&mut self, at: Befallen<'_>) {
        let (start, ask) = (self.start, self.ask);
        let stack = Stack::in_world(&self.begin.copy());
        at.fault.befall(&stack, at.number);
        let first = carry_out(&stack, start, ask).await;
        if at.fault == Fault::Stale && stack.aws.stale_answers() == 0 {
            // Nothing had been written before it.
            return;
        }
        let after = Normal::of(&stack.world);
        let left = if after == self.expected {
            Left::Whole
        } else if after == self.before {
            Left::Untouched
        } else {
            Left::Part
        };
        let place = Place {
            ask,
            api: at.made.api,
        };
        self.matrix
            .count(place, at.fault.column(), first.is_ok(), left);
        if first.is_ok() && left != Left::Whole {
            self.note(at, ELSE);
        }
        if !probes_left(&stack.world).is_empty() {
            self.note(at, "leaves a probe object");
        }
        let failed = (ask == Ask::Create && first.is_err()).then(|| stack.world.copy());
        stack.aws.reset();
        let second = carry_out(&stack, start, ask).await;
        let after = Normal::of(&stack.world);
        if let Err(reason) = second {
            self.note(at, &format!("the next request fails too: {reason}"));
        } else if let Some(difference) = self.expected.difference(&after) {
            self.note(at, &format!("ends elsewhere: {difference}"));
        }
        if after.orphans > self.expected.orphans {
            self.note(at, &format!("leaves a key without alias, {:?}", at.fault));
        }
        if let Some(failed) = failed {
            self.roll_back(at, &failed).await;
        }
    }

    /// A Create that failed is rolled back.
    async fn roll_back(&mut self, at: Befallen<'_>, failed: &World) {
        let start = self.start;
        let stack = Stack::in_world(failed);
        self.matrix.rolled_back += 1;
        if let Err(reason) = carry_out(&stack, start, Ask::Delete).await {
            self.note(at, &format!("its roll-back fails: {reason}"));
        }
        let origin = Normal::of(&start.world());
        let after = without_what_stays(&stack.world, start);
        if origin.text != after.text {
            let difference = origin.difference(&Normal {
                keys: origin.keys.clone(),
                ..after.clone()
            });
            self.note(
                at,
                &format!("its roll-back leaves something: {difference:?}"),
            );
        }
        if after
            .keys
            .values()
            .any(|key| key.state != "PendingDeletion")
        {
            self.note(at, "its roll-back leaves a key");
        }
    }

    fn note(&mut self, at: Befallen<'_>, what: &str) {
        let known = |known: &Known| {
            at.made.operation == known.operation
                && known.seen.iter().any(|start| what.starts_with(start))
        };
        if KNOWN.iter().any(known) {
            return;
        }
        let (start, ask) = (self.start, self.ask);
        let Befallen {
            number,
            made,
            fault,
        } = at;
        let operation = made.operation;
        let place = format!("{start:?} {ask:?}, call {number} {operation} {fault:?}");
        let entry = self.seen.entry(format!("{ask:?} {operation} {what}"));
        entry.or_insert((0, place)).0 += 1;
    }
}

/// The account without what is documented to stay.
fn without_what_stays(world: &World, start: Start) -> Normal {
    let at_start = start.world().snapshot();
    {
        let mut state = world.state();
        for (name, bucket) in &mut state.buckets {
            if let Some(earlier) = at_start.buckets.get(name) {
                bucket.versioning = earlier.versioning;
                bucket.notifications.event_bridge = earlier.notifications.event_bridge;
            }
        }
    }
    Normal::of(world)
}

/// What came of a request on a start, run once: for the test that judges it, and for the page.
fn befallen(start: Start, ask: Ask) -> &'static (Matrix, Seen) {
    static DONE: [[OnceLock<(Matrix, Seen)>; 3]; 3] = [const { [const { OnceLock::new() }; 3] }; 3];
    DONE[start as usize][ask as usize].get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(Runs::all(start, ask))
    })
}

fn no_fault_at_any_call_does_harm(start: Start, ask: Ask) {
    let (matrix, seen) = befallen(start, ask);
    assert!(matrix.runs() > 200, "only {} runs", matrix.runs());
    let told: Vec<_> = seen
        .iter()
        .map(|(what, (times, place))| format!("{times} x {what}\n    first at {place}"))
        .collect();
    assert!(
        told.is_empty(),
        "of {} runs:\n{}",
        matrix.runs(),
        told.join("\n")
    );
}

/// One test for each request on each start.
macro_rules! each {
    ($($name:ident: $ask:ident on $start:ident;)*) => {
        const EACH: &[(Start, Ask)] = &[$((Start::$start, Ask::$ask)),*];
        $(
            #[test]
            fn $name() {
                no_fault_at_any_call_does_harm(Start::$start, Ask::$ask);
            }
        )*
    };
}

each! {
    creating_from_nothing: Create on Nothing;
    creating_on_buckets_that_exist: Create on Adopted;
    creating_with_destinations_of_another_account: Create on Abroad;
    updating_what_was_made: Update on Nothing;
    updating_on_buckets_that_exist: Update on Adopted;
    updating_destinations_of_another_account: Update on Abroad;
    deleting_what_was_made: Delete on Nothing;
    deleting_on_buckets_that_exist: Delete on Adopted;
    deleting_from_another_account: Delete on Abroad;
}

#[test]
fn the_page_tells_what_each_fault_does() {
    let mut matrix = Matrix::default();
    std::thread::scope(|scope| {
        let all = EACH.iter();
        let threads: Vec<_> = all
            .map(|(start, ask)| scope.spawn(|| befallen(*start, *ask)))
            .collect();
        for thread in threads {
            matrix.add(&thread.join().unwrap().0);
        }
    });
    let known: Vec<&str> = KNOWN.iter().map(|known| known.why).collect();
    crate::harness::page::same("FAULTS.md", &matrix.page(&known));
}
