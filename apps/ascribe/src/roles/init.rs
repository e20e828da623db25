//! `ascribe init`: the first tenant and its first key.

use crate::roles::open;
use crate::settings::{self, Settings};
use database::fleet::{Fleet, tenant_named};
use domain::api_key::ApiKey;
use domain::ids::{ApiKeyId, SiteId, TenantId};

/// What `ascribe init` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The tenant's name; made if it does not exist
    #[arg(long)]
    tenant: String,
    /// Its time zone, for effective dates
    #[arg(long, default_value = "UTC")]
    time_zone: String,
    /// A name to know the key by
    #[arg(long, default_value = "init")]
    key_name: String,
}

/// Makes the tenant if it is missing, and always a new key, which is shown this once.
pub(crate) async fn run(settings: &Settings, arguments: &Arguments) -> anyhow::Result<()> {
    anyhow::ensure!(
        jiff::tz::TimeZone::get(&arguments.time_zone).is_ok(),
        "{:?} is not a time zone of the IANA database",
        arguments.time_zone
    );
    let opened = open(settings).await?;
    let ids = settings::ids();
    let server = opened.ledger.server();
    let mut fleet = Fleet::open(server).await?;
    let tenant = match tenant_named(server, &arguments.tenant).await? {
        Some(tenant) => tenant,
        None => {
            let tenant = TenantId(ids.next());
            fleet.create_tenant(tenant, &arguments.tenant, &arguments.time_zone, SiteId(ids.next())).await?;
            tenant
        }
    };
    let key = ApiKey::new(&ids);
    fleet.create_api_key(tenant, ApiKeyId(ids.next()), &arguments.key_name, &key).await?;
    eprintln!("Tenant {} is {tenant}. This key is shown once; it works for a year:", arguments.tenant);
    println!("{}", key.reveal());
    opened.close().await;
    Ok(())
}
