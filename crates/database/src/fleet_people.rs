//! Set-up of people: the first ones, written by the owner role within one tenant. Used by `init`, the first-run page, the demo
//! and tests.

use crate::Result;
use crate::audit::record_by;
use crate::fleet::Fleet;
use crate::person::{Made, NewPerson, PersonKey, give_role, insert, invitation, sign_in::write_password};
use domain::ids::TenantId;
use domain::secret_token::SecretToken;
use serde_json::json;

/// How somebody comes to a password.
#[derive(Clone, Copy, Debug)]
pub enum FirstPassword<'a> {
    /// This is kept of it.
    Phc(&'a str),
    /// With this link.
    Link(&'a SecretToken),
}

impl Fleet {
    /// Makes a person of this tenant.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn create_person(
        &mut self,
        tenant: TenantId,
        new: &NewPerson<'_>,
        password: FirstPassword<'_>,
    ) -> Result<Made> {
        let mut transaction = self.in_tenant(tenant).await?;
        let made = insert(&mut transaction, tenant, new).await?;
        if made != Made::Done {
            return Ok(made);
        }
        let key = PersonKey { tenant, person: new.id };
        match password {
            FirstPassword::Phc(phc) => write_password(&mut transaction, key, phc).await?,
            FirstPassword::Link(link) => invitation::write(&mut transaction, key, link).await?,
        }
        let detail = json!({ "person": new.id, "email": new.email.as_str(), "role": new.role });
        record_by(&mut transaction, tenant, "ascribe", "person_added", detail).await?;
        transaction.commit().await?;
        Ok(made)
    }

    /// Sets the password of a person of this tenant; every session ends.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn set_password(&mut self, key: PersonKey, phc: &str) -> Result<()> {
        let mut transaction = self.in_tenant(key.tenant).await?;
        write_password(&mut transaction, key, phc).await?;
        crate::person::session::end_in(&mut transaction, key, None, None).await?;
        record_by(&mut transaction, key.tenant, "ascribe", "password_set", json!({ "person": key.person })).await?;
        Ok(transaction.commit().await?)
    }

    /// Gives a person of a partner a role in one of its agents, too.
    ///
    /// # Errors
    /// `Data` if there is a role already; the database does not answer.
    pub async fn give_role_in_agent(
        &mut self,
        agent: TenantId,
        person: PersonKey,
        new: &NewPerson<'_>,
    ) -> Result<Made> {
        let mut transaction = self.in_tenant(agent).await?;
        let made = give_role(&mut transaction, agent, person, new).await?;
        if made == Made::Done {
            let detail = json!({ "person": person.person, "role": new.role });
            record_by(&mut transaction, agent, "ascribe", "person_added", detail).await?;
            transaction.commit().await?;
        }
        Ok(made)
    }
}
