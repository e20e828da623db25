//! Reading devices, pages and histories.

use crate::server::{Server, answer, error};
use crate::stage::{ACCOUNT, ONE, TWO, client, named, permit, signed_in};
use integrations::Answer;
use integrations::answer::{Postponed, RefusedBy};
use integrations::carriers::{Cursor, Device, Listing, Standing};
use jiff::Timestamp;
use serde_json::json;

pub(crate) fn device(number: u64, iccid: &str, plan: &str, state: &str) -> String {
    json!({
        "accountName": ACCOUNT,
        "carrierInformations": [{ "carrierName": "Verizon Wireless", "servicePlan": plan, "state": state }],
        "deviceIds": [{ "id": iccid, "kind": "iccId" }, { "id": "15551230000", "kind": "msisdn" }],
        "extendedAttributes": [{ "key": "PrimaryPlaceOfUseTitle" }, { "key": "DeviceId", "value": number.to_string() }],
        "ipAddress": "10.1.2.3",
        "lastActivationDate": "2026-01-10T12:00:00Z",
    })
    .to_string()
}

pub(crate) fn page(has_more: bool, devices: &[String]) -> String {
    format!(r#"{{"hasMoreData":{has_more},"devices":[{}]}}"#, devices.join(","))
}

fn iccids(devices: &[Device]) -> Vec<&str> {
    devices.iter().map(|device| device.iccid.as_str()).collect()
}

#[tokio::test]
async fn a_device_is_read_by_its_iccid_alone() {
    let body = page(false, &[device(7, ONE, "84777", "active")]);
    let server = Server::always(answer(200, &body)).await;
    let found = client(&server).device(permit(), &signed_in(), &named(ONE)).await;
    let Answer::Done(devices) = found.answer else { panic!("{:?}", found.answer) };
    let device = &devices[0];
    assert_eq!((device.standing, device.carrier_rate_plan.as_deref()), (Standing::Active, Some("84777")));
    assert_eq!((device.number(), device.ip_address.as_deref()), (Some("15551230000"), Some("10.1.2.3")));
    assert_eq!(device.last_activated_at, "2026-01-10T12:00:00Z".parse().ok());
    let seen = server.only();
    assert_eq!(seen.line, "POST /api/m2m/v1/devices/actions/list");
    assert_eq!(seen.json(), json!({ "deviceId": { "id": ONE, "kind": "iccid" } }));
    assert_eq!(found.exchange.status, Some(200));
    assert!(found.exchange.response.unwrap().contains(ONE) && found.exchange.request.contains(ONE));
}

#[tokio::test]
async fn only_that_device_counts() {
    let both = page(false, &[device(7, TWO, "84777", "active"), device(8, ONE, "84777", "active")]);
    let twice = page(false, &[device(7, ONE, "84777", "active"), device(8, ONE, "84888", "suspend")]);
    let other = page(false, &[device(7, TWO, "84777", "active")]);
    let longer = page(false, &[device(7, &format!("{ONE}0"), "84777", "active")]);
    for (body, expected) in [(both, 1), (twice, 2), (other, 0), (longer, 0), (page(false, &[]), 0)] {
        let server = Server::always(answer(200, &body)).await;
        let found = client(&server).device(permit(), &signed_in(), &named(ONE)).await.answer;
        let Answer::Done(devices) = found else { panic!("{found:?}") };
        assert_eq!(devices.len(), expected, "{body}");
        assert!(devices.iter().all(|device| device.iccid == ONE));
    }
    let server = Server::always(error(400, "REQUEST_FAILED.DeviceNotFound")).await;
    assert_eq!(client(&server).device(permit(), &signed_in(), &named(ONE)).await.answer, Answer::Done(Vec::new()));
    // What cannot be read could be the one.
    let unreadable = page(false, &[device(7, ONE, "84777", "active"), "{}".to_owned()]);
    let server = Server::always(answer(200, &unreadable)).await;
    let found = client(&server).device(permit(), &signed_in(), &named(ONE)).await.answer;
    assert!(matches!(found, Answer::TryLater { why: Postponed::ReadFailed(_), .. }), "{found:?}");
}

#[tokio::test]
async fn a_list_goes_on_where_it_was_left() {
    let first = page(true, &[device(7, ONE, "84777", "active")]);
    let second = page(false, &[device(9, TWO, "84888", "suspend")]);
    let server = Server::saying(vec![answer(202, &first), answer(200, &second)]).await;
    let carrier = client(&server);
    let mut listing = Listing { plan: Some("84777".to_owned()), most: Some(1), ..Listing::default() };
    listing.standing = Some(Standing::Suspended);
    listing.iccid_prefix = Some("89148".to_owned());
    let found = carrier.devices(permit(), &signed_in(), &listing).await;
    let Answer::Done(read) = found.answer else { panic!("{:?}", found.answer) };
    assert_eq!(iccids(&read.devices), [ONE]);
    assert!(found.exchange.response.unwrap().ends_with("bytes]"));
    // As whoever keeps it would keep it.
    let kept = read.next.unwrap().as_str().to_owned();
    listing.after = Some(Cursor::new(kept));
    let Answer::Done(read) = carrier.devices(permit(), &signed_in(), &listing).await.answer else { panic!() };
    assert_eq!((iccids(&read.devices), read.next), (vec![TWO], None));

    let seen = server.seen();
    let mut asked = json!({
        "accountName": ACCOUNT, "currentState": "suspend", "servicePlan": "84777", "maxNumberOfDevices": 1,
        "filter": { "deviceIdentifierFilters": [{ "kind": "iccid", "contains": "89148", "startswith": "89148" }] },
    });
    assert_eq!(seen[0].json(), asked);
    asked["largestDeviceIdSeen"] = json!(7);
    assert_eq!(seen[1].json(), asked);
}

#[tokio::test]
async fn a_plain_list_asks_for_the_account_and_a_whole_page() {
    let server = Server::always(answer(200, &page(false, &[]))).await;
    let carrier = client(&server);
    drop(carrier.devices(permit(), &signed_in(), &Listing { most: Some(9_999), ..Listing::default() }).await);
    assert_eq!(server.only().json(), json!({ "accountName": ACCOUNT, "maxNumberOfDevices": 1_000 }));
}

#[tokio::test]
async fn a_list_that_cannot_be_asked_for_is_not() {
    let server = Server::always(answer(200, &page(false, &[]))).await;
    let carrier = client(&server);
    for listing in [
        Listing { after: Some(Cursor::new("page 2".to_owned())), ..Listing::default() },
        Listing { after: Some(Cursor::new("-1".to_owned())), ..Listing::default() },
        Listing { standing: Some(Standing::Unlisted), ..Listing::default() },
        Listing { plan: Some("a'b".to_owned()), ..Listing::default() },
        Listing { iccid_prefix: Some(String::new()), ..Listing::default() },
    ] {
        let Answer::Refused(refusal) = carrier.devices(permit(), &signed_in(), &listing).await.answer else { panic!() };
        assert_eq!((refusal.by, refusal.status), (RefusedBy::Ourselves, None), "{listing:?}");
    }
    for iccid in ["", " ", "8914'"] {
        let refused = carrier.device(permit(), &signed_in(), &named(iccid)).await.answer;
        assert!(matches!(refused, Answer::Refused(_)), "{iccid}");
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_history_dates_the_activation() {
    let body = r#"[{"provisioningHistory":[
        {"occurredAt":"2026-01-10T07:00:00-05:00","status":"Success","eventType":"Activation Confirmed","servicePlan":"84777"}],
        "hasMoreData":false}]"#;
    let server = Server::always(answer(200, body)).await;
    let between: (Timestamp, Timestamp) =
        ("2026-01-01T00:00:00Z".parse().unwrap(), "2026-02-01T00:00:00Z".parse().unwrap());
    let found = client(&server).history(permit(), &signed_in(), &named(ONE), between).await.answer;
    let Answer::Done(history) = found else { panic!("{found:?}") };
    assert_eq!(history.activated_at(), "2026-01-10T12:00:00Z".parse().ok());
    let seen = server.only();
    assert_eq!(seen.line, "POST /api/m2m/v1/devices/history/actions/list");
    let expected = json!({ "deviceId": { "id": ONE, "kind": "iccid" }, "earliest": "2026-01-01T00:00:00Z", "latest": "2026-02-01T00:00:00Z" });
    assert_eq!(seen.json(), expected);
}
