//! What a tenant is, as far as its requests need it.

use crate::{Ledger, Result};
use domain::ids::TenantId;
use jiff::Timestamp;

/// Now, by the ledger's clock, and the name of the tenant's time zone.
///
/// # Errors
/// The database does not answer.
pub async fn now_and_zone(ledger: &Ledger, tenant: TenantId) -> Result<(Timestamp, String)> {
    let mut transaction = ledger.web(tenant).await?;
    let row = sqlx::query!("select app.now() as \"now!\", time_zone from app.tenant where id = $1", tenant.0)
        .fetch_one(&mut *transaction)
        .await?;
    Ok((row.now.to_jiff(), row.time_zone))
}
