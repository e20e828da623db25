//! Every callback that the reference shows, and those that nobody should let in.

use super::*;
use proptest::prelude::*;
use serde_json::json;

const TOKEN: &str = "canary-token";
const USERNAME: &str = "canary-listener";
const PASSWORD: &str = "canary-word";
const ICCID: &str = "89148000000000000001";
const ID: &str = "595f5c44-c31c-4552-8670-020a1545a84d";

fn gate() -> CallbackGate {
    CallbackGate::of(&TOKEN.into(), &USERNAME.into(), &PASSWORD.into())
}

fn fitting() -> Value {
    json!({
        "username": USERNAME, "password": PASSWORD, "requestId": ID, "status": "Success",
        "deviceIds": [{ "id": "356938035643809", "kind": "Imei" }, { "id": ICCID, "kind": "Iccid" }],
        "callbackCount": 1, "maxCallbackThreshold": 4, "deviceResponse": {},
    })
}

fn with(field: &str, value: Value) -> Value {
    let mut body = fitting();
    body[field] = value;
    body
}

fn without(field: &str) -> Value {
    let mut body = fitting();
    body.as_object_mut().unwrap().remove(field);
    body
}

fn let_in(body: &Value) -> Result<Admitted, NotAdmitted> {
    admit(&gate(), TOKEN, body.to_string().as_bytes())
}

#[test]
fn a_success_says_which_device_to_read_and_keeps_no_secret() {
    let response = json!({ "activateResponse": {
        "deviceIds": [{ "id": "15551230000", "kind": "msisdn" }], "state": "active", "servicePlan": "84777",
        "ipAddress": "10.1.2.3", "featureCodes": [], "deviceCredential": { "username": "du", "password": "dp" } } });
    let admitted = let_in(&with("deviceResponse", response)).unwrap();
    assert_eq!((admitted.request_id.as_str(), admitted.iccids.as_slice()), (ID, [ICCID.to_owned()].as_slice()));
    assert_eq!((&admitted.word, admitted.told), (&CallbackWord::Success, Some(1)));
    let kept = admitted.body.to_string();
    for gone in ["canary", "\"du\"", "\"dp\""] {
        assert!(!kept.contains(gone), "{gone} in {kept}");
    }
    assert!(kept.contains("10.1.2.3") && kept.contains(ICCID), "{kept}");
}

#[test]
fn a_fault_says_why() {
    let fault = |code: Value| {
        let mut body = with("status", json!("Failed"));
        body["faultResponse"] = json!({ "faultcode": code, "faultstring": "REQUEST_FAILED. Device is already active" });
        let_in(&body).unwrap().word
    };
    let failed = |code: Option<&str>, cause| CallbackWord::Failed { code: code.map(str::to_owned), cause };
    assert_eq!(
        fault(json!("UnifiedWebService.REQUEST_FAILED.DeviceAlreadyActive")),
        failed(Some("REQUEST_FAILED.DeviceAlreadyActive"), Cause::DeviceAlreadyActive)
    );
    assert_eq!(
        fault(json!("UnifiedWebService.INPUT_INVALID.Device.Account.Invalid")),
        failed(Some("INPUT_INVALID.Device.Account.Invalid"), Cause::DeviceOfAnotherAccount)
    );
    assert_eq!(fault(json!("REQUEST_FAILED.New")), failed(Some("REQUEST_FAILED.New"), Cause::Unlisted));
    // Not of the form of a code: it says that it failed, and not why.
    for odd in [json!("no"), json!(7), Value::Null] {
        assert_eq!(fault(odd), failed(None, Cause::Unlisted));
    }
    assert_eq!(let_in(&with("status", json!("failure"))).unwrap().word, failed(None, Cause::Unlisted));
}

#[test]
fn a_word_that_is_not_known_is_none_of_the_known() {
    for status in [json!("Pending"), json!(""), json!(7), Value::Null] {
        assert!(matches!(let_in(&with("status", status)).unwrap().word, CallbackWord::Unlisted(_)));
    }
    // It says both.
    let contradicting = with("faultResponse", json!({ "faultcode": "REQUEST_FAILED.X" }));
    assert!(matches!(let_in(&contradicting).unwrap().word, CallbackWord::Unlisted(_)));
    let long = let_in(&with("status", json!("é".repeat(5_000)))).unwrap().word;
    assert_eq!(long, CallbackWord::Unlisted("é".repeat(MOST_WORD)));
}

