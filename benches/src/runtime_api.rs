//! Lambda's Runtime API, for one process: hands it events and tells when it asked and answered.
//!
//! See <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::connection::serve;

/// What a function may take at most for one step here.
const PATIENCE: Duration = Duration::from_mins(2);
/// The time that every invocation has.
const FUNCTION_TIMEOUT: Duration = Duration::from_mins(1);

#[derive(Debug)]
enum Said {
    Polled(Instant),
    Answered(Instant, Bytes),
    Failed(String),
}

#[derive(Debug)]
struct Desk {
    said: mpsc::UnboundedSender<Said>,
    events: Mutex<mpsc::UnboundedReceiver<Bytes>>,
}

/// The API's side of one function's process.
#[derive(Debug)]
pub(crate) struct RuntimeApi {
    address: SocketAddr,
    said: mpsc::UnboundedReceiver<Said>,
    events: mpsc::UnboundedSender<Bytes>,
    server: JoinHandle<()>,
}

impl RuntimeApi {
    /// Listens on a free port.
    pub(crate) async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (said_sender, said) = mpsc::unbounded_channel();
        let (events, event_receiver) = mpsc::unbounded_channel();
        let desk = Arc::new(Desk {
            said: said_sender,
            events: Mutex::new(event_receiver),
        });
        let server = tokio::spawn(accept(listener, desk));
        Ok(Self {
            address,
            said,
            events,
            server,
        })
    }

    /// For `AWS_LAMBDA_RUNTIME_API`.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the function asks for its next event.
    pub(crate) async fn polled(&mut self) -> Result<Instant> {
        match self.next().await? {
            Said::Polled(at) => Ok(at),
            Said::Answered(..) => bail!("the function answered what it was not asked"),
            Said::Failed(why) => bail!("the function failed: {why}"),
        }
    }

    /// Hands the function an event and waits for its answer.
    pub(crate) async fn invoke(&mut self, event: Bytes) -> Result<(Duration, Instant, Bytes)> {
        let began = Instant::now();
        self.events
            .send(event)
            .context("the Runtime API is closed")?;
        match self.next().await? {
            Said::Answered(at, body) => Ok((at.duration_since(began), at, body)),
            Said::Polled(_) => bail!("the function asked again without an answer"),
            Said::Failed(why) => bail!("the function failed: {why}"),
        }
    }

    async fn next(&mut self) -> Result<Said> {
        timeout(PATIENCE, self.said.recv())
            .await
            .context("the function is silent")?
            .context("the Runtime API is closed")
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn accept(listener: TcpListener, desk: Arc<Desk>) {
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let desk = Arc::clone(&desk);
        tokio::spawn(async move {
            serve(stream, |request| answer(request, Arc::clone(&desk))).await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    desk: Arc<Desk>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let arrived = Instant::now();
    let path = request.uri().path().to_owned();
    if path.ends_with("/invocation/next") {
        let _ = desk.said.send(Said::Polled(arrived));
        let event = desk.events.lock().await.recv().await;
        return Ok(event
            .and_then(|event| invocation(event).ok())
            .unwrap_or_default());
    }
    let body = request.into_body().collect().await;
    let body = body
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    let said = if path.ends_with("/response") {
        Said::Answered(arrived, body)
    } else {
        Said::Failed(format!("{path}: {}", String::from_utf8_lossy(&body)))
    };
    let _ = desk.said.send(said);
    let mut accepted = Response::default();
    *accepted.status_mut() = StatusCode::ACCEPTED;
    Ok(accepted)
}

fn invocation(event: Bytes) -> Result<Response<Full<Bytes>>> {
    let deadline = SystemTime::now().duration_since(UNIX_EPOCH)? + FUNCTION_TIMEOUT;
    Ok(Response::builder()
        .header("content-type", "application/json")
        .header(
            "lambda-runtime-aws-request-id",
            "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
        )
        .header(
            "lambda-runtime-deadline-ms",
            deadline.as_millis().to_string(),
        )
        .header(
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-west-2:111122223333:function:check-replica",
        )
        .header(
            "lambda-runtime-trace-id",
            "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0",
        )
        .body(Full::from(event))?)
}
