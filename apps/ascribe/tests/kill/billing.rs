//! 2,000 lines opened at a Rev.io that loses, delays, refuses and cuts, while the service and PostgreSQL are killed: 30 random points in
//! the gate, 300 in the deep run. At rest each processed row has exactly one line with exactly its products, each failed row none.

use crate::service::{Service, planned};
use database::Server;
use database::embedded::{Embedded, Settings};
use database::proof::broken_invariants;
use domain::clock::Clock;
use domain::ids::Ids;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use simulators::{Fleet, RevAccount, Running, World};
use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::Duration;
use testing::{Fixture, iccid, in_deep_run, number, plant_as_owner};

const DEVICES: u32 = 2_000;
const USER: &str = "api@first";
const ACME: i64 = 100_000_001;
/// A call takes a second at most, what nobody knows of is looked for after another, and swept after three, six and nine.
const TIMES: [(&str, &str); 5] = [
    ("ASCRIBE_CALL_SECONDS", "1"),
    ("ASCRIBE_SETTLE_SECONDS", "1"),
    ("ASCRIBE_SWEEP_MINUTES", "0.05,0.1,0.15"),
    ("ASCRIBE_OUTSIDE_LANES", "3"),
    ("ASCRIBE_REV_IO_HOSTS", "127.0.0.1"),
];

/// A Rev.io without limits, with four customers that are open and no line.
fn world() -> World {
    #[expect(clippy::disallowed_methods, reason = "the world under test runs on the machine's clock")]
    let world = World::new(7, Arc::new(jiff::Timestamp::now));
    let mut account = RevAccount::new(USER, "canary-password", "canarykey0123456789").with_example(1, 4, 0);
    account.calls_per_minute = 10_000_000;
    account.calls_per_day = 10_000_000;
    for customer in &mut account.customers {
        customer.status = Some("OPEN".to_owned());
        customer.close_date = None;
    }
    world.load(Fleet { rev_io: vec![account], ..Fleet::default() }).unwrap();
    world
}

fn spoil(world: &World) {
    let writes = [("POST", "/services"), ("POST", "/serviceproduct")];
    for (method, path) in writes {
        for (rate, fault) in [
            (0.01, json!({"kind": "refuse"})),
            (0.02, json!({"kind": "server_error_before"})),
            (0.02, json!({"kind": "server_error_after"})),
            (0.01, json!({"kind": "timeout_before", "seconds": 1.2})),
            (0.01, json!({"kind": "timeout_after", "seconds": 1.2})),
            (0.02, json!({"kind": "cut_before"})),
            (0.02, json!({"kind": "cut_after"})),
            (0.01, json!({"kind": "garbage"})),
            (0.01, json!({"kind": "late_landing", "seconds": 0.8, "status": 503})),
            (0.02, json!({"kind": "throttle", "seconds": 0})),
        ] {
            let rule =
                json!({"provider": "rev-io", "method": method, "path": path, "when": {"rate": rate}, "fault": fault});
            let rule = serde_json::from_value(rule).unwrap();
            world.faults(|faults| faults.add(rule)).unwrap();
        }
    }
}

