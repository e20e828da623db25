//! Devices as a file or a carrier tells of them: those that are new are made, those that are there are updated; a file that
//! tells of a part of the fleet says nothing of the others. Nothing is deleted, and nobody's assignment moves.

use crate::api_key::Caller;
use crate::audit::record;
use crate::rev_io::record_as_mirror;
use crate::written::{WriteRefusal, Written};
use crate::{Ledger, Result};
use domain::ids::{DeviceId, ServiceProviderId, TenantId};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use serde_json::json;
use sqlx::PgConnection;
use std::collections::HashSet;
use uuid::Uuid;

/// A SIM as somebody tells of it. What is None is not told: it stays as it is.
#[derive(Clone, Debug)]
pub struct ToldDevice {
    /// Its row in the file.
    pub row: i32,
    /// The id it gets if it is new.
    pub id: DeviceId,
    /// As the carrier prints it.
    pub iccid: String,
    /// The same number with its check digit, or without.
    pub other_form: Option<String>,
    /// The subscriber number.
    pub msisdn: Option<String>,
    /// The equipment's number.
    pub imei: Option<String>,
    /// The embedded SIM's number.
    pub eid: Option<String>,
    /// The carrier's own word, one of [`statuses`].
    pub status: Option<String>,
    /// The code of its carrier rate plan; made known if it is not.
    pub carrier_rate_plan: Option<String>,
    /// Its static address.
    pub ip_address: Option<String>,
    /// In the archive?
    pub archived: Option<bool>,
    /// When the carrier activated it; kept for SIMs that are new.
    pub activated_at: Option<Timestamp>,
}

/// The words that the carrier of this service provider has for a SIM's state, and whether the word means active.
///
/// # Errors
/// The database does not answer.
pub async fn statuses(ledger: &Ledger, tenant: TenantId, provider: ServiceProviderId) -> Result<Vec<(String, bool)>> {
    let mut transaction = ledger.web(tenant).await?;
    let rows = sqlx::query!(
        "select s.status, s.is_active from app.device_status s join app.service_provider p on p.integration_id = s.integration_id
         where p.tenant_id = $1 and p.id = $2 order by s.status",
        tenant.0,
        provider.0
    )
    .fetch_all(&mut *transaction)
    .await?;
    Ok(rows.into_iter().map(|row| (row.status, row.is_active)).collect())
}

#[derive(Default)]
struct Columns {
    row: Vec<i32>,
    id: Vec<Uuid>,
    iccid: Vec<String>,
    other: Vec<Option<String>>,
    msisdn: Vec<Option<String>>,
    imei: Vec<Option<String>>,
    eid: Vec<Option<String>>,
    status: Vec<Option<String>>,
    plan: Vec<Option<String>>,
    ip: Vec<Option<String>>,
    archived: Vec<Option<bool>>,
    activated: Vec<Option<jiff_sqlx::Timestamp>>,
}

impl Columns {
    fn of(devices: &[ToldDevice]) -> Self {
        let mut columns = Self::default();
        for told in devices {
            columns.row.push(told.row);
            columns.id.push(told.id.0);
            columns.iccid.push(told.iccid.clone());
            columns.other.push(told.other_form.clone());
            columns.msisdn.push(told.msisdn.clone());
            columns.imei.push(told.imei.clone());
            columns.eid.push(told.eid.clone());
            columns.status.push(told.status.clone());
            columns.plan.push(told.carrier_rate_plan.clone());
            columns.ip.push(told.ip_address.clone());
            columns.archived.push(told.archived);
            columns.activated.push(told.activated_at.map(|at| at.to_sqlx()));
        }
        columns
    }
}

/// Writes what is told of SIMs of one service provider of the tenant's own; each ICCID once. Some thousand at a time.
///
/// One transaction of seven statements and one audit entry, whatever the rows. Per device that is new: 4 inserts, 5 with its
/// activation; per device that is there and differs: 1 row lock and 1 update, and where its number or the archive changed 1 insert of what is
/// to be linked again. Locks are taken in the order of devices, as a settle takes them.
///
/// # Errors
/// The database does not answer; after a deadlock or a lost connection the same may be sent again.
pub async fn import(
    ledger: &Ledger,
    caller: &Caller,
    provider: ServiceProviderId,
    devices: &[ToldDevice],
) -> Result<Written> {
    let mut transaction = ledger.web(caller.tenant).await?;
    let (written, detail) = write(&mut transaction, caller.tenant, provider, devices, Tells::Part).await?;
    if written.created + written.updated > 0 {
        record(&mut transaction, caller, "devices_imported", detail).await?;
    }
    transaction.commit().await?;
    Ok(written)
}

