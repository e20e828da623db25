//! `ascribe device`, `ascribe customer`, `ascribe service-provider`

use super::Api;
use super::output::{Column, Output, Printer};
use crate::settings::Settings;
use std::process::ExitCode;

/// What `ascribe device` can do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Device {
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
}

/// What `ascribe customer` can do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Customer {
    /// List customers
    List {
        /// A part of a name, or a Rev customer id
        #[arg(long)]
        q: Option<String>,
        /// At most this many
        #[arg(long, default_value_t = 50)]
        limit: usize,
        #[command(flatten)]
        output: Output,
    },
}

/// What `ascribe service-provider` can do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum ServiceProvider {
    /// List service providers
    List {
        #[command(flatten)]
        output: Output,
    },
}

const DEVICE_COLUMNS: &[Column] = &[
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
const CUSTOMER_COLUMNS: &[Column] = &[
    ("Id", "/id"),
    ("Name", "/name"),
    ("Kind", "/kind"),
    ("Rev customer", "/rev_customer_id"),
    ("Closed", "/closed"),
    ("Site", "/site/name"),
    ("Devices", "/devices"),
];
const PROVIDER_COLUMNS: &[Column] =
    &[("Id", "/id"), ("Name", "/name"), ("Integration", "/integration"), ("Write enabled", "/write_enabled")];

pub(crate) async fn devices(settings: &Settings, command: Device) -> anyhow::Result<ExitCode> {
    let Device::List { iccid, customer, service_provider, status, limit, output } = command;
    let given = [("iccid", iccid), ("customer", customer), ("service_provider", service_provider), ("status", status)];
    list(settings, "/devices", &given, Some(limit), output, DEVICE_COLUMNS).await
}

pub(crate) async fn customers(settings: &Settings, command: Customer) -> anyhow::Result<ExitCode> {
    let Customer::List { q, limit, output } = command;
    list(settings, "/customers", &[("q", q)], Some(limit), output, CUSTOMER_COLUMNS).await
}

pub(crate) async fn service_providers(settings: &Settings, command: ServiceProvider) -> anyhow::Result<ExitCode> {
    let ServiceProvider::List { output } = command;
    list(settings, "/service-providers", &[], None, output, PROVIDER_COLUMNS).await
}

async fn list(
    settings: &Settings,
    path: &str,
    given: &[(&str, Option<String>)],
    limit: Option<usize>,
    output: Output,
    columns: &'static [Column],
) -> anyhow::Result<ExitCode> {
    let query: Vec<(&str, &str)> =
        given.iter().filter_map(|(name, value)| value.as_deref().map(|value| (*name, value))).collect();
    let mut printer = Printer::new(output, columns)?;
    Api::from_settings(settings)?.each(path, &query, limit, |item| printer.item(item)).await?;
    printer.finish()?;
    Ok(ExitCode::SUCCESS)
}
