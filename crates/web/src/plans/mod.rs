//! `/plans`: what a change would do, stored, before anything is done.

pub(crate) mod carrier;
pub(crate) mod create;
pub(crate) mod get;
mod lines;
pub(crate) mod list;
pub(crate) mod outside;
pub(crate) mod rows;

use crate::App;
use crate::idempotency::Made;
use crate::problem::Problem;
use crate::shape::Named;
use axum::http::StatusCode;
use database::api_key::Caller;
use database::bulk_change::{BulkChange, Linked};
use domain::ids::ServiceProviderId;
use domain::states::BulkChangeStatus;
use futures_util::future::BoxFuture;
use intake::Planning;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use utoipa::ToSchema;
use uuid::Uuid;

/// Runs a plan that was begun: 201 when it is made in time, else 202 while it goes on. The time is what the caller prefers,
/// or ours.
pub(crate) async fn make(
    app: &App,
    caller: &Caller,
    planning: Planning,
    wait: Option<Duration>,
) -> Result<Made, Problem> {
    let id = planning.id();
    let mut running = tokio::spawn(planning.run());
    let status = match tokio::time::timeout(wait.unwrap_or(app.plan_wait), &mut running).await {
        Err(_) => StatusCode::ACCEPTED,
        Ok(Ok(Ok(()))) => StatusCode::CREATED,
        Ok(Ok(Err(refusal))) => return Err(refusal.into()),
        Ok(Err(_)) => return Err(Problem::internal()),
    };
    let plan = database::bulk_change::get(&app.ledger, caller, id.0).await?.ok_or_else(Problem::internal)?;
    Made::new(status, &show_whole(app, caller, &plan).await?, format!("/api/v1/plans/{id}"))
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
            let shown = show_whole(&app, &caller, &plan).await?;
            Made::new(StatusCode::CREATED, &shown, format!("/api/v1/plans/{id}"))
        })
    }
}

/// What a plan comes to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlanCounts {
    /// Rows of the input.
    rows: i32,
    /// Rows that will be changed.
    change: i32,
    /// Rows that are as asked already.
    no_change: i32,
    /// Rows that are refused.
    refused: i32,
    /// Rows by the code of their reason.
    by_reason: BTreeMap<String, i32>,
}

/// How far a plan is that is being made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlanProgress {
    rows_read: i32,
    rows_judged: i32,
}

/// A plan or bulk change that came of the same input.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LinkedChange {
    pub(crate) id: Uuid,
    status: String,
    #[schema(required)]
    pub(crate) service_provider: Option<Named>,
}

/// A column of the input with the field it is taken for.
#[derive(Debug, Serialize, serde::Deserialize, ToSchema)]
pub(crate) struct InputColumn {
    pub(crate) column: String,
    /// Null: for none.
    #[schema(required)]
    pub(crate) field: Option<String>,
}

/// What a change would do; nothing is changed before it is applied.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Plan {
    id: Uuid,
    /// `PLANNING`, `PLANNED`, `PLAN_FAILED`; later the bulk change's.
    status: String,
    #[schema(required)]
    status_details: Option<String>,
    /// SHA-256 over every row's verdict and what it was judged on, hexadecimal.
    #[schema(required)]
    hash: Option<String>,
    created_at: Timestamp,
    #[schema(required)]
    expires_at: Option<Timestamp>,
    /// How old what was known of Rev.io was when rows were judged; null: no account is read, or not all of one was yet.
    #[schema(required)]
    billing_mirrored_at: Option<Timestamp>,
    expired: bool,
    /// Whose SIMs; null while only the input can tell.
    #[schema(required)]
    service_provider: Option<Named>,
    /// The plan that has the upload of which this is a part.
    #[schema(required)]
    linked_to: Option<Uuid>,
    /// The others that came of the same input; only where one is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    linked: Option<Vec<LinkedChange>>,
    #[schema(required)]
    start_at: Option<Timestamp>,
    columns: Vec<InputColumn>,
    /// Only while PLANNING.
    #[schema(required)]
    progress: Option<PlanProgress>,
    /// Only while PLANNING: ask again after so many milliseconds.
    #[schema(required)]
    poll_after_ms: Option<u32>,
    /// What was asked for.
    #[schema(value_type = Object)]
    request: Value,
    #[schema(required)]
    reference: Option<String>,
    #[schema(required)]
    retry_of: Option<Uuid>,
    #[schema(required)]
    undo_of: Option<Uuid>,
    #[schema(required)]
    input_name: Option<String>,
    counts: PlanCounts,
    /// How long what is sent outside takes, by account.
    eta: Vec<outside::Eta>,
    /// What is done, step by step.
    side_effects: Vec<outside::SideEffect>,
    /// How SIMs stand at their carrier; null where nothing is asked of it.
    #[schema(required)]
    at_carrier: Option<outside::AtCarrier>,
    /// What a person should know before applying it.
    warnings: Vec<String>,
}

