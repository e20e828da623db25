//! What a plan's rows do at their carrier, with the names a person knows things by.

use crate::Result;
use domain::carrier_request::PlaceOfUse;
use domain::ids::TenantId;
use serde::Deserialize;
use sqlx::PgConnection;
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;

/// What a target asks of the carrier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarrierImage {
    /// The code of the plan that an active SIM is to have.
    pub carrier_rate_plan: Option<String>,
    /// The communication plan beside it.
    pub communication_plan: Option<String>,
    /// What a SIM without service is activated with.
    pub activation: Option<ActivationImage>,
}

/// What a SIM is activated with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivationImage {
    /// The plan's code.
    pub carrier_rate_plan: String,
    /// The rest, in the words of the request.
    pub asked: ActivationAsked,
    /// The pool of its static address.
    pub static_ip_pool: Option<String>,
}

/// As it is stored with the target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ActivationAsked {
    /// Where its number is to be from.
    pub zip_code: String,
    /// The kind of device.
    pub sku: Option<String>,
    /// Who uses it, and where.
    pub place_of_use: Option<PlaceOfUse>,
}

/// What targets of a change ask of the carrier, by the targets' numbers. One statement, none for no targets.
pub(crate) async fn carrier_of(
    connection: &mut PgConnection,
    tenant: TenantId,
    change: Uuid,
    targets: &[i32],
) -> Result<HashMap<i32, Arc<CarrierImage>>> {
    if targets.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sqlx::query!(
        r#"select t.target_number, p.rate_plan_code as "plan?", t.communication_plan, a.rate_plan_code as "activation_plan?",
               t.activation, t.static_ip_pool
           from app.bulk_change_target t
           left join app.carrier_rate_plan p on p.tenant_id = t.tenant_id and p.id = t.carrier_rate_plan_id
           left join app.carrier_rate_plan a on a.tenant_id = t.tenant_id and a.id = t.activation_carrier_rate_plan_id
           where t.tenant_id = $1 and t.bulk_change_id = $2 and t.target_number = any ($3)
             and (t.carrier_rate_plan_id is not null or t.activation_carrier_rate_plan_id is not null)"#,
        tenant.0,
        change,
        targets
    )
    .fetch_all(connection)
    .await?;
    let images = rows.into_iter().map(|row| {
        let (asked, static_ip_pool) = (row.activation.unwrap_or_default(), row.static_ip_pool);
        let activation = row.activation_plan.map(|carrier_rate_plan| ActivationImage {
            carrier_rate_plan,
            asked: serde_json::from_value(asked).unwrap_or_default(),
            static_ip_pool,
        });
        let image =
            CarrierImage { carrier_rate_plan: row.plan, communication_plan: row.communication_plan, activation };
        (row.target_number, Arc::new(image))
    });
    Ok(images.collect())
}
