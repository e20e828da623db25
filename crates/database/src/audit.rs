//! The audit trail: who did what, sealed in blocks whose digests form a chain.

use crate::api_key::Caller;
use crate::{Ledger, Result};
use domain::ids::TenantId;
use jiff::Timestamp;
use serde_json::Value;
use sqlx::PgConnection;
use std::collections::HashMap;
use uuid::Uuid;

/// One entry.
#[derive(Clone, Debug)]
pub struct AuditEntry {
    /// Its number; grows, with gaps.
    pub id: i64,
    /// The transaction that wrote it, which orders entries before the number does.
    pub made_in: i64,
    /// When.
    pub at: Timestamp,
    /// Who: `person:<id>`, `api_key:<id>`, `worker:<id>`, or `ascribe`.
    pub actor: String,
    /// What.
    pub action: String,
    /// On which plan or bulk change.
    pub bulk_change: Option<Uuid>,
    /// On which chunk of it.
    pub chunk_number: Option<i32>,
    /// More.
    pub detail: Value,
    /// SHA-256 over the rows it speaks of, hexadecimal.
    pub digest: Option<String>,
}

/// What a list of entries may be narrowed by.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of this plan or change.
    pub bulk_change: Option<Uuid>,
    /// Of this kind.
    pub action: Option<String>,
    /// By this actor.
    pub actor: Option<String>,
    /// From this moment on.
    pub since: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
}

/// Newest first, after the entry with this (`made_in`, id).
///
/// # Errors
/// The database does not answer.
pub async fn list(
    ledger: &Ledger,
    tenant: TenantId,
    filter: &Filter,
    after: Option<(i64, i64)>,
    limit: i64,
) -> Result<Vec<AuditEntry>> {
    let (made_in, id) = after.unzip();
    let mut transaction = ledger.web(tenant).await?;
    let rows = sqlx::query!(
        r#"select e.id, e.made_in::text::bigint as "made_in!", e.at, e.actor, e.action, e.bulk_change_id, e.chunk_number, e.detail,
               encode(e.digest, 'hex') as digest
           from app.audit_entry e
           where e.tenant_id = $1 and ($2::uuid is null or e.bulk_change_id = $2) and ($3::text is null or e.action = $3)
             and ($4::text is null or e.actor = $4) and ($5::timestamptz is null or e.at >= $5) and ($6::timestamptz is null or e.at < $6)
             and ($7::bigint is null or (e.made_in, e.id) < ($7::bigint::text::xid8, $8::bigint))
           order by e.made_in desc, e.id desc limit $9"#,
        tenant.0,
        filter.bulk_change,
        filter.action,
        filter.actor,
        filter.since.map(jiff_sqlx::Timestamp::from) as Option<jiff_sqlx::Timestamp>,
        filter.until.map(jiff_sqlx::Timestamp::from) as Option<jiff_sqlx::Timestamp>,
        made_in,
        id,
        limit
    )
    .fetch_all(&mut *transaction)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| AuditEntry {
            id: row.id,
            made_in: row.made_in,
            at: row.at.to_jiff(),
            actor: row.actor,
            action: row.action,
            bulk_change: row.bulk_change_id,
            chunk_number: row.chunk_number,
            detail: row.detail,
            digest: row.digest,
        })
        .collect())
}

/// What these actors are called: people and keys that the tenant knows. Whoever is not among them has no name here.
///
/// # Errors
/// The database does not answer.
pub async fn names(ledger: &Ledger, tenant: TenantId, actors: &[&str]) -> Result<HashMap<String, String>> {
    let ids: Vec<Uuid> = actors.iter().filter_map(|actor| Uuid::parse_str(actor.split_once(':')?.1).ok()).collect();
    let mut transaction = ledger.web(tenant).await?;
    let rows = sqlx::query!(
        r#"select 'api_key:' || k.id as "actor!", k.name as "name!" from app.api_key k where k.tenant_id = $1 and k.id = any ($2)
           union all select 'person:' || p.id, p.name from app.person p where p.id = any ($2)"#,
        tenant.0,
        &ids
    )
    .fetch_all(&mut *transaction)
    .await?;
    Ok(rows.into_iter().map(|row| (row.actor, row.name)).collect())
}

/// Writes what somebody did, in the transaction that does it.
pub(crate) async fn record(connection: &mut PgConnection, caller: &Caller, action: &str, detail: Value) -> Result<()> {
    record_by(connection, caller.tenant, &caller.actor(), action, detail).await
}

