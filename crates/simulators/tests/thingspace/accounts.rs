//! Accounts, plans, leads, listeners, groups.

use crate::stage::{ACCOUNT, Listener, Stage, USERNAME, device, iccid, profile, told};
use reqwest::Method;
use serde_json::{Value, json};
use simulators::thingspace::{Lead, NoListeners, PoolsKey, State};

fn refused(answer: &(u16, Value), code: &str) {
    assert_eq!((answer.0, &answer.1["errorCode"]), (400, &json!(format!("UnifiedWebService.{code}"))));
}

#[tokio::test]
async fn an_account_has_plans_and_pools() {
    let stage = Stage::of(profile()).await;
    let plan = |code: &str| {
        json!({ "name": format!("Plan {code}"), "code": code, "sizeKb": 1024, "carrierServicePlanCode": code,
            "extendedAttributes": [] })
    };
    let plans = json!([plan("SMALL"), plan("LARGE")]);
    assert_eq!(stage.get(&format!("/plans/{ACCOUNT}")).await, (200, plans.clone()));
    let (status, account) = stage.get(&format!("/accounts/{ACCOUNT}")).await;
    assert_eq!((status, &account["accountName"], &account["servicePlans"]), (200, &json!(ACCOUNT), &plans));
    assert_eq!(account["isProvisioningAllowed"], json!(true));
    assert_eq!(account["features"], json!(["Static IP", "Dynamic IP"]));
    let pools = json!([
        { "poolName": "roaming", "poolType": "Dynamic IP", "isDefaultPool": true },
        { "poolName": "fixed", "poolType": "Static IP", "isDefaultPool": false },
    ]);
    assert_eq!(account["iPPools"], pools);
    stage.profile(|profile| profile.inferred.pools_key = PoolsKey::IpPools);
    assert_eq!(stage.get(&format!("/accounts/{ACCOUNT}")).await.1["ipPools"], pools);
}

#[tokio::test]
async fn leads_are_read_on_by_the_location() {
    let stage = Stage::of(profile()).await;
    let (status, leads) = stage.get(&format!("/leads/{ACCOUNT}")).await;
    assert_eq!((status, &leads["hasMoreData"], &leads["leads"][0]["leadId"]), (200, &json!(false), &json!("1-0")));
    assert_eq!(leads["leads"][0]["address"]["zip"], json!("36602"));
    stage.profile(|profile| {
        let lead = |number: usize| Lead { id: number.to_string(), state: "Qualified".to_owned(), address: json!({}) };
        profile.accounts[0].leads = (0..1_001).map(lead).collect();
    });
    let response = stage.call(Method::GET, &format!("/leads/{ACCOUNT}")).send().await.unwrap();
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    assert_eq!(response.status(), 202);
    let next = location.split_once("next=").unwrap().1;
    let (status, rest) = stage.get(&format!("/leads/{ACCOUNT}?next={next}")).await;
    assert_eq!((status, rest["leads"].as_array().unwrap().len()), (200, 1));
}

#[tokio::test]
async fn listeners_are_registered_listed_and_taken_away() {
    let stage = Stage::of(profile()).await;
    let path = format!("/callbacks/{ACCOUNT}");
    assert_eq!(stage.get(&path).await, (200, json!("")), "an empty body");
    stage.profile(|profile| profile.inferred.no_listeners = NoListeners::EmptyList);
    assert_eq!(stage.get(&path).await, (200, json!([])));
    let named = json!({ "accountName": ACCOUNT, "serviceName": "CarrierService" });
    let new = json!({ "name": "CarrierService", "url": "http://127.0.0.1:1/x" });
    assert_eq!(stage.post(&path, &new).await, (200, named.clone()));
    assert_eq!(stage.post(&path, &new).await, (200, named.clone()), "the same again changes nothing");
    let other = json!({ "name": "CarrierService", "url": "http://127.0.0.1:2/x", "username": "u", "password": "p" });
    refused(&stage.post(&path, &other).await, "REQUEST_FAILED.CallbackService.Exists");
    let delete = |name: &str| stage.call(Method::DELETE, &format!("{path}/name/{name}"));
    assert_eq!(told(delete("CarrierService").send().await.unwrap()).await, (200, named));
    refused(&told(delete("CarrierService").send().await.unwrap()).await, "REQUEST_FAILED.CallbackService.NotFound");
    assert_eq!(stage.post(&path, &other).await.0, 200);
    let listed = json!([{ "accountName": ACCOUNT, "serviceName": "CarrierService", "url": "http://127.0.0.1:2/x",
        "username": "u", "password": "p" }]);
    assert_eq!(stage.get(&path).await, (200, listed));
    for (body, code) in [
        (json!({ "name": "Nothing", "url": "http://a/" }), "INPUT_INVALID.CallbackService.Invalid"),
        (json!({ "url": "http://a/" }), "INPUT_INVALID.Name.NotDefined"),
        (json!({ "name": "DeviceService", "url": "ftp://a/" }), "INPUT_INVALID.CallbackUrl.Invalid"),
        (json!({ "name": "DeviceService", "url": "here" }), "INPUT_INVALID.CallbackUrl.Invalid"),
        (
            json!({ "name": "DeviceService", "url": "http://a/", "password": "x".repeat(41) }),
            "INPUT_INVALID.CallbackCredentials.Invalid",
        ),
        (
            json!({ "name": "DeviceService", "url": "http://a/", "username": USERNAME }),
            "INPUT_INVALID.CallbackCredentials.Invalid",
        ),
    ] {
        refused(&stage.post(&path, &body).await, code);
    }
    stage.profile(|profile| profile.settings.callback_ports_of_life = true);
    let at = |port: u16| json!({ "name": "DeviceService", "url": format!("http://a:{port}/") });
    refused(&stage.post(&path, &at(8080)).await, "INPUT_INVALID.CallbackUrl.Invalid");
    assert_eq!(stage.post(&path, &at(50_551)).await.0, 200);
}