/// What it means that something of a device is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tells {
    /// It stays as it is.
    Part,
    /// The device has none: a carrier's list shows what there is, and a number that was given back may be another SIM's soon.
    Whole,
}

/// The same of what a carrier's list tells: a device without a number, a plan or an address has none.
///
/// # Errors
/// As [`import`].
pub(crate) async fn import_read(
    ledger: &Ledger,
    tenant: TenantId,
    provider: ServiceProviderId,
    devices: &[ToldDevice],
) -> Result<Written> {
    as_mirror(ledger, tenant, provider, devices, Tells::Whole).await
}

/// The same of what is known of devices that a list does not have.
///
/// # Errors
/// As [`import`].
pub(crate) async fn import_partial(
    ledger: &Ledger,
    tenant: TenantId,
    provider: ServiceProviderId,
    devices: &[ToldDevice],
) -> Result<Written> {
    as_mirror(ledger, tenant, provider, devices, Tells::Part).await
}

async fn as_mirror(
    ledger: &Ledger,
    tenant: TenantId,
    provider: ServiceProviderId,
    devices: &[ToldDevice],
    tells: Tells,
) -> Result<Written> {
    let mut transaction = ledger.web(tenant).await?;
    let (written, detail) = write(&mut transaction, tenant, provider, devices, tells).await?;
    if written.created + written.updated > 0 {
        record_as_mirror(&mut transaction, tenant, "devices_read", detail).await?;
    }
    transaction.commit().await?;
    Ok(written)
}

/// Answers what the audit trail says of it, too.
async fn write(
    connection: &mut PgConnection,
    tenant: TenantId,
    provider: ServiceProviderId,
    devices: &[ToldDevice],
    tells: Tells,
) -> Result<(Written, serde_json::Value)> {
    let columns = Columns::of(devices);
    know_carrier_rate_plans(connection, tenant, provider, &columns).await?;
    let (updated, mut moved) = update(connection, tenant, provider, &columns, tells).await?;
    let otherwise = stored_otherwise(connection, tenant, provider, &columns).await?;
    let created = create(connection, tenant, provider, &columns, &otherwise).await?;
    let made: HashSet<Uuid> = created.iter().copied().collect();
    let there = sqlx::query_scalar!(
        "select d.iccid from app.m2m_device d where d.tenant_id = $1 and d.service_provider_id = $2 and d.iccid = any ($3)",
        tenant.0,
        provider.0,
        &columns.iccid
    )
    .fetch_all(&mut *connection)
    .await?;
    let there: HashSet<String> = there.into_iter().collect();
    moved.extend(&made);
    if !moved.is_empty() {
        mark_links_due(connection, tenant, &moved).await?;
    }
    let stored_as = |row: i32| otherwise.iter().find(|(other, _)| *other == row).map(|(_, iccid)| iccid.clone());
    let refused = devices.iter().filter(|told| !there.contains(&told.iccid));
    let refused =
        refused.map(|told| (told.row, stored_as(told.row).map_or(WriteRefusal::StatusMissing, WriteRefusal::StoredAs)));
    let written = Written { created: made.len(), updated, refused: refused.collect() };
    let (first, last) = (columns.row.first(), columns.row.last());
    let detail = json!({ "service_provider": provider, "created": written.created, "updated": written.updated,
        "first_row": first, "last_row": last });
    Ok((written, detail))
}

