//! The one way out: how HTTP is spoken to every provider.
//! Must not know: any provider.

mod evidence;

use crate::Permit;
use crate::answer::{Kind, NotSent, Trouble};
use reqwest::header::HeaderMap;
use reqwest::{Request, Url, redirect, retry};
use std::time::Duration;

/// How HTTP is spoken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSettings {
    /// For the name, the socket and TLS together. Shorter than `total_timeout`.
    pub connect_timeout: Duration,
    /// From the call to the last byte of the answer, however busily bytes drip. A lease must outlast it
    /// (`reliability.md` 4.2).
    pub total_timeout: Duration,
    /// The most that is read of an answer to a write or to a read of one object.
    pub most_bytes: usize,
    /// The most that is read of a page of a list.
    pub most_page_bytes: usize,
    /// Lets `http://` go to other machines than this one. For tests across containers; credentials go in the clear.
    pub plain_http_beyond_loopback: bool,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            total_timeout: Duration::from_secs(30),
            most_bytes: 1024 * 1024,
            most_page_bytes: 16 * 1024 * 1024,
            plain_http_beyond_loopback: false,
        }
    }
}

/// Why no client can be made.
#[derive(Debug, thiserror::Error)]
pub enum HttpClientError {
    /// The program installs one; see `main` of the `ascribe` program.
    #[error("no TLS provider is installed in this process")]
    NoTlsProvider,
    /// Else a connection that never came about looks like one that was cut.
    #[error("the connect timeout must be shorter than the total timeout")]
    ConnectTimeoutTooLong,
    /// reqwest could not be set up.
    #[error("the HTTP client cannot be set up")]
    Setup(#[source] reqwest::Error),
}

/// Sends requests, each once. Cloning shares the connections.
#[derive(Clone, Debug)]
pub struct HttpClient {
    reads: reqwest::Client,
    writes: reqwest::Client,
    settings: HttpSettings,
}

/// What came back.
#[derive(Debug)]
pub(crate) enum Received {
    NotSent(NotSent),
    NoAnswer(Trouble),
    Answer(Response),
}

/// An answer's head, and as much of its body as there is.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// The whole body, or why it is not there.
    pub(crate) body: Result<Vec<u8>, Trouble>,
}

impl HttpClient {
    /// Two clients, because of what happens when a kept connection turns out to be dead.
    ///
    /// reqwest resends nothing with [`retry::never`]. Below it hyper-util still moves a request to another connection if
    /// a *reused* one closed before the request was written (`client/legacy/client.rs`: `retry_canceled_requests`, which
    /// reqwest does not expose, and `connection_reused`). That is sent once, too; but when the server closes just *after*
    /// a write went into a kept connection, nobody can tell whether it was read, and the write is in doubt for nothing.
    /// So a write has a connection of its own: with no idle connections allowed the pool is off (`pool.rs`,
    /// `is_enabled`), no connection is ever "reused", and both cases are gone. It costs a handshake per write, of which
    /// Rev.io admits 500 a minute. Reads keep connections: repeating them is harmless.
    ///
    /// HTTP/1.1 only: in HTTP/2 a stream's end does not say as much about what the server has seen.
    ///
    /// # Errors
    /// If the process has no TLS provider or the settings contradict each other.
    pub fn new(settings: HttpSettings) -> Result<Self, HttpClientError> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            return Err(HttpClientError::NoTlsProvider);
        }
        if settings.connect_timeout >= settings.total_timeout {
            return Err(HttpClientError::ConnectTimeoutTooLong);
        }
        let builder = || {
            reqwest::Client::builder()
                .user_agent(concat!("ascribe/", env!("CARGO_PKG_VERSION")))
                .http1_only()
                .redirect(redirect::Policy::none())
                .retry(retry::never())
                .referer(false)
                .no_proxy()
                .connect_timeout(settings.connect_timeout)
                .timeout(settings.total_timeout)
        };
        // Azure's front closes idle connections after minutes; a read that meets a dead one costs only a wait.
        let reads = builder().pool_idle_timeout(Duration::from_secs(30)).pool_max_idle_per_host(8);
        let writes = builder().pool_max_idle_per_host(0);
        Ok(Self {
            reads: reads.build().map_err(HttpClientError::Setup)?,
            writes: writes.build().map_err(HttpClientError::Setup)?,
            settings,
        })
    }

    /// How it speaks.
    #[must_use]
    pub const fn settings(&self) -> &HttpSettings {
        &self.settings
    }

    /// Whether that address may be given credentials: `https`, or this very machine.
    pub(crate) fn may_go_to(&self, url: &Url) -> bool {
        match url.scheme() {
            "https" => url.has_host(),
            "http" => self.settings.plain_http_beyond_loopback || is_loopback(url),
            _ => false,
        }
    }

    /// Sends one request, once, and reads at most `most_bytes` of the answer.
    pub(crate) async fn send(&self, permit: Permit, kind: Kind, request: Request, most_bytes: usize) -> Received {
        permit.spend();
        let client = match kind {
            Kind::Read => &self.reads,
            Kind::Write => &self.writes,
        };
        let mut response = match client.execute(request).await {
            Ok(response) => response,
            Err(error) => {
                return match evidence::of(error) {
                    Ok(not_sent) => Received::NotSent(not_sent),
                    Err(trouble) => Received::NoAnswer(trouble),
                };
            }
        };
        let body = read(&mut response, most_bytes).await;
        Received::Answer(Response { status: response.status().as_u16(), headers: response.headers().clone(), body })
    }
}

/// No encoding is undone: none was asked for, and an answer that is packed anyway is not one we asked for.
async fn read(response: &mut reqwest::Response, most_bytes: usize) -> Result<Vec<u8>, Trouble> {
    let announced = response.content_length().unwrap_or_default();
    if usize::try_from(announced).map_or(true, |announced| announced > most_bytes) {
        return Err(Trouble::TooLarge);
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(evidence::trouble)? {
        if body.len() + chunk.len() > most_bytes {
            return Err(Trouble::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    // RFC 6761 6.3: `localhost` is this machine.
    address.map_or_else(|_| host.eq_ignore_ascii_case("localhost"), |address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_stays_on_this_machine() {
        let client = |plain_http_beyond_loopback| {
            drop(rustls::crypto::ring::default_provider().install_default());
            HttpClient::new(HttpSettings { plain_http_beyond_loopback, ..HttpSettings::default() }).unwrap()
        };
        for (url, strict, lax) in [
            ("https://restapi.rev.io/v1", true, true),
            ("http://127.0.0.1:7070/v1", true, true),
            ("http://127.8.8.8/v1", true, true),
            ("http://[::1]:7070/v1", true, true),
            ("http://localhost:7070/v1", true, true),
            ("http://restapi.rev.io/v1", false, true),
            ("http://localhost.evil.example/v1", false, true),
            ("http://127.0.0.1.evil.example/v1", false, true),
            ("ftp://127.0.0.1/v1", false, false),
            ("file:///v1", false, false),
        ] {
            let url = Url::parse(url).unwrap();
            assert_eq!((client(false).may_go_to(&url), client(true).may_go_to(&url)), (strict, lax), "{url}");
        }
    }

    #[test]
    fn a_connect_timeout_as_long_as_the_total_is_refused() {
        drop(rustls::crypto::ring::default_provider().install_default());
        let settings = HttpSettings { connect_timeout: Duration::from_secs(30), ..HttpSettings::default() };
        assert!(matches!(HttpClient::new(settings), Err(HttpClientError::ConnectTimeoutTooLong)));
    }
}
