//! Lines opened at a provider whose budget is the bound: how much of the configured rate arrives there, and how much of that is
//! throttled, counted by the simulator. Belt, work and ledger are those that are shipped; each call takes 50 to 300 ms.

use crate::relay;
use crate::report::Report;
use crate::stopwatch;
use anyhow::{Context as _, Result, ensure};
use domain::clock::Clock;
use intake::PlannerSettings;
use integrations::billing::rev_io::RevIoSettings;
use integrations::{HttpClient, HttpSettings};
use processing::outside::{Accounts, NoWitness, Outside, OutsideSettings, carry_out};
use processing::{Retry, settle};
use queue::{BeltSettings, Job};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::json;
use simulators::{Fleet, RevAccount, Running, World};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use testing::performance::{GATE_SHARE, GATE_THROTTLED};
use testing::{TestApp, TestCluster, iccid};
use tokio_util::sync::CancellationToken;

const USER: &str = "api@bench";
/// Calls in a minute that are configured: Rev.io's own, 50 and 200 a second.
const RATES: [u32; 3] = [500, 3_000, 12_000];
/// Until the lanes are under way.
pub(crate) const BEFORE: Duration = Duration::from_secs(3);
/// As long as the provider's window: what is too fast is throttled within it.
pub(crate) const MEASURED: Duration = Duration::from_secs(60);

/// Each rate in a world of its own, so that no window of one is begun by another.
pub(crate) async fn measure(cluster: &TestCluster, report: &mut Report) -> Result<()> {
    for per_minute in RATES {
        eprintln!("{per_minute} calls a minute …");
        report.note_load()?;
        let found = at(cluster, per_minute).await?;
        report.add_row("gate, calls that arrived", per_minute, "calls/s", found.arrived, BTreeMap::new());
        report.add_row(GATE_SHARE, per_minute, "%", found.arrived * 6_000.0 / f64::from(per_minute), BTreeMap::new());
        report.add_row(GATE_THROTTLED, per_minute, "%", found.throttled, BTreeMap::new());
    }
    Ok(())
}

struct Found {
    /// Calls a second.
    arrived: f64,
    /// Of a hundred.
    throttled: f64,
}

/// Calls so far, and how many of them were throttled.
fn counted(world: &World) -> (u64, u64) {
    world.ledger(|ledger| ledger.counts().iter().fold((0, 0), |sum, of| (sum.0 + of.calls, sum.1 + of.throttled)))
}

