//! Tokens that run out by themselves: one for all workers, sealed.

use super::account::token_place;
use crate::rev_io::CredentialRefusal;
use crate::secret::{KeyRing, Sealed};
use crate::{DatabaseError, Ledger};
use domain::ids::{Ids, ServiceProviderId, TenantId};
use secrecy::SecretString;
use std::collections::BTreeMap;

/// The tokens of an account by part, opened. One that does not open, because it was got with something else, is none: it is renewed.
///
/// # Errors
/// The database does not answer.
pub async fn tokens(
    ledger: &Ledger,
    tenant: TenantId,
    ring: &KeyRing,
    provider: ServiceProviderId,
    signed_with: &str,
) -> Result<BTreeMap<String, SecretString>, DatabaseError> {
    let mut transaction = ledger.worker(tenant).await?;
    let rows = sqlx::query!(
        "select part, version, key_id, sealed_key, sealed_value from app.carrier_sign_in where tenant_id = $1 and service_provider_id = $2",
        tenant.0,
        provider.0
    )
    .fetch_all(&mut *transaction)
    .await?;
    let opened = rows.into_iter().filter_map(|row| {
        let sealed = Sealed { key_id: row.key_id, sealed_key: row.sealed_key, sealed_value: row.sealed_value };
        let place = token_place(tenant, provider.0, (&row.part, row.version), signed_with);
        Some((row.part, ring.open(&place, &sealed).ok()?))
    });
    Ok(opened.collect())
}

/// Keeps a token that was renewed.
///
/// # Errors
/// [`CredentialRefusal::Secret`] if it cannot be sealed; the database does not answer.
pub async fn keep_token(
    ledger: &Ledger,
    tenant: TenantId,
    (ring, ids): (&KeyRing, &Ids),
    (provider, signed_with): (ServiceProviderId, &str),
    (part, token): (&str, &SecretString),
) -> Result<(), CredentialRefusal> {
    let mut transaction = ledger.worker(tenant).await?;
    let version = sqlx::query_scalar!(
        "select version from app.carrier_sign_in where tenant_id = $1 and service_provider_id = $2 and part = $3 for update",
        tenant.0,
        provider.0,
        part
    )
    .fetch_optional(&mut *transaction)
    .await
    .map_err(DatabaseError::from)?
    .map_or(1, |version| version + 1);
    let sealed = ring.seal(ids, &token_place(tenant, provider.0, (part, version), signed_with), token);
    let sealed = sealed.map_err(|why| CredentialRefusal::Secret(part.to_owned(), why))?;
    // Two that renew at the same moment: the later one is kept, whole.
    sqlx::query!(
        "insert into app.carrier_sign_in (tenant_id, service_provider_id, part, version, key_id, sealed_key, sealed_value, renewed_at)
         values ($1, $2, $3, $4, $5, $6, $7, app.now())
         on conflict (tenant_id, service_provider_id, part) do update
         set version = excluded.version, key_id = excluded.key_id, sealed_key = excluded.sealed_key, sealed_value = excluded.sealed_value,
             renewed_at = excluded.renewed_at",
        tenant.0,
        provider.0,
        part,
        version,
        sealed.key_id,
        sealed.sealed_key,
        sealed.sealed_value
    )
    .execute(&mut *transaction)
    .await
    .map_err(DatabaseError::from)?;
    transaction.commit().await.map_err(DatabaseError::from)?;
    Ok(())
}
