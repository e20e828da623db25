//! What a new line is to have: every wish that cannot be met has its reason, and says what about.

use super::{judged, line, offers, planned};
use domain::reason::Reason;
use reqwest::StatusCode;
use serde_json::{Value, json};
use testing::{TestApp, iccid};

fn new(extra: Value) -> Value {
    let mut request = json!({"create_rev_service": true});
    request.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    request
}

#[tokio::test]
async fn every_wish_that_cannot_be_met_is_refused_with_what_it_is_about() {
    let app = TestApp::start(3).await.unwrap();
    offers(&app).await;
    line(&app, 70, "9000002", "", 1).await;
    let data = |extra: Value| {
        let mut request = new(json!({"products": [5]}));
        request.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        request
    };
    let cases = [
        (new(json!({})), Reason::ProductNotFound, "neither"),
        (new(json!({"package": "Iron"})), Reason::ProductNotFound, "Iron"),
        (new(json!({"products": "5;99"})), Reason::ProductNotFound, "99"),
        (new(json!({"products": [8]})), Reason::ProductNotFound, "8"),
        (new(json!({"products": ["Twin"]})), Reason::ProductNotFound, "2 are called Twin"),
        (new(json!({"products": [6]})), Reason::RateInvalid, "product 6 has no rate"),
        (data(json!({"rates": [1.23456]})), Reason::RateInvalid, "1.23456"),
        (data(json!({"rates": [-1]})), Reason::RateInvalid, "-1"),
        (data(json!({"rates": "1;2"})), Reason::ProductsAndRatesDiffer, "1 products, 2 rates"),
        (new(json!({"products": [5, "Data"]})), Reason::ProductsAndRatesDiffer, "named twice"),
        (new(json!({"products": [5, 7]})), Reason::BillingItemNotFound, "rev_provider"),
        (data(json!({"rev_provider": "Nobody"})), Reason::BillingItemNotFound, "rev_provider: Nobody"),
        (data(json!({"service_type": 77})), Reason::BillingItemNotFound, "service_type: 77"),
        (data(json!({"usage_plan_group": "Solo"})), Reason::BillingItemNotFound, "usage_plan_group: Solo"),
        (json!({"service_id": 71}), Reason::ServiceNotFound, "71"),
        (json!({"service_id": 70}), Reason::ServiceNotFound, "70"),
    ];
    for (extra, reason, about) in cases {
        let (_, rows) = planned(&app, "9000001", extra.clone(), &[0]).await;
        assert_eq!(rows[0]["reason"], reason.word(), "{extra}");
        assert!(rows[0]["detail"].as_str().unwrap().contains(about), "{extra} {}", rows[0]);
    }
    for customer in ["Water", "Unassigned"] {
        assert_eq!(judged(&app, customer, data(json!({})), 0).await, Reason::NotARevCustomer.word());
    }
    app.database.plant(&format!("update app.m2m_device set msisdn = null where iccid = '{}'", iccid(1))).await.unwrap();
    assert_eq!(judged(&app, "Acme", data(json!({})), 1).await, Reason::NumberMissing.word());
    assert_eq!(judged(&app, "Acme", json!({}), 1).await, "CHANGE");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn what_contradicts_itself_is_no_plan() {
    let app = TestApp::start(1).await.unwrap();
    let cases = [
        (json!({"create_rev_service": true, "service_id": 5}), "service_id"),
        (json!({"create_rev_service": true, "package": 4, "products": [5]}), "products"),
        (json!({"create_rev_service": true, "rates": [5]}), "rates"),
        (json!({"products": [5]}), "products"),
        (json!({"prorate": true}), "prorate"),
        (json!({"disconnect_existing": true}), "disconnect_existing"),
        (json!({"create_rev_service": "yes"}), "create_rev_service"),
        (json!({"create_rev_service": true, "description": "x".repeat(1_001)}), "description"),
    ];
    for (extra, field) in cases {
        let refused = app.plan("Acme", &extra, &[iccid(0)]).await.unwrap();
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{extra}");
        assert_eq!(refused.json["code"], "FIELD_INVALID");
        assert!(refused.json.to_string().contains(&format!("/{field}")), "{}", refused.json);
    }
    app.finish().await.unwrap();
}
