//! S3's control plane, which speaks XML.

use aws_types::SdkConfig;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::client::{Call, Client, Error};
use crate::endpoint::{Kind, domains};
use crate::service::{Manner, Service};
use crate::xml::document;

const S3_CONTROL: Service = Service {
    id: "S3 Control",
    prefix: "s3-control",
    target: "",
};
const JOBS: &str = "/v20180820/jobs";
const NON_ALPHANUMERIC_BUT_DASH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-');

/// The namespace of its documents.
pub const S3_CONTROL_NAMESPACE: &str = "http://awss3control.amazonaws.com/doc/2018-08-20/";

/// S3's control plane for an account, in the Region of a configuration.
#[derive(Clone, Debug)]
pub struct S3Control {
    client: Client,
    account: String,
}

impl S3Control {
    /// By way of this configuration.
    #[must_use]
    pub fn new(config: &SdkConfig, account: &str) -> Self {
        let manner = Manner {
            signed_as: "s3",
            as_s3: true,
            host_prefix: Some(format!("{account}.")),
            url,
        };
        Self {
            client: Client::in_manner(config, S3_CONTROL, manner),
            account: account.to_owned(),
        }
    }

    /// Starts the job of S3 Batch Operations that a document describes (`CreateJobRequest`); the answer's document.
    ///
    /// See <https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_CreateJob.html>.
    ///
    /// # Errors
    /// Where S3 refused or did not answer, after the retries of the configuration.
    pub async fn create_job(&self, document: String) -> Result<String, Error> {
        self.send("CreateJob", "POST", JOBS.to_owned(), document)
            .await
    }

    /// What S3 knows of a job: the answer's document.
    ///
    /// See <https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_DescribeJob.html>.
    ///
    /// # Errors
    /// As [`create_job`](Self::create_job).
    pub async fn describe_job(&self, id: &str) -> Result<String, Error> {
        // People give it too.
        let id = utf8_percent_encode(id, NON_ALPHANUMERIC_BUT_DASH);
        let path = format!("{JOBS}/{id}");
        self.send("DescribeJob", "GET", path, String::new()).await
    }

    async fn send(
        &self,
        operation: &'static str,
        method: &'static str,
        path: String,
        body: String,
    ) -> Result<String, Error> {
        let call = Call {
            method,
            path,
            headers: vec![
                ("content-type", "application/xml".to_owned()),
                ("x-amz-account-id", self.account.clone()),
            ],
            body,
        };
        self.client.send(operation, call, document).await
    }
}

/// Where it is, for which S3 has names of its own.
///
/// See <https://docs.aws.amazon.com/general/latest/gr/s3.html>.
fn url(service: Service, region: &str, kind: Kind) -> String {
    let (plain, _) = domains(region);
    let fips = if kind.fips { "-fips" } else { "" };
    let dual_stack = if kind.dual_stack { ".dualstack" } else { "" };
    format!(
        "https://{}{fips}{dual_stack}.{region}.{plain}",
        service.prefix
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the rules of botocore's model have it (`endpoint-rule-set-1`), which say the same for every partition.
    #[test]
    fn it_is_where_s3_says() {
        for (region, fips, dual_stack, expected) in [
            (
                "us-east-1",
                false,
                false,
                "s3-control.us-east-1.amazonaws.com",
            ),
            (
                "us-east-1",
                true,
                false,
                "s3-control-fips.us-east-1.amazonaws.com",
            ),
            (
                "us-east-1",
                false,
                true,
                "s3-control.dualstack.us-east-1.amazonaws.com",
            ),
            (
                "us-east-1",
                true,
                true,
                "s3-control-fips.dualstack.us-east-1.amazonaws.com",
            ),
            (
                "us-gov-west-1",
                true,
                false,
                "s3-control-fips.us-gov-west-1.amazonaws.com",
            ),
            (
                "cn-north-1",
                false,
                true,
                "s3-control.dualstack.cn-north-1.amazonaws.com.cn",
            ),
            (
                "us-iso-east-1",
                false,
                false,
                "s3-control.us-iso-east-1.c2s.ic.gov",
            ),
            (
                "eusc-de-east-1",
                false,
                true,
                "s3-control.dualstack.eusc-de-east-1.amazonaws.eu",
            ),
        ] {
            let made = url(S3_CONTROL, region, Kind { fips, dual_stack });
            assert_eq!(made, format!("https://{expected}"));
        }
    }
}
