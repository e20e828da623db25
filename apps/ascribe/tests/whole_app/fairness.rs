//! Whose turn it is: claims go round the tenants, and within a tenant round its changes.

use crate::devices;
use database::Ledger;
use database::chunk::{Claim, claim_chunk, settle_chunk};
use database::schedule::{apply_schedule_chunk, claim_schedule_chunk};
use intake::PlannerSettings;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use testing::{Answer, TestApp, iccid};

const LEASE: Duration = Duration::from_secs(30);

/// Plans and applies these devices; the change's id.
async fn applied(app: &TestApp, customer: &str, extra: &Value, devices: &[String]) -> String {
    let plan = app.plan(customer, extra, devices).await.unwrap();
    assert_eq!(plan.status, StatusCode::CREATED, "{}", plan.json);
    let answer = app.post("/bulk-changes", &json!({"plan_id": plan.json["id"]})).await.unwrap();
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.json);
    plan.json["id"].as_str().unwrap().to_owned()
}

async fn act(app: &TestApp, id: &str, what: &str) {
    let answer = app.post(&format!("/bulk-changes/{id}/{what}"), &json!({})).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.json);
}

async fn post_as_beta(app: &TestApp, path: &str, json: &Value) -> Answer {
    let request = app.anonymous(Method::POST, &format!("/api/v1{path}")).bearer_auth(app.fixture.other_key.reveal());
    app.send(request.json(json)).await.unwrap()
}

/// The second tenant gives its one device to a customer of its own; the change's id.
async fn beta_applies(app: &TestApp, extra: &Value) -> String {
    app.database
        .plant(&format!("insert into app.site (tenant_id, id, name, amop_customer_id) values ('{}', gen_random_uuid(), 'Betaville', gen_random_uuid())", app.fixture.other_tenant))
        .await
        .unwrap();
    let mut request = app.asking("Betaville", extra);
    request["devices"] = json!([iccid(910_000)]);
    let plan = post_as_beta(app, "/plans", &request).await;
    assert_eq!((plan.status, &plan.json["counts"]["change"]), (StatusCode::CREATED, &json!(1)), "{}", plan.json);
    let answer = post_as_beta(app, "/bulk-changes", &json!({"plan_id": plan.json["id"]})).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.json);
    plan.json["id"].as_str().unwrap().to_owned()
}

async fn claimed(app: &TestApp) -> Claim {
    claim_chunk(&app.ledger, LEASE).await.unwrap().unwrap()
}

async fn settled(app: &TestApp, claim: &Claim) {
    settle_chunk(&app.ledger, claim, claim.first_row, claim.last_row, "worker:test").await.unwrap();
}

/// Claims and settles one chunk; whose it was.
async fn one_chunk(app: &TestApp) -> String {
    let claim = claimed(app).await;
    settled(app, &claim).await;
    claim.bulk_change.to_string()
}

