//! What is told, when, in what order; also where receivers fail and workers die.

use super::{LEASE, all_events, deliveries, make, tell_due, tell_due_after, types};
use crate::devices;
use database::DatabaseError;
use database::webhook::{Next, claim, end_attempt};
use processing::{NotifySettings, notify_until_stopped, tell};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use testing::{Receiver, TestApp, iccid};
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn a_receiver_that_fails_twice_gets_everything_once_in_order_and_signed() {
    let receiver = Receiver::start().await.unwrap();
    let hosts = [receiver.host.clone()];
    let app = TestApp::start_telling(25, &hosts).await.unwrap();
    let telling = app.telling(&hosts).unwrap();
    let (webhook, secret) = make(&app, &receiver.url(), &all_events()).await;
    receiver.answer(&[500, 503]);
    let change = app.carry_out("Water", &json!({"reference": "T-1"}), &devices(25)).await.unwrap();
    let id = change["id"].as_str().unwrap();
    assert_eq!(tell_due(&telling).await, 1, "what comes later waits for the first");
    assert_eq!(tell_due(&telling).await, 0, "and the first for its next try");
    assert_eq!(tell_due_after(&telling, "10 seconds").await, 1);
    assert_eq!(tell_due_after(&telling, "20 seconds").await, 0, "the second wait is longer");
    assert_eq!(tell_due_after(&telling, "1 hour").await, 3);

    let received = receiver.received();
    assert_eq!(types(&receiver)[..3], ["plan.ready", "plan.ready", "plan.ready"]);
    assert_eq!(types(&receiver)[2..], ["plan.ready", "bulk_change.started", "bulk_change.completed"]);
    let first = received[0].header("webhook-id").to_owned();
    assert!(received[..3].iter().all(|one| one.header("webhook-id") == first && one.body == received[0].body));
    for (seq, one) in (1..).zip(&received[2..]) {
        one.verify(&secret).unwrap();
        assert!(one.verify(&make_up_a_secret()).is_err());
        let data = &one.json["data"];
        assert_eq!((&data["id"], &data["seq"], &data["reference"]), (&json!(id), &json!(seq), &json!("T-1")));
        assert!(one.json["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
        assert_eq!(one.header("content-type"), "application/json");
        let link = data["link"].as_str().unwrap().strip_prefix("/api/v1").unwrap();
        assert_eq!(app.get(link).await.unwrap().json["id"], id, "{link}");
        assert!(!one.body.contains(&iccid(0)[..10]), "no ICCIDs: {}", one.body);
    }
    let counts = json!({"rows": 25, "change": 25, "no_change": 0, "refused": 0});
    assert_eq!(received[2].json["data"]["counts"], counts);
    assert_eq!(received[4].json["data"]["counts"], change["counts"]);
    assert_eq!(received[4].json["data"]["status"], "PROCESSED");

    let list = deliveries(&app, &webhook).await;
    assert!(list.iter().all(|one| one["status"] == "DELIVERED" && one["next_attempt_at"].is_null()), "{list:?}");
    let seqs: Vec<_> = list.iter().map(|one| one["seq"].as_i64().unwrap()).collect();
    assert_eq!(seqs, [3, 2, 1], "newest first");
    let tries: Vec<_> = list[2]["attempts"].as_array().unwrap().iter().map(|one| one["http_status"].clone()).collect();
    assert_eq!(tries, [json!(500), json!(503), json!(200)]);
    app.finish().await.unwrap();
}

fn make_up_a_secret() -> String {
    let ids = domain::ids::Ids::new(domain::clock::Clock::fixed(jiff::Timestamp::UNIX_EPOCH), [9; 32]);
    domain::webhook::new_secret(&ids)
}

#[tokio::test]
async fn every_way_a_change_can_go_is_told_by_its_own_name() {
    let receiver = Receiver::start().await.unwrap();
    let hosts = [receiver.host.clone()];
    let app = TestApp::start_telling(40, &hosts).await.unwrap();
    make(&app, &receiver.url(), &all_events()).await;
    // Only some of them: their seq has no gaps either.
    let picky = Receiver::start().await.unwrap();
    let hosts = [receiver.host.clone(), picky.host.clone()];
    let telling = app.telling(&hosts).unwrap();
    let plan = async |devices: &[String]| {
        let plan = app.plan("Water", &json!({}), devices).await.unwrap().json;
        plan["id"].as_str().unwrap().to_owned()
    };
    let apply = async |plan: &str| app.post("/bulk-changes", &json!({"plan_id": plan})).await.unwrap();
    let act = async |plan: &str, what: &str| {
        let done = app.post(&format!("/bulk-changes/{plan}/{what}"), &json!({})).await.unwrap();
        assert!(done.status.is_success(), "{}", done.json);
    };
    let stale = async |from: u32, to: u32| {
        let iccids: Vec<String> = (from..to).map(|n| format!("'{}'", iccid(n))).collect();
        let sql = format!("update app.m2m_device set status = 'suspend' where iccid in ({})", iccids.join(", "));
        app.database.plant(&sql).await.unwrap();
    };
    let all = devices(40);
    // Paused, resumed, and then some rows are stale.
    let mixed = plan(&all[..20]).await;
    apply(&mixed).await;
    act(&mixed, "pause").await;
    act(&mixed, "resume").await;
    stale(0, 5).await;
    app.work().await.unwrap();
    // None is ok.
    let failed = plan(&all[20..25]).await;
    stale(20, 25).await;
    apply(&failed).await;
    app.work().await.unwrap();
    // Paused, and cancelled while it was: it is not said to have been resumed.
    let cancelled = plan(&all[25..30]).await;
    apply(&cancelled).await;
    act(&cancelled, "pause").await;
    act(&cancelled, "cancel").await;
    app.work().await.unwrap();
    // Not a plan at all.
    let broken = app.plan_file("Water", &json!({}), b"PK\x03\x04 no xlsx".to_vec()).await.unwrap();
    assert!(broken.status.is_client_error(), "{}", broken.json);

    tell_due(&telling).await;
    let mut of: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for one in receiver.received() {
        let data = &one.json["data"];
        let told = of.entry(data["id"].as_str().unwrap().to_owned()).or_default();
        told.push(one.json["type"].as_str().unwrap().to_owned());
        assert_eq!(data["seq"], told.len(), "{}", one.body);
    }
    let paused = ["plan.ready", "bulk_change.paused", "bulk_change.resumed", "bulk_change.started"];
    assert_eq!(of[&mixed], [&paused[..], &["bulk_change.completed_with_failures"]].concat());
    assert_eq!(of[&failed], ["plan.ready", "bulk_change.started", "bulk_change.failed"]);
    assert_eq!(of[&cancelled], ["plan.ready", "bulk_change.paused", "bulk_change.cancelled"]);
    let odd: Vec<_> = of.iter().filter(|(id, _)| ![&mixed, &failed, &cancelled].contains(id)).collect();
    assert!(odd.len() == 1 && odd[0].1 == &["plan.failed"], "{odd:?}");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn seq_counts_what_a_webhook_asked_for() {
    let receiver = Receiver::start().await.unwrap();
    let hosts = [receiver.host.clone()];
    let app = TestApp::start_telling(3, &hosts).await.unwrap();
    make(&app, &receiver.url(), &json!(["bulk_change.completed", "bulk_change.started"])).await;
    app.carry_out("Water", &json!({}), &devices(3)).await.unwrap();
    tell_due(&app.telling(&hosts).unwrap()).await;
    let told: Vec<(Value, Value)> =
        receiver.received().iter().map(|one| (one.json["type"].clone(), one.json["data"]["seq"].clone())).collect();
    let expected = [(json!("bulk_change.started"), json!(1)), (json!("bulk_change.completed"), json!(2))];
    assert_eq!(told, expected);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_receiver_that_hangs_or_is_down_keeps_nobody_else_waiting() {
    let (hanging, fine) = (Receiver::start().await.unwrap(), Receiver::start().await.unwrap());
    hanging.hang();
    let closed = Receiver::start().await.unwrap();
    let down = closed.host.clone();
    drop(closed);
    let hosts = [hanging.host.clone(), fine.host.clone(), down.clone()];
    let app = TestApp::start_telling(3, &hosts).await.unwrap();
    // Each that cannot be reached comes before the one that can.
    make(&app, &hanging.url(), &all_events()).await;
    let (dead, _) = make(&app, &format!("http://{down}/"), &all_events()).await;
    make(&app, &fine.url(), &all_events()).await;
    for n in 0..3 {
        app.carry_out("Water", &json!({}), &devices(3)[n..=n]).await.unwrap();
    }
    let stop = CancellationToken::new();
    let settings = NotifySettings { poll_every: Duration::from_millis(50), ..NotifySettings::default() };
    let telling = tokio::spawn(notify_until_stopped(app.telling(&hosts).unwrap(), settings, stop.clone()));
    tokio::time::timeout(Duration::from_secs(8), async {
        while fine.received().len() < 9 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
    assert_eq!(hanging.received().len(), 1, "one of its deliveries is under way, and no more");
    let list = deliveries(&app, &dead).await;
    assert!(list.iter().any(|one| one["error"] == "no connection" && one["status"] == "PENDING"), "{list:?}");
    stop.cancel();
    telling.await.unwrap();
    app.finish().await.unwrap();
}

#[tokio::test]
async fn a_claim_that_was_killed_is_redelivered_and_whoever_comes_too_late_writes_nothing() {
    let receiver = Receiver::start().await.unwrap();
    let hosts = [receiver.host.clone()];
    let app = TestApp::start_telling(1, &hosts).await.unwrap();
    let telling = app.telling(&hosts).unwrap();
    let (webhook, _) = make(&app, &receiver.url(), &json!(["plan.ready"])).await;
    app.plan("Water", &json!({}), &devices(1)).await.unwrap();
    app.plan("Cold", &json!({}), &devices(1)).await.unwrap();
    let killed = claim(&app.ledger, Duration::from_millis(300)).await.unwrap().unwrap();
    assert!(claim(&app.ledger, LEASE).await.unwrap().is_none(), "nobody else has the webhook meanwhile");
    tokio::time::sleep(Duration::from_millis(350)).await;
    let again = claim(&app.ledger, LEASE).await.unwrap().unwrap();
    assert_eq!((again.delivery, again.epoch), (killed.delivery, killed.epoch + 1));
    let late = end_attempt(&app.ledger, &killed, Some(200), None, Next::Delivered).await;
    assert!(matches!(late, Err(DatabaseError::LeaseLost)), "{late:?}");
    tell(&telling, &again).await;
    assert_eq!(tell_due(&telling).await, 1);
    assert_eq!(receiver.received().len(), 2);
    assert!(deliveries(&app, &webhook).await.iter().all(|one| one["attempts"].as_array().unwrap().len() == 1));
    app.finish().await.unwrap();
}

#[tokio::test]
async fn many_workers_at_once_deliver_each_notice_once() {
    let receiver = Receiver::start().await.unwrap();
    let hosts = [receiver.host.clone()];
    let app = TestApp::start_telling(30, &hosts).await.unwrap();
    for _ in 0..3 {
        make(&app, &receiver.url(), &all_events()).await;
    }
    for device in devices(10) {
        app.carry_out("Water", &json!({}), &[device]).await.unwrap();
    }
    let stop = CancellationToken::new();
    let settings = NotifySettings { poll_every: Duration::from_millis(20), ..NotifySettings::default() };
    let workers: Vec<_> = (0..4)
        .map(|_| tokio::spawn(notify_until_stopped(app.telling(&hosts).unwrap(), settings, stop.clone())))
        .collect();
    let left = "select count(*) from app.webhook_delivery where status = 'PENDING'";
    while app.database.number(left).await.unwrap() > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.cancel();
    for worker in workers {
        worker.await.unwrap();
    }
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for one in receiver.received() {
        *seen.entry(one.header("webhook-id").to_owned()).or_default() += 1;
    }
    assert_eq!((seen.len(), seen.values().max()), (90, Some(&1)));
    app.finish().await.unwrap();
}

#[tokio::test]
async fn what_fails_for_days_is_failed_and_seen_and_what_comes_after_is_told() {
    let receiver = Receiver::start().await.unwrap();
    let hosts = [receiver.host.clone()];
    let app = TestApp::start_telling(1, &hosts).await.unwrap();
    let telling = app.telling(&hosts).unwrap();
    let (webhook, _) = make(&app, &receiver.url(), &all_events()).await;
    receiver.answer(&[302, 404, 500]);
    app.carry_out("Water", &json!({}), &devices(1)).await.unwrap();
    tell_due(&telling).await;
    assert_eq!(tell_due_after(&telling, "71 hours").await, 1, "not yet three days");
    assert_eq!(tell_due_after(&telling, "4 days").await, 3, "the last try of the first, and the two behind it");
    let list = deliveries(&app, &webhook).await;
    let statuses: Vec<_> = list.iter().map(|one| one["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["DELIVERED", "DELIVERED", "FAILED"]);
    assert_eq!((&list[2]["http_status"], &list[2]["next_attempt_at"]), (&json!(500), &Value::Null));
    // A month after it was over it is taken away.
    let later = database::Ledger::new(app.ledger.server().later_by("35 days"));
    assert_eq!(database::webhook::forget_old(&later, app.fixture.tenant, 2).await.unwrap(), 2);
    assert_eq!(database::webhook::forget_old(&later, app.fixture.tenant, 2).await.unwrap(), 1);
    later.close().await;
    assert_eq!(app.database.number("select count(*) from app.webhook_attempt").await.unwrap(), 0);
    app.finish().await.unwrap();
}

#[tokio::test]
async fn gone_pauses_a_webhook_until_somebody_lets_it_go_on() {
    let receiver = Receiver::start().await.unwrap();
    let hosts = [receiver.host.clone()];
    let app = TestApp::start_telling(2, &hosts).await.unwrap();
    let telling = app.telling(&hosts).unwrap();
    let (webhook, _) = make(&app, &receiver.url(), &all_events()).await;
    receiver.answer(&[410]);
    app.carry_out("Water", &json!({}), &devices(1)).await.unwrap();
    assert_eq!(tell_due(&telling).await, 1);
    let path = format!("/webhooks/{webhook}");
    let paused = app.get(&path).await.unwrap();
    assert_eq!((&paused.json["status"], &paused.json["pending"]), (&json!("PAUSED"), &json!(3)), "{}", paused.json);
    assert_eq!(paused.json["paused_because"], "it answered 410 Gone");
    app.carry_out("Water", &json!({}), &devices(2)[1..]).await.unwrap();
    assert_eq!(tell_due_after(&telling, "1 day").await, 0);
    let edit = app.request(Method::PATCH, &format!("/api/v1{path}")).header("If-Match", "*");
    let on = app.send(edit.json(&json!({"paused": false}))).await.unwrap();
    assert_eq!((&on.json["status"], &on.json["paused_because"]), (&json!("ACTIVE"), &Value::Null));
    assert_eq!(tell_due(&telling).await, 3, "what was pending, and nothing of what happened meanwhile");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn an_account_that_is_paused_and_goes_on_is_told() {
    let receiver = Receiver::start().await.unwrap();
    let hosts = [receiver.host.clone()];
    let app = TestApp::start_telling(1, &hosts).await.unwrap();
    let (_, secret) = make(&app, &receiver.url(), &all_events()).await;
    let accounts = app.get("/integration-authentications").await.unwrap().json;
    let path = format!("/integration-authentications/{}", accounts["items"][0]["id"].as_str().unwrap());
    for paused in [true, true, false] {
        let etag = app.get(&path).await.unwrap().headers["etag"].clone();
        let edit = app.request(Method::PATCH, &format!("/api/v1{path}")).header("if-match", etag);
        let edited = app.send(edit.json(&json!({ "paused": paused }))).await.unwrap();
        assert!(edited.status.is_success(), "{}", edited.json);
    }
    assert_eq!(tell_due(&app.telling(&hosts).unwrap()).await, 2);
    assert_eq!(types(&receiver), ["integration.degraded", "integration.recovered"]);
    let received = receiver.received();
    received.iter().for_each(|one| one.verify(&secret).unwrap());
    assert_eq!(received[0].json["data"]["because"], "paused by a person");
    assert_eq!(received[0].json["data"]["name"], "Rev.io");
    app.finish().await.unwrap();
}
