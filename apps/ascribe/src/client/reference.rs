//! What plans are made against: `ascribe customer`, `site`, `rate-plan`, `pool` and `service-provider`.

use super::output::{Column, Output, one};
use super::upload::{Import, import};
use super::{Api, answer, carrier_account, list};
use crate::settings::Settings;
use reqwest::Method;
use serde_json::{Value, json};
use std::process::ExitCode;

/// Lists with a search.
#[derive(Debug, clap::Args)]
pub(crate) struct Search {
    /// A part of a name or code
    #[arg(long)]
    q: Option<String>,
    /// At most this many
    #[arg(long, default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    output: Output,
}

/// One thing, by its id.
#[derive(Debug, clap::Args)]
pub(crate) struct ById {
    /// Its id
    pub(super) id: String,
    #[command(flatten)]
    pub(super) output: Output,
}

/// What `ascribe customer` can do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Customer {
    /// List customers of both kinds, by name
    List(Search),
    /// Show a customer
    Get(ById),
    /// Make a customer, with its site
    Create {
        /// Its name
        #[arg(long)]
        name: String,
        /// Its id at Rev.io; without it the customer exists only here
        #[arg(long)]
        rev_customer_id: Option<String>,
        /// The account at Rev.io, if there are several
        #[arg(long)]
        account: Option<String>,
        #[command(flatten)]
        output: Output,
    },
    /// Rename, close or open a customer
    Edit {
        #[command(flatten)]
        of: ById,
        /// Its new name
        #[arg(long)]
        name: Option<String>,
        /// Closed to new SIMs?
        #[arg(long)]
        closed: Option<bool>,
    },
    /// Import from a file: name, rev_customer_id, account, closed
    Import(Import),
}

/// What `ascribe site` can do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Site {
    /// List sites
    List(Search),
    /// Show a site
    Get(ById),
    /// Make a site
    Create {
        /// Its name
        #[arg(long)]
        name: String,
        /// The rev customer who sits there, by id; without it the site is a customer itself
        #[arg(long)]
        customer: Option<String>,
        #[command(flatten)]
        output: Output,
    },
    /// Rename, close or open a site
    Edit {
        #[command(flatten)]
        of: ById,
        /// Its new name
        #[arg(long)]
        name: Option<String>,
        /// May SIMs be assigned to it?
        #[arg(long)]
        active: Option<bool>,
    },
    /// Import from a file: name, customer, active
    Import(Import),
}

/// What `ascribe rate-plan` can do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum RatePlan {
    /// List customer rate plans
    List(Search),
    /// Show a customer rate plan
    Get(ById),
    /// Make a customer rate plan
    Create {
        /// Its code
        #[arg(long)]
        code: String,
        /// Its name; as the code, if not said
        #[arg(long)]
        name: Option<String>,
        /// The one service provider it fits; all, if not said
        #[arg(long)]
        service_provider: Option<String>,
        #[command(flatten)]
        output: Output,
    },
    /// Rename, close or open a customer rate plan
    Edit {
        #[command(flatten)]
        of: ById,
        /// Its new name
        #[arg(long)]
        name: Option<String>,
        /// May SIMs get it?
        #[arg(long)]
        active: Option<bool>,
    },
    /// Import from a file: rate_plan_code, rate_plan_name, service_provider, active
    Import(Import),
}

/// What `ascribe pool` can do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Pool {
    /// List customer rate pools
    List(Search),
    /// Show a customer rate pool
    Get(ById),
    /// Make a customer rate pool
    Create {
        /// Its name
        #[arg(long)]
        name: String,
        /// The one service provider it fits; all, if not said
        #[arg(long)]
        service_provider: Option<String>,
        #[command(flatten)]
        output: Output,
    },
    /// Rename, close or open a customer rate pool
    Edit {
        #[command(flatten)]
        of: ById,
        /// Its new name
        #[arg(long)]
        name: Option<String>,
        /// May SIMs join it?
        #[arg(long)]
        active: Option<bool>,
    },
    /// Import from a file: name, service_provider, active
    Import(Import),
}

/// What `ascribe service-provider` can do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum ServiceProvider {
    /// List service providers
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Show a service provider
    Get(ById),
    /// Make a service provider
    Create {
        /// Its name
        #[arg(long)]
        name: String,
        /// thingspace, control_center or telegence
        #[arg(long)]
        integration: String,
        #[command(flatten)]
        output: Output,
    },
    /// Rename a service provider, or switch writing to its carrier
    Edit {
        #[command(flatten)]
        of: ById,
        /// Its new name
        #[arg(long)]
        name: Option<String>,
        /// May anything be changed at the carrier?
        #[arg(long)]
        write_enabled: Option<bool>,
    },
    /// Its account at the carrier: where it is, what it signs in with, how far its devices were read
    #[command(subcommand)]
    Account(carrier_account::Command),
    /// Import from a file: name, integration, write_enabled
    Import(Import),
}

const CUSTOMERS: &[Column] = &[
    ("Id", "/id"),
    ("Name", "/name"),
    ("Kind", "/kind"),
    ("Rev customer", "/rev_customer_id"),
    ("Closed", "/closed"),
    ("Site", "/site/name"),
    ("Devices", "/devices"),
];
const SITES: &[Column] = &[
    ("Id", "/id"),
    ("Name", "/name"),
    ("Customer", "/customer/name"),
    ("Active", "/active"),
    ("Default", "/is_default"),
];
const RATE_PLANS: &[Column] = &[
    ("Id", "/id"),
    ("Code", "/rate_plan_code"),
    ("Name", "/rate_plan_name"),
    ("Service provider", "/service_provider/name"),
    ("Active", "/active"),
];
const POOLS: &[Column] =
    &[("Id", "/id"), ("Name", "/name"), ("Service provider", "/service_provider/name"), ("Active", "/active")];
