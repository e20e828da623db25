//! A device's life: added, activated, suspended, restored, deactivated, deleted.

use crate::stage::{ACCOUNT, Listener, OTHER_ACCOUNT, Stage, account, device, iccid, imei, profile, record};
use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};
use simulators::thingspace::{IdKind, State};

fn body_of(devices: &[Value]) -> Value {
    json!({ "accountName": ACCOUNT, "devices": devices })
}

#[tokio::test]
async fn a_device_lives_from_adding_to_deleting() {
    let mut stage = Stage::with(0, State::Active).await;
    let add = json!({ "accountName": ACCOUNT, "state": "preactive", "devicesToAdd": [device(1)] });
    let sent = device(1)["deviceIds"].clone();
    let added = stage.post("/devices/actions/add", &add).await;
    assert_eq!(added, (200, json!([{ "deviceIds": sent, "response": "Success" }])));
    assert_eq!(stage.post("/devices/actions/add", &add).await.1[0]["response"], json!("Failed"));
    assert_eq!(stage.state(1).await, ("preactive".to_owned(), Value::Null));
    let id = stage.activate(&[device(1)]).await;
    assert_eq!(stage.state(1).await.0, "pending activation");
    let status = format!("/accounts/{ACCOUNT}/requests/{id}/status");
    assert_eq!(stage.get(&status).await, (200, json!({ "requestId": id, "status": "Pending" })));
    stage.pass_a_while();
    assert_eq!(stage.get(&status).await.1["status"], json!("Success"));
    assert_eq!(stage.state(1).await, ("active".to_owned(), json!("SMALL")));
    let active = stage.listed(1).await;
    let id_of = |device: &Value, kind: &str| {
        let ids = device["deviceIds"].as_array().unwrap().clone();
        ids.into_iter().find(|id| id["kind"] == kind).map(|id| id["id"].as_str().unwrap().to_owned())
    };
    assert_eq!(active["deviceIds"].as_array().unwrap().len(), 6, "as in life: mdn, imsi, imei, iccId, msisdn, min");
    let mdn = id_of(&active, "mdn").unwrap();
    assert_eq!((mdn.len(), id_of(&active, "msisdn")), (10, Some(format!("1{mdn}"))));
    let address = active["ipAddress"].clone();
    assert!(address.is_string() && active["lastActivationDate"].is_string());
    stage.order(Method::POST, "/devices/actions/suspend", &body_of(&[device(1)])).await;
    stage.pass_a_while();
    let suspended = stage.listed(1).await;
    assert_eq!((&suspended["carrierInformations"][0]["state"], &suspended["ipAddress"]), (&json!("suspend"), &address));
    assert_eq!(id_of(&suspended, "mdn"), Some(mdn.clone()), "number and address stay");
    stage.order(Method::POST, "/devices/actions/restore", &body_of(&[device(1)])).await;
    stage.pass_a_while();
    assert_eq!(stage.state(1).await.0, "active");
    let end = json!({ "accountName": ACCOUNT, "devices": [device(1)], "reasonCode": "FF", "etfWaiver": true });
    stage.order(Method::POST, "/devices/actions/deactivate", &end).await;
    assert_eq!(stage.state(1).await.0, "pending deactivation");
    stage.pass_a_while();
    let gone = stage.listed(1).await;
    assert_eq!(gone["carrierInformations"][0], json!({ "carrierName": "Verizon Wireless", "state": "deactive" }));
    assert_eq!((id_of(&gone, "mdn"), id_of(&gone, "msisdn"), gone.get("ipAddress")), (None, None, None));
    assert!(id_of(&gone, "imsi").is_some() && id_of(&gone, "iccId").is_some());
    stage.activate(&[device(1)]).await;
    stage.pass_a_while();
    assert_ne!(id_of(&stage.listed(1).await, "mdn"), Some(mdn), "a new number");
    let delete = json!({ "devicesToDelete": [device(1), device(9)] });
    let (_, answers) = stage.post("/devices/actions/delete", &delete).await;
    assert_eq!((&answers[0]["status"], &answers[1]["status"]), (&json!("Failed"), &json!("Failed")));
    assert!(answers[0]["message"].as_str().unwrap().contains("deactive"));
    stage.pass(SignedDuration::from_hours(24));
    stage.sign_in().await;
    stage.order(Method::POST, "/devices/actions/deactivate", &end).await;
    stage.pass_a_while();
    let (_, answers) = stage.post("/devices/actions/delete", &delete).await;
    assert_eq!(answers[0], json!({ "deviceIds": device(1)["deviceIds"], "status": "Success" }));
    let (_, nothing) = stage.post("/devices/actions/list", &json!({})).await;
    assert_eq!(nothing["devices"], json!([]));
}

