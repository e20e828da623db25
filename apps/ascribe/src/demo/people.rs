//! Somebody who can sign in to the demo, with a password that is new each time.

use database::Ledger;
use database::fleet::Fleet;
use database::fleet_people::FirstPassword;
use database::person::{Made, NewPerson};
use domain::email::Email;
use domain::ids::{ApiKeyId, Ids, PersonId, TenantId};
use domain::rights::Role;
use domain::secret_token::SecretToken;

/// An address for examples (RFC 2606): nobody reads mail there.
const EMAIL: &str = "operator@example.com";

/// What one signs in with.
pub(super) struct Login {
    pub(super) email: String,
    pub(super) password: String,
}

/// Makes the operator of the first tenant, or gives them a new password: what is stored of the last one is only its hash.
pub(super) async fn make(ledger: &Ledger, ids: &Ids, tenant: TenantId) -> anyhow::Result<Login> {
    let email = Email::read(EMAIL).ok_or_else(|| anyhow::anyhow!("the demo's address is none"))?;
    // 128 random bits.
    let password: String = SecretToken::new(ids).reveal().chars().take(32).collect();
    let phc = domain::password::hash(&password, ids)?;
    let mut fleet = Fleet::open(ledger.server()).await?;
    if let Some(known) = database::person::sign_in::known(ledger, &email).await? {
        fleet.set_password(known.key, &phc).await?;
    } else {
        let new = NewPerson {
            id: PersonId(ids.next()),
            role_id: ApiKeyId(ids.next()),
            email: &email,
            name: "Demo operator",
            role: Role::PartnerAdmin,
            sites: None,
            site_groups: &[],
        };
        let made = fleet.create_person(tenant, &new, FirstPassword::Phc(&phc)).await?;
        anyhow::ensure!(made == Made::Done, "the demo's address is somebody else's");
    }
    Ok(Login { email: EMAIL.to_owned(), password })
}
