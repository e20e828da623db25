//! Signing in (`thingspace.md` 1): a bearer token for an hour, a session token for as long as it is used. Whoever keeps them
//! renews them when they have run out, and not before: a second bearer within its hour is the same one.

use super::ThingSpace;
use super::proof;
use super::send::{Asked, Body, Keep, Signed};
use super::wire::filled;
use super::wire::request::LogIn;
use super::wire::setup::{BearerToken, SessionToken};
use crate::Permit;
use crate::answer::{Answer, Outcome, SignInPart};
use crate::carriers::{Operation, SignIn};
use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};

/// Longer tokens are none.
const MOST_TOKEN: usize = 4 * 1024;

impl ThingSpace {
    /// The same sign-in with the part that it lacks first: the bearer, then the session. One request; if nothing is lacking,
    /// none is made.
    pub async fn renew(&self, permit: Permit, sign_in: &SignIn) -> Outcome<SignIn> {
        let renewed = match self.lacks(sign_in) {
            Some(SignInPart::Bearer) => self.bearer(permit).await,
            Some(SignInPart::Session) => self.session(permit, sign_in).await,
            None => {
                permit.spend();
                return Outcome { answer: Answer::Done(sign_in.clone()), exchange: crate::Exchange::default() };
            }
        };
        renewed.map(|answer| answer.map(|(part, token)| sign_in.clone().with(part, token)))
    }

    async fn bearer(&self, permit: Permit) -> Outcome<(SignInPart, SecretString)> {
        let asked = Asked {
            operation: Operation::GetBearer,
            method: Method::POST,
            path: "/ts/v1/oauth2/token".to_owned(),
            body: Some(Body::Form("grant_type=client_credentials")),
            keep: Keep::Neither,
            secrets: Vec::new(),
        };
        let prove = |_: u16, text: &str| {
            let token: BearerToken = proof::object(text)?;
            if token.token_type.is_some_and(|kind| !kind.trim().eq_ignore_ascii_case("bearer")) {
                return Err("the token is no bearer token".to_owned());
            }
            Ok((SignInPart::Bearer, usable(token.access_token)?))
        };
        self.call(permit, Signed::ByKey, asked, prove).await
    }

    /// Counts towards the five that lock the user out, if it is refused.
    async fn session(&self, permit: Permit, sign_in: &SignIn) -> Outcome<(SignInPart, SecretString)> {
        let body = LogIn {
            username: self.credentials.username.expose_secret(),
            password: self.credentials.password.expose_secret(),
        };
        let asked = Asked {
            operation: Operation::LogIn,
            method: Method::POST,
            path: "/m2m/v1/session/login".to_owned(),
            body: serde_json::to_string(&body).ok().map(Body::Json),
            keep: Keep::Neither,
            secrets: Vec::new(),
        };
        let prove = |_: u16, text: &str| {
            let token: SessionToken = proof::object(text)?;
            Ok((SignInPart::Session, usable(token.session_token)?))
        };
        self.call(permit, Signed::ByBearer(sign_in), asked, prove).await
    }
}

/// A token that a header can carry.
fn usable(token: Option<String>) -> Result<SecretString, String> {
    let token = filled(token).ok_or("the answer has no token")?;
    let fits = token.len() <= MOST_TOKEN && token.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(SecretString::from(token)) } else { Err("the answer's token is none".to_owned()) }
}
