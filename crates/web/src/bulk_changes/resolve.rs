//! `POST /bulk-changes/{id}/resolve`: a person decides on rows that need attention, and says why. Nothing is sent without a fresh look.

use crate::App;
use crate::auth::{Allowed, Caller};
use crate::problem::Problem;
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use database::control::{self, Resolution, resolve_rows};
use serde::Deserialize;
use utoipa::ToSchema;

/// Which rows, and what was decided.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Resolution)]
pub(crate) struct Body {
    /// By their numbers.
    #[schema(min_items = 1, max_items = 1000)]
    rows: Vec<i32>,
    outcome: Outcome,
    /// With `adopt`: the provider's id of what was made. One row at a time.
    adopt: Option<i64>,
    reason: String,
    #[serde(default)]
    comment: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// Everything asked for has happened outside; the assignment is recorded.
    Processed,
    /// Nothing of it has, or it was put right.
    Failed,
    /// Look at the provider, and go on from what is found.
    LookAgain,
    /// This is what was made, if a look agrees.
    Adopt,
    /// Look, and only if nothing is there send once more.
    SendAgain,
    /// Take back what was done.
    TakeBack,
}

/// The most rows of one request.
const MOST_ROWS: usize = 1_000;

/// Decide on rows that need attention, with a reason
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
    let outcome = match (&body.outcome, body.adopt, body.rows.as_slice()) {
        (Outcome::Adopt, Some(made), [_]) if made > 0 => control::Outcome::Adopt(made),
        (Outcome::Adopt, ..) => {
            return Err(Problem::field(
                "adopt",
                "FIELD_INVALID",
                "Name one row, and the provider's id of what was made for it.",
            ));
        }
        (_, Some(_), _) => return Err(Problem::field("adopt", "FIELD_INVALID", "Only with the outcome adopt.")),
        (Outcome::Processed, ..) => control::Outcome::Processed,
        (Outcome::Failed, ..) => control::Outcome::Failed,
        (Outcome::LookAgain, ..) => control::Outcome::LookAgain,
        (Outcome::SendAgain, ..) => control::Outcome::SendAgain,
        (Outcome::TakeBack, ..) => control::Outcome::TakeBack,
    };
    let resolution =
        Resolution { outcome, reason: body.reason.trim().to_owned(), comment: body.comment.trim().to_owned() };
    let change = super::touched(&app, &caller.0, &allowed, &id, super::Touch::Control).await?;
    let closed = resolve_rows(&app.ledger, &caller.0, change, &body.rows, &resolution).await?;
    if closed == 0 {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "NOTHING_TO_RESOLVE",
            "None of these rows needs attention, or takes this decision.",
        ));
    }
    super::get::handle(caller, State(app), Path(id)).await
}
