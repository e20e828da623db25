//! `POST /webhooks/{id}/test`

use crate::App;
use crate::auth::Caller;
use crate::paging::path_id;
use crate::problem::Problem;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use database::webhook::Tested;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A test that will be sent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookTest {
    /// The delivery's id: its `webhook-id`, and in the list of deliveries.
    id: Uuid,
    /// `webhook.test`
    event: &'static str,
}

/// Send a test event; what came of it is among the deliveries
#[utoipa::path(post, path = "/webhooks/{id}/test", tag = "Webhooks", operation_id = "test_webhook",
    params(("id" = String, Path)), responses((status = ACCEPTED, body = WebhookTest)))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<WebhookTest>), Problem> {
    match database::webhook::test(&app.ledger, &caller, path_id(&id)?, app.ids.next()).await? {
        Tested::Queued(id) => Ok((StatusCode::ACCEPTED, Json(WebhookTest { id, event: domain::webhook::TEST_EVENT }))),
        Tested::NotActive => Err(Problem::new(
            StatusCode::CONFLICT,
            "WEBHOOK_NOT_ACTIVE",
            "The webhook is paused or archived: nothing is sent to it.",
        )),
        Tested::NotFound => Err(Problem::not_found()),
    }
}
