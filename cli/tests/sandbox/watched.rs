//! A way to the local cloud that notes each call.

use std::collections::BTreeSet;
use std::io::{self, BufReader, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::wire::Request;

/// Notes what passes, and lets it pass.
pub(crate) struct Watched {
    pub(crate) endpoint: String,
    calls: Arc<Mutex<BTreeSet<String>>>,
}

impl Watched {
    /// The way to `upstream`, an endpoint.
    pub(crate) fn way_to(upstream: &str) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let calls = Arc::new(Mutex::new(BTreeSet::new()));
        let (noted, upstream) = (
            Arc::clone(&calls),
            upstream.trim_start_matches("http://").to_owned(),
        );
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let (noted, upstream) = (Arc::clone(&noted), upstream.clone());
                thread::spawn(move || pass(&socket, &upstream, &noted));
            }
        });
        Ok(Self { endpoint, calls })
    }

    /// The API's names of all calls so far.
    pub(crate) fn calls(&self) -> BTreeSet<String> {
        self.calls.lock().unwrap().clone()
    }
}

/// Requests are read one by one, answers pass as they come.
fn pass(socket: &TcpStream, upstream: &str, noted: &Mutex<BTreeSet<String>>) -> Option<()> {
    let mut there = TcpStream::connect(upstream).ok()?;
    let (mut answers, mut back) = (there.try_clone().ok()?, socket.try_clone().ok()?);
    thread::spawn(move || {
        let _ = io::copy(&mut answers, &mut back);
        let _ = back.shutdown(Shutdown::Both);
    });
    let mut reader = BufReader::new(socket.try_clone().ok()?);
    while let Some((request, raw)) = Request::read(&mut reader) {
        noted.lock().unwrap().insert(request.call());
        there.write_all(&raw).ok()?;
    }
    there.shutdown(Shutdown::Both).ok()
}
