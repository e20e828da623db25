//! The pages in a real browser: flows that a person would go through, and a look at every page from every side.
//!
//! A flow is a file in `flows`; each runs as a process of its own, with a whole app and a worker of its own. Where the system has no
//! Chromium that can be driven (`scripts/browser-tools` says so), the flows are left out.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop, and say where")]

mod addresses;
mod canaries;
mod flow;
mod worker;

use domain::rights::Role;
use flow::run;
use serde_json::{Value, json};
use std::time::Duration;
use testing::{Agent, PASSWORD, TestApp, iccid, people_settings};

/// A world with this many plain devices, in chunks of a hundred rows.
async fn world(devices: u32) -> TestApp {
    let settings = intake::PlannerSettings { chunk_rows: 100, ..intake::PlannerSettings::default() };
    TestApp::start_with(devices, settings, Duration::from_secs(60)).await.unwrap()
}

/// Somebody who runs the tenant, and what a flow needs to be them.
async fn administrator(app: &TestApp) -> Value {
    app.person_of(app.fixture.tenant, "ops@example.com", Role::PartnerAdmin).await.unwrap();
    let pages: Vec<Value> = web::pages()
        .into_iter()
        .map(|(method, path, open)| json!({"method": method.as_str(), "path": path, "open": open}))
        .collect();
    json!({"url": app.url(), "email": "ops@example.com", "password": PASSWORD, "pages": pages})
}

/// A plan, as a flow knows it.
async fn planned(app: &TestApp, name: &str, customer: &str, places: std::ops::Range<u32>) -> Value {
    let devices: Vec<String> = places.map(iccid).collect();
    let plan = app.plan(customer, &json!({ "reference": name }), &devices).await.unwrap().json;
    assert_eq!(plan["counts"]["change"], devices.len(), "{plan}");
    json!({"id": plan["id"], "name": name})
}

async fn applied(app: &TestApp, plan: &Value) {
    let answer = app.post("/bulk-changes", &json!({"plan_id": plan["id"]})).await.unwrap();
    assert_eq!(answer.status.as_u16(), 202, "{}", answer.json);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_administrator_sets_up_and_finds_every_page_empty() {
    let app = world(0).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("set-up.token");
    let token = domain::secret_token::SecretToken::new(&app.ids);
    std::fs::write(&file, token.reveal()).unwrap();
    let people = web::People::new(people_settings(None), web::SetUp::with(token.clone(), file), &app.ids);
    let url = app.another_door(|door| door.people = people).await.unwrap();
    let pages: Vec<Value> = web::pages()
        .into_iter()
        .map(|(method, path, open)| json!({"method": method.as_str(), "path": path, "open": open}))
        .collect();
    let world = json!({"url": url, "email": "first@example.com", "password": PASSWORD, "token": token.reveal(), "pages": pages});
    run(&app, "first_set_up", world).await;
    app.finish().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_in_with_password_and_keyboard_and_again_when_the_session_is_over() {
    let app = world(3).await;
    let mut world = administrator(&app).await;
    app.person_of(app.fixture.tenant, "another@example.com", Role::User).await.unwrap();
    world["another"] = json!("another@example.com");
    world["later"] = json!(app.later_door("31 minutes").await.unwrap());
    run(&app, "signing_in", world).await;
    app.finish().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_invited_sign_in_by_the_link_act_in_tenants_and_are_ended() {
    let app = world(3).await;
    let mut world = administrator(&app).await;
    let agent = Agent::make(&app, &[]).await.unwrap();
    canaries::role_in_both(&app, &agent, "both@example.com").await;
    world["both"] = json!("both@example.com");
    run(&app, "people", world).await;
    app.finish().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_applied_watched_paused_retried_undone_and_decided_on() {
    let app = world(1_300).await;
    let mut world = administrator(&app).await;
    world["stale"] = planned(&app, "Too late", "Cold", 1_210..1_213).await;
    let faster = planned(&app, "Faster", "Water", 1_210..1_213).await;
    applied(&app, &faster).await;
    app.work().await.unwrap();
    world["attention"] = canaries::change_that_needs_attention(&app, "Nobody knows", 1_220..1_222).await;
    world["other"] = planned(&app, "Second thoughts", "Cold", 1_230..1_235).await;
    world["large"] = planned(&app, "Large", "Water", 0..1_200).await;
    world["small"] = planned(&app, "Small", "Water", 1_200..1_204).await;
    run(&app, "changes", world).await;
    app.finish().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_are_assigned_from_a_file_from_a_list_and_from_what_was_ticked() {
    let app = world(4_970).await;
    let mut world = administrator(&app).await;
    let (file, reasons, change) = canaries::file_with_bad_rows();
    world["file"] = json!(file);
    world["reasons"] = reasons;
    world["change"] = json!(change);
    world["pasted"] = json!(format!("{} {}", iccid(4_960), iccid(4_961)));
    world["pastedPlainly"] = json!(format!("{}\n{}", iccid(4_962), iccid(4_963)));
    run(&app, "assign", world).await;
    app.finish().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_and_applying_need_no_script() {
    let app = world(1_200).await;
    let mut world = administrator(&app).await;
    world["large"] = planned(&app, "Large", "Water", 0..1_200).await;
    run(&app, "without_script", world).await;
    app.finish().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_can_be_used_by_everybody_and_nothing_typed_is_anything_but_text() {
    let app = world(40).await;
    let mut world = administrator(&app).await;
    let seeded = canaries::everywhere(&app).await;
    app.person_of(app.fixture.tenant, "told@example.com", Role::NotificationOnly).await.unwrap();
    world["told"] = json!("told@example.com");
    world["canary"] = json!(canaries::CANARY);
    world["change"] = seeded.change.clone().into();
    world["addresses"] = addresses::of_every_page(&app, &seeded).await;
    world["states"] = addresses::further_states(&seeded);
    run(&app, "every_page", world).await;
    app.finish().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_that_is_planted_in_a_page_is_found() {
    let app = world(0).await;
    run(&app, "planted_faults", json!({ "url": app.url() })).await;
    app.finish().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pictures_of_the_documents_can_be_taken() {
    let app = world(1_800).await;
    let mut world = administrator(&app).await;
    world["plan"] = canaries::fleet_for_pictures(&app).await;
    if std::env::var_os("ASCRIBE_WRITE_DOCS").is_some() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/pictures");
        std::fs::create_dir_all(&folder).unwrap();
        world["folder"] = json!(folder.canonicalize().unwrap());
    }
    run(&app, "pictures", world).await;
    app.finish().await.unwrap();
}
