//! A browser as a test needs one: it keeps cookies, follows nothing by itself, and sends forms with the token of the page that it
//! last saw. It runs no script; what a page is has to be in its HTML.

use crate::app::TestApp;
use anyhow::{Context as _, Result, ensure};
use database::fleet::Fleet;
use database::fleet_people::FirstPassword;
use database::person::{Made, NewPerson};
use domain::email::Email;
use domain::ids::{ApiKeyId, PersonId, TenantId};
use domain::rights::Role;
use reqwest::header::{HeaderMap, LOCATION, SET_COOKIE};
use reqwest::{Method, RequestBuilder, StatusCode};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// A page that came back.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The status code.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The HTML.
    pub html: String,
}

impl Seen {
    /// Where it sends one on to.
    #[must_use]
    pub fn location(&self) -> &str {
        self.headers.get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The value of the first hidden field of this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        let at = self.html.find(&format!("name=\"{name}\" value=\""))?;
        self.html[at..].split('"').nth(3)
    }
}

/// The password of everybody whom [`TestApp::person`] makes.
pub const PASSWORD: &str = "correct horse battery staple";

/// A browser.
#[derive(Debug)]
pub struct Browser {
    http: reqwest::Client,
    /// Where it asks.
    pub url: String,
    /// Its cookies.
    pub cookies: BTreeMap<String, String>,
    /// The token of the forms of the page it last saw.
    pub form_token: String,
}

impl Browser {
    /// A new one, for this address, that comes from there.
    ///
    /// # Errors
    /// The process has no TLS.
    pub fn from(url: &str, address: [u8; 4]) -> Result<Self> {
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .local_address(IpAddr::from(address))
            .build()?;
        Ok(Self { http, url: url.to_owned(), cookies: BTreeMap::new(), form_token: String::new() })
    }

    /// A request with its cookies, that wants a page.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = self.http.request(method, format!("{}{path}", self.url)).header("accept", "text/html");
        if cookies.is_empty() { request } else { request.header("cookie", cookies.join("; ")) }
    }

    /// Sends it, and keeps what comes with the answer.
    ///
    /// # Errors
    /// No answer came.
    pub async fn send(&mut self, request: RequestBuilder) -> Result<Seen> {
        let response = request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        for cookie in headers.get_all(SET_COOKIE) {
            let text = cookie.to_str()?;
            let (name, value) = text.split(';').next().and_then(|pair| pair.split_once('=')).context("no cookie")?;
            if text.contains("Max-Age=0;") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let seen = Seen { status, headers, html: response.text().await? };
        if let Some(token) = seen.field("form_token") {
            token.clone_into(&mut self.form_token);
        }
        Ok(seen)
    }

    /// Looks at a page.
    ///
    /// # Errors
    /// No answer came.
    pub async fn get(&mut self, path: &str) -> Result<Seen> {
        self.send(self.request(Method::GET, path)).await
    }

    /// Sends a form with the token of the last page.
    ///
    /// # Errors
    /// No answer came.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Result<Seen> {
        let token = self.form_token.clone();
        let mut all = vec![("form_token", token.as_str())];
        all.extend(fields);
        self.post_as_it_is(path, &all).await
    }

    /// Sends exactly these fields.
    ///
    /// # Errors
    /// No answer came.
    pub async fn post_as_it_is(&mut self, path: &str, fields: &[(&str, &str)]) -> Result<Seen> {
        let body: Vec<String> =
            fields.iter().map(|(name, value)| format!("{name}={}", percent_encoded(value))).collect();
        let request = self
            .request(Method::POST, path)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.join("&"));
        self.send(request).await
    }

    /// Signs in.
    ///
    /// # Errors
    /// No answer came.
    pub async fn sign_in(&mut self, email: &str, password: &str) -> Result<Seen> {
        self.get("/sign-in").await?;
        self.post("/sign-in", &[("email", email), ("password", password), ("next", "/")]).await
    }
}

fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

impl TestApp {
    /// Somebody of this tenant who has [`PASSWORD`].
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn person_of(&self, tenant: TenantId, email: &str, role: Role) -> Result<PersonId> {
        let address = Email::read(email).context("no address")?;
        let phc = domain::password::hash(PASSWORD, &self.ids)?;
        let new = NewPerson {
            id: PersonId(self.ids.next()),
            role_id: ApiKeyId(self.ids.next()),
            email: &address,
            name: email,
            role,
            sites: None,
            site_groups: &[],
        };
        let mut fleet = Fleet::open(self.database.server()).await?;
        let made = fleet.create_person(tenant, &new, FirstPassword::Phc(&phc)).await?;
        ensure!(made == Made::Done, "{email} is taken");
        Ok(new.id)
    }

    /// Somebody of the first tenant, and their browser, signed in.
    ///
    /// # Errors
    /// The database does not answer, or does not let them in.
    pub async fn signed_in(&self, email: &str, role: Role) -> Result<(PersonId, Browser)> {
        let person = self.person_of(self.fixture.tenant, email, role).await?;
        let mut browser = Browser::from(self.url(), [127, 0, 0, 1])?;
        let seen = browser.sign_in(email, PASSWORD).await?;
        ensure!(seen.status == StatusCode::SEE_OTHER, "{} {}", seen.status, seen.html);
        browser.get("/account").await?;
        Ok((person, browser))
    }
}
