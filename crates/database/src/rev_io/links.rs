//! Which devices' links are to be made again, and making them: in blocks, each in a transaction of its own.

use super::Resource;
use super::reading::Source;
use crate::ledger::set_tenant;
use crate::{Ledger, Result};
use domain::ids::TenantId;
use sqlx::PgConnection;
use uuid::Uuid;

/// Devices that are linked in one transaction.
const AT_A_TIME: i64 = 1_000;

/// How links look, for one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Links {
    /// The line of its own account.
    pub rev_service: Option<i64>,
    /// Is it active?
    pub is_active: bool,
    /// Active lines of other accounts, by account and id.
    pub other_rev_services: Vec<i64>,
}

/// Marks the devices that are billed, or were, by what was touched.
pub(super) async fn mark_due(
    connection: &mut PgConnection,
    source: Source,
    touched: &[i64],
    before: &[String],
) -> Result<()> {
    // Before: numbers that lines had, or the lines that products were on.
    let (services, numbers): (Vec<i64>, &[String]) = match source.resource {
        Resource::ServiceProducts => (before.iter().filter_map(|id| id.parse().ok()).collect(), &[]),
        _ => (Vec::new(), before),
    };
    sqlx::query!(
        "insert into app.device_link_due (tenant_id, device_id)
         with line as (
             select s.number from app.rev_service s
             where $3 = 'services' and s.tenant_id = $1 and s.integration_authentication_id = $2 and s.rev_service_id = any ($4)
             union
             select s.number from app.rev_service_product p
             join app.rev_service s on s.tenant_id = $1 and s.integration_authentication_id = $2 and s.rev_service_id = p.rev_service_id
             where $3 = 'service_products' and p.tenant_id = $1 and p.integration_authentication_id = $2 and p.rev_service_product_id = any ($4)
             union
             select s.number from app.rev_service s
             where $3 = 'service_products' and s.tenant_id = $1 and s.integration_authentication_id = $2 and s.rev_service_id = any ($5)
             union
             select s.number from app.rev_service s
             where $3 = 'customers' and s.tenant_id = $1 and s.integration_authentication_id = $2
               and s.rev_customer_id = any (select u.id::text from unnest($4::bigint[]) as u (id))
             union
             select u.number from unnest($6::text[]) as u (number)
         ), called as materialized (
             -- Materialized: || in a join counts as leaky, and under row level security devices would not be found by their index.
             select n.msisdn from line l cross join lateral (values (l.number), ('1' || l.number)) as n (msisdn) where n.msisdn is not null
         ), owner as (
             select $1::uuid as id union all select t.parent_tenant_id from app.tenant t where t.id = $1 and t.parent_tenant_id is not null
         )
         select distinct $1::uuid, dt.device_id
         from called n
         cross join owner o
         join app.m2m_device d on d.tenant_id = o.id and d.msisdn = n.msisdn
         join app.device_tenant dt on dt.tenant_id = $1 and dt.device_id = d.id and dt.device_owner_tenant_id = d.tenant_id
         order by 2
         on conflict (tenant_id, device_id) do update set agents_too = device_link_due.agents_too or excluded.agents_too",
        source.tenant.0,
        source.account.0,
        source.resource.word(),
        touched,
        &services,
        numbers
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes links away to lines that bill somebody else now, so that the version moves although the line's id stays: plans that
/// were judged on who was billed are stale. The devices are due, and are linked again.
pub(super) async fn forget(connection: &mut PgConnection, source: Source, moved: &[i64]) -> Result<()> {
    if moved.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "with line as materialized (
             select array_agg(s.id) as ids from app.rev_service s
             where s.tenant_id = $1 and s.integration_authentication_id = $2 and s.rev_service_id = any ($3)
         ), device as materialized (
             select dt.device_id from app.device_link_due u
             join app.device_tenant dt on dt.tenant_id = $1 and dt.device_id = u.device_id
             where u.tenant_id = $1 and dt.other_rev_service_ids && (select ids from line)
             order by dt.device_id for no key update of dt
         )
         update app.device_tenant dt set other_rev_service_ids = null from device d where dt.tenant_id = $1 and dt.device_id = d.device_id",
        source.tenant.0,
        source.account.0,
        moved
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Makes the links again of a block of the devices that are due. Answers how many were looked at, and how many changed.
///
/// A device whose own number changed is looked at for every agent that has it, too, in the same transaction: it is due until all
/// of them were.
///
/// # Errors
/// The database does not answer.
pub async fn relink(ledger: &Ledger, tenant: TenantId) -> Result<(usize, i32)> {
    let agents: Vec<Uuid> = {
        let mut connection = ledger.dispatcher.acquire().await?;
        sqlx::query_scalar!("select id from app.tenant where parent_tenant_id = $1 order by id", tenant.0)
            .fetch_all(&mut *connection)
            .await?
    };
    let mut transaction = ledger.worker(tenant).await?;
    // Taken away first: a change that comes while we look marks the device again.
    let due = sqlx::query!(
        "delete from app.device_link_due d using (
             select device_id from app.device_link_due where tenant_id = $1 order by device_id limit $2 for update skip locked) as x
         where d.tenant_id = $1 and d.device_id = x.device_id returning d.device_id, d.agents_too",
        tenant.0,
        AT_A_TIME
    )
    .fetch_all(&mut *transaction)
    .await?;
    if due.is_empty() {
        return Ok((0, 0));
    }
    let devices: Vec<Uuid> = due.iter().map(|row| row.device_id).collect();
    let mut changed = link(&mut transaction, tenant, &devices).await?;
    let shared: Vec<Uuid> = due.iter().filter(|row| row.agents_too).map(|row| row.device_id).collect();
    for agent in agents.into_iter().map(TenantId).filter(|_| !shared.is_empty()) {
        set_tenant(&mut transaction, agent).await?;
        changed += link(&mut transaction, agent, &shared).await?;
    }
    transaction.commit().await?;
    Ok((devices.len(), changed))
}

async fn link(connection: &mut PgConnection, tenant: TenantId, devices: &[Uuid]) -> Result<i32> {
    Ok(sqlx::query_scalar!(
        r#"select app.usp_update_device_rev_service_links($1, $2) as "changed!""#,
        tenant.0,
        devices
    )
    .fetch_one(connection)
    .await?)
}

/// How many devices wait for their links.
///
/// # Errors
/// The database does not answer.
pub async fn due_links(ledger: &Ledger, tenant: TenantId) -> Result<i64> {
    let mut transaction = ledger.worker(tenant).await?;
    Ok(sqlx::query_scalar!(r#"select count(*) as "count!" from app.device_link_due where tenant_id = $1"#, tenant.0)
        .fetch_one(&mut *transaction)
        .await?)
}

/// The links of one device, by the ids at Rev.io.
///
/// # Errors
/// The database does not answer.
pub async fn links_of(ledger: &Ledger, tenant: TenantId, device: Uuid) -> Result<Option<Links>> {
    let mut transaction = ledger.web(tenant).await?;
    let row = sqlx::query!(
        r#"select s.rev_service_id as "own?", dt.rev_service_is_active, coalesce((select array_agg(o.rev_service_id order by o.integration_authentication_id, o.rev_service_id) from app.rev_service o
                   where o.tenant_id = dt.tenant_id and o.id = any (dt.other_rev_service_ids)), '{}') as "others!"
           from app.device_tenant dt
           left join app.rev_service s on s.tenant_id = dt.tenant_id and s.id = dt.rev_service_id
           where dt.tenant_id = $1 and dt.device_id = $2"#,
        tenant.0,
        device
    )
    .fetch_optional(&mut *transaction)
    .await?;
    Ok(row.map(|row| Links {
        rev_service: row.own,
        is_active: row.rev_service_is_active,
        other_rev_services: row.others,
    }))
}
