//! What is asked of a carrier, at the command line, and shown there.

use super::{ascribe, printed};
use crate::carriers::{FRESH, carrier};
use serde_json::{Value, json};
use testing::{TestApp, iccid};

#[tokio::test]
async fn plans_and_activations_are_asked_for_and_a_table_shows_what_is_done_and_how_long_it_takes() {
    let app = TestApp::start(12).await.unwrap();
    carrier(&app).await;
    let (url, key) = (app.url().to_owned(), app.fixture.key.reveal().to_owned());
    let file = format!("iccid\n{}\n{}\n", iccid(0), iccid(FRESH));
    let base = ["plan", "assign", "--service-provider", "Verizon", "--customer", "Water", "--devices", "-"];
    let plan = |more: &[&'static str]| {
        let arguments: Vec<&'static str> = base.iter().chain(more).copied().collect();
        let (url, key, file) = (url.clone(), key.clone(), file.clone());
        async move { ascribe(&url, &key, &arguments, &file).await }
    };
    let place = ["first_name=Ada", "last_name=Byron", "address_line_1=1 Main St", "city=Troy", "state=NY", "zip=12180"];
    let place = place.iter().flat_map(|field| ["--place-of-use", *field]);
    let activation = [
        "--activate",
        "--activation-carrier-rate-plan",
        "P-A",
        "--zip-code",
        "10001",
        "--sku",
        "VZ1",
        "--static-ip-pool",
        "BLUE",
    ];
    let all: Vec<&'static str> =
        ["--add-carrier-rate-plan", "P-NEW"].into_iter().chain(activation).chain(place).collect();
    let json_plan = printed(&plan(&[&all[..], &["-o", "json"]].concat()).await, 0);
    let made: Value = serde_json::from_str(&json_plan).unwrap();
    let asked = &made["request"]["activate"];
    assert_eq!(
        (&asked["sku"], &asked["static_ip"], &asked["place_of_use"]["city"]),
        (&json!("VZ1"), &json!({"pool": "BLUE"}), &json!("Troy"))
    );
    let table = printed(&plan(&[&all[..], &["-o", "table"]].concat()).await, 0);
    for shown in [
        "1 SIM is activated with carrier rate plan P-A",
        "1 SIM gets carrier rate plan P-NEW",
        "for 12 calls",
        "suspended 0",
    ] {
        assert!(table.replace('\n', " ").contains(shown), "{shown} in {table}");
    }
    let id = made["id"].as_str().unwrap();
    let rows = printed(&ascribe(&url, &key, &["plan", "rows", id, "-o", "csv"], "").await, 0);
    for shown in ["P-OLD,P-NEW,0,", ",,,P-A", "activate_at_carrier, provision_ip, record_assignment"] {
        assert!(rows.contains(shown), "{shown} in {rows}");
    }
    // What goes with an activation goes with nothing else; what is wrong in it is the API's to refuse.
    assert_eq!(plan(&["--zip-code", "10001"]).await.status.code(), Some(2));
    assert_eq!(plan(&["--communication-plan", "C"]).await.status.code(), Some(2));
    assert_eq!(plan(&["--activate", "--place-of-use", "city=Troy"]).await.status.code(), Some(4));
    app.finish().await.unwrap();
}
