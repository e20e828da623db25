//! Bodies, to the letter, as they are documented; and what is never sent.

use super::*;
use crate::carriers::thingspace::{ThingSpaceAccount, ThingSpaceSettings};
use crate::carriers::{IpWish, PlaceOfUse, PlanChange};
use crate::{HttpClient, HttpSettings};
use domain::clock::Clock;
use serde_json::{Value, json};

const ACCOUNT: &str = "0000123456-00001";
const ONE: &str = "89148000000000000001";
const TWO: &str = "89148000000000000002";
const IMEI: &str = "356938035643809";

fn client(settings: ThingSpaceSettings) -> ThingSpace {
    drop(rustls::crypto::ring::default_provider().install_default());
    let account = ThingSpaceAccount {
        base_url: "https://thingspace.verizon.com/api".to_owned(),
        key: "k".into(),
        secret: "s".into(),
        username: "u".into(),
        password: "p".into(),
        account_name: ACCOUNT.to_owned(),
    };
    let http = HttpClient::new(HttpSettings::default()).unwrap();
    ThingSpace::new(&http, account, settings, Clock::fixed(jiff::Timestamp::UNIX_EPOCH)).unwrap()
}

fn believing(change: impl FnOnce(&mut ThingSpaceSettings)) -> ThingSpace {
    let mut settings = ThingSpaceSettings::default();
    change(&mut settings);
    client(settings)
}

fn batch(change: Change, iccids: &[&str]) -> Batch {
    Batch { change, devices: iccids.iter().map(|iccid| DeviceRef::of((*iccid).to_owned())).collect() }
}

fn body(client: &ThingSpace, batch: &Batch) -> Value {
    serde_json::to_value(client.body(batch)).unwrap()
}

fn plan(code: &str) -> PlanChange {
    PlanChange { plan: code.to_owned(), ..PlanChange::default() }
}

fn activation() -> Activation {
    Activation { plan: "84777".to_owned(), zip_code: "98801".to_owned(), ..Activation::default() }
}

fn activating(activation: Activation) -> Batch {
    let mut batch = batch(Change::Activate(Box::new(activation)), &[ONE]);
    batch.devices[0].imei = Some(IMEI.to_owned());
    batch
}

fn place_of_use() -> PlaceOfUse {
    PlaceOfUse {
        first_name: "Ann".to_owned(),
        last_name: "Lee".to_owned(),
        address_line_1: "1 Elm Street".to_owned(),
        address_line_2: None,
        city: "Wenatchee".to_owned(),
        state: "WA".to_owned(),
        zip: "98801".to_owned(),
        country: "US".to_owned(),
    }
}

#[test]
fn a_change_of_plan_names_all_devices_in_one_request() {
    let mut change = plan("84888");
    change.only_from = Some("84777".to_owned());
    let batch = batch(Change::CarrierRatePlan(change), &[ONE, TWO]);
    let devices = json!([
        { "deviceIds": [{ "id": ONE, "kind": "iccid" }] },
        { "deviceIds": [{ "id": TWO, "kind": "iccid" }] }
    ]);
    let expected = json!({ "accountName": ACCOUNT, "devices": devices, "servicePlan": "84888" });
    assert_eq!(body(&client(ThingSpaceSettings::default()), &batch), expected);
    let either = believing(|settings| {
        settings.inferred.names_the_account_with_devices = false;
        settings.inferred.current_plan_is_a_condition = true;
    });
    let expected = json!({ "devices": devices, "servicePlan": "84888", "currentServicePlan": "84777" });
    assert_eq!(body(&either, &batch), expected);
}

#[test]
fn an_activation_says_everything_that_it_is_told() {
    let client = believing(|settings| settings.inferred.names_the_account_with_devices = false);
    let least = json!({
        "accountName": ACCOUNT,
        "devices": [{ "deviceIds": [{ "id": IMEI, "kind": "imei" }, { "id": ONE, "kind": "iccid" }] }],
        "servicePlan": "84777",
        "mdnZipCode": "98801",
    });
    assert_eq!(body(&client, &activating(activation())), least);
    let mut full = activating(Activation {
        ip: Some(IpWish { pool: Some("static-1".to_owned()), unrestricted: Some(false) }),
        sku: Some("VZW180000310005".to_owned()),
        place_of_use: Some(place_of_use()),
        ..activation()
    });
    full.devices[0].ip_address = Some("10.1.2.3".to_owned());
    let mut most = least;
    most["devices"][0]["ipAddress"] = json!("10.1.2.3");
    most["carrierIpPoolName"] = json!("static-1");
    most["publicIpRestriction"] = json!("restricted");
    most["skuNumber"] = json!("VZW180000310005");
    most["primaryPlaceOfUse"] = json!({
        "address": { "addressLine1": "1 Elm Street", "city": "Wenatchee", "state": "WA", "zip": "98801", "country": "US" },
        "customerName": { "firstName": "Ann", "lastName": "Lee" },
    });
    assert_eq!(body(&client, &full), most);
    assert_eq!(excess(&full), None);
}

