//! Intake: a CSV file until its plan is there, against COPY into the same table, interleaved, each on a fresh copy of a fleet.

use crate::postgres_cost::Spent;
use crate::prepared::{Fleet, Prepared, RUN, fresh, shuffled, write_csv};
use crate::report::Report;
use crate::service::{Database, Service};
use crate::stopwatch;
use anyhow::{Context as _, Result, ensure};
use futures_util::TryStreamExt as _;
use serde_json::Value;
use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, Executor as _};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;
use testing::performance::{INTAKE, INTAKE_COPY};

/// The way from ICCIDs to rows that somebody would write who believes every line of the file.
const FILL_BY_HAND: &str =
    "insert into app.m2m_device_change (tenant_id, bulk_change_id, row_number, device_id, iccid, status, target_number,
        device_version, device_tenant_version, before_site_id)
    select $1, $2, g.row_number, d.id, d.iccid, 'PENDING', 1, d.version, dt.version, dt.site_id
    from pg_temp.given g
    join app.m2m_device d on d.tenant_id = $1 and d.iccid = g.iccid
    join app.device_tenant dt on dt.tenant_id = $1 and dt.device_id = d.id";

/// A megabyte at a time, as psql and everybody's drivers would not do worse.
const BLOCK: usize = 1 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// The service, over HTTP, from the upload to PLANNED.
    Product,
    /// The rows as they were planned, copied into the table.
    Copy,
    /// The ICCIDs copied, joined to devices and assignments, and inserted.
    ByHand,
}

const WAYS: [Way; 3] = [Way::Product, Way::Copy, Way::ByHand];

impl Way {
    const fn name(self) -> &'static str {
        match self {
            Self::Product => INTAKE,
            Self::Copy => INTAKE_COPY,
            Self::ByHand => "intake, hand-written: COPY of ICCIDs, INSERT of what they join to",
        }
    }
}

/// What comes in.
struct Arriving<'a> {
    fleet: &'a Fleet,
    prepared: &'a Prepared,
    folder: tempfile::TempDir,
    csv: PathBuf,
    /// The rows as they were planned, as COPY gave them.
    rows: Vec<u8>,
    /// Row numbers and ICCIDs, as COPY takes them.
    given: String,
}

/// All ways, this many rounds.
pub(crate) async fn measure(fleet: &Fleet, prepared: &Prepared, rounds: usize, report: &mut Report) -> Result<()> {
    let folder = tempfile::Builder::new().prefix("ascribe-intake.").tempdir()?;
    let csv = folder.path().join("devices.csv");
    write_csv(&csv, 0..fleet.devices)?;
    let mut given = String::new();
    for (number, iccid) in (1..=fleet.devices).zip(shuffled(0..fleet.devices)) {
        writeln!(given, "{number}\t{iccid}")?;
    }
    let arriving = Arriving { fleet, prepared, folder, csv, rows: planned_rows(prepared).await?, given };
    WAYS.iter().for_each(|way| report.expect(way.name(), fleet.devices, "rows/s"));
    for round in 0..rounds {
        for turn in 0..WAYS.len() {
            let way = WAYS[(turn + round) % WAYS.len()];
            report.note_load()?;
            let (took, spent) = arriving.one(way).await?;
            let (n, name, rows) = (fleet.devices, way.name(), f64::from(fleet.devices));
            let rate = rows / took.as_secs_f64();
            eprintln!("round {} {n:>7} {name:<60} {rate:>8.0} rows/s", round + 1);
            report.add(name, n, "rows/s", rate);
            report.add(&format!("{name}, PostgreSQL CPU"), n, "us/row", spent.cpu_seconds * 1e6 / rows);
            report.add(&format!("{name}, WAL"), n, "B/row", spent.wal_bytes / rows);
        }
    }
    Ok(())
}

async fn planned_rows(prepared: &Prepared) -> Result<Vec<u8>> {
    let mut connection = prepared.admin.database(&prepared.database).connect().await?;
    // A table that was only appended to is in order; of a table COPY leaves out what is generated, of a query it would not.
    let blocks = connection.copy_out_raw("copy app.m2m_device_change to stdout").await?;
    let rows = blocks.try_fold(Vec::new(), |mut all, block| async move {
        all.extend_from_slice(&block);
        Ok(all)
    });
    let rows = rows.await?;
    connection.close().await?;
    Ok(rows)
}

async fn copy_in(connection: &mut PgConnection, statement: &str, bytes: &[u8]) -> Result<u64> {
    let mut copy = connection.copy_in_raw(statement).await?;
    for block in bytes.chunks(BLOCK) {
        copy.send(block).await?;
    }
    Ok(copy.finish().await?)
}

impl Arriving<'_> {
    async fn one(&self, way: Way) -> Result<(Duration, Spent)> {
        fresh(&self.fleet.admin, &self.fleet.database).await?;
        let run = self.fleet.admin.database(RUN);
        let (mut admin, mut connection) = (self.fleet.admin.connect().await?, run.connect().await?);
        let service = match way {
            Way::Product => Some(self.service(&mut connection).await?),
            _ => None,
        };
        admin.execute("checkpoint").await?;
        let before = Spent::until_now(&mut admin).await?;
        let elapsed = stopwatch();
        match (way, &service) {
            (Way::Product, Some(service)) => {
                service.plan_file(&self.csv, self.fleet.devices, Value::Null).await?;
            }
            (Way::Copy, _) => {
                copy_in(&mut connection, "copy app.m2m_device_change from stdin", &self.rows).await?;
            }
            _ => self.by_hand(&mut connection).await?,
        }
        let took = elapsed();
        let spent = Spent::until_now(&mut admin).await?.since(before);
        drop(service);
        let pending = "select count(*) from app.m2m_device_change where status = 'PENDING'";
        let found: i64 = sqlx::query_scalar(pending).fetch_one(&mut connection).await?;
        ensure!(found == i64::from(self.fleet.devices), "{way:?}: {found} rows");
        connection.close().await?;
        admin.close().await?;
        Ok((took, spent))
    }

    async fn service(&self, connection: &mut PgConnection) -> Result<Service> {
        let sql =
            "select current_setting('unix_socket_directories'), current_setting('port')::integer, current_user::text";
        let (host, port, user): (String, i32, String) = sqlx::query_as(sql).fetch_one(connection).await?;
        let url = format!("postgres://{user}@localhost/{RUN}?host={host}&port={port}");
        let service = Service::start(&self.folder.path().join("data"), Database::At(&url)).await.context(url)?;
        Ok(service.with_key(self.fleet.fixture.key.reveal()))
    }

    async fn by_hand(&self, connection: &mut PgConnection) -> Result<()> {
        connection.execute("begin; create temporary table given (row_number integer, iccid text)").await?;
        copy_in(connection, "copy pg_temp.given from stdin", self.given.as_bytes()).await?;
        connection.execute("analyze pg_temp.given").await?;
        let (tenant, change) = self.prepared.keys();
        sqlx::query(FILL_BY_HAND).bind(tenant).bind(change).execute(&mut *connection).await?;
        connection.execute("commit").await?;
        Ok(())
    }
}
