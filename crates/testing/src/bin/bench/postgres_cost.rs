//! What a run costs PostgreSQL, whatever asked for it: CPU, WAL, growth of the tables, and the share of updates in place (HOT).

use anyhow::{Context as _, Result, ensure};
use database::Server;
use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, Executor as _};
use std::collections::BTreeMap;
use std::time::Duration;

/// The tables whose rows an assignment updates.
pub(crate) const UPDATED: [&str; 3] = ["m2m_device", "device_tenant", "m2m_device_change"];

/// CPU and WAL of the whole server since it started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spent {
    pub(crate) cpu_seconds: f64,
    pub(crate) wal_bytes: f64,
}

impl Spent {
    /// What was spent until now; asked as the superuser.
    pub(crate) async fn until_now(admin: &mut PgConnection) -> Result<Self> {
        let wal = "select (pg_current_wal_insert_lsn() - '0/0')::float8";
        let wal_bytes = sqlx::query_scalar(wal).fetch_one(&mut *admin).await?;
        let file: String = sqlx::query_scalar("select pg_read_file('postmaster.pid')").fetch_one(admin).await?;
        let postmaster = file.lines().next().context("postmaster.pid is empty")?.trim().parse()?;
        Ok(Self { cpu_seconds: cpu_of_tree(postmaster)?, wal_bytes })
    }

    /// What was spent since then.
    pub(crate) fn since(self, before: Self) -> Self {
        Self { cpu_seconds: self.cpu_seconds - before.cpu_seconds, wal_bytes: self.wal_bytes - before.wal_bytes }
    }
}

/// A process as `/proc/PID/stat` has it (proc(5)): its parent, its own time, and that of its children that are over.
struct Process {
    parent: i32,
    own: u64,
    waited_for: u64,
}

fn process(pid: i32) -> Option<Process> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name is in parentheses and may hold anything; the third field comes after the last of them.
    let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    Some(Process {
        parent: fields.get(1)?.parse().ok()?,
        own: number(14)? + number(15)?,
        waited_for: number(16)? + number(17)?,
    })
}

/// Backends that end between two looks would count twice or not at all: only what two looks agree on counts.
fn cpu_of_tree(postmaster: i32) -> Result<f64> {
    for _ in 0..50 {
        let children = children(postmaster)?;
        let of_children: u64 = children.iter().filter_map(|pid| process(*pid)).map(|child| child.own).sum();
        let own = process(postmaster).context("PostgreSQL is gone")?;
        if children == self::children(postmaster)? {
            // USER_HZ, which is 100 on every Linux.
            #[expect(clippy::cast_precision_loss, reason = "far below 2^53 ticks")]
            return Ok((own.own + own.waited_for + of_children) as f64 / 100.0);
        }
    }
    anyhow::bail!("PostgreSQL's processes come and go too fast to be counted")
}

fn children(of: i32) -> Result<Vec<i32>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").context("CPU is read from /proc, which is Linux")? {
        if let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok())
            && process(pid).is_some_and(|process| process.parent == of)
        {
            found.push(pid);
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// What our tables take, indexes and all.
pub(crate) async fn size(server: &Server) -> Result<f64> {
    let sql = "select sum(pg_total_relation_size(c.oid))::bigint from pg_class c
               where c.relnamespace = 'app'::regnamespace and c.relkind in ('r', 'm')";
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53 bytes")]
    Ok(testing::number(server, sql).await? as f64)
}

/// The share of updates in place, per table, in percent, since the database was made.
pub(crate) async fn hot_shares(database: &Server) -> Result<BTreeMap<&'static str, f64>> {
    let mut connection = database.connect().await?;
    wait_until_alone(&mut connection).await?;
    let mut shares = BTreeMap::new();
    for table in UPDATED {
        let sql = "select coalesce(100.0 * n_tup_hot_upd / nullif(n_tup_upd, 0), 0)::float8 from pg_stat_user_tables
                   where schemaname = 'app' and relname = $1";
        shares.insert(table, sqlx::query_scalar(sql).bind(table).fetch_one(&mut connection).await?);
    }
    connection.close().await?;
    Ok(shares)
}

/// A backend tells what it did when it ends; until then the counts are behind.
async fn wait_until_alone(connection: &mut PgConnection) -> Result<()> {
    let others = "select count(*) from pg_stat_activity
                  where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()";
    for _ in 0..200 {
        connection.execute("select pg_stat_clear_snapshot()").await?;
        if sqlx::query_scalar::<_, i64>(others).fetch_one(&mut *connection).await? == 0 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    ensure!(false, "somebody is still connected to the run's database");
    Ok(())
}
