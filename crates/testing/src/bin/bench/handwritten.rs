//! (c): the SQL a good engineer writes by hand for the same rows: set-based, 1,000 devices a transaction, prepared, as the
//! superuser (so without row level security), without locks, versions, leases or a look at what may have moved.

use crate::{DEVICES, Prepared, stopwatch};
use anyhow::Result;
use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, Executor as _};
use std::time::Duration;
use uuid::Uuid;

const CHUNK: i32 = 1_000;

const STATEMENTS: [&str; 7] = [
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
    "with ended as (
         update app.m2m_device_change set status = 'PROCESSED', attempts = attempts + 1, processed_date = clock_timestamp()
         where tenant_id = $1 and bulk_change_id = $2 and row_number between $3 and $4 and status = 'PENDING' returning 1)
     update app.bulk_change_counter set ok = ok + (select count(*) from ended), to_do = to_do - (select count(*) from ended)
     where tenant_id = $1 and bulk_change_id = $2",
    "insert into app.audit_entry (tenant_id, at, actor, action, bulk_change_id, detail, digest)
     select $1, clock_timestamp(), 'bench', 'chunk_settled', $2, jsonb_build_object('first_row', $3::integer, 'last_row', $4::integer),
         sha256(convert_to(string_agg(row_number || ':' || device_id || ':' || status, ',' order by row_number), 'UTF8'))
     from app.m2m_device_change where tenant_id = $1 and bulk_change_id = $2 and row_number between $3 and $4",
    "update app.device_bulk_change set status = case when k.to_do = 0 then 'PROCESSED' else 'PROCESSING' end, started_at = clock_timestamp()
     from app.bulk_change_counter k
     where device_bulk_change.tenant_id = $1 and id = $2 and k.bulk_change_id = id and (k.to_do = 0 or status = 'PLANNED')
       and $3::integer <= $4::integer",
];

/// All chunks, over this many connections.
pub(crate) async fn run(prepared: &Prepared, connections: i32) -> Result<Duration> {
    let server = prepared.admin.database("bench_run");
    let mut opened = Vec::new();
    for _ in 0..connections {
        opened.push(server.connect().await?);
    }
    let (tenant, change) = (prepared.caller.tenant.0, prepared.change.0);
    let elapsed = stopwatch();
    let mut tasks = tokio::task::JoinSet::new();
    for (number, connection) in opened.into_iter().enumerate() {
        let first = i32::try_from(number)?;
        tasks.spawn(chunks(connection, tenant, change, first, connections));
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(elapsed())
}

async fn chunks(mut connection: PgConnection, tenant: Uuid, change: Uuid, first: i32, step: i32) -> Result<()> {
    let (mut chunk, all) = (first, i32::try_from(DEVICES.div_ceil(CHUNK.unsigned_abs()))?);
    while chunk < all {
        connection.execute("begin").await?;
        for statement in STATEMENTS {
            sqlx::query(statement)
                .bind(tenant)
                .bind(change)
                .bind(chunk * CHUNK + 1)
                .bind((chunk + 1) * CHUNK)
                .execute(&mut connection)
                .await?;
        }
        connection.execute("commit").await?;
        chunk += step;
    }
    Ok(connection.close().await?)
}
