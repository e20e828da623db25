//! A server on a bare socket: it gives its replies in order, the last one again and again, and remembers what it was sent.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What is done with a request.
#[derive(Clone)]
pub(crate) enum Reply {
    /// These bytes, then the end.
    Bytes(Vec<u8>),
    /// The request's own head and body, said back as a body with that status.
    Echo(u16),
    /// The end.
    Slam,
}

/// A request, as it came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// `POST /api/…`.
    pub(crate) line: String,
    head: String,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).next()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn whole(&self) -> String {
        format!("{}\n{}\n{}", self.line, self.head, self.body)
    }
}

pub(crate) struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

pub(crate) fn answer(status: u16, body: &str) -> Reply {
    let head = format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n", body.len());
    Reply::Bytes(format!("{head}connection: close\r\n\r\n{body}").into_bytes())
}

pub(crate) fn fault(status: u16, code: &str) -> Reply {
    answer(status, &format!(r#"{{"fault":{{"code":"{code}","message":"said","description":"more"}}}}"#))
}

pub(crate) fn error(status: u16, code: &str) -> Reply {
    answer(status, &format!(r#"{{"errorCode":"UnifiedWebService.{code}","errorMessage":"said"}}"#))
}

impl Server {
    pub(crate) async fn always(reply: Reply) -> Self {
        Self::saying(vec![reply]).await
    }

    pub(crate) async fn saying(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let remember = Arc::clone(&seen);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                converse(stream, &remember, &replies).await;
            }
        });
        Self { address, seen, serving }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/api", self.address)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The one request that came.
    pub(crate) fn only(&self) -> Seen {
        let mut seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:#?}");
        seen.remove(0)
    }
}

async fn converse(mut stream: TcpStream, seen: &Mutex<Vec<Seen>>, replies: &[Reply]) {
    let Some(request) = request(&mut stream).await else { return };
    let place = {
        let mut seen = seen.lock().unwrap();
        seen.push(request.clone());
        seen.len().min(replies.len()) - 1
    };
    let bytes = match &replies[place] {
        Reply::Bytes(bytes) => bytes.clone(),
        Reply::Echo(status) => match answer(*status, &request.whole()) {
            Reply::Bytes(bytes) => bytes,
            _ => return,
        },
        Reply::Slam => return,
    };
    if stream.write_all(&bytes).await.is_ok() {
        drop(stream.shutdown().await);
        // Until the other side has read it all.
        let mut rest = [0; 64];
        while stream.read(&mut rest).await.is_ok_and(|read| read > 0) {}
    }
}

async fn request(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0_usize) {
                let (line, head) = head.split_once("\r\n").unwrap_or((head, ""));
                let line = line.trim_end_matches(" HTTP/1.1").to_owned();
                return Some(Seen { line, head: head.to_owned(), body: body.to_owned() });
            }
        }
        let mut chunk = [0; 64 * 1024];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&chunk[..read]),
        }
    }
}
