//! Usage (`thingspace.md` 2): what each line used on each day, drawn from the seed. The callback's member is inferred.

use super::body;
use super::codes;
use super::device::Record;
use super::identifiers::{IdKind, WireId};
use super::listing;
use super::lot::For;
use super::profile::Profile;
use super::refusal::Refusal;
use crate::call::{Answer, Call};
use axum::http::StatusCode;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::{Value, json};

/// Records are kept for twelve months.
const MOST_DAYS: usize = 366;
const MOST_BYTES_A_DAY: u64 = 5_000_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    device_id: Option<WireId>,
    earliest: Option<String>,
    latest: Option<String>,
}

/// `POST /devices/usage/actions/list`.
pub(super) fn list(profile: &Profile, call: &Call, now: Timestamp) -> Result<Answer, Refusal> {
    let asked: Asked = body::read(call)?;
    let id = asked.device_id.ok_or(codes::IDENTIFIER_INVALID)?;
    let ids = body::ids(std::slice::from_ref(&id))?;
    let device = ids.iter().find_map(|(kind, id)| profile.devices.find(*kind, id)).ok_or(codes::DEVICE_NOT_FOUND)?;
    let earliest = listing::instant(&asked.earliest.ok_or(codes::DATE_INVALID)?)?;
    let latest = listing::instant(&asked.latest.ok_or(codes::DATE_INVALID)?)?;
    let record = &device.record;
    let most = profile.settings.most_records_in_a_page;
    let mut days = days(record, earliest, latest, now);
    let more = days.len() > most;
    days.truncate(most);
    let usage = |day: &Date| {
        let (bytes, sms) = used(profile, record, *day);
        json!({
            "bytesUsed": bytes, "smsUsed": sms, "source": "Raw Usage", "timestamp": format!("{day}T00:00:00Z"),
            "servicePlan": record.plan.clone().unwrap_or_default(),
            "extendedAttributes": [
                { "key": "MoSms", "value": sms.to_string() }, { "key": "MtSms", "value": "0" },
            ],
        })
    };
    let usage: Vec<Value> = days.iter().map(usage).collect();
    let status = if more { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok(Answer::json(status, &json!({ "hasMoreData": more, "usageHistory": usage })))
}

/// The sum of a time.
pub(super) fn aggregate(profile: &Profile, record: &Record, from: Timestamp, to: Timestamp, now: Timestamp) -> Value {
    let days = days(record, from, to, now);
    let (bytes, sms) = days
        .iter()
        .map(|day| used(profile, record, *day))
        .fold((0, 0), |(bytes, sms), (more, other)| (bytes + more, sms + other));
    json!({ "usageResponse": { "bytesUsed": bytes, "smsUsed": sms, "source": "Raw Usage" } })
}

/// The days of a time on which the line was there: from its last activation on, until yesterday.
fn days(record: &Record, from: Timestamp, to: Timestamp, now: Timestamp) -> Vec<Date> {
    let day = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
    let Some(since) = record.last_activation_at else { return Vec::new() };
    let (first, last) = (day(from.max(since)), day(to));
    let days = first.series(jiff::Span::new().days(1));
    days.take_while(|date| *date <= last && *date < day(now)).take(MOST_DAYS * 2).collect()
}

fn used(profile: &Profile, record: &Record, day: Date) -> (u64, u64) {
    let id = record.id_of(IdKind::Iccid).unwrap_or_default();
    let id = id.bytes().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let days = u64::try_from(day.duration_since(Date::constant(2000, 1, 1)).as_hours() / 24).unwrap_or_default();
    let drawn = profile.lot.number(For::Usage, &[id, days]);
    (drawn % MOST_BYTES_A_DAY, (drawn >> 40) % 4)
}