#[test]
fn the_other_changes_say_what_they_need_and_no_more() {
    let devices = json!([{ "deviceIds": [{ "id": ONE, "kind": "iccid" }] }]);
    let plain = json!({ "accountName": ACCOUNT, "devices": devices });
    let client = believing(|settings| settings.waives_early_end_fee = Some(true));
    for change in [Change::Suspend, Change::Restore] {
        assert_eq!(body(&client, &batch(change, &[ONE])), plain);
    }
    let mut ending = plain.clone();
    ending["reasonCode"] = json!("FF");
    assert_eq!(body(&super::tests::client(ThingSpaceSettings::default()), &batch(Change::Deactivate, &[ONE])), ending);
    ending["etfWaiver"] = json!(true);
    assert_eq!(body(&client, &batch(Change::Deactivate, &[ONE])), ending);
    let mut pooled = plain;
    pooled["servicePlan"] = json!("84777");
    pooled["carrierIpPoolName"] = json!("static-1");
    let ip = StaticIp { pool: "static-1".to_owned(), plan: "84777".to_owned() };
    assert_eq!(body(&client, &batch(Change::StaticIp(ip), &[ONE])), pooled);
}

#[test]
fn each_change_goes_to_its_own_place() {
    for (operation, method, path) in [
        (Operation::ChangeCarrierRatePlan, Method::PUT, "plan"),
        (Operation::ProvisionIp, Method::PUT, "plan"),
        (Operation::Activate, Method::POST, "activate"),
        (Operation::Deactivate, Method::POST, "deactivate"),
        (Operation::Suspend, Method::POST, "suspend"),
        (Operation::Restore, Method::POST, "restore"),
    ] {
        assert_eq!(place(operation), (method, path));
    }
}

#[test]
fn what_would_be_refused_or_misunderstood_is_not_sent() {
    let to = |code: &str| Change::CarrierRatePlan(plan(code));
    for code in ["", " ", "a'b", "a<b", "a\\b", "a\nb"] {
        assert!(excess(&batch(to(code), &[ONE])).is_some(), "{code}");
    }
    assert_eq!(excess(&batch(to("84888"), &[ONE])), None);
    let mut asking = batch(to("84888"), &[ONE]);
    asking.devices[0].ip_address = Some("10.1.2.3".to_owned());
    assert!(excess(&asking).is_some());

    let spoilt = |spoil: &dyn Fn(&mut Activation)| {
        let mut activation = Activation { place_of_use: Some(place_of_use()), ..activation() };
        spoil(&mut activation);
        excess(&activating(activation))
    };
    assert_eq!(spoilt(&|_| {}), None);
    assert!(spoilt(&|a| a.plan.clear()).is_some());
    assert!(spoilt(&|a| a.zip_code.clear()).is_some());
    assert!(spoilt(&|a| a.sku = Some("<".to_owned())).is_some());
    assert!(spoilt(&|a| a.ip = Some(IpWish { pool: Some(String::new()), unrestricted: None })).is_some());
    assert!(spoilt(&|a| a.place_of_use.as_mut().unwrap().last_name.clear()).is_some());
    assert!(spoilt(&|a| a.place_of_use.as_mut().unwrap().address_line_2 = Some("'".to_owned())).is_some());

    let with_imei = |imei: Option<&str>, sku: Option<&str>| {
        let mut batch = activating(Activation { sku: sku.map(str::to_owned), ..activation() });
        batch.devices[0].imei = imei.map(str::to_owned);
        excess(&batch)
    };
    assert!(with_imei(None, None).is_some() && with_imei(Some("35693803564380X"), None).is_some());
    assert_eq!(with_imei(None, Some("VZW180000310005")), None);

    let pool = |pool: &str| Change::StaticIp(StaticIp { pool: pool.to_owned(), plan: "84777".to_owned() });
    assert!(excess(&batch(pool(""), &[ONE])).is_some());
    let mut asking = batch(pool("static-1"), &[ONE]);
    asking.devices[0].ip_address = Some("10.1.2".to_owned());
    assert!(excess(&asking).is_some());
    asking.devices[0].ip_address = Some("10.1.2.3".to_owned());
    assert_eq!(excess(&asking), None);
}

#[test]
fn settings_change_what_it_can_do() {
    let ordinary = client(ThingSpaceSettings::default()).capabilities();
    let ip = Change::StaticIp(StaticIp::default());
    assert_eq!(ordinary.admits_change(&ip), Ok(()));
    assert_eq!((ordinary.devices_per_request, ordinary.static_ips.asked_for), (500, true));
    let doubting = believing(|settings| {
        settings.inferred.pool_moves_with_the_plan = false;
        settings.inferred.takes_an_address_that_is_asked_for = false;
        settings.devices_per_request = 20_000;
    });
    let doubting = doubting.capabilities();
    assert!(doubting.admits_change(&ip).is_err());
    assert_eq!((doubting.devices_per_request, doubting.static_ips.asked_for), (10_000, false));
}
