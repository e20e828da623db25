//! `POST /webhooks`

use super::{Shown, address, events, show};
use crate::App;
use crate::auth::Caller;
use crate::edits::{body, created, optional_name};
use crate::problem::Problem;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use database::webhook::{NewWebhook, WebhookRefusal};
use domain::ids::WebhookId;
use domain::webhook::new_secret;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A webhook that is to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewWebhook)]
pub(crate) struct New {
    /// `https://` and a public name, or a host and port that the installation names.
    #[schema(min_length = 1, max_length = 1024)]
    url: String,
    /// What it is to be told of: `plan.ready`, `plan.failed`, `bulk_change.started`, `bulk_change.completed`,
    /// `bulk_change.completed_with_failures`, `bulk_change.failed`, `bulk_change.cancelled`, `bulk_change.paused`,
    /// `bulk_change.resumed`, `integration.degraded`, `integration.recovered`.
    #[schema(min_items = 1, max_items = 9)]
    events: Vec<String>,
    /// What it is for.
    #[schema(min_length = 1, max_length = 256)]
    description: Option<String>,
}

/// A webhook that was made, with its secret, which is told this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewWebhookShown {
    #[serde(flatten)]
    about: Shown,
    /// What signs (Standard Webhooks): `whsec_` and base64. Keep it: nobody can tell it again.
    secret: String,
}

/// Make a webhook; its signing secret is in the answer, once
#[utoipa::path(post, path = "/webhooks", tag = "Webhooks", operation_id = "create_webhook", request_body = New,
    responses((status = CREATED, body = NewWebhookShown, headers(("ETag" = String), ("Location" = String)))))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let asked: New = body(bytes)?;
    let Some(ring) = &app.keys else { return Err(Problem::no_secret_key()) };
    let secret = SecretString::from(new_secret(&app.ids));
    let id = WebhookId(app.ids.next());
    let (url, events) = (address(&app, &asked.url)?, events(asked.events)?);
    let description = optional_name("description", asked.description.as_deref())?;
    let new = NewWebhook { id, url: &url, description: description.as_deref(), events: &events, secret: &secret };
    match database::webhook::create(&app.ledger, &caller, (ring, &app.ids), &new).await {
        Ok(()) => {}
        Err(WebhookRefusal::Database(error)) => return Err(error.into()),
        Err(WebhookRefusal::Secret(_)) => return Err(Problem::internal()),
        Err(why @ WebhookRefusal::TooMany) => {
            return Err(Problem::new(StatusCode::CONFLICT, "TOO_MANY_WEBHOOKS", format!("{why}; archive one.")));
        }
    }
    let found = super::get::one(&app, &caller, &id.to_string()).await?;
    let etag = found.etag.clone();
    let shown = NewWebhookShown { about: show(found), secret: secret.expose_secret().to_owned() };
    let mut response = created(&format!("/api/v1/webhooks/{id}"), &etag, shown);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
