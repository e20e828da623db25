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

/// The rows that failed, were skipped or cancelled, once more, from fresh verdicts.
pub(crate) async fn retry(
    Caller(caller): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let key = idempotency::key(&headers)?;
    let (id, worker) = (super::visible(&app, &caller, &id).await?, app.clone());
    let work = async move {
        let planning = worker.planner.begin_retry(caller, id).await?;
        make(&worker, &caller, planning).await
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

/// The rows that were done, backwards, each saying whether and why it can or cannot.
pub(crate) async fn undo(
    Caller(caller): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let key = idempotency::key(&headers)?;
    let (id, worker) = (super::visible(&app, &caller, &id).await?, app.clone());
    let work = async move {
        let planning = worker.planner.begin_undo(caller, id).await?;
        make(&worker, &caller, planning).await
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