/// Numbers that came or changed: what is billed for these SIMs is to be looked at again, here and at the agents who have them,
/// who may have an account at Rev.io where this tenant has none.
async fn mark_links_due(connection: &mut PgConnection, tenant: TenantId, devices: &[Uuid]) -> Result<()> {
    sqlx::query!(
        "insert into app.device_link_due (tenant_id, device_id, agents_too)
         select $1, d.id, true from app.m2m_device d where d.tenant_id = $1 and d.id = any ($2)
         order by d.id on conflict (tenant_id, device_id) do update set agents_too = device_link_due.agents_too or excluded.agents_too",
        tenant.0,
        devices
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn know_carrier_rate_plans(
    connection: &mut PgConnection,
    tenant: TenantId,
    provider: ServiceProviderId,
    columns: &Columns,
) -> Result<()> {
    let codes: HashSet<&str> = columns.plan.iter().flatten().map(String::as_str).collect();
    if codes.is_empty() {
        return Ok(());
    }
    let mut codes: Vec<String> = codes.into_iter().map(str::to_owned).collect();
    codes.sort_unstable();
    sqlx::query!(
        "insert into app.carrier_rate_plan (tenant_id, id, service_provider_id, rate_plan_code, friendly_name)
         select $1, gen_random_uuid(), $2, c, c from unnest($3::text[]) as c
         where not exists (select from app.carrier_rate_plan p where p.tenant_id = $1 and p.service_provider_id = $2 and p.rate_plan_code = c)
         on conflict (tenant_id, service_provider_id, rate_plan_code) do nothing",
        tenant.0, provider.0, &codes)
        .execute(connection).await?;
    Ok(())
}

/// Answers how many differed, and those of which the number or the archive did: these are what links go by.
async fn update(
    connection: &mut PgConnection,
    tenant: TenantId,
    provider: ServiceProviderId,
    c: &Columns,
    tells: Tells,
) -> Result<(usize, Vec<Uuid>)> {
    let before =
        sqlx::query_scalar!(r#"select app.now() as "now!: jiff_sqlx::Timestamp""#).fetch_one(&mut *connection).await?;
    let updated = sqlx::query!(
        r#"with told as (
             select d.id, case when $11 then u.msisdn else coalesce(u.msisdn, d.msisdn) end as msisdn, coalesce(u.imei, d.imei) as imei,
                 coalesce(u.eid, d.eid) as eid, coalesce(u.status, d.status) as status,
                 case when $11 then p.id else coalesce(p.id, d.carrier_rate_plan_id) end as plan,
                 case when $11 then u.ip else coalesce(u.ip, d.ip_address) end as ip, coalesce(u.archived, d.is_archived) as archived,
                 d.msisdn as old_msisdn, d.is_archived as was_archived
             from unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::boolean[])
                 as u (iccid, msisdn, imei, eid, status, plan, ip, archived)
             join app.m2m_device d on d.tenant_id = $1 and d.iccid = u.iccid and d.service_provider_id = $2
             left join app.carrier_rate_plan p on p.tenant_id = $1 and p.service_provider_id = $2 and p.rate_plan_code = u.plan
             order by d.id for update of d)
         update app.m2m_device d set msisdn = t.msisdn, imei = t.imei, eid = t.eid, status = t.status, carrier_rate_plan_id = t.plan,
             ip_address = t.ip, is_archived = t.archived
         from told t
         where d.tenant_id = $1 and d.id = t.id
           and (d.msisdn, d.imei, d.eid, d.status, d.carrier_rate_plan_id, d.ip_address, d.is_archived)
               is distinct from (t.msisdn, t.imei, t.eid, t.status, t.plan, t.ip, t.archived)
         returning d.id, (t.old_msisdn, t.was_archived) is distinct from (t.msisdn, t.archived) as "moved!""#,
        tenant.0,
        provider.0,
        &c.iccid,
        &c.msisdn as &[Option<String>],
        &c.imei as &[Option<String>],
        &c.eid as &[Option<String>],
        &c.status as &[Option<String>],
        &c.plan as &[Option<String>],
        &c.ip as &[Option<String>],
        &c.archived as &[Option<bool>],
        tells == Tells::Whole
    )
    .fetch_all(&mut *connection)
    .await?;
    if !updated.is_empty() && c.activated.iter().any(Option::is_some) {
        since_when(connection, tenant, provider, c, before).await?;
    }
    Ok((updated.len(), updated.into_iter().filter(|row| row.moved).map(|row| row.id).collect()))
}

/// A device that has become active since it was told of last is so since the day that its carrier says, not since we heard of it.
async fn since_when(
    connection: &mut PgConnection,
    tenant: TenantId,
    provider: ServiceProviderId,
    c: &Columns,
    before: jiff_sqlx::Timestamp,
) -> Result<()> {
    sqlx::query!(
        "update app.device_status_history h set date_of_change = u.activated
         from unnest($3::text[], $4::timestamptz[], $5::text[]) as u (iccid, activated, status)
         join app.m2m_device d on d.tenant_id = $1 and d.iccid = u.iccid and d.service_provider_id = $2
         join app.service_provider p on p.tenant_id = $1 and p.id = $2
         join app.device_status s on s.integration_id = p.integration_id and s.status = u.status and s.is_active
         where h.tenant_id = $1 and h.device_id = d.id and h.date_of_change >= $6 and h.current_status = u.status and u.activated < h.date_of_change",
        tenant.0,
        provider.0,
        &c.iccid,
        &c.activated as &[Option<jiff_sqlx::Timestamp>],
        &c.status as &[Option<String>],
        before as jiff_sqlx::Timestamp
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Rows whose ICCID is stored with, or without, its check digit, and not as it is told: they would be the same SIM twice.
async fn stored_otherwise(
    connection: &mut PgConnection,
    tenant: TenantId,
    provider: ServiceProviderId,
    c: &Columns,
) -> Result<Vec<(i32, String)>> {
    let found = sqlx::query!(
        r#"select u.row as "row!", o.iccid from unnest($3::integer[], $4::text[], $5::text[]) as u (row, iccid, other)
           join app.m2m_device o on o.tenant_id = $1 and o.iccid = u.other and o.service_provider_id = $2
           where not exists (select from app.m2m_device d where d.tenant_id = $1 and d.iccid = u.iccid and d.service_provider_id = $2)"#,
        tenant.0, provider.0, &c.row, &c.iccid, &c.other as &[Option<String>])
        .fetch_all(connection).await?;
    Ok(found.into_iter().map(|row| (row.row, row.iccid)).collect())
}

async fn create(
    connection: &mut PgConnection,
    tenant: TenantId,
    provider: ServiceProviderId,
    c: &Columns,
    otherwise: &[(i32, String)],
) -> Result<Vec<Uuid>> {
    let not: Vec<i32> = otherwise.iter().map(|(row, _)| *row).collect();
    let created: Vec<Uuid> = sqlx::query_scalar!(
        "insert into app.m2m_device (tenant_id, id, service_provider_id, iccid, msisdn, imei, eid, status, carrier_rate_plan_id,
             ip_address, site_id, is_archived)
         select $1, u.id, $2, u.iccid, u.msisdn, u.imei, u.eid, u.status, p.id, u.ip,
             (select s.id from app.site s where s.tenant_id = $1 and s.is_system_default), u.archived is true
         from unnest($3::integer[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::boolean[])
             as u (row, id, iccid, msisdn, imei, eid, status, plan, ip, archived)
         left join app.carrier_rate_plan p on p.tenant_id = $1 and p.service_provider_id = $2 and p.rate_plan_code = u.plan
         where u.status is not null and u.row <> all ($13)
         order by u.iccid
         on conflict (tenant_id, iccid, service_provider_id) do nothing returning id",
        tenant.0, provider.0, &c.row, &c.id, &c.iccid, &c.msisdn as &[Option<String>], &c.imei as &[Option<String>],
        &c.eid as &[Option<String>], &c.status as &[Option<String>], &c.plan as &[Option<String>], &c.ip as &[Option<String>],
        &c.archived as &[Option<bool>], &not)
        .fetch_all(&mut *connection).await?;
    if created.is_empty() {
        return Ok(created);
    }
    // Every SIM is somebody's: a new one is at the default site until a plan says otherwise.
    sqlx::query!(
        "insert into app.device_tenant (tenant_id, device_id, device_owner_tenant_id, site_id, modified_at)
         select $1, d.id, $1, d.site_id, app.now() from app.m2m_device d where d.tenant_id = $1 and d.id = any ($2)",
        tenant.0,
        &created
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "insert into app.device_status_history (tenant_id, device_id, date_of_change, current_status)
         select $1, u.id, u.activated, u.status from unnest($2::uuid[], $3::timestamptz[], $4::text[]) as u (id, activated, status)
         join app.service_provider p on p.tenant_id = $1 and p.id = $6
         join app.device_status s on s.integration_id = p.integration_id and s.status = u.status and s.is_active
         where u.activated is not null and u.id = any ($5)",
        tenant.0,
        &c.id,
        &c.activated as &[Option<jiff_sqlx::Timestamp>],
        &c.status as &[Option<String>],
        &created,
        provider.0
    )
    .execute(&mut *connection)
    .await?;
    Ok(created)
}
