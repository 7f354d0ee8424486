//! Signature version 4 of a HEAD on S3.
//!
//! The SDK's signer takes any request, and builds maps of headers and query parameters for each. Here
//! all of them are known and in order, so that the canonical request is one string, and the key of
//! the day is derived once. The tests hold this to the SDK's signer.
//!
//! See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_lc_rs::{digest, hmac};
use aws_names::digest::digits;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

/// SHA-256 of an empty body.
pub(super) const EMPTY_BODY: &str =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const SECONDS_A_DAY: u64 = 86_400;

/// The parts of a HEAD that are signed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head<'a> {
    /// Host and, where it is not the scheme's own, port.
    pub(super) host: &'a str,
    /// The path as it is sent.
    pub(super) path: &'a str,
    /// The query as it is sent, of one parameter or none.
    pub(super) query: &'a str,
    /// `x-amz-expected-bucket-owner`.
    pub(super) owner: Option<&'a str>,
}

/// The headers that a signature adds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Signed {
    pub(super) authorization: String,
    /// `x-amz-date`.
    pub(super) date: String,
}

/// Signs for one Region.
#[derive(Debug)]
pub(super) struct Signer {
    region: String,
    key: Mutex<Option<Arc<DayKey>>>,
    /// The second of the last signature, and its timestamp: many HEADs are sent in one second.
    second: Mutex<(u64, String)>,
    /// Where texts are put together, so that no signature has to ask for that much memory.
    text: Mutex<Hidden<String>>,
}

/// What nobody is shown.
#[derive(Default)]
struct Hidden<T>(T);

impl<T> std::fmt::Debug for Hidden<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

/// The key of one day and one secret.
struct DayKey {
    day: u64,
    secret: String,
    key: hmac::Key,
}

impl std::fmt::Debug for DayKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DayKey")
            .field("day", &self.day)
            .finish_non_exhaustive()
    }
}

impl Signer {
    /// Signs for S3 in `region`.
    pub(super) fn new(region: String) -> Self {
        Self {
            region,
            key: Mutex::new(None),
            second: Mutex::default(),
            text: Mutex::default(),
        }
    }

    /// The signature of `head` at `now`; `None` before 1970 or after 9999.
    pub(super) fn sign(
        &self,
        head: Head<'_>,
        credentials: &Credentials,
        now: SystemTime,
    ) -> Option<Signed> {
        let seconds = now.duration_since(UNIX_EPOCH).ok()?.as_secs();
        let date = self.timestamp(seconds)?;
        let (day, _) = date.split_at_checked(8)?;
        let (owner_name, token_name) = (
            head.owner.map_or("", |_| ";x-amz-expected-bucket-owner"),
            credentials
                .session_token()
                .map_or("", |_| ";x-amz-security-token"),
        );
        let mut kept = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        let text = &mut kept.0;
        text.clear();
        let Head {
            host, path, query, ..
        } = head;
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "HEAD\n{path}\n{query}\nhost:{host}\nx-amz-content-sha256:{EMPTY_BODY}\nx-amz-date:{date}\n"
        );
        if let Some(owner) = head.owner {
            let _ = writeln!(text, "x-amz-expected-bucket-owner:{owner}");
        }
        if let Some(token) = credentials.session_token() {
            let _ = writeln!(text, "x-amz-security-token:{token}");
        }
        let names = format!("host;x-amz-content-sha256;x-amz-date{owner_name}{token_name}");
        let _ = write!(text, "\n{names}\n{EMPTY_BODY}");
        // By the library that TLS uses, which has code for each kind of processor.
        let request = digest::digest(&digest::SHA256, text.as_bytes());

        let scope = format!("{day}/{}/s3/aws4_request", self.region);
        text.clear();
        let _ = write!(text, "AWS4-HMAC-SHA256\n{date}\n{scope}\n");
        text.push_str(&digits(request.as_ref()));
        let key = self.key(
            seconds / SECONDS_A_DAY,
            day,
            credentials.secret_access_key(),
        );
        let signature = hmac::sign(&key.key, text.as_bytes());

        let access_key = credentials.access_key_id();
        let mut authorization = format!(
            "AWS4-HMAC-SHA256 Credential={access_key}/{scope}, SignedHeaders={names}, Signature="
        );
        authorization.push_str(&digits(signature.as_ref()));
        Some(Signed {
            authorization,
            date,
        })
    }

    fn timestamp(&self, seconds: u64) -> Option<String> {
        let mut kept = self.second.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.0 != seconds || kept.1.is_empty() {
            *kept = (seconds, timestamp(seconds)?);
        }
        Some(kept.1.clone())
    }

    fn key(&self, day: u64, day_text: &str, secret: &str) -> Arc<DayKey> {
        let mut kept = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = kept.as_ref()
            && key.day == day
            && key.secret == secret
        {
            return Arc::clone(key);
        }
        let key = |bytes: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, bytes);
        let parts = [day_text, &self.region, "s3", "aws4_request"].into_iter();
        let key = parts.fold(key(format!("AWS4{secret}").as_bytes()), |last, part| {
            key(hmac::sign(&last, part.as_bytes()).as_ref())
        });
        let key = Arc::new(DayKey {
            day,
            secret: secret.to_owned(),
            key,
        });
        *kept = Some(Arc::clone(&key));
        key
    }
}

