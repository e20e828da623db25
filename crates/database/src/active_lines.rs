//! The lines at Rev.io that bill devices now, of whatever account.

use crate::Result;
use domain::ids::{IntegrationAuthenticationId, RevServiceId, TenantId};
use domain::target::RevAccount;
use domain::verdict::ActiveLine;
use sqlx::PgConnection;
use std::collections::HashMap;
use uuid::Uuid;

/// The active lines of devices by their numbers, by the rules of `usp_update_device_rev_service_links`: all of them, also a second
/// one of the device's own account, which links do not have. No statement if there are no devices, which is usual: only those are
/// asked for that are linked to an active line, or that have no assignment and so no links.
pub(crate) async fn active_lines(
    connection: &mut PgConnection,
    tenant: TenantId,
    devices: &[(Uuid, &str)],
) -> Result<HashMap<Uuid, Vec<ActiveLine>>> {
    let mut lines: HashMap<Uuid, Vec<ActiveLine>> = HashMap::new();
    if devices.is_empty() {
        return Ok(lines);
    }
    let (mut ids, mut numbers) = (Vec::with_capacity(devices.len()), Vec::with_capacity(devices.len()));
    for (device, number) in devices {
        // Rev.io may have the number without the leading 1.
        for number in [Some(*number), number.strip_prefix('1')].into_iter().flatten() {
            ids.push(*device);
            numbers.push(number.to_owned());
        }
    }
    let found = sqlx::query!(
        r#"select c.device_id as "device_id!", s.id, s.rev_customer_id, s.integration_authentication_id, s.rev_service_id,
               count(*)::integer as "products!"
           from unnest($2::uuid[], $3::text[]) as c (device_id, number)
           join app.rev_service s on s.tenant_id = $1 and s.number = c.number and s.disconnected_date is null and s.gone_at is null
           join app.rev_service_product p on p.tenant_id = $1 and p.integration_authentication_id = s.integration_authentication_id
               and p.rev_service_id = s.rev_service_id and p.status not in ('DISCONNECTED', 'DENIED') and p.gone_at is null
           join app.rev_customer r on r.tenant_id = $1 and r.integration_authentication_id = s.integration_authentication_id
               and r.rev_customer_id = s.rev_customer_id and r.status <> 'CLOSED'
           group by c.device_id, s.tenant_id, s.id
           order by c.device_id, s.rev_service_id, s.id"#,
        tenant.0,
        &ids,
        &numbers
    )
    .fetch_all(connection)
    .await?;
    for row in found {
        let account = RevAccount {
            rev_customer_id: row.rev_customer_id,
            integration_authentication: IntegrationAuthenticationId(row.integration_authentication_id),
        };
        let (id, rev_service_id, products) = (RevServiceId(row.id), row.rev_service_id, row.products);
        lines.entry(row.device_id).or_default().push(ActiveLine { id, account, rev_service_id, products });
    }
    Ok(lines)
}
