//! The rows of an input on their way to being a plan: copied into temporary tables, matched set-wise, read page by page.
//! COPY does not work on tables under row level security, hence the temporary ones; they live on one connection.

use crate::copy_lines::{COLUMNS, CopyLines};
use crate::ledger::set_tenant;
use crate::plan::Making;
use crate::service_provider::ServiceProvider;
use crate::staged_row::JudgedRow;
use crate::{DatabaseError, Ledger, Result};
use domain::ids::{BulkChangeId, ServiceProviderId, TenantId};
use sqlx::pool::PoolConnection;
use sqlx::{Acquire, AssertSqlSafe, Executor, PgConnection, Postgres};
use tokio::sync::mpsc::Receiver;
use uuid::Uuid;

/// One connection with the staged rows of one input. Dropping it without [`Stage::close`] drops the connection too.
#[derive(Debug)]
pub struct Stage {
    connection: Option<PoolConnection<Postgres>>,
    tenant: TenantId,
    making: Making,
}

const DROP: &str = "drop table if exists pg_temp.staged_row, pg_temp.staged_match, pg_temp.staged_duplicate, pg_temp.staged_place, pg_temp.staged_record";

impl Stage {
    /// A connection with empty staging tables, for the plan that is being made.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn open(ledger: &Ledger, tenant: TenantId, making: Making) -> Result<Self> {
        let mut connection = ledger.web.acquire().await?;
        connection.execute(DROP).await?;
        connection
            .execute(
                "create temporary table staged_row (row_number integer not null, input text not null, identifier text,
                     is_number boolean not null default false, other_form text, reason text, detail text, provider uuid, overrides text, imei text, record text);
                 create temporary table staged_match (row_number integer not null, identifier text not null, device_id uuid,
                     matches integer not null, provider uuid);
                 create temporary table staged_duplicate (row_number integer not null, first_row integer not null)",
            )
            .await?;
        Ok(Self { connection: Some(connection), tenant, making })
    }

    pub(crate) const fn tenant(&self) -> TenantId {
        self.tenant
    }

    pub(crate) fn epoch_of(&self, change: BulkChangeId) -> i32 {
        self.making.epoch_of(change)
    }

    pub(crate) fn connection(&mut self) -> Result<&mut PgConnection> {
        match &mut self.connection {
            Some(connection) => Ok(connection),
            None => Err(DatabaseError::Outage(sqlx::Error::PoolClosed)),
        }
    }

    /// Copies rows in as they come, until the channel ends. Answers how many.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn copy(&mut self, lines: Receiver<CopyLines>) -> Result<u64> {
        self.copy_into(&format!("copy pg_temp.staged_row ({COLUMNS}) from stdin"), lines).await
    }

    async fn copy_into(&mut self, statement: &str, mut lines: Receiver<CopyLines>) -> Result<u64> {
        let mut copy = self.connection()?.copy_in_raw(statement).await?;
        while let Some(block) = lines.recv().await {
            if let Err(error) = copy.send(block.0.as_bytes()).await {
                // The server's own word on why is better than "connection closed".
                return Err(copy.finish().await.err().unwrap_or(error).into());
            }
        }
        Ok(copy.finish().await?)
    }

    /// Stages the rows of a finished change that were not done, under the numbers they had there, each asking for what it
    /// asked for then. One statement.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn copy_unfinished(&mut self, of: BulkChangeId) -> Result<u64> {
        let tenant = self.tenant;
        let mut transaction = self.connection()?.begin().await?;
        set_tenant(&mut transaction, tenant).await?;
        let copied = sqlx::query(
            "insert into pg_temp.staged_row (row_number, input, identifier, imei, overrides)
             select c.row_number, coalesce(c.input, c.iccid), c.iccid, c.imei, jsonb_strip_nulls(jsonb_build_object(
                 'customer', coalesce(t.rev_customer_id, s.customer_id), 'site', t.site_id, 'customer_rate_plan', t.customer_rate_plan_id,
                 'customer_rate_pool', t.customer_rate_pool_id, 'customer_data_allocation_mb', t.customer_data_allocation_mb::text,
                 'effective_date', t.effective_date::text, 'package', t.rev_package_id::text, 'products', array_to_string(t.rev_product_ids, ';'),
                 'rates', array_to_string(t.rates, ';'), 'service_type', t.rev_service_type_id::text, 'rev_provider', t.rev_provider_id::text,
                 'usage_plan_group', t.rev_usage_plan_group_id::text, 'service_id', v.rev_service_id::text,
                 'carrier_rate_plan', t.carrier_rate_plan_id, 'communication_plan', t.communication_plan,
                 'activation_carrier_rate_plan', t.activation_carrier_rate_plan_id, 'zip_code', t.activation ->> 'zip_code',
                 'sku', t.activation ->> 'sku', 'static_ip_pool', t.static_ip_pool))::text
             from app.m2m_device_change c
             join app.bulk_change_target t on t.tenant_id = c.tenant_id and t.bulk_change_id = c.bulk_change_id and t.target_number = c.target_number
             join app.seat s on s.tenant_id = c.tenant_id and s.site_id = t.site_id
             left join app.rev_service v on v.tenant_id = c.tenant_id and v.id = t.existing_rev_service_id
             where c.tenant_id = $1 and c.bulk_change_id = $2 and c.status in ('FAILED', 'SKIPPED', 'CANCELLED')",
        )
        .bind(tenant.0)
        .bind(of.0)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(copied.rows_affected())
    }

    /// The parts of a change's input after this row: its records, each led by its row number. One statement a part.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn records_after(&mut self, of: BulkChangeId, after: i32) -> Result<Option<(i32, String)>> {
        let tenant = self.tenant;
        let mut transaction = self.connection()?.begin().await?;
        set_tenant(&mut transaction, tenant).await?;
        let part = crate::input_record::next_part(&mut transaction, tenant, of.0, after).await?;
        transaction.commit().await?;
        Ok(part)
    }

    /// Gives staged rows the records that they had in an earlier input.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn add_records(&mut self, records: &[(i32, String)]) -> Result<()> {
        let (send, receive) = tokio::sync::mpsc::channel(1);
        let mut lines = CopyLines::default();
        records.iter().for_each(|(row, record)| lines.push_record(*row, record));
        // The channel takes one block before anybody listens.
        drop(send.try_send(lines));
        drop(send);
        self.connection()?
            .execute("create temporary table if not exists staged_record (row_number integer not null, record text not null); truncate pg_temp.staged_record")
            .await?;
        self.copy_into("copy pg_temp.staged_record (row_number, record) from stdin", receive).await?;
        let update = "update pg_temp.staged_row s set record = r.record from pg_temp.staged_record r where r.row_number = s.row_number";
        self.connection()?.execute(update).await?;
        Ok(())
    }

    /// Finds each row's device and each row's earlier twin, in a handful of statements whatever the number of rows.
    ///
    /// An exact stored ICCID wins; only where there is none is the other form of the same number tried. Rows are twins when
    /// they name the same device, in whatever form, or the same unknown ICCID. A row that names no service provider is
    /// looked for at all of these.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn match_devices(&mut self, providers: &[ServiceProvider]) -> Result<()> {
        let tenant = self.tenant;
        let mut transaction = self.connection()?.begin().await?;
        set_tenant(&mut transaction, tenant).await?;
        transaction
            .execute("create unique index on pg_temp.staged_row (row_number); analyze pg_temp.staged_row")
            .await?;
        if let [only] = providers {
            match_iccids_at_one(&mut transaction, only).await?;
        } else {
            match_at_many(&mut transaction, providers, false).await?;
        }
        match_at_many(&mut transaction, providers, true).await?;
        // An unknown number at two service providers is two numbers.
        let twins = if providers.len() == 1 {
            "select row_number, min(row_number) over (partition by coalesce(device_id::text, identifier)) as first_row from pg_temp.staged_match"
        } else {
            "select m.row_number, min(m.row_number) over (partition by coalesce(m.device_id::text, m.identifier || ' ' || coalesce(s.provider::text, '')))
                 as first_row
             from pg_temp.staged_match m join pg_temp.staged_row s on s.row_number = m.row_number"
        };
        let duplicates = format!(
            "insert into pg_temp.staged_duplicate (row_number, first_row)
             select row_number, first_row from ({twins}) as twins where first_row <> row_number"
        );
        sqlx::query(AssertSqlSafe(duplicates)).execute(&mut *transaction).await?;
        transaction
            .execute(
                "create unique index on pg_temp.staged_match (row_number);
                 create unique index on pg_temp.staged_duplicate (row_number);
                 analyze pg_temp.staged_match, pg_temp.staged_duplicate",
            )
            .await?;
        Ok(transaction.commit().await?)
    }

    /// Sorts the staged rows by service provider: the one that has the SIM, else the one the row names. Rows that have none go
    /// with the first. Answers the service providers in the order in which the input first has them.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn sort_by_provider(&mut self) -> Result<Vec<ServiceProviderId>> {
        let connection = self.connection()?;
        connection
            .execute(
                "create temporary table staged_place as
                     select coalesce(m.provider, s.provider) as provider, s.row_number
                     from pg_temp.staged_row s left join pg_temp.staged_match m on m.row_number = s.row_number;
                 update pg_temp.staged_place set provider = (
                     select provider from pg_temp.staged_place where provider is not null order by row_number limit 1)
                 where provider is null;
                 create index on pg_temp.staged_place (provider, row_number);
                 analyze pg_temp.staged_place",
            )
            .await?;
        let found: Vec<Uuid> = sqlx::query_scalar(
            "select provider from pg_temp.staged_place where provider is not null group by provider order by min(row_number)",
        )
        .fetch_all(connection)
        .await?;
        Ok(found.into_iter().map(ServiceProviderId).collect())
    }

    /// Stores judged rows, and their own columns if they have any: two statements for all of them, or three.
    ///
    /// # Errors
    /// `PlanNotReady` if somebody else makes the plan now; the database does not answer.
    pub async fn store(&mut self, change: BulkChangeId, rows: &[JudgedRow]) -> Result<()> {
        let (tenant, epoch) = (self.tenant, self.making.epoch_of(change));
        let mut transaction = self.connection()?.begin().await?;
        set_tenant(&mut transaction, tenant).await?;
        fence(&mut transaction, tenant, change, epoch).await?;
        crate::store::store(&mut transaction, tenant, change, rows).await?;
        crate::input_record::store(&mut transaction, tenant, change, rows).await?;
        Ok(transaction.commit().await?)
    }

    /// Drops the staged rows and gives the connection back.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn close(mut self) -> Result<()> {
        if let Some(mut connection) = self.connection.take() {
            connection.execute(DROP).await?;
        }
        Ok(())
    }
}

