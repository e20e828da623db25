//! What is remembered, and that a seed makes it again.

use crate::stage::{ACCOUNT, KEY, Listener, PASSWORD, SECRET, Stage, USERNAME, device, iccid, profile, record};
use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};
use simulators::Fleet;
use simulators::thingspace::State;

#[tokio::test]
async fn calls_are_remembered_with_their_operation_and_without_credentials() {
    let stage = Stage::with(3, State::Active).await;
    stage.change_plan(&[device(1), device(2)], "LARGE").await;
    let unknown = json!({ "devices": [device(3)], "servicePlan": "HUGE" });
    assert_eq!(stage.put("/devices/actions/plan", &unknown).await.0, 400);
    let (_, ledger) = stage.own(Method::GET, "/ledger?provider=thingspace", None).await;
    let items = ledger["items"].as_array().unwrap();
    let told: Vec<(&str, bool)> =
        items.iter().map(|item| (item["operation"].as_str().unwrap(), item["applied"].as_bool().unwrap())).collect();
    assert_eq!(told, [("token", false), ("log_in", false), ("plan", true), ("plan", false)]);
    assert_eq!((&items[2]["devices"], &items[2]["account"]), (&json!(2), &json!(USERNAME)));
    assert_eq!(items[2]["object"], json!({ "kind": "Requests", "id": 1 }));
    let whole = json!(items).to_string();
    for secret in ["Pass'word", SECRET, &stage.bearer, &stage.session] {
        assert!(!whole.contains(secret), "{secret}");
    }
    assert!(PASSWORD.contains("Pass'word") && !KEY.is_empty());
    let (_, counts) = stage.own(Method::GET, "/ledger/counts", None).await;
    let plan = json!({ "calls": 2, "applied": 1, "devices": 2, "most_devices_in_a_call": 2 });
    assert_eq!(counts["items"][0]["operations"]["plan"], plan);
}

#[tokio::test]
async fn devices_are_objects_with_what_was_told_of_them() {
    let stage = Stage::with(2, State::Active).await;
    stage.at_once();
    let listener = Listener::start().await;
    stage.listen(&listener, "CarrierService").await;
    let id = stage.change_plan(&[device(1)], "LARGE").await;
    listener.hears(1).await;
    stage.settles().await;
    let (status, objects) = stage.own(Method::GET, "/ledger/objects?provider=thingspace&kind=devices", None).await;
    assert_eq!((status, objects["items"].as_array().unwrap().len()), (200, 2));
    let first = &objects["items"][0];
    assert_eq!((&first["natural_key"], &first["times_created"]), (&json!(iccid(1)), &json!(1)));
    let object = &first["object"];
    assert_eq!(
        (&object["state"], &object["plan"], &object["plan_changes"]),
        (&json!("active"), &json!("LARGE"), &json!(1))
    );
    assert_eq!((&object["msisdn"], &object["account"]), (&json!("12050000001"), &json!(ACCOUNT)));
    let told = &object["callbacks"][0];
    assert_eq!((&told["requestId"], &told["outcome"], &told["attempts"]), (&json!(id), &json!("delivered"), &json!(1)));
    let (_, requests) = stage.own(Method::GET, "/ledger/objects?kind=Requests", None).await;
    assert_eq!(requests["items"][0]["object"]["requestId"], json!(id));
    assert_eq!(
        (&requests["items"][0]["object"]["kind"], &requests["items"][0]["object"]["left"]),
        (&json!("plan"), &json!(0))
    );
    let (_, callbacks) =
        stage.own(Method::GET, &format!("/ledger/callbacks?request={id}&account={USERNAME}"), None).await;
    assert_eq!(callbacks["items"][0]["attempts"][0]["status"], json!(200));
    assert_eq!(stage.own(Method::GET, "/ledger/callbacks?request=x", None).await.1["items"], json!([]));
    assert_eq!(stage.own(Method::GET, "/ledger/callbacks?cursor=x", None).await.0, 400);
}

#[tokio::test]
async fn objects_and_callbacks_are_paged_over_both_providers() {
    let fleet = Fleet::example(1, 2, 1).with_thingspace(1, 20);
    let stage = Stage::with(5, State::Active).await;
    stage.world.load(fleet).unwrap();
    for path in ["/ledger/objects", "/ledger/callbacks"] {
        let (mut seen, mut query) = (Vec::new(), "?limit=7".to_owned());
        loop {
            let (_, page) = stage.own(Method::GET, &format!("{path}{query}"), None).await;
            seen.extend(page["items"].as_array().unwrap().clone());
            let Some(next) = page["next_cursor"].as_str() else { break };
            query = format!("?limit=7&cursor={next}");
        }
        let (_, all) = stage.own(Method::GET, &format!("{path}?limit=1000"), None).await;
        assert_eq!(json!(seen), all["items"], "{path}");
    }
    let (_, objects) = stage.own(Method::GET, "/ledger/objects?provider=thingspace&limit=1000", None).await;
    assert_eq!(objects["items"].as_array().unwrap().len(), 25);
}

