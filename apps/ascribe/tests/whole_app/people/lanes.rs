//! The steps of a change as lanes, and the lines that bill a device.

use crate::billing::{line, number, offers, planned};
use domain::rights::Role;
use domain::steps::Step;
use serde_json::json;
use testing::{TestApp, iccid};

#[tokio::test]
async fn each_row_stands_in_the_lane_of_what_was_sent_for_it_last() {
    let app = TestApp::start(9).await.unwrap();
    offers(&app).await;
    let (_, mut browser) = app.signed_in("ops@example.com", Role::PartnerAdmin).await.unwrap();
    for place in 0..7 {
        line(&app, 60 + i64::from(place), "9000003", &number(place), 1).await;
    }
    let asked =
        json!({"on_conflict": "replace", "disconnect_existing": true, "create_rev_service": true, "package": "Gold"});
    let (plan, _) = planned(&app, "9000001", asked, &[0, 1, 2, 3, 4, 5, 6]).await;
    assert_eq!(plan["counts"]["change"], 7, "{plan}");
    let id = plan["id"].as_str().unwrap().to_owned();
    app.post("/bulk-changes", &json!({"plan_id": id})).await.unwrap();
    // As a worker leaves rows behind: to do, before anything, in the first step, in the second, done, refused in the second, unknown
    // in the first.
    for (row, status, step) in [
        (2, "PROCESSING", None),
        (3, "WAITING_CARRIER", Some("close_rev_service")),
        (4, "PROCESSING", Some("open_rev_service")),
        (5, "PROCESSED", Some("open_rev_service")),
        (6, "FAILED", Some("open_rev_service")),
        (7, "NEEDS_ATTENTION", Some("close_rev_service")),
    ] {
        let reason = if status == "FAILED" { "'BILLING_REJECTED'" } else { "null" };
        let moved = format!(
            "update app.m2m_device_change set status = '{status}', reason = {reason} where bulk_change_id = '{id}' and row_number = {row}"
        );
        app.database.plant(&moved).await.unwrap();
        let steps: &[&str] = match step {
            Some("open_rev_service") => &["close_rev_service", "open_rev_service"],
            Some(_) => &["close_rev_service"],
            None => &[],
        };
        for step in steps {
            let intent = format!(
                "insert into app.provider_intent (tenant_id, bulk_change_id, row_number, step, direction, call, item, attempt, account, natural_key,
                     request_hash, claim, began_at, settle_until, outcome, ended_at)
                 select tenant_id, bulk_change_id, row_number, '{step}', 'apply', 'patch_service', 0, 1, gen_random_uuid(), 'k', 'x', gen_random_uuid(),
                     now(), now(), 'NOT_SENT', now() from app.m2m_device_change where bulk_change_id = '{id}' and row_number = {row}"
            );
            app.database.plant(&intent).await.unwrap();
        }
    }
    let change = id.parse().unwrap();
    let lanes = database::lanes::lanes(&app.ledger, app.fixture.tenant, change).await.unwrap();
    let told: Vec<_> = lanes
        .iter()
        .map(|l| (l.step, [l.rows, l.done, l.under_way, l.waiting, l.failed, l.needs_attention, l.left]))
        .collect();
    assert_eq!(
        told,
        [
            (Step::CloseRevService, [7, 2, 2, 1, 0, 1, 1]),
            (Step::OpenRevService, [7, 1, 1, 3, 1, 0, 1]),
            (Step::RecordAssignment, [7, 1, 0, 4, 0, 0, 2]),
        ]
    );
    for lane in &lanes {
        let parts = lane.done + lane.under_way + lane.waiting + lane.failed + lane.needs_attention + lane.left;
        assert_eq!(lane.rows, parts, "{lane:?}");
    }
    let other = database::lanes::lanes(&app.ledger, app.fixture.other_tenant, change).await.unwrap();
    assert_eq!(other, [], "another tenant has none of it");
    let page = browser.get(&format!("/bulk-changes/{id}")).await.unwrap();
    super::every_page::sound(&page, "/bulk-changes/{id}");
    for word in ["Step by step", "Close a line at Rev.io", "Open a line at Rev.io", "2 under way", "1 need attention"] {
        assert!(page.html.contains(word), "{word}: {}", page.html);
    }
    let device = app.get(&format!("/devices?iccid={}", iccid(0))).await.unwrap().json;
    let device = browser.get(&format!("/devices/{}", device["items"][0]["id"].as_str().unwrap())).await.unwrap();
    assert!(
        device.html.contains("Line 60 of Twin (9000003)") && device.html.contains("1 product in force"),
        "{}",
        device.html
    );
    // What was planted is nothing that the invariants hold for: it is taken away again.
    for statement in [
        format!("delete from app.provider_intent where bulk_change_id = '{id}'"),
        format!("update app.m2m_device_change set status = 'PENDING', reason = null where bulk_change_id = '{id}'"),
    ] {
        app.database.plant(&statement).await.unwrap();
    }
    app.post(&format!("/bulk-changes/{id}/cancel"), &json!({})).await.unwrap();
    app.work().await.unwrap();
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_change_of_one_step_has_no_lanes() {
    let app = TestApp::start(1).await.unwrap();
    let (_, mut browser) = app.signed_in("ops@example.com", Role::PartnerAdmin).await.unwrap();
    let change = app.carry_out("Water", &json!({}), &[iccid(0)]).await.unwrap();
    let page = browser.get(&format!("/bulk-changes/{}", change["id"].as_str().unwrap())).await.unwrap();
    assert!(!page.html.contains("Step by step"), "{}", page.html);
    app.finish().await.unwrap();
}
