//! Where both functions are told which bus their findings go to.

use aws_names::{Arn, is_plain};

/// The environment variable: name or ARN of the bus. Without it findings go to the log only.
pub const FINDINGS_EVENT_BUS: &str = "FINDINGS_EVENT_BUS";

/// Whether `text` is the name of an event bus or its ARN. Names with a slash are kept for partners' buses,
/// to which nobody else can send.
///
/// See <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_CreateEventBus.html>.
#[must_use]
pub fn is_bus(text: &str) -> bool {
    const LONGEST_NAME: usize = 256;
    if text.starts_with("arn:") {
        Arn::parse(text).is_some_and(|arn| arn.is_event_bus())
    } else {
        is_plain(text, LONGEST_NAME)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bus_is_told_by_name_or_arn() {
        for bus in [
            "default",
            "security.findings_1",
            "arn:aws-cn:events:cn-north-1:111122223333:event-bus/security.findings_1",
        ] {
            assert!(is_bus(bus), "{bus}");
        }
        for text in [
            "",
            "my bus",
            "aws.partner/x",
            "arn:aws:events:us-west-2:111122223333:rule/r",
            "arn:aws:events:us-west-2:1:event-bus/b",
        ] {
            assert!(!is_bus(text), "{text}");
        }
    }
}
