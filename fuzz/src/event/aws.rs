//! An AWS that answers by the length of the object's key: every kind of answer, and now and then none.

use std::future::{Future, ready};

use compliance::ports::{
    AskError, DefaultEncryption, DescribeKey, FindExpectation, InspectObject, Inspection,
    KeyAnswer, ListVersions, Listing, Observed, PublishFindings, RegistryParameter, Repair,
    RepairObject, Target, VersionPage,
};
use compliance::subject::ObjectVersion;
use event_bus::{Event, Refusal};

const RIGHT_KEY: &str = "arn:aws:kms:us-west-2:111122223333:key/22222222";
const WRONG_KEY: &str = "arn:aws:kms:us-west-2:111122223333:key/99999999";

/// Whether S3 answers a HEAD of this version.
pub(super) fn answers(version: &ObjectVersion) -> bool {
    version.key.as_str().len() % 8 != 7
}

pub(super) struct Aws;

impl InspectObject for Aws {
    fn inspect(
        &self,
        version: &ObjectVersion,
        _: Option<&str>,
    ) -> impl Future<Output = Result<Inspection, AskError>> + Send {
        let length = version.key.as_str().len();
        let observed = |algorithm: &str, kms_key: Option<&str>| {
            Inspection::Object(Observed {
                algorithm: Some(algorithm.to_owned()),
                kms_key: kms_key.map(str::to_owned),
                bucket_key_enabled: true,
                replication_status: (length < 64).then(|| "REPLICA".to_owned()),
                version_id: None,
                last_modified: None,
            })
        };
        ready(match length % 8 {
            0 => Ok(observed("aws:kms", Some(RIGHT_KEY))),
            1 => Ok(observed("aws:kms", Some(WRONG_KEY))),
            2 => Ok(observed("AES256", None)),
            3 => Ok(Inspection::NotFound),
            4 => Ok(Inspection::DeleteMarker),
            5 => Ok(Inspection::AccessDenied),
            6 => Ok(Inspection::CustomerKey),
            _ => Err(AskError {
                operation: "s3:HeadObject",
                resource: "an object".to_owned(),
                answer: "status 503, SlowDown".to_owned(),
                remedy: String::new(),
            }),
        })
    }
}

impl FindExpectation for Aws {
    fn registry(
        &self,
        _: &str,
    ) -> impl Future<Output = Result<Vec<RegistryParameter>, AskError>> + Send {
        ready(Ok(Vec::new()))
    }

    fn default_encryption(
        &self,
        _: &str,
        _: Option<&str>,
    ) -> impl Future<Output = Result<DefaultEncryption, AskError>> + Send {
        ready(Ok(DefaultEncryption::Kms(Some(RIGHT_KEY.to_owned()))))
    }
}

impl DescribeKey for Aws {
    fn describe(&self, _: &str) -> impl Future<Output = Result<KeyAnswer, AskError>> + Send {
        ready(Ok(KeyAnswer::NotFound))
    }
}

impl ListVersions for Aws {
    fn list(&self, _: Listing<'_>) -> impl Future<Output = Result<VersionPage, AskError>> + Send {
        ready(Ok(VersionPage::default()))
    }
}

impl RepairObject for Aws {
    fn repair(
        &self,
        _: &ObjectVersion,
        _: &Target,
        _: Option<&str>,
    ) -> impl Future<Output = Result<Repair, AskError>> + Send {
        ready(Ok(Repair::Done))
    }
}

impl PublishFindings for Aws {
    fn put(
        &self,
        _: &str,
        events: &[&Event],
    ) -> impl Future<Output = Result<Vec<Result<(), Refusal>>, AskError>> + Send {
        ready(Ok(vec![Ok(()); events.len()]))
    }
}
