//! `POST /customer-rate-pools/import`

use crate::App;
use crate::auth::Caller;
use crate::imports::{ImportResult, run};
use crate::problem::Problem;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use intake::import::CustomerRatePools;

/// Import customer rate pools from a CSV or XLSX file: `name`, `service_provider`, `active`
#[utoipa::path(post, path = "/customer-rate-pools/import", tag = "Customer rate pools",
    operation_id = "import_customer_rate_pools", request_body(content = String, content_type = "text/csv"),
    responses((status = OK, body = ImportResult)))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    body: Body,
) -> Result<Json<ImportResult>, Problem> {
    let providers = database::service_provider::all(&app.ledger, caller.tenant).await?;
    run(&app, &caller, body, &CustomerRatePools { ids: app.ids.clone(), providers }).await
}