async fn at(cluster: &TestCluster, per_minute: u32) -> Result<Found> {
    // A line and two products each, and some besides, so that they do not run out.
    let rows = per_minute * 7 / 15 + 200;
    let app = TestApp::start_in(cluster, rows, PlannerSettings::default()).await?;
    #[expect(clippy::disallowed_methods, reason = "the bench runs on the machine's clock")]
    let now = jiff::Timestamp::now;
    let world = World::new(7, Arc::new(now));
    let mut account = RevAccount::new(USER, "bench-password", "benchkey0123456789").with_example(1, 2, 0);
    account.calls_per_minute = u64::from(per_minute);
    account.calls_per_day = 10_000_000;
    for customer in &mut account.customers {
        customer.status = Some("OPEN".to_owned());
        customer.close_date = None;
    }
    let payer = account.customers.first().context("the example has no customer")?.customer_id;
    world.load(Fleet { rev_io: vec![account], ..Fleet::default() })?;
    let running = Running::start(world.clone(), "127.0.0.1:0".parse()?).await?;
    let relay = relay::start(running.url()).await?;
    let outside = ready(&app, per_minute, payer, &relay).await?;

    let stop = CancellationToken::new();
    let belt = tokio::spawn(work(&app, outside, stop.clone()));
    let mut tries = 0;
    while counted(&world).0 == 0 {
        tries += 1;
        ensure!(tries < 6_000, "no call arrives");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(BEFORE).await;
    let (before, elapsed) = (counted(&world), stopwatch());
    tokio::time::sleep(MEASURED).await;
    let (after, seconds) = (counted(&world), elapsed().as_secs_f64());
    let due = app.database.number("select count(*) from app.due_work where sweeps is null").await?;
    ensure!(due > 0, "the rows have run out");
    stop.cancel();
    belt.await?;
    running.stop().await;
    #[expect(clippy::cast_precision_loss, reason = "counts of a minute")]
    let (calls, throttled) = ((after.0 - before.0) as f64, after.1 as f64 / after.0 as f64);
    Ok(Found { arrived: calls / seconds, throttled: throttled * 100.0 })
}

/// The account, its secrets, and a change whose rows open lines, applied.
async fn ready(app: &TestApp, per_minute: u32, payer: i64, relay: &str) -> Result<Outside> {
    let account = format!(
        "update app.integration_authentication set calls_per_minute = {per_minute}, calls_per_day = 10000000,
             base_url = '{relay}/rev-io/v1' where name = 'Rev.io'"
    );
    let customer = format!("update app.rev_customer set rev_customer_id = '{payer}' where customer_name = 'Acme'");
    for sql in ["update app.m2m_device set msisdn = '1555' || substr(iccid, 11, 9)", &account, &customer] {
        app.database.plant(sql).await?;
    }
    let secrets = json!({"username": USER, "password": "bench-password", "subscription_key": "benchkey0123456789"});
    let accounts = app.get("/integration-authentications").await?.json;
    let id = accounts["items"][0]["id"].as_str().context("no account")?.to_owned();
    let kept = app.post(&format!("/integration-authentications/{id}/credentials"), &secrets).await?;
    ensure!(kept.status.is_success(), "{}", kept.json);

    let rows = app.database.number("select count(*) from app.m2m_device").await?;
    let file = (0..u32::try_from(rows)?).fold("ICCID\n".to_owned(), |file, place| file + &iccid(place) + "\n");
    let plan = app.plan_file("Acme", &json!({}), file).await?.json;
    let change = plan["id"].as_str().with_context(|| plan.to_string())?;
    // Until a request can ask for lines, the planned rows are told to open some.
    for sql in [
        format!(
            "update app.bulk_change_target set opens_rev_service = true, rev_provider_id = 1, rev_service_type_id = 1,
                 rev_product_ids = '{{1,2}}', rates = '{{1.25,2.50}}', prorate = true where bulk_change_id = '{change}'"
        ),
        format!(
            "update app.m2m_device_change set steps = '{{open_rev_service}}' where bulk_change_id = '{change}' and status = 'PENDING'"
        ),
    ] {
        app.database.plant(&sql).await?;
    }
    let applied = app.post("/bulk-changes", &json!({ "plan_id": change })).await?;
    ensure!(applied.status.is_success(), "{}", applied.json);

    let settings = OutsideSettings::default();
    let http = HttpSettings { total_timeout: settings.call_timeout, ..HttpSettings::default() };
    let accounts = Accounts::new(
        Some(Arc::clone(&app.keys)),
        HttpClient::new(http)?,
        #[expect(clippy::disallowed_methods, reason = "the bench runs on the machine's clock")]
        Clock::from_fn(jiff::Timestamp::now),
        vec!["127.0.0.1".to_owned()],
        RevIoSettings::default(),
    );
    Ok(Outside {
        ledger: app.ledger.clone(),
        accounts: Arc::new(accounts),
        settings,
        worker: "bench".to_owned(),
        witness: Arc::new(NoWitness),
    })
}

/// The belt with the work, as the service runs them.
pub(crate) fn work(
    app: &TestApp,
    outside: Outside,
    stop: CancellationToken,
) -> impl Future<Output = ()> + Send + use<> {
    let ledger = app.ledger.clone();
    let retry = Retry { tries: 3, first_wait: Duration::from_millis(10), lease: Duration::from_secs(60) };
    let stopping = stop.clone();
    queue::run(app.ledger.clone(), app.ids.clone(), BeltSettings::default(), stop, move |job| {
        let (ledger, outside, stop) = (ledger.clone(), outside.clone(), stopping.clone());
        async move {
            match job {
                Job::Chunk(claim) => {
                    settle(&ledger, &claim, "bench", retry, &mut StdRng::seed_from_u64(1)).await;
                }
                Job::Outside(claim) => {
                    carry_out(&outside, &claim, &stop).await;
                }
                Job::Due(_) => {}
            }
        }
    })
}