/// `20150830T123600Z`; `None` after the year 9999.
fn timestamp(seconds: u64) -> Option<String> {
    let time = DateTime::from_secs(i64::try_from(seconds).ok()?);
    let mut text = time.fmt(Format::DateTime).ok()?;
    text.retain(|c| !matches!(c, '-' | ':'));
    Some(text)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_sigv4::http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
        UriPathNormalizationMode, sign,
    };
    use aws_sigv4::sign::v4;
    use percent_encoding::utf8_percent_encode;
    use proptest::prelude::*;

    use super::super::direct::{IN_PATH, IN_QUERY};
    use super::*;

    /// Authorization and date by the SDK's signer, set as the SDK sets it for S3.
    fn by_the_sdk(
        uri: &str,
        owner: Option<&str>,
        credentials: &Credentials,
        now: SystemTime,
    ) -> Signed {
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        let identity = credentials.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region("us-west-2")
            .name("s3")
            .time(now)
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let owner = owner.map(|owner| ("x-amz-expected-bucket-owner", owner));
        let body = SignableBody::Bytes(&[]);
        let request = SignableRequest::new("HEAD", uri, owner.into_iter(), body).unwrap();
        let (signed, _) = sign(request, &parameters).unwrap().into_parts();
        let header = |name: &str| {
            let mut headers = signed.headers();
            headers.find(|(key, _)| *key == name).unwrap().1.to_owned()
        };
        Signed {
            authorization: header("authorization"),
            date: header("x-amz-date"),
        }
    }

    proptest! {
        #[test]
        fn every_head_is_signed_as_the_sdk_signs_it(
            key in "\\PC{1,40}",
            id in proptest::option::of("[ -~]{1,40}"),
            owner in proptest::option::of("[0-9]{12}"),
            token in proptest::option::of("[A-Za-z0-9+/=]{1,900}"),
            seconds in proptest::collection::vec(0_u64..4_102_444_800, 1..4),
        ) {
            let credentials = Credentials::new("AKIAEXAMPLE", "wJalr/XUtn+FEMI", token, None, "test");
            let signer = Signer::new("us-west-2".to_owned());
            let path = format!("/destination/{}", utf8_percent_encode(&key, IN_PATH));
            let query = id
                .map(|id| format!("versionId={}", utf8_percent_encode(&id, IN_QUERY)))
                .unwrap_or_default();
            let head = Head {
                host: "127.0.0.1:4566",
                path: &path,
                query: &query,
                owner: owner.as_deref(),
            };
            let mut uri = format!("http://{}{path}", head.host);
            if !query.is_empty() {
                uri.push('?');
                uri.push_str(&query);
            }
            for seconds in seconds {
                let now = UNIX_EPOCH + Duration::from_secs(seconds);
                prop_assert_eq!(
                    signer.sign(head, &credentials, now),
                    Some(by_the_sdk(&uri, head.owner, &credentials, now))
                );
            }
        }
    }

    #[test]
    fn other_credentials_get_another_key() {
        let signer = Signer::new("us-west-2".to_owned());
        let head = Head {
            host: "h",
            path: "/k",
            query: "",
            owner: None,
        };
        let with = |secret: &str| {
            let credentials = Credentials::new("AKIAEXAMPLE", secret, None, None, "test");
            signer.sign(head, &credentials, UNIX_EPOCH)
        };
        assert_ne!(with("one"), with("two"));
        assert_eq!(with("one"), with("one"));
    }

    #[test]
    fn the_secret_is_not_printed() {
        let signer = Signer::new("us-west-2".to_owned());
        let key = signer.key(0, "19700101", "hush");
        assert_eq!(format!("{key:?}"), "DayKey { day: 0, .. }");
        let head = Head {
            host: "h",
            path: "/",
            query: "",
            owner: None,
        };
        let token = Some("whisper".to_owned());
        let credentials = Credentials::new("AKIAEXAMPLE", "hush", token, None, "test");
        signer.sign(head, &credentials, UNIX_EPOCH).unwrap();
        let shown = format!("{signer:?}");
        assert!(
            !shown.contains("hush") && !shown.contains("whisper"),
            "{shown}"
        );
    }
}
