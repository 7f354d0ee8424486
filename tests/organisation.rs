//! The accounts of an organisation: what is found, drifts and is proved in one is seen in the centre, and
//! replicas go nowhere but where they may.
//!
//! One account has the central bus. In two others the product is installed in both Regions, from the package
//! of a release, by the names and with the parameters that a stack set gives.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use aws_calls::Lambda;
use aws_sdk_s3::types::ServerSideEncryption;
use end_to_end::{REPLICA_REGION, SOURCE_REGION, World, release, run};
use futures_util::future::try_join_all;
use sandbox::cloudformation::{self, Made};
use sandbox::organization::{create_account, organization_id};
use sandbox::sam::Stack;
use sandbox::verdicts;
use sandbox::wait::until;
use serde::Deserialize;
use serde_json::{Value, json};

const CENTRE: &str = "777788889999";
const STRANGER: &str = "999988887777";
const FAR: &str = "eu-west-1";
const CODE: &str = "release-of-the-centre";
const LOG: &str = "/aws/events/encrypted-replication";
const PROVISIONER: &str = "encrypted-replication-provision-replication";
/// What a stack set's own parameters are joined with here.
const QUICK: [(&str, &str); 3] = [
    ("BatchSize", "10"),
    ("BatchWindowSeconds", "0"),
    ("ExpectationTtlSeconds", "0"),
];

#[test]
fn what_an_account_tells_is_seen_in_the_centre_and_replicas_go_where_they_may() {
    run(async |world: &World| {
        let organisation = Organisation::found(world).await?;
        organisation.install().await?;
        organisation.replicate().await?;
        let [one, two] = &organisation.members;
        tokio::try_join!(
            organisation.a_finding_is_seen(one),
            organisation.a_finding_is_seen(two),
        )?;
        organisation.drift_is_seen(one).await?;
        organisation.a_proof_is_seen(one).await?;
        organisation.a_plan_is_refused(one).await
    });
}

struct Organisation<'a> {
    world: &'a World,
    id: String,
    members: [String; 2],
}

/// One of the parameters of a stack set.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    parameter_key: String,
    parameter_value: String,
}

impl<'a> Organisation<'a> {
    /// With the centre's account as its manager, and two more.
    async fn found(world: &'a World) -> Result<Self> {
        let centre = world.sandbox.config_of(CENTRE, SOURCE_REGION);
        Ok(Self {
            world,
            id: organization_id(&centre).await?,
            members: [
                create_account(&centre, "one").await?,
                create_account(&centre, "two").await?,
            ],
        })
    }

    /// The centre, and the product in each member and Region.
    async fn install(&self) -> Result<()> {
        for region in [SOURCE_REGION, REPLICA_REGION] {
            self.upload_code(region).await?;
        }
        let given: Vec<Parameter> = serde_json::from_str(include_str!(
            "../examples/organisation/stack-set-parameters.json"
        ))?;
        let given = given.into_iter();
        let mut parameters: BTreeMap<String, String> = given
            .map(|one| (one.parameter_key, one.parameter_value))
            .collect();
        let bus =
            format!("arn:aws:events:{SOURCE_REGION}:{CENTRE}:event-bus/encrypted-replication");
        let members = self.members.join(",");
        let ours = [
            ("CentralEventBusArn", bus.as_str()),
            ("AllowedDestinationAccounts", &members),
            ("CodeBucketPrefix", CODE),
        ];
        for (key, value) in ours.into_iter().chain(QUICK) {
            parameters.insert(key.to_owned(), value.to_owned());
        }
        let parameters: Vec<_> = parameters
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        let centre = [("OrganizationId", self.id.as_str())];
        let template = release::template(CODE, SOURCE_REGION);
        let places = self.members.iter().flat_map(|account| {
            let regions = [SOURCE_REGION, REPLICA_REGION].into_iter().enumerate();
            regions.map(move |(number, region)| {
                // StackSets puts a UUID there.
                let id = format!("d0a825a3-8bb5-4f0b-ac{number}a-{account}");
                let name = format!("StackSet-encrypted-replication-{id}");
                (account, region, name)
            })
        });
        let places: Vec<_> = places.collect();
        let members = places.iter().map(|(account, region, name)| Stack {
            name,
            region,
            template: Some(&template),
            account: Some(account),
            parameters: &parameters,
        });
        let centre = Stack {
            name: "centre",
            region: SOURCE_REGION,
            template: Some("examples/organisation/central.yaml"),
            account: Some(CENTRE),
            parameters: &centre,
        };
        let stacks: Vec<_> = [centre].into_iter().chain(members).collect();
        for made in deploy(self.world, &stacks).await? {
            ensure!(made.status == "CREATE_COMPLETE", "{made:?}");
        }
        Ok(())
    }

