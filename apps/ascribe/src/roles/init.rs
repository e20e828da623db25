//! `ascribe init`: the first tenant, its first administrator and its first key.

use crate::roles::open;
use crate::settings::{self, Settings};
use anyhow::Context as _;
use database::Ledger;
use database::fleet::{Fleet, partner_of, tenant_named};
use database::fleet_people::FirstPassword;
use database::person::{Made, NewPerson};
use domain::api_key::ApiKey;
use domain::email::Email;
use domain::ids::{ApiKeyId, Ids, PersonId, SiteId, TenantId};
use domain::rights::Role;
use domain::secret_token::SecretToken;
use secrecy::ExposeSecret as _;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

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
    /// Also make a person who signs in with this address, with the key's role; somebody of the partner gets the role here, too
    #[arg(long)]
    email: Option<String>,
    /// What that person is called
    #[arg(long, default_value = "Administrator")]
    name: String,
    /// A file with that person's password, which nobody else may read; without it a link is printed that sets one
    #[arg(long)]
    password_file: Option<PathBuf>,
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
    let partner = match &arguments.partner {
        None => None,
        Some(name) => {
            let found = tenant_named(server, name).await?;
            Some(found.with_context(|| format!("there is no partner {name:?}"))?)
        }
    };
    let tenant = match tenant_named(server, &arguments.tenant).await? {
        Some(tenant) => {
            // Whose agent a tenant is was decided when it was made; who says otherwise is mistaken about one of the two.
            let real = partner_of(server, tenant).await?;
            anyhow::ensure!(
                partner.is_none() || partner == real,
                "{:?} is there already, and is no agent of {:?}",
                arguments.tenant,
                arguments.partner.as_deref().unwrap_or_default()
            );
            tenant
        }
        None => {
            let (tenant, site) = (TenantId(ids.next()), SiteId(ids.next()));
            fleet.create_tenant_under(tenant, &arguments.tenant, &arguments.time_zone, site, partner).await?;
            tenant
        }
    };
    let key = ApiKey::new(&ids);
    let id = ApiKeyId(ids.next());
    fleet.create_api_key_for(tenant, id, &arguments.key_name, &key, arguments.role, None).await?;
    if let Some(email) = &arguments.email {
        let said = first_person(settings, &opened.ledger, &mut fleet, tenant, email, arguments, &ids).await?;
        eprintln!("{said}");
    }
    eprintln!("Tenant {} is {tenant}. This key is shown once; it works for a year:", arguments.tenant);
    println!("{}", key.reveal());
    opened.close().await;
    Ok(())
}

/// Where `serve` with these settings has its pages: where people are told to go, or else where it listens.
fn pages_url(settings: &Settings) -> String {
    if let Some(url) = &settings.public_url {
        return url.trim_end_matches('/').to_owned();
    }
    let mut listen = settings.listen;
    if listen.ip().is_unspecified() {
        // It listens everywhere; somebody at this machine finds it here.
        listen.set_ip(if listen.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    format!("http://{listen}")
}

/// Makes the person, or gives somebody of the partner the role in this tenant, too; answers what to tell.
async fn first_person(
    settings: &Settings,
    ledger: &Ledger,
    fleet: &mut Fleet,
    tenant: TenantId,
    email: &str,
    arguments: &Arguments,
    ids: &Ids,
) -> anyhow::Result<String> {
    let email = Email::read(email).with_context(|| format!("{email:?} is no e-mail address"))?;
    let new = NewPerson {
        id: PersonId(ids.next()),
        role_id: ApiKeyId(ids.next()),
        email: &email,
        name: &arguments.name,
        role: arguments.role,
        sites: None,
        site_groups: &[],
    };
    if let Some(known) = database::person::sign_in::known(ledger, &email).await? {
        // The tenant's own partner, whatever was said: nobody else's people get a role in it.
        let partner = partner_of(ledger.server(), tenant).await?;
        anyhow::ensure!(
            arguments.partner.is_some() && partner == Some(known.key.tenant),
            "{email} signs in here already; only somebody of the partner can have a role in its agent, too (--partner)"
        );
        fleet.give_role_in_agent(tenant, known.key, &new).await.context("they have a role in this tenant already")?;
        return Ok(format!("{email} may act in {} now, too.", arguments.tenant));
    }
    let link = SecretToken::new(ids);
    let (made, said) = match &arguments.password_file {
        Some(path) => {
            let text = settings::read_private(path)?;
            let password = text.expose_secret().trim_end_matches(['\r', '\n']);
            domain::password::taken(password, &email)?;
            let phc = domain::password::hash(password, ids)?;
            (fleet.create_person(tenant, &new, FirstPassword::Phc(&phc)).await?, format!("{email} can sign in."))
        }
        None => {
            // On a line of its own: nothing but the link is taken along when it is copied.
            let said = format!(
                "{email} sets a password here, once, within seven days:\n{}/invitation/{}",
                pages_url(settings),
                link.reveal()
            );
            (fleet.create_person(tenant, &new, FirstPassword::Link(&link)).await?, said)
        }
    };
    anyhow::ensure!(made == Made::Done, "{email} signs in here already");
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_where_the_pages_are() {
        let at = |listen: &str, public_url: Option<&str>| {
            let (listen, public_url) = (listen.parse().unwrap(), public_url.map(str::to_owned));
            pages_url(&Settings { listen, public_url, ..Settings::default() })
        };
        assert_eq!(at("127.0.0.1:8081", None), "http://127.0.0.1:8081");
        assert_eq!(at("0.0.0.0:9000", None), "http://127.0.0.1:9000");
        assert_eq!(at("[::]:9000", None), "http://[::1]:9000");
        assert_eq!(at("10.0.0.7:80", Some("https://ascribe.example/")), "https://ascribe.example");
    }
}