/// The same by an actor that is no caller.
pub(crate) async fn record_by(
    connection: &mut PgConnection,
    tenant: TenantId,
    actor: &str,
    action: &str,
    detail: Value,
) -> Result<()> {
    sqlx::query!(
        "insert into app.audit_entry (tenant_id, at, actor, action, detail) values ($1, app.now(), $2, $3, $4)",
        tenant.0,
        actor,
        action,
        detail
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Seals what is new of a tenant's trail. Answers how many entries. One statement; two sealers wait for each other.
///
/// # Errors
/// The database does not answer.
pub async fn seal(ledger: &Ledger, tenant: TenantId) -> Result<i32> {
    let mut transaction = ledger.worker(tenant).await?;
    let sealed =
        sqlx::query_scalar!(r#"select app.seal_audit($1) as "sealed!""#, tenant.0).fetch_one(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(sealed)
}

/// A seal: what somebody keeps elsewhere, to show later that nothing before it was touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its number in the chain.
    pub seal_number: i32,
    /// Its digest, hexadecimal.
    pub digest: String,
}

/// What a look at the whole chain found.
#[derive(Clone, Debug)]
pub struct Verification {
    /// Seals whose digest follows from the seal before and the entries under it.
    pub seals: i64,
    /// Entries under them.
    pub entries: i64,
    /// Entries that are not sealed yet.
    pub unsealed: i64,
    /// The last seal.
    pub head: Option<Head>,
    /// What is wrong, each a sentence; empty: nothing.
    pub broken: Vec<String>,
}

/// Computes every digest again from the entries as they are. Reads the whole trail: one statement, sorted on disk if large.
/// A `known` head that was kept elsewhere has to be in the chain: that finds a trail that was cut, or written anew as a whole.
///
/// # Errors
/// The database does not answer.
pub async fn verify(ledger: &Ledger, tenant: TenantId, known: Option<&Head>) -> Result<Verification> {
    let mut transaction = ledger.web(tenant).await?;
    let seals = sqlx::query!(
        r#"with chain as (
               select s.*, lag(s.seal_number, 1, 0) over w as before_number, lag(s.digest, 1, ''::bytea) over w as before_digest,
                   lag(s.to_transaction, 1, '0'::xid8) over w as before_transaction
               from app.audit_seal s where s.tenant_id = $1 window w as (order by s.seal_number))
           select c.seal_number, encode(c.digest, 'hex') as "digest!", c.entries, c.seal_number = c.before_number + 1 as "follows!",
               c.from_transaction = c.before_transaction as "touches!", coalesce(b.found, 0) as "found!",
               coalesce(c.digest = sha256(c.before_digest || convert_to(b.block, 'UTF8')), false) as "fits!"
           from chain c
           left join lateral (select count(*) as found, string_agg(app.audit_entry_text(e), E'\n' order by e.made_in, e.id) as block
               from app.audit_entry e
               where e.tenant_id = $1 and e.made_in >= c.from_transaction and e.made_in < c.to_transaction) as b on true
           order by c.seal_number"#,
        tenant.0
    )
    .fetch_all(&mut *transaction)
    .await?;
    let unsealed = sqlx::query_scalar!(
        r#"select count(*) as "n!" from app.audit_entry e where e.tenant_id = $1
           and e.made_in >= coalesce((select max(s.to_transaction::text::bigint) from app.audit_seal s where s.tenant_id = $1), 0)::text::xid8"#,
        tenant.0
    )
    .fetch_one(&mut *transaction)
    .await?;
    transaction.commit().await?;
    let mut broken = Vec::new();
    for seal in &seals {
        let number = seal.seal_number;
        if !seal.follows {
            broken.push(format!("The seal before seal {number} is missing."));
        }
        if !seal.touches {
            broken.push(format!("Seal {number} does not begin where the one before it ends."));
        }
        if seal.found != i64::from(seal.entries) {
            broken.push(format!("Under seal {number} are {} entries; {} were sealed.", seal.found, seal.entries));
        } else if !seal.fits {
            broken.push(format!("An entry under seal {number}, or a seal, is not what was sealed."));
        }
    }
    if let Some(known) = known
        && !seals
            .iter()
            .any(|seal| seal.seal_number == known.seal_number && seal.digest.eq_ignore_ascii_case(&known.digest))
    {
        broken.push(format!("Seal {} with the digest you know is not in the chain.", known.seal_number));
    }
    Ok(Verification {
        seals: i64::try_from(seals.len()).unwrap_or(i64::MAX),
        entries: seals.iter().map(|seal| seal.found).sum(),
        unsealed,
        head: seals.last().map(|seal| Head { seal_number: seal.seal_number, digest: seal.digest.clone() }),
        broken,
    })
}
