//! S3, Systems Manager and KMS on the loopback address: one answer each, after a delay.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::connection::serve;
use crate::events::{BUCKET, KEY_ARN, VERSION};

/// What was asked, and how long an answer takes.
#[derive(Debug, Default)]
struct Desk {
    heads: AtomicU64,
    others: AtomicU64,
    delay_ms: AtomicU64,
}

/// A running server. Dropping it takes no more connections.
#[derive(Debug)]
pub(crate) struct Cloud {
    endpoint: String,
    desk: Arc<Desk>,
    server: JoinHandle<()>,
}

impl Cloud {
    /// Serves HTTP, or HTTPS with `tls`, on a free port.
    pub(crate) async fn start(tls: Option<TlsAcceptor>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let endpoint = format!("{scheme}://{}", listener.local_addr()?);
        let desk = Arc::new(Desk::default());
        let server = tokio::spawn(accept(listener, tls, Arc::clone(&desk)));
        Ok(Self {
            endpoint,
            desk,
            server,
        })
    }

    /// For `AWS_ENDPOINT_URL`.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Has each answer take so long from now on.
    pub(crate) fn delay(&self, delay: Duration) {
        let delay = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.desk.delay_ms.store(delay, Ordering::Relaxed);
    }

    /// How many HEADs and how many other calls came since the last time.
    pub(crate) fn take_counts(&self) -> (u64, u64) {
        (
            self.desk.heads.swap(0, Ordering::Relaxed),
            self.desk.others.swap(0, Ordering::Relaxed),
        )
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, desk: Arc<Desk>) {
    while let Ok((stream, _)) = listener.accept().await {
        // Without this the kernel would hold the second segment of an answer back for 40 ms.
        let _ = stream.set_nodelay(true);
        let (tls, desk) = (tls.clone(), Arc::clone(&desk));
        tokio::spawn(async move {
            match tls {
                None => serve(stream, |request| answer(request, Arc::clone(&desk))).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream, |request| answer(request, Arc::clone(&desk))).await;
                    }
                }
            }
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    desk: Arc<Desk>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let is_head = request.method() == Method::HEAD;
    let target = request
        .headers()
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok().map(str::to_owned));
    let count = if is_head { &desk.heads } else { &desk.others };
    count.fetch_add(1, Ordering::Relaxed);
    // The body is read whole, or the connection could not be used again.
    let _ = request.into_body().collect().await;
    let delay = desk.delay_ms.load(Ordering::Relaxed);
    if delay > 0 {
        tokio::time::sleep(Duration::from_millis(delay)).await;
    }
    let response = match (is_head, target.as_deref()) {
        (true, _) => head(),
        (_, Some("AmazonSSM.GetParametersByPath")) => json(&parameters()),
        (_, Some("TrentService.DescribeKey")) => json(&key()),
        _ => Response::builder()
            .status(StatusCode::NOT_IMPLEMENTED)
            .body(Full::default()),
    };
    Ok(response.unwrap_or_default())
}

/// The headers of a replica as S3 sends them.
fn head() -> hyper::http::Result<Response<Full<Bytes>>> {
    Response::builder()
        .header(
            "x-amz-id-2",
            "Uuag1LuByRx9e6j5Onimru9pO4ZVKnJ2Qz7/C1NPcfTWAtRPfTaOFg==",
        )
        .header("x-amz-request-id", "656C76696E6727732")
        .header("last-modified", "Mon, 02 Mar 2026 09:15:00 GMT")
        .header("etag", "\"b1946ac92492d2347c6235b4d2611184\"")
        .header("x-amz-replication-status", "REPLICA")
        .header("x-amz-server-side-encryption", "aws:kms")
        .header("x-amz-server-side-encryption-aws-kms-key-id", KEY_ARN)
        .header("x-amz-server-side-encryption-bucket-key-enabled", "true")
        .header("x-amz-version-id", VERSION)
        .header("accept-ranges", "bytes")
        .header("content-type", "application/pdf")
        .header("content-length", "5")
        .header("server", "AmazonS3")
        .body(Full::default())
}

fn json(body: &serde_json::Value) -> hyper::http::Result<Response<Full<Bytes>>> {
    Response::builder()
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amzn-requestid", "b5d4a1f0-1f6f-4d0e-8e0b-0f6b7a3f2c11")
        .body(Full::from(body.to_string()))
}

fn parameters() -> serde_json::Value {
    let expectation = serde_json::json!({
        "schema": "encrypted-replication/expectation/1",
        "source": "arn:aws:s3:::source",
        "rules": [{"id": "tax", "prefix": "Tax/", "kmsKeyArn": KEY_ARN}],
    });
    serde_json::json!({"Parameters": [{
        "Name": format!("/encrypted-replication/{BUCKET}/tax-5f7a"),
        "Type": "String",
        "Value": expectation.to_string(),
        "Version": 1,
    }]})
}

fn key() -> serde_json::Value {
    serde_json::json!({"KeyMetadata": {
        "AWSAccountId": "111122223333",
        "Arn": KEY_ARN,
        "Enabled": true,
        "KeyId": KEY_ARN.rsplit('/').next(),
        "KeyManager": "CUSTOMER",
        "KeyState": "Enabled",
        "KeyUsage": "ENCRYPT_DECRYPT",
    }})
}
