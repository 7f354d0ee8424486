//! One life: everybody does what the story says, on a clock that nobody waits for.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::sync::Mutex;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, sleep, sleep_until};

use crate::checkers::Checkers;
use crate::oracle::{Broken, Counts, Court, Who};
use crate::stacks::{Stack, Surroundings};
use crate::stage;
use crate::story::{Act, Deed, Errand, Story, TAG};
use aws_in_memory::draw::Draw;
use aws_in_memory::people::{Upload, Who as Uploader};
use aws_in_memory::{Weather, World};

/// What came of a life.
#[derive(Clone, Debug)]
pub struct Lived {
    /// Promises that were not kept, the first one first.
    pub broken: Vec<Broken>,
    /// What happened.
    pub counts: Counts,
}

/// Lives a story.
#[must_use]
pub fn live(story: &Story) -> Lived {
    let lived = catch_unwind(AssertUnwindSafe(|| {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).build();
        runtime.map(|runtime| LocalSet::new().block_on(&runtime, lives(story)))
    }));
    let seen = match lived {
        Ok(Ok(lived)) => return lived,
        Ok(Err(error)) => error.to_string(),
        Err(panic) => match (panic.downcast_ref::<String>(), panic.downcast_ref::<&str>()) {
            (Some(text), _) => text.clone(),
            (_, Some(text)) => (*text).to_owned(),
            _ => "a panic".to_owned(),
        },
    };
    Lived {
        broken: vec![Broken {
            promise: "no-panic",
            seen,
            at: 0,
        }],
        counts: Counts::default(),
    }
}

/// What everybody shares.
#[derive(Clone)]
struct Place {
    court: Court,
    stacks: Arc<Vec<Mutex<Stack>>>,
    checkers: Arc<Mutex<Checkers>>,
}

async fn lives(story: &Story) -> Lived {
    let mut draw = Draw::new(story.seed ^ 0x5EED);
    let world = World::default();
    stage::set(&world, &story.stage);
    world.weather(weather(story.sky.late));
    {
        let mut state = world.state();
        state.replicates_after = Some(Duration::from_secs(story.sky.replicates));
        state.weighs_own_policies = true;
        state.turns_lists = story.sky.late > 0;
    }
    let court = Court::over(&world);
    court.oracle().permissions_take = weather(story.sky.late).permissions;
    let out = Arc::new(std::sync::Mutex::new(Instant::now()));
    let around = Surroundings {
        court: court.clone(),
        sky: story.sky,
        out: Arc::clone(&out),
    };
    let stacks = (0..3).map(|number| {
        let draw = Draw::new(draw.number());
        Mutex::new(Stack::new(number, &around, draw))
    });
    let place = Place {
        court: court.clone(),
        stacks: Arc::new(stacks.collect()),
        checkers: Arc::new(Mutex::new(Checkers::installed(&court, story.sky, draw))),
    };
    let over = Arc::new(AtomicBool::new(false));
    let checking = tokio::task::spawn_local(check(place.clone(), Arc::clone(&over)));
    let began = Instant::now();
    let mut under_way = JoinSet::new();
    for act in &story.acts {
        sleep_until(began + Duration::from_secs(act.at)).await;
        if let Deed::Outage(seconds) = act.what {
            let until = Instant::now() + Duration::from_secs(seconds);
            *out.lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner) = until;
            continue;
        }
        under_way.spawn_local(does(place.clone(), act.clone()));
    }
    while let Some(done) = under_way.join_next().await {
        if let Err(error) = done {
            std::panic::resume_unwind(error.into_panic());
        }
    }
    // What is under way arrives, and the queue's messages come back.
    sleep(Duration::from_mins(3)).await;
    let mut clean = true;
    for stack in place.stacks.iter() {
        clean &= Box::pin(stack.lock().await.ends()).await;
    }
    if clean {
        court.looks_for_words();
    }
    sleep(Duration::from_mins(35)).await;
    let outage = |act: &Act| matches!(act.what, Deed::Outage(_));
    if clean && !story.acts.iter().any(outage) {
        court.looks_for_probes();
    }
    over.store(true, Ordering::Relaxed);
    if let Err(error) = checking.await {
        std::panic::resume_unwind(error.into_panic());
    }
    court.weighs_verdicts();
    court.weighs_objects();
    let oracle = court.oracle();
    Lived {
        broken: oracle.broken.clone(),
        counts: oracle.counts.clone(),
    }
}

