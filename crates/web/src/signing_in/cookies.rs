//! Cookies: HttpOnly, SameSite=Lax, and where people come over TLS Secure and `__Host-` (RFC 6265bis, 4.1.3): no other host,
//! no other path can set them.

use axum::http::{HeaderMap, HeaderValue, header};
use domain::secret_token::SecretToken;
use std::time::Duration;

const SESSION: &str = "ascribe_session";
const FORM: &str = "ascribe_form";
/// `light` or `dark`; none: as the system likes it.
pub(crate) const THEME: &str = "ascribe_theme";
/// `off`: no single key does anything.
pub(crate) const SHORTCUTS: &str = "ascribe_shortcuts";
/// Preferences are kept for a year.
const PREFERENCE: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The value of a cookie.
pub(crate) fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|text| text.split(';')).find_map(|pair| {
        let (found, value) = pair.trim().split_once('=')?;
        (found == name).then_some(value)
    })
}

fn named(name: &str, secure: bool) -> String {
    if secure { format!("__Host-{name}") } else { name.to_owned() }
}

fn secret(headers: &HeaderMap, name: &str, secure: bool) -> Option<SecretToken> {
    value(headers, &named(name, secure)).and_then(SecretToken::read)
}

/// The session that a request says it is of.
pub(crate) fn session(headers: &HeaderMap, secure: bool) -> Option<SecretToken> {
    secret(headers, SESSION, secure)
}

/// What ties forms to a browser in which nobody is signed in.
pub(crate) fn form(headers: &HeaderMap, secure: bool) -> Option<SecretToken> {
    secret(headers, FORM, secure)
}

/// Gives a browser its session; it forgets it when the session would be over anyway.
pub(crate) fn set_session(headers: &mut HeaderMap, token: &SecretToken, secure: bool, lasts: Duration) {
    set(headers, &named(SESSION, secure), token.reveal(), secure, lasts);
}

/// Takes it back.
pub(crate) fn end_session(headers: &mut HeaderMap, secure: bool) {
    set(headers, &named(SESSION, secure), "", secure, Duration::ZERO);
}

/// Gives a browser what ties its forms.
pub(crate) fn set_form(headers: &mut HeaderMap, token: &SecretToken, secure: bool) {
    set(headers, &named(FORM, secure), token.reveal(), secure, Duration::from_secs(24 * 60 * 60));
}

/// Keeps a preference; empty: forgets it.
pub(crate) fn set_preference(headers: &mut HeaderMap, name: &str, value: &str, secure: bool) {
    set(headers, name, value, secure, if value.is_empty() { Duration::ZERO } else { PREFERENCE });
}

fn set(headers: &mut HeaderMap, name: &str, value: &str, secure: bool, lasts: Duration) {
    let tls = if secure { "; Secure" } else { "" };
    let cookie = format!("{name}={value}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax{tls}", lasts.as_secs());
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        headers.append(header::SET_COOKIE, cookie);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others_and_never_under_the_other_name() {
        let ids = domain::ids::Ids::new(domain::clock::Clock::fixed(jiff::Timestamp::UNIX_EPOCH), [1; 32]);
        let token = SecretToken::new(&ids);
        let sent = |text: String| HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_str(&text).unwrap())]);
        let plain = sent(format!("a=b; ascribe_session={}; c=d", token.reveal()));
        assert_eq!(session(&plain, false), Some(token.clone()));
        assert_eq!(session(&plain, true), None, "over TLS only what nobody else can set");
        assert_eq!(session(&sent(format!("__Host-ascribe_session={}", token.reveal())), true), Some(token));
        assert_eq!(session(&sent("ascribe_session=nonsense".into()), false), None);
    }

    #[test]
    fn over_tls_a_cookie_is_host_only_and_secure() {
        let ids = domain::ids::Ids::new(domain::clock::Clock::fixed(jiff::Timestamp::UNIX_EPOCH), [1; 32]);
        let mut headers = HeaderMap::new();
        set_session(&mut headers, &SecretToken::new(&ids), true, Duration::from_secs(60));
        let cookie = headers[header::SET_COOKIE].to_str().unwrap();
        assert!(cookie.starts_with("__Host-ascribe_session="), "{cookie}");
        assert!(cookie.ends_with("; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure"), "{cookie}");
    }
}
