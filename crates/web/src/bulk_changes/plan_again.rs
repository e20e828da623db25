//! `POST /bulk-changes/{id}/retry` and `…/undo`: a new plan made from a finished change. Nothing is changed before it is
//! applied, like any plan.

use crate::App;
use crate::auth::Caller;
use crate::idempotency;
use crate::plans::make;
use crate::problem::Problem;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use sha2::{Digest, Sha256};

/// Plan once more what failed, was skipped or cancelled, from fresh verdicts
#[utoipa::path(post, path = "/bulk-changes/{id}/retry", tag = "Bulk changes", operation_id = "retry_bulk_change",
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255), ("Prefer" = Option<String>, Header)),
    responses((status = CREATED, body = crate::plans::Plan, headers(("Location" = String))),
        (status = ACCEPTED, body = crate::plans::Plan, headers(("Location" = String), ("Retry-After" = String)))))]
pub(crate) async fn retry(
    Caller(caller): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (key, wait) = (idempotency::key(&headers)?, idempotency::wait(&headers));
    let (id, worker) = (super::visible(&app, &caller, &id).await?, app.clone());
    let work = async move {
        let planning = worker.planner.begin_retry(caller, id).await?;
        make(&worker, &caller, planning, wait).await
    };
    idempotency::once(
        &app,
        caller,
        "POST /bulk-changes/retry",
        key,
        Sha256::digest(id.as_bytes()).into(),
        work,
        crate::plans::tell_again(&app, caller),
    )
    .await
}

/// Plan a finished change backwards, each row saying whether and why it can or cannot
#[utoipa::path(post, path = "/bulk-changes/{id}/undo", tag = "Bulk changes", operation_id = "undo_bulk_change",
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255), ("Prefer" = Option<String>, Header)),
    responses((status = CREATED, body = crate::plans::Plan, headers(("Location" = String))),
        (status = ACCEPTED, body = crate::plans::Plan, headers(("Location" = String), ("Retry-After" = String)))))]
pub(crate) async fn undo(
    Caller(caller): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (key, wait) = (idempotency::key(&headers)?, idempotency::wait(&headers));
    let (id, worker) = (super::visible(&app, &caller, &id).await?, app.clone());
    let work = async move {
        let planning = worker.planner.begin_undo(caller, id).await?;
        make(&worker, &caller, planning, wait).await
    };
    idempotency::once(
        &app,
        caller,
        "POST /bulk-changes/undo",
        key,
        Sha256::digest(id.as_bytes()).into(),
        work,
        crate::plans::tell_again(&app, caller),
    )
    .await
}
