//! `ascribe init`: the first tenant and its first key.

use crate::roles::open;
use crate::settings::{self, Settings};
use anyhow::Context as _;
use database::fleet::{Fleet, tenant_named};
use domain::api_key::ApiKey;
use domain::ids::{ApiKeyId, SiteId, TenantId};
use domain::rights::Role;

/// What `ascribe init` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The tenant's name; made if it does not exist
    #[arg(long)]
    tenant: String,
    /// Its time zone, for effective dates
    #[arg(long, default_value = "UTC")]
    time_zone: String,
    /// Make it an agent partner under this partner
    #[arg(long)]
    partner: Option<String>,
    /// The key's role: super_admin, partner_admin, agent_partner_admin, agent, user or notification_only
    #[arg(long, default_value = "partner_admin", value_parser = role)]
    role: Role,
    /// A name to know the key by
    #[arg(long, default_value = "init")]
    key_name: String,
}

fn role(word: &str) -> Result<Role, String> {
    Role::from_word(word)
        .ok_or_else(|| format!("one of {}", Role::ALL.iter().map(|r| r.word()).collect::<Vec<_>>().join(", ")))
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
            let partner = match &arguments.partner {
                None => None,
                Some(name) => {
                    let found = tenant_named(server, name).await?;
                    Some(found.with_context(|| format!("there is no partner {name:?}"))?)
                }
            };
            let (tenant, site) = (TenantId(ids.next()), SiteId(ids.next()));
            fleet.create_tenant_under(tenant, &arguments.tenant, &arguments.time_zone, site, partner).await?;
            tenant
        }
    };
    let key = ApiKey::new(&ids);
    let id = ApiKeyId(ids.next());
    fleet.create_api_key_for(tenant, id, &arguments.key_name, &key, arguments.role, None).await?;
    eprintln!("Tenant {} is {tenant}. This key is shown once; it works for a year:", arguments.tenant);
    println!("{}", key.reveal());
    opened.close().await;
    Ok(())
}
