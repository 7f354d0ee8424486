//! A server on the loopback address.

use std::sync::{Arc, Mutex};

use aws_names::Home;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_types::SdkConfig;
use replication::aws::SdkAws;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Method, path and query.
    pub(crate) line: String,
    /// In small letters.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines();
        let mut named = lines.filter_map(|line| line.split_once(':'));
        named.find_map(|(found, value)| (found == name).then(|| value.trim()))
    }
}

pub(crate) struct Server {
    endpoint: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Answers each request with what `answer` says: status and body.
    pub(crate) async fn start(answer: impl Fn(&Request) -> (u16, String) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = requests.clone();
        tokio::spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                let request = read(&mut socket).await;
                let (status, body) = answer(&request);
                kept.lock().unwrap().push(request);
                let length = body.len();
                let reply = format!(
                    "HTTP/1.1 {status} Said\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
                );
                socket.write_all(reply.as_bytes()).await.unwrap();
            }
        });
        Self { endpoint, requests }
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
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
        SdkAws::new(
            config,
            &Home::of_function(function).unwrap(),
            Some(&self.endpoint),
        )
    }
}

async fn read(socket: &mut TcpStream) -> Request {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let n = socket.read(&mut buffer).await.unwrap();
        bytes.extend_from_slice(&buffer[..n]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let (line, head) = head.split_once("\r\n").unwrap();
        let request = Request {
            line: line.trim_end_matches(" HTTP/1.1").to_owned(),
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        };
        let length = request
            .header("content-length")
            .map_or(0, |value| value.parse().unwrap());
        if body.len() >= length || n == 0 {
            return request;
        }
    }
}
