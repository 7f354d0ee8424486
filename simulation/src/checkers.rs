//! The checker as it is installed: events wait in a queue, come in batches, sometimes twice, and come back
//! where they were not judged.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_names::Home;
use compliance::checker::Checker;
use compliance::handler::{Handler, Invocation, Surroundings};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::cloudformation::QUEUE;
use crate::oracle::Court;
use crate::story::{ABROAD, EAST, Sky, WEST, account_of, region_of};
use aws_in_memory::ACCOUNT;
use aws_in_memory::checker::Sight;
use aws_in_memory::draw::Draw;
use aws_in_memory::faults::Delays;
use aws_in_memory::news::News;

/// As in `template.yaml`: how long a message is hidden, and how often it is received.
const HIDDEN: Duration = Duration::from_mins(6);
const MOST_RECEIVES: u32 = 5;
const BATCH: usize = 10;
const TIME_OUT: Duration = Duration::from_mins(1);
const REMEMBERS: Duration = Duration::from_mins(5);

/// What a function writes.
#[derive(Clone, Debug)]
struct Paper {
    lines: Arc<Mutex<Vec<Value>>>,
    court: Court,
}

impl Surroundings for Paper {
    fn write_lines(&self, lines: &str) -> std::io::Result<()> {
        let parsed = lines
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        let verdicts = parsed.filter(|line: &Value| line.get("_aws").is_none());
        let mut written = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        written.extend(verdicts);
        Ok(())
    }

    fn now_ms(&self) -> i64 {
        let state = self.court.world.state();
        state.time_of(Instant::now()).secs() * 1_000
    }
}

#[derive(Clone, Debug)]
struct Message {
    id: u64,
    body: Value,
    receives: u32,
    visible: Instant,
}

/// The checker of a Region of an account.
struct Installed {
    account: &'static str,
    region: &'static str,
    sight: Sight,
    handler: Handler<Sight, Paper>,
    queue: VecDeque<Message>,
}

/// The checkers of both Regions, and that of the other account.
pub struct Checkers {
    court: Court,
    sky: Sky,
    draw: Draw,
    lines: Arc<Mutex<Vec<Value>>>,
    installed: Vec<Installed>,
    messages: u64,
    /// Messages that nobody could judge.
    pub dead: usize,
    /// Whether calls of theirs were ever left unanswered.
    troubled: bool,
}

impl Checkers {
    /// Installs them.
    #[must_use]
    pub fn installed(court: &Court, sky: Sky, draw: Draw) -> Self {
        let mut checkers = Self {
            court: court.clone(),
            sky,
            draw,
            lines: Arc::default(),
            installed: Vec::new(),
            messages: 0,
            dead: 0,
            troubled: false,
        };
        for (account, region) in [(ACCOUNT, EAST), (ACCOUNT, WEST), (ABROAD, WEST)] {
            let sight = Sight::of(&court.world, account, region);
            let delays = Delays::Drawn(checkers.draw.number(), Duration::from_millis(sky.slow_ms));
            sight.line(|line| line.delays = delays);
            let handler = checkers.handler(&sight);
            checkers.installed.push(Installed {
                account,
                region,
                sight,
                handler,
                queue: VecDeque::new(),
            });
        }
        checkers
    }

    fn handler(&self, sight: &Sight) -> Handler<Sight, Paper> {
        let checker =
            Checker::new(sight.clone(), Vec::new(), REMEMBERS).repairing(self.sky.repairs);
        let paper = Paper {
            lines: Arc::clone(&self.lines),
            court: self.court.clone(),
        };
        Handler::new(checker, paper, 16).patient(MOST_RECEIVES)
    }

    /// New instances, which remember nothing.
    pub fn start_cold(&mut self) {
        for at in 0..self.installed.len() {
            let fresh = self.installed.get(at).map(|one| self.handler(&one.sight));
            if let (Some(one), Some(fresh)) = (self.installed.get_mut(at), fresh) {
                one.handler = fresh;
            }
        }
    }

    /// The next so many calls are not answered.
    pub fn trouble(&mut self, calls: usize) {
        self.troubled = true;
        for one in &self.installed {
            one.sight.line(|line| line.out = calls);
        }
    }

    /// Looks through a bucket, for somebody who asks the function.
    pub async fn sweeps(&mut self, bucket: &str) {
        let (account, region) = (account_of(bucket), region_of(bucket));
        let Some(one) = self.installed.iter().find(|one| one.is_at(account, region)) else {
            return;
        };
        let invocation = Invocation {
            deadline: Instant::now() + TIME_OUT,
            home: Some(one.home()),
        };
        let event = json!({"Action": "Sweep", "Bucket": bucket});
        // What stops it is told to whoever asked.
        let _ = one.handler.handle(&event, &invocation).await;
        self.court.oracle().counts.one("sweeps");
        self.reads_lines();
    }

    /// Takes what happened, and judges what is in the queues.
    pub async fn work(&mut self) {
        self.take_news();
        for at in 0..self.installed.len() {
            while self.batch(at).await {}
        }
    }

    /// Whether nothing waits any more.
    #[must_use]
    pub fn are_done(&self) -> bool {
        self.installed.iter().all(|one| one.queue.is_empty())
    }

