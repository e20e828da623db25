//! Telling webhooks (Standard Webhooks 1.0): one signed POST, and what came of it. It goes where anybody's tenant wants it to
//! go, so nothing is followed, little is read, nothing of the answer is kept, and only public addresses are connected to.
//! Must not know: which webhooks there are, what they are told, or when something is tried again.

mod address;
mod signature;

pub use address::{Lookup, system_lookup};
pub use signature::{WebhookSecretError, sign};

use crate::http::HttpClientError;
use address::{Forbidden, PublicOnly};
use domain::clock::Clock;
use domain::webhook_address::{Reach, admitted};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{redirect, retry};
use secrecy::SecretString;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// The most that is read of an answer; nothing of it is kept.
const MOST_BYTES: usize = 64 * 1024;

/// How a webhook is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotifySettings {
    /// For the name, the socket and TLS together.
    pub connect_timeout: Duration,
    /// From the call to the end of the answer.
    pub total_timeout: Duration,
}

impl Default for NotifySettings {
    fn default() -> Self {
        Self { connect_timeout: Duration::from_secs(5), total_timeout: Duration::from_secs(10) }
    }
}

/// What is to be told, to whom.
#[derive(Debug)]
pub struct Notice<'a> {
    /// The webhook's address.
    pub url: &'a str,
    /// What signs.
    pub secret: &'a SecretString,
    /// The delivery's id, the same with every try: by it a receiver knows what it has seen.
    pub id: Uuid,
    /// The body, to the byte.
    pub body: &'a str,
}

/// What one try came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// 2xx: the receiver has it.
    Delivered(u16),
    /// 410: the receiver wants no more.
    Gone,
    /// Another status; redirects are among them, for they are not followed.
    Refused(u16),
    /// No answer, and why: words of ours.
    NoAnswer(&'static str),
}

/// Tells webhooks. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Notifier {
    public: reqwest::Client,
    named: reqwest::Client,
    hosts: Arc<[String]>,
    clock: Clock,
}

impl Notifier {
    /// `hosts` are the exact `host:port` entries that the installation names; `lookup` finds the addresses of a name.
    ///
    /// # Errors
    /// If the process has no TLS provider, or the timeouts contradict each other.
    pub fn new(
        settings: NotifySettings,
        hosts: Arc<[String]>,
        clock: Clock,
        lookup: Lookup,
    ) -> Result<Self, HttpClientError> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            return Err(HttpClientError::NoTlsProvider);
        }
        if settings.connect_timeout >= settings.total_timeout {
            return Err(HttpClientError::ConnectTimeoutTooLong);
        }
        let client = |names: PublicOnly| {
            reqwest::Client::builder()
                .user_agent(concat!("ascribe/", env!("CARGO_PKG_VERSION")))
                .http1_only()
                .redirect(redirect::Policy::none())
                .retry(retry::never())
                .referer(false)
                // A proxy would do the look-up, where nobody checks what comes of it.
                .no_proxy()
                // A kept connection would go to what its name was before.
                .pool_max_idle_per_host(0)
                .dns_resolver(Arc::new(names))
                .connect_timeout(settings.connect_timeout)
                .timeout(settings.total_timeout)
                .build()
                .map_err(HttpClientError::Setup)
        };
        Ok(Self {
            public: client(PublicOnly::new(Arc::clone(&lookup)))?,
            named: client(PublicOnly::wherever(lookup))?,
            hosts,
            clock,
        })
    }

    /// Tells it, once.
    pub async fn tell(&self, notice: &Notice<'_>) -> Told {
        // Asked again: the address may be older than the setting. Literal addresses never come to the look-up, and never here.
        let client = match admitted(notice.url, &self.hosts) {
            Ok(Reach::Public) => &self.public,
            Ok(Reach::Named) => &self.named,
            Err(_) => return Told::NoAnswer("the address is not one that this installation takes"),
        };
        let timestamp = self.clock.now().as_second();
        let Ok(signature) = sign(notice.secret, notice.id, timestamp, notice.body) else {
            return Told::NoAnswer("the signing secret is damaged");
        };
        let sent = client
            .post(notice.url)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header("webhook-id", notice.id.to_string())
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .body(notice.body.to_owned())
            .send()
            .await;
        let mut response = match sent {
            Ok(response) => response,
            Err(error) => return Told::NoAnswer(why(&error)),
        };
        let status = response.status().as_u16();
        // The status is the answer. The rest is read so that the receiver can finish, as far as it is polite.
        let mut read = 0;
        while let Ok(Some(piece)) = response.chunk().await {
            read += piece.len();
            if read > MOST_BYTES {
                break;
            }
        }
        match status {
            200..=299 => Told::Delivered(status),
            410 => Told::Gone,
            _ => Told::Refused(status),
        }
    }
}

/// Why no answer came, in words that say nothing of what is inside a network.
fn why(error: &reqwest::Error) -> &'static str {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(one) = cause {
        if one.is::<Forbidden>() {
            return "the name leads to an address that is not public";
        }
        cause = one.source();
    }
    if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the connection broke off"
    }
}
