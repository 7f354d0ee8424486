//! Getting the answer to CloudFormation: again and again, within the time there is.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::deadline::Deadline;
use crate::response::Answer;
use crate::response_url::ResponseUrl;
use crate::transport::Transport;

/// CloudFormation signs the URL for a request without a content type.
const CONTENT_TYPE: &str = "";
/// A first TLS handshake takes about a second at the smallest memory size; later attempts get
/// twice the time each, for a link that is slow and not broken.
const FIRST_ATTEMPT: Duration = Duration::from_secs(3);
const LONGEST_ATTEMPT: Duration = Duration::from_secs(24);
/// Less is not worth starting an attempt for, except the first.
const SHORTEST_ATTEMPT: Duration = Duration::from_millis(500);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Why CloudFormation did not take an answer. Never shows the URL's query.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DeliveryError {
    /// An HTTP status that another attempt cannot change.
    #[error(
        "{url} refused the answer with HTTP status {status}, attempt {attempts}; a presigned URL \
         answers 403 once it has expired; CloudFormation waits on until ServiceTimeout"
    )]
    Refused {
        /// Host the answer went to.
        url: String,
        /// The HTTP status.
        status: u16,
        /// How many attempts were made, this one included.
        attempts: u32,
    },
    /// The request could not even be sent.
    #[error("the answer cannot be sent: {message}")]
    Unsendable {
        /// Why.
        message: String,
    },
    /// Attempts failed until no time was left for another.
    #[error(
        "{url} took no answer in {attempts} attempts before the deadline; last: {last}; \
         CloudFormation waits on until ServiceTimeout"
    )]
    OutOfTime {
        /// Host the answer went to.
        url: String,
        /// How many attempts were made.
        attempts: u32,
        /// How the last one failed.
        last: String,
    },
}

/// Puts the answer to `url` until it is taken or refused, or `deadline` leaves no time for another
/// attempt. Returns the number of attempts; one is made however late it is.
pub(crate) async fn deliver<T: Transport>(
    transport: &T,
    url: &ResponseUrl,
    answer: &Answer,
    deadline: Deadline,
) -> Result<u32, DeliveryError> {
    let (body, request_id) = (answer.body(), &answer.echo.request_id);
    let mut attempts = 0;
    loop {
        let limit = doubled(FIRST_ATTEMPT, attempts, LONGEST_ATTEMPT)
            .min(deadline.remaining())
            .max(SHORTEST_ATTEMPT);
        attempts += 1;
        let attempt = transport.put(url, CONTENT_TYPE, body.clone());
        let last = match timeout(limit, attempt).await {
            Ok(Ok(200..=299)) => return Ok(attempts),
            Ok(Ok(status @ 500..=599)) => format!("HTTP status {status}"),
            Ok(Ok(status)) => {
                return Err(DeliveryError::Refused {
                    url: url.to_string(),
                    status,
                    attempts,
                });
            }
            Ok(Err(fault)) if !fault.retryable => {
                return Err(DeliveryError::Unsendable {
                    message: fault.message,
                });
            }
            Ok(Err(fault)) => fault.message,
            Err(_) => format!("no answer within {limit:?}"),
        };
        tracing::warn!(attempts, url = %url, fault = %last, "the answer was not taken");
        let pause = pause(attempts, request_id);
        if deadline.remaining() < pause + SHORTEST_ATTEMPT {
            return Err(DeliveryError::OutOfTime {
                url: url.to_string(),
                attempts,
                last,
            });
        }
        sleep(pause).await;
    }
}

/// The wait after attempt `attempts`: between half and the whole of a time that doubles. What
/// spreads the requests is their id, which is random already.
fn pause(attempts: u32, request_id: &str) -> Duration {
    let whole = doubled(FIRST_PAUSE, attempts.saturating_sub(1), LONGEST_PAUSE);
    let mut hasher = DefaultHasher::new();
    (request_id, attempts).hash(&mut hasher);
    let share = u32::try_from(hasher.finish() % 1000).unwrap_or_default();
    whole / 2 + whole * share / 2000
}

fn doubled(first: Duration, times: u32, longest: Duration) -> Duration {
    first
        .saturating_mul(2_u32.saturating_pow(times))
        .min(longest)
}
