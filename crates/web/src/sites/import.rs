//! `POST /sites/import`

use crate::App;
use crate::auth::Caller;
use crate::imports::{ImportResult, run};
use crate::problem::Problem;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use intake::import::Sites;

/// Import sites from a CSV or XLSX file: `name`, `customer` (a rev customer, by its id here or at Rev.io), `active`
#[utoipa::path(post, path = "/sites/import", tag = "Sites", operation_id = "import_sites",
    request_body(content = String, content_type = "text/csv"), responses((status = OK, body = ImportResult)))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    body: Body,
) -> Result<Json<ImportResult>, Problem> {
    let rev_customers = database::customer::rev_by_name(&app.ledger, caller.tenant).await?;
    run(&app, &caller, body, &Sites { ids: app.ids.clone(), rev_customers }).await
}
