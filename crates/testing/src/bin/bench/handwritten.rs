//! The SQL a good engineer writes by hand for the same rows, as the superuser (so without row level security), without locks,
//! versions, leases or a look at what may have moved: (a) and (b) one call per device, (c) 1,000 devices a transaction, (d) all
//! in one transaction. The peers' jobs run the same text.

use crate::prepared::Prepared;
use crate::stopwatch;
use anyhow::Result;
use database::Server;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use std::time::Duration;

/// Devices of a chunk, ours and everybody's.
pub(crate) const CHUNK: u32 = 1_000;

/// Assignment, device, history, log: tenant, change, first and last row.
const ROWS: [&str; 4] = [
    "update app.device_tenant dt set site_id = t.site_id, account_number = null, account_number_integration_authentication_id = null,
         modified_at = clock_timestamp()
     from app.m2m_device_change c join app.bulk_change_target t using (tenant_id, bulk_change_id, target_number)
     where c.tenant_id = $1 and c.bulk_change_id = $2 and c.row_number between $3 and $4 and c.status = 'PENDING'
       and dt.tenant_id = c.tenant_id and dt.device_id = c.device_id",
    "update app.m2m_device d set site_id = t.site_id
     from app.m2m_device_change c join app.bulk_change_target t using (tenant_id, bulk_change_id, target_number)
     where c.tenant_id = $1 and c.bulk_change_id = $2 and c.row_number between $3 and $4 and c.status = 'PENDING'
       and d.tenant_id = c.tenant_id and d.id = c.device_id",
    "insert into app.device_tenant_history (tenant_id, device_id, changed_at, bulk_change_id, row_number, version, site_id,
         account_number, account_number_integration_authentication_id, customer_rate_plan_id, customer_rate_pool_id,
         customer_data_allocation_mb)
     select dt.tenant_id, dt.device_id, clock_timestamp(), c.bulk_change_id, c.row_number, dt.version, dt.site_id, dt.account_number,
         dt.account_number_integration_authentication_id, dt.customer_rate_plan_id, dt.customer_rate_pool_id, dt.customer_data_allocation_mb
     from app.m2m_device_change c join app.device_tenant dt on dt.tenant_id = c.tenant_id and dt.device_id = c.device_id
     where c.tenant_id = $1 and c.bulk_change_id = $2 and c.row_number between $3 and $4 and c.status = 'PENDING'",
    "insert into app.m2m_device_bulk_change_log (tenant_id, bulk_change_id, row_number, attempt, step, status, created_at)
     select tenant_id, bulk_change_id, row_number, 1, 'record_assignment', 'PROCESSED', clock_timestamp() from app.m2m_device_change
     where tenant_id = $1 and bulk_change_id = $2 and row_number between $3 and $4 and status = 'PENDING'",
];

const MARK: &str =
    "update app.m2m_device_change set status = 'PROCESSED', attempts = attempts + 1, processed_date = clock_timestamp()
     where tenant_id = $1 and bulk_change_id = $2 and row_number between $3 and $4 and status = 'PENDING'";

const MARK_AND_COUNT: &str = "with ended as (
         update app.m2m_device_change set status = 'PROCESSED', attempts = attempts + 1, processed_date = clock_timestamp()
         where tenant_id = $1 and bulk_change_id = $2 and row_number between $3 and $4 and status = 'PENDING' returning 1)
     update app.bulk_change_counter set ok = ok + (select count(*) from ended), to_do = to_do - (select count(*) from ended)
     where tenant_id = $1 and bulk_change_id = $2";

const COUNT: &str = "update app.bulk_change_counter set ok = ok + $4::integer - $3::integer + 1, to_do = to_do - ($4::integer - $3::integer + 1)
     where tenant_id = $1 and bulk_change_id = $2";

const AUDIT: &str = "insert into app.audit_entry (tenant_id, at, actor, action, bulk_change_id, detail, digest)
     select $1, clock_timestamp(), 'bench', 'chunk_settled', $2, jsonb_build_object('first_row', $3::integer, 'last_row', $4::integer),
         sha256(convert_to(string_agg(row_number || ':' || device_id || ':' || status, ',' order by row_number), 'UTF8'))
     from app.m2m_device_change where tenant_id = $1 and bulk_change_id = $2 and row_number between $3 and $4";

