//! `ascribe device`

use super::output::{Column, Output, one};
use super::upload::{Import, import};
use super::{Api, list};
use crate::settings::Settings;
use serde_json::json;
use std::process::ExitCode;

/// What `ascribe device` can do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List devices
    List {
        /// Only this ICCID
        #[arg(long)]
        iccid: Option<String>,
        /// Only this customer's, by id
        #[arg(long)]
        customer: Option<String>,
        /// Only at this service provider, by id or name
        #[arg(long)]
        service_provider: Option<String>,
        /// Only with this status, the carrier's word
        #[arg(long)]
        status: Option<String>,
        /// At most this many
        #[arg(long, default_value_t = 50)]
        limit: usize,
        #[command(flatten)]
        output: Output,
    },
    /// Show a device
    Get(One),
    /// Show what happened to a device, newest first
    Timeline {
        #[command(flatten)]
        of: One,
        /// At most this many
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Put a device into the archive; nothing is deleted
    Archive(One),
    /// Take a device out of the archive
    Unarchive(One),
    /// Import from a file: iccid, msisdn, imei, eid, status, carrier_rate_plan, ip_address, archived, activated_at
    Import {
        /// Whose SIMs, by id or name
        #[arg(long)]
        service_provider: String,
        #[command(flatten)]
        file: Import,
    },
}

/// One device.
#[derive(Debug, clap::Args)]
pub(crate) struct One {
    /// Its id, or its ICCID
    device: String,
    #[command(flatten)]
    output: Output,
}

const DEVICES: &[Column] = &[
    ("ICCID", "/iccid"),
    ("MSISDN", "/msisdn"),
    ("Status", "/status"),
    ("Active", "/active"),
    ("Service provider", "/service_provider/name"),
    ("Customer", "/customer/name"),
    ("Site", "/site/name"),
    ("Rate plan", "/customer_rate_plan"),
    ("Pool", "/customer_rate_pool"),
    ("MB", "/customer_data_allocation_mb"),
];
const DEVICE: &[Column] = &[
    ("Id", "/id"),
    ("ICCID", "/iccid"),
    ("MSISDN", "/msisdn"),
    ("IMEI", "/imei"),
    ("EID", "/eid"),
    ("Status", "/status"),
    ("Active", "/active"),
    ("Archived", "/archived"),
    ("Service provider", "/service_provider/name"),
    ("Carrier rate plan", "/carrier_rate_plan"),
    ("IP address", "/ip_address"),
    ("Customer", "/customer/name"),
    ("Site", "/site/name"),
    ("Rate plan", "/customer_rate_plan"),
    ("Pool", "/customer_rate_pool"),
    ("MB", "/customer_data_allocation_mb"),
];
const TIMELINE: &[Column] = &[
    ("When", "/at"),
    ("What", "/kind"),
    ("Customer", "/customer/name"),
    ("Site", "/site/name"),
    ("Rate plan", "/customer_rate_plan"),
    ("Pool", "/customer_rate_pool"),
    ("MB", "/customer_data_allocation_mb"),
    ("Effective", "/effective_date"),
    ("Status before", "/before"),
    ("Status after", "/after"),
    ("Bulk change", "/bulk_change_id"),
    ("Row", "/row"),
];

pub(crate) async fn run(settings: &Settings, command: Command) -> anyhow::Result<ExitCode> {
    let api = Api::from_settings(settings)?;
    match command {
        Command::List { iccid, customer, service_provider, status, limit, output } => {
            let given =
                [("iccid", iccid), ("customer", customer), ("service_provider", service_provider), ("status", status)];
            list(&api, "/devices", &given, Some(limit), output, DEVICES).await
        }
        Command::Get(of) => {
            one(of.output, DEVICE, &api.get(&path(&api, &of.device).await?, &[]).await?)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Timeline { of, limit } => {
            let path = format!("{}/timeline", path(&api, &of.device).await?);
            list(&api, &path, &[], Some(limit), of.output, TIMELINE).await
        }
        Command::Archive(of) => archive(&api, of, true).await,
        Command::Unarchive(of) => archive(&api, of, false).await,
        Command::Import { service_provider, file } => {
            import(&api, "/devices/import", &[("service_provider", &service_provider)], file).await
        }
    }
}

async fn archive(api: &Api, of: One, archived: bool) -> anyhow::Result<ExitCode> {
    let path = path(api, &of.device).await?;
    one(of.output, DEVICE, &api.edit(&path, &json!({ "archived": archived })).await?)?;
    Ok(ExitCode::SUCCESS)
}

/// Where a device is. People know its ICCID, and the API its id.
async fn path(api: &Api, device: &str) -> anyhow::Result<String> {
    if device.contains('-') && device.len() == 36 {
        return Ok(format!("/devices/{device}"));
    }
    let found = api.get("/devices", &[("iccid", device), ("limit", "2")]).await?;
    let items = found["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    match items {
        [device] => Ok(format!("/devices/{}", device["id"].as_str().unwrap_or_default())),
        [] => anyhow::bail!("no device has the ICCID {device}"),
        _ => anyhow::bail!("several devices have the ICCID {device}; name one by its id, from `ascribe device list`"),
    }
}