#[tokio::test]
async fn about_says_how_to_sign_in_and_what_there_is() {
    let mut profile = profile();
    profile.devices = vec![record(1, State::Active), record(2, State::Suspend), record(3, State::Preactive)];
    let stage = Stage::of(profile).await;
    let (_, about) = stage.own(Method::GET, "/about", None).await;
    let about = &about["thingspace"];
    assert_eq!(about["base_url"], json!(stage.url("")));
    assert_eq!((&about["key"], &about["secret"], &about["username"]), (&json!(KEY), &json!(SECRET), &json!(USERNAME)));
    assert_eq!((&about["account"], &about["plans"]), (&json!(ACCOUNT), &json!(["SMALL", "LARGE"])));
    let iccids = json!({ "active": [iccid(1)], "suspend": [iccid(2)], "deactive": [], "preactive": [iccid(3)] });
    assert_eq!(about["iccids"], iccids);
}

#[tokio::test]
async fn a_fleet_is_read_from_json_and_checked() {
    let fleet = Fleet::example(3, 2, 2).with_thingspace(3, 40);
    let again: Fleet = serde_json::from_value(serde_json::to_value(&fleet).unwrap()).unwrap();
    assert_eq!(fleet, again);
    let line = &fleet.rev_io[0].services[0];
    let first = &fleet.thingspace[0].devices[0];
    assert_eq!(
        first.ids.values().filter(|id| Some(*id) == line.number2.as_ref() || Some(*id) == line.number.as_ref()).count(),
        3
    );
    let small = json!({ "thingspace": [{ "key": "k", "secret": "s", "username": "u", "password": "p",
        "settings": { "delay": { "from": 0, "to": 1 } },
        "accounts": [{ "name": ACCOUNT, "plans": [{ "name": "n", "code": "c" }],
            "pools": [{ "name": "p", "type": "Static IP", "default": true, "first": "10.0.0.0", "size": 2 }] }],
        "devices": [{ "account": ACCOUNT, "ids": { "iccid": iccid(1) }, "state": "active", "ip_pool": "p",
            "ip_address": "10.0.0.0" }] }] });
    let stage = Stage::with(0, State::Active).await;
    let load = |fleet: Value| stage.world.load(serde_json::from_value(fleet).unwrap());
    load(small.clone()).unwrap();
    assert_eq!(stage.world.thingspace(|state| state.profile("u").unwrap().accounts[0].pools[0].left()), 1);
    assert!(load(small.clone()).unwrap_err().to_string().contains('u'), "the user is taken");
    let mut twice = small.clone();
    twice["thingspace"][0]["username"] = json!("v");
    twice["thingspace"][0]["key"] = json!("l");
    let device = twice["thingspace"][0]["devices"][0].clone();
    twice["thingspace"][0]["devices"] = json!([device, device]);
    assert!(load(twice.clone()).unwrap_err().to_string().contains(&iccid(1)));
    twice["thingspace"][0]["devices"] = json!([{ "account": "nowhere" }]);
    assert!(load(twice).unwrap_err().to_string().contains("nowhere"));
}

/// A run with everything going wrong at a rate; what the ledger says of it at the end.
async fn run(seed: u64) -> (Value, Value, Value) {
    let mut profile = profile();
    profile.devices = (1..=40).map(|number| record(number, State::Active)).collect();
    let stage = Stage::of_all(vec![profile], seed).await;
    let listener = Listener::start().await;
    let body = json!({ "name": "CarrierService", "url": listener.url });
    stage.post(&format!("/callbacks/{ACCOUNT}"), &body).await;
    let at = |rate: f64, fault: Value| json!({ "provider": "thingspace", "when": { "rate": rate }, "fault": fault });
    stage.fault(json!([
        at(0.1, json!({ "kind": "callback_lost" })),
        at(0.1, json!({ "kind": "callback_doubled", "seconds": 1 })),
        at(0.1, json!({ "kind": "callback_forged", "forgery": "request" })),
        at(0.1, json!({ "kind": "device_refused" })),
        { "provider": "thingspace", "path": "/devices/actions/suspend", "when": { "rate": 0.3 }, "fault": { "kind": "refuse" } },
    ])).await;
    let devices: Vec<Value> = (1..=40).map(device).collect();
    for plan in ["LARGE", "SMALL"] {
        stage.change_plan(&devices, plan).await;
        stage.pass(SignedDuration::from_secs(1));
        stage.post("/devices/actions/suspend", &json!({ "devices": devices[..5] })).await;
        stage.pass_a_while();
        stage.settles().await;
    }
    let get = |path: &'static str| stage.own(Method::GET, path, None);
    let (_, objects) = get("/ledger/objects?limit=1000").await;
    let (_, callbacks) = get("/ledger/callbacks?limit=1000").await;
    let (_, mut calls) = get("/ledger?limit=1000").await;
    for item in calls["items"].as_array_mut().unwrap() {
        // The listener's port is the machine's choice.
        item["body"] = Value::Null;
    }
    (calls, objects, callbacks)
}

#[tokio::test]
async fn the_same_seed_and_the_same_calls_give_the_same_ledger() {
    let first = run(7).await;
    assert_eq!(first, run(7).await);
    let sorts = |sort: &str| first.2["items"].as_array().unwrap().iter().filter(|item| item["sort"] == sort).count();
    assert!(sorts("double") > 0 && sorts("forged") > 0, "something went wrong: {}", first.2);
    assert_ne!(first, run(8).await);
}
