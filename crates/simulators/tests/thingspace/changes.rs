//! What is changed of a device: plan, fields, cost centre, contact, identifiers, account.

use crate::stage::{ACCOUNT, Listener, OTHER_ACCOUNT, Stage, account, device, iccid, imei, profile, record};
use reqwest::Method;
use serde_json::{Value, json};
use simulators::thingspace::{IdKind, State};
use std::net::Ipv4Addr;

fn refused(answer: &(u16, Value), code: &str) {
    assert_eq!((answer.0, &answer.1["errorCode"]), (400, &json!(format!("UnifiedWebService.{code}"))));
}

#[tokio::test]
async fn a_plan_is_changed_for_many_devices_in_one_request() {
    let stage = Stage::with(3, State::Active).await;
    let listener = Listener::start().await;
    stage.listen(&listener, "CarrierService").await;
    let id = stage.change_plan(&[device(1), device(2)], "LARGE").await;
    assert_eq!(stage.state(1).await.1, json!("SMALL"), "not yet");
    stage.pass_a_while();
    let heard = listener.hears(2).await;
    for callback in &heard {
        assert_eq!((&callback["requestId"], &callback["status"]), (&json!(id), &json!("Success")));
        assert_eq!((&callback["deviceResponse"], callback.get("faultResponse")), (&json!({}), None));
    }
    assert_eq!((stage.state(2).await.1, stage.state(3).await.1), (json!("LARGE"), json!("SMALL")));
    let (status, body) = stage.get(&format!("/accounts/{ACCOUNT}/requests/{id}/status")).await;
    assert_eq!((status, body["errorCode"].is_string()), (400, true), "plan changes cannot be polled");
}