#[tokio::test]
async fn groups_are_made_filled_renamed_and_deleted() {
    let stage = Stage::with(3, State::Active).await;
    let id = |number| json!({ "id": iccid(number), "kind": "iccid" });
    let new =
        json!({ "accountName": ACCOUNT, "groupName": "west vans", "groupDescription": "d", "devicesToAdd": [id(1)] });
    assert_eq!(stage.post("/groups", &new).await, (200, json!({ "success": true })));
    refused(&stage.post("/groups", &new).await, "REQUEST_FAILED.DeviceGroup.Exists");
    let (_, groups) = stage.get(&format!("/groups/{ACCOUNT}")).await;
    let told_groups: Vec<(&Value, &Value)> =
        groups.as_array().unwrap().iter().map(|group| (&group["name"], &group["isDefaultGroup"])).collect();
    let default = json!(format!("Default: {ACCOUNT}"));
    assert_eq!(told_groups, [(&default, &json!(true)), (&json!("west vans"), &json!(false))]);
    let path = format!("/groups/{ACCOUNT}/name/west%20vans");
    let update = json!({ "devicesToAdd": [id(2), id(3)], "devicesToRemove": [id(1)], "newGroupName": "vans" });
    assert_eq!(stage.put(&path, &update).await, (200, json!({ "success": true })));
    refused(&stage.get(&path).await, "REQUEST_FAILED.DeviceGroupNotFound");
    let path = format!("/groups/{ACCOUNT}/name/vans");
    let (status, group) = stage.get(&path).await;
    assert_eq!((status, &group["name"], &group["description"]), (200, &json!("vans"), &json!("d")));
    assert_eq!((group["devices"].as_array().unwrap().len(), &group["hasMoreData"]), (2, &json!(false)));
    assert_eq!(stage.listed(2).await["groupNames"], json!([default, "vans"]));
    stage.profile(|profile| profile.settings.most_devices_in_a_page = 1);
    let response = stage.call(Method::GET, &path).send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers().contains_key("location")), (202, true));
    let (_, next) = stage.get(&format!("{path}?next=1")).await;
    assert_eq!(next["hasMoreData"], json!(false));
    let delete = |path: &str| stage.call(Method::DELETE, path);
    let done = told(delete(&path).send().await.unwrap()).await;
    assert_eq!(done, (200, json!({ "success": true })));
    assert_eq!(stage.listed(2).await["groupNames"], json!([default]));
    refused(&told(delete(&path).send().await.unwrap()).await, "REQUEST_FAILED.DeviceGroupNotFound");
    let of_default = format!("/groups/{ACCOUNT}/name/Default:%20{ACCOUNT}");
    refused(&told(delete(&of_default).send().await.unwrap()).await, "INPUT_INVALID.DeviceGroup.DeleteDefault");
    assert_eq!(stage.get(&of_default).await.0, 202, "all devices are in it");
}

#[tokio::test]
async fn bodies_without_a_device_or_a_name_are_refused() {
    let stage = Stage::with(1, State::Active).await;
    refused(&stage.post("/groups", &json!({ "groupName": "g" })).await, "INPUT_INVALID.Account.NotDefined");
    refused(&stage.post("/groups", &json!({ "accountName": ACCOUNT })).await, "INPUT_INVALID.GroupName.NotDefined");
    let unknown =
        json!({ "accountName": ACCOUNT, "groupName": "g", "devicesToAdd": [{ "id": iccid(9), "kind": "iccid" }] });
    refused(&stage.post("/groups", &unknown).await, "REQUEST_FAILED.DeviceNotFound");
    let listener = Listener::start().await;
    stage.listen(&listener, "CarrierService").await;
    let empty = json!({ "accountName": ACCOUNT, "devices": [], "reasonCode": "FF" });
    refused(&stage.post("/devices/actions/deactivate", &empty).await, "INPUT_INVALID.RequestUndefined");
    let wrong = json!({ "accountName": ACCOUNT, "devices": [device(1)], "reasonCode": "XX" });
    refused(&stage.post("/devices/actions/deactivate", &wrong).await, "INPUT_INVALID.ReasonCode.Invalid");
}
