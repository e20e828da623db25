//! The list of a carrier's devices, read to its end or to where it is interrupted.

use super::calling::{Calling, DEVICES};
use crate::account::Installation;
use crate::{SyncError, SyncSettings};
use database::carrier::{
    CarrierAccount, FleetReading, Progress, ReadDevice, archive, claim, end, keep_page, meet, missing, progress,
    read_one, release,
};
use domain::ids::{Ids, TenantId};
use integrations::carriers::{Cursor, Device, Listing};
use std::collections::HashMap;
use tokio_util::sync::CancellationToken;

/// So many that are missing are asked for before what was learned is kept.
const AT_A_TIME: i64 = 200;

/// How the reading of a carrier's devices went.
#[derive(Clone, Debug)]
pub struct FleetReport {
    /// The service provider's name.
    pub service_provider: String,
    /// How it went.
    pub reading: Progress,
}

/// Reads a carrier's devices page by page, each kept before the next is asked for; goes on where an earlier reading was interrupted.
/// What the list has no more is asked for by its ICCID, if it is not too much to be believed, and archived when the carrier has it
/// not; a list of which something could not be read archives nothing.
///
/// # Errors
/// [`SyncError`]; what was read until then is kept.
pub async fn read_fleet(
    installation: &Installation<'_>,
    ids: &Ids,
    (tenant, account): (TenantId, &CarrierAccount),
    settings: &SyncSettings,
    stop: &CancellationToken,
    tell: impl Fn(usize) + Send + Sync,
) -> Result<FleetReport, SyncError> {
    let ledger = installation.ledger;
    let lease = settings.lease.as_secs_f64();
    let mut calling = Calling::new(installation, ids, (tenant, account), settings, stop).await?;
    let of_account = format!("{} {}", account.base_url, account.account_name);
    let taken = claim(ledger, tenant, (account.service_provider, &of_account), lease).await?;
    let mut reading = taken.ok_or(SyncError::Taken("devices"))?;
    let listed = if reading.is_listed { Ok(()) } else { pages(&mut calling, &mut reading, settings, &tell).await };
    let ended = match listed {
        Ok(()) => close(&mut calling, &reading, account, settings).await,
        Err(error) => Err(error),
    };
    if let Err(error) = ended {
        // Whoever comes next need not wait until the lease ends. If this fails, too, it will end.
        drop(release(ledger, &reading).await);
        return Err(error);
    }
    let went = progress(ledger, tenant, account.service_provider).await?;
    let reading = went.ok_or_else(|| SyncError::Unusable("it was taken away".to_owned()))?;
    Ok(FleetReport { service_provider: account.name.clone(), reading })
}

async fn pages(
    calling: &mut Calling<'_>,
    reading: &mut FleetReading,
    settings: &SyncSettings,
    tell: &(impl Fn(usize) + Send + Sync),
) -> Result<(), SyncError> {
    loop {
        let after = reading.next_cursor.clone().map(Cursor::new);
        let page = calling.page(reading, &Listing { after, ..Listing::default() }).await?;
        let (devices, doubled) = once_each(page.devices);
        let unreadable = page.unreadable.len() + doubled;
        if unreadable > 0 {
            let why = page.unreadable.first().map_or("an ICCID is there twice", |unreadable| unreadable.why.as_str());
            tracing::warn!(unreadable, why, "devices that could not be read");
        }
        let next = page.next.as_ref().map(Cursor::as_str);
        let (ledger, lease) = (calling.installation.ledger, settings.lease.as_secs_f64());
        keep_page(ledger, calling.ids, reading, (&devices, unreadable), next, lease).await?;
        tell(devices.len());
        if next.is_none() {
            return Ok(());
        }
    }
}

/// Each ICCID once. One that is there twice is nobody's to decide on: neither is written. Answers how many records that leaves out.
fn once_each(devices: Vec<Device>) -> (Vec<ReadDevice>, usize) {
    let mut times: HashMap<String, usize> = HashMap::new();
    for device in &devices {
        *times.entry(device.iccid.trim().to_owned()).or_default() += 1;
    }
    let all = devices.len();
    let once: Vec<ReadDevice> = devices.into_iter().map(read).filter(|device| times[&device.iccid] == 1).collect();
    let left_out = all - once.len();
    (once, left_out)
}

fn read(device: Device) -> ReadDevice {
    let msisdn = device.number().map(str::to_owned);
    ReadDevice {
        iccid: device.iccid.trim().to_owned(),
        msisdn,
        imei: device.imei,
        eid: device.eid,
        status: Some(device.status.trim().to_owned()).filter(|status| !status.is_empty()),
        carrier_rate_plan: device.carrier_rate_plan.filter(|plan| !plan.trim().is_empty()),
        ip_address: device.ip_address,
        activated_at: device.last_activated_at,
    }
}

/// The end of the list: what it did not have.
async fn close(
    calling: &mut Calling<'_>,
    reading: &FleetReading,
    account: &CarrierAccount,
    settings: &SyncSettings,
) -> Result<(), SyncError> {
    let ledger = calling.installation.ledger;
    let provider = reading.service_provider;
    let unreadable = progress(ledger, reading.tenant, provider).await?.map_or(0, |went| went.unreadable);
    let (_, gone, known) = missing(ledger, reading, 1).await?;
    let cap = settings.missing_at_least.max(known * settings.missing_percent / 100);
    let kept_because = if gone > 0 && unreadable > 0 {
        Some(format!("{unreadable} devices could not be read: of {gone} that were missing none was archived"))
    } else if gone > cap && !settings.accept_missing {
        Some(format!(
            "{gone} of {known} were missing, more than {cap}: nothing was archived. Look at the carrier; then `ascribe sync --account \"{}\" --accept-missing`",
            account.name
        ))
    } else {
        None
    };
    if kept_because.is_none() {
        archive_what_is_gone(calling, reading, account).await?;
    } else {
        tracing::error!(service_provider = %provider, why = kept_because, "the reading was not whole");
    }
    Ok(end(ledger, reading, kept_because.as_deref()).await?)
}

async fn archive_what_is_gone(
    calling: &mut Calling<'_>,
    reading: &FleetReading,
    account: &CarrierAccount,
) -> Result<(), SyncError> {
    let ledger = calling.installation.ledger;
    loop {
        let (iccids, _, _) = missing(ledger, reading, AT_A_TIME).await?;
        if iccids.is_empty() {
            return Ok(());
        }
        let mut gone = Vec::new();
        for iccid in iccids {
            let mut found = match calling.device(reading, &iccid).await {
                Ok(found) => found,
                // Neither there nor gone: it stays as it is here, and the reading does not count as whole.
                // Only what is about this device: a sign-in that cannot be renewed would be tried again for each of them.
                Err(SyncError::Refused { message: why, .. } | SyncError::GivenUp { resource: DEVICES, why, .. }) => {
                    tracing::warn!(iccid, why, "a device that is missing could not be asked for");
                    meet(ledger, reading, &iccid, true).await?;
                    continue;
                }
                Err(error) => return Err(error),
            };
            // In another of the user's accounts it is not in this one.
            found.retain(|device| device.account.as_ref().is_none_or(|name| *name == account.account_name));
            match found.as_slice() {
                [] => gone.push(iccid),
                [one] => drop(read_one(ledger, calling.ids, reading, &read(one.clone())).await?),
                several => {
                    tracing::warn!(iccid, several = several.len(), "the carrier has it more than once; it stays");
                    meet(ledger, reading, &iccid, true).await?;
                }
            }
        }
        archive(ledger, calling.ids, reading, &gone).await?;
    }
}
