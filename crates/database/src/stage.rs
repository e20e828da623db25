//! The rows of an upload on their way to being a plan: copied into temporary tables, matched set-wise, read page by page.
//! COPY does not work on tables under row level security, hence the temporary ones; they live on one connection.

use crate::ledger::set_tenant;
use crate::{DatabaseError, Ledger, Result};
use domain::allocation::DataAllocation;
use domain::identifier::{Column, Identifier};
use domain::ids::{
    BulkChangeId, CustomerRatePlanId, CustomerRatePoolId, DeviceId, IntegrationAuthenticationId, ServiceProviderId,
    SiteId, TenantId,
};
use domain::reason::{Reason, Refusal};
use domain::target::RevAccount;
use domain::verdict::{Assignment, DeviceFacts, RowFacts, Verdict};
use sqlx::pool::PoolConnection;
use sqlx::{Acquire, Executor, FromRow, PgConnection, Postgres};
use std::collections::HashSet;
use std::fmt::Write as _;
use uuid::Uuid;

/// One connection with the staged rows of one upload. Dropping it without [`Stage::close`] drops the connection too.
#[derive(Debug)]
pub struct Stage {
    connection: Option<PoolConnection<Postgres>>,
    tenant: TenantId,
}

/// A staged row with the facts it is judged on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StagedRow {
    /// Its place in the input, from 1.
    pub row_number: i32,
    /// What was given, as far as it can be stored.
    pub input: String,
    /// The ICCID as stored, if a device was found; else as it was read.
    pub iccid: Option<String>,
    /// What the verdict reads.
    pub facts: RowFacts,
}

/// A judged row, to be stored.
#[derive(Clone, Debug)]
pub struct JudgedRow {
    /// The row.
    pub row: StagedRow,
    /// What the plan says of it.
    pub verdict: Verdict,
    /// Which of the plan's targets it is to become, if it changes.
    pub target_number: i32,
}

#[derive(FromRow)]
struct Found {
    row_number: i32,
    input: String,
    identifier: Option<String>,
    is_number: bool,
    reason: Option<String>,
    detail: Option<String>,
    duplicate_of: Option<i32>,
    matches: Option<i32>,
    device_id: Option<Uuid>,
    device_iccid: Option<String>,
    status: Option<String>,
    active: bool,
    archived: bool,
    version: Option<i32>,
    site_id: Option<Uuid>,
    unassigned: bool,
    account_number: Option<String>,
    authentication: Option<Uuid>,
    plan_id: Option<Uuid>,
    pool_id: Option<Uuid>,
    allocation: Option<String>,
    assignment_version: Option<i32>,
}

impl Stage {
    /// A connection with empty staging tables.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn open(ledger: &Ledger, tenant: TenantId) -> Result<Self> {
        let mut connection = ledger.web.acquire().await?;
        connection.execute(
            "drop table if exists pg_temp.staged_row, pg_temp.staged_match, pg_temp.staged_duplicate;
             create temporary table staged_row (row_number integer not null, input text not null, identifier text, is_number boolean not null default false,
                 other_form text, reason text, detail text);
             create temporary table staged_match (row_number integer not null, identifier text not null, device_id uuid, matches integer not null);
             create temporary table staged_duplicate (row_number integer not null, first_row integer not null)").await?;
        Ok(Self { connection: Some(connection), tenant })
    }

    pub(crate) const fn tenant(&self) -> TenantId {
        self.tenant
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
    pub async fn copy(&mut self, mut lines: tokio::sync::mpsc::Receiver<CopyLines>) -> Result<u64> {
        let connection = self.connection()?;
        let mut copy = connection
            .copy_in_raw("copy pg_temp.staged_row (row_number, input, identifier, is_number, other_form, reason, detail) from stdin")
            .await?;
        while let Some(block) = lines.recv().await {
            if let Err(error) = copy.send(block.0.as_bytes()).await {
                // The server's own word on why is better than "connection closed".
                return Err(copy.finish().await.err().unwrap_or(error).into());
            }
        }
        Ok(copy.finish().await?)
    }

    /// Stages the rows of a finished change that were not done, under the numbers they had there. One statement.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn copy_unfinished(&mut self, of: BulkChangeId) -> Result<u64> {
        let tenant = self.tenant;
        let mut transaction = self.connection()?.begin().await?;
        set_tenant(&mut transaction, tenant).await?;
        let copied = sqlx::query(
            "insert into pg_temp.staged_row (row_number, input, identifier)
             select row_number, coalesce(input, iccid), iccid from app.m2m_device_change
             where tenant_id = $1 and bulk_change_id = $2 and status in ('FAILED', 'SKIPPED', 'CANCELLED')",
        )
        .bind(tenant.0)
        .bind(of.0)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(copied.rows_affected())
    }

