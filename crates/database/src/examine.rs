//! What `ascribe doctor` asks of the database.

use crate::{DatabaseError, Result, Role, Server, catalogue, migrate};
use jiff::Timestamp;
use sqlx::Connection as _;

/// What was found.
#[derive(Clone, Debug)]
pub struct Examination {
    /// Such as 150018.
    pub version: i32,
    /// Its clock, between the two moments at which it was asked and answered.
    pub clock: Timestamp,
    /// Migrations that this program knows and the database has not.
    pub missing_migrations: usize,
    /// Months, this one included, that have their partitions.
    pub months_ahead: i64,
    /// Holes in the catalogue: missing policies, rights too wide.
    pub holes: Vec<String>,
    /// Chunks that somebody claimed and let go.
    pub overdue_chunks: i64,
    /// For how long the oldest chunk that is due has waited.
    pub oldest_due_seconds: f64,
    /// For how long the oldest entry of the audit trail is not sealed.
    pub oldest_unsealed_seconds: f64,
    /// Service providers, and those of them that nothing may be written to.
    pub service_providers: (i64, i64),
    /// Rows that wait for a person.
    pub rows_needing_attention: i64,
}

/// Looks, as the owner for the schema and as the auditor over all tenants.
///
/// # Errors
/// The database does not answer, or has no schema yet.
pub async fn examine(server: &Server) -> Result<Examination> {
    let mut owner = server.connect_as(Role::Owner).await?;
    let applied: Vec<i64> = sqlx::query_scalar("select version from ascribe_migrations._sqlx_migrations where success")
        .fetch_all(&mut owner)
        .await?;
    owner.close().await?;
    let mut auditor = server.connect_as(Role::Auditor).await?;
    let row = sqlx::query!(
        r#"select current_setting('server_version_num')::integer as "version!", app.now() as "clock!",
               (select count(*) from pg_inherits i where i.inhparent = 'app.audit_entry'::regclass
                    and right(i.inhrelid::regclass::text, 7) >= to_char(app.now() at time zone 'UTC', 'YYYY_MM')) as "months!",
               (select count(*) from app.bulk_change_chunk where state = 'RUNNING' and not is_paused and lease_until < app.now() - interval '1 minute') as "overdue!",
               (select coalesce(extract(epoch from app.now() - min(start_at)), 0)::float8 from app.bulk_change_chunk
                    where state = 'READY' and not is_paused and start_at <= app.now()) as "oldest_due!",
               (select coalesce(extract(epoch from app.now() - min(e.at)), 0)::float8 from app.audit_entry e
                    where e.made_in >= coalesce((select max(s.to_transaction::text::bigint) from app.audit_seal s where s.tenant_id = e.tenant_id), 0)::text::xid8) as "unsealed!",
               (select count(*) from app.service_provider) as "providers!",
               (select count(*) from app.service_provider where not write_enabled) as "read_only!",
               (select coalesce(sum(needs_attention), 0) from app.bulk_change_counter) as "attention!""#
    )
    .fetch_one(&mut auditor)
    .await?;
    let holes = catalogue::holes(&mut auditor).await?;
    auditor.close().await?;
    Ok(Examination {
        version: row.version,
        clock: row.clock.to_jiff(),
        missing_migrations: migrate::versions().filter(|version| !applied.contains(version)).count(),
        months_ahead: row.months,
        holes,
        overdue_chunks: row.overdue,
        oldest_due_seconds: row.oldest_due,
        oldest_unsealed_seconds: row.unsealed,
        service_providers: (row.providers, row.read_only),
        rows_needing_attention: row.attention,
    })
}

impl DatabaseError {
    /// What PostgreSQL itself said, for who runs it.
    #[must_use]
    pub fn said(&self) -> String {
        std::error::Error::source(self).map_or_else(|| self.to_string(), ToString::to_string)
    }
}
