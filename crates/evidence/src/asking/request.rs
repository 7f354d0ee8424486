//! What AWS Config sends to the function of a custom rule.
//!
//! See <https://docs.aws.amazon.com/config/latest/developerguide/evaluate-config_develop-rules_example-events.html>.

use expectation::Time;
use serde_json::Value;

const PERIODIC: &str = "ScheduledNotification";

/// A periodic evaluation that AWS Config asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The rule's name.
    pub rule: String,
    /// The account whose rule it is.
    pub account: String,
    /// Goes back with the evaluations.
    pub token: String,
    /// When AWS Config asked.
    pub at: Time,
}

/// Why an event is no such request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRequest {
    /// It has none of what AWS Config sends.
    #[error("the event is not of an AWS Config rule: it has no `{0}`")]
    Missing(&'static str),
    /// The rule asks for something else than a look from time to time.
    #[error(
        "the rule was triggered by `{0}`, and only its period is answered: MessageType `{PERIODIC}` in its SourceDetails"
    )]
    Trigger(String),
}

impl Request {
    /// Reads the event.
    ///
    /// # Errors
    /// [`NoRequest`].
    pub fn read(event: &Value) -> Result<Self, NoRequest> {
        let text = |name: &'static str| {
            let text = event.get(name).and_then(Value::as_str);
            text.ok_or(NoRequest::Missing(name))
        };
        let inner = serde_json::from_str(text("invokingEvent")?);
        let inner: Value = inner.map_err(|_| NoRequest::Missing("invokingEvent"))?;
        let inner = |name: &'static str| inner.get(name).and_then(Value::as_str);
        let kind = inner("messageType").unwrap_or_default();
        if kind != PERIODIC {
            return Err(NoRequest::Trigger(kind.to_owned()));
        }
        let at = inner("notificationCreationTime").and_then(Time::parse);
        Ok(Self {
            rule: text("configRuleName")?.to_owned(),
            account: text("accountId")?.to_owned(),
            token: text("resultToken")?.to_owned(),
            at: at.ok_or(NoRequest::Missing("notificationCreationTime"))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event() -> Value {
        let text = include_str!("../../../../events/config-periodic.json");
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_periodic_evaluation_is_read() {
        let expected = Request {
            rule: "replication-evidence-replicas".to_owned(),
            account: "111122223333".to_owned(),
            token: "myResultToken".to_owned(),
            // By `date -u -d 2026-11-27T21:50:00Z +%s`.
            at: Time::from_secs(1_795_816_200),
        };
        assert_eq!(Request::read(&event()), Ok(expected));
    }

    #[test]
    fn what_is_none_is_told_by_what_it_lacks() {
        for name in [
            "invokingEvent",
            "configRuleName",
            "accountId",
            "resultToken",
        ] {
            let mut event = event();
            event.as_object_mut().unwrap().remove(name);
            assert_eq!(Request::read(&event), Err(NoRequest::Missing(name)));
        }
        let mut changed = event();
        changed["invokingEvent"] =
            json!(r#"{"messageType":"ConfigurationItemChangeNotification"}"#);
        let told = Request::read(&changed).unwrap_err().to_string();
        assert!(
            told.contains("ConfigurationItemChangeNotification"),
            "{told}"
        );
    }
}
