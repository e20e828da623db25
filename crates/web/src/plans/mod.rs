//! `/plans`: what a change would do, stored, before anything is done.

pub(crate) mod create;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod rows;

use crate::App;
use crate::idempotency::Made;
use crate::problem::Problem;
use axum::http::StatusCode;
use database::api_key::Caller;
use database::bulk_change::{BulkChange, Linked};
use domain::ids::ServiceProviderId;
use domain::states::BulkChangeStatus;
use futures_util::future::BoxFuture;
use intake::Planning;
use serde_json::{Value, json};
use uuid::Uuid;

/// Runs a plan that was begun: 201 when it is made in time, else 202 while it goes on.
pub(crate) async fn make(app: &App, caller: &Caller, planning: Planning) -> Result<Made, Problem> {
    let id = planning.id();
    let mut running = tokio::spawn(planning.run());
    let status = match tokio::time::timeout(app.plan_wait, &mut running).await {
        Err(_) => StatusCode::ACCEPTED,
        Ok(Ok(Ok(()))) => StatusCode::CREATED,
        Ok(Ok(Err(refusal))) => return Err(refusal.into()),
        Ok(Err(_)) => return Err(Problem::internal()),
    };
    let plan = database::bulk_change::get(&app.ledger, caller, id.0).await?.ok_or_else(Problem::internal)?;
    Ok(Made { status, body: show_whole(app, caller, &plan).await?, location: format!("/api/v1/plans/{id}") })
}

/// Plans are told again from what is stored of them.
pub(crate) fn tell_again(
    app: &App,
    caller: Caller,
) -> impl FnOnce(Uuid) -> BoxFuture<'static, Result<Made, Problem>> + use<> {
    let app = app.clone();
    move |id| {
        Box::pin(async move {
            let plan = database::bulk_change::get(&app.ledger, &caller, id).await?.ok_or_else(Problem::internal)?;
            let body = show_whole(&app, &caller, &plan).await?;
            Ok(Made { status: StatusCode::CREATED, body, location: format!("/api/v1/plans/{id}") })
        })
    }
}

/// A plan with the others that came of the same input.
pub(crate) async fn show_whole(app: &App, caller: &Caller, plan: &BulkChange) -> Result<Value, Problem> {
    let mut shown = show(plan);
    shown["linked"] = linked(app, caller, plan).await?;
    Ok(shown)
}

/// The other plans or changes that came of the same input, if it mixed service providers.
pub(crate) async fn linked(app: &App, caller: &Caller, change: &BulkChange) -> Result<Value, Problem> {
    let linked = database::bulk_change::linked(&app.ledger, caller, change).await?;
    let one = |linked: Linked| json!({ "id": linked.id, "status": linked.status, "service_provider": provider(&linked.service_provider) });
    Ok(linked.into_iter().map(one).collect())
}

/// A service provider as it is shown beside what is its own.
pub(crate) fn provider(provider: &Option<(ServiceProviderId, String)>) -> Value {
    provider.as_ref().map_or(Value::Null, |(id, name)| json!({ "id": id, "name": name }))
}

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
        "service_provider": provider(&plan.service_provider), "linked_to": plan.linked_to, "start_at": plan.start_at,
        "columns": plan.input_columns,
        "progress": (plan.status == BulkChangeStatus::Planning).then(|| json!({ "rows_read": plan.progress.0, "rows_judged": plan.progress.1 })),
        "request": plan.request, "reference": plan.reference, "retry_of": plan.retry_of, "undo_of": plan.undo_of, "input_name": plan.input_name,
        "counts": {
            "rows": plan.rows, "change": if planned { plan.counts.planned } else { 0 }, "no_change": plan.no_change, "refused": plan.refused,
            "by_reason": plan.by_reason,
        },
        // Nothing outside is asked for yet, so there is nothing to wait for.
        "eta": [],
        "side_effects": side_effects,
    })
}
