//! What callbacks say (`thingspace.md` 3.3).

use super::device::Record;
use super::profile::Profile;
use super::wire;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

/// `restored` and `deactivated` (inferred).
pub(super) fn flag(profile: &Profile) -> Value {
    if profile.inferred.flags_are_text { json!("true") } else { json!(true) }
}

/// Changes whose member has no known name have none.
pub(super) fn changed(profile: &Profile, member: &str) -> Value {
    let mut response = Map::new();
    if profile.inferred.changes_have_members {
        response.insert(member.to_owned(), json!({}));
    }
    Value::Object(response)
}

pub(super) fn activated(profile: &Profile, id: i64) -> Value {
    let Some(record) = profile.devices.get(id).map(|device| &device.record) else { return json!({}) };
    let mut response = json!({
        "deviceIds": record.wire_ids(), "state": record.state.word(), "servicePlan": record.plan, "featureCodes": [],
    });
    if let (Some(fields), Some(address)) = (response.as_object_mut(), record.ip_address) {
        fields.insert("ipAddress".to_owned(), json!(address));
    }
    json!({ "activateResponse": response })
}

pub(super) fn identified(profile: &Profile, id: i64) -> Value {
    let Some(record) = profile.devices.get(id).map(|device| &device.record) else { return json!({}) };
    json!({ "changeIdentifierResponse": { "deviceIds": record.wire_ids(), "servicePlan": record.plan } })
}

/// Numbers are text here, as a public client has them.
pub(super) fn suspended(profile: &Profile, id: i64, now: Timestamp) -> Value {
    let settings = &profile.settings;
    let days = profile.devices.get(id).map_or(0, |device| device.suspended_days(now));
    let left = settings.suspended_days_in_a_year.saturating_sub(days);
    json!({
        "suspendResponse": {
            "expectedResumeDate": resumes(now, settings.suspended_days_running),
            "maxSuspendDaysAllowed": settings.suspended_days_running.to_string(),
            "numDaysSuspendAllowedCurrent12Months": left.to_string(),
            "numDaysSuspendedLast12Months": days.to_string(),
        }
    })
}

/// Its member's name and fields are inferred.
pub(super) fn suspension_status(profile: &Profile, record: &Record, now: Timestamp) -> Value {
    let settings = &profile.settings;
    let days = profile.devices.get(record.id).map_or(0, |device| device.suspended_days(now));
    let left = settings.suspended_days_in_a_year.saturating_sub(days);
    let mut response = json!({
        "currentState": record.state.word(),
        "maxSuspendDaysAllowed": settings.suspended_days_running.to_string(),
        "numDaysSuspendAllowedCurrent12Months": left.to_string(),
        "numDaysSuspendedLast12Months": days.to_string(),
    });
    if let (Some(fields), Some(since)) = (response.as_object_mut(), record.suspended_at) {
        fields.insert("suspendDate".to_owned(), json!(wire::date(since)));
        let resumes = resumes(since, settings.suspended_days_running);
        fields.insert("expectedResumeDate".to_owned(), json!(resumes));
    }
    json!({ "deviceSuspensionStatusResponse": response })
}

fn resumes(since: Timestamp, days: u32) -> String {
    let running = SignedDuration::from_hours(24) * i32::try_from(days).unwrap_or(90);
    wire::date(since.checked_add(running).unwrap_or(since))
}