    /// The release's zips into the centre's bucket of a Region, which the organisation may read.
    async fn upload_code(&self, region: &str) -> Result<()> {
        let s3 = aws_sdk_s3::Client::new(&self.world.sandbox.config_of(CENTRE, region));
        let bucket = release::upload(&s3, CODE, region).await?;
        let policy = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
            "Resource": format!("arn:aws:s3:::{bucket}/*"),
            "Condition": {"StringEquals": {"aws:PrincipalOrgID": self.id}},
        }]});
        let put = s3.put_bucket_policy().bucket(&bucket);
        put.policy(policy.to_string()).send().await?;
        Ok(())
    }

    /// A replication in each member, and one in the first that is refused as it is created.
    async fn replicate(&self) -> Result<()> {
        let buckets = self.members.each_ref();
        let buckets = buckets.map(|account| (source_of(account), replica_of(account)));
        let given = buckets.each_ref().map(|(source, replica)| {
            [
                ("SourceBucket", source.as_str()),
                ("DestinationBucket", replica),
            ]
        });
        let [one, _] = &self.members;
        let bucket = format!("elsewhere-{one}");
        let elsewhere = [
            ("SourceBucket", bucket.as_str()),
            ("Region", FAR),
            ("Account", STRANGER),
        ];
        let members = self.members.iter().zip(&given);
        let mut stacks: Vec<_> = members
            .map(|(account, parameters)| Stack {
                name: "walk",
                region: SOURCE_REGION,
                template: Some("examples/walkthrough.yaml"),
                account: Some(account),
                parameters,
            })
            .collect();
        stacks.push(Stack {
            name: "elsewhere",
            region: SOURCE_REGION,
            template: Some("tests/stacks/elsewhere.yaml"),
            account: Some(one),
            parameters: &elsewhere,
        });
        let mut made = deploy(self.world, &stacks).await?;
        let refused = made.pop().context("nothing was made")?;
        ensure!(refused.status == "ROLLBACK_COMPLETE", "{refused:?}");
        names_what_is_not_allowed(&refused.reasons.concat())?;
        let s3 = aws_sdk_s3::Client::new(&self.world.sandbox.config_of(one, SOURCE_REGION));
        let head = s3.head_bucket().bucket(&bucket).send().await;
        ensure!(head.is_err(), "a refused stack made bucket `{bucket}`");
        for walkthrough in made {
            ensure!(walkthrough.status == "CREATE_COMPLETE", "{walkthrough:?}");
        }
        Ok(())
    }

    /// A replica in the second Region that is under no KMS key.
    async fn a_finding_is_seen(&self, account: &str) -> Result<()> {
        let s3 = aws_sdk_s3::Client::new(&self.world.sandbox.config_of(account, SOURCE_REGION));
        let begun = SystemTime::now().duration_since(UNIX_EPOCH)?;
        s3.put_object()
            .bucket(source_of(account))
            .key("Tax/letter")
            .server_side_encryption(ServerSideEncryption::Aes256)
            .send()
            .await?;
        let (came, event) = self
            .heard("the finding", account, REPLICA_REGION, "Replica Finding")
            .await?;
        ensure!(
            text(&event, "/detail/verdict") == "WrongAlgorithm"
                && text(&event, "/detail/bucket") == replica_of(account)
                && text(&event, "/detail/key") == "Tax/letter"
                && !text(&event, "/detail/reason").is_empty()
                && !text(&event, "/detail/remedy").is_empty(),
            "{event:#}"
        );
        let seconds = Duration::from_millis(came.try_into()?).saturating_sub(begun);
        eprintln!("from upload to the centre: {:.1} s", seconds.as_secs_f64());
        Ok(())
    }

    /// Rules that somebody deleted.
    async fn drift_is_seen(&self, account: &str) -> Result<()> {
        let s3 = aws_sdk_s3::Client::new(&self.world.sandbox.config_of(account, SOURCE_REGION));
        let delete = s3.delete_bucket_replication().bucket(source_of(account));
        delete.send().await?;
        let answer = self.ask(account, &json!({"Action": "DetectDrift"})).await?;
        ensure!(answer.pointer("/Drifted") == Some(&json!(1)), "{answer:#}");
        let (_, event) = self
            .heard("the drift", account, SOURCE_REGION, "Replication Drift")
            .await?;
        ensure!(
            text(&event, "/detail/result") == "DRIFTED"
                && text(&event, "/detail/sourceBucket") == source_of(account)
                && !text(&event, "/detail/reason").is_empty()
                && !text(&event, "/detail/remedy").is_empty(),
            "{event:#}"
        );
        Ok(())
    }

    /// Nothing is replicated any more.
    async fn a_proof_is_seen(&self, account: &str) -> Result<()> {
        let answer = self.ask(account, &json!({"Action": "Prove"})).await?;
        ensure!(answer.pointer("/Failed") == Some(&json!(1)), "{answer:#}");
        let (_, event) = self
            .heard("the proof", account, SOURCE_REGION, "Replication Proof")
            .await?;
        ensure!(
            text(&event, "/detail/result") == "FAILED"
                && text(&event, "/detail/sourceBucket") == source_of(account)
                && !text(&event, "/detail/reason").is_empty()
                && !text(&event, "/detail/remedy").is_empty(),
            "{event:#}"
        );
        Ok(())
    }

    async fn a_plan_is_refused(&self, account: &str) -> Result<()> {
        let bucket = |name: &str| format!("arn:aws:s3:::planned-{name}");
        let key = format!(
            "arn:aws:kms:{REPLICA_REGION}:{STRANGER}:key/00000000-0000-4000-8000-000000000001"
        );
        let properties = json!({"SourceBucket": "planned", "Rules": [
            {"Filter": {"Prefix": "far/"}, "Destination": {"Bucket": bucket("far"), "Region": FAR}},
            {"Filter": {"Prefix": "abroad/"}, "Destination": {
                "Bucket": bucket("abroad"), "Account": STRANGER,
                "EncryptionConfiguration": {"ReplicaKmsKeyID": key},
            }},
        ]});
        let plan = json!({"Action": "Plan", "ResourceProperties": properties});
        let answer = self.ask(account, &plan).await?;
        let faults = answer.pointer("/Faults").context("no faults")?;
        names_what_is_not_allowed(&faults.to_string())
    }

    /// The event of a kind of an account and Region in the centre's log, and when it came.
    async fn heard(
        &self,
        what: &str,
        account: &str,
        region: &str,
        kind: &str,
    ) -> Result<(i64, Value)> {
        let config = self.world.sandbox.config_of(CENTRE, SOURCE_REGION);
        until(what, Duration::from_mins(1), async || {
            let lines = verdicts::lines(&config, LOG).await?;
            Ok(lines.into_iter().find(|(_, event)| {
                text(event, "/account") == account
                    && text(event, "/region") == region
                    && text(event, "/detail-type") == kind
            }))
        })
        .await
    }

    /// Asks the provisioner of an account in the source Region.
    async fn ask(&self, account: &str, question: &Value) -> Result<Value> {
        let functions = Lambda::new(&self.world.sandbox.config_of(account, SOURCE_REGION));
        let answer = functions.invoke(PROVISIONER, question).await;
        answer.context("cannot ask the provisioner")
    }
}

/// Makes or updates stacks, each in its account, all at once as a stack set does, and says what became of them.
async fn deploy(world: &World, stacks: &[Stack<'_>]) -> Result<Vec<Made>> {
    let made = stacks
        .iter()
        .map(|stack| cloudformation::made(&world.sandbox, stack));
    try_join_all(made).await
}

fn source_of(account: &str) -> String {
    format!("source-{account}")
}

fn replica_of(account: &str) -> String {
    format!("replica-{account}")
}

fn text<'a>(event: &'a Value, pointer: &str) -> &'a str {
    event
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// The account, the Region, and the installation's parameters that do not have them.
fn names_what_is_not_allowed(words: &str) -> Result<()> {
    for word in [
        FAR,
        "AllowedRegions",
        STRANGER,
        "AllowedDestinationAccounts",
    ] {
        ensure!(words.contains(word), "no `{word}` in: {words}");
    }
    Ok(())
}
