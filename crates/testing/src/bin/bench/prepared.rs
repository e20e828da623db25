//! Databases that every run gets a fresh copy of: a fleet, and the same fleet with a change that is planned and not applied.

use crate::handwritten;
use anyhow::{Context as _, Result};
use database::Server;
use database::api_key::Caller;
use domain::clock::Clock;
use domain::ids::{BulkChangeId, Ids};
use domain::input_field::InputField;
use intake::{Input, ListedDevice, Planner, PlannerSettings, Spool};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use std::io::Write as _;
use std::path::Path;
use testing::{Fixture, TestCluster, iccid};

/// The copy that a run works on.
pub(crate) const RUN: &str = "bench_run";

/// A fleet of this many devices, none of them assigned.
pub(crate) struct Fleet {
    pub(crate) admin: Server,
    login: Server,
    pub(crate) devices: u32,
    pub(crate) fixture: Fixture,
    pub(crate) ids: Ids,
    pub(crate) database: String,
}

/// A planned change of all devices of a fleet.
pub(crate) struct Prepared {
    pub(crate) admin: Server,
    login: Server,
    pub(crate) devices: u32,
    pub(crate) caller: Caller,
    pub(crate) change: BulkChangeId,
    pub(crate) database: String,
}

/// What is asked for, everywhere.
pub(crate) fn request() -> Value {
    json!({ "change_type": "CustomerAssignment", "service_provider": "Verizon", "customer": "Water" })
}

/// ICCIDs of places, in an order that has nothing to do with where the rows are, as a customer's list has.
pub(crate) fn shuffled(places: std::ops::Range<u32>) -> impl Iterator<Item = String> {
    let mut places: Vec<u32> = places.collect();
    places.sort_by_key(|place| place.wrapping_mul(2_654_435_761));
    places.into_iter().map(iccid)
}

/// The same as a CSV file.
pub(crate) fn write_csv(path: &Path, places: std::ops::Range<u32>) -> Result<()> {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    writeln!(file, "ICCID")?;
    shuffled(places).try_for_each(|iccid| writeln!(file, "{iccid}"))?;
    Ok(file.flush()?)
}

async fn copy(admin: &Server, template: &str, name: &str) -> Result<()> {
    let mut connection = admin.connect().await?;
    connection.execute(AssertSqlSafe(format!("drop database if exists {name} with (force)"))).await?;
    connection.execute(AssertSqlSafe(format!("create database {name} template {template}"))).await?;
    Ok(connection.close().await?)
}

async fn vacuum(database: &Server) -> Result<()> {
    let mut connection = database.connect().await?;
    connection.execute("vacuum analyze").await?;
    Ok(connection.close().await?)
}

/// A fresh copy for a run. What the product sets for its own connections is set for everybody's.
pub(crate) async fn fresh(admin: &Server, template: &str) -> Result<()> {
    copy(admin, template, RUN).await?;
    let mut connection = admin.connect().await?;
    connection
        .execute("alter database bench_run set jit = off; alter database bench_run set random_page_cost = 1.1")
        .await?;
    Ok(connection.close().await?)
}

impl Fleet {
    pub(crate) async fn make(cluster: &TestCluster, devices: u32) -> Result<Self> {
        let (admin, database) = (cluster.admin(), format!("bench_fleet_{devices}"));
        copy(&admin, cluster.template().database_name(), &database).await?;
        let login = cluster.template();
        #[expect(clippy::disallowed_methods, reason = "the bench runs on the machine's clock")]
        let ids = Ids::new(Clock::from_fn(jiff::Timestamp::now), [3; 32]);
        let fixture = Fixture::make(&login.database(&database), &ids, devices).await?;
        vacuum(&admin.database(&database)).await?;
        Ok(Self { admin, login, devices, fixture, ids, database })
    }

    /// The same with a planned change.
    pub(crate) async fn plan(&self) -> Result<Prepared> {
        let database = format!("bench_planned_{}", self.devices);
        copy(&self.admin, &self.database, &database).await?;
        let ledger = database::Ledger::new(self.login.database(&database));
        let devices: Vec<ListedDevice> = shuffled(0..self.devices)
            .map(|device| ListedDevice { device, named_by: InputField::Device, overrides: Vec::new() })
            .collect();
        let folder = tempfile::tempdir()?;
        let spool = Spool::open(folder.path().to_owned(), 1 << 30).await?;
        let spooled = spool.list(self.ids.next(), &devices).await?;
        let caller = Caller {
            tenant: self.fixture.tenant,
            api_key: self.fixture.key_id,
            person: None,
            behind: None,
            confined: false,
            m2m: true,
            mobility: true,
        };
        let asked = domain::associate_customer::AssociateCustomer::read(request()).context("the request is refused")?;
        let planner = Planner::new(ledger.clone(), self.ids.clone(), PlannerSettings::default(), spool);
        let planning = planner.begin(caller, asked, Input { spooled, name: None }).await?;
        let change = planning.id();
        planning.run().await?;
        ledger.close().await;
        let planned = self.admin.database(&database);
        handwritten::make_function(&planned).await?;
        vacuum(&planned).await?;
        let (admin, login) = (self.admin.clone(), self.login.clone());
        Ok(Prepared { admin, login, devices: self.devices, caller, change, database })
    }
}

impl Prepared {
    /// The run's copy, as the superuser.
    pub(crate) fn run_admin(&self) -> Server {
        self.admin.database(RUN)
    }

    /// The run's copy, for our roles.
    pub(crate) fn run_login(&self) -> Server {
        self.login.database(RUN)
    }

    /// Tenant and change.
    pub(crate) const fn keys(&self) -> (uuid::Uuid, uuid::Uuid) {
        (self.caller.tenant.0, self.change.0)
    }
}
