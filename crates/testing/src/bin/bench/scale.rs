//! Changes of ten thousand up to a million rows, through the program as it is shipped: time, PostgreSQL's CPU, WAL, growth and
//! memory of the service, and how long ten devices wait behind a large change; then pages of lists on the same fleet.

use crate::lists;
use crate::postgres_cost::{Spent, size};
use crate::prepared::write_csv;
use crate::report::Report;
use crate::service::{Database, Service};
use crate::stopwatch;
use anyhow::{Context as _, Result, ensure};
use database::Server;
use database::embedded::{Embedded, Settings};
use database::fleet::{Fleet, NewDevice};
use database::fleet_people::FirstPassword;
use database::person::NewPerson;
use domain::clock::Clock;
use domain::email::Email;
use domain::ids::{ApiKeyId, DeviceId, Ids, PersonId, TenantId};
use domain::rights::Role;
use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use testing::{Browser, Fixture, PASSWORD, iccid};

/// Places of the fleet that no other device of the fixture has.
const FIRST_PLACE: u32 = 2_000_000;
/// Devices of the change that waits behind a large one.
const FEW: u32 = 10;
/// A smaller change is over before anybody could wait behind it.
const LARGE: u32 = 100_000;

/// The service with its own database and a fleet in it.
pub(crate) struct World {
    pub(crate) service: Service,
    pub(crate) server: Server,
    pub(crate) admin: Server,
    pub(crate) folder: tempfile::TempDir,
    /// Somebody who is signed in and runs the tenant.
    pub(crate) browser: Browser,
}

/// What planning or settling took, all rows together.
struct Took {
    seconds: f64,
    spent: Spent,
    growth: f64,
    peak_mib: f64,
}

/// Runs each size after the other, on a fleet that holds them all; then the lists, beside changes of the largest one's devices.
pub(crate) async fn measure(sizes: &[u32], report: &mut Report) -> Result<()> {
    let world = start(sizes).await?;
    let (mut place, mut figures): (u32, Vec<(u32, Vec<Figure>)>) = (FIRST_PLACE, Vec::new());
    for rows in sizes {
        eprintln!("{rows} rows …");
        report.note_load()?;
        figures.push((*rows, one(&world, place, *rows).await?));
        place += rows + FEW;
    }
    let Some((first_rows, first)) = figures.first() else { return Ok(()) };
    for (rows, of_size) in &figures {
        for (name, unit, value) in of_size {
            let of_first = first.iter().find(|(of_first, ..)| of_first == name).map(|(.., value)| value.max(1e-9));
            let ratio = of_first.map(|of_first| (format!("{name} at {first_rows}"), value / of_first));
            report.add_row(name, *rows, unit, *value, ratio.into_iter().collect::<BTreeMap<String, f64>>());
        }
    }
    if let Some(largest) = sizes.last() {
        lists::measure(&world, place - largest - FEW, *largest, report).await?;
    }
    ensure!(database::proof::broken_invariants(&world.server).await?.is_empty(), "an invariant does not hold");
    Ok(())
}

async fn start(sizes: &[u32]) -> Result<World> {
    let folder = tempfile::Builder::new().prefix("ascribe-scale.").tempdir()?;
    // The server's user has to get through.
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
    let data = folder.path().join("data");
    let service = Service::start(&data, Database::Embedded).await?;
    let binaries = std::env::var_os("ASCRIBE_PG_BIN").map(PathBuf::from);
    let embedded = Embedded::start(&Settings { data, binaries, fsync: true })?;
    let (server, admin) = (embedded.server(), embedded.admin());
    #[expect(clippy::disallowed_methods, reason = "the bench runs on the machine's clock")]
    let ids = Ids::new(Clock::from_fn(jiff::Timestamp::now), [5; 32]);
    let fixture = Fixture::make(&server, &ids, 0).await?;
    let mut fleet = Fleet::open(&server).await?;
    let wanted: u32 = sizes.iter().map(|rows| rows + FEW).sum();
    eprintln!("a fleet of {wanted} devices …");
    let places: Vec<u32> = (FIRST_PLACE..FIRST_PLACE + wanted).collect();
    for some in places.chunks(20_000) {
        let devices: Vec<NewDevice> = some
            .iter()
            .map(|place| NewDevice {
                id: DeviceId(ids.next()),
                iccid: iccid(*place),
                msisdn: None,
                status: "active".into(),
                archived: false,
                site: fixture.unassigned,
            })
            .collect();
        fleet.create_devices(fixture.tenant, fixture.provider, &devices).await?;
    }
    fleet.analyze().await?;
    let browser = signed_in(&service, &mut fleet, &ids, fixture.tenant).await?;
    Ok(World { service: service.with_key(fixture.key.reveal()), server, admin, folder, browser })
}

