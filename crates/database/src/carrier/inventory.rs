//! Devices as a carrier's list tells of them: made and updated page by page; what the list has no more goes into the archive, and only
//! at the end of a reading that was whole. Nobody's assignment moves.

use super::reading::{FleetReading, fence, still_ours};
use crate::device::{ToldDevice, import_partial, import_read};
use crate::written::{WriteRefusal, Written};
use crate::{Ledger, Result};
use domain::iccid::Iccid;
use domain::ids::Ids;
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use std::collections::HashSet;

/// A SIM as its carrier shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadDevice {
    /// Digits.
    pub iccid: String,
    /// The subscriber number.
    pub msisdn: Option<String>,
    /// The equipment's number.
    pub imei: Option<String>,
    /// The embedded SIM's number.
    pub eid: Option<String>,
    /// The carrier's own word; None if it says none.
    pub status: Option<String>,
    /// The code of its carrier rate plan.
    pub carrier_rate_plan: Option<String>,
    /// Its address.
    pub ip_address: Option<String>,
    /// When the carrier last activated it.
    pub activated_at: Option<Timestamp>,
}

fn told(ids: &Ids, device: &ReadDevice, row: usize, archived: Option<bool>) -> ToldDevice {
    ToldDevice {
        row: i32::try_from(row).unwrap_or(i32::MAX),
        id: domain::ids::DeviceId(ids.next()),
        iccid: device.iccid.clone(),
        other_form: Iccid::read(&device.iccid).ok().and_then(|iccid| iccid.other_form()),
        msisdn: device.msisdn.clone(),
        imei: device.imei.clone(),
        eid: device.eid.clone(),
        status: device.status.clone(),
        carrier_rate_plan: device.carrier_rate_plan.clone(),
        ip_address: device.ip_address.clone(),
        archived,
        activated_at: device.activated_at,
    }
}

