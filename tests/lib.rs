//! The world of the end-to-end tests: one sandbox for each test binary, with the product installed in both
//! Regions, IAM enforced, and the functions as built for Lambda.
//!
//! Most install the package of a release by CloudFormation alone. SAM CLI, which takes five seconds of processor
//! time for a stack, does it where [`run_installed_by_sam`] says so.
//!
//! `cargo xtask test` builds the functions and the package first.

pub mod release;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use std::time::Duration;

use anyhow::{Context, Result};
use aws_calls::{Lambda, ParameterStore};
use sandbox::sam::{self, SANDBOX_PARAMETERS, Stack};
use sandbox::verdicts::{self, Verdict};
use sandbox::wait::until;
use sandbox::{Sandbox, Tools, cloudformation, guard};
use tokio::runtime::Runtime;

/// Region of the source buckets.
pub const SOURCE_REGION: &str = "us-east-1";
/// Region of the destination buckets.
pub const REPLICA_REGION: &str = "us-west-2";
/// The stack of `template.yaml`, in both Regions.
pub const STACK: &str = "encrypted-replication";
/// What the names of the buckets with its code begin with.
const RELEASE: &str = "release";

const SOON: Duration = Duration::from_mins(1);

/// A deployed sandbox.
#[derive(Debug)]
pub struct World {
    /// The sandbox itself.
    pub sandbox: Sandbox,
}

/// The tests of a binary share it; it ends with the process.
type Shared = LazyLock<Result<(Runtime, World)>>;

static RELEASED: Shared = LazyLock::new(|| opened(World::released()));
static INSTALLED_BY_SAM: Shared = LazyLock::new(|| opened(World::installed_by_sam()));

fn opened(world: impl Future<Output = Result<World>>) -> Result<(Runtime, World)> {
    let runtime = Runtime::new()?;
    let world = runtime.block_on(world)?;
    Ok((runtime, world))
}

/// Runs one test in the shared world of what is released.
///
/// # Panics
/// When the world could not be made, or the test fails.
pub fn run(test: impl AsyncFnOnce(&World) -> Result<()>) {
    run_in(&RELEASED, test);
}

/// Runs one test in a shared world that SAM CLI has installed, as a user does from a checkout.
///
/// # Panics
/// When the world could not be made, or the test fails.
pub fn run_installed_by_sam(test: impl AsyncFnOnce(&World) -> Result<()>) {
    run_in(&INSTALLED_BY_SAM, test);
}

#[expect(clippy::panic, reason = "this is how a test fails")]
fn run_in(shared: &Shared, test: impl AsyncFnOnce(&World) -> Result<()>) {
    let outcome = match &**shared {
        Ok((runtime, world)) => runtime.block_on(test(world)),
        Err(error) => panic!("the sandbox could not be made ready: {error:#}"),
    };
    if let Err(error) = outcome {
        panic!("{error:#}");
    }
}

impl World {
    async fn started() -> Result<Self> {
        let tools = Tools::install(|_| {}).await?;
        let sandbox = Sandbox::start(&tools, 0).await?;
        Ok(Self { sandbox })
    }

    async fn released() -> Result<Self> {
        let world = Self::started().await?;
        for region in [SOURCE_REGION, REPLICA_REGION] {
            release::upload(&world.s3(region), RELEASE, region).await?;
        }
        tokio::try_join!(
            world.install(STACK, SOURCE_REGION, &[]),
            world.install(STACK, REPLICA_REGION, &[]),
        )?;
        Ok(world)
    }

    async fn installed_by_sam() -> Result<Self> {
        let world = Self::started().await?;
        let [here, there] = [SOURCE_REGION, REPLICA_REGION].map(|region| Stack {
            name: STACK,
            region,
            template: None,
            account: None,
            parameters: SANDBOX_PARAMETERS,
        });
        tokio::try_join!(
            sam::deploy(&world.sandbox, &here, |_| {}),
            sam::deploy(&world.sandbox, &there, |_| {}),
        )?;
        Ok(world)
    }

    /// Installs what is released in a Region, with these parameters beside those that suit the sandbox. Not in the
    /// world of SAM CLI.
    ///
    /// # Errors
    /// When it fails; the message holds the stack's events.
    pub async fn install(
        &self,
        name: &str,
        region: &str,
        parameters: &[(&str, &str)],
    ) -> Result<()> {
        let from = [("CodeBucketPrefix", RELEASE), ("InstallationName", name)];
        let stack = Stack {
            name,
            region,
            template: Some(&release::template(RELEASE, region)),
            account: None,
            parameters: &[SANDBOX_PARAMETERS, &from, parameters].concat(),
        };
        cloudformation::deploy(&self.sandbox, &stack).await
    }

