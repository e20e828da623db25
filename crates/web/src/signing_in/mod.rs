//! Signing in: what is kept of it in this process, and who a request's cookie is. Passwords are hashed off the threads that
//! answer, few at a time; tries are slowed down by account and address; cookies are tied to forms by a token.

pub(crate) mod cookies;
mod origin;
mod passwords;
mod set_up;
mod throttle;

pub(crate) use origin::same_origin;
pub(crate) use passwords::Passwords;
pub use set_up::SetUp;

use crate::App;
use crate::problem::Problem;
use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap};
use database::api_key::Caller;
use database::person::session::{Session, SessionLimits};
use domain::email::Email;
use domain::ids::{Ids, TenantId};
use domain::rights::Rights;
use domain::secret_token::SecretToken;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use throttle::Throttle;

/// How people sign in here.
#[derive(Clone, Debug)]
pub struct PeopleSettings {
    /// How long sessions last.
    pub limits: SessionLimits,
    /// The address that people use, such as `https://ascribe.example`; none: whatever they came to, without TLS.
    pub public_url: Option<String>,
    /// Where links lead if there is none.
    pub own_url: String,
    /// How many proxies stand in front, each adding to `X-Forwarded-For`.
    pub proxies: usize,
}

/// What is kept of signing in, in this process.
#[derive(Clone, Debug)]
pub struct People(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: PeopleSettings,
    passwords: Passwords,
    throttle: Throttle,
    set_up: SetUp,
}

/// The header in which a script sends what a form has in its field.
pub(crate) const FORM_TOKEN_HEADER: &str = "x-csrf-token";

impl People {
    /// Nobody has tried anything yet.
    #[must_use]
    pub fn new(settings: PeopleSettings, set_up: SetUp, ids: &Ids) -> Self {
        let (passwords, throttle) = (Passwords::new(ids), Throttle::default());
        Self(Arc::new(Inner { settings, passwords, throttle, set_up }))
    }

    pub(crate) fn limits(&self) -> SessionLimits {
        self.0.settings.limits
    }

    pub(crate) fn passwords(&self) -> &Passwords {
        &self.0.passwords
    }

    pub(crate) fn set_up(&self) -> &SetUp {
        &self.0.set_up
    }

    /// Does everybody come over TLS? Then cookies say so.
    pub(crate) fn is_secure(&self) -> bool {
        self.public_url().is_some_and(|url| url.starts_with("https://"))
    }

    pub(crate) fn public_url(&self) -> Option<&str> {
        self.0.settings.public_url.as_deref().map(|url| url.trim_end_matches('/'))
    }

    /// The link of an invitation.
    pub(crate) fn invitation_link(&self, token: &SecretToken) -> String {
        let url = self.public_url().unwrap_or(&self.0.settings.own_url);
        format!("{url}/invitation/{}", token.reveal())
    }

    /// What those who have not asked for long are known by is forgotten.
    pub fn forget_the_idle(&self) {
        self.0.throttle.forget_the_idle(now());
    }

    /// Lets a sign-in through, or says how long it has to wait.
    pub(crate) fn begin(&self, email: &Email, address: IpAddr) -> Result<throttle::Try, Duration> {
        self.0.throttle.begin(email, address, now())
    }

    /// The password was right.
    pub(crate) fn was_right(&self, right: throttle::Try) {
        self.0.throttle.was_right(right);
    }

    /// From where a request comes: the connection's other end, or what as many proxies say as we were told of.
    pub(crate) fn address(&self, headers: &HeaderMap, extensions: &Extensions) -> IpAddr {
        let peer = extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let forwarded = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let hops: Vec<&str> = forwarded.flat_map(|text| text.split(',')).map(str::trim).collect();
        let told = match self.0.settings.proxies {
            0 => None,
            proxies => hops.len().checked_sub(proxies).and_then(|place| hops[place].parse().ok()),
        };
        told.or(peer).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }
}

#[expect(clippy::disallowed_methods, reason = "how long somebody has to wait is the machine's time")]
fn now() -> Instant {
    Instant::now()
}

/// Somebody whose session lasts, with what they may do where they act.
#[derive(Clone, Debug)]
pub(crate) struct SignedIn {
    pub(crate) session: Session,
    pub(crate) token: SecretToken,
    pub(crate) caller: Caller,
    pub(crate) rights: Arc<Rights>,
}

/// Who the cookie of this request is; None: it has none, or of a session that is over.
pub(crate) async fn signed_in(app: &App, headers: &HeaderMap) -> Result<Option<SignedIn>, Problem> {
    let Some(token) = cookies::session(headers, app.people.is_secure()) else { return Ok(None) };
    let Some(session) = database::person::session::found(&app.ledger, &token, app.people.limits()).await? else {
        return Ok(None);
    };
    let rights = database::rights::of(&app.ledger, session.acting, session.role).await?;
    let caller = Caller::new(session.acting, session.role, &rights).of_person(Some(session.key.person));
    Ok(Some(SignedIn { session, token, caller, rights: Arc::new(rights) }))
}

/// What a form carries so that we know it for ours: it follows from the cookie, and nobody else can tell it; and from the tenant that is
/// acted in, so that a form from before somebody went to another tenant does nothing there.
pub(crate) fn form_token(cookie: &SecretToken, acting: Option<TenantId>) -> String {
    match acting {
        Some(tenant) => cookie.derived(&format!("form {tenant}")),
        None => cookie.derived("form"),
    }
}

/// Are these the same? Takes as long whatever they are.
pub(crate) fn same(given: &str, expected: &str) -> bool {
    given.len() == expected.len() && given.bytes().zip(expected.bytes()).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

pub(crate) fn foreign() -> Problem {
    Problem::new(
        axum::http::StatusCode::FORBIDDEN,
        "FORM_NOT_OURS",
        "This did not come from a page of ours, or from one that is too old. Load the page again, and send it again.",
    )
}