/// Keeps a page, and moves the reading on to the next. What the page tells is written first: a reading that is interrupted in between
/// reads it once more, which changes nothing. A device that an earlier page had is not written again, and counts as unreadable.
///
/// # Errors
/// `LeaseLost` if somebody else reads now; the database does not answer.
pub async fn keep_page(
    ledger: &Ledger,
    ids: &Ids,
    reading: &mut FleetReading,
    (devices, unreadable): (&[ReadDevice], usize),
    next: Option<&str>,
    lease_seconds: f64,
) -> Result<Written> {
    let before = met(ledger, reading, devices).await?;
    let new: Vec<ReadDevice> = devices.iter().filter(|device| !before.contains(&device.iccid)).cloned().collect();
    let (written, stored, left_out) = write(ledger, ids, reading, &new).await?;
    let unreadable = unreadable + (devices.len() - new.len()) + left_out;
    let count = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    let mut transaction = ledger.worker(reading.tenant).await?;
    fence(&mut transaction, reading).await?;
    sqlx::query!(
        "insert into app.carrier_sync_seen (tenant_id, service_provider_id, iccid)
         select distinct $1::uuid, $2::uuid, u.iccid from unnest($3::text[]) as u (iccid) on conflict do nothing",
        reading.tenant.0,
        reading.service_provider.0,
        &stored
    )
    .execute(&mut *transaction)
    .await?;
    sqlx::query!(
        "update app.carrier_sync set next_cursor = $3, is_listed = $3::text is null, devices_read = devices_read + $4,
             devices_made = devices_made + $5, devices_changed = devices_changed + $6, devices_unreadable = devices_unreadable + $7,
             lease_until = app.now() + make_interval(secs => $8)
         where tenant_id = $1 and service_provider_id = $2",
        reading.tenant.0,
        reading.service_provider.0,
        next,
        count(devices.len()),
        count(written.created),
        count(written.updated),
        count(unreadable),
        lease_seconds
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    (reading.next_cursor, reading.is_listed) = (next.map(str::to_owned), next.is_none());
    Ok(written)
}

/// Which of these the reading has met on an earlier page.
async fn met(ledger: &Ledger, reading: &FleetReading, devices: &[ReadDevice]) -> Result<HashSet<String>> {
    let iccids: Vec<String> = devices.iter().map(|device| device.iccid.clone()).collect();
    let mut transaction = ledger.worker(reading.tenant).await?;
    let met = sqlx::query_scalar!(
        "select iccid from app.carrier_sync_seen where tenant_id = $1 and service_provider_id = $2 and iccid = any ($3)",
        reading.tenant.0,
        reading.service_provider.0,
        &iccids
    );
    Ok(met.fetch_all(&mut *transaction).await?.into_iter().collect())
}

/// Keeps a device that was asked for by itself: the list did not show it, and the carrier has it.
///
/// # Errors
/// `LeaseLost`; the database does not answer.
pub async fn read_one(ledger: &Ledger, ids: &Ids, reading: &FleetReading, device: &ReadDevice) -> Result<Written> {
    let (written, _, left_out) = write(ledger, ids, reading, std::slice::from_ref(device)).await?;
    meet(ledger, reading, &device.iccid, left_out > 0).await?;
    Ok(written)
}

/// The reading has met it after all, or could not find out about it: then it counts as unreadable, and stays as it is.
///
/// # Errors
/// `LeaseLost`; the database does not answer.
pub async fn meet(ledger: &Ledger, reading: &FleetReading, iccid: &str, is_unreadable: bool) -> Result<()> {
    let mut transaction = ledger.worker(reading.tenant).await?;
    fence(&mut transaction, reading).await?;
    sqlx::query!(
        "insert into app.carrier_sync_seen (tenant_id, service_provider_id, iccid) values ($1, $2, $3) on conflict do nothing",
        reading.tenant.0,
        reading.service_provider.0,
        iccid
    )
    .execute(&mut *transaction)
    .await?;
    sqlx::query!(
        "update app.carrier_sync set devices_unreadable = devices_unreadable + 1 where $3 and tenant_id = $1 and service_provider_id = $2",
        reading.tenant.0,
        reading.service_provider.0,
        is_unreadable
    )
    .execute(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}

/// Writes what was read. A device that is stored with its check digit and told without, or the other way round, is written under the
/// ICCID that it has here. Answers also the ICCIDs under which they are here, and how many could not be written.
async fn write(
    ledger: &Ledger,
    ids: &Ids,
    reading: &FleetReading,
    devices: &[ReadDevice],
) -> Result<(Written, Vec<String>, usize)> {
    let mut stored: Vec<String> = devices.iter().map(|device| device.iccid.clone()).collect();
    if devices.is_empty() {
        return Ok((Written::default(), stored, 0));
    }
    still_ours(ledger, reading).await?;
    let back = archived_by_reading(ledger, reading, &stored).await?;
    let archived = |iccid: &str| back.contains(iccid).then_some(false);
    let (tenant, provider) = (reading.tenant, reading.service_provider);
    let rows: Vec<ToldDevice> =
        devices.iter().enumerate().map(|(at, d)| told(ids, d, at + 1, archived(&d.iccid))).collect();
    let mut written = import_read(ledger, tenant, provider, &rows).await?;
    let (mut left_out, mut otherwise) = (0, Vec::new());
    for (row, why) in std::mem::take(&mut written.refused) {
        let place = usize::try_from(row - 1).unwrap_or(usize::MAX);
        match (why, devices.get(place)) {
            (WriteRefusal::StoredAs(iccid), Some(device)) => {
                stored[place].clone_from(&iccid);
                otherwise.push(told(ids, &ReadDevice { iccid, ..device.clone() }, otherwise.len() + 1, None));
            }
            _ => left_out += 1,
        }
    }
    if !otherwise.is_empty() {
        written.updated += import_read(ledger, tenant, provider, &otherwise).await?.updated;
    }
    no_longer_archived(ledger, reading, &back).await?;
    note_activations(ledger, reading, devices).await?;
    Ok((written, stored, left_out))
}

async fn archived_by_reading(ledger: &Ledger, reading: &FleetReading, iccids: &[String]) -> Result<HashSet<String>> {
    let mut transaction = ledger.worker(reading.tenant).await?;
    let archived = sqlx::query_scalar!(
        "select iccid from app.carrier_archived where tenant_id = $1 and service_provider_id = $2 and iccid = any ($3)",
        reading.tenant.0,
        reading.service_provider.0,
        iccids
    );
    Ok(archived.fetch_all(&mut *transaction).await?.into_iter().collect())
}

async fn no_longer_archived(ledger: &Ledger, reading: &FleetReading, iccids: &HashSet<String>) -> Result<()> {
    if iccids.is_empty() {
        return Ok(());
    }
    let iccids: Vec<String> = iccids.iter().cloned().collect();
    let mut transaction = ledger.worker(reading.tenant).await?;
    sqlx::query!(
        "delete from app.carrier_archived where tenant_id = $1 and service_provider_id = $2 and iccid = any ($3)",
        reading.tenant.0,
        reading.service_provider.0,
        &iccids
    )
    .execute(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}

/// The day of an activation is kept where it is not known yet, also of SIMs that were here before.
async fn note_activations(ledger: &Ledger, reading: &FleetReading, devices: &[ReadDevice]) -> Result<()> {
    let activated = devices.iter().filter_map(|device| Some((device, device.activated_at?, device.status.as_ref()?)));
    let (mut iccids, mut at, mut statuses) = (Vec::new(), Vec::new(), Vec::new());
    for (device, activated_at, status) in activated {
        iccids.push(device.iccid.clone());
        at.push(activated_at.to_sqlx());
        statuses.push(status.clone());
    }
    if iccids.is_empty() {
        return Ok(());
    }
    let mut transaction = ledger.web(reading.tenant).await?;
    sqlx::query!(
        "insert into app.device_status_history (tenant_id, device_id, date_of_change, current_status)
         select $1, d.id, u.at, u.status from unnest($3::text[], $4::timestamptz[], $5::text[]) as u (iccid, at, status)
         join app.m2m_device d on d.tenant_id = $1 and d.iccid = u.iccid and d.service_provider_id = $2
         join app.service_provider p on p.tenant_id = $1 and p.id = $2
         join app.device_status s on s.integration_id = p.integration_id and s.status = u.status and s.is_active
         where not exists (select from app.device_status_history h where h.tenant_id = $1 and h.device_id = d.id and h.date_of_change >= u.at)",
        reading.tenant.0,
        reading.service_provider.0,
        &iccids,
        &at as &[jiff_sqlx::Timestamp],
        &statuses
    )
    .execute(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}

/// ICCIDs of this service provider that are not in the archive and that the reading did not meet: the lowest, how many there are, and
/// how many devices are known.
///
/// # Errors
/// The database does not answer.
pub async fn missing(ledger: &Ledger, reading: &FleetReading, most: i64) -> Result<(Vec<String>, i64, i64)> {
    let mut transaction = ledger.worker(reading.tenant).await?;
    // What was seen is fresh, and the planner knows nothing of it yet; there is one good way to compare two large sets.
    sqlx::query!("set local enable_nestloop = off").execute(&mut *transaction).await?;
    let counts = sqlx::query!(
        r#"select count(*) as "known!", count(*) filter (where s.iccid is null) as "missing!"
           from app.m2m_device d left join app.carrier_sync_seen s on s.tenant_id = $1 and s.service_provider_id = $2 and s.iccid = d.iccid
           where d.tenant_id = $1 and d.service_provider_id = $2 and not d.is_archived"#,
        reading.tenant.0,
        reading.service_provider.0
    )
    .fetch_one(&mut *transaction)
    .await?;
    let iccids = sqlx::query_scalar!(
        "select d.iccid from app.m2m_device d left join app.carrier_sync_seen s on s.tenant_id = $1 and s.service_provider_id = $2 and s.iccid = d.iccid
         where d.tenant_id = $1 and d.service_provider_id = $2 and not d.is_archived and s.iccid is null order by d.iccid limit $3",
        reading.tenant.0,
        reading.service_provider.0,
        most
    )
    .fetch_all(&mut *transaction)
    .await?;
    Ok((iccids, counts.missing, counts.known))
}

/// Puts devices into the archive that the carrier has no more, and notes that a reading did.
///
/// # Errors
/// `LeaseLost`; the database does not answer.
pub async fn archive(ledger: &Ledger, ids: &Ids, reading: &FleetReading, iccids: &[String]) -> Result<()> {
    if iccids.is_empty() {
        return Ok(());
    }
    let gone = |(at, iccid): (usize, &String)| {
        told(ids, &ReadDevice { iccid: iccid.clone(), ..ReadDevice::default() }, at + 1, Some(true))
    };
    let gone: Vec<ToldDevice> = iccids.iter().enumerate().map(gone).collect();
    let mut transaction = ledger.worker(reading.tenant).await?;
    fence(&mut transaction, reading).await?;
    // Noted first: one that is noted and not archived is taken out of an archive in which it is not.
    sqlx::query!(
        "insert into app.carrier_archived (tenant_id, service_provider_id, iccid)
         select $1::uuid, $2::uuid, u.iccid from unnest($3::text[]) as u (iccid) on conflict do nothing",
        reading.tenant.0,
        reading.service_provider.0,
        iccids
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    let written = import_partial(ledger, reading.tenant, reading.service_provider, &gone).await?;
    let mut transaction = ledger.worker(reading.tenant).await?;
    fence(&mut transaction, reading).await?;
    sqlx::query!(
        "update app.carrier_sync set devices_archived = devices_archived + $3 where tenant_id = $1 and service_provider_id = $2",
        reading.tenant.0,
        reading.service_provider.0,
        i32::try_from(written.updated).unwrap_or(i32::MAX)
    )
    .execute(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}
