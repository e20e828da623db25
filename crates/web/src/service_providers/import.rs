//! `POST /service-providers/import`

use crate::App;
use crate::auth::Caller;
use crate::imports::{ImportResult, run};
use crate::problem::Problem;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use intake::import::ServiceProviders;

/// Import service providers from a CSV or XLSX file: `name`, `integration`, `write_enabled`
#[utoipa::path(post, path = "/service-providers/import", tag = "Service providers", operation_id = "import_service_providers",
    request_body(content = String, content_type = "text/csv"), responses((status = OK, body = ImportResult)))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    body: Body,
) -> Result<Json<ImportResult>, Problem> {
    let integrations = database::service_provider::integrations(&app.ledger, caller.tenant).await?;
    run(&app, &caller, body, &ServiceProviders { ids: app.ids.clone(), integrations }).await
}
