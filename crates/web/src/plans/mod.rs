//! `/plans`: what a change would do, stored, before anything is done.

pub(crate) mod create;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod rows;

use database::bulk_change::BulkChange;
use domain::states::BulkChangeStatus;
use serde_json::{Value, json};

/// A plan as the API shows it.
pub(crate) fn show(plan: &BulkChange) -> Value {
    let planned = plan.status != BulkChangeStatus::Planning && plan.status != BulkChangeStatus::PlanFailed;
    let mut side_effects = Vec::new();
    if plan.counts.planned > 0 {
        side_effects.push(json!({ "step": "record_assignment", "rows": plan.counts.planned, "outside": false }));
    }
    json!({
        "id": plan.id, "status": plan.status, "status_details": plan.status_details, "hash": plan.hash,
        "created_at": plan.created_at, "expires_at": plan.expires_at, "expired": plan.expired,
        "service_provider": { "id": plan.service_provider.0, "name": plan.service_provider.1 },
        "request": plan.request, "reference": plan.reference, "input_name": plan.input_name,
        "counts": {
            "rows": plan.rows, "change": if planned { plan.counts.planned } else { 0 }, "no_change": plan.no_change, "refused": plan.refused,
            "by_reason": plan.by_reason,
        },
        // Nothing outside is asked for yet, so there is nothing to wait for.
        "eta": [],
        "side_effects": side_effects,
    })
}