#[test]
fn nobody_comes_in_without_all_three() {
    for (token, body, expected) in [
        ("", fitting(), NotAdmitted::WrongToken),
        ("canary-toke", fitting(), NotAdmitted::WrongToken),
        ("CANARY-TOKEN", fitting(), NotAdmitted::WrongToken),
        // What is wrong with the body is told to nobody who does not know the token.
        ("x", json!({}), NotAdmitted::WrongToken),
        ("x", json!([]), NotAdmitted::WrongToken),
        ("x", without("requestId"), NotAdmitted::WrongToken),
        (TOKEN, with("username", json!("x")), NotAdmitted::WrongCredentials),
        (TOKEN, with("password", json!("x")), NotAdmitted::WrongCredentials),
        (TOKEN, with("password", json!("")), NotAdmitted::WrongCredentials),
        (TOKEN, with("password", json!([PASSWORD])), NotAdmitted::WrongCredentials),
        (TOKEN, with("password", Value::Null), NotAdmitted::WrongCredentials),
        (TOKEN, without("password"), NotAdmitted::WrongCredentials),
        (TOKEN, without("username"), NotAdmitted::WrongCredentials),
        (TOKEN, json!({}), NotAdmitted::WrongCredentials),
    ] {
        let refused = admit(&gate(), token, body.to_string().as_bytes()).unwrap_err();
        assert_eq!(refused, expected, "{token} {body}");
        assert!(!format!("{refused} {refused:?}").contains("canary"));
    }
}

#[test]
fn what_names_no_request_or_no_device_is_of_no_use() {
    for id in [json!(""), json!(" "), json!("a b"), json!(5), Value::Null, json!("x".repeat(65))] {
        assert_eq!(let_in(&with("requestId", id.clone())), Err(NotAdmitted::NoRequest), "{id}");
    }
    for ids in [json!([]), json!({}), json!("x"), Value::Null, json!([[ICCID, "iccid"]]), json!([{ "id": ICCID }])] {
        assert_eq!(let_in(&with("deviceIds", ids.clone())), Err(NotAdmitted::NoDevice), "{ids}");
    }
    // Known by its request only.
    let by_number = let_in(&with("deviceIds", json!([{ "id": "5551230000", "kind": "mdn" }]))).unwrap();
    assert!(by_number.iccids.is_empty());
    let many: Vec<Value> = (0..500).map(|n| json!({ "id": format!("{n}"), "kind": "ICCID" })).collect();
    assert_eq!(let_in(&with("deviceIds", json!(many))).unwrap().iccids.len(), MOST_DEVICES);
}

#[test]
fn what_is_too_long_or_no_json_is_not_looked_at() {
    let padded = |bytes: usize| {
        let text = with("comment", json!("")).to_string();
        let room = "x".repeat(bytes - text.len());
        with("comment", json!(room)).to_string()
    };
    let longest = padded(MOST_CALLBACK_BYTES);
    assert_eq!(longest.len(), MOST_CALLBACK_BYTES);
    assert!(admit(&gate(), TOKEN, longest.as_bytes()).is_ok());
    let longer = padded(MOST_CALLBACK_BYTES + 1);
    assert_eq!(admit(&gate(), TOKEN, longer.as_bytes()), Err(NotAdmitted::TooLong));
    assert_eq!(admit(&gate(), "x", longer.as_bytes()), Err(NotAdmitted::WrongToken));
    let deep = with("comment", serde_json::from_str(&format!("{}{}", "[".repeat(40), "]".repeat(40))).unwrap());
    for body in [
        b"".to_vec(),
        b"null".to_vec(),
        b"[]".to_vec(),
        b"{".to_vec(),
        b"{\"a\":\"\xFF\"}".to_vec(),
        deep.to_string().into_bytes(),
    ] {
        assert_eq!(admit(&gate(), TOKEN, &body), Err(NotAdmitted::NotJson));
    }
    let marked = [b"\xEF\xBB\xBF".as_slice(), fitting().to_string().as_bytes()].concat();
    assert!(admit(&gate(), TOKEN, &marked).is_ok());
}

#[test]
fn what_is_kept_can_be_kept() {
    let text = fitting().to_string().replace("\"deviceResponse\":{}", "\"a\\u0000b\":\"c\\u0000d\"");
    let kept = admit(&gate(), TOKEN, text.as_bytes()).unwrap().body;
    assert_eq!(kept["a b"], json!("c d"));
    let said_back = let_in(&with("comment", json!(format!("{TOKEN} {USERNAME}/{PASSWORD}")))).unwrap().body;
    assert!(!said_back.to_string().contains("canary"), "{said_back}");
}

proptest! {
    #[test]
    fn no_bytes_come_in_or_make_it_fail(bytes in proptest::collection::vec(any::<u8>(), 0..400), token in "\\PC{0,20}") {
        prop_assert!(admit(&gate(), &token, &bytes).is_err());
        prop_assert!(admit(&gate(), TOKEN, &bytes).is_err());
    }

    #[test]
    fn a_cut_or_changed_callback_never_fails(at in 0_usize..300, byte in any::<u8>()) {
        let mut bytes = fitting().to_string().into_bytes();
        if let Some(place) = bytes.get_mut(at) {
            *place = byte;
        }
        let _ = admit(&gate(), TOKEN, &bytes);
        bytes.truncate(at);
        let _ = admit(&gate(), TOKEN, &bytes);
    }
}
