//! Where callbacks go (`thingspace.md` 3.1): one URL for each service of an account.

use super::account::Listener;
use super::body;
use super::codes::{self, Code};
use super::inferred::NoListeners;
use super::profile::Profile;
use super::refusal::Refusal;
use crate::call::{Answer, Call};
use axum::http::{StatusCode, Uri};
use serde::Deserialize;
use serde_json::{Value, json};

/// The services. The last is spelt in two ways.
const SERVICES: [&str; 17] = [
    "CarrierService",
    "DeviceService",
    "StateService",
    "DeviceSuspensionStatus",
    "DeviceUsage",
    "DevicePRLInformation",
    "DeviceProfileService",
    "ExternalProvisioningChanges",
    "ResumeTrackingNotification",
    "EnhancedConnectivityService",
    "SMSDeliveryConfirmation",
    "NiddService",
    "DiagnosticsService",
    "PromoChanges",
    "SubscriptionNotificationService",
    "AlertService",
    "AlertsService",
];
const MOST_CREDENTIAL_SIGNS: usize = 40;

#[derive(Deserialize)]
struct New {
    name: Option<String>,
    url: Option<String>,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    password: Option<String>,
}

/// `POST /callbacks/{account}`.
pub(super) fn register(profile: &mut Profile, name: &str, call: &Call, others: &[String]) -> Result<Answer, Refusal> {
    profile.named_account(name, others)?;
    let new: New = body::read(call)?;
    let service = new.name.ok_or_else(|| Code::not_defined("Name"))?;
    let service = SERVICES.into_iter().find(|known| *known == service).ok_or(codes::SERVICE_NAME)?;
    let url = new.url.ok_or_else(|| Code::not_defined("Url"))?;
    if !admits(&url, profile.settings.callback_ports_of_life) {
        return Err(codes::LISTENER_URL.into());
    }
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let (username, password) = (given(new.username), given(new.password));
    let long = |text: &Option<String>| text.as_ref().is_some_and(|text| text.chars().count() > MOST_CREDENTIAL_SIGNS);
    let of_login = username.as_ref() == Some(&profile.username) || password.as_ref() == Some(&profile.password);
    if long(&username) || long(&password) || of_login {
        return Err(codes::LISTENER_CREDENTIALS.into());
    }
    let can_move = profile.inferred.listeners_can_move;
    let account = profile.account_mut(name).ok_or(codes::ACCOUNT_NOT_FOUND)?;
    if !can_move && account.listeners.get(service).is_some_and(|listener| listener.url != url) {
        return Err(codes::LISTENER_EXISTS.into());
    }
    account.listeners.insert(service.to_owned(), Listener { url, username, password });
    Ok(done(name, service))
}

fn done(account: &str, service: &str) -> Answer {
    let mut answer = Answer::json(StatusCode::OK, &json!({ "accountName": account, "serviceName": service }));
    answer.applied = true;
    answer
}

/// HTTP or HTTPS to a host, at one of life's ports if those are asked for.
fn admits(url: &str, ports_of_life: bool) -> bool {
    let Ok(uri) = url.parse::<Uri>() else { return false };
    let port = match (uri.scheme_str(), uri.port_u16()) {
        (Some("http"), port) => port.unwrap_or(80),
        (Some("https"), port) => port.unwrap_or(443),
        _ => return false,
    };
    let of_life = matches!(port, 80 | 443 | 9001..=9006 | 50551..=50559 | 28200..=28220);
    uri.host().is_some_and(|host| !host.is_empty()) && (of_life || !ports_of_life)
}

/// `GET /callbacks/{account}`.
pub(super) fn list(profile: &Profile, name: &str, others: &[String]) -> Result<Answer, Refusal> {
    let account = profile.named_account(name, others)?;
    if account.listeners.is_empty() && profile.inferred.no_listeners == NoListeners::EmptyBody {
        return Ok(Answer::bytes(StatusCode::OK, "application/json", ""));
    }
    let listeners: Vec<Value> = (account.listeners.iter())
        .map(|(service, listener)| {
            json!({
                "accountName": name, "serviceName": service, "url": listener.url,
                "username": listener.username.clone().unwrap_or_default(),
                "password": listener.password.clone().unwrap_or_default(),
            })
        })
        .collect();
    Ok(Answer::json(StatusCode::OK, &listeners))
}

/// `DELETE /callbacks/{account}/name/{service}`.
pub(super) fn deregister(
    profile: &mut Profile,
    name: &str,
    service: &str,
    others: &[String],
) -> Result<Answer, Refusal> {
    profile.named_account(name, others)?;
    let account = profile.account_mut(name).ok_or(codes::ACCOUNT_NOT_FOUND)?;
    account.listeners.remove(service).ok_or(codes::LISTENER_NOT_FOUND)?;
    Ok(done(name, service))
}
