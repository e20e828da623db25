//! A 20,000-device assignment under kills: 10 random points in the gate, 100 in the deep run.

use crate::service::{Service, done, planned};
use database::embedded::{Embedded, Settings};
use database::proof::{agreement, broken_invariants};
use domain::clock::Clock;
use domain::ids::{BulkChangeId, Ids};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;
use testing::{Fixture, iccid, in_deep_run, number};
use uuid::Uuid;

const DEVICES: u32 = 20_000;

#[tokio::test]
async fn kill_9_at_random_points_loses_nothing_doubles_nothing_and_leaves_nothing_locked() {
    drop(rustls::crypto::ring::default_provider().install_default());
    let (kills, seed) = (if in_deep_run() { 100 } else { 10 }, u64::from(std::process::id()));
    println!("seed {seed}, {kills} kills");
    let mut random = StdRng::seed_from_u64(seed);
    let folder = tempfile::Builder::new().prefix("ascribe-kill.").tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let data = folder.path().join("data");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();

    let mut service = Service::start(&data, port, &[]).await;
    let server = Embedded::start(&Settings { data: data.clone(), binaries: None, fsync: true }).unwrap().server();
    #[expect(clippy::disallowed_methods, reason = "the service runs on the machine's clock")]
    let ids = Ids::new(Clock::from_fn(jiff::Timestamp::now), [9; 32]);
    let fixture = Fixture::make(&server, &ids, DEVICES).await.unwrap();
    let http = reqwest::Client::builder().timeout(Duration::from_secs(60)).build().unwrap();
    let request = json!({"change_type": "CustomerAssignment", "service_provider": "Verizon", "customer": "Acme",
        "customer_rate_plan": "P-ALL"});
    let file: String = (0..DEVICES).map(|place| format!("{}\n", iccid(place))).collect();
    let form = Form::new()
        .part("request", Part::text(request.to_string()))
        .part("devices", Part::text(format!("iccid\n{file}")).file_name("all.csv"));
    let send = http.post(format!("{}/api/v1/plans", service.url)).bearer_auth(fixture.key.reveal()).multipart(form);
    let plan: Value = send.send().await.unwrap().json().await.unwrap();
    // Killed while it plans: the next start goes on from the spool, and nothing of the first try is left.
    assert_eq!(plan["status"], "PLANNING", "20,000 rows are not planned in 20 ms: {plan}");
    service.kill().await;
    service = Service::start(&data, port, &[]).await;
    let plan = planned(&http, &service, &fixture, &plan).await;
    assert_eq!((&plan["status"], &plan["counts"]["change"]), (&json!("PLANNED"), &json!(DEVICES)), "{plan}");
    assert_eq!(number(&server, "select count(*) from app.m2m_device_change").await.unwrap(), i64::from(DEVICES));
    let left = std::fs::read_dir(data.join("spool")).unwrap().count();
    assert_eq!(left, 0, "the spool is empty when the plan is made");
    let apply = http.post(format!("{}/api/v1/bulk-changes", service.url)).bearer_auth(fixture.key.reveal());
    let applied: Value = apply.json(&json!({"plan_id": plan["id"]})).send().await.unwrap().json().await.unwrap();
    assert_eq!(applied["counts"]["to_do"], DEVICES, "{applied}");

    let (mut service_kills, mut database_kills, mut in_the_middle) = (0, 0, 0);
    for number in 0..kills {
        // Spread over the change, each at a random place of its part and a random moment of a chunk.
        let part = i64::from(DEVICES) / (kills + 1);
        let point = part * number + random.random_range(1..=part);
        let mut looks = 0;
        while done(&server).await.is_none_or(|rows| rows < point) {
            looks += 1;
            assert!(looks < 20_000, "the change does not get to row {point}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_micros(random.random_range(0..20_000))).await;
        in_the_middle += i32::from(done(&server).await.is_none_or(|rows| rows < i64::from(DEVICES)));
        if random.random_bool(0.5) {
            service_kills += 1;
            service.kill().await;
            service = Service::start(&data, port, &[]).await;
        } else if let Some(pid) = service.postmaster() {
            database_kills += 1;
            // It may just have been killed and not be back yet; then this point is spent on nobody.
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
    println!("{service_kills} of the service, {database_kills} of PostgreSQL, {in_the_middle} with work left");
    assert!(in_the_middle * 10 >= kills as i32 * 8, "the kills came too late to prove anything");

    let id = plan["id"].as_str().unwrap();
    let mut change = Value::Null;
    for _ in 0..1_200 {
        let ask = http.get(format!("{}/api/v1/bulk-changes/{id}", service.url)).bearer_auth(fixture.key.reveal());
        if let Ok(answer) = ask.send().await {
            change = answer.json().await.unwrap_or_default();
            if change["status"] == "PROCESSED" {
                break;
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(
        change["counts"],
        json!({"planned": DEVICES, "ok": DEVICES, "failed": 0, "skipped": 0, "cancelled": 0, "needs_attention": 0, "to_do": 0}),
        "{change}"
    );
    assert_eq!(broken_invariants(&server).await.unwrap(), []);
    let all = agreement(&server, fixture.tenant, BulkChangeId(Uuid::parse_str(id).unwrap())).await.unwrap();
    assert_eq!((all.processed, all.agree, all.touched_without_saying), (i64::from(DEVICES), i64::from(DEVICES), 0));
    service.kill().await;
}