const PROVIDERS: &[Column] =
    &[("Id", "/id"), ("Name", "/name"), ("Integration", "/integration"), ("Write enabled", "/write_enabled")];

pub(crate) async fn customers(settings: &Settings, command: Customer) -> anyhow::Result<ExitCode> {
    let at = At::new(settings, "/customers", CUSTOMERS)?;
    match command {
        Customer::List(search) => at.search(search).await,
        Customer::Get(of) => at.get(of).await,
        Customer::Create { name, rev_customer_id, account, output } => {
            at.create(output, json!({ "name": name, "rev_customer_id": rev_customer_id, "account": account })).await
        }
        Customer::Edit { of, name, closed } => at.edit(of, json!({ "name": name, "closed": closed })).await,
        Customer::Import(file) => at.import(file).await,
    }
}

pub(crate) async fn sites(settings: &Settings, command: Site) -> anyhow::Result<ExitCode> {
    let at = At::new(settings, "/sites", SITES)?;
    match command {
        Site::List(search) => at.search(search).await,
        Site::Get(of) => at.get(of).await,
        Site::Create { name, customer, output } => {
            at.create(output, json!({ "name": name, "customer": customer })).await
        }
        Site::Edit { of, name, active } => at.edit(of, json!({ "name": name, "active": active })).await,
        Site::Import(file) => at.import(file).await,
    }
}

pub(crate) async fn rate_plans(settings: &Settings, command: RatePlan) -> anyhow::Result<ExitCode> {
    let at = At::new(settings, "/customer-rate-plans", RATE_PLANS)?;
    match command {
        RatePlan::List(search) => at.search(search).await,
        RatePlan::Get(of) => at.get(of).await,
        RatePlan::Create { code, name, service_provider, output } => {
            let new = json!({ "rate_plan_code": code, "rate_plan_name": name, "service_provider": service_provider });
            at.create(output, new).await
        }
        RatePlan::Edit { of, name, active } => at.edit(of, json!({ "rate_plan_name": name, "active": active })).await,
        RatePlan::Import(file) => at.import(file).await,
    }
}

pub(crate) async fn pools(settings: &Settings, command: Pool) -> anyhow::Result<ExitCode> {
    let at = At::new(settings, "/customer-rate-pools", POOLS)?;
    match command {
        Pool::List(search) => at.search(search).await,
        Pool::Get(of) => at.get(of).await,
        Pool::Create { name, service_provider, output } => {
            at.create(output, json!({ "name": name, "service_provider": service_provider })).await
        }
        Pool::Edit { of, name, active } => at.edit(of, json!({ "name": name, "active": active })).await,
        Pool::Import(file) => at.import(file).await,
    }
}

pub(crate) async fn service_providers(settings: &Settings, command: ServiceProvider) -> anyhow::Result<ExitCode> {
    let at = At::new(settings, "/service-providers", PROVIDERS)?;
    match command {
        ServiceProvider::List { output } => list(&at.api, at.path, &[], None, output, at.columns).await,
        ServiceProvider::Get(of) => at.get(of).await,
        ServiceProvider::Create { name, integration, output } => {
            at.create(output, json!({ "name": name, "integration": integration })).await
        }
        ServiceProvider::Edit { of, name, write_enabled } => {
            at.edit(of, json!({ "name": name, "write_enabled": write_enabled })).await
        }
        ServiceProvider::Account(command) => carrier_account::run(&at.api, command).await,
        ServiceProvider::Import(file) => at.import(file).await,
    }
}

/// A kind of thing: where it is, and what is shown of it.
pub(super) struct At {
    pub(super) api: Api,
    pub(super) path: &'static str,
    pub(super) columns: &'static [Column],
}

impl At {
    pub(super) fn new(settings: &Settings, path: &'static str, columns: &'static [Column]) -> anyhow::Result<Self> {
        Ok(Self { api: Api::from_settings(settings)?, path, columns })
    }

    pub(super) async fn search(&self, search: Search) -> anyhow::Result<ExitCode> {
        let Search { q, limit, output } = search;
        list(&self.api, self.path, &[("q", q)], Some(limit), output, self.columns).await
    }

    pub(super) async fn get(&self, of: ById) -> anyhow::Result<ExitCode> {
        let found = self.api.get(&format!("{}/{}", self.path, of.id), &[]).await?;
        one(of.output, self.columns, &found)?;
        Ok(ExitCode::SUCCESS)
    }

    pub(super) async fn create(&self, output: Output, new: Value) -> anyhow::Result<ExitCode> {
        let made = answer(self.api.request(Method::POST, self.path).json(&said(new)).send().await).await?;
        one(output, self.columns, &made)?;
        Ok(ExitCode::SUCCESS)
    }

    /// Sees the thing and edits what was seen: whoever was faster makes this a conflict.
    pub(super) async fn edit(&self, of: ById, edit: Value) -> anyhow::Result<ExitCode> {
        let path = format!("{}/{}", self.path, of.id);
        let edited = self.api.edit(&path, &said(edit)).await?;
        one(of.output, self.columns, &edited)?;
        Ok(ExitCode::SUCCESS)
    }

    async fn import(&self, file: Import) -> anyhow::Result<ExitCode> {
        import(&self.api, &format!("{}/import", self.path), &[], file).await
    }
}

/// Without what was not said.
pub(super) fn said(mut fields: Value) -> Value {
    if let Some(fields) = fields.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    fields
}
