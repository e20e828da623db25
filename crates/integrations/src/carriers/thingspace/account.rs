//! Who calls, and where (`thingspace.md` 1).

use crate::HttpClient;
use crate::exchange::Secrets;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::Url;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};

/// What signs in at ThingSpace.
#[derive(Clone, Debug)]
pub struct ThingSpaceAccount {
    /// Up to and with `/api`: `https://thingspace.verizon.com/api`.
    pub base_url: String,
    /// The application's key, for the bearer token.
    pub key: SecretString,
    /// The application's secret.
    pub secret: SecretString,
    /// Of the user of the connectivity API, for the session token.
    pub username: SecretString,
    /// Of that user.
    pub password: SecretString,
    /// The billing account at Verizon: `0000123456-00001`, with its zeros.
    pub account_name: String,
}

/// Why an account cannot be called. Says nothing that is secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ThingSpaceAccountUnusable {
    /// No URL, or one with credentials, a query or a fragment in it.
    #[error("the base URL is not a plain address such as https://thingspace.verizon.com/api")]
    BaseUrl,
    /// Credentials would go in the clear.
    #[error("the base URL must be https, or http to this machine")]
    NotEncrypted,
    /// RFC 7617 ends the user name at the first colon.
    #[error("the application's key is empty or has a colon or a control character in it")]
    Key,
    /// RFC 7617 admits none.
    #[error("the application's secret is empty or has a control character in it")]
    Secret,
    /// Nobody to log in.
    #[error("the user name is empty or has a control character in it")]
    Username,
    /// Nothing to log in with.
    #[error("the password is empty or has a control character in it")]
    Password,
    /// It goes into paths.
    #[error("the account's name is not of letters, digits, hyphens and underscores, such as 0000123456-00001")]
    AccountName,
}

impl ThingSpaceAccount {
    pub(super) fn address(&self, http: &HttpClient) -> Result<Url, ThingSpaceAccountUnusable> {
        let url = Url::parse(self.base_url.trim().trim_end_matches('/'));
        let url = url.map_err(|_| ThingSpaceAccountUnusable::BaseUrl)?;
        let has_user = !url.username().is_empty() || url.password().is_some();
        if has_user || url.query().is_some() || url.fragment().is_some() || url.cannot_be_a_base() {
            return Err(ThingSpaceAccountUnusable::BaseUrl);
        }
        if http.may_go_to(&url) { Ok(url) } else { Err(ThingSpaceAccountUnusable::NotEncrypted) }
    }

    pub(super) fn into_credentials(self) -> Result<Credentials, ThingSpaceAccountUnusable> {
        let is_plain = |word: &SecretString| {
            let text = word.expose_secret();
            !text.is_empty() && !text.contains(char::is_control)
        };
        let name = self.account_name.trim();
        let fits_a_path = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if !is_plain(&self.key) || self.key.expose_secret().contains(':') {
            return Err(ThingSpaceAccountUnusable::Key);
        }
        if !is_plain(&self.secret) {
            return Err(ThingSpaceAccountUnusable::Secret);
        }
        if !is_plain(&self.username) {
            return Err(ThingSpaceAccountUnusable::Username);
        }
        if !is_plain(&self.password) {
            return Err(ThingSpaceAccountUnusable::Password);
        }
        if name.is_empty() || name.len() > 64 || !name.chars().all(fits_a_path) {
            return Err(ThingSpaceAccountUnusable::AccountName);
        }
        let pair = format!("{}:{}", self.key.expose_secret(), self.secret.expose_secret());
        let basic = SecretString::from(BASE64_STANDARD.encode(pair));
        Ok(Credentials { basic, key: self.key, secret: self.secret, username: self.username, password: self.password })
    }
}

pub(super) struct Credentials {
    basic: SecretString,
    key: SecretString,
    secret: SecretString,
    pub(super) username: SecretString,
    pub(super) password: SecretString,
}

impl Credentials {
    pub(super) fn secrets(&self) -> Secrets {
        let words = [&self.basic, &self.secret, &self.password, &self.key, &self.username];
        Secrets::new(words.into_iter().cloned().collect())
    }

    /// For the bearer token only. Base64 always fits a header.
    pub(super) fn basic(&self) -> Option<HeaderValue> {
        sensitive(&format!("Basic {}", self.basic.expose_secret()))
    }
}

/// Marked, so that nothing prints it; none if no header can carry it.
pub(super) fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HttpSettings;

    fn account() -> ThingSpaceAccount {
        ThingSpaceAccount {
            base_url: "https://thingspace.verizon.com/api/".to_owned(),
            key: SecretString::from("canary-key"),
            secret: SecretString::from("canary-secret"),
            username: SecretString::from("canary-user"),
            password: SecretString::from("canary-password"),
            account_name: "0000123456-00001".to_owned(),
        }
    }

    fn address(base_url: &str) -> Result<String, ThingSpaceAccountUnusable> {
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = HttpClient::new(HttpSettings::default()).unwrap();
        ThingSpaceAccount { base_url: base_url.to_owned(), ..account() }.address(&http).map(String::from)
    }

    #[test]
    fn an_address_is_plain_and_encrypted() {
        let public = "https://thingspace.verizon.com/api";
        assert_eq!(address(&format!(" {public}/ ")).as_deref(), Ok(public));
        for url in ["", "thingspace", "mailto:x@y", "https://u:p@h/api", "https://h/api?a=b", "https://h/api#a"] {
            assert_eq!(address(url), Err(ThingSpaceAccountUnusable::BaseUrl), "{url}");
        }
        assert_eq!(address("http://thingspace.verizon.com/api"), Err(ThingSpaceAccountUnusable::NotEncrypted));
    }

    #[test]
    fn what_cannot_be_sent_is_refused_by_name_only() {
        let unusable = |change: fn(&mut ThingSpaceAccount)| {
            let mut changed = account();
            change(&mut changed);
            changed.into_credentials().err()
        };
        assert_eq!(unusable(|_| {}), None);
        assert_eq!(unusable(|a| a.key = "a:b".into()), Some(ThingSpaceAccountUnusable::Key));
        assert_eq!(unusable(|a| a.secret = "".into()), Some(ThingSpaceAccountUnusable::Secret));
        assert_eq!(unusable(|a| a.username = "a\n".into()), Some(ThingSpaceAccountUnusable::Username));
        assert_eq!(unusable(|a| a.password = "".into()), Some(ThingSpaceAccountUnusable::Password));
        for name in ["", "a/b", "a b", "..", "a%2F"] {
            let changed = ThingSpaceAccount { account_name: name.to_owned(), ..account() };
            assert_eq!(changed.into_credentials().err(), Some(ThingSpaceAccountUnusable::AccountName), "{name}");
        }
        assert!(!format!("{:?}", account()).contains("canary"));
        let basic = account().into_credentials().unwrap().basic().unwrap();
        assert!(basic.is_sensitive() && !format!("{basic:?}").contains("Y2FuYXJ5"));
    }
}
