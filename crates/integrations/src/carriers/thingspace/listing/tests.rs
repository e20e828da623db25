use super::*;
use crate::carriers::Standing;
use proptest::prelude::*;

fn page(status: u16, text: &str, after: Option<u64>) -> Result<DevicePage, String> {
    read_page(&Inferred::default(), status, text, after)
}

fn record(number: u64, iccid: &str) -> String {
    format!(
        r#"{{"accountName":"0000123456-00001","deviceIds":[{{"id":"{iccid}","kind":"iccId"}}],
            "extendedAttributes":[{{"key":"SkuNumber"}},{{"key":"DeviceId","value":"{number}"}}]}}"#
    )
}

/// The shape of the documented samples, with everything that is documented in it.
#[test]
fn a_device_is_read_from_all_that_is_documented() {
    let text = r#"{"hasMoreData":false,"devices":[{
        "accountName":"0000123456-00001",
        "billingCycleEndDate":"2026-02-01T00:00:00-05:00",
        "carrierInformations":[{"carrierName":"Verizon Wireless","servicePlan":"84777","state":"active"},
            {"carrierName":"Another","servicePlan":"X","state":"suspend"}],
        "connected":true,
        "createdAt":"2025-08-27T20:17:32Z",
        "customFields":[{"key":"CustomField1","value":"x"}],
        "deviceIds":[{"id":"5551230000","kind":"mdn"},{"id":"310012345678901","kind":"imsi"},
            {"id":"356938035643809","kind":"Imei"},{"id":"89148000000000000001","kind":"iccId"},
            {"id":"15551230000","kind":"msisdn"},{"id":"89033023000000000000000000000001","kind":"eid"}],
        "extendedAttributes":[{"key":"PrimaryPlaceOfUseTitle"},{"key":"DeviceId","value":"75"}],
        "groupNames":["g"],
        "ipAddress":"10.1.2.3",
        "lastActivationBy":"u",
        "lastActivationDate":"2026-01-10T07:00:00-05:00",
        "lastConnectionDate":"2026-01-14T12:00:00Z",
        "addedLater":[{"a":1}]}]}"#;
    let page = page(200, text, Some(0)).unwrap();
    let device = &page.devices[0];
    let said = |text: &Option<String>| text.clone().unwrap_or_default();
    assert_eq!(device.iccid, "89148000000000000001");
    assert_eq!(said(&device.imei), "356938035643809");
    assert_eq!(said(&device.imsi), "310012345678901");
    assert_eq!(said(&device.eid), "89033023000000000000000000000001");
    assert_eq!((said(&device.msisdn), said(&device.mdn)), ("15551230000".to_owned(), "5551230000".to_owned()));
    assert_eq!((device.status.as_str(), device.standing), ("active", Standing::Active));
    assert_eq!(
        (said(&device.carrier_rate_plan), said(&device.ip_address)),
        ("84777".to_owned(), "10.1.2.3".to_owned())
    );
    assert_eq!(device.last_activated_at.unwrap().to_string(), "2026-01-10T12:00:00Z");
    assert!(device.created_at.is_some() && device.last_connected_at.is_some());
    assert!(page.next.is_none() && page.unreadable.is_empty());
}

#[test]
fn a_device_that_says_next_to_nothing_is_read_too() {
    let text = r#"{"hasMoreData":false,"devices":[
        {"deviceIds":[{"id":"89148000000000000001","kind":"ICCID"}],"carrierInformations":null,"ipAddress":""},
        {"deviceIds":[{"id":"89148000000000000002","kind":"iccid"}],"carrierInformations":[],"lastActivationDate":"soon"},
        {"deviceIds":[{"id":"89148000000000000003","kind":"iccid"}],
            "carrierInformations":[{"carrierName":"Verizon Wireless","state":"deactive"}]}]}"#;
    let page = page(200, text, None).unwrap();
    let standings: Vec<Standing> = page.devices.iter().map(|device| device.standing).collect();
    assert_eq!(standings, [Standing::Unlisted, Standing::Unlisted, Standing::Deactivated]);
    assert!(page.devices.iter().all(|device| device.carrier_rate_plan.is_none() && device.ip_address.is_none()));
}

