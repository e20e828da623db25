//! Rows that ask for lines of their own, in a file and in a list; and what a retry asks for again.

use super::{line, offers};
use serde_json::{Value, json};
use testing::{TestApp, iccid};

async fn opened(app: &TestApp, plan: &Value) -> Vec<Value> {
    let rows = app.rows("plans", &plan["id"]).await.unwrap();
    let shown = |row: &Value| match (&row["reason"], &row["after"]["billing"]) {
        (Value::String(reason), _) => json!(reason),
        (_, billing) if billing["uses"].is_object() => billing["uses"]["rev_service_id"].clone(),
        (_, billing) if billing["opens"]["package"].is_object() => billing["opens"]["package"]["description"].clone(),
        (_, billing) => {
            let products = billing["opens"]["products"].as_array().unwrap();
            products.iter().map(|product| json!([product["id"], product["rate"]])).collect()
        }
    };
    rows.iter().map(shown).collect()
}

#[tokio::test]
async fn each_row_may_ask_for_products_a_package_or_a_line_of_its_own() {
    let app = TestApp::start(8).await.unwrap();
    offers(&app).await;
    line(&app, 90, "9000001", "", 1).await;
    let file = [
        "ICCID;Rev.io Product;Rate;Package;Service ID;Note".to_owned(),
        format!("{};;;;;the request's", iccid(0)),
        format!("{};;1.25;;;another rate", iccid(1)),
        format!("{};\"5; Voice\";\"; 2\";;;its own products", iccid(2)),
        format!("{};;;Gold;;a package", iccid(3)),
        format!("{};;;;90;a line", iccid(4)),
        format!("{};5;;Gold;;both", iccid(5)),
        format!("{};5;;;90;both", iccid(6)),
    ]
    .join("\n");
    let asked = json!({"create_rev_service": true, "products": [7], "rates": [3]});
    let plan = app.plan_file("9000001", &asked, file.clone()).await.unwrap().json;
    let found = opened(&app, &plan).await;
    let expected = [
        json!([[7, "3.0000"]]),
        json!([[7, "1.2500"]]),
        json!([[5, "7.5000"], [6, "2.0000"]]),
        json!("Gold"),
        json!(90),
        json!("PRODUCT_NOT_FOUND"),
        json!("SERVICE_NOT_FOUND"),
    ];
    assert_eq!(found, expected, "{plan}");
    assert_eq!(plan["columns"][1], json!({"column": "Rev.io Product", "field": "products"}));
    // The same file without a new line asked for is refused; its result file asks for the same again.
    let refused = app.plan_file("9000001", &json!({}), file).await.unwrap();
    assert_eq!((refused.status.as_u16(), &refused.json["code"]), (422, &json!("COLUMN_NEEDS_CREATE_REV_SERVICE")));
    let path = format!("/api/v1/bulk-changes/{}/results.csv", plan["id"].as_str().unwrap());
    let results = app.request(reqwest::Method::GET, &path).send().await.unwrap().text().await.unwrap();
    let again = app.plan_file("9000001", &asked, results).await.unwrap().json;
    assert_eq!(opened(&app, &again).await, expected);

    let listed = json!([{"iccid": iccid(0), "products": [5, "Voice"], "rates": [null, 2]}, {"iccid": iccid(1), "service_id": 90}]);
    let mut request = app.asking("9000001", &asked);
    request["devices"] = listed;
    let plan = app.post("/plans", &request).await.unwrap().json;
    assert_eq!(opened(&app, &plan).await, [json!([[5, "7.5000"], [6, "2.0000"]]), json!(90)], "{plan}");
    request["devices"] = json!([{"iccid": iccid(0), "products": ["a;b"]}]);
    assert_eq!(app.post("/plans", &request).await.unwrap().json["code"], "FIELD_INVALID");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_retry_asks_for_the_same_line_again() {
    let app = TestApp::start(3).await.unwrap();
    offers(&app).await;
    line(&app, 91, "9000001", "", 1).await;
    let rows = format!("iccid,products,rates,service_id\n{},5;6,;2,\n{},,,\n{},,,91\n", iccid(0), iccid(1), iccid(2));
    let asked = json!({"create_rev_service": true, "package": "Gold"});
    let plan = app.plan_file("9000001", &asked, rows).await.unwrap().json;
    let expected = [json!([[5, "7.5000"], [6, "2.0000"]]), json!("Gold"), json!(91)];
    assert_eq!(opened(&app, &plan).await, expected, "{plan}");
    app.post("/bulk-changes", &json!({"plan_id": plan["id"]})).await.unwrap();
    let id = plan["id"].as_str().unwrap();
    app.post(&format!("/bulk-changes/{id}/cancel"), &json!({})).await.unwrap();
    app.work().await.unwrap();
    let retry = app.post(&format!("/bulk-changes/{id}/retry"), &json!({})).await.unwrap().json;
    assert_eq!(opened(&app, &retry).await, expected, "{retry}");
    app.finish().await.unwrap();
}
