//! Ten ways in which replication breaks months after its deployment: each rings within one schedule. How long each takes
//! is printed, and stands in `docs/OPERATIONS.md`.
//!
//! What a schedule would begin is begun by hand: the look for drift, and the proofs.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use aws_calls::ParameterStore;
use aws_sdk_s3::types::{
    BucketVersioningStatus, NotificationConfiguration, VersioningConfiguration,
};
use aws_sdk_sqs::types::QueueAttributeName;
use end_to_end::{SOURCE_REGION, World};
use sandbox::guard;
use sandbox::wait::until;
use serde_json::{Value, json};
use tokio::sync::Mutex;

const INSTALLED: &str = "breaking-installed";
/// What a break may take, beside the wait for a schedule.
const SOON: Duration = Duration::from_mins(3);

/// Ways that are a resource's own: the check that tells it in a proof, and whether it is drift as well. Eight with the
/// two that are the checker's make ten.
const WAYS: [(&str, &str, bool); 8] = [
    ("key", "KeyUsable", true),
    ("role", "RolePermissions", true),
    ("rule", "Rules", true),
    // The bucket's policy is none of the resource's.
    ("policy", "BucketPolicy", false),
    ("versioning", "Versioning", true),
    ("arrivals", "ArrivalEvents", true),
    ("expectation", "Expectation", true),
    ("failures", "FailureEvents", true),
];

/// The alarms, by their metrics: of these, and of the two ways that are the checker's.
const PROOF: &str = "FailedProofs";
const DRIFT: &str = "DriftedResources";
const BLIND: &str = "installed-Uninspectable";
const DEAD_LETTERS: &str = "ApproximateNumberOfMessagesVisible";

/// Breaks ten things on one installation, and waits until each is told.
#[expect(
    clippy::indexing_slicing,
    reason = "what is not there reads as null, and fails the test"
)]
pub(crate) async fn each_rings(world: &World) -> Result<()> {
    let mut listening = installed(world).await?;
    let look = json!({"Action": "DetectDrift"});
    let before = world.ask_of(INSTALLED, &look).await?;
    ensure!(
        before["Drifted"] == 0 && before["Resources"].as_array().map(Vec::len) == Some(WAYS.len()),
        "{before:#}"
    );
    listening.begin().await?;
    for (way, ..) in WAYS {
        break_it(world, way).await.with_context(|| way.to_owned())?;
    }
    tokio::try_join!(
        hand_on_proofs(world),
        async {
            let seen = world.ask_of(INSTALLED, &look).await?;
            let drifted = WAYS.iter().filter(|(.., is_drift)| *is_drift).count();
            ensure!(
                seen["Drifted"] == drifted && seen["Unknown"] == 0,
                "{seen:#}"
            );
            Ok(())
        },
        the_checkers_own(world, &listening),
        each_is_told(&listening),
    )?;
    Ok(())
}

/// The ways that are a resource's own.
#[expect(
    clippy::indexing_slicing,
    reason = "what is not there reads as null, and fails the test"
)]
async fn each_is_told(listening: &Listening) -> Result<()> {
    for (way, check, is_drift) in WAYS {
        let (took, proof) = listening.until_heard("Replication Proof", way).await?;
        let findings = proof["detail"]["findings"].as_array();
        let mut findings = findings.into_iter().flatten();
        ensure!(
            proof["detail"]["result"] == "FAILED"
                && findings.any(|finding| finding["check"] == check),
            "{way}: {proof:#}"
        );
        let drift = if is_drift {
            let (took, event) = listening.until_heard("Replication Drift", way).await?;
            ensure!(event["detail"]["result"] == "DRIFTED", "{way}: {event:#}");
            format!("{:.1} s", took.as_secs_f64())
        } else {
            "none".to_owned()
        };
        println!("{way}: proof {:.1} s, drift {drift}", took.as_secs_f64());
    }
    for alarm in [PROOF, DRIFT] {
        let (took, _) = listening.until_heard(ALARM, alarm).await?;
        println!("alarm on {alarm}: {:.1} s", took.as_secs_f64());
    }
    Ok(())
}

