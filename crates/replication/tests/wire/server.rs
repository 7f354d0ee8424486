//! The provisioner's AWS against a server on the loopback address.

use std::ops::Deref;

use aws_names::Home;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_types::SdkConfig;
use replication::aws::SdkAws;
use test_server::{Request, response};

pub(crate) struct Server(test_server::Server);

impl Deref for Server {
    type Target = test_server::Server;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Server {
    /// Answers each request with what `answer` says: status and body.
    pub(crate) async fn start(answer: impl Fn(&Request) -> (u16, String) + Send + 'static) -> Self {
        let server = test_server::Server::start(move |request| {
            let (status, body) = answer(request);
            response(&format!("{status} Said"), "", &body)
        });
        Self(server.await.unwrap())
    }

    /// The provisioner's AWS, for account 111122223333 in us-east-1.
    pub(crate) fn aws(&self) -> SdkAws {
        let credentials = Credentials::new("AKIAEXAMPLE", "secret", None, None, "test");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .endpoint_url(&self.endpoint)
            .build();
        let function = "arn:aws:lambda:us-east-1:111122223333:function:provision";
        SdkAws::new(config, &Home::of_function(function).unwrap())
    }
}