/// Is the plan still ours to make? Whoever takes it over removes its rows under a lock that waits for this one.
pub(crate) async fn fence(
    connection: &mut PgConnection,
    tenant: TenantId,
    change: BulkChangeId,
    epoch: i32,
) -> Result<()> {
    let ours = sqlx::query_scalar!(
        "select id from app.device_bulk_change
         where tenant_id = $1 and id = $2 and status = 'PLANNING' and planning_epoch = $3 for key share",
        tenant.0,
        change.0,
        epoch
    )
    .fetch_optional(connection)
    .await?;
    ours.map(|_| ()).ok_or(DatabaseError::PlanNotReady)
}

/// ICCIDs where only one service provider comes into question: two index joins, nothing to sort.
async fn match_iccids_at_one(connection: &mut PgConnection, provider: &ServiceProvider) -> Result<()> {
    let (owner, at_owner) = provider.at_owner;
    sqlx::query(
        "insert into pg_temp.staged_match (row_number, identifier, device_id, matches, provider)
         select s.row_number, s.identifier, coalesce(e.id, o.id), num_nonnulls(coalesce(e.id, o.id)), $3
         from pg_temp.staged_row s
         left join app.m2m_device e on e.tenant_id = $1 and e.iccid = s.identifier and e.service_provider_id = $2
         left join app.m2m_device o on e.id is null and o.tenant_id = $1 and o.iccid = s.other_form and o.service_provider_id = $2
         where s.identifier is not null and not s.is_number")
        .bind(owner.0).bind(at_owner.0).bind(provider.id.0).execute(connection).await?;
    Ok(())
}

/// Numbers, and ICCIDs where several service providers come into question. Numbers are used again: a SIM that is not archived
/// wins over one that is; then whatever is stored as it was given.
async fn match_at_many(connection: &mut PgConnection, providers: &[ServiceProvider], numbers: bool) -> Result<()> {
    let (ids, at_owner): (Vec<Uuid>, Vec<Uuid>) = providers.iter().map(|p| (p.id.0, p.at_owner.1.0)).unzip();
    let owners: Vec<Uuid> = providers.iter().map(|p| p.at_owner.0.0).collect();
    let (column, rank) = if numbers {
        ("msisdn", "f.is_archived, f.given <> s.identifier")
    } else {
        ("iccid", "f.given <> s.identifier")
    };
    // Only words from above go into the statement.
    let statement = format!(
        "insert into pg_temp.staged_match (row_number, identifier, device_id, matches, provider)
         select row_number, identifier, case when count(id) = 1 then (array_agg(id))[1] end, count(id),
             case when count(id) = 1 then (array_agg(provider))[1] end
         from (select s.row_number, s.identifier, f.id, f.provider, rank() over (partition by s.row_number order by {rank}) as place
               from pg_temp.staged_row s
               left join lateral (
                   select d.id, d.is_archived, d.{column} as given, p.provider
                   from app.m2m_device d
                   join unnest($1::uuid[], $2::uuid[], $3::uuid[]) as p (provider, owner, at_owner)
                       on p.owner = d.tenant_id and p.at_owner = d.service_provider_id
                   where d.tenant_id = any ($2) and d.{column} in (s.identifier, s.other_form)
                     and (s.provider is null or s.provider = p.provider)) as f on true
               where s.identifier is not null and s.is_number = {numbers}) as found
         where place = 1 group by row_number, identifier"
    );
    sqlx::query(AssertSqlSafe(statement)).bind(&ids).bind(&owners).bind(&at_owner).execute(connection).await?;
    Ok(())
}

impl Drop for Stage {
    fn drop(&mut self) {
        // Left in the middle: nobody else should meet these tables, or a COPY that is still open.
        if let Some(connection) = self.connection.take() {
            drop(connection.detach());
        }
    }
}
