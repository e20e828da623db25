//! `POST /bulk-changes/{id}/resolve`: a person closes rows that need attention, as processed or failed, and says why.

use crate::App;
use crate::auth::{Allowed, Caller};
use crate::problem::Problem;
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use database::control::{Resolution, resolve_rows};
use serde::Deserialize;
use utoipa::ToSchema;

/// Which rows to close, and as what.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Resolution)]
pub(crate) struct Body {
    /// By their numbers.
    #[schema(min_items = 1, max_items = 1000)]
    rows: Vec<i32>,
    outcome: Outcome,
    reason: String,
    #[serde(default)]
    comment: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Processed,
    Failed,
}

/// The most rows of one request.
const MOST_ROWS: usize = 1_000;

/// Close rows that need attention, as processed or failed, with a reason
#[utoipa::path(post, path = "/bulk-changes/{id}/resolve", tag = "Bulk changes", operation_id = "resolve_rows",
    params(("id" = String, Path)), request_body = Body, responses((status = OK, body = super::Shown)))]
pub(crate) async fn handle(
    caller: Caller,
    allowed: Allowed,
    State(app): State<App>,
    Path(id): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<super::Shown>, Problem> {
    let body: Body = crate::edits::body(body)?;
    if body.rows.is_empty() || body.rows.len() > MOST_ROWS {
        return Err(Problem::field("rows", "FIELD_INVALID", "Name from 1 to 1000 rows by their numbers."));
    }
    for (field, text, least) in [("reason", &body.reason, 1), ("comment", &body.comment, 0)] {
        if text.trim().len() < least || text.len() > 1_000 || text.contains('\0') {
            return Err(Problem::field(field, "FIELD_INVALID", "Say why, in at most 1000 bytes."));
        }
    }
    let resolution = Resolution {
        processed: matches!(body.outcome, Outcome::Processed),
        reason: body.reason.trim().to_owned(),
        comment: body.comment.trim().to_owned(),
    };
    let change = super::touched(&app, &caller.0, &allowed, &id, super::Touch::Control).await?;
    let closed = resolve_rows(&app.ledger, &caller.0, change, &body.rows, &resolution).await?;
    if closed == 0 {
        return Err(Problem::new(StatusCode::CONFLICT, "NOTHING_TO_RESOLVE", "None of these rows needs attention."));
    }
    super::get::handle(caller, State(app), Path(id)).await
}
