//! A server on a bare socket, which says exactly the bytes it is told to and remembers what it was sent.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What is done with a request.
#[derive(Clone)]
pub(crate) enum Reply {
    /// These bytes, and the connection stays.
    Stay(Vec<u8>),
    /// These bytes, then the end.
    Close(Vec<u8>),
    /// The request's own head and body, said back as a body with that status.
    Echo(u16),
}

/// What has come.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) connections: usize,
    pub(crate) requests: Vec<String>,
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

pub(crate) fn answer(status: u16, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

impl Server {
    /// Answers each request with the same.
    pub(crate) async fn always(reply: Reply) -> Self {
        Self::start(move |_| Some(reply.clone())).await
    }

    /// Closes every connection as soon as it is there.
    pub(crate) async fn slamming() -> Self {
        Self::start(|_| None).await
    }

    async fn start(reply: impl Fn(usize) -> Option<Reply> + Clone + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let remember = seen.clone();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                remember.lock().unwrap().connections += 1;
                if reply(0).is_some() {
                    tokio::spawn(converse(stream, remember.clone(), reply.clone()));
                }
            }
        });
        Self { address, seen, serving }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.lock().unwrap().connections
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().requests.clone()
    }
}

async fn converse(mut stream: TcpStream, seen: Arc<Mutex<Seen>>, reply: impl Fn(usize) -> Option<Reply>) {
    while let Some(request) = request(&mut stream).await {
        let number = {
            let mut seen = seen.lock().unwrap();
            seen.requests.push(request.clone());
            seen.requests.len()
        };
        let (bytes, stays) = match reply(number) {
            Some(Reply::Stay(bytes)) => (bytes, true),
            Some(Reply::Close(bytes)) => (bytes, false),
            Some(Reply::Echo(status)) => (answer(status, &request), false),
            None => return,
        };
        if stream.write_all(&bytes).await.is_err() || !stays {
            // What was written is to arrive before the end does.
            drop(stream.shutdown().await);
            tokio::time::sleep(Duration::from_millis(20)).await;
            return;
        }
    }
}

async fn request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0_usize) {
                return Some(text);
            }
        }
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&chunk[..read]),
        }
    }
}