async fn set_up(server: &Server, service: &Service, fixture: &Fixture, running: &Running) {
    for sql in [
        "update app.m2m_device set msisdn = '1555' || substr(iccid, 11, 9)".to_owned(),
        format!("update app.rev_customer set rev_customer_id = '{ACME}' where customer_name = 'Acme'"),
        format!(
            "update app.integration_authentication set calls_per_minute = 6000, calls_per_day = 10000000,
                 base_url = '{}/rev-io/v1' where name = 'Rev.io'",
            running.url()
        ),
    ] {
        plant_as_owner(server, fixture.tenant, &sql).await.unwrap();
    }
    let http = reqwest::Client::new();
    let ask = |path: &str| http.get(format!("{}/api/v1{path}", service.url)).bearer_auth(fixture.key.reveal());
    let accounts: Value = ask("/integration-authentications").send().await.unwrap().json().await.unwrap();
    let id = accounts["items"][0]["id"].as_str().unwrap();
    let secrets = json!({"username": USER, "password": "canary-password", "subscription_key": "canarykey0123456789"});
    let path = format!("{}/api/v1/integration-authentications/{id}/credentials", service.url);
    let kept = http.post(path).bearer_auth(fixture.key.reveal()).json(&secrets).send().await.unwrap();
    assert!(kept.status().is_success());
    // What is sold there is read before it is sold.
    for _ in 0..1_200 {
        let read = "select count(*) from app.rev_sync where resource in ('service_products', 'services', 'products') and mirrored_at is not null";
        if number(server, read).await.unwrap() == 3 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    unreachable!("Rev.io was not read within a minute");
}

/// What is left to do; None while the database is away.
async fn left(server: &Server) -> Option<i64> {
    let asking = number(server, "select coalesce(sum(to_do), 0)::bigint from app.bulk_change_counter");
    tokio::time::timeout(Duration::from_secs(2), asking).await.ok()?.ok()
}

/// For each ICCID the lines in force at Rev.io, each with how many products are in force on it.
fn lines(world: &World) -> HashMap<String, Vec<usize>> {
    world.rev_io(|state| {
        let account = state.account(USER).unwrap();
        let mut products: HashMap<i64, usize> = HashMap::new();
        for product in account.service_products.iter().filter(|p| p.status.as_deref() != Some("DISCONNECTED")) {
            *products.entry(product.service_id.unwrap_or(0)).or_default() += 1;
        }
        let mut lines: HashMap<String, Vec<usize>> = HashMap::new();
        for line in account.services.iter().filter(|line| line.disconnected_date.is_none()) {
            let on_it = products.get(&line.service_id).copied().unwrap_or(0);
            lines.entry(line.number2.clone().unwrap_or_default()).or_default().push(on_it);
        }
        lines
    })
}

async fn rows(service: &Service, fixture: &Fixture, change: &str) -> Vec<Value> {
    let http = reqwest::Client::new();
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("{}/api/v1/bulk-changes/{change}/rows?limit=500&cursor={cursor}", service.url);
        let page: Value = http.get(path).bearer_auth(fixture.key.reveal()).send().await.unwrap().json().await.unwrap();
        rows.extend(page["items"].as_array().cloned().unwrap());
        match page["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => return rows,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_in_the_middle_of_billing_bills_nobody_twice_and_nobody_for_nothing() {
    drop(rustls::crypto::ring::default_provider().install_default());
    let (kills, seed) = (if in_deep_run() { 300 } else { 30 }, u64::from(std::process::id()));
    println!("seed {seed}, {kills} kills");
    let mut random = StdRng::seed_from_u64(seed);
    let folder = tempfile::Builder::new().prefix("ascribe-kill-billing.").tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let data = folder.path().join("data");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let world = world();
    let running = Running::start(world.clone(), "127.0.0.1:0".parse().unwrap()).await.unwrap();

    let mut service = Service::start(&data, port, &TIMES).await;
    let server = Embedded::start(&Settings { data: data.clone(), binaries: None, fsync: true }).unwrap().server();
    #[expect(clippy::disallowed_methods, reason = "the service runs on the machine's clock")]
    let ids = Ids::new(Clock::from_fn(jiff::Timestamp::now), [9; 32]);
    let fixture = Fixture::make(&server, &ids, DEVICES).await.unwrap();
    set_up(&server, &service, &fixture, &running).await;
    let http = reqwest::Client::builder().timeout(Duration::from_secs(60)).build().unwrap();
    let request = json!({"change_type": "CustomerAssignment", "service_provider": "Verizon", "customer": ACME,
        "create_rev_service": true, "rev_provider": 1, "service_type": 1, "products": [1, 2], "rates": ["1.25", "2.50"]});
    let file: String = (0..DEVICES).map(|place| format!("{}\n", iccid(place))).collect();
    let form = Form::new()
        .part("request", Part::text(request.to_string()))
        .part("devices", Part::text(format!("iccid\n{file}")).file_name("all.csv"));
    let send = http.post(format!("{}/api/v1/plans", service.url)).bearer_auth(fixture.key.reveal()).multipart(form);
    let plan: Value = send.send().await.unwrap().json().await.unwrap();
    let plan = planned(&http, &service, &fixture, &plan).await;
    assert_eq!(plan["counts"]["change"], DEVICES, "{plan}");
    spoil(&world);
    let apply = http.post(format!("{}/api/v1/bulk-changes", service.url)).bearer_auth(fixture.key.reveal());
    let applied: Value = apply.json(&json!({"plan_id": plan["id"]})).send().await.unwrap().json().await.unwrap();
    assert_eq!(applied["counts"]["to_do"], DEVICES, "{applied}");

    let (mut of_service, mut of_database, mut in_the_middle) = (0, 0, 0);
    for _ in 0..kills {
        tokio::time::sleep(Duration::from_millis(random.random_range(50..900))).await;
        in_the_middle += i32::from(left(&server).await != Some(0));
        if random.random_bool(0.5) {
            of_service += 1;
            service.kill().await;
            service = Service::start(&data, port, &TIMES).await;
        } else if let Some(pid) = service.postmaster() {
            of_database += 1;
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
    println!("{of_service} of the service, {of_database} of PostgreSQL, {in_the_middle} with work left");
    // What is left goes on undisturbed but for Rev.io; then everything that was ever unknown is looked at again three times.
    for _ in 0..2_400 {
        let rest = "select (select coalesce(sum(to_do), 0) from app.bulk_change_counter)::bigint + (select count(*) from app.due_work where due_at < 'infinity')";
        let asking = tokio::time::timeout(Duration::from_secs(2), number(&server, rest)).await;
        if matches!(asking, Ok(Ok(0))) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let id = plan["id"].as_str().unwrap();
    let lines = lines(&world);
    let mut counts: HashMap<String, usize> = HashMap::new();
    for row in rows(&service, &fixture, id).await {
        let theirs = lines.get(row["iccid"].as_str().unwrap()).cloned().unwrap_or_default();
        let status = row["status"].as_str().unwrap().to_owned();
        match status.as_str() {
            "PROCESSED" => assert_eq!(theirs, [2], "{row}"),
            "FAILED" => assert!(theirs.is_empty(), "{row}: {theirs:?}"),
            "NEEDS_ATTENTION" => {}
            _ => unreachable!("{row}"),
        }
        *counts.entry(status).or_default() += 1;
    }
    println!("{counts:?}");
    assert!(counts.get("PROCESSED").is_some_and(|ok| *ok > DEVICES as usize * 3 / 4), "{counts:?}");
    assert!(in_the_middle * 10 >= kills * 7, "the kills came too late to prove anything: {in_the_middle} of {kills}");
    assert_eq!(broken_invariants(&server).await.unwrap(), []);
    service.kill().await;
    running.stop().await;
}
