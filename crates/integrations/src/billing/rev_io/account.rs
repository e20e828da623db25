//! Who calls, and where (`rev_io.md` C1).

use crate::HttpClient;
use crate::exchange::Secrets;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};

const SUBSCRIPTION_KEY: HeaderName = HeaderName::from_static("ocp-apim-subscription-key");

/// What signs in at Rev.io.
#[derive(Clone, Debug)]
pub struct Account {
    /// With the version: `https://api.revioapi.com/v1`, or the older `https://restapi.rev.io/v1`.
    pub base_url: String,
    /// `username@clientcode`; another client code is the sandbox.
    pub username: String,
    /// For Basic.
    pub password: SecretString,
    /// For `Ocp-Apim-Subscription-Key`; the older host asks for none.
    pub subscription_key: Option<SecretString>,
}

/// Why an account cannot be called. Says nothing that is secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountUnusable {
    /// No URL, or one with credentials, a query or a fragment in it.
    #[error("the base URL is not a plain address such as https://api.revioapi.com/v1")]
    BaseUrl,
    /// Credentials would go in the clear.
    #[error("the base URL must be https, or http to this machine")]
    NotEncrypted,
    /// RFC 7617 ends the user name at the first colon.
    #[error("the user name is empty or has a colon or a control character in it")]
    Username,
    /// RFC 7617 admits none.
    #[error("the password is empty or has a control character in it")]
    Password,
    /// It goes into a header as it is.
    #[error("the subscription key is empty or has characters in it that no header can carry")]
    SubscriptionKey,
}

impl Account {
    pub(super) fn address(&self, http: &HttpClient) -> Result<Url, AccountUnusable> {
        let url = Url::parse(self.base_url.trim().trim_end_matches('/')).map_err(|_| AccountUnusable::BaseUrl)?;
        let has_user = !url.username().is_empty() || url.password().is_some();
        if has_user || url.query().is_some() || url.fragment().is_some() || url.cannot_be_a_base() {
            return Err(AccountUnusable::BaseUrl);
        }
        if http.may_go_to(&url) { Ok(url) } else { Err(AccountUnusable::NotEncrypted) }
    }

    pub(super) fn into_credentials(self) -> Result<Credentials, AccountUnusable> {
        let is_plain = |text: &str| !text.is_empty() && !text.contains(char::is_control);
        if !is_plain(&self.username) || self.username.contains(':') {
            return Err(AccountUnusable::Username);
        }
        if !is_plain(self.password.expose_secret()) {
            return Err(AccountUnusable::Password);
        }
        if let Some(key) = &self.subscription_key {
            let fits = HeaderValue::from_str(key.expose_secret()).is_ok();
            if !fits || !is_plain(key.expose_secret()) {
                return Err(AccountUnusable::SubscriptionKey);
            }
        }
        let pair = format!("{}:{}", self.username, self.password.expose_secret());
        let basic = SecretString::from(BASE64_STANDARD.encode(pair));
        Ok(Credentials { basic, password: self.password, subscription_key: self.subscription_key })
    }
}

pub(super) struct Credentials {
    basic: SecretString,
    password: SecretString,
    subscription_key: Option<SecretString>,
}

impl Credentials {
    pub(super) fn secrets(&self) -> Secrets {
        let words = [Some(&self.basic), Some(&self.password), self.subscription_key.as_ref()];
        Secrets::new(words.into_iter().flatten().cloned().collect())
    }

    /// Puts them on, marked so that nothing prints them. Looked at in [`Account::into_credentials`], they always fit.
    pub(super) fn put_on(&self, headers: &mut HeaderMap) {
        let basic = format!("Basic {}", self.basic.expose_secret());
        let key = self.subscription_key.as_ref().map(|key| (SUBSCRIPTION_KEY, key.expose_secret().to_owned()));
        for (name, value) in [(AUTHORIZATION, basic)].into_iter().chain(key) {
            if let Ok(mut value) = HeaderValue::from_str(&value) {
                value.set_sensitive(true);
                headers.insert(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HttpSettings;

    fn account() -> Account {
        Account {
            base_url: "https://api.revioapi.com/v1/".to_owned(),
            username: "api@example".to_owned(),
            password: SecretString::from("canary-password"),
            subscription_key: Some(SecretString::from("canary-key")),
        }
    }

    fn address(base_url: &str) -> Result<String, AccountUnusable> {
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = HttpClient::new(HttpSettings::default()).unwrap();
        Account { base_url: base_url.to_owned(), ..account() }.address(&http).map(String::from)
    }

    #[test]
    fn an_address_is_plain_and_encrypted() {
        assert_eq!(address(" https://api.revioapi.com/v1/ ").as_deref(), Ok("https://api.revioapi.com/v1"));
        for url in ["", "api.revioapi.com", "mailto:x@y", "https://u:p@h/v1", "https://h/v1?a=b", "https://h/v1#a"] {
            assert_eq!(address(url), Err(AccountUnusable::BaseUrl), "{url}");
        }
        assert_eq!(address("http://api.revioapi.com/v1"), Err(AccountUnusable::NotEncrypted));
    }

    #[test]
    fn credentials_that_no_header_can_carry_are_refused_by_name_only() {
        let unusable = |account: Account| account.into_credentials().err();
        let username = |name: &str| unusable(Account { username: name.to_owned(), ..account() });
        assert_eq!(username(""), Some(AccountUnusable::Username));
        assert_eq!(username("a:b"), Some(AccountUnusable::Username));
        let password = |word: &str| unusable(Account { password: SecretString::from(word), ..account() });
        assert_eq!(password(""), Some(AccountUnusable::Password));
        assert_eq!(password("canary\r\nX: y"), Some(AccountUnusable::Password));
        let key = |key: &str| unusable(Account { subscription_key: Some(SecretString::from(key)), ..account() });
        assert_eq!(key("canary\n"), Some(AccountUnusable::SubscriptionKey));
        assert_eq!(key(""), Some(AccountUnusable::SubscriptionKey));
        assert!(account().into_credentials().is_ok());
        assert!(!format!("{:?}", account()).contains("canary"));
    }

    #[test]
    fn headers_are_marked_as_sensitive() {
        let mut headers = HeaderMap::new();
        account().into_credentials().unwrap().put_on(&mut headers);
        assert_eq!(headers.len(), 2);
        assert!(headers.values().all(HeaderValue::is_sensitive));
        assert!(!format!("{headers:?}").contains("canary"));
    }
}