async fn signed_in(service: &Service, fleet: &mut Fleet, ids: &Ids, tenant: TenantId) -> Result<Browser> {
    let email = Email::read("ops@example.com").context("no address")?;
    let phc = domain::password::hash(PASSWORD, ids)?;
    let person = NewPerson {
        id: PersonId(ids.next()),
        role_id: ApiKeyId(ids.next()),
        email: &email,
        name: "Operations",
        role: Role::PartnerAdmin,
        sites: None,
        site_groups: &[],
    };
    fleet.create_person(tenant, &person, FirstPassword::Phc(&phc)).await?;
    let mut browser = Browser::from(service.url(), [127, 0, 0, 1])?;
    let seen = browser.sign_in("ops@example.com", PASSWORD).await?;
    ensure!(seen.status.is_redirection(), "nobody is let in: {}", seen.html);
    Ok(browser)
}

impl World {
    /// As before every other run: else the first images of pages count here for some sizes and there for others.
    async fn checkpoint(&self) -> Result<()> {
        let mut connection = self.admin.connect().await?;
        connection.execute("checkpoint").await?;
        Ok(connection.close().await?)
    }

    async fn spent(&self) -> Result<Spent> {
        let mut connection = self.admin.connect().await?;
        let spent = Spent::until_now(&mut connection).await?;
        connection.close().await?;
        Ok(spent)
    }

    pub(crate) fn csv(&self, places: std::ops::Range<u32>) -> Result<PathBuf> {
        let path = self.folder.path().join("devices.csv");
        write_csv(&path, places)?;
        Ok(path)
    }

    async fn plan(&self, csv: &Path, rows: u32) -> Result<(String, Took)> {
        self.checkpoint().await?;
        self.service.peak_mib()?;
        let (before, size_before, elapsed) = (self.spent().await?, size(&self.server).await?, stopwatch());
        let id = self.service.plan_file(csv, rows, Value::Null).await?;
        let seconds = elapsed().as_secs_f64();
        Ok((id, self.took(seconds, before, size_before).await?))
    }

    async fn took(&self, seconds: f64, before: Spent, size_before: f64) -> Result<Took> {
        Ok(Took {
            seconds,
            spent: self.spent().await?.since(before),
            growth: size(&self.server).await? - size_before,
            peak_mib: self.service.peak_mib()?,
        })
    }
}

/// Name, unit, value.
type Figure = (&'static str, &'static str, f64);

async fn one(world: &World, first: u32, rows: u32) -> Result<Vec<Figure>> {
    let service = &world.service;
    let (id, plan) = world.plan(&world.csv(first..first + rows)?, rows).await?;
    world.checkpoint().await?;
    let (before, size_before, elapsed) = (world.spent().await?, size(&world.server).await?, stopwatch());
    service.apply(&id).await?;
    let waited = if rows >= LARGE { Some(few(service, &id, first + rows).await?) } else { None };
    while !service.is_finished(&id).await? {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let settle = world.took(elapsed().as_secs_f64(), before, size_before).await?;
    let change = service.get(&format!("/bulk-changes/{id}")).await?;
    ensure!(change["counts"]["ok"] == rows, "{change}");
    let each = |value: f64| value / f64::from(rows);
    let mut figures = vec![
        ("plan", "us/row", each(plan.seconds * 1e6)),
        ("settle", "us/device", each(settle.seconds * 1e6)),
        ("plan, PostgreSQL CPU", "us/row", each(plan.spent.cpu_seconds * 1e6)),
        ("settle, PostgreSQL CPU", "us/device", each(settle.spent.cpu_seconds * 1e6)),
        ("plan, WAL", "B/row", each(plan.spent.wal_bytes)),
        ("settle, WAL", "B/device", each(settle.spent.wal_bytes)),
        ("plan, growth", "B/row", each(plan.growth)),
        ("settle, growth", "B/device", each(settle.growth)),
        ("plan, peak memory of the service", "MiB", plan.peak_mib),
        ("settle, peak memory of the service", "MiB", settle.peak_mib),
    ];
    figures.extend(waited.map(|waited| ("ten devices applied in the middle are done after", "s", waited)));
    Ok(figures)
}

/// Applies a change of ten devices while the large one runs. Answers how long they waited, planned before that.
async fn few(service: &Service, large: &str, first: u32) -> Result<f64> {
    let devices: Vec<String> = (first..first + FEW).map(iccid).collect();
    let request = json!({"change_type": "CustomerAssignment", "service_provider": "Verizon", "customer": "Cold", "devices": devices});
    let mut plan = service.post("/plans", &request).await?;
    let id = plan["id"].as_str().with_context(|| plan.to_string())?.to_owned();
    while plan["status"] == "PLANNING" {
        tokio::time::sleep(Duration::from_millis(20)).await;
        plan = service.get(&format!("/plans/{id}")).await?;
    }
    let elapsed = stopwatch();
    service.apply(&id).await?;
    while !service.is_finished(&id).await? {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let waited = elapsed().as_secs_f64();
    ensure!(!service.is_finished(large).await?, "the large change was over before the few had begun");
    Ok(waited)
}
