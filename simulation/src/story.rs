//! A life as a list: who does what, and when. What can be written down can be shortened.

use std::fmt;

use serde_json::{Map, Value, json};

use aws_in_memory::ACCOUNT;
use aws_in_memory::people::Asked;

/// The Region of sources, stacks and the provisioner.
pub const EAST: &str = "us-east-1";
/// The Region of most destinations.
pub const WEST: &str = "us-west-2";

/// Another account.
pub const ABROAD: &str = "444455556666";
/// Its role for whoever sets up replication to its buckets.
pub const ROLE_ABROAD: &str = "arn:aws:iam::444455556666:role/encrypted-replication/destinations";

/// Everything that decides a life.
#[derive(Clone, Debug)]
pub struct Story {
    /// Draws what nobody in the story decides: delays, faults, duplicates.
    pub seed: u64,
    pub sky: Sky,
    /// What is there before anybody comes.
    pub stage: Vec<Prop>,
    pub acts: Vec<Act>,
}

/// How AWS fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sky {
    /// The longest time between a call and its answer, in milliseconds.
    pub slow_ms: u64,
    /// Of a thousand calls, how many fail before or after their effect.
    pub faults: u64,
    /// Seconds until an object is replicated.
    pub replicates: u64,
    /// How late AWS knows what was written, in percent of [`Weather::real`](aws_in_memory::Weather::real).
    pub late: u32,
    /// Of a hundred events, how many come twice.
    pub twice: u64,
    /// Whether the checkers repair.
    pub repairs: bool,
}

impl Sky {
    /// A fine day.
    pub const CALM: Self = Self {
        slow_ms: 50,
        faults: 0,
        replicates: 3,
        late: 0,
        twice: 0,
        repairs: false,
    };
}

