//! One call: send it once, weigh what came back, keep what may be kept.

use super::RevIo;
use super::contract::Call;
use super::failure::Failure;
use crate::answer::{Answer, Evidence, Outcome, Refusal, RefusedBy, Said, classify};
use crate::http::{Received, Response};
use crate::{Exchange, Permit, pause};
use jiff::Timestamp;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Request, Url};

/// What is sent, besides the credentials.
pub(super) struct Asked {
    pub(super) method: Method,
    /// Below the base URL, with its slash.
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) body: Option<Body>,
}

/// JSON of a type: PATCH is JSON Patch or plain JSON, by call (`rev_io.md` C5).
pub(super) struct Body {
    pub(super) content_type: &'static str,
    pub(super) json: String,
}

pub(super) const JSON: &str = "application/json";
pub(super) const JSON_PATCH: &str = "application/json-patch+json";

/// What may be kept of a response's body.
pub(super) enum Keep {
    Body,
    /// Pages are long, and the mirror has their records anyway.
    Length,
}

impl RevIo {
    /// Sends the request and decides what came of it; `prove` sees the body of a 2xx only.
    pub(super) async fn call<T>(
        &self,
        permit: Permit,
        call: Call,
        asked: Asked,
        keep: Keep,
        prove: impl FnOnce(&str) -> Result<T, String>,
    ) -> Outcome<T> {
        let kind = call.kind();
        let mut exchange = Exchange { request: self.kept(&asked), ..Exchange::default() };
        let most_bytes = match keep {
            Keep::Body => self.http.settings().most_bytes,
            Keep::Length => self.http.settings().most_page_bytes,
        };
        let path = asked.path.clone();
        let request = self.request(asked);
        let evidence = match self.http.send(permit, kind, request, most_bytes).await {
            Received::NotSent(how) => Evidence::NotSent(how),
            Received::NoAnswer(trouble) => Evidence::NoAnswer(trouble),
            Received::Answer(response) => {
                exchange.status = Some(response.status);
                exchange.response = Some(self.kept_of(&response, &keep));
                Evidence::Answered { status: response.status, said: self.weigh(&response, self.clock.now(), prove) }
            }
        };
        let answer = classify(kind, evidence, &self.settings.waits);
        tracing::debug!(call = call.word(), path, status = exchange.status, answer = answer.word(), "rev_io.call");
        Outcome { answer, exchange }
    }

    /// What we refuse ourselves, before a permit is turned into a request.
    pub(super) fn refuse<T>(&self, permit: Permit, asked: &Asked, message: &str) -> Outcome<T> {
        permit.spend();
        let refusal = Refusal { by: RefusedBy::Ourselves, status: None, code: None, message: message.to_owned() };
        let exchange = Exchange { request: self.kept(asked), ..Exchange::default() };
        Outcome { answer: Answer::Refused(refusal), exchange }
    }

    fn request(&self, asked: Asked) -> Request {
        let mut request = Request::new(asked.method, self.url(&asked.path, &asked.query));
        self.credentials.put_on(request.headers_mut());
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static(JSON));
        if let Some(body) = asked.body {
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(body.content_type));
            *request.body_mut() = Some(body.json.into());
        }
        request
    }

    fn url(&self, path: &str, query: &[(String, String)]) -> Url {
        let mut url = self.base.clone();
        let below = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{below}{path}"));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    fn kept(&self, asked: &Asked) -> String {
        let mut words = format!("{} {}", asked.method, asked.path);
        for (place, (field, value)) in asked.query.iter().enumerate() {
            let mark = if place == 0 { '?' } else { '&' };
            let field_name = field.strip_prefix("search.").unwrap_or(field);
            let value = if crate::exchange::is_personal(field_name) { "[cut]" } else { value };
            words.push_str(&self.secrets.scrub(&format!("{mark}{field}={value}")));
        }
        if let Some(body) = &asked.body {
            words.push(' ');
            words.push_str(&self.secrets.body(&body.json));
        }
        words
    }

    fn kept_of(&self, response: &Response, keep: &Keep) -> String {
        let succeeded = (200..300).contains(&response.status);
        match (&response.body, keep) {
            (Err(trouble), _) => format!("[{trouble}]"),
            (Ok(bytes), Keep::Length) if succeeded => format!("[{} bytes]", bytes.len()),
            (Ok(bytes), _) => self.secrets.body(&text(bytes)),
        }
    }

    /// Rev.io's decoder: what status, headers and body mean together.
    fn weigh<T>(&self, response: &Response, now: Timestamp, prove: impl FnOnce(&str) -> Result<T, String>) -> Said<T> {
        let retry_after = response.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let body = match &response.body {
            Ok(bytes) => text(bytes),
            Err(_) if response.status == 429 => {
                return Said::Throttled { after: pause::asked_for("", retry_after, now) };
            }
            Err(trouble) => return Said::Incomplete(trouble.clone()),
        };
        if (200..300).contains(&response.status) {
            return prove(&body).map_or_else(Said::Nothing, Said::Proof);
        }
        let failure = Failure::read(&body);
        let after = || pause::asked_for(failure.message(), retry_after, now);
        match response.status {
            429 => Said::Throttled { after: after() },
            403 if self.settings.inferred.speaks_of_quota(failure.message()) => Said::QuotaSpent { after: after() },
            status => self.error(status, &failure),
        }
    }

    /// An error is known by its shape and, if codes are listed, by its code.
    fn error<T>(&self, status: u16, failure: &Failure) -> Said<T> {
        let inferred = &self.settings.inferred;
        let message = self.secrets.words(failure.message());
        let (by, code) = match failure {
            Failure::Application { code, .. } if inferred.knows(code.as_deref()) => {
                (RefusedBy::Application, code.clone())
            }
            // Azure repeats the status; an object that does not is somebody else's.
            Failure::Gateway { status: Some(said), .. } if inferred.gateway_refuses && *said == i64::from(status) => {
                (RefusedBy::Gateway, None)
            }
            _ => return Said::Nothing(message),
        };
        let code = code.map(|code| self.secrets.words(&code));
        Said::KnownError(Refusal { by, status: Some(status), code, message })
    }
}

/// Without the byte order mark that .NET likes to write. What is not UTF-8 is replaced, and reads as what it is not.
pub(super) fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes))
}
