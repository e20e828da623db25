//! SIMs read one by one at a carrier whose budget is the bound, because its lists of several cannot be read: how much of the configured
//! rate arrives there, counted by the simulator. Belt, work and ledger are those that are shipped.

use crate::gate::{BEFORE, MEASURED, work};
use crate::report::Report;
use crate::stopwatch;
use anyhow::{Context as _, Result, ensure};
use domain::clock::Clock;
use intake::PlannerSettings;
use integrations::billing::rev_io::RevIoSettings;
use integrations::carriers::CarrierKind;
use integrations::{HttpClient, HttpSettings};
use processing::outside::{Accounts, NoWitness, Outside, OutsideSettings};
use serde_json::json;
use simulators::thingspace::{IdKind, Record, State};
use simulators::{Fleet, Running, ThingSpaceProfile, World};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use testing::performance::{CARRIER_GATE, CARRIER_GATE_SHARE};
use testing::{TestApp, TestCluster, iccid};
use tokio_util::sync::CancellationToken;

const USER: &str = "uws@bench";
/// Calls in a minute that are configured.
const RATES: [u32; 2] = [100, 600];

pub(crate) async fn measure(cluster: &TestCluster, report: &mut Report) -> Result<()> {
    for per_minute in RATES {
        eprintln!("{per_minute} calls a minute at a carrier …");
        report.note_load()?;
        let arrived = at(cluster, per_minute).await?;
        report.add_row(CARRIER_GATE, per_minute, "calls/s", arrived, BTreeMap::new());
        let share = arrived * 6_000.0 / f64::from(per_minute);
        report.add_row(CARRIER_GATE_SHARE, per_minute, "%", share, BTreeMap::new());
    }
    Ok(())
}

/// Calls a second.
async fn at(cluster: &TestCluster, per_minute: u32) -> Result<f64> {
    let rows = per_minute * 3 / 2 + 100;
    let app = TestApp::start_in(cluster, rows, PlannerSettings::default()).await?;
    #[expect(clippy::disallowed_methods, reason = "the bench runs on the machine's clock")]
    let now = jiff::Timestamp::now;
    let world = World::new(7, Arc::new(now));
    let profile =
        ThingSpaceProfile::new("bench-key", "bench-secret", USER, "bench-password").with_example(1, 0, Vec::new());
    world.load(Fleet { thingspace: vec![profile], ..Fleet::default() })?;
    let account = world.thingspace(|state| {
        let profile = state.profile_mut(USER)?;
        let account = profile.accounts.first()?.name.clone();
        for place in 0..rows {
            let mut record = Record { account: account.clone(), state: State::Active, ..Record::default() };
            record.ids.insert(IdKind::Iccid, iccid(place));
            record.plan = Some("M2M1MB".to_owned());
            profile.devices.add(record, now());
        }
        Some(account)
    });
    // A request for several names how many a page may have; one for a single SIM does not.
    let of_several = CarrierKind::ThingSpace.capabilities().devices_per_page;
    let rule = json!({"provider": "thingspace", "path": "/devices/actions/list", "body": {"maxNumberOfDevices": of_several},
        "fault": {"kind": "garbage"}});
    world.faults(|faults| {
        faults.add(serde_json::from_value(rule).map_err(anyhow::Error::from)?).map_err(anyhow::Error::msg)
    })?;
    let running = Running::start(world.clone(), "127.0.0.1:0".parse()?).await?;
    let url = format!("{}/thingspace/api", running.url());
    let outside = ready(&app, per_minute, &url, &account.context("the example has no account")?).await?;

    let count = || world.ledger(|ledger| ledger.counts().iter().map(|of| of.calls).sum::<u64>());
    let stop = CancellationToken::new();
    let belt = tokio::spawn(work(&app, outside, stop.clone()));
    let mut tries = 0;
    while count() < 5 {
        tries += 1;
        ensure!(tries < 6_000, "no call arrives");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(BEFORE).await;
    let (before, elapsed) = (count(), stopwatch());
    tokio::time::sleep(MEASURED).await;
    let (after, seconds) = (count(), elapsed().as_secs_f64());
    let due = app.database.number("select count(*) from app.due_work where sweeps is null").await?;
    ensure!(due > 0, "the rows have run out");
    stop.cancel();
    belt.await?;
    running.stop().await;
    #[expect(clippy::cast_precision_loss, reason = "counts of a minute")]
    let arrived = (after - before) as f64 / seconds;
    Ok(arrived)
}

/// The account, its secrets, and a change whose rows ask for another carrier rate plan, applied.
async fn ready(app: &TestApp, per_minute: u32, url: &str, account: &str) -> Result<Outside> {
    let provider = app.fixture.provider;
    let plans = format!(
        "insert into app.carrier_rate_plan (tenant_id, id, service_provider_id, rate_plan_code, friendly_name)
         select tenant_id, gen_random_uuid(), id, 'M2M50MB', 'M2M 50 MB' from app.service_provider where id = '{provider}'"
    );
    let kept = format!(
        "insert into app.carrier_account (tenant_id, service_provider_id, base_url, account_name, calls_per_minute, calls_per_day)
         select tenant_id, id, '{url}', '{account}', {per_minute}, 10000000 from app.service_provider where id = '{provider}'"
    );
    for sql in [&plans, &kept] {
        app.database.plant(sql).await?;
    }
    let secrets = json!({"key": "bench-key", "secret": "bench-secret", "username": USER, "password": "bench-password"});
    let kept = app.post(&format!("/service-providers/{provider}/account/credentials"), &secrets).await?;
    ensure!(kept.status.is_success(), "{}", kept.json);
    let rows = app.database.number("select count(*) from app.m2m_device where iccid is not null").await?;
    let devices = (0..u32::try_from(rows)?).map(iccid).collect::<Vec<_>>();
    let wish = json!({"add_carrier_rate_plan": {"carrier_rate_plan": "M2M50MB"}});
    let plan = app.plan("Water", &wish, &devices).await?.json;
    let change = plan["id"].as_str().with_context(|| plan.to_string())?;
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
    )
    .with_carriers(vec!["127.0.0.1".to_owned()], app.ids.clone());
    Ok(Outside {
        ledger: app.ledger.clone(),
        accounts: Arc::new(accounts),
        settings,
        worker: "bench".to_owned(),
        witness: Arc::new(NoWitness),
    })
}
