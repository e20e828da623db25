//! Sites and groups of sites by what people call them: their names, each unique in its tenant.

use crate::{Ledger, Result};
use domain::ids::TenantId;
use uuid::Uuid;

/// What somebody may be confined to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A site.
    Site,
    /// A group of sites.
    Group,
}

/// Those of the tenant that have one of these ids or names, with both.
///
/// # Errors
/// The database does not answer.
pub async fn called(
    ledger: &Ledger,
    tenant: TenantId,
    place: Place,
    ids: &[Uuid],
    names: &[String],
) -> Result<Vec<(Uuid, String)>> {
    let mut transaction = ledger.web(tenant).await?;
    Ok(match place {
        Place::Site => sqlx::query!(
            "select id, name from app.site where tenant_id = $1 and (id = any ($2) or name = any ($3)) order by name",
            tenant.0,
            ids,
            names
        )
        .fetch_all(&mut *transaction)
        .await?
        .into_iter()
        .map(|row| (row.id, row.name))
        .collect(),
        Place::Group => sqlx::query!(
            "select id, name from app.site_group where tenant_id = $1 and (id = any ($2) or name = any ($3)) order by name",
            tenant.0,
            ids,
            names
        )
        .fetch_all(&mut *transaction)
        .await?
        .into_iter()
        .map(|row| (row.id, row.name))
        .collect(),
    })
}
