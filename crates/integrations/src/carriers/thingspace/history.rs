//! Reading what has become of a device (`thingspace.md` 2.3): where activation dates come from.

use super::ThingSpace;
use super::proof;
use super::send::{Asked, Body, Keep, Signed};
use super::wire::history::{Event, History};
use super::wire::request::ListHistory;
use super::wire::{DeviceId, filled, instant};
use crate::Permit;
use crate::answer::Outcome;
use crate::carriers::{DeviceRef, HistoryEvent, HistoryPage, NaturalKey, Operation, SignIn};
use jiff::Timestamp;
use reqwest::Method;
use serde_json::Value;

impl ThingSpace {
    /// At most 500 events between two instants, oldest first.
    pub async fn history(
        &self,
        permit: Permit,
        sign_in: &SignIn,
        device: &DeviceRef,
        (earliest, latest): (Timestamp, Timestamp),
    ) -> Outcome<HistoryPage> {
        let iccid = NaturalKey::Iccid.of(device);
        let body = ListHistory {
            device_id: DeviceId::iccid(iccid),
            earliest: earliest.to_string(),
            latest: latest.to_string(),
        };
        let asked = Asked {
            operation: Operation::ReadHistory,
            method: Method::POST,
            path: "/m2m/v1/devices/history/actions/list".to_owned(),
            body: serde_json::to_string(&body).ok().map(Body::Json),
            keep: Keep::Length,
            secrets: Vec::new(),
        };
        if iccid.is_empty() || !super::listing::is_legal(iccid) {
            return self.refuse(permit, &asked, None, "there is no ICCID");
        }
        let prove = |status: u16, text: &str| read(status, text, earliest);
        self.call(permit, Signed::InFull(sign_in), asked, prove).await
    }
}

fn read(status: u16, text: &str, earliest: Timestamp) -> Result<HistoryPage, String> {
    if !matches!(status, 200 | 202) {
        return Err("a history is answered by 200 or 202".to_owned());
    }
    let history: History = if text.trim_start().starts_with('[') {
        let mut pages = proof::array(text)?;
        match (pages.pop(), pages.is_empty()) {
            (Some(page), true) => page,
            _ => return Err("the history is not one".to_owned()),
        }
    } else {
        proof::object(text)?
    };
    let records = history.provisioning_history.ok_or("the history has no events")?;
    let all = records.len();
    let events: Vec<HistoryEvent> = records.into_iter().filter_map(event).collect();
    let next = match (history.has_more_data || status == 202, events.last()) {
        (false, _) => None,
        (true, Some(last)) if last.at > earliest => Some(last.at),
        // Following it could go on for ever.
        (true, _) => return Err("there are more events, and the page does not say from when on".to_owned()),
    };
    Ok(HistoryPage { unreadable: all - events.len(), events, next })
}

fn event(record: Value) -> Option<HistoryEvent> {
    let event: Event = if record.is_object() { serde_json::from_value(record).ok()? } else { return None };
    let word = filled(event.event_type)?;
    let is_activation =
        ["activate", "activation confirmed"].iter().any(|known| word.trim().eq_ignore_ascii_case(known));
    Some(HistoryEvent {
        at: instant(event.occurred_at.as_deref())?,
        succeeded: event.status.is_some_and(|status| status.trim().eq_ignore_ascii_case("success")),
        is_activation,
        event: word,
        plan: filled(event.service_plan),
        msisdn: filled(event.msisdn),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EVENTS: &str = r#""provisioningHistory":[
        {"occurredAt":"2026-01-10T07:00:00-05:00","status":"Success","eventBy":"u","eventType":"Activation Confirmed",
            "servicePlan":"84777","mdn":"5551230000","msisdn":"15551230000","extendedAttributes":[]},
        {"occurredAt":"2026-01-11T12:00:00Z","status":"Failed","eventType":"Suspend"},
        {"occurredAt":"soon","eventType":"Restore"},
        {"occurredAt":"2026-01-12T12:00:00Z"},
        7]"#;

    fn page(status: u16, text: &str) -> Result<HistoryPage, String> {
        read(status, text, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn both_forms_are_read() {
        for (open, close) in [("{", "}"), ("[{", "}]")] {
            let read = page(200, &format!(r#"{open}{EVENTS},"hasMoreData":false{close}"#)).unwrap();
            assert_eq!((read.events.len(), read.unreadable, read.next), (2, 3, None));
            assert_eq!(read.activated_at().unwrap().to_string(), "2026-01-10T12:00:00Z");
            assert_eq!(read.events[0].plan.as_deref(), Some("84777"));
            assert!(!read.events[1].is_activation && !read.events[1].succeeded);
            let more = page(202, &format!(r#"{open}{EVENTS},"hasMoreData":true{close}"#)).unwrap();
            assert_eq!(more.next.unwrap().to_string(), "2026-01-11T12:00:00Z");
        }
    }

    #[test]
    fn what_is_not_a_history_is_none() {
        for text in [
            "",
            "[]",
            "[7]",
            "{}",
            r#"[{"provisioningHistory":[],"hasMoreData":false},{"provisioningHistory":[],"hasMoreData":false}]"#,
            r#"{"provisioningHistory":[]}"#,
            r#"{"hasMoreData":false}"#,
            r#"{"provisioningHistory":[],"hasMoreData":true}"#,
        ] {
            assert!(page(200, text).is_err(), "{text}");
        }
        let late = "2026-02-01T00:00:00Z".parse().unwrap();
        assert!(read(202, &format!(r#"{{{EVENTS},"hasMoreData":true}}"#), late).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_fail(text in "\\PC*") {
            let _ = page(200, &text);
            let _ = page(202, &format!(r#"{{"provisioningHistory":[{text}],"hasMoreData":true}}"#));
        }
    }
}
