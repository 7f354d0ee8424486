//! An HTTP server on the loopback address, for tests of what is really sent and what is made of the answers.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// All of it.
    pub text: String,
    /// Method, path and query.
    pub line: String,
    /// The headers, in small letters.
    pub head: String,
    /// What follows them.
    pub body: String,
}

impl Request {
    /// The value of a header, whose name is given in small letters.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines();
        let mut named = lines.filter_map(|line| line.split_once(':'));
        named.find_map(|(found, value)| (found == name).then(|| value.trim()))
    }

    /// The request in these bytes; `None` where its body is not all there.
    fn whole(bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n")?;
        let (line, head) = head.split_once("\r\n")?;
        let request = Self {
            line: line.trim_end_matches(" HTTP/1.1").to_owned(),
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
            text: String::new(),
        };
        let length = request.header("content-length");
        let length = length.and_then(|value| value.parse().ok()).unwrap_or(0);
        (body.len() >= length).then_some(Self { text, ..request })
    }
}

/// The server. It keeps what it was asked.
#[derive(Debug)]
pub struct Server {
    /// Its URL.
    pub endpoint: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Answers each request with the bytes that `answer` gives, see [`response`].
    ///
    /// # Errors
    /// Where no port can be had.
    pub async fn start(answer: impl Fn(&Request) -> String + Send + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = requests.clone();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let Ok(request) = read(&mut socket).await else {
                    continue;
                };
                let reply = answer(&request);
                locked(&kept).push(request);
                // Whoever hung up is not interested.
                let _ = socket.write_all(reply.as_bytes()).await;
            }
        });
        Ok(Self { endpoint, requests })
    }

    /// Takes connections, and says nothing.
    ///
    /// # Errors
    /// Where no port can be had.
    pub async fn silent() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        tokio::spawn(async move {
            std::future::pending::<()>().await;
            drop(listener);
        });
        let requests = Arc::default();
        Ok(Self { endpoint, requests })
    }

    /// What it was asked so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        locked(&self.requests).clone()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn read(socket: &mut TcpStream) -> io::Result<Request> {
    let mut bytes = Vec::new();
    loop {
        if socket.read_buf(&mut bytes).await? == 0 {
            return Ok(Request::whole(&bytes).unwrap_or_default());
        }
        if let Some(request) = Request::whole(&bytes) {
            return Ok(request);
        }
    }
}

/// An answer that ends the connection; `headers` end in a line feed each.
#[must_use]
pub fn response(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}
