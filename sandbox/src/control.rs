//! The sandbox's own doors, beside those of AWS's services.

use anyhow::{Context, Result, ensure};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpStream;

use crate::server::Sandbox;

/// `aws_behaviour/tampering.py`.
const OBJECTS: &str = "/_sandbox/objects";

impl Sandbox {
    /// Dates every version in a bucket so many days earlier, as if it had been written then.
    ///
    /// # Errors
    /// When the sandbox cannot be asked.
    pub async fn make_older(&self, bucket: &str, days: u32) -> Result<()> {
        let wanted = json!({"bucket": bucket, "olderDays": days}).to_string();
        self.control(Method::PUT, OBJECTS, wanted).await?;
        Ok(())
    }

    /// Flips a bit in this byte of an object's current version, which no call of S3's does.
    ///
    /// # Errors
    /// When the sandbox cannot be asked.
    pub async fn flip(&self, bucket: &str, key: &str, byte: usize) -> Result<()> {
        let wanted = json!({"bucket": bucket, "key": key, "flipByte": byte}).to_string();
        self.control(Method::PUT, OBJECTS, wanted).await?;
        Ok(())
    }

    pub(crate) async fn control(&self, method: Method, path: &str, body: String) -> Result<Bytes> {
        let asked = self.request(method, path, body).await;
        asked.with_context(|| format!("cannot ask the sandbox at {}{path}", self.endpoint()))
    }

    async fn request(&self, method: Method, path: &str, body: String) -> Result<Bytes> {
        let host = self.endpoint().trim_start_matches("http://");
        let stream = TcpStream::connect(host).await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        // It ends with the sender.
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", host)
            .body(Full::new(Bytes::from(body)))?;
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        ensure!(
            status.is_success(),
            "{status}: {}",
            String::from_utf8_lossy(&body)
        );
        Ok(body)
    }
}
