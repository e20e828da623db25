//! Inputs that mix service providers.

use super::*;

/// SIMs for the other service provider.
fn at_jasper(place: u32) -> String {
    iccid(700_000 + place)
}

/// A world with SIMs at both service providers.
async fn both_providers(devices: u32, jasper: u32) -> TestApp {
    let app = TestApp::start(devices).await.unwrap();
    plant_devices(&app, "Jasper", "ACTIVATED", &(0..jasper).map(at_jasper).collect::<Vec<_>>()).await;
    app
}

/// The plan or change that is linked to this one, of which there is one.
async fn the_linked(app: &TestApp, of: &str, whole: &Value) -> Value {
    let linked = whole["linked"].as_array().unwrap();
    assert_eq!(linked.len(), 1, "{whole}");
    app.get(&format!("/{of}/{}", text(&linked[0]["id"]))).await.unwrap().json
}

#[tokio::test]
async fn a_list_that_mixes_service_providers_becomes_linked_changes_with_the_lists_row_numbers() {
    let app = both_providers(3, 3).await;
    let anywhere = json!({"service_provider": null});
    let list = [iccid(0), at_jasper(0), iccid(1), "broken".into(), at_jasper(1), iccid(800_001)];
    let plan = planned(app.plan("Water", &anywhere, &list).await.unwrap());
    assert_eq!(
        (&plan["service_provider"]["name"], &plan["linked_to"], &plan["counts"]["rows"]),
        (&json!("Verizon"), &Value::Null, &json!(4)),
        "{plan}"
    );
    let linked = &plan["linked"][0];
    assert_eq!((&linked["service_provider"]["name"], &linked["status"]), (&json!("Jasper"), &json!("PLANNED")));
    let other = the_linked(&app, "plans", &plan).await;
    assert_eq!(
        (&other["linked_to"], &other["linked"][0]["id"], &other["service_provider"]["name"], &other["counts"]["rows"]),
        (&plan["id"], &plan["id"], &json!("Jasper"), &json!(2)),
        "{other}"
    );
    // Rows that no service provider has go with the first.
    assert_eq!(numbers(&app, "plans", &plan["id"]).await, [1, 3, 4, 6]);
    assert_eq!(said(&app, &plan).await, ["CHANGE", "CHANGE", "ICCID_MALFORMED", "DEVICE_NOT_FOUND"]);
    assert_eq!(numbers(&app, "plans", &other["id"]).await, [2, 5]);
    assert_eq!(said(&app, &other).await, ["CHANGE", "CHANGE"]);

    // Each is applied by itself and does its own rows, no others.
    let change = applied(&app, &plan).await;
    assert_eq!((&change["status"], &change["counts"]["ok"]), (&json!("PROCESSED"), &json!(2)), "{change}");
    assert_eq!(change["linked"][0]["status"], "PLANNED", "the other waits to be applied");
    assert_eq!(device(&app, &iccid(1)).await[0], "Water");
    assert_eq!(device(&app, &at_jasper(0)).await[0], Value::Null);
    let change = applied(&app, &other).await;
    assert_eq!((&change["counts"]["ok"], &change["linked_to"]), (&json!(2), &plan["id"]), "{change}");
    assert_eq!(change["linked"][0]["status"], "PROCESSED");
    assert_eq!(device(&app, &at_jasper(0)).await[0], "Water");
    assert_eq!(device(&app, &at_jasper(1)).await[0], "Water");
    assert_eq!(numbers(&app, "bulk-changes", &plan["id"]).await, [1, 3, 4, 6]);
    assert_eq!(numbers(&app, "bulk-changes", &other["id"]).await, [2, 5]);

    // Whoever comes first in the list has the plan that is answered.
    let turned = planned(app.plan("Water", &anywhere, &[at_jasper(2), iccid(2)]).await.unwrap());
    assert_eq!(
        (&turned["service_provider"]["name"], &turned["linked"][0]["service_provider"]["name"]),
        (&json!("Jasper"), &json!("Verizon"))
    );
    // And a list of one service provider's is one plan.
    let one = planned(app.plan("Water", &anywhere, &[at_jasper(2)]).await.unwrap());
    assert_eq!((&one["service_provider"]["name"], &one["linked"]), (&json!("Jasper"), &json!([])));
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_column_may_name_each_rows_service_provider() {
    let app = both_providers(5, 2).await;
    let file = format!(
        "ICCID,Carrier,Note\n{},verizon,by name\n{},JASPER,by name\n{},Jasper,is at Verizon\n{},Nowhere,unknown\n{},,unsaid\n{},,unsaid\n{},{},by id\n",
        iccid(0),
        at_jasper(0),
        iccid(1),
        iccid(2),
        iccid(3),
        at_jasper(1),
        iccid(4),
        app.fixture.provider
    );
    // What a row does not say, the request says: Verizon.
    let plan = planned(app.plan_file("Water", &json!({}), file.clone()).await.unwrap());
    assert_eq!(plan["columns"][1], json!({"column": "Carrier", "field": "service_provider"}));
    assert_eq!(plan["service_provider"]["name"], "Verizon");
    assert_eq!(numbers(&app, "plans", &plan["id"]).await, [1, 4, 5, 6, 7]);
    assert_eq!(
        said(&app, &plan).await,
        ["CHANGE", "SERVICE_PROVIDER_NOT_FOUND", "CHANGE", "DEVICE_NOT_FOUND", "CHANGE"]
    );
    let rows = app.rows("plans", &plan["id"]).await.unwrap();
    assert!(text(&rows[1]["detail"]).contains("Nowhere"), "{}", rows[1]);
    let jasper = the_linked(&app, "plans", &plan).await;
    assert_eq!(numbers(&app, "plans", &jasper["id"]).await, [2, 3]);
    assert_eq!(said(&app, &jasper).await, ["CHANGE", "DEVICE_NOT_FOUND"]);

    // Each gives the file's own columns back, of its rows.
    let all = records(&results(&app, &format!("/plans/{}/results.csv", text(&jasper["id"]))).await);
    assert_eq!(
        first_cells(&all, 3),
        [
            ["ICCID", "Carrier", "Note"],
            [at_jasper(0).as_str(), "JASPER", "by name"],
            [iccid(1).as_str(), "Jasper", "is at Verizon"],
        ]
    );

    // If nobody says, the SIM does.
    let unsaid = planned(app.plan_file("Water", &json!({"service_provider": null}), file).await.unwrap());
    assert_eq!(numbers(&app, "plans", &unsaid["id"]).await, [1, 4, 5, 7]);
    let jasper = the_linked(&app, "plans", &unsaid).await;
    assert_eq!(numbers(&app, "plans", &jasper["id"]).await, [2, 3, 6]);
    assert_eq!(said(&app, &jasper).await, ["CHANGE", "DEVICE_NOT_FOUND", "CHANGE"]);
    assert_eq!(applied(&app, &jasper).await["counts"]["ok"], 2);
    assert_eq!(applied(&app, &unsaid).await["counts"]["ok"], 3);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn an_offer_of_one_service_provider_is_refused_for_the_rows_of_the_other() {
    let app = both_providers(2, 1).await;
    let extra = json!({"service_provider": null, "customer_rate_plan": "P-JASPER"});
    let plan = planned(app.plan("Water", &extra, &[iccid(0), at_jasper(0), iccid(1)]).await.unwrap());
    assert_eq!(said(&app, &plan).await, ["PLAN_NOT_FOR_CARRIER", "PLAN_NOT_FOR_CARRIER"]);
    let jasper = the_linked(&app, "plans", &plan).await;
    assert_eq!(said(&app, &jasper).await, ["CHANGE"]);
    let nothing = app.post("/bulk-changes", &json!({"plan_id": plan["id"]})).await.unwrap();
    assert_eq!((nothing.status, &nothing.json["code"]), (StatusCode::CONFLICT, &json!("NOTHING_TO_CHANGE")));
    assert_eq!(applied(&app, &jasper).await["counts"]["ok"], 1);
    assert_eq!(device(&app, &at_jasper(0)).await, json!(["Water", "P-JASPER", null]));
    assert_eq!(device(&app, &iccid(0)).await, json!([null, null, null]));
    app.finish().await.unwrap();
}

#[tokio::test]
async fn rows_that_no_service_provider_has_are_one_plan_with_nothing_to_change() {
    let app = both_providers(1, 1).await;
    let list = ["broken".to_owned(), iccid(800_000), "15550100299".to_owned()];
    let plan = planned(app.plan("Water", &json!({"service_provider": null}), &list).await.unwrap());
    assert_eq!(
        (&plan["service_provider"], &plan["linked"], &plan["counts"]["rows"], &plan["counts"]["refused"]),
        (&Value::Null, &json!([]), &json!(3), &json!(3)),
        "{plan}"
    );
    assert_eq!(said(&app, &plan).await, ["ICCID_MALFORMED", "DEVICE_NOT_FOUND", "DEVICE_NOT_FOUND"]);
    let nothing = app.post("/bulk-changes", &json!({"plan_id": plan["id"]})).await.unwrap();
    assert_eq!((nothing.status, &nothing.json["code"]), (StatusCode::CONFLICT, &json!("NOTHING_TO_CHANGE")));
    app.finish().await.unwrap();
}