/// Something that is there before anybody comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prop {
    /// A bucket as S3 makes it.
    Plain(&'static str),
    /// A versioned bucket whose default encryption is this key of somebody's.
    Keyed(&'static str, &'static str),
    /// Versioned, under SSE-S3, and EventBridge hears of it.
    Busy(&'static str),
    /// It lets S3 deliver access logs.
    Logs(&'static str),
    /// A role of somebody's has the name that the bucket's own would have.
    Namesake(&'static str),
}

/// What somebody does, and how many seconds after the beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    pub at: u64,
    pub what: Deed,
}

/// What somebody does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// The stack is there already, with something else in it: it stays when its resource fails or goes.
    Beside(usize),
    /// The author of a stack has it made, or changed to this.
    Deploy(usize, Template, Handling),
    /// … has it deleted.
    Delete(usize),
    /// … deletes the stack, and has it keep the resource: `DeletionPolicy: Retain`.
    GiveUp(usize),
    /// … asks about it.
    Ask(usize, Question),
    /// The schedule has drift looked for in every resource.
    LookAtAll,
    /// Somebody uploads so many objects, one after so many seconds.
    Upload {
        bucket: &'static str,
        prefix: &'static str,
        tagged: bool,
        asked: Asked,
        count: u64,
        every: u64,
    },
    /// S3 delivers an access log.
    DeliverLog(&'static str),
    /// Somebody in the console, or another tool.
    Person(Errand),
    /// AWS answers nobody for so many seconds.
    Outage(u64),
    /// The checker's instances end, and what they remembered.
    ColdStart,
    /// Somebody has the checker look through a bucket.
    Sweep(&'static str),
    /// So many of the checker's next calls are not answered.
    CheckerTrouble(usize),
}

/// How a request fares on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handling {
    Once,
    /// Delivered again after so many seconds.
    Twice(u64),
    /// The function ends after so many seconds, in the middle.
    Killed(u64),
}

/// A question to the provisioner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    Plan,
    Diagnose,
    Drift,
}

/// What somebody does who is not a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Errand {
    Disable(&'static str),
    Enable(&'static str),
    /// Disables the keys that stacks made for a bucket.
    DisableOwn(&'static str),
    /// Makes a key a bucket's default.
    Default(&'static str, &'static str),
    /// A bucket with this name, a replication role and a rule from one bucket to another, of no stack.
    Rule {
        source: &'static str,
        destination: &'static str,
        prefix: &'static str,
        key: &'static str,
        /// With policies of its own, on a role of its own; else under the role that is there.
        own_role: bool,
    },
    RemoveRule(&'static str),
    Notification(&'static str),
    Tag(&'static str),
    /// A bucket policy of somebody's.
    BucketPolicy(&'static str),
    /// Closes a bucket to replicas, by its policy.
    Deny(&'static str),
    /// Opens it again.
    Admit(&'static str),
    /// Takes stacks' statements out of a bucket's policy.
    StripPolicy(&'static str),
    /// Takes the policies off the role of a source bucket.
    StripRole(&'static str),
    /// Has nobody assume the role of a source bucket.
    Distrust(&'static str),
    /// Switches EventBridge off.
    Deafen(&'static str),
    /// Switches EventBridge on.
    Listen(&'static str),
    /// Takes all rules of stacks off a bucket.
    Unrule(&'static str),
    /// Changes the checker's permission to look.
    CloseToChecker(&'static str),
    /// Deletes all that is in a bucket.
    Empty(&'static str),
}

/// What a stack asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pub source: &'static str,
    /// `SourceKmsKeyArns`, by the keys' names.
    pub source_keys: Vec<&'static str>,
    pub rules: Vec<RuleText>,
    pub verification: &'static str,
    pub delete_buckets: bool,
    pub delete_keys: bool,
    pub existing: bool,
    pub boundary: Option<&'static str>,
    /// `Role`, by its name.
    pub role: Option<&'static str>,
    pub revision: u64,
    pub slip: Option<Slip>,
}

/// A mistake in a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slip {
    /// `SourceBucket` is an ARN.
    Arn,
    /// The destinations' Region is one that there is not, or that is switched off.
    Region(&'static str),
    /// The source's is.
    SourceRegion(&'static str),
    /// A role that is not there.
    Role,
}

/// A rule of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleText {
    pub id: &'static str,
    pub prefix: &'static str,
    pub tagged: bool,
    pub destination: &'static str,
    /// A key of somebody's; `None`: one of the resource's own.
    pub key: Option<&'static str>,
    pub enabled: bool,
    pub priority: Option<i32>,
}

/// The ARN of a key of somebody's, by its name: `east-1` is the first one of the eastern Region, `abroad-1` that
/// of the other account.
#[must_use]
pub fn key_arn(name: &str) -> String {
    let (place, number) = name.split_once('-').unwrap_or((name, "1"));
    let (account, region, base) = match place {
        "east" => (ACCOUNT, EAST, 0),
        "abroad" => (ABROAD, WEST, 4),
        _ => (ACCOUNT, WEST, 2),
    };
    let number = base + number.parse::<u32>().unwrap_or(1);
    format!("arn:aws:kms:{region}:{account}:key/00000000-0000-4000-8000-{number:012}")
}

/// The tag of objects and rules that have one.
pub const TAG: (&str, &str) = ("class", "tax");

impl Template {
    /// As the stack's template has it.
    #[must_use]
    pub fn properties(&self) -> Value {
        let mut whole = Map::new();
        let source = match self.slip {
            Some(Slip::Arn) => format!("arn:aws:s3:::{}", self.source),
            _ => self.source.to_owned(),
        };
        whole.insert("SourceBucket".into(), json!(source));
        let region = match self.slip {
            Some(Slip::SourceRegion(region)) => region,
            _ => region_of(self.source),
        };
        if region != EAST {
            whole.insert("SourceRegion".into(), json!(region));
        }
        if !self.source_keys.is_empty() {
            let keys: Vec<String> = self.source_keys.iter().map(|name| key_arn(name)).collect();
            whole.insert("SourceKmsKeyArns".into(), json!(keys));
        }
        let rules: Vec<Value> = self
            .rules
            .iter()
            .map(|rule| rule.property(self.slip))
            .collect();
        whole.insert("Rules".into(), json!(rules));
        whole.insert("Verification".into(), json!(self.verification));
        let word = |asked: bool, word: &str| {
            if asked {
                word.to_owned()
            } else {
                "Retain".to_owned()
            }
        };
        let on_delete = json!({
            "Buckets": word(self.delete_buckets, "DeleteWhenEmpty"),
            "Keys": word(self.delete_keys, "ScheduleDeletion"),
        });
        whole.insert("OnDelete".into(), on_delete);
        if self.existing {
            whole.insert("ExistingObjects".into(), json!("Replicate"));
        }
        if let Some(boundary) = self.boundary {
            let arn = format!("arn:aws:iam::{ACCOUNT}:policy/{boundary}");
            whole.insert("PermissionsBoundary".into(), json!(arn));
        }
        let not_there = (self.slip == Some(Slip::Role)).then_some("not-there");
        if let Some(role) = self.role.or(not_there) {
            let role = format!("arn:aws:iam::{ACCOUNT}:role/{role}");
            whole.insert("Role".into(), json!(role));
        }
        if self.revision > 0 {
            whole.insert("Revision".into(), json!(self.revision.to_string()));
        }
        Value::Object(whole)
    }
}

impl RuleText {
    fn property(&self, slip: Option<Slip>) -> Value {
        let region = match slip {
            Some(Slip::Region(region)) => region,
            _ => region_of(self.destination),
        };
        let mut destination = json!({
            "Bucket": format!("arn:aws:s3:::{}", self.destination), "Region": region,
        });
        if account_of(self.destination) != ACCOUNT {
            destination["AssumeRoleArn"] = json!(ROLE_ABROAD);
        }
        if let Some(key) = self.key {
            destination["EncryptionConfiguration"] = json!({"ReplicaKmsKeyID": key_arn(key)});
        }
        let filter = if self.tagged {
            json!({"And": {"Prefix": self.prefix, "Tags": [{"Key": TAG.0, "Value": TAG.1}]}})
        } else {
            json!({"Prefix": self.prefix})
        };
        let mut rule = json!({
            "Id": self.id, "Filter": filter, "Destination": destination,
            "Status": if self.enabled { "Enabled" } else { "Disabled" },
        });
        if let Some(priority) = self.priority {
            rule["Priority"] = json!(priority);
        }
        rule
    }
}

/// Where a bucket is, or would be made.
#[must_use]
pub fn region_of(bucket: &str) -> &'static str {
    match bucket {
        "ledger" | "papers" => EAST,
        _ => WEST,
    }
}

/// Whose a bucket is, or would be.
#[must_use]
pub fn account_of(bucket: &str) -> &'static str {
    match bucket {
        "abroad" => ABROAD,
        _ => ACCOUNT,
    }
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sky {
            slow_ms,
            faults,
            replicates,
            late,
            twice,
            repairs,
        } = self.sky;
        writeln!(
            f,
            "  sky: answers within {slow_ms} ms, {faults} of 1,000 calls fail, replicas after {replicates} s, \
             {late} % of AWS's lateness, {twice} % of events twice{}",
            if repairs { ", the checkers repair" } else { "" }
        )?;
        for prop in &self.stage {
            writeln!(f, "  there is: {prop:?}")?;
        }
        for Act { at, what } in &self.acts {
            match what {
                Deed::Deploy(stack, template, handling) => {
                    let properties = template.properties();
                    writeln!(
                        f,
                        "  {at:>5} s: stack {stack} is deployed ({handling:?}): {properties}"
                    )?;
                }
                other => writeln!(f, "  {at:>5} s: {other:?}")?,
            }
        }
        Ok(())
    }
}
