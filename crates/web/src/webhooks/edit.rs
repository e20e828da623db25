//! `PATCH /webhooks/{id}`

use super::{Shown, address, events, show};
use crate::App;
use crate::auth::Caller;
use crate::edits::{body, edited, if_match, optional_name, shown};
use crate::paging::path_id;
use crate::problem::Problem;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use database::webhook::WebhookEdit;
use serde::Deserialize;
use utoipa::ToSchema;

/// What to change of a webhook; what is not named stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EditWebhook)]
pub(crate) struct Edit {
    #[schema(min_length = 1, max_length = 1024)]
    url: Option<String>,
    /// What it is to be told of from now on.
    #[schema(min_items = 1, max_items = 9)]
    events: Option<Vec<String>>,
    #[schema(min_length = 1, max_length = 256)]
    description: Option<String>,
    /// Send nothing to it; or go on, also after it answered 410. What happens while it is paused it is not told later.
    paused: Option<bool>,
}

/// Move a webhook, choose its events, pause it; an archived one is not found
#[utoipa::path(patch, path = "/webhooks/{id}", tag = "Webhooks", operation_id = "edit_webhook",
    params(("id" = String, Path), ("If-Match" = String, Header)), request_body = Edit,
    responses((status = OK, body = Shown, headers(("ETag" = String)))))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let (id, etag) = (path_id(&id)?, if_match(&headers)?);
    let asked: Edit = body(bytes)?;
    let edit = WebhookEdit {
        url: asked.url.map(|url| address(&app, &url)).transpose()?,
        events: asked.events.map(events).transpose()?,
        description: optional_name("description", asked.description.as_deref())?,
        paused: asked.paused,
    };
    edited(database::webhook::edit(&app.ledger, &caller, id, etag.as_deref(), &edit).await?)?;
    let found = super::get::one(&app, &caller, &id.to_string()).await?;
    Ok(shown(&HeaderMap::new(), &found.etag.clone(), show(found)))
}
