//! How ThingSpace says things: its objects as they are on the wire (`thingspace.md` 1 to 3).
//! Must not know: what we make of them.
//!
//! Whatever an answer leaves out is none, and what is not here is ignored. Kinds and state words come in any case.

pub(super) mod device;
pub(super) mod history;
pub(super) mod request;
pub(super) mod setup;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An identifier of a device. One device has several.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct DeviceId {
    pub(super) id: Option<String>,
    pub(super) kind: Option<String>,
}

impl DeviceId {
    pub(super) fn iccid(iccid: &str) -> Self {
        Self { id: Some(iccid.to_owned()), kind: Some("iccid".to_owned()) }
    }

    pub(super) fn imei(imei: &str) -> Self {
        Self { id: Some(imei.to_owned()), kind: Some("imei".to_owned()) }
    }
}

/// The first identifier of that kind, without the spaces around it.
pub(super) fn id_of(ids: &[DeviceId], kind: &str) -> Option<String> {
    let of_kind = |id: &&DeviceId| id.kind.as_deref().is_some_and(|said| said.trim().eq_ignore_ascii_case(kind));
    let ids = ids.iter().filter(of_kind).filter_map(|id| id.id.as_deref());
    ids.map(str::trim).find(|id| !id.is_empty()).map(str::to_owned)
}

/// ISO 8601 with an offset (2.1). What cannot be read as an instant is none, and so is the year 1, .NET's for no date.
pub(super) fn instant(text: Option<&str>) -> Option<Timestamp> {
    let instant: Timestamp = text?.trim().parse().ok()?;
    Some(instant).filter(|instant| instant.as_second() > 0)
}

/// Text, unless there is nothing in it.
pub(super) fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_met_in_any_case() {
        let ids: Vec<DeviceId> = serde_json::from_str(
            r#"[{"id":" 1 ","kind":"iccId"},{"id":"2","kind":"IMEI"},{"id":"","kind":"msisdn"},{"kind":"mdn"},{"id":"3"},{}]"#,
        )
        .unwrap();
        assert_eq!(id_of(&ids, "iccid").as_deref(), Some("1"));
        assert_eq!(id_of(&ids, "imei").as_deref(), Some("2"));
        for kind in ["msisdn", "mdn", "eid", ""] {
            assert_eq!(id_of(&ids, kind), None, "{kind}");
        }
    }

    #[test]
    fn an_instant_has_an_offset() {
        for (text, seconds) in [
            ("2026-01-15T12:00:00Z", Some(1_768_478_400)),
            (" 2026-01-15T07:00:00-05:00 ", Some(1_768_478_400)),
            ("2026-01-15T12:00:00.123+00:00", Some(1_768_478_400)),
            ("0001-01-01T00:00:00Z", None),
            ("2026-01-15T12:00:00", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(instant(Some(text)).map(Timestamp::as_second), seconds, "{text}");
        }
        assert_eq!(instant(None), None);
    }
}