/// So much of AWS's lateness.
fn weather(percent: u32) -> Weather {
    let real = Weather::real();
    let part = |whole: Duration| whole * percent / 100;
    Weather {
        rules: part(real.rules),
        permissions: part(real.permissions),
        principals: part(real.principals),
        keys: part(real.keys),
        aliases: part(real.aliases),
        key_tags: part(real.key_tags),
        buckets: part(real.buckets),
        versioning: part(real.versioning),
        between_writes: part(real.between_writes),
        event_bridge: part(real.event_bridge),
        ..real
    }
}

async fn check(place: Place, over: Arc<AtomicBool>) {
    while !over.load(Ordering::Relaxed) {
        place.checkers.lock().await.work().await;
        sleep(Duration::from_secs(2)).await;
    }
}

async fn does(place: Place, Act { what, .. }: Act) {
    match what {
        Deed::Deploy(stack, template, handling) => {
            if let Some(stack) = place.stacks.get(stack) {
                Box::pin(stack.lock().await.deploys(&template, handling)).await;
            }
        }
        Deed::Beside(stack) => {
            if let Some(stack) = place.stacks.get(stack) {
                stack.lock().await.has_more();
            }
        }
        Deed::Delete(stack) => {
            if let Some(stack) = place.stacks.get(stack) {
                Box::pin(stack.lock().await.deletes()).await;
            }
        }
        Deed::GiveUp(stack) => {
            if let Some(stack) = place.stacks.get(stack) {
                stack.lock().await.gives_up();
            }
        }
        Deed::Ask(stack, question) => {
            if let Some(stack) = place.stacks.get(stack) {
                Box::pin(stack.lock().await.asks(question)).await;
            }
        }
        Deed::LookAtAll => Box::pin(looks_at_all(&place)).await,
        Deed::Upload {
            bucket,
            prefix,
            tagged,
            asked,
            count,
            every,
        } => {
            let tag = tagged.then(|| replication::configuration::Tag {
                key: TAG.0.into(),
                value: TAG.1.into(),
            });
            for number in 0..count {
                let upload = Upload {
                    bucket: bucket.to_owned(),
                    key: format!("{prefix}object-{number}"),
                    tags: tag.iter().cloned().collect(),
                    asked: asked.clone(),
                    who: Uploader::Somebody,
                };
                let _ = place.court.uploads(&upload);
                sleep(Duration::from_secs(every)).await;
            }
        }
        Deed::DeliverLog(bucket) => {
            let upload = Upload {
                bucket: bucket.to_owned(),
                key: "logs/2026-11-27".to_owned(),
                tags: Vec::new(),
                asked: aws_in_memory::people::Asked::Nothing,
                who: Uploader::LogDelivery,
            };
            if takes_logs(&place.court, bucket) {
                let _ = place.court.uploads(&upload);
            }
        }
        Deed::Person(errand) => {
            let stirs = place.court.oracle().stirs(None);
            let done = stage::run(&place.court.world, &errand);
            if let Errand::Empty(bucket) = errand {
                place.court.is_emptied(bucket);
            }
            if let Errand::Unrule(bucket) = errand {
                place.court.unrules(bucket);
            }
            place.court.changed_by(Who::Others, "somebody");
            let mut oracle = place.court.oracle();
            oracle.stirred(stirs);
            oracle.counts.one(if done {
                "errands"
            } else {
                "errands for nothing"
            });
        }
        Deed::Outage(_) => {}
        Deed::ColdStart => place.checkers.lock().await.start_cold(),
        Deed::Sweep(bucket) => place.checkers.lock().await.sweeps(bucket).await,
        Deed::CheckerTrouble(calls) => place.checkers.lock().await.trouble(calls),
    }
}

/// Has drift looked for in every resource, as the schedule does, and weighs what is said of those that are at rest.
async fn looks_at_all(place: &Place) {
    let idle = place
        .stacks
        .iter()
        .filter_map(|stack| stack.try_lock().ok());
    let mut idle: Vec<_> = idle.filter(|stack| stack.is_there()).collect();
    let from = Instant::now();
    let Some(first) = idle.first_mut() else {
        return;
    };
    let event = json!({"Action": "DetectDrift", "Report": false});
    let Some(answer) = first.asked(event).await else {
        return;
    };
    for stack in &idle {
        stack.weighs_drift(&answer, from);
    }
}

fn takes_logs(court: &Court, bucket: &str) -> bool {
    let state = court.world.state();
    let policy = state
        .buckets
        .get(bucket)
        .and_then(|found| found.policy.clone());
    policy.is_some_and(|policy| policy.contains("logging.s3.amazonaws.com"))
}