#[tokio::test]
async fn what_is_wrong_with_a_whole_request_is_refused_at_once() {
    let stage = Stage::with(1, State::Active).await;
    let plan = |more: Value| {
        let mut body = json!({ "accountName": ACCOUNT, "devices": [device(1)], "servicePlan": "LARGE" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    for (more, code) in [
        (json!({ "servicePlan": "HUGE" }), "REQUEST_FAILED.HUGE.NotFound"),
        (json!({ "servicePlan": null }), "INPUT_INVALID.ServicePlan.NotDefined"),
        (json!({ "accountName": OTHER_ACCOUNT }), "REQUEST_FAILED.AccountNotFound"),
        (json!({ "carrierIpPoolName": "nowhere" }), "REQUEST_FAILED.IpPoolNotFound"),
        (
            json!({ "devices": [{ "deviceIds": [{ "id": "1", "kind": "plate" }] }] }),
            "INPUT_INVALID.Device.Kind.Invalid",
        ),
        (
            json!({ "devices": [{ "deviceIds": [{ "id": "x", "kind": "mdn" }] }] }),
            "INPUT_INVALID.Device.Identifier.Invalid",
        ),
        (json!({ "servicePlan": "a<b" }), "INPUT_INVALID.Request.InvalidCharacter"),
        (json!({ "takeEffect": "soon" }), "INPUT_INVALID.Date.Invalid"),
    ] {
        refused(&stage.put("/devices/actions/plan", &plan(more)).await, code);
    }
    stage.profile(|profile| profile.inferred.account_beside_devices = false);
    refused(&stage.put("/devices/actions/plan", &plan(json!({}))).await, "INPUT_INVALID.RequestUndefined");
    stage.profile(|profile| profile.accounts[0].provisioning_allowed = false);
    refused(&stage.put("/devices/actions/plan", &plan(json!({}))).await, "REQUEST_FAILED.ProvisioningNotAllowed");
    assert_eq!(stage.profile(|profile| profile.requests.iter().count()), 0);
}

#[tokio::test]
async fn devices_are_also_chosen_by_what_they_have() {
    let stage = Stage::with(4, State::Active).await;
    stage.at_once();
    stage.change_plan(&[device(1), device(2)], "LARGE").await;
    let body = json!({ "accountName": ACCOUNT, "servicePlan": "SMALL", "currentServicePlan": "LARGE" });
    stage.order(Method::PUT, "/devices/actions/plan", &body).await;
    let changes = |number| stage.device(number, |device| device.plan_changes.len());
    assert_eq!([changes(1), changes(2), changes(3)], [2, 2, 0]);
    let body = json!({ "servicePlan": "SMALL" });
    refused(&stage.put("/devices/actions/plan", &body).await, "INPUT_INVALID.RequestUndefined");
    let body = json!({ "accountName": ACCOUNT });
    stage.order(Method::POST, "/devices/actions/suspend", &body).await;
    assert_eq!(stage.state(4).await.0, "suspend");
}

#[tokio::test]
async fn a_plan_change_waits_for_its_time_and_may_change_the_pool() {
    let stage = Stage::with(1, State::Active).await;
    stage.at_once();
    let body = json!({ "devices": [device(1)], "servicePlan": "LARGE", "takeEffect": "2026-01-15T12:10:00Z",
        "carrierIpPoolName": "fixed" });
    stage.order(Method::PUT, "/devices/actions/plan", &body).await;
    assert_eq!(stage.state(1).await.1, json!("SMALL"));
    stage.pass(jiff::SignedDuration::from_mins(10));
    let device = stage.listed(1).await;
    assert_eq!(device["carrierInformations"][0]["servicePlan"], json!("LARGE"));
    assert_eq!(device["ipAddress"], json!("10.0.0.1"));
}

#[tokio::test]
async fn custom_fields_cost_centre_and_contact_are_changed() {
    let stage = Stage::with(1, State::Active).await;
    stage.at_once();
    let fields = |fields: Value| json!({ "devices": [device(1)], "customFieldsToUpdate": fields });
    let path = "/devices/actions/customFields";
    let two = json!([{ "key": "CustomField1", "value": "a" }, { "key": "customfield2", "value": "b" }]);
    stage.order(Method::PUT, path, &fields(two)).await;
    stage.order(Method::PUT, path, &fields(json!([{ "key": "CustomField1", "value": "" }]))).await;
    assert_eq!(stage.listed(1).await["customFields"], json!([{ "key": "CustomField2", "value": "b" }]));
    let name = fields(json!([{ "key": "CustomField6", "value": "x" }]));
    refused(&stage.put(path, &name).await, "INPUT_INVALID.CustomField.InvalidName");
    let long = fields(json!([{ "key": "CustomField1", "value": "x".repeat(51) }]));
    refused(&stage.put(path, &long).await, "INPUT_INVALID.CustomField.TooLong");
    let cost = |more: Value| {
        let mut body = json!({ "devices": [device(1)] });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    stage.order(Method::PUT, "/devices/costCenter", &cost(json!({ "costCenter": "C 1-2!#" }))).await;
    assert_eq!(stage.device(1, |device| device.record.cost_center.clone()).as_deref(), Some("C 1-2!#"));
    refused(
        &stage.put("/devices/costCenter", &cost(json!({ "costCenter": "a_b" }))).await,
        "INPUT_INVALID.CostCenter.Invalid",
    );
    let both = cost(json!({ "costCenter": "X", "removeCostCenter": true }));
    stage.order(Method::PUT, "/devices/costCenter", &both).await;
    assert_eq!(stage.device(1, |device| device.record.cost_center.clone()), None, "removing wins");
    let place = json!({ "address": { "city": "Tulsa" }, "customerName": { "firstName": "A", "lastName": "B" } });
    let contact = json!({ "devices": [device(1)], "primaryPlaceOfUse": place });
    stage.order(Method::PUT, "/devices/actions/contactInfo", &contact).await;
    assert_eq!(stage.device(1, |device| device.record.place_of_use.clone()), Some(place));
    let none = json!({ "devices": [device(1)] });
    refused(&stage.put("/devices/actions/contactInfo", &none).await, "INPUT_INVALID.PrimaryPlaceOfUse.NotDefined");
}

#[tokio::test]
async fn a_card_is_swapped() {
    let stage = Stage::with(2, State::Active).await;
    let listener = Listener::start().await;
    stage.listen(&listener, "CarrierService").await;
    let swap = |to: usize| {
        json!({ "deviceIds": [{ "id": iccid(1), "kind": "iccid" }], "change4gOption": "ChangeICCID",
            "deviceIdsTo": [{ "id": iccid(to), "kind": "iccid" }] })
    };
    stage.order(Method::PUT, "/devices/4G/actions/deviceId", &swap(7)).await;
    stage.pass_a_while();
    let heard = listener.hears(1).await;
    let response = &heard[0]["deviceResponse"]["changeIdentifierResponse"];
    assert_eq!(response["servicePlan"], json!("SMALL"));
    assert!(response["deviceIds"].as_array().unwrap().contains(&json!({ "id": iccid(7), "kind": "iccId" })));
    assert_eq!(stage.device(7, |device| device.record.id_of(IdKind::Imei).map(str::to_owned)), Some(imei(1)));
    let taken = json!({ "deviceIds": [{ "id": iccid(7), "kind": "iccid" }], "change4gOption": "ChangeICCID",
        "deviceIdsTo": [{ "id": iccid(2), "kind": "iccid" }] });
    stage.order(Method::PUT, "/devices/4G/actions/deviceId", &taken).await;
    stage.pass_a_while();
    assert_eq!(listener.hears(2).await[1]["status"], json!("Failed"));
    let number = json!({ "deviceIds": [{ "id": iccid(2), "kind": "iccid" }], "change4gOption": "ChangeMSISDN" });
    let before = stage.device(2, |device| device.record.ids.clone());
    stage.order(Method::PUT, "/devices/4G/actions/deviceId", &number).await;
    stage.pass_a_while();
    assert_ne!(stage.device(2, |device| device.record.ids.clone()), before);
    let wrong = json!({ "deviceIds": [{ "id": iccid(2), "kind": "iccid" }], "change4gOption": "ChangeColour" });
    refused(&stage.put("/devices/4G/actions/deviceId", &wrong).await, "INPUT_INVALID.Change4gOption.Invalid");
}

#[tokio::test]
async fn devices_are_moved_to_an_account_that_has_their_plan() {
    let mut profile = profile();
    let mut other = account(OTHER_ACCOUNT);
    other.plans.retain(|plan| plan.code == "SMALL");
    other.pools[0].default = false;
    other.pools[1].default = true;
    profile.accounts.push(other);
    profile.devices = (1..=2).map(|number| record(number, State::Active)).collect();
    profile.devices[1].plan = Some("LARGE".to_owned());
    let stage = Stage::of(profile).await;
    let listener = Listener::start().await;
    stage.listen(&listener, "CarrierService").await;
    let body = json!({ "accountName": OTHER_ACCOUNT, "devices": [device(1), device(2)] });
    stage.order(Method::PUT, "/devices/actions/move", &body).await;
    stage.pass_a_while();
    let moved = stage.listed(1).await;
    assert_eq!((&moved["accountName"], &moved["ipAddress"]), (&json!(OTHER_ACCOUNT), &json!("10.0.0.1")));
    assert_eq!(stage.listed(2).await["accountName"], json!(ACCOUNT));
    // The listener is the old account's: the new one has none.
    let heard = listener.hears(2).await;
    let failed: Vec<&Value> = heard.iter().filter(|callback| callback["status"] == "Failed").collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["faultResponse"]["faultcode"], json!("UnifiedWebService.REQUEST_FAILED.LARGE.NotFound"));
    assert_eq!(stage.device(1, |device| device.history[0].event), "Device Move");
}

#[tokio::test]
async fn gotostate_is_written_in_two_ways_and_told_to_its_own_service() {
    let stage = Stage::with(2, State::Preactive).await;
    let listener = Listener::start().await;
    stage.listen(&listener, "StateService").await;
    for (number, path) in [(1, "gotostate"), (2, "goToState")] {
        let body = json!({ "serviceName": "Data", "stateName": "Activate", "servicePlan": "SMALL", "mdnZipCode": "36602",
            "devices": [device(number)] });
        stage.order(Method::PUT, &format!("/devices/actions/{path}"), &body).await;
    }
    stage.pass_a_while();
    let heard = listener.hears(2).await;
    assert_eq!(heard[0]["deviceResponse"]["activateResponse"]["state"], json!("active"));
    let wrong = json!({ "serviceName": "Data", "stateName": "Sleep", "devices": [device(1)] });
    refused(&stage.put("/devices/actions/gotostate", &wrong).await, "INPUT_INVALID.DeviceState.Invalid");
}

#[tokio::test]
async fn addresses_come_from_pools_that_run_out() {
    let stage = Stage::with(7, State::Preactive).await;
    let listener = Listener::start().await;
    stage.listen(&listener, "CarrierService").await;
    let activate = |devices: Vec<Value>, pool: Option<&str>| {
        json!({ "accountName": ACCOUNT, "devices": devices, "servicePlan": "SMALL", "mdnZipCode": "36602",
            "carrierIpPoolName": pool })
    };
    let with_address = |number, address: &str| {
        let mut device = device(number);
        device["ipAddress"] = json!(address);
        device
    };
    let path = "/devices/actions/activate";
    let wanted = vec![with_address(1, "10.0.0.3")];
    stage.order(Method::POST, path, &activate(wanted, Some("fixed"))).await;
    stage.pass_a_while();
    assert_eq!(listener.hears(1).await[0]["deviceResponse"]["activateResponse"]["ipAddress"], json!("10.0.0.3"));
    let rest =
        vec![with_address(2, "10.0.0.3"), with_address(3, "10.9.9.9"), device(4), device(5), device(6), device(7)];
    stage.order(Method::POST, path, &activate(rest, Some("fixed"))).await;
    stage.pass_a_while();
    let heard = listener.hears(7).await;
    let codes = |code: &str| {
        let code = json!(format!("UnifiedWebService.REQUEST_FAILED.{code}"));
        heard.iter().filter(|callback| callback["faultResponse"]["faultcode"] == code).count()
    };
    assert_eq!((codes("IpAddressNotAvailable"), codes("IpPoolExhausted")), (2, 1));
    let addresses =
        (4..=7).filter_map(|number| stage.device(number, |device| device.record.ip_address)).collect::<Vec<_>>();
    assert_eq!(addresses.len(), 3);
    assert!(addresses.iter().all(|address| *address != Ipv4Addr::new(10, 0, 0, 3)));
    stage.order(Method::POST, "/devices/actions/suspend", &json!({ "devices": [device(1)] })).await;
    stage.pass_a_while();
    assert_eq!(stage.listed(1).await["ipAddress"], json!("10.0.0.3"), "a suspended line keeps it");
    let end = json!({ "accountName": ACCOUNT, "devices": [device(1)], "reasonCode": "FF" });
    stage.order(Method::POST, "/devices/actions/restore", &json!({ "devices": [device(1)] })).await;
    stage.pass_a_while();
    stage.order(Method::POST, "/devices/actions/deactivate", &end).await;
    stage.pass_a_while();
    stage.order(Method::POST, path, &activate(vec![device(2)], Some("fixed"))).await;
    stage.pass_a_while();
    assert_eq!(stage.listed(2).await["ipAddress"], json!("10.0.0.3"), "it came back");
    refused(&stage.post(path, &activate(vec![device(3)], Some("none"))).await, "REQUEST_FAILED.IpPoolNotFound");
    stage.profile(|profile| profile.accounts[0].pools[0].default = false);
    refused(&stage.post(path, &activate(vec![device(3)], None)).await, "REQUEST_FAILED.DefaultIpPoolNotDefined");
}
