//! From properties to the spec.

use serde_json::{Map, Value};

use super::allowed::check_allowed;
use super::checks::{check, check_required_boundary};
use super::given::Given;
use super::shape::canonical;
use super::table;
use crate::fault::Faults;
use crate::owner::Owner;
use crate::ports::BucketRef;
use crate::replication::{Installation, Replication};
use crate::spec::Spec;
use aws_names::Home;

/// Reads the resource's properties (without `ServiceToken`), fills in the defaults and gives each
/// rule an `Id` that bears `owner`.
///
/// # Errors
/// Every fault in the properties.
pub fn read(properties: &Map<String, Value>, home: &Home, owner: &Owner) -> Result<Spec, Faults> {
    Ok(sound(properties, home, None)?.into_spec(home, owner))
}

/// Properties without a fault, in whoever's name.
#[derive(Debug)]
pub struct Sound<'a> {
    given: Given,
    installation: &'a Installation,
    source_region: String,
}

impl<'a> Sound<'a> {
    /// Reads the resource's properties (without `ServiceToken`). Where every role of ours must have a
    /// permissions boundary, that is the default, and no other is taken.
    ///
    /// # Errors
    /// Every fault in the properties.
    pub fn read(
        properties: &Map<String, Value>,
        installation: &'a Installation,
    ) -> Result<Self, Faults> {
        let Installation {
            home,
            required_boundary,
            ..
        } = installation;
        let given = sound(properties, home, required_boundary.as_deref())?;
        Ok(Self {
            source_region: given.region(home),
            given,
            installation,
        })
    }

    /// The same, where it leads nowhere but where the installation lets it. What `before` named already is not
    /// refused: an Update that changes something else, or rolls back, gets through.
    ///
    /// # Errors
    /// Every place that is not allowed.
    pub fn within_allowed(self, before: &Map<String, Value>) -> Result<Self, Faults> {
        let Installation { home, allowed, .. } = self.installation;
        let known = canonical(before, table::RESOURCE, "", &mut Faults::default());
        let known: Option<Given> = serde_json::from_value(Value::Object(known)).ok();
        let mut faults = Faults::default();
        check_allowed((&self.given, known.as_ref()), allowed, home, &mut faults);
        faults.or(self)
    }

    /// The source bucket.
    #[must_use]
    pub fn source(&self) -> BucketRef<'_> {
        BucketRef {
            name: self.given.source_bucket.as_deref().unwrap_or_default(),
            region: &self.source_region,
        }
    }

    /// What they ask for in the name of `owner`: every default filled in, each rule with an `Id` that bears
    /// the name.
    #[must_use]
    pub fn of(self, owner: Owner) -> Replication {
        let Installation {
            home,
            queue_arn,
            required_boundary,
            ..
        } = self.installation;
        let mut spec = self.given.into_spec(home, &owner);
        if required_boundary.is_some() {
            spec.permissions_boundary.clone_from(required_boundary);
        }
        Replication {
            spec,
            home: home.clone(),
            owner,
            queue_arn: queue_arn.clone(),
        }
    }
}

/// The properties as they are given, where nothing is wrong with them.
fn sound(
    properties: &Map<String, Value>,
    home: &Home,
    required: Option<&str>,
) -> Result<Given, Faults> {
    let mut faults = Faults::default();
    let properties = unwrap_pasted_configuration(properties);
    let sound = canonical(&properties, table::RESOURCE, "", &mut faults);
    let given: Given = match serde_json::from_value(Value::Object(sound)) {
        Ok(given) => given,
        // The table and the types below say the same; a difference is told, never a panic.
        Err(error) => {
            faults.push("", format!("could not be read: {error}"));
            return Err(faults);
        }
    };
    check(&given, home, &mut faults);
    check_required_boundary(&given, required, &mut faults);
    faults.or(given)
}

/// What the AWS CLI and the S3 API have around the list of rules.
const CONFIGURATION: &str = "ReplicationConfiguration";

/// The walkthrough's `replication.json` is `{"Role": …, "Rules": […]}`; the CLI's page shows the same within
/// `ReplicationConfiguration`, `get-bucket-replication` answers so, and `--cli-input-json` has `Bucket`
/// beside it. Pasted whole as `Rules`, or beside the other properties, it means what it says.
fn unwrap_pasted_configuration(properties: &Map<String, Value>) -> Map<String, Value> {
    let mut properties = properties.clone();
    if !properties.contains_key("Rules")
        && let Some(pasted) = properties.get(CONFIGURATION).and_then(configuration)
    {
        properties.remove(CONFIGURATION);
        add(&mut properties, pasted);
    } else if let Some(pasted) = properties.get("Rules").and_then(configuration) {
        properties.remove("Rules");
        add(&mut properties, pasted);
    }
    properties
}

/// The members of a configuration, however it is wrapped.
fn configuration(value: &Value) -> Option<Map<String, Value>> {
    let of = |members: &Map<String, Value>, known: &[&str]| {
        members.keys().all(|name| known.contains(&name.as_str()))
    };
    match value {
        Value::Object(pasted) if pasted.contains_key("Rules") => {
            of(pasted, &["Rules", "Role"]).then(|| pasted.clone())
        }
        Value::Object(wrapped) if of(wrapped, &[CONFIGURATION, "Bucket"]) => {
            let mut inner = configuration(wrapped.get(CONFIGURATION)?)?;
            if let Some(bucket) = wrapped.get("Bucket") {
                inner.insert("SourceBucket".to_owned(), bucket.clone());
            }
            Some(inner)
        }
        _ => None,
    }
}

/// What is given beside it wins.
fn add(properties: &mut Map<String, Value>, pasted: Map<String, Value>) {
    for (name, value) in pasted {
        properties.entry(name).or_insert(value);
    }
}