    /// Finds each row's device and each row's earlier twin, in a handful of statements whatever the number of rows.
    ///
    /// An exact stored ICCID wins; only where there is none is the other form of the same number tried. Rows are twins when
    /// they name the same device, in whatever form, or the same unknown ICCID.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn match_devices(&mut self, service_provider: ServiceProviderId) -> Result<()> {
        let tenant = self.tenant;
        let mut transaction = self.connection()?.begin().await?;
        set_tenant(&mut transaction, tenant).await?;
        transaction
            .execute("create unique index on pg_temp.staged_row (row_number); analyze pg_temp.staged_row")
            .await?;
        sqlx::query(
            "insert into pg_temp.staged_match (row_number, identifier, device_id, matches)
             select s.row_number, s.identifier, coalesce(e.id, o.id), num_nonnulls(coalesce(e.id, o.id))
             from pg_temp.staged_row s
             left join app.m2m_device e on e.tenant_id = $1 and e.iccid = s.identifier and e.service_provider_id = $2
             left join app.m2m_device o on e.id is null and o.tenant_id = $1 and o.iccid = s.other_form and o.service_provider_id = $2
             where s.identifier is not null and not s.is_number")
            .bind(tenant.0).bind(service_provider.0).execute(&mut *transaction).await?;
        // Numbers are used again: a SIM that is not archived wins over one that is, then the number as it was given.
        sqlx::query(
            "insert into pg_temp.staged_match (row_number, identifier, device_id, matches)
             select row_number, identifier, case when count(id) = 1 then (array_agg(id))[1] end, count(id)
             from (select s.row_number, s.identifier, d.id,
                       rank() over (partition by s.row_number order by d.is_archived, d.msisdn <> s.identifier) as place
                   from pg_temp.staged_row s
                   left join app.m2m_device d on d.tenant_id = $1 and d.service_provider_id = $2 and d.msisdn in (s.identifier, s.other_form)
                   where s.is_number) as found
             where place = 1 group by row_number, identifier")
            .bind(tenant.0).bind(service_provider.0).execute(&mut *transaction).await?;
        sqlx::query(
            "insert into pg_temp.staged_duplicate (row_number, first_row)
             select row_number, first_row
             from (select row_number, min(row_number) over (partition by coalesce(device_id::text, identifier)) as first_row
                   from pg_temp.staged_match) as twins
             where first_row <> row_number")
            .execute(&mut *transaction).await?;
        transaction
            .execute(
                "create unique index on pg_temp.staged_match (row_number);
             create unique index on pg_temp.staged_duplicate (row_number);
             analyze pg_temp.staged_match, pg_temp.staged_duplicate",
            )
            .await?;
        Ok(transaction.commit().await?)
    }

    /// The next rows after this one, with their facts. Two statements a page.
    ///
    /// # Errors
    /// The database does not answer, or holds what nothing writes.
    pub async fn page(
        &mut self,
        service_provider: ServiceProviderId,
        after: i32,
        limit: i64,
    ) -> Result<Vec<StagedRow>> {
        let tenant = self.tenant;
        let mut transaction = self.connection()?.begin().await?;
        set_tenant(&mut transaction, tenant).await?;
        let found: Vec<Found> = sqlx::query_as(
            "select s.row_number, s.input, s.identifier, s.is_number, s.reason, s.detail, u.first_row as duplicate_of, m.matches, m.device_id,
                 d.iccid as device_iccid, d.status,
                 coalesce(ds.is_active, false) as active, coalesce(d.is_archived, false) as archived, d.version, dt.site_id,
                 coalesce(st.is_system_default, false) as unassigned, dt.account_number,
                 dt.account_number_integration_authentication_id as authentication, dt.customer_rate_plan_id as plan_id,
                 dt.customer_rate_pool_id as pool_id, dt.customer_data_allocation_mb::text as allocation, dt.version as assignment_version
             from (select * from pg_temp.staged_row where row_number > $3 order by row_number limit $4) as s
             left join pg_temp.staged_match m on m.row_number = s.row_number
             left join pg_temp.staged_duplicate u on u.row_number = s.row_number
             left join app.m2m_device d on d.tenant_id = $1 and d.id = m.device_id
             left join app.device_tenant dt on dt.tenant_id = $1 and dt.device_id = m.device_id
             left join app.site st on st.tenant_id = $1 and st.id = dt.site_id
             left join app.service_provider p on p.tenant_id = $1 and p.id = $2
             left join app.device_status ds on ds.integration_id = p.integration_id and ds.status = d.status
             order by s.row_number")
            .bind(tenant.0).bind(service_provider.0).bind(after).bind(limit)
            .fetch_all(&mut *transaction).await?;
        let ids: Vec<Uuid> = found.iter().filter_map(|row| row.device_id).collect();
        let locked: HashSet<Uuid> = sqlx::query_scalar!("select app.locked_devices(null, $1) as \"id!\"", &ids)
            .fetch_all(&mut *transaction)
            .await?
            .into_iter()
            .collect();
        transaction.commit().await?;
        found.into_iter().map(|row| staged(row, &locked)).collect()
    }

    /// Stores judged rows: one statement for all of them.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn store(&mut self, change: BulkChangeId, rows: &[JudgedRow]) -> Result<()> {
        let tenant = self.tenant;
        let mut transaction = self.connection()?.begin().await?;
        set_tenant(&mut transaction, tenant).await?;
        crate::store::store(&mut transaction, tenant, change, rows).await?;
        Ok(transaction.commit().await?)
    }

    /// Drops the staged rows and gives the connection back.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn close(mut self) -> Result<()> {
        if let Some(mut connection) = self.connection.take() {
            connection
                .execute("drop table if exists pg_temp.staged_row, pg_temp.staged_match, pg_temp.staged_duplicate")
                .await?;
        }
        Ok(())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // Left in the middle: nobody else should meet these tables, or a COPY that is still open.
        if let Some(connection) = self.connection.take() {
            drop(connection.detach());
        }
    }
}

/// A block of lines in PostgreSQL's COPY text format.
#[derive(Clone, Debug, Default)]
pub struct CopyLines(String);

impl CopyLines {
    /// Adds one row: where it stood, what was given, and what it was read as.
    pub fn push(&mut self, row_number: i32, input: &str, reading: &Result<Identifier, Refusal>) {
        // Writing to a String cannot fail.
        let _ = write!(self.0, "{row_number}\t");
        self.escaped(input);
        match reading {
            Ok(read) => {
                let (digits, other) = (read.as_str(), read.other_form());
                let other = other.as_deref().unwrap_or("\\N");
                let _ = writeln!(self.0, "\t{digits}\t{}\t{other}\t\\N\t\\N", read.is_number());
            }
            Err(refusal) => {
                let _ = write!(self.0, "\t\\N\tf\t\\N\t{}\t", refusal.reason.word());
                self.escaped(&refusal.detail);
                self.0.push('\n');
            }
        }
    }

