//! Provisioning history (`thingspace.md` 2.3): oldest first; who wants more asks again from a later instant on.

use super::body;
use super::codes;
use super::device::Event;
use super::identifiers::WireId;
use super::listing;
use super::profile::Profile;
use super::refusal::Refusal;
use super::wire;
use crate::call::{Answer, Call};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    device_id: Option<WireId>,
    earliest: Option<String>,
    latest: Option<String>,
}

/// `POST /devices/history/actions/list`.
pub(super) fn list(profile: &Profile, call: &Call) -> Result<Answer, Refusal> {
    let asked: Asked = body::read(call)?;
    let id = asked.device_id.ok_or(codes::IDENTIFIER_INVALID)?;
    let ids = body::ids(std::slice::from_ref(&id))?;
    let device = ids.iter().find_map(|(kind, id)| profile.devices.find(*kind, id)).ok_or(codes::DEVICE_NOT_FOUND)?;
    let earliest = listing::instant(&asked.earliest.ok_or(codes::DATE_INVALID)?)?;
    let latest = listing::instant(&asked.latest.ok_or(codes::DATE_INVALID)?)?;
    let events = device.history.iter().filter(|event| (earliest..=latest).contains(&event.at));
    let mut events: Vec<Value> = events.map(shown).collect();
    let most = profile.settings.most_records_in_a_page;
    let more = events.len() > most;
    events.truncate(most);
    let body = json!({ "provisioningHistory": events, "hasMoreData": more });
    let body = if profile.inferred.history_in_a_list { json!([body]) } else { body };
    Ok(Answer::json(if more { StatusCode::ACCEPTED } else { StatusCode::OK }, &body))
}

fn shown(event: &Event) -> Value {
    let mut shown = Map::new();
    let mut put = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            shown.insert(name.to_owned(), Value::String(value));
        }
    };
    put("occurredAt", Some(wire::date(event.at)));
    put("status", Some(event.status.to_owned()));
    put("eventBy", Some(event.by.clone()));
    put("eventType", Some(event.event.to_owned()));
    put("servicePlan", event.plan.clone());
    put("mdn", event.mdn.clone());
    put("msisdn", event.msisdn.clone());
    shown.insert("extendedAttributes".to_owned(), json!([]));
    Value::Object(shown)
}