#[tokio::test]
async fn what_happened_is_in_the_history() {
    let stage = Stage::with(1, State::Preactive).await;
    stage.at_once();
    stage.activate(&[device(1)]).await;
    stage.pass(SignedDuration::from_secs(10));
    stage.order(Method::POST, "/devices/actions/suspend", &body_of(&[device(1)])).await;
    stage.pass(SignedDuration::from_secs(10));
    stage.order(Method::POST, "/devices/actions/suspend", &body_of(&[device(1)])).await;
    let ask = |earliest: &str| json!({ "deviceId": { "id": iccid(1), "kind": "iccid" }, "earliest": earliest, "latest": "2027-01-01T00:00:00Z" });
    let (status, history) = stage.post("/devices/history/actions/list", &ask("2025-01-01T00:00:00Z")).await;
    let records = history[0]["provisioningHistory"].as_array().unwrap();
    let told: Vec<(&str, &str)> = (records.iter())
        .map(|record| (record["eventType"].as_str().unwrap(), record["status"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("Activate", "Success"), ("Suspend", "Success"), ("Suspend", "Failed")]);
    assert_eq!((status, history.as_array().unwrap().len(), &history[0]["hasMoreData"]), (200, 1, &json!(false)));
    let first = &records[0];
    assert_eq!((&first["servicePlan"], &first["occurredAt"]), (&json!("SMALL"), &json!("2026-01-15T07:00:00-05:00")));
    assert!(first["msisdn"].as_str().unwrap().ends_with(first["mdn"].as_str().unwrap()));
    stage.profile(|profile| {
        profile.settings.most_records_in_a_page = 2;
        profile.inferred.history_in_a_list = false;
    });
    let (status, page) = stage.post("/devices/history/actions/list", &ask("2025-01-01T00:00:00Z")).await;
    assert_eq!((status, &page["hasMoreData"]), (202, &json!(true)));
    let (status, rest) = stage.post("/devices/history/actions/list", &ask("2026-01-15T12:00:11Z")).await;
    assert_eq!((status, rest["provisioningHistory"].as_array().unwrap().len()), (200, 1));
}

#[tokio::test]
async fn devices_that_nobody_knows_are_added_and_activated_if_they_are_a_pair() {
    let stage = Stage::with(0, State::Active).await;
    let listener = Listener::start().await;
    stage.listen(&listener, "CarrierService").await;
    let alone = json!({ "deviceIds": [{ "id": iccid(2), "kind": "iccid" }] });
    stage.activate(&[device(1), alone.clone()]).await;
    assert_eq!(stage.state(2).await.0, "pending activation");
    stage.pass_a_while();
    let heard = listener.hears(2).await;
    let failed = heard.iter().find(|callback| callback["status"] == "Failed").unwrap();
    let code = "UnifiedWebService.INPUT_INVALID.Device.Identifier.Invalid";
    assert_eq!(failed["faultResponse"]["faultcode"], json!(code));
    assert_eq!((stage.state(1).await.0.as_str(), stage.state(2).await.0.as_str()), ("active", "deactive"));
    let body = json!({ "devices": [alone], "servicePlan": "SMALL", "mdnZipCode": "36602", "skuNumber": "VZW0" });
    stage.order(Method::POST, "/devices/actions/activate", &body).await;
    stage.pass_a_while();
    assert_eq!(stage.state(2).await.0, "active", "a card alone is enough with a SKU");
}

#[tokio::test]
async fn a_card_is_told_by_its_iccid_and_takes_no_other_devices_imei() {
    let stage = Stage::with(1, State::Active).await;
    let listener = Listener::start().await;
    stage.listen(&listener, "CarrierService").await;
    let new_card = json!({ "deviceIds": [{ "id": imei(1), "kind": "imei" }, { "id": iccid(2), "kind": "iccid" }] });
    stage.activate(&[new_card]).await;
    stage.pass_a_while();
    let code = "UnifiedWebService.REQUEST_FAILED.Device.Identifier.InUse";
    assert_eq!(listener.hears(1).await[0]["faultResponse"]["faultcode"], json!(code));
    assert_eq!((stage.state(1).await.0.as_str(), stage.profile(|profile| profile.devices.len())), ("active", 1));
    assert_eq!(stage.listed(1).await["deviceIds"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn each_device_has_a_delay_of_its_own_within_the_range() {
    let mut done = Vec::new();
    for seed in [1, 1, 2] {
        let mut profile = profile();
        profile.devices = (1..=100).map(|number| record(number, State::Active)).collect();
        let stage = Stage::of_all(vec![profile], seed).await;
        let patch = json!({ "settings": { "delay": { "from": 10, "to": 100 } } });
        stage.own(Method::PATCH, "/support/thingspace/UWSUSER", Some(&patch)).await;
        stage.change_plan(&(1..=100).map(device).collect::<Vec<_>>(), "LARGE").await;
        let changed = |stage: &Stage| {
            let is = |number: &usize| stage.device(*number, |device| device.record.plan.as_deref() == Some("LARGE"));
            (1..=100).filter(is).collect::<Vec<usize>>()
        };
        stage.pass(SignedDuration::from_secs(9));
        assert_eq!(changed(&stage).len(), 0);
        stage.pass(SignedDuration::from_secs(46));
        done.push(changed(&stage));
        stage.pass(SignedDuration::from_secs(45));
        assert_eq!(changed(&stage).len(), 100);
    }
    assert!((30..70).contains(&done[0].len()), "{}", done[0].len());
    assert!(done[0] == done[1] && done[0] != done[2]);
}

#[tokio::test]
async fn the_status_of_a_request_is_told_for_one_device_only() {
    let stage = Stage::with(2, State::Active).await;
    stage.at_once();
    let path = |id: &str| format!("/accounts/{ACCOUNT}/requests/{id}/status");
    let failed = stage.activate(&[device(1)]).await;
    assert_eq!(stage.get(&path(&failed)).await.1["status"], json!("Failure"));
    let two = stage.order(Method::POST, "/devices/actions/suspend", &body_of(&[device(1), device(2)])).await;
    for id in [two.as_str(), "0f1e2d3c-4b5a-4978-8796-a5b4c3d2e1f0"] {
        let (status, body) = stage.get(&path(id)).await;
        let code = json!("UnifiedWebService.REQUEST_FAILED.RequestNotFound");
        assert_eq!((status, &body["errorCode"]), (400, &code));
    }
}

/// What an order does to a device in a state: the state afterwards, and the code of its callback.
async fn outcome(state: State, method: Method, path: &str, more: Value) -> (String, Option<String>) {
    let stage = Stage::with(1, state).await;
    let listener = Listener::start().await;
    stage.listen(&listener, "CarrierService").await;
    let mut body = body_of(&[device(1)]);
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    stage.order(method, path, &body).await;
    stage.pass_a_while();
    let heard = listener.hears(1).await;
    let code = heard[0]["faultResponse"]["faultcode"].as_str();
    (stage.state(1).await.0, code.map(|code| code.trim_start_matches("UnifiedWebService.").to_owned()))
}

#[tokio::test]
async fn orders_are_done_in_the_states_that_allow_them() {
    use State::{Active, Deactive, Preactive, Suspend};
    let activation = json!({ "servicePlan": "SMALL", "mdnZipCode": "36602" });
    let end = json!({ "reasonCode": "FF" });
    let plan = json!({ "servicePlan": "LARGE" });
    let fields = json!({ "customFieldsToUpdate": [{ "key": "CustomField1", "value": "x" }] });
    let invalid = Some("INPUT_INVALID.DeviceState.Invalid");
    let (post, put) = (Method::POST, Method::PUT);
    for (state, method, path, more, after, code) in [
        (Preactive, &post, "activate", &activation, "active", None),
        (Deactive, &post, "activate", &activation, "active", None),
        (Active, &post, "activate", &activation, "active", Some("REQUEST_FAILED.DeviceAlreadyActive")),
        (Suspend, &post, "activate", &activation, "suspend", invalid),
        (Active, &post, "suspend", &json!({}), "suspend", None),
        (Suspend, &post, "suspend", &json!({}), "suspend", invalid),
        (Preactive, &post, "suspend", &json!({}), "preactive", invalid),
        (Suspend, &post, "restore", &json!({}), "active", None),
        (Active, &post, "restore", &json!({}), "active", invalid),
        (Active, &post, "deactivate", &end, "deactive", None),
        (Suspend, &post, "deactivate", &end, "suspend", invalid),
        (Preactive, &post, "deactivate", &end, "preactive", invalid),
        (Deactive, &post, "deactivate", &end, "deactive", invalid),
        (Active, &put, "plan", &plan, "active", None),
        (Suspend, &put, "plan", &plan, "suspend", invalid),
        (Deactive, &put, "plan", &plan, "deactive", invalid),
        (Active, &put, "customFields", &fields, "active", None),
        (Preactive, &put, "customFields", &fields, "preactive", invalid),
    ] {
        let path = format!("/devices/actions/{path}");
        let (state_after, told) = outcome(state, method.clone(), &path, more.clone()).await;
        assert_eq!((state_after.as_str(), told.as_deref()), (after, code), "{path} of a device that is {state:?}");
    }
}

#[tokio::test]
async fn a_suspended_line_is_deactivated_if_that_guess_is_made() {
    let stage = Stage::with(1, State::Suspend).await;
    stage.profile(|profile| profile.inferred.suspended_can_be_deactivated = true);
    let end =
        json!({ "accountName": ACCOUNT, "devices": [device(1)], "reasonCode": "FF", "deleteAfterDeactivation": true });
    stage.order(Method::POST, "/devices/actions/deactivate", &end).await;
    stage.pass_a_while();
    assert_eq!(stage.profile(|profile| profile.devices.len()), 0);
}

#[tokio::test]
async fn devices_of_another_account_are_refused_one_by_one() {
    let mut profile = profile();
    profile.accounts.push(account(OTHER_ACCOUNT));
    profile.devices = (1..=2).map(|number| record(number, State::Active)).collect();
    OTHER_ACCOUNT.clone_into(&mut profile.devices[1].account);
    let stage = Stage::of(profile).await;
    let listener = Listener::start().await;
    stage.listen(&listener, "CarrierService").await;
    stage.change_plan(&[device(1), device(2), device(3)], "LARGE").await;
    stage.pass_a_while();
    let mut codes: Vec<Option<String>> = listener
        .hears(3)
        .await
        .iter()
        .map(|callback| callback["faultResponse"]["faultcode"].as_str().map(str::to_owned))
        .collect();
    codes.sort();
    let code = |code: &str| Some(format!("UnifiedWebService.{code}"));
    assert_eq!(codes, [None, code("INPUT_INVALID.Device.Account.Invalid"), code("REQUEST_FAILED.DeviceNotFound")]);
    assert_eq!(stage.state(2).await.1, json!("SMALL"));
}

#[tokio::test]
async fn a_suspension_ends_by_itself_after_ninety_days() {
    let stage = Stage::with(1, State::Active).await;
    stage.at_once();
    stage.order(Method::POST, "/devices/actions/suspend", &body_of(&[device(1)])).await;
    stage.pass(SignedDuration::from_hours(24 * 90 - 1));
    assert_eq!(stage.device(1, |device| device.record.state), State::Suspend);
    stage.pass(SignedDuration::from_hours(1));
    assert_eq!(stage.device(1, |device| (device.record.state, device.suspensions.len())), (State::Active, 1));
    let from_the_fleet = Stage::with(1, State::Suspend).await;
    from_the_fleet.pass(SignedDuration::from_hours(24 * 90));
    assert_eq!(from_the_fleet.device(1, |device| device.record.state), State::Active);
    assert_eq!(stage.device(1, |device| device.record.id_of(IdKind::Imei).map(str::to_owned)), Some(imei(1)));
}
