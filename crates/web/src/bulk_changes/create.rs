//! `POST /bulk-changes`: applies a plan. Takes the plan's id and nothing else of what is to be done.

use crate::App;
use crate::auth::{Allowed, Caller};
use crate::idempotency::{self, Made};
use crate::problem::Problem;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::time::Duration;
use utoipa::ToSchema;
use uuid::Uuid;

/// Which plan to apply.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewBulkChange)]
pub(crate) struct Body {
    /// The plan's id, which is the bulk change's, too.
    plan_id: String,
}

/// Apply a plan. Takes its id and nothing else of what is to be done
#[utoipa::path(post, path = "/bulk-changes", tag = "Bulk changes", operation_id = "create_bulk_change",
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255), ("Prefer" = Option<String>, Header)), request_body = Body,
    responses((status = ACCEPTED, body = super::Shown, headers(("Location" = String), ("Retry-After" = String)))))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    allowed: Allowed,
    State(app): State<App>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let key = idempotency::key(&headers)?;
    let wait = idempotency::wait(&headers);
    let body: Body = crate::edits::body(body)?;
    let id = super::touched(&app, &caller, &allowed, &body.plan_id, super::Touch::Apply).await?;
    let fingerprint = Sha256::digest(id.as_bytes()).into();
    let (worker, teller, marked) = (app.clone(), app.clone(), key.clone());
    let work = async move {
        let marked = marked.as_deref().map(|key| (ROUTE, key));
        database::plan::apply(&worker.ledger, &caller, id, marked).await?;
        wait_for(&worker, &caller, id, wait).await;
        tell(&worker, &caller, id).await
    };
    let made = move |id| async move { tell(&teller, &caller, id).await };
    idempotency::once(&app, caller, ROUTE, key, fingerprint, work, made).await
}

const ROUTE: &str = "POST /bulk-changes";

/// The answer about a change that was made.
async fn tell(app: &App, caller: &database::api_key::Caller, id: Uuid) -> Result<Made, Problem> {
    let change = database::bulk_change::get(&app.ledger, caller, id).await?.ok_or_else(Problem::internal)?;
    let shown = super::show_whole(app, caller, &change).await?;
    Made::new(StatusCode::ACCEPTED, &shown, format!("/api/v1/bulk-changes/{id}"))
}

/// Waits until nothing is left to do, for as long as the caller prefers to. It was applied before that: whatever goes wrong
/// here, the answer only tells how far it is.
async fn wait_for(app: &App, caller: &database::api_key::Caller, id: Uuid, wait: Option<Duration>) {
    let Some(wait) = wait else { return };
    let finished = async {
        while !matches!(database::bulk_change::get(&app.ledger, caller, id).await, Ok(Some(c)) if c.status.is_finished())
        {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    drop(tokio::time::timeout(wait, finished).await);
}
