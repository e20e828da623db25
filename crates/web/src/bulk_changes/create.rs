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
use uuid::Uuid;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    plan_id: String,
}

pub(crate) async fn handle(
    Caller(caller): Caller,
    allowed: Allowed,
    State(app): State<App>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let key = idempotency::key(&headers)?;
    let body = body.map_err(|_| Problem::too_large("The body is larger than 1 MiB, or broke off."))?;
    let body: Body = serde_json::from_slice(&body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => Problem::field("plan_id", "REQUEST_INVALID", error.to_string()),
        _ => Problem::bad_request("JSON_INVALID", error.to_string()),
    })?;
    let id = super::touched(&app, &caller, &allowed, &body.plan_id, super::Touch::Apply).await?;
    let fingerprint = Sha256::digest(id.as_bytes()).into();
    let (worker, teller, marked) = (app.clone(), app.clone(), key.clone());
    let work = async move {
        let marked = marked.as_deref().map(|key| (ROUTE, key));
        database::plan::apply(&worker.ledger, &caller, id, marked).await?;
        tell(&worker, &caller, id).await
    };
    let made = move |id| async move { tell(&teller, &caller, id).await };
    idempotency::once(&app, caller, ROUTE, key, fingerprint, work, made).await
}

const ROUTE: &str = "POST /bulk-changes";

/// The answer about a change that was made.
async fn tell(app: &App, caller: &database::api_key::Caller, id: Uuid) -> Result<Made, Problem> {
    let change = database::bulk_change::get(&app.ledger, caller, id).await?.ok_or_else(Problem::internal)?;
    Ok(Made {
        status: StatusCode::ACCEPTED,
        body: super::show_whole(app, caller, &change).await?,
        location: format!("/api/v1/bulk-changes/{id}"),
    })
}
