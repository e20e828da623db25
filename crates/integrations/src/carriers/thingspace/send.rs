//! One call: send it once, weigh what came back, keep what may be kept.

use super::account::sensitive;
use super::contract;
use super::failure::Failure;
use super::{ThingSpace, said};
use crate::answer::{Answer, Evidence, Kind, Outcome, Postponed, Refusal, RefusedBy, Said, SignInPart, classify};
use crate::carriers::{Operation, SignIn};
use crate::exchange::Secrets;
use crate::http::{Received, Response};
use crate::{Exchange, Permit, pause};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Request, Url};
use secrecy::{ExposeSecret as _, SecretString};
use std::time::Duration;

const SESSION: HeaderName = HeaderName::from_static("vz-m2m-token");
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// What is sent, besides what it is signed in with.
pub(super) struct Asked {
    pub(super) operation: Operation,
    pub(super) method: Method,
    /// Below the base URL, with its slash.
    pub(super) path: String,
    pub(super) body: Option<Body>,
    pub(super) keep: Keep,
    /// What is secret in this request alone.
    pub(super) secrets: Vec<SecretString>,
}

pub(super) enum Body {
    Json(String),
    Form(&'static str),
}

/// What may be kept of the bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// Both.
    Bodies,
    /// What was sent, and of a success the length: pages are long, and the mirror has their records anyway.
    Length,
    /// Neither what was sent nor a success: tokens and passwords are all there is to them.
    Neither,
}

