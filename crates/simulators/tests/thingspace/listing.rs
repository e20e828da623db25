//! The list of devices: shapes, filters, paging.

use crate::stage::{ACCOUNT, OTHER_ACCOUNT, START, Stage, account, device, iccid, imei, profile, record};
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use simulators::thingspace::{IdKind, State};
use std::collections::BTreeSet;

const LIST: &str = "/devices/actions/list";

fn iccids(page: &Value) -> Vec<String> {
    let of = |device: &Value| {
        let ids = device["deviceIds"].as_array().unwrap();
        let id = ids.iter().find(|id| id["kind"] == "iccId").unwrap();
        id["id"].as_str().unwrap().to_owned()
    };
    page["devices"].as_array().unwrap().iter().map(of).collect()
}

fn cursor(page: &Value) -> i64 {
    let last = page["devices"].as_array().unwrap().last().unwrap();
    let attributes = last["extendedAttributes"].as_array().unwrap();
    let id = attributes.iter().find(|attribute| attribute["key"] == "DeviceId").unwrap();
    id["value"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn five_thousand_devices_are_paged_by_the_largest_number_seen() {
    let stage = Stage::with(5_000, State::Active).await;
    let (mut seen, mut largest, mut statuses) = (Vec::new(), 0, Vec::new());
    loop {
        let body = json!({ "accountName": ACCOUNT, "largestDeviceIdSeen": largest, "maxNumberOfDevices": 2000 });
        let (status, page) = stage.post(LIST, &body).await;
        seen.extend(iccids(&page));
        statuses.push(status);
        largest = cursor(&page);
        assert_eq!(page["hasMoreData"], json!(status == 202));
        if status == 200 {
            break;
        }
    }
    assert_eq!(statuses, [202, 202, 200]);
    assert_eq!(seen, (1..=5_000).map(iccid).collect::<Vec<_>>());
    let (_, page) = stage.post(LIST, &json!({ "maxNumberOfDevices": 100_000 })).await;
    assert_eq!(page["devices"].as_array().unwrap().len(), 2_000, "the most of life");
    let (_, page) = stage.post(LIST, &json!({ "maxNumberOfDevices": 7, "largestDeviceIdSeen": largest - 3 })).await;
    assert_eq!((iccids(&page), &page["hasMoreData"]), ((4_998..=5_000).map(iccid).collect(), &json!(false)));
    let (status, page) = stage.post(LIST, &json!({ "largestDeviceIdSeen": largest })).await;
    assert_eq!((status, &page), (200, &json!({ "hasMoreData": false, "devices": [] })));
}

#[tokio::test]
async fn pages_are_also_read_on_by_the_date_of_adding() {
    let mut profile = profile();
    let start: Timestamp = START.parse().unwrap();
    for number in 1..=30 {
        let mut record = record(number, State::Preactive);
        // The later the number, the earlier it was added; three on each day.
        record.created_at = start.checked_sub(SignedDuration::from_hours(24) * (number as i32 / 3)).ok();
        profile.devices.push(record);
    }
    let stage = Stage::of(profile).await;
    let (mut seen, mut earliest) = (BTreeSet::new(), "2020-01-01T00:00:00Z".to_owned());
    for _ in 0..10 {
        let (status, page) = stage.post(LIST, &json!({ "earliest": earliest, "maxNumberOfDevices": 8 })).await;
        seen.extend(iccids(&page));
        earliest = page["devices"].as_array().unwrap().last().unwrap()["createdAt"].as_str().unwrap().to_owned();
        if status == 200 {
            break;
        }
    }
    assert_eq!(seen.len(), 30);
    let (_, page) =
        stage.post(LIST, &json!({ "latest": "2026-01-07T00:00:00Z", "earliest": "2026-01-06T00:00:00" })).await;
    assert_eq!(page["devices"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_record_has_the_shape_of_life() {
    let stage = Stage::with(2, State::Active).await;
    let (_, page) = stage.post(LIST, &json!({})).await;
    let device = &page["devices"][0];
    assert_eq!(device["accountName"], json!(ACCOUNT));
    let carrier = json!([{ "carrierName": "Verizon Wireless", "servicePlan": "SMALL", "state": "active" }]);
    assert_eq!(device["carrierInformations"], carrier);
    assert_eq!(device["createdAt"], json!("2026-01-15T07:00:00-05:00"));
    assert_eq!(device["billingCycleEndDate"], json!("2026-02-01T00:00:00-05:00"));
    assert_eq!(device["extendedAttributes"].as_array().unwrap().len(), 1, "a list has the cursor alone");
    assert!(device["connected"].is_boolean() && device.get("ipAddress").is_none());
    let group = format!("Default: {ACCOUNT}");
    assert_eq!(device["groupNames"], json!([group]));
    let kinds: Vec<&str> =
        device["deviceIds"].as_array().unwrap().iter().map(|id| id["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["mdn", "imei", "iccId", "msisdn"]);
}

#[tokio::test]
async fn a_single_device_is_found_by_any_identifier_with_all_its_attributes() {
    let mut profile = profile();
    let mut one = record(1, State::Active);
    one.sku = Some("VZW1".to_owned());
    one.place_of_use = Some(json!({ "address": { "city": "Mobile" }, "customerName": { "firstName": "Ann" } }));
    profile.devices.push(one);
    let stage = Stage::of(profile).await;
    for (kind, id) in [("ICCID", iccid(1)), ("iccid", iccid(1)), ("Imei", imei(1)), ("mdn", "2050000001".to_owned())] {
        let (status, page) = stage.post(LIST, &json!({ "deviceId": { "id": id, "kind": kind } })).await;
        assert_eq!((status, iccids(&page)), (200, vec![iccid(1)]), "{kind}");
    }
    let attribute = |device: &Value, name: &str| {
        let attributes = device["extendedAttributes"].as_array().unwrap();
        attributes.iter().find(|attribute| attribute["key"] == name).cloned()
    };
    let device = stage.listed(1).await;
    assert_eq!(attribute(&device, "SkuNumber").unwrap()["value"], json!("VZW1"));
    assert_eq!(attribute(&device, "PrimaryPlaceOfUseFirstName").unwrap()["value"], json!("Ann"));
    assert_eq!(attribute(&device, "PrimaryPlaceOfUseCity").unwrap()["value"], json!("Mobile"));
    assert_eq!(attribute(&device, "CostCenterCode"), None);
    stage.profile(|profile| profile.inferred.attributes_without_value = true);
    let device = stage.listed(1).await;
    assert_eq!(attribute(&device, "CostCenterCode"), Some(json!({ "key": "CostCenterCode" })));
    let errors = [
        (json!({ "id": iccid(9), "kind": "iccid" }), "REQUEST_FAILED.DeviceNotFound"),
        (json!({ "id": iccid(1), "kind": "serial" }), "INPUT_INVALID.Device.Kind.Invalid"),
        (json!({ "id": "89A", "kind": "iccid" }), "INPUT_INVALID.Device.Identifier.Invalid"),
        (json!({ "id": "8'9", "kind": "iccid" }), "INPUT_INVALID.Request.InvalidCharacter"),
    ];
    for (id, code) in errors {
        let (status, body) = stage.post(LIST, &json!({ "deviceId": id })).await;
        assert_eq!((status, &body["errorCode"]), (400, &json!(format!("UnifiedWebService.{code}"))));
    }
}

#[tokio::test]
async fn everything_that_is_asked_for_must_match() {
    let mut profile = profile();
    profile.accounts.push(account(OTHER_ACCOUNT));
    for number in 1..=6 {
        let mut record = record(number, if number % 2 == 0 { State::Active } else { State::Preactive });
        record.custom_fields.insert("CustomField1".to_owned(), format!("row {}", number % 3));
        if number == 6 {
            record.account = OTHER_ACCOUNT.to_owned();
            record.groups.push("vans".to_owned());
        }
        profile.devices.push(record);
    }
    let stage = Stage::of(profile).await;
    let filter = |kind: &str, how: Value| json!({ "deviceIdentifierFilters": [json!({ "kind": kind }).as_object().unwrap().iter().chain(how.as_object().unwrap()).map(|(name, value)| (name.clone(), value.clone())).collect::<serde_json::Map<_, _>>()] });
    for (body, found) in [
        (json!({}), vec![1, 2, 3, 4, 5, 6]),
        (json!({ "accountName": OTHER_ACCOUNT }), vec![6]),
        (json!({ "currentState": "Active" }), vec![2, 4, 6]),
        (json!({ "currentState": "Pre-active" }), vec![1, 3, 5]),
        (json!({ "servicePlan": "SMALL", "accountName": ACCOUNT }), vec![2, 4]),
        (json!({ "groupName": "vans" }), vec![6]),
        (json!({ "groupName": format!("Default: {OTHER_ACCOUNT}") }), vec![6]),
        (json!({ "customFields": [{ "key": "CustomField1", "value": "row 1" }] }), vec![1, 4]),
        (json!({ "customFields": [{ "key": "CustomField1", "value": "row 1" }], "currentState": "active" }), vec![4]),
        (json!({ "filter": filter("iccid", json!({ "contains": "05" })) }), vec![5]),
        (json!({ "filter": filter("ICCID", json!({ "contains": "", "startswith": "8914" })) }), vec![1, 2, 3, 4, 5, 6]),
        (json!({ "filter": filter("mdn", json!({ "contains": "0", "endswith": "4" })) }), vec![4]),
        (json!({ "deviceList": [{ "id": iccid(2), "kind": "iccid" }, { "id": imei(5), "kind": "imei" }] }), vec![2, 5]),
        (json!({ "carrierNameFilter": "verizon wireless" }), vec![1, 2, 3, 4, 5, 6]),
        (json!({ "carrierNameFilter": "other" }), vec![]),
        (json!({ "accountName": null, "currentState": null, "maxNumberOfDevices": null }), vec![1, 2, 3, 4, 5, 6]),
    ] {
        let (status, page) = stage.post(LIST, &body).await;
        assert_eq!(status, 200, "{body}: {page}");
        assert_eq!(iccids(&page), found.into_iter().map(iccid).collect::<Vec<_>>(), "{body}");
    }
    for (body, code) in [
        (json!({ "currentState": "asleep" }), "INPUT_INVALID.DeviceState.Invalid"),
        (json!({ "customFields": [{ "key": "CustomField6", "value": "" }] }), "INPUT_INVALID.CustomField.InvalidName"),
        (json!({ "filter": filter("serial", json!({ "contains": "1" })) }), "INPUT_INVALID.Device.Kind.Invalid"),
        (json!({ "maxNumberOfDevices": "many" }), "INPUT_INVALID.DeserializationFailed"),
        (json!({ "earliest": "yesterday" }), "INPUT_INVALID.Date.Invalid"),
    ] {
        let (status, answer) = stage.post(LIST, &body).await;
        assert_eq!((status, &answer["errorCode"]), (400, &json!(format!("UnifiedWebService.{code}"))), "{body}");
    }
    let (status, answer) = crate::stage::told(stage.call(Method::POST, LIST).send().await.unwrap()).await;
    assert_eq!((status, &answer["errorCode"]), (400, &json!("UnifiedWebService.INPUT_INVALID.RequestUndefined")));
}

#[tokio::test]
async fn a_stale_list_shows_what_was() {
    let stage = Stage::with(1, State::Active).await;
    stage.at_once();
    stage.pass(SignedDuration::from_secs(100));
    stage.change_plan(&[device(1)], "LARGE").await;
    stage.pass(SignedDuration::from_secs(5));
    stage
        .fault(json!({ "provider": "thingspace", "path": LIST, "when": { "next": 2 },
        "fault": { "kind": "stale_search", "seconds": 60 } }))
        .await;
    assert_eq!(stage.state(1).await.1, json!("SMALL"));
    stage.pass(SignedDuration::from_secs(60));
    assert_eq!(stage.state(1).await.1, json!("LARGE"), "it caught up");
    assert_eq!(stage.device(1, |device| device.record.id_of(IdKind::Iccid).map(str::to_owned)), Some(iccid(1)));
}
