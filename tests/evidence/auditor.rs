//! The command, by whoever may what `docs/read-only-policy.json` and `docs/evidence-policy.json` allow.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use end_to_end::World;
use sandbox::guard;
use sandbox::tools::{target_directory, workspace};
use serde_json::{Value, json};
use tokio::process::Command;

use super::{EVIDENCE, Lake, REGION, REPLICA, lines};

const ACCOUNT: &str = "000000000000";

pub(super) struct Auditor {
    lake: String,
    signing_key: String,
    database: String,
    endpoint: String,
    access_key: (String, String),
    /// What it writes.
    folder: PathBuf,
}

/// A report in its three forms.
pub(super) struct Answer {
    pub(super) json: Value,
    pub(super) page: String,
    pub(super) csv: String,
}

impl Auditor {
    pub(super) async fn of(world: &World, lake: &Lake) -> Result<Self> {
        let bucket = lake.output("EvidenceBucket")?;
        let signing_key = lake.output("SigningKeyArn")?;
        let database = lake.output("EvidenceDatabase")?;
        let resources = world.resources_of(EVIDENCE, REGION).await?;
        let resource = |name: &str| resources.get(name).map_or("", String::as_str);
        let docs = workspace().join("docs");
        let read_only = fs::read_to_string(docs.join("read-only-policy.json"))?;
        let signs = signing_key.rsplit('/').next().unwrap_or_default();
        let of_evidence = fs::read_to_string(docs.join("evidence-policy.json"))?
            .replace("KEY-OF-THE-BUCKET", resource("LakeKey"))
            .replace("KEY-THAT-SIGNS", signs)
            .replace("EVIDENCE-BUCKET", bucket)
            .replace("RESULTS-BUCKET", resource("Results"))
            .replace("WORKGROUP", EVIDENCE)
            .replace("DATABASE", database)
            .replace("REGION", REGION)
            .replace("ACCOUNT", ACCOUNT);
        let iam = aws_sdk_iam::Client::new(&world.sandbox.config(REGION));
        let name = "auditor";
        iam.create_user().user_name(name).send().await?;
        for (policy, document) in [("read-only", read_only), ("evidence", of_evidence)] {
            let put = iam.put_user_policy().user_name(name).policy_name(policy);
            put.policy_document(document).send().await?;
        }
        let made = iam.create_access_key().user_name(name).send().await?;
        let made = made.access_key.context("no access key")?;
        let folder = target_directory().join(format!("auditor-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        Ok(Self {
            lake: bucket.to_owned(),
            signing_key: signing_key.to_owned(),
            database: database.to_owned(),
            endpoint: world.sandbox.endpoint().to_owned(),
            access_key: (made.access_key_id, made.secret_access_key),
            folder,
        })
    }

    /// Exit status, standard output, and what went to the other.
    async fn run(&self, arguments: &[&str]) -> Result<(Option<i32>, String, String)> {
        let program = target_directory().join("debug/encrypted-replication");
        let mut command = Command::new(&program);
        command
            .args(arguments)
            .env_clear()
            .env("HOME", "/nonexistent")
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_REGION", REGION)
            .env("AWS_ACCESS_KEY_ID", &self.access_key.0)
            .env("AWS_SECRET_ACCESS_KEY", &self.access_key.1);
        let output = command.output().await.with_context(|| {
            format!(
                "`cargo build --workspace --bins` comes first: {}",
                program.display()
            )
        })?;
        let words = |bytes| String::from_utf8_lossy(bytes).into_owned();
        Ok((
            output.status.code(),
            words(&output.stdout),
            words(&output.stderr),
        ))
    }

    /// `report` over these days with `more`.
    async fn reports(
        &self,
        (from, to): (&str, &str),
        more: &[&str],
    ) -> Result<(Option<i32>, String, String)> {
        let scope = ["report", "--from", from, "--to", to, "--bucket", REPLICA];
        let asked = ["--work-group", EVIDENCE, "--database", &self.database];
        self.run(&[&scope[..], &asked, more].concat()).await
    }

