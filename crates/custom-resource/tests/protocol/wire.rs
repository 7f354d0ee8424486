//! The bytes on the wire, against a server on this machine.

use std::cell::RefCell;
use std::io::Write;
use std::sync::Once;

use custom_resource::{Provider, ResponseHosts, ResponseUrl, SmithyTransport, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};

use crate::common::{Fake, changed, event};

/// Answers one request with `reply` and returns what it read: head and body.
async fn serve_once(listener: TcpListener, reply: &'static str) -> (String, Vec<u8>) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut read = Vec::new();
    let end = loop {
        assert_ne!(stream.read_buf(&mut read).await.unwrap(), 0);
        if let Some(end) = read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end;
        }
    };
    let head = String::from_utf8(read[..end].to_vec())
        .unwrap()
        .to_ascii_lowercase();
    let mut body = read[end + 4..].to_vec();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map(|value| value.parse::<usize>().unwrap())
        .unwrap();
    while body.len() < length {
        assert_ne!(stream.read_buf(&mut body).await.unwrap(), 0);
    }
    stream.write_all(reply.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    (head, body)
}

fn url(port: u16) -> ResponseUrl {
    let text = format!("http://127.0.0.1:{port}/stack%7CName?X-Amz-Signature=5ec3e7&b=%2F");
    ResponseUrl::parse(&text, ResponseHosts::AmazonOrLoopback).unwrap()
}

#[tokio::test]
async fn put_sends_one_request_as_cloudformation_signed_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(serve_once(
        listener,
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    ));
    let transport = SmithyTransport::with_default_connector().unwrap();
    let body = "{\"Reason\":\"naïve — €\"}".as_bytes().to_vec();
    let status = transport.put(&url(port), "", body.clone()).await.unwrap();
    assert_eq!(status, 200);
    let (head, received) = server.await.unwrap();
    assert_eq!(received, body);
    let mut lines = head.lines();
    assert_eq!(
        lines.next(),
        Some("put /stack%7cname?x-amz-signature=5ec3e7&b=%2f http/1.1")
    );
    let headers: Vec<(&str, &str)> = lines
        .map(|line| line.split_once(':').unwrap())
        .map(|(name, value)| (name, value.trim()))
        .collect();
    let of = |name: &str| -> Vec<&str> {
        let same = headers.iter().filter(|(header, _)| *header == name);
        same.map(|(_, value)| *value).collect()
    };
    assert_eq!(of("content-type"), [""]);
    assert_eq!(of("content-length"), [body.len().to_string()]);
    assert_eq!(of("host"), [format!("127.0.0.1:{port}")]);
    assert_eq!(of("transfer-encoding"), [""; 0]);
    assert_eq!(of("authorization"), [""; 0]);
}

#[tokio::test]
async fn redirect_is_returned_and_not_followed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(serve_once(
        listener,
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:1/elsewhere\r\n\
         content-length: 0\r\nconnection: close\r\n\r\n",
    ));
    let transport = SmithyTransport::with_default_connector().unwrap();
    assert_eq!(transport.put(&url(port), "", b"{}".to_vec()).await, Ok(307));
    server.await.unwrap();
}

#[tokio::test]
async fn an_answer_is_not_taken_elsewhere_by_a_redirect() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let there = elsewhere.local_addr().unwrap();
    let reply: &'static str = Box::leak(
        format!(
            "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://{there}/elsewhere\r\n\
             content-length: 0\r\nconnection: close\r\n\r\n"
        )
        .into_boxed_str(),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(serve_once(listener, reply));
    let payload = changed(
        "Create",
        &[("ResponseURL", Some(url(port).expose_secret().into()))],
    );
    let transport = SmithyTransport::with_default_connector().unwrap();
    let provider = Provider::new(Fake::succeeding(), transport)
        .with_response_hosts(ResponseHosts::AmazonOrLoopback);
    // Such an answer ends the attempts, so that nobody waits for the end.
    let result = provider.handle(event(payload, 60)).await;
    assert!(result.is_err(), "{result:?}");
    server.await.unwrap();
    let quiet = std::time::Duration::from_millis(100);
    let visitor = tokio::time::timeout(quiet, elsewhere.accept()).await;
    assert!(visitor.is_err(), "somebody came to {there}");
}

#[tokio::test]
async fn refused_connection_is_a_retryable_fault_that_names_its_cause_and_no_query() {
    // Bound and not listening: nobody answers, and no other test is given the port.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = socket.local_addr().unwrap().port();
    let transport = SmithyTransport::with_default_connector().unwrap();
    let fault = transport
        .put(&url(port), "", b"{}".to_vec())
        .await
        .unwrap_err();
    assert!(fault.retryable);
    assert!(
        fault.message.to_lowercase().contains("connection refused"),
        "{fault:?}"
    );
    assert!(!fault.message.contains("Signature"), "{fault:?}");
}

#[tokio::test]
async fn connection_cut_before_the_answer_is_a_retryable_fault() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(serve_once(listener, ""));
    let transport = SmithyTransport::with_default_connector().unwrap();
    let fault = transport
        .put(&url(port), "", b"{}".to_vec())
        .await
        .unwrap_err();
    assert!(fault.retryable, "{fault:?}");
    server.await.unwrap();
}

thread_local! {
    /// What the test of this thread has logged.
    static LOGGED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOGGED.with_borrow_mut(|logged| logged.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Keeps what is logged, in the thread that logs it. The subscriber is the process's: with one of this
/// thread alone, a call site that another test reaches first has no subscriber there, and stays
/// silent for all.
fn keep_log() {
    static KEPT: Once = Once::new();
    KEPT.call_once(|| {
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(|| Log)
            .init();
        // Those that were reached before.
        tracing::callsite::rebuild_interest_cache();
    });
}

#[tokio::test]
async fn not_even_the_finest_log_shows_the_signature() {
    keep_log();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(serve_once(
        listener,
        "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    ));
    let payload = changed(
        "Create",
        &[("ResponseURL", Some(url(port).expose_secret().into()))],
    );
    let transport = SmithyTransport::with_default_connector().unwrap();
    let provider = Provider::new(Fake::succeeding(), transport)
        .with_response_hosts(ResponseHosts::AmazonOrLoopback);
    let error = provider.handle(event(payload, 60)).await.unwrap_err();
    assert!(error.to_string().contains("403"), "{error}");
    server.await.unwrap();
    let logged = String::from_utf8(LOGGED.take()).unwrap();
    assert!(logged.contains("the answer was not delivered"), "{logged}");
    assert!(!logged.contains("5ec3e7"), "{logged}");
}