/// The checker may not look any more, and then EventBridge may not send to its queue.
async fn the_checkers_own(world: &World, listening: &Listening) -> Result<()> {
    let config = world.sandbox.config(SOURCE_REGION);
    let role = world
        .resource_of(INSTALLED, SOURCE_REGION, "CheckReplicaRole")
        .await?;
    let denial = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Action": ["s3:GetObject", "s3:GetObjectVersion"], "Resource": "*"}]});
    let broken = Instant::now();
    aws_sdk_iam::Client::new(&config)
        .put_role_policy()
        .role_name(&role)
        .policy_name("somebodys")
        .policy_document(denial.to_string())
        .send()
        .await?;
    arrives(world).await?;
    listening.until_heard(ALARM, BLIND).await?;
    println!("checker's role: {:.1} s", broken.elapsed().as_secs_f64());

    let queue = world
        .resource_of(INSTALLED, SOURCE_REGION, "CheckQueue")
        .await?;
    let broken = Instant::now();
    aws_sdk_sqs::Client::new(&config)
        .set_queue_attributes()
        .queue_url(&queue)
        .attributes(QueueAttributeName::Policy, "")
        .send()
        .await?;
    arrives(world).await?;
    listening.until_heard(ALARM, DEAD_LETTERS).await?;
    println!("queue's policy: {:.1} s", broken.elapsed().as_secs_f64());
    Ok(())
}

/// An object arrives where nothing keeps its event from being sent.
async fn arrives(world: &World) -> Result<()> {
    let s3 = world.s3(SOURCE_REGION);
    let put = s3.put_object().bucket("breaking-failures").key("object");
    put.send().await?;
    Ok(())
}

/// What somebody does to one of the replications.
async fn break_it(world: &World, way: &str) -> Result<()> {
    let (source, destination) = (
        format!("breaking-{way}"),
        format!("breaking-{way}-replicas"),
    );
    let config = world.sandbox.config(SOURCE_REGION);
    let s3 = world.s3(SOURCE_REGION);
    match way {
        "key" => {
            let found = s3.get_bucket_replication().bucket(&source).send().await?;
            let rules = found.replication_configuration();
            let rule = rules.and_then(|found| found.rules().first());
            let destination = rule.and_then(|rule| rule.destination());
            let encryption = destination.and_then(|found| found.encryption_configuration());
            let key = encryption.and_then(|found| found.replica_kms_key_id());
            let key = key.context("the rule has no key")?;
            let kms = aws_sdk_kms::Client::new(&config);
            kms.disable_key().key_id(key).send().await?;
        }
        "role" => {
            let iam = aws_sdk_iam::Client::new(&config);
            let policies = iam.list_role_policies().role_name(&source).send().await?;
            for policy in policies.policy_names() {
                let delete = iam.delete_role_policy().role_name(&source);
                delete.policy_name(policy).send().await?;
            }
        }
        "rule" => {
            let delete = s3.delete_bucket_replication().bucket(source);
            delete.send().await?;
        }
        "policy" => {
            let policy = json!({"Version": "2012-10-17", "Statement": [
                {"Sid": "Somebodys", "Effect": "Deny", "Principal": "*", "Action": "s3:ReplicateObject",
                 "Resource": format!("arn:aws:s3:::{destination}/*")}]});
            let put = s3.put_bucket_policy().bucket(destination);
            put.policy(policy.to_string()).send().await?;
        }
        "versioning" => {
            let suspended = VersioningConfiguration::builder()
                .status(BucketVersioningStatus::Suspended)
                .build();
            let put = s3.put_bucket_versioning().bucket(destination);
            put.versioning_configuration(suspended).send().await?;
        }
        "arrivals" => tell_nobody(&s3, &destination).await?,
        "failures" => tell_nobody(&s3, &source).await?,
        "expectation" => {
            let store = ParameterStore::new(&config);
            let path = format!("/encrypted-replication/{destination}/");
            let found = store.by_path(&path, false).await?;
            ensure!(!found.is_empty(), "there is no expectation");
            for parameter in &found {
                store.delete(&parameter.name).await?;
            }
        }
        other => anyhow::bail!("nobody knows how to break `{other}`"),
    }
    Ok(())
}

async fn tell_nobody(s3: &aws_sdk_s3::Client, bucket: &str) -> Result<()> {
    s3.put_bucket_notification_configuration()
        .bucket(bucket)
        .notification_configuration(NotificationConfiguration::builder().build())
        .send()
        .await?;
    Ok(())
}