    /// How many bytes are in it.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Is there nothing in it?
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn escaped(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '\\' => self.0.push_str("\\\\"),
                '\t' => self.0.push_str("\\t"),
                '\n' => self.0.push_str("\\n"),
                '\r' => self.0.push_str("\\r"),
                // PostgreSQL text cannot hold it; shown as what it is, a character that cannot be shown.
                '\0' => self.0.push('\u{fffd}'),
                c => self.0.push(c),
            }
        }
    }
}

fn staged(row: Found, locked: &HashSet<Uuid>) -> Result<StagedRow> {
    let column = if row.is_number { Column::SubscriberNumbers } else { Column::Iccids };
    let reading = match (&row.identifier, row.reason) {
        (Some(identifier), _) => Identifier::read(identifier, column),
        (None, Some(word)) => Err(Refusal {
            reason: Reason::from_word(&word).ok_or(DatabaseError::Inconsistent {
                table: "staged_row",
                column: "reason",
                value: word,
            })?,
            detail: row.detail.unwrap_or_default(),
        }),
        (None, None) => Err(Refusal::plain(Reason::IccidMalformed)),
    };
    let assignment = row.site_id.zip(row.assignment_version).map(|(site, version)| Assignment {
        site: SiteId(site),
        unassigned: row.unassigned,
        account: row.account_number.zip(row.authentication).map(|(rev_customer_id, authentication)| RevAccount {
            rev_customer_id,
            integration_authentication: IntegrationAuthenticationId(authentication),
        }),
        plan: row.plan_id.map(CustomerRatePlanId),
        pool: row.pool_id.map(CustomerRatePoolId),
        allocation: row.allocation.and_then(|text| DataAllocation::parse(&text).ok()),
        version,
    });
    let device = row.device_id.zip(row.version).map(|(id, version)| DeviceFacts {
        id: DeviceId(id),
        status: row.status.unwrap_or_default(),
        active: row.active,
        archived: row.archived,
        locked: locked.contains(&id),
        version,
        assignment,
    });
    Ok(StagedRow {
        row_number: row.row_number,
        iccid: row.device_iccid.or(row.identifier.filter(|_| !row.is_number)),
        input: row.input,
        facts: RowFacts {
            reading,
            duplicate_of: row.duplicate_of,
            ambiguous: row.matches.filter(|matches| *matches > 1),
            device,
        },
    })
}