    /// The report over these days, in which something is open.
    pub(super) async fn report(&self, from: &str, to: &str) -> Result<Answer> {
        let page = self.folder.join("report.html");
        let page = page.to_string_lossy();
        let more = [
            "--evidence",
            &self.lake,
            "--page",
            &page,
            "--output",
            "json",
        ];
        let (status, json, told) = self.reports((from, to), &more).await?;
        ensure!(status == Some(1), "{status:?}: {told}");
        let (status, csv, told) = self
            .reports((from, to), &["--no-population", "--output", "csv"])
            .await?;
        ensure!(status == Some(1), "{status:?}: {told}");
        Ok(Answer {
            json: serde_json::from_str(&json)?,
            page: fs::read_to_string(&*page)?,
            csv,
        })
    }

    /// 0 where nothing is open, 2 where nobody could look.
    pub(super) async fn exit_statuses(&self) -> Result<()> {
        let empty = [lines::day(9), lines::day(8)];
        let days = (empty[0].as_str(), empty[1].as_str());
        let (status, _, told) = self.reports(days, &["--no-population"]).await?;
        ensure!(status == Some(0), "{status:?}: {told}");
        let nowhere = [
            "report",
            "--from",
            days.0,
            "--to",
            days.1,
            "--work-group",
            "none",
        ];
        let asked = ["--database", &self.database, "--bucket", REPLICA];
        let (status, _, told) = self.run(&[&nowhere[..], &asked].concat()).await?;
        ensure!(
            status == Some(2) && told.contains("none"),
            "{status:?}: {told}"
        );
        Ok(())
    }

    async fn verify(&self, more: &[&str]) -> Result<(Option<i32>, Value)> {
        let verify = ["verify", &self.lake, "--key-arn", &self.signing_key];
        let json = ["--output", "json"];
        let (status, found, told) = self.run(&[&verify, more, &json].concat()).await?;
        let found = serde_json::from_str(&found).with_context(|| told)?;
        Ok((status, found))
    }

    /// The evidence is whole, up to the head that the report bears, and the report is the one that was signed; until
    /// one byte of one object is another.
    pub(super) async fn verifies(&self, world: &World, report: &Answer, sealed: u64) -> Result<()> {
        let head = report.json["head"]["sha256"].as_str().context("no head")?;
        let page = self.folder.join("report.html");
        let page = page.to_string_lossy();
        let hashed =
            "import hashlib; print(hashlib.sha256(open(sys.argv[1], 'rb').read()).hexdigest())";
        let hash = python(world, hashed, &page).await?;
        let event = json!({"Sign": hash.trim()});
        let answer = world
            .payload("SealEvidence", (EVIDENCE, REGION), &event)
            .await?;
        // Lambda hands on what the function writes; MiniStack writes it anew, with spaces.
        let compact = "print(json.dumps(json.loads(sys.argv[1]), separators=(',', ':')), end='')";
        let answer = python(world, compact, &answer).await?;
        let statement = self.folder.join("statement.json");
        fs::write(&statement, answer)?;
        let statement = statement.to_string_lossy();
        let whole = ["--head", head, "--report", &page, "--statement", &statement];
        let (status, found) = self.verify(&whole).await?;
        ensure!(
            status == Some(0) && found[0]["whole"] == true && found[0]["hashed"] == sealed,
            "{found:#}"
        );

        let prefix = format!(
            "verdicts/account={ACCOUNT}/region={REGION}/bucket={REPLICA}/day={}/",
            lines::day(2)
        );
        let list = world.s3(REGION).list_objects_v2().bucket(&self.lake);
        let listed = list.prefix(prefix).send().await?;
        let key = listed.contents().first().and_then(|object| object.key());
        let key = key.context("nothing is there")?;
        world.sandbox.flip(&self.lake, key, 100).await?;
        let (status, found) = self.verify(&[]).await?;
        let reason = found[0]["reason"].as_str().unwrap_or_default();
        ensure!(
            status == Some(1)
                && found[0]["fault"] == "Changed"
                && reason.contains(key)
                && found[1]["faults"] == 1,
            "{found:#}"
        );
        fs::remove_dir_all(&self.folder)?;
        Ok(())
    }
}

/// What a line of Python prints of its argument.
async fn python(world: &World, line: &str, argument: &str) -> Result<String> {
    let mut command = world.sandbox.command("python", REGION);
    command.args(["-c", &format!("import json, sys; {line}"), argument]);
    guard::run("cannot run Python", command, |_| {}).await
}