/// A plan with the others that came of the same input.
pub(crate) async fn show_whole(app: &App, caller: &Caller, plan: &BulkChange) -> Result<Plan, Problem> {
    let budgets = outside::budgets(app, caller, std::slice::from_ref(plan)).await?;
    Ok(Plan { linked: Some(linked(app, caller, plan).await?), ..show(plan, &budgets) })
}

/// The other plans or changes that came of the same input, if it mixed service providers.
pub(crate) async fn linked(app: &App, caller: &Caller, change: &BulkChange) -> Result<Vec<LinkedChange>, Problem> {
    let linked = database::bulk_change::linked(&app.ledger, caller, change).await?;
    let one = |linked: Linked| LinkedChange {
        id: linked.id.0,
        status: linked.status,
        service_provider: provider(&linked.service_provider),
    };
    Ok(linked.into_iter().map(one).collect())
}

/// A service provider as it is shown beside what is its own.
pub(crate) fn provider(provider: &Option<(ServiceProviderId, String)>) -> Option<Named> {
    provider.as_ref().map(|(id, name)| Named { id: id.0, name: name.clone() })
}

/// The columns of an input as they are stored.
pub(crate) fn columns(stored: &Value) -> Vec<InputColumn> {
    serde_json::from_value(stored.clone()).unwrap_or_default()
}

/// A plan as the API shows it, with what the accounts may be sent that it sends to.
fn show(plan: &BulkChange, budgets: &[outside::Gate]) -> Plan {
    let is_planning = plan.status == BulkChangeStatus::Planning;
    let planned = !is_planning && plan.status != BulkChangeStatus::PlanFailed;
    Plan {
        id: plan.id.0,
        status: plan.status.word().to_owned(),
        status_details: plan.status_details.clone(),
        hash: plan.hash.clone(),
        created_at: plan.created_at,
        expires_at: plan.expires_at,
        billing_mirrored_at: plan.billing_mirrored_at,
        expired: plan.expired,
        service_provider: provider(&plan.service_provider),
        linked_to: plan.linked_to.map(|id| id.0),
        linked: None,
        start_at: plan.start_at,
        columns: columns(&plan.input_columns),
        progress: is_planning.then_some(PlanProgress { rows_read: plan.progress.0, rows_judged: plan.progress.1 }),
        poll_after_ms: is_planning.then_some(500),
        request: plan.request.clone(),
        reference: plan.reference.clone(),
        retry_of: plan.retry_of.map(|id| id.0),
        undo_of: plan.undo_of.map(|id| id.0),
        input_name: plan.input_name.clone(),
        counts: PlanCounts {
            rows: plan.rows,
            change: if planned { plan.counts.planned } else { 0 },
            no_change: plan.no_change,
            refused: plan.refused,
            by_reason: serde_json::from_value(plan.by_reason.clone()).unwrap_or_default(),
        },
        eta: outside::eta(plan, budgets),
        side_effects: outside::side_effects(plan),
        at_carrier: outside::at_carrier(plan),
        warnings: outside::warnings(plan, budgets),
    }
}