    fn take_news(&mut self) {
        for news in self.court.takes_news() {
            match &news {
                News::Object {
                    region,
                    account,
                    heard: true,
                    at,
                    ..
                } => {
                    let body = created(&self.court, &news);
                    self.enqueue((account, region), &body, *at);
                }
                News::Failure {
                    region, queues, at, ..
                } if queues.iter().any(|queue| queue == QUEUE) => {
                    let body = failed(&self.court, &news);
                    self.enqueue((ACCOUNT, region), &body, *at);
                }
                _ => {}
            }
        }
    }

    fn enqueue(&mut self, (account, region): (&str, &str), body: &Value, at: Instant) {
        let times = if self.draw.chance(self.sky.twice) {
            2
        } else {
            1
        };
        for _ in 0..times {
            let late = Duration::from_millis(500 + self.draw.below(4_000));
            self.messages += 1;
            let message = Message {
                id: self.messages,
                body: body.clone(),
                receives: 0,
                visible: at + late,
            };
            let mut installed = self.installed.iter_mut();
            let found = installed.find(|one| one.is_at(account, region));
            if let Some(one) = found {
                one.queue.push_back(message);
            }
        }
    }

    /// One invocation; whether there was anything to do.
    async fn batch(&mut self, at: usize) -> bool {
        let Some(one) = self.installed.get_mut(at) else {
            return false;
        };
        let now = Instant::now();
        let (mut taken, mut left) = (Vec::new(), VecDeque::new());
        for message in std::mem::take(&mut one.queue) {
            if message.visible <= now && taken.len() < BATCH {
                taken.push(message);
            } else {
                left.push_back(message);
            }
        }
        one.queue = left;
        if taken.is_empty() {
            return false;
        }
        for message in &mut taken {
            message.receives += 1;
        }
        let records: Vec<Value> = taken
            .iter()
            .map(|message| message.record(one.account, one.region))
            .collect();
        let invocation = Invocation {
            deadline: now + TIME_OUT,
            home: Some(one.home()),
        };
        let answer = one
            .handler
            .handle(&json!({"Records": records}), &invocation)
            .await;
        let failed: Vec<String> = match &answer {
            Ok(answer) => {
                let failures = answer["batchItemFailures"]
                    .as_array()
                    .cloned()
                    .unwrap_or_default();
                let ids = failures
                    .iter()
                    .filter_map(|one| one["itemIdentifier"].as_str());
                ids.map(str::to_owned).collect()
            }
            Err(_) => taken.iter().map(|message| message.id.to_string()).collect(),
        };
        for message in taken {
            if !failed.contains(&message.id.to_string()) {
                continue;
            }
            if message.receives >= MOST_RECEIVES {
                self.dead += 1;
                if self.troubled {
                    self.court.sees_die(&message.body);
                }
                continue;
            }
            one.queue.push_back(Message {
                visible: now + HIDDEN,
                ..message
            });
        }
        self.reads_lines();
        true
    }

    /// What the functions wrote, and did.
    fn reads_lines(&self) {
        let lines = std::mem::take(&mut *self.lines.lock().unwrap_or_else(PoisonError::into_inner));
        for line in lines {
            self.court.tells(line);
        }
        self.court.weighs_repairs();
    }
}

impl Installed {
    fn is_at(&self, account: &str, region: &str) -> bool {
        (self.account, self.region) == (account, region)
    }

    fn home(&self) -> Home {
        Home {
            partition: "aws".into(),
            region: self.region.into(),
            account: self.account.into(),
        }
    }
}

impl Message {
    fn record(&self, account: &str, region: &str) -> Value {
        json!({
            "messageId": self.id.to_string(), "body": self.body.to_string(), "eventSource": "aws:sqs",
            "attributes": {"ApproximateReceiveCount": self.receives.to_string()},
            "eventSourceARN": format!("arn:aws:sqs:{region}:{account}:check-replica"), "awsRegion": region,
        })
    }
}

fn time(court: &Court, at: Instant) -> String {
    court.world.state().time_of(at).to_string()
}

/// As S3 tells EventBridge, see
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html>.
fn created(court: &Court, news: &News) -> Value {
    let News::Object {
        bucket,
        region,
        account,
        version,
        at,
        ..
    } = news
    else {
        return Value::Null;
    };
    json!({
        "version": "0", "id": version.id, "detail-type": "Object Created", "source": "aws.s3",
        "account": account, "time": time(court, *at), "region": region,
        "resources": [format!("arn:aws:s3:::{bucket}")],
        "detail": {
            "version": "0", "bucket": {"name": bucket}, "reason": "PutObject",
            "object": {"key": version.key, "size": 5, "version-id": version.id, "sequencer": "1"},
        },
    })
}

/// As S3 tells a queue, see
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>.
fn failed(court: &Court, news: &News) -> Value {
    let News::Failure {
        source,
        region,
        version,
        rule,
        destination,
        at,
        ..
    } = news
    else {
        return Value::Null;
    };
    let key = version.key.replace('%', "%25").replace(' ', "+");
    json!({"Records": [{
        "eventVersion": "2.2", "eventSource": "aws:s3", "awsRegion": region,
        "eventTime": time(court, *at), "eventName": "Replication:OperationFailedReplication",
        "s3": {
            "s3SchemaVersion": "1.0", "configurationId": "failures",
            "bucket": {"name": source, "arn": format!("arn:aws:s3:::{source}")},
            "object": {"key": key, "size": 5, "versionId": version.id, "sequencer": "1"},
        },
        "replicationEventData": {
            "replicationRuleId": rule, "destinationBucket": destination, "s3Operation": "OBJECT_PUT",
            "requestTime": time(court, version.written), "failureReason": "DstPutObjNotPermitted",
        },
    }]})
}