    /// Deploys a stack with the custom resource to the source Region.
    ///
    /// # Errors
    /// When it fails; the message holds the stack's events.
    pub async fn deploy(&self, name: &str, template: &str, buckets: (&str, &str)) -> Result<()> {
        let parameters = [
            ("SourceBucket", buckets.0),
            ("DestinationBucket", buckets.1),
        ];
        self.deploy_with(name, template, &parameters).await
    }

    /// Deploys a stack with these parameters to the source Region.
    ///
    /// # Errors
    /// When it fails; the message holds the stack's events.
    pub async fn deploy_with(
        &self,
        name: &str,
        template: &str,
        parameters: &[(&str, &str)],
    ) -> Result<()> {
        let stack = Stack {
            name,
            region: SOURCE_REGION,
            template: Some(template),
            account: None,
            parameters,
        };
        cloudformation::deploy(&self.sandbox, &stack).await
    }

    /// Deploys to a Region a topic for alarms, and a queue that hears it: the topic's ARN and the queue's URL.
    ///
    /// # Errors
    /// When it fails; the message holds the stack's events.
    pub async fn on_call(&self, name: &str, region: &str) -> Result<(String, String)> {
        let stack = Stack {
            name,
            region,
            template: Some("tests/stacks/on-call.yaml"),
            account: None,
            parameters: &[],
        };
        cloudformation::deploy(&self.sandbox, &stack).await?;
        let mut outputs = cloudformation::outputs(&self.sandbox.config(region), name).await?;
        let topic = outputs.remove("TopicArn").context("no topic")?;
        let queue = outputs.remove("QueueUrl").context("no queue")?;
        Ok((topic, queue))
    }

    /// Deletes a stack in the source Region, and waits no longer than that takes.
    ///
    /// # Errors
    /// When it is still there; the message holds the reasons.
    pub async fn delete(&self, name: &str) -> Result<()> {
        self.delete_from(SOURCE_REGION, name).await
    }

    /// The same in any Region.
    ///
    /// # Errors
    /// When it is still there; the message holds the reasons.
    pub async fn delete_from(&self, region: &str, name: &str) -> Result<()> {
        let mut delete = self.sandbox.command("python", region);
        delete.args(["sandbox/delete_stack.py", name]);
        guard::run(&format!("cannot delete stack `{name}`"), delete, |_| {}).await?;
        Ok(())
    }

    /// S3 in a Region, as the account's root user.
    #[must_use]
    pub fn s3(&self, region: &str) -> aws_sdk_s3::Client {
        aws_sdk_s3::Client::new(&self.sandbox.config(region))
    }

    /// One of the outputs of `template.yaml`'s stack.
    ///
    /// # Errors
    /// When CloudFormation does not tell it.
    pub async fn output(&self, region: &str, key: &str) -> Result<String> {
        self.output_of(STACK, region, key).await
    }

    /// One of the outputs of any stack.
    ///
    /// # Errors
    /// When CloudFormation does not tell it.
    pub async fn output_of(&self, stack: &str, region: &str, key: &str) -> Result<String> {
        let mut outputs = cloudformation::outputs(&self.sandbox.config(region), stack).await?;
        outputs
            .remove(key)
            .with_context(|| format!("stack `{stack}` has no output {key}"))
    }

    /// The physical id of one of the resources of `template.yaml`'s stack.
    ///
    /// # Errors
    /// When CloudFormation does not tell it.
    pub async fn resource(&self, region: &str, logical_id: &str) -> Result<String> {
        self.resource_of(STACK, region, logical_id).await
    }

    /// The physical id of one of the resources of any stack.
    ///
    /// # Errors
    /// When CloudFormation does not tell it.
    pub async fn resource_of(&self, stack: &str, region: &str, logical_id: &str) -> Result<String> {
        let mut found = self.resources_of(stack, region).await?;
        found
            .remove(logical_id)
            .with_context(|| format!("the stack has no resource {logical_id}"))
    }

    /// The physical ids of the resources of any stack, by their logical ones.
    ///
    /// # Errors
    /// When CloudFormation does not tell them.
    pub async fn resources_of(
        &self,
        stack: &str,
        region: &str,
    ) -> Result<BTreeMap<String, String>> {
        cloudformation::resources(&self.sandbox.config(region), stack).await
    }

    /// Invokes the provisioner directly, as a person does, and returns its answer.
    ///
    /// # Errors
    /// When the function fails or answers no JSON.
    pub async fn ask(&self, question: &serde_json::Value) -> Result<serde_json::Value> {
        self.ask_of(STACK, question).await
    }

    /// The same of the provisioner of any stack in the source Region.
    ///
    /// # Errors
    /// When the function fails or answers no JSON.
    pub async fn ask_of(
        &self,
        stack: &str,
        question: &serde_json::Value,
    ) -> Result<serde_json::Value> {
        self.invoke("ProvisionReplication", (stack, SOURCE_REGION), question)
            .await
    }

