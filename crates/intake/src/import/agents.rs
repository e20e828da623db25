//! Devices that a partner gives to an agent, or takes back.

use super::{Cells, Column, Importing, RowRefusal, Trouble};
use database::agent::{Giving, NamedDevice, give};
use database::api_key::Caller;
use database::written::Written;
use database::{DatabaseError, Ledger};
use domain::iccid::Iccid;
use domain::ids::{ServiceProviderId, TenantId};

/// Devices by their `iccid`.
#[derive(Clone, Copy, Debug)]
pub struct AgentDevices {
    /// Who gets them, or loses them.
    pub agent: TenantId,
    /// At this service provider alone; none: wherever the ICCID is.
    pub provider: Option<ServiceProviderId>,
    /// Which of the two.
    pub giving: Giving,
}

const COLUMNS: &[Column] = &[Column { name: "iccid", also: &["sim", "icc", "simnumber", "device"], required: true }];

impl Importing for AgentDevices {
    type Row = NamedDevice;

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn read(&self, row: i32, cells: &Cells<'_>) -> Result<(NamedDevice, String), RowRefusal> {
        let text = cells.needed(row, "iccid")?;
        let iccid = Iccid::read(&text).map_err(|refusal| RowRefusal {
            row,
            field: "iccid",
            trouble: Trouble::Iccid,
            detail: refusal.detail,
        })?;
        let device = NamedDevice { row, iccid: iccid.as_str().to_owned(), other_form: iccid.other_form() };
        // Written with its check digit or without, it is the same SIM.
        let key = device.other_form.clone().filter(|other| other.len() < device.iccid.len());
        let key = key.unwrap_or_else(|| device.iccid.clone());
        Ok((device, key))
    }

    async fn write(&self, ledger: &Ledger, caller: &Caller, rows: &[NamedDevice]) -> Result<Written, DatabaseError> {
        give(ledger, caller, self.agent, self.provider, self.giving, rows).await
    }
}
