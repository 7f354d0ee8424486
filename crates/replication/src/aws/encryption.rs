//! A bucket's default encryption: S3's XML and our value.
//!
//! Members are those of
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketEncryption.html>.

use super::xml::{self, Element};
use crate::configuration::{AsRead, DefaultEncryption};

pub(super) const ROOT: &str = "ServerSideEncryptionConfiguration";
const RULE: &str = "Rule";
const DEFAULT: &str = "ApplyServerSideEncryptionByDefault";
const ALGORITHM: &str = "SSEAlgorithm";
const KEY: &str = "KMSMasterKeyID";
const BUCKET_KEY: &str = "BucketKeyEnabled";
const BLOCKED: &str = "BlockedEncryptionTypes";

/// The default in `text`; `None` where it sets none.
///
/// # Errors
/// Where `text` is no such document.
pub(super) fn read(text: &str) -> Result<Option<DefaultEncryption>, String> {
    xml::read(text, ROOT, |mut root| {
        let found = root.member(RULE, |rule| {
            let default = rule.member(DEFAULT, |default| {
                (
                    default.text(ALGORITHM).unwrap_or_default(),
                    default.text(KEY),
                )
            });
            let bucket_key = rule.value(BUCKET_KEY, |text| text.parse().ok());
            let blocked = rule.member(BLOCKED, |blocked| blocked.texts("EncryptionType"));
            let (algorithm, kms_key) = default?;
            Some(DefaultEncryption {
                algorithm,
                kms_key,
                bucket_key_enabled: bucket_key.unwrap_or_default(),
                blocked: blocked.unwrap_or_default(),
                as_read: AsRead::default(),
            })
        });
        let as_read = root.end();
        found
            .flatten()
            .map(|found| DefaultEncryption { as_read, ..found })
    })
}

/// The XML of `to`, with everything that was in the document before and is not about the default.
///
/// # Errors
/// Where what it was read from is no such document.
pub(super) fn write(to: &DefaultEncryption) -> Result<String, String> {
    // The default is ours to set; what else stands in the same place is not.
    let default = |out: &mut String, rest: Option<&Element<'_, '_>>| {
        xml::element(out, DEFAULT, |out| {
            xml::text(out, ALGORITHM, &to.algorithm);
            xml::optional(out, KEY, to.kms_key.as_deref());
            out.extend(rest.into_iter().flat_map(Element::others));
        });
        xml::text(out, BUCKET_KEY, &to.bucket_key_enabled.to_string());
    };
    let Some(present) = &to.as_read.xml else {
        return Ok(xml::document(ROOT, |out| {
            xml::element(out, RULE, |out| {
                default(out, None);
                if !to.blocked.is_empty() {
                    xml::element(out, BLOCKED, |out| {
                        for kind in &to.blocked {
                            xml::text(out, "EncryptionType", kind);
                        }
                    });
                }
            });
        }));
    };
    xml::read(present, ROOT, |mut root| {
        xml::document(ROOT, |out| {
            for (number, mut rule) in root.all(RULE).into_iter().enumerate() {
                if number > 0 {
                    out.push_str(rule.xml());
                    continue;
                }
                let mut before = rule.all(DEFAULT);
                for one in &mut before {
                    one.all(ALGORITHM);
                    one.all(KEY);
                }
                rule.all(BUCKET_KEY);
                xml::element(out, RULE, |out| {
                    default(out, before.first());
                    out.extend(rule.others());
                });
            }
            out.extend(root.others());
        })
    })
}