    /// Sends an event straight to the checker in a Region: its verdicts.
    ///
    /// # Errors
    /// When the function fails or answers no JSON.
    pub async fn check(
        &self,
        region: &str,
        event: &serde_json::Value,
    ) -> Result<serde_json::Value> {
        self.invoke("CheckReplica", (STACK, region), event).await
    }

    async fn invoke(
        &self,
        function: &str,
        (stack, region): (&str, &str),
        event: &serde_json::Value,
    ) -> Result<serde_json::Value> {
        let name = self.resource_of(stack, region, function).await?;
        let functions = Lambda::new(&self.sandbox.config(region));
        let answer = functions.invoke(&name, event).await;
        answer.with_context(|| format!("cannot invoke {function}"))
    }

    /// Invokes a function of a stack by SAM CLI: its answer, byte for byte.
    ///
    /// # Errors
    /// When the function fails.
    pub async fn payload(
        &self,
        function: &str,
        (stack, region): (&str, &str),
        event: &serde_json::Value,
    ) -> Result<String> {
        let mut command = self.sandbox.command("sam", region);
        command.args(["remote", "invoke", function]);
        command.args(["--stack-name", stack, "--region", region]);
        command.args(["--output", "json", "--event", &event.to_string()]);
        let printed = guard::run("cannot invoke the function", command, |_| {}).await?;
        let answer: serde_json::Value = serde_json::from_str(&printed)
            .with_context(|| format!("SAM CLI printed no JSON: {printed}"))?;
        let payload = answer
            .get("Payload")
            .and_then(serde_json::Value::as_str)
            .context("no payload")?;
        Ok(payload.to_owned())
    }

    /// Waits for the verdict on an object of a bucket.
    ///
    /// # Errors
    /// When none comes within a minute.
    pub async fn verdict(&self, region: &str, bucket: &str, key: &str) -> Result<Verdict> {
        until(&format!("the verdict on `{key}`"), SOON, async || {
            let lines = self.verdicts(region, bucket, key).await?;
            Ok(lines.into_iter().next())
        })
        .await
    }

    /// The verdicts so far on an object of a bucket, each once.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn verdicts(&self, region: &str, bucket: &str, key: &str) -> Result<Vec<Verdict>> {
        let config = self.sandbox.config(region);
        let group = verdicts::log_group(&config, STACK).await?;
        let mut lines = verdicts::read(&config, &group).await?;
        let mut known = BTreeSet::new();
        lines.retain(|line| {
            line.bucket == bucket && line.key == key && known.insert(line.id.clone())
        });
        Ok(lines)
    }

    /// What is left that costs or grants: the role, rules, notifications and expectations of a pair
    /// of buckets, in words.
    ///
    /// # Errors
    /// When the sandbox cannot be asked.
    pub async fn grants(&self, source: &str, destination: &str) -> Result<Vec<String>> {
        self.grants_between((SOURCE_REGION, source), (REPLICA_REGION, destination))
            .await
    }

    /// The same, for buckets of any Regions.
    ///
    /// # Errors
    /// When the sandbox cannot be asked.
    pub async fn grants_between(
        &self,
        (source_region, source): (&str, &str),
        (destination_region, destination): (&str, &str),
    ) -> Result<Vec<String>> {
        let mut left = Vec::new();
        let config = self.sandbox.config(source_region);
        let role = aws_sdk_iam::Client::new(&config)
            .get_role()
            .role_name(source)
            .send()
            .await;
        match role {
            Ok(_) => left.push(format!("role {source}")),
            Err(error) if is(&error, "NoSuchEntity") => {}
            Err(error) => return Err(error.into()),
        }
        let s3 = self.s3(source_region);
        match s3.get_bucket_replication().bucket(source).send().await {
            Ok(_) => left.push(format!("rules of {source}")),
            Err(error) if is(&error, "ReplicationConfigurationNotFoundError") => {}
            Err(error) => return Err(error.into()),
        }
        let notifications = s3
            .get_bucket_notification_configuration()
            .bucket(source)
            .send()
            .await?;
        if !notifications.queue_configurations().is_empty() {
            left.push(format!("notifications of {source}"));
        }
        let store = ParameterStore::new(&self.sandbox.config(destination_region));
        let path = format!("/encrypted-replication/{destination}/");
        let parameters = store.by_path(&path, true).await?;
        left.extend(parameters.into_iter().map(|parameter| parameter.name));
        Ok(left)
    }
}

/// Whether AWS answered with this error code.
fn is<E: aws_sdk_s3::error::ProvideErrorMetadata>(error: &E, code: &str) -> bool {
    error.code() == Some(code)
}