#[tokio::test]
async fn a_tenant_with_one_chunk_does_not_wait_for_a_tenant_with_many() {
    let app = TestApp::start(90).await.unwrap();
    let mut alphas = BTreeSet::new();
    for n in 0..3 {
        alphas.insert(applied(&app, "Water", &json!({}), &devices(90)[n * 30..(n + 1) * 30]).await);
    }
    one_chunk(&app).await;
    let beta = beta_applies(&app, &json!({})).await;
    let next = [claimed(&app).await, claimed(&app).await];
    assert!(next.iter().any(|claim| claim.bulk_change.to_string() == beta), "{next:?}");
    assert!(next.iter().any(|claim| alphas.contains(&claim.bulk_change.to_string())), "nor the other way round");
    for claim in &next {
        settled(&app, claim).await;
    }
    // And what the first tenant has left goes on.
    assert_eq!(app.work().await.unwrap(), 7);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_tenant_that_has_only_what_is_paused_is_passed_over() {
    let app = TestApp::start(20).await.unwrap();
    let paused = applied(&app, "Water", &json!({}), &devices(20)).await;
    act(&app, &paused, "pause").await;
    let beta = beta_applies(&app, &json!({})).await;
    assert_eq!(one_chunk(&app).await, beta);
    assert!(claim_chunk(&app.ledger, LEASE).await.unwrap().is_none());
    act(&app, &paused, "resume").await;
    assert_eq!(one_chunk(&app).await, paused);
    app.work().await.unwrap();
    app.finish().await.unwrap();
}

#[tokio::test]
async fn changes_of_a_tenant_take_turns_each_from_its_first_chunk_on() {
    let app = TestApp::start(60).await.unwrap();
    let one = applied(&app, "Water", &json!({}), &devices(60)[..30]).await;
    let two = applied(&app, "Cold", &json!({}), &devices(60)[30..]).await;
    let mut order = Vec::new();
    for _ in 0..6 {
        let claim = claimed(&app).await;
        settled(&app, &claim).await;
        order.push((claim.bulk_change.to_string(), claim.chunk_number));
    }
    let turn = |n| [(one.clone(), n), (two.clone(), n)];
    assert_eq!(order, [turn(1), turn(2), turn(3)].concat());
    assert!(claim_chunk(&app.ledger, LEASE).await.unwrap().is_none());
    app.finish().await.unwrap();
}

#[tokio::test]
async fn small_changes_that_keep_coming_do_not_keep_a_big_one_waiting() {
    let app = TestApp::start(130).await.unwrap();
    let big = applied(&app, "Water", &json!({}), &devices(130)[..100]).await;
    let (mut claims, mut of_big) = (0, 0);
    // For every two chunks that are done another small change comes in.
    for place in 100..130 {
        applied(&app, "Cold", &json!({}), &[iccid(place)]).await;
        for _ in 0..2 {
            claims += 1;
            of_big += i32::from(one_chunk(&app).await == big);
        }
        if of_big == 10 {
            break;
        }
    }
    assert_eq!(of_big, 10);
    assert!(claims <= 22, "{claims} claims for ten chunks");
    assert_eq!(app.get(&format!("/bulk-changes/{big}")).await.unwrap().json["status"], "PROCESSED");
    app.work().await.unwrap();
    app.finish().await.unwrap();
}

#[tokio::test]
async fn more_small_changes_than_can_be_done_do_not_stop_a_big_one() {
    let app = TestApp::start(55).await.unwrap();
    let big = applied(&app, "Water", &json!({}), &devices(55)[..40]).await;
    let mut order = Vec::new();
    for place in 40..55 {
        applied(&app, "Cold", &json!({}), &[iccid(place)]).await;
        order.push(one_chunk(&app).await == big);
    }
    // It queues behind those that came before it was served last, of which there are more each time, and never behind more.
    let served: Vec<usize> = (0..).zip(&order).filter_map(|(n, of_big)| of_big.then_some(n)).collect();
    assert_eq!(served, [0, 2, 5, 9]);
    app.work().await.unwrap();
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_small_change_starts_within_one_round_however_big_the_others_are() {
    let settings = PlannerSettings { chunk_rows: 100, page_rows: 1_000, ..PlannerSettings::default() };
    let app = TestApp::start_with(3_000, settings, Duration::from_secs(60)).await.unwrap();
    applied(&app, "Water", &json!({}), &devices(3_000)[..2_900]).await;
    for _ in 0..3 {
        one_chunk(&app).await;
    }
    applied(&app, "Cold", &json!({}), &devices(3_000)[2_900..2_990]).await;
    let small = applied(&app, "Acme", &json!({}), &devices(3_000)[2_990..]).await;
    let round = [one_chunk(&app).await, one_chunk(&app).await, one_chunk(&app).await];
    assert!(round.contains(&small), "{round:?}");
    assert_eq!(app.get(&format!("/bulk-changes/{small}")).await.unwrap().json["counts"]["ok"], 10);
    assert_eq!(app.work().await.unwrap(), 25);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn what_is_paused_or_waits_for_its_start_is_passed_over_and_loses_no_turn() {
    let app = TestApp::start_at_moment(50, "2026-10-20T12:00:00Z").await.unwrap();
    let start = json!({"start_at": "2026-10-20T14:00:00Z"});
    let scheduled = applied(&app, "Water", &start, &devices(50)[..10]).await;
    let paused = applied(&app, "Water", &json!({}), &devices(50)[10..30]).await;
    let open = applied(&app, "Cold", &json!({}), &devices(50)[30..]).await;
    act(&app, &paused, "pause").await;
    assert_eq!(one_chunk(&app).await, open);
    act(&app, &paused, "resume").await;
    // It has waited longest.
    assert_eq!(one_chunk(&app).await, paused);
    assert_eq!(one_chunk(&app).await, open);
    assert_eq!(one_chunk(&app).await, paused);
    assert!(claim_chunk(&app.ledger, LEASE).await.unwrap().is_none(), "the scheduled one waits");
    assert_eq!(app.get(&format!("/bulk-changes/{scheduled}")).await.unwrap().json["status"], "SCHEDULED");
    assert_eq!(app.work_after("3 hours").await.unwrap(), 1);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn what_comes_due_goes_round_the_tenants_too() {
    let app = TestApp::start_at_moment(30, "2026-10-20T12:00:00Z").await.unwrap();
    let extra = json!({"customer_data_allocation_mb": 5, "effective_date": "2026-10-22"});
    applied(&app, "Water", &extra, &devices(30)).await;
    app.work().await.unwrap();
    beta_applies(&app, &extra).await;
    app.work().await.unwrap();
    let later = Ledger::new(app.ledger.server().later_by("3 days"));
    let mut tenants = Vec::new();
    for _ in 0..2 {
        let due = claim_schedule_chunk(&later, LEASE).await.unwrap().unwrap();
        let done = apply_schedule_chunk(&later, &due, due.first_row, due.last_row, "worker:test").await.unwrap();
        assert!(done.applied > 0, "{done:?}");
        tenants.push(due.tenant);
    }
    later.close().await;
    tenants.sort_unstable();
    let mut both = [app.fixture.tenant, app.fixture.other_tenant];
    both.sort_unstable();
    assert_eq!(tenants, both);
    assert_eq!(app.work_after("3 days").await.unwrap(), 2);
    app.finish().await.unwrap();
}
