//! How an exchange ends on the wire.

use crate::call::Answer;
use crate::running::Line;
use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::Response;
use futures_util::stream::{self, StreamExt as _};
use std::convert::Infallible;
use std::io;
use std::time::Duration;

/// Long enough for what was written to leave before the socket is closed.
const ON_ITS_WAY: Duration = Duration::from_millis(100);
/// What an endless body is sent in.
const CHUNK: usize = 64 * 1024;

/// The ways.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ending {
    /// An answer.
    Answered,
    /// No answer; the connection is held so long and then closed.
    Held(Duration),
    /// No answer; the connection is closed.
    Cut,
    /// The answer's head and half of its body; then the connection is closed.
    CutInTheMiddle,
    /// The answer, a byte each time.
    Dripped(Duration),
    /// The answer's head and a body without end, or of so many bytes.
    Endless(Option<u64>),
}

impl Ending {
    /// Its name in the ledger.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Held(_) => "held",
            Self::Cut => "cut",
            Self::CutInTheMiddle => "cut_in_the_middle",
            Self::Dripped(_) => "dripped",
            Self::Endless(_) => "endless",
        }
    }

    /// Whether the caller gets to see a status.
    pub(crate) const fn shows_status(self) -> bool {
        !matches!(self, Self::Held(_) | Self::Cut)
    }

    /// Ends it.
    pub(crate) async fn carry_out(self, answer: Option<Answer>, line: Option<Line>) -> Response {
        let answer = answer.unwrap_or_else(|| Answer::bytes(StatusCode::OK, "application/json", ""));
        match self {
            Self::Answered => answer.into_response(),
            Self::Held(time) => {
                let stopping = line.as_ref().map(Line::stopping).unwrap_or_default();
                tokio::select! {
                    () = stopping.cancelled() => {}
                    () = tokio::time::sleep(time) => {}
                }
                cut(line.as_ref())
            }
            Self::Cut => cut(line.as_ref()),
            Self::CutInTheMiddle => half(&answer, line),
            Self::Dripped(pace) => drip(&answer, pace, line.as_ref()),
            Self::Endless(bytes) => endless(&answer, bytes, line.as_ref()),
        }
    }
}

/// Closes the socket. The response is for a server whose sockets cannot be closed: it breaks off at once.
fn cut(line: Option<&Line>) -> Response {
    if let Some(line) = line {
        line.cut();
    }
    Response::new(Body::from_stream(stream::iter([Err::<Bytes, _>(broken_off())])))
}

fn half(answer: &Answer, line: Option<Line>) -> Response {
    let half = answer.body.slice(..answer.body.len() / 2);
    let first = stream::iter([Ok(half)]);
    let then = stream::once(async move {
        tokio::time::sleep(ON_ITS_WAY).await;
        if let Some(line) = line {
            line.cut();
        }
        Err(broken_off())
    });
    promising(answer, answer.body.len(), Body::from_stream(first.chain(then)))
}

fn drip(answer: &Answer, pace: Duration, line: Option<&Line>) -> Response {
    let stopping = line.map(Line::stopping).unwrap_or_default();
    let length = answer.body.len();
    let drops = stream::unfold(answer.body.clone(), move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(pace).await;
        Some((Ok::<_, io::Error>(rest.split_to(1)), rest))
    });
    promising(answer, length, Body::from_stream(drops.take_until(stopping.cancelled_owned())))
}

/// Looks like the beginning of a list, so that only a reader with a bound notices.
fn endless(answer: &Answer, bytes: Option<u64>, line: Option<&Line>) -> Response {
    let stopping = line.map(Line::stopping).unwrap_or_default();
    let beginning = Bytes::from_static(br#"{"ok":true,"has_more":false,"record_count":1,"records":[0"#);
    let mut filling = b",0".repeat(CHUNK / 2);
    filling.truncate(CHUNK);
    let filling = Bytes::from(filling);
    let bytes = bytes.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(usize::MAX);
    let chunks = stream::iter([beginning]).chain(stream::repeat(filling));
    let chunks = chunks.scan(bytes, |left, mut chunk: Bytes| {
        chunk.truncate(*left);
        *left -= chunk.len();
        std::future::ready((!chunk.is_empty()).then_some(Ok::<_, Infallible>(chunk)))
    });
    answer.around(Body::from_stream(chunks.take_until(stopping.cancelled_owned())))
}

/// The head says the whole length, whatever comes of it.
fn promising(answer: &Answer, length: usize, body: Body) -> Response {
    let mut response = answer.around(body);
    response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    response
}

fn broken_off() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}