/// Has the function prove all there is, as the rest of a round that an invocation had no time for.
async fn hand_on_proofs(world: &World) -> Result<()> {
    const SEND: &str = "import boto3, json, sys
function = sys.argv[1]
name = '/encrypted-replication/_resources/_proofs/' + function.rpartition(':')[2]
round = {'from': '', 'until': '', 'failed': 0, 'undetermined': 0}
kept = json.dumps({'schema': 'encrypted-replication/proofs/1', 'round': round})
boto3.client('ssm').put_parameter(Name=name, Value=kept, Type='String')
event = {'Source': 'encrypted-replication', 'DetailType': 'Replication Proof Continues', 'Detail': '{}'}
answer = boto3.client('events').put_events(Entries=[{**event, 'Resources': [function]}])
sys.exit(answer['FailedEntryCount'])";
    let function = world
        .output_of(INSTALLED, SOURCE_REGION, "ServiceToken")
        .await?;
    let mut send = world.sandbox.command("python", SOURCE_REGION);
    send.args(["-c", SEND, &function]);
    guard::run("cannot send an event", send, |_| {}).await?;
    Ok(())
}

/// What alarms say is heard under this name.
const ALARM: &str = "ALARM";

/// What alarms and the event bus say.
struct Listening {
    sqs: aws_sdk_sqs::Client,
    queues: [String; 2],
    since: Instant,
    /// The first of each kind about each subject, and when it was heard.
    heard: Mutex<BTreeMap<(String, String), (Duration, Value)>>,
}

impl Listening {
    /// From now on.
    async fn begin(&mut self) -> Result<()> {
        self.hear().await?;
        self.heard.get_mut().clear();
        self.since = Instant::now();
        Ok(())
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "what is not there reads as null, and is about nothing"
    )]
    async fn hear(&self) -> Result<()> {
        let mut heard = self.heard.lock().await;
        for queue in &self.queues {
            loop {
                let receive = self.sqs.receive_message().queue_url(queue);
                let answer = receive.max_number_of_messages(10).send().await?;
                if answer.messages().is_empty() {
                    break;
                }
                for message in answer.messages() {
                    let said: Value = serde_json::from_str(message.body().unwrap_or_default())?;
                    let (kind, subject) = if said["Trigger"].is_object() {
                        (&said["NewStateValue"], &said["Trigger"]["MetricName"])
                    } else {
                        (&said["detail-type"], &said["detail"]["sourceBucket"])
                    };
                    let [kind, subject] =
                        [kind, subject].map(|text| text.as_str().unwrap_or_default().to_owned());
                    let subject = subject.trim_start_matches("breaking-").to_owned();
                    let took = self.since.elapsed();
                    heard.entry((kind, subject)).or_insert((took, said));
                    let delete = self.sqs.delete_message().queue_url(queue);
                    let handle = message.receipt_handle.clone();
                    delete.set_receipt_handle(handle).send().await?;
                }
            }
        }
        Ok(())
    }

    async fn until_heard(&self, kind: &str, subject: &str) -> Result<(Duration, Value)> {
        let name = (kind.to_owned(), subject.to_owned());
        until(&format!("{kind} about {subject}"), SOON, async || {
            self.hear().await?;
            Ok(self.heard.lock().await.get(&name).cloned())
        })
        .await
    }
}

/// An installation with a topic that its alarms tell, and the replications.
async fn installed(world: &World) -> Result<Listening> {
    let (topic, calls) = world.on_call("breaking-call", SOURCE_REGION).await?;
    let parameters = [
        // Never while this runs.
        ("DriftSchedule", "rate(30 days)"),
        ("ProofSchedule", "rate(30 days)"),
        // A message that cannot be looked at is tried five times in half an hour, otherwise.
        ("MaxReceiveCount", "1"),
        ("AlarmTopicArn", &topic),
    ];
    world.install(INSTALLED, SOURCE_REGION, &parameters).await?;
    let token = world
        .output_of(INSTALLED, SOURCE_REGION, "ServiceToken")
        .await?;
    let template = "tests/stacks/breaking.yaml";
    world
        .deploy_with("breaking", template, &[("ServiceToken", &token)])
        .await?;
    let events = world
        .output_of("breaking", SOURCE_REGION, "QueueUrl")
        .await?;
    Ok(Listening {
        sqs: aws_sdk_sqs::Client::new(&world.sandbox.config(SOURCE_REGION)),
        queues: [calls, events],
        since: Instant::now(),
        heard: Mutex::default(),
    })
}