/// By what a call is signed in.
#[derive(Clone, Copy)]
pub(super) enum Signed<'a> {
    /// By the application's key and secret, to get a bearer.
    ByKey,
    /// By the bearer, to get a session.
    ByBearer(&'a SignIn),
    /// By both.
    InFull(&'a SignIn),
}

impl ThingSpace {
    /// Sends the request and decides what came of it; `prove` sees the status and the body of a 2xx only.
    pub(super) async fn call<T>(
        &self,
        permit: Permit,
        signed: Signed<'_>,
        asked: Asked,
        prove: impl FnOnce(u16, &str) -> Result<T, String>,
    ) -> Outcome<T> {
        let secrets = self.secrets_of(signed).and(asked.secrets.clone());
        let mut exchange = Exchange { request: kept(&asked, &secrets), ..Exchange::default() };
        let headers = match self.headers(signed) {
            Ok(headers) => headers,
            Err(part) => return lapsed(permit, exchange, part),
        };
        let (operation, keep) = (asked.operation, asked.keep);
        let kind = contract::kind_of(operation);
        let settings = self.http.settings();
        let most_bytes = if keep == Keep::Length { settings.most_page_bytes } else { settings.most_bytes };
        let path = asked.path.clone();
        let request = self.request(asked, headers);
        let evidence = match self.http.send(permit, kind, request, most_bytes).await {
            Received::NotSent(how) => Evidence::NotSent(how),
            Received::NoAnswer(trouble) => Evidence::NoAnswer(trouble),
            Received::Answer(response) => {
                exchange.status = Some(response.status);
                exchange.response = Some(kept_of(&response, keep, &secrets));
                let said = self.weigh(kind, signed, &response, &secrets, prove);
                Evidence::Answered { status: response.status, said }
            }
        };
        let answer = classify(kind, evidence, &self.settings.waits);
        tracing::debug!(
            operation = operation.word(),
            path,
            status = exchange.status,
            answer = answer.word(),
            "thingspace.call"
        );
        Outcome { answer, exchange }
    }

    /// What we refuse ourselves, before a permit is turned into a request.
    pub(super) fn refuse<T>(&self, permit: Permit, asked: &Asked, code: Option<&str>, message: &str) -> Outcome<T> {
        permit.spend();
        let code = code.map(str::to_owned);
        let refusal = Refusal { by: RefusedBy::Ourselves, status: None, code, message: message.to_owned() };
        let exchange = Exchange { request: kept(asked, &self.secrets), ..Exchange::default() };
        Outcome { answer: Answer::Refused(refusal), exchange }
    }

    fn secrets_of(&self, signed: Signed<'_>) -> Secrets {
        match signed {
            Signed::ByKey => self.secrets.and(Vec::new()),
            Signed::ByBearer(sign_in) | Signed::InFull(sign_in) => self.secrets.and(sign_in.words()),
        }
    }

    /// Or the part that is lacking, or that no header can carry: both are mended by getting another one.
    fn headers(&self, signed: Signed<'_>) -> Result<HeaderMap, SignInPart> {
        let mut headers = HeaderMap::new();
        let token =
            |sign_in: &SignIn, part| sign_in.token(part).map(|token: &SecretString| token.expose_secret().to_owned());
        if let Signed::ByKey = signed {
            headers.extend(self.credentials.basic().map(|basic| (AUTHORIZATION, basic)));
        }
        if let Signed::ByBearer(sign_in) | Signed::InFull(sign_in) = signed {
            let bearer = token(sign_in, SignInPart::Bearer).and_then(|token| sensitive(&format!("Bearer {token}")));
            headers.insert(AUTHORIZATION, bearer.ok_or(SignInPart::Bearer)?);
        }
        if let Signed::InFull(sign_in) = signed {
            let session = token(sign_in, SignInPart::Session).and_then(|token| sensitive(&token));
            headers.insert(SESSION, session.ok_or(SignInPart::Session)?);
        }
        Ok(headers)
    }

    fn request(&self, asked: Asked, headers: HeaderMap) -> Request {
        let mut request = Request::new(asked.method, self.url(&asked.path));
        *request.headers_mut() = headers;
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static(JSON));
        if let Some(body) = asked.body {
            let (content_type, body) = match body {
                Body::Json(json) => (JSON, json.into()),
                Body::Form(form) => (FORM, form.into()),
            };
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
            *request.body_mut() = Some(body);
        }
        request
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        let below = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{below}{path}"));
        url
    }

    /// ThingSpace's decoder: what status, headers and body mean together.
    fn weigh<T>(
        &self,
        kind: Kind,
        signed: Signed<'_>,
        response: &Response,
        secrets: &Secrets,
        prove: impl FnOnce(u16, &str) -> Result<T, String>,
    ) -> Said<T> {
        let retry_after = response.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        // Only the header: what a throttled answer's prose looks like is not public, and its codes are numbers, too.
        let after = || -> Option<Duration> { pause::asked_for("", retry_after, self.clock.now()) };
        let inferred = &self.settings.inferred;
        // Nobody is to sign in again and again with what is not accepted: five times lock the user out.
        let refuses_all = inferred.errors_of_signing_in_refuse
            && !matches!(signed, Signed::InFull(_))
            && (400..500).contains(&response.status)
            && !matches!(response.status, 408 | 425 | 499);
        let body = match &response.body {
            Ok(bytes) => text(bytes),
            Err(_) if response.status == 429 => return Said::Throttled { after: after() },
            Err(trouble) if refuses_all => return Said::CredentialsRefused(trouble.to_string()),
            Err(trouble) => return Said::Incomplete(trouble.clone()),
        };
        if (200..300).contains(&response.status) {
            return prove(response.status, &body).map_or_else(Said::Nothing, Said::Proof);
        }
        let failure = Failure::read(&body);
        if response.status == 429 || said::is_throttle(inferred, &failure) {
            return Said::Throttled { after: after() };
        }
        match said::of(inferred, (kind, signed), response.status, &failure, secrets) {
            Said::KnownError(_) | Said::Nothing(_) if refuses_all => {
                Said::CredentialsRefused(secrets.words(failure.message()))
            }
            said => said,
        }
    }
}

fn lapsed<T>(permit: Permit, exchange: Exchange, part: SignInPart) -> Outcome<T> {
    permit.spend();
    let why = Postponed::SignInLapsed(part);
    Outcome { answer: Answer::TryLater { after: Duration::ZERO, why }, exchange }
}

fn kept(asked: &Asked, secrets: &Secrets) -> String {
    let words = format!("{} {}", asked.method, secrets.scrub(&asked.path));
    match &asked.body {
        Some(Body::Json(json)) if asked.keep != Keep::Neither => format!("{words} {}", secrets.body(json)),
        Some(_) => format!("{words} [not kept]"),
        None => words,
    }
}

fn kept_of(response: &Response, keep: Keep, secrets: &Secrets) -> String {
    let succeeded = (200..300).contains(&response.status);
    match (&response.body, keep) {
        (Err(trouble), _) => format!("[{trouble}]"),
        (Ok(bytes), Keep::Length | Keep::Neither) if succeeded => format!("[{} bytes]", bytes.len()),
        (Ok(bytes), _) => secrets.body(&text(bytes)),
    }
}

/// Without the byte order mark that .NET likes to write. What is not UTF-8 is replaced, and reads as what it is not.
fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes))
}
