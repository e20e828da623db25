//! Importing devices.

use super::{Cells, Column, Importing, RowRefusal, Trouble};
use database::api_key::Caller;
use database::device::ToldDevice;
use database::written::Written;
use database::{DatabaseError, Ledger};
use domain::dates::Moment;
use domain::iccid::Iccid;
use domain::identifier::SubscriberNumber;
use domain::ids::{DeviceId, Ids, ServiceProviderId};
use jiff::Timestamp;
use jiff::civil::Date;
use std::net::IpAddr;

/// Devices of one service provider: `iccid`, `msisdn`, `imei`, `eid`, `status` (the carrier's word), `carrier_rate_plan`,
/// `ip_address`, `archived`, `activated_at` (a date in the tenant's time zone, or a moment). Nobody is assigned by it.
#[derive(Clone, Debug)]
pub struct Devices {
    /// Makes the ids of new ones.
    pub ids: Ids,
    /// Whose SIMs.
    pub provider: ServiceProviderId,
    /// The carrier's words for a SIM's state.
    pub statuses: Vec<String>,
    /// The tenant's time zone, and now.
    pub moment: Moment,
}

const COLUMNS: &[Column] = &[
    Column { name: "iccid", also: &["sim", "icc", "simnumber"], required: true },
    Column { name: "msisdn", also: &["subscribernumber", "phonenumber", "mdn", "number"], required: false },
    Column { name: "imei", also: &[], required: false },
    Column { name: "eid", also: &[], required: false },
    Column { name: "status", also: &["state", "devicestatus", "simstatus"], required: false },
    Column { name: "carrier_rate_plan", also: &["rateplan", "carrierplan", "serviceplan"], required: false },
    Column { name: "ip_address", also: &["ip", "staticip"], required: false },
    Column { name: "archived", also: &["isarchived"], required: false },
    Column { name: "activated_at", also: &["activationdate", "activated", "dateactivated"], required: false },
];

impl Devices {
    fn status(&self, row: i32, cells: &Cells<'_>) -> Result<Option<String>, RowRefusal> {
        let Some(text) = cells.text(row, "status")? else { return Ok(None) };
        // As it stands, else in other letters: each carrier writes its words in one way.
        let same = self.statuses.iter().find(|word| **word == text);
        let known = same.or_else(|| self.statuses.iter().find(|word| word.eq_ignore_ascii_case(&text)));
        known.cloned().map(Some).ok_or_else(|| RowRefusal {
            row,
            field: "status",
            trouble: Trouble::StatusUnknown,
            detail: format!("{text:?}; the carrier's words are {}", self.statuses.join(", ")),
        })
    }

    fn activated_at(&self, row: i32, cells: &Cells<'_>) -> Result<Option<Timestamp>, RowRefusal> {
        let Some(text) = cells.text(row, "activated_at")? else { return Ok(None) };
        let day = text.parse::<Date>().ok().filter(|_| text.len() == 10);
        let at = match day {
            Some(day) => day.to_zoned(self.moment.zone.clone()).ok().map(|zoned| zoned.timestamp()),
            None => text.parse::<Timestamp>().ok(),
        };
        let at = at.filter(|at| *at <= self.moment.now);
        at.map(Some).ok_or_else(|| RowRefusal {
            row,
            field: "activated_at",
            trouble: Trouble::Invalid,
            detail: "neither a date such as 2026-03-31 nor a moment such as 2026-03-31T10:00:00Z, or not past".into(),
        })
    }
}

fn digits(row: i32, cells: &Cells<'_>, field: &'static str, long: [usize; 2]) -> Result<Option<String>, RowRefusal> {
    let Some(text) = cells.text(row, field)? else { return Ok(None) };
    let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    if (long[0]..=long[1]).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(Some(digits));
    }
    let detail = format!("{} to {} digits, as text", long[0], long[1]);
    Err(RowRefusal { row, field, trouble: Trouble::Invalid, detail })
}

impl Importing for Devices {
    type Row = ToldDevice;

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn read(&self, row: i32, cells: &Cells<'_>) -> Result<(ToldDevice, String), RowRefusal> {
        let text = cells.needed(row, "iccid")?;
        let iccid = Iccid::read(&text).map_err(|refusal| RowRefusal {
            row,
            field: "iccid",
            trouble: Trouble::Iccid,
            detail: refusal.detail,
        })?;
        let msisdn = match cells.text(row, "msisdn")? {
            None => None,
            Some(text) => {
                let number = SubscriberNumber::read(&text).map_err(|refusal| RowRefusal {
                    row,
                    field: "msisdn",
                    trouble: Trouble::Number,
                    detail: refusal.detail,
                })?;
                Some(number.as_str().to_owned())
            }
        };
        let ip_address = match cells.text(row, "ip_address")? {
            None => None,
            Some(text) => Some(text.parse::<IpAddr>().map(|ip| ip.to_string()).map_err(|_| RowRefusal {
                row,
                field: "ip_address",
                trouble: Trouble::Invalid,
                detail: "not an IP address".into(),
            })?),
        };
        let told = ToldDevice {
            row,
            id: DeviceId(self.ids.next()),
            iccid: iccid.as_str().to_owned(),
            other_form: iccid.other_form(),
            msisdn,
            imei: digits(row, cells, "imei", [14, 17])?,
            eid: digits(row, cells, "eid", [32, 32])?,
            status: self.status(row, cells)?,
            carrier_rate_plan: cells.text(row, "carrier_rate_plan")?,
            ip_address,
            archived: cells.yes(row, "archived")?,
            activated_at: self.activated_at(row, cells)?,
        };
        // Written with its check digit or without, it is the same SIM.
        let key = told.other_form.clone().filter(|other| other.len() < told.iccid.len());
        let key = key.unwrap_or_else(|| told.iccid.clone());
        Ok((told, key))
    }

    async fn write(&self, ledger: &Ledger, caller: &Caller, rows: &[ToldDevice]) -> Result<Written, DatabaseError> {
        database::device::import(ledger, caller, self.provider, rows).await
    }
}
