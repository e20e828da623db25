//! Whose key is this, and making one.

use crate::{Ledger, Result};
use domain::api_key::ApiKey;
use domain::ids::{ApiKeyId, TenantId};
use domain::rights::{Module, Rights, Scope};

/// Who a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Whose transaction it will be.
    pub tenant: TenantId,
    /// With which key.
    pub api_key: ApiKeyId,
    /// Confined to sites: then it sees the plans and changes it made itself, and no others.
    pub confined: bool,
    /// May it see SIMs known by their ICCID, and what is done to them?
    pub m2m: bool,
    /// May it see SIMs known by their subscriber number?
    pub mobility: bool,
}

impl Caller {
    /// A key with its rights.
    #[must_use]
    pub fn new(tenant: TenantId, api_key: ApiKeyId, rights: &Rights) -> Self {
        Self {
            tenant,
            api_key,
            confined: rights.scope != Scope::Everything,
            m2m: rights.sees(Module::M2m),
            mobility: rights.sees(Module::Mobility),
        }
    }

    /// Who acts, as the audit trail writes it.
    #[must_use]
    pub fn actor(&self) -> String {
        format!("api_key:{}", self.api_key)
    }
}

/// Whose key this is, before a tenant is known; None: unknown, revoked or expired, which are one answer to outsiders.
///
/// # Errors
/// The database does not answer.
pub async fn found(ledger: &Ledger, key: &ApiKey) -> Result<Option<(TenantId, ApiKeyId)>> {
    let found = sqlx::query!(
        "select tenant_id, api_key_id from app.api_key_lookup
         where key_sha256 = $1 and revoked_at is null and expires_at > app.now()",
        &key.sha256()[..]
    )
    .fetch_optional(&ledger.dispatcher)
    .await?;
    Ok(found.map(|row| (TenantId(row.tenant_id), ApiKeyId(row.api_key_id))))
}