#[test]
fn a_record_that_cannot_be_read_does_not_lose_the_page() {
    let records = [
        record(5, "89148000000000000001"),
        "7".to_owned(),
        r#"{"deviceIds":[{"id":"A100003D9670B0","kind":"meid"}],"extendedAttributes":[{"key":"DeviceId","value":9}]}"#
            .to_owned(),
        r#"{"deviceIds":"89148000000000000002"}"#.to_owned(),
        r#"["0000123456-00001",[],null,[]]"#.to_owned(),
    ];
    let page = page(202, &format!(r#"{{"hasMoreData":true,"devices":[{}]}}"#, records.join(",")), Some(4)).unwrap();
    assert_eq!(page.devices.len(), 1);
    let places: Vec<usize> = page.unreadable.iter().map(|one| one.index).collect();
    assert_eq!(places, [1, 2, 3, 4]);
    assert!(!format!("{:?}", page.unreadable).contains("8914800"), "{:?}", page.unreadable);
    // What has no ICCID has a number, too, and is not read again.
    assert_eq!(page.next.unwrap().as_str(), "9");
}

#[test]
fn a_list_goes_on_after_the_largest_number_and_never_stands_still() {
    let text = |more: bool, numbers: &[u64]| {
        let records: Vec<String> = numbers.iter().map(|number| record(*number, "89148000000000000001")).collect();
        format!(r#"{{"hasMoreData":{more},"devices":[{}]}}"#, records.join(","))
    };
    let next = |status, more, numbers: &[u64], after| {
        page(status, &text(more, numbers), after).map(|page| page.next.map(|next| next.as_str().to_owned()))
    };
    assert_eq!(next(202, true, &[6, 8, 7], Some(5)), Ok(Some("8".to_owned())));
    assert_eq!(next(200, true, &[6], Some(5)), Ok(Some("6".to_owned())));
    assert_eq!(next(202, false, &[6], Some(5)), Ok(Some("6".to_owned())));
    assert_eq!(next(200, false, &[6], Some(5)), Ok(None));
    assert_eq!(next(200, false, &[], Some(5)), Ok(None));
    assert_eq!(next(200, false, &[6], None), Ok(None));
    assert!(next(202, true, &[6], None).is_err(), "what is read by its identifier is on one page");
    for numbers in [&[] as &[u64], &[5], &[4, 5]] {
        assert!(next(202, true, numbers, Some(5)).is_err(), "{numbers:?}");
    }
    let nameless = r#"{"hasMoreData":true,"devices":[{"deviceIds":[{"id":"89148000000000000001","kind":"iccid"}]}]}"#;
    assert!(page(202, nameless, Some(0)).is_err());
}

#[test]
fn a_page_that_is_not_whole_is_no_page() {
    for text in [
        "",
        "[]",
        "null",
        "[false,[]]",
        "{}",
        r#"{"devices":[]}"#,
        r#"{"hasMoreData":false}"#,
        r#"{"hasMoreData":"false","devices":[]}"#,
        r#"{"hasMoreData":false,"devices":null}"#,
        r#"{"hasMoreData":false,"devices":[]} {}"#,
        r#"{"hasMoreData":false,"devices":[{}"#,
        r#"{"hasMoreData":true,"hasMoreData":false,"devices":[]}"#,
    ] {
        assert!(page(200, text, Some(0)).is_err(), "{text}");
    }
    for status in [201, 204, 206, 299] {
        assert!(page(status, r#"{"hasMoreData":false,"devices":[]}"#, Some(0)).is_err(), "{status}");
    }
    let deep = format!(r#"{{"hasMoreData":false,"devices":[{}{}]}}"#, "[".repeat(40), "]".repeat(40));
    assert!(page(200, &deep, Some(0)).is_err());
}

proptest! {
    #[test]
    fn no_text_makes_it_fail(text in "\\PC*", status in 200_u16..300) {
        let _ = page(status, &text, Some(0));
    }

    #[test]
    fn no_record_makes_it_fail(record in "\\PC{0,80}", id in "\\PC{0,20}") {
        let _ = page(200, &format!(r#"{{"hasMoreData":false,"devices":[{record}]}}"#), Some(0));
        let ids = serde_json::json!({ "hasMoreData": true, "devices": [{ "deviceIds": [{ "id": id, "kind": "iccid" }],
            "extendedAttributes": [{ "key": "DeviceId", "value": id }] }] });
        let _ = page(202, &ids.to_string(), Some(0));
    }
}