const STATUS: &str = "update app.device_bulk_change set status = case when k.to_do = 0 then 'PROCESSED' else 'PROCESSING' end, started_at = clock_timestamp()
     from app.bulk_change_counter k
     where device_bulk_change.tenant_id = $1 and id = $2 and k.bulk_change_id = id and (k.to_do = 0 or status = 'PLANNED')
       and $3::integer <= $4::integer";

/// What a chunk takes, in one transaction.
pub(crate) fn of_chunk() -> Vec<&'static str> {
    ROWS.into_iter().chain([MARK_AND_COUNT, AUDIT, STATUS]).collect()
}

/// What a device takes.
pub(crate) const OF_DEVICE: [&str; 1] = ["select bench.one_call($1::uuid, $2::uuid, $3::integer, $4::integer)"];

/// What is left when each device was done by itself. One counter row, held by every commit, would let no two clients commit
/// together; whoever works device by device counts in the end, and is not handicapped here.
pub(crate) const AT_THE_END: [&str; 2] = [COUNT, STATUS];

/// Makes the function that is called per device: the same statements in one round trip, their plans kept by the session.
pub(crate) async fn make_function(server: &Server) -> Result<()> {
    let body: String = ROWS.into_iter().chain([MARK, AUDIT]).flat_map(|statement| [statement, ";\n"]).collect();
    let sql = format!(
        "create schema bench; create function bench.one_call(uuid, uuid, integer, integer) returns void language plpgsql as $f$
         begin {body} end $f$"
    );
    let mut connection = server.connect().await?;
    connection.execute(AssertSqlSafe(sql)).await?;
    Ok(connection.close().await?)
}

/// How the rows are cut, and over how many connections they are dealt out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    pub(crate) rows: u32,
    pub(crate) connections: u32,
}

/// All rows, from the first statement to the last commit.
pub(crate) async fn run(prepared: &Prepared, cut: Cut) -> Result<Duration> {
    let server = prepared.run_admin();
    let mut opened = Vec::new();
    for _ in 0..cut.connections {
        opened.push(server.connect().await?);
    }
    let mut last = server.connect().await?;
    let change = Change { keys: prepared.keys(), devices: prepared.devices };
    let elapsed = stopwatch();
    let mut tasks = tokio::task::JoinSet::new();
    for (number, connection) in (0..).zip(opened) {
        tasks.spawn(change.share(connection, cut, number));
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    if cut.rows == 1 {
        for statement in AT_THE_END {
            change.execute(&mut last, statement, 1, change.devices).await?;
        }
    }
    let took = elapsed();
    last.close().await?;
    Ok(took)
}

#[derive(Clone, Copy)]
struct Change {
    keys: (uuid::Uuid, uuid::Uuid),
    devices: u32,
}

impl Change {
    async fn share(self, mut connection: PgConnection, cut: Cut, number: u32) -> Result<()> {
        let statements = if cut.rows == 1 { OF_DEVICE.to_vec() } else { of_chunk() };
        let mut piece = number;
        while piece * cut.rows < self.devices {
            let (first, last) = (piece * cut.rows + 1, self.devices.min((piece + 1) * cut.rows));
            // One statement is a transaction by itself.
            if cut.rows > 1 {
                connection.execute("begin").await?;
            }
            for statement in &statements {
                self.execute(&mut connection, statement, first, last).await?;
            }
            if cut.rows > 1 {
                connection.execute("commit").await?;
            }
            piece += cut.connections;
        }
        Ok(connection.close().await?)
    }

    async fn execute(
        self,
        connection: &mut PgConnection,
        statement: &'static str,
        first: u32,
        last: u32,
    ) -> Result<()> {
        sqlx::query(statement)
            .bind(self.keys.0)
            .bind(self.keys.1)
            .bind(i32::try_from(first)?)
            .bind(i32::try_from(last)?)
            .execute(connection)
            .await?;
        Ok(())
    }
}
